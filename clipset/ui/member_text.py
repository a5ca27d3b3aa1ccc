"""Text of members as HTML: what they name of a video, and where they point to.

Django's own urlizer finds and escapes the links; times are looked for in the words that are none.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from django.utils.html import Urlizer, escape, linebreaks, urlizer
from django.utils.safestring import SafeString, mark_safe

from clipset.lib.timestamps import MAX_SECONDS, parse_timestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# 1:23 and 1:02:03, but no part of a date, a version, an address or a fraction. Of 2m30s at least
# two parts, since "the 80s" and "5m" are something else.
_MOMENT: Final = re.compile(
    r"(?<![\w:.,/])(?:(?:[0-9]{1,2}:)?[0-9]{1,4}:[0-9]{2}"
    r"|[0-9]{1,2}h[0-9]{1,2}m(?:[0-9]{1,2}s)?|[0-9]{1,4}m[0-9]{1,2}s)(?![\w:/]|[.,][0-9])",
    re.ASCII | re.IGNORECASE,
)
# Django's urlizer takes no link as long as this, and breaks at a reference to a character
# ("&#9…;") of more digits than int() takes.
_TOO_LONG_FOR_A_LINK: Final = 4000  # characters
_SPACES: Final = re.compile(r"""[\s<>"']+""")


def first_moment(text: str) -> int | None:
    """Seconds of the first time that stands in a text; None without one."""
    for word in _SPACES.split(text):
        found = next(_moments(word), None)
        if found and "<a " not in urlizer.handle_word(word, safe_input=False, autoescape=True):
            return found[1]
    return None


def prose(text: str, *, link: Callable[[int], str], end: float | None = None) -> SafeString:
    """The text in paragraphs, with links to pages and to moments (`link` gives their address).

    All else is escaped. Times beyond `end` seconds stay text.
    """
    words = _Talk(link, MAX_SECONDS if end is None else end)(text, autoescape=True)
    return mark_safe(linebreaks(mark_safe(words)))  # noqa: S308 each word is escaped


def _moments(word: str) -> Iterator[tuple[re.Match[str], int]]:
    for match in _MOMENT.finditer(word):
        seconds = parse_timestamp(match[0])
        if seconds is not None:
            yield match, seconds


class _Talk(Urlizer):
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
