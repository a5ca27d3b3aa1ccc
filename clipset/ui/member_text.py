"""Members' text as HTML, with links to web addresses and to times in the video.

Django's urlizer finds and escapes web addresses; times are searched in all other words.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from django.utils.html import Urlizer, escape, linebreaks, urlizer
from django.utils.safestring import SafeString, mark_safe

from clipset.lib.timestamps import MAX_SECONDS, parse_timestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# 1:23 and 1:02:03, but not as part of a date, a version, an address or a fraction. For the form
# 2m30s at least two parts are needed, since "the 80s" and "5m" mean something else.
_MOMENT: Final = re.compile(
    r"(?<![\w:.,/])(?:(?:[0-9]{1,2}:)?[0-9]{1,4}:[0-9]{2}"
    r"|[0-9]{1,2}h[0-9]{1,2}m(?:[0-9]{1,2}s)?|[0-9]{1,4}m[0-9]{1,2}s)(?![\w:/]|[.,][0-9])",
    re.ASCII | re.IGNORECASE,
)
# Longer words are not given to Django's urlizer: it makes no link of them, and it fails on a
# character reference ("&#9…;") with more digits than int() accepts.
_TOO_LONG_FOR_A_LINK: Final = 4000  # characters
_SPACES: Final = re.compile(r"""[\s<>"']+""")


def first_moment(text: str) -> int | None:
    """Seconds of the first time that a text names; None if it names none."""
    for word in _SPACES.split(text):
        found = next(_moments(word), None)
        if found and "<a " not in urlizer.handle_word(word, safe_input=False, autoescape=True):
            return found[1]
    return None


def prose(text: str, *, link: Callable[[int], str], end: float | None = None) -> SafeString:
    """Escapes a text and adds paragraphs, links to web addresses, and links to times.

    Args:
        link: returns the address for a time in seconds.
        end: times beyond these seconds are not linked.
    """
    html = _MemberTextUrlizer(link, MAX_SECONDS if end is None else end)(text, autoescape=True)
    return mark_safe(linebreaks(mark_safe(html)))  # noqa: S308 each word is escaped


def _moments(word: str) -> Iterator[tuple[re.Match[str], int]]:
    for match in _MOMENT.finditer(word):
        seconds = parse_timestamp(match[0])
        if seconds is not None:
            yield match, seconds


class _MemberTextUrlizer(Urlizer):
    """Django's urlizer, which also links times."""

    url_template = '<a href="{href}" rel="nofollow ugc noopener"{attrs}>{url}</a>'

    def __init__(self, link: Callable[[int], str], end: float) -> None:
        self.link = link
        self.end = end

    def handle_word(self, word: str, **options: Any) -> str:
        is_short = len(word) < _TOO_LONG_FOR_A_LINK
        html = super().handle_word(word, **options) if is_short else ""
        return html if "<a " in html else self.with_moments(word)

    def with_moments(self, word: str) -> str:
        parts, position = list[str](), 0
        for match, seconds in _moments(word):
            if seconds > self.end:
                continue
            parts.append(escape(word[position : match.start()]))
            address = escape(self.link(seconds))
            parts.append(f'<a class="moment" href="{address}" data-seconds="{seconds}">')
            parts.append(f"{match[0]}</a>")
            position = match.end()
        return "".join(parts) + escape(word[position:])
