"""Reads captions (WebVTT or SubRip) and writes them as WebVTT.

All captions that the site stores are written by this module. Input from a video's track or from a
file is parsed into cues and written again, with known times and known tags; everything else is
escaped.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from videos.transcode.errors import (
    SourceError,
)

if TYPE_CHECKING:
    from collections.abc import Iterable


MAX_BYTES = 2_000_000
MAX_CUES = 20_000
# Limit for all tracks of a video together: searching and indexing read all of them.
MAX_BYTES_IN_ALL = 5_000_000
LABEL_CHARACTERS = 80
END_OF_TIME = 10_000 * 3_600_000  # four digits of hours

HEADER = "WEBVTT"
_TIME = r"(?:([0-9]{1,4}):)?([0-9]{1,2}):([0-9]{1,2})(?:[.,]([0-9]{1,3}))?"
TIMING = re.compile(rf"\s*{_TIME}\s*-->\s*{_TIME}(?![0-9])")
COUNTER = re.compile(r"\s*[0-9]+\s*")
TAG = re.compile(r"<(/?)([A-Za-z]++)[^<>]*+>|<[0-9:.]*+>")
KEPT_TAGS = frozenset({"b", "i", "u"})
# A character reference with more digits than any character has: html.unescape calls int(), which
# raises ValueError for thousands of digits.
LONG_REFERENCE = re.compile(r"(&#[0-9]{9})[0-9]++")
SSA_SPACE = "\\h"  # the no-break space of SubStation Alpha
SSA_OVERRIDE = re.compile(r"\{\\[^{}\n]*+\}")  # such as {\an8}, which SubRip players know

# Removes control characters and byte order marks, replaces surrogates, unifies line breaks.
_PLAIN: dict[int, str | None] = {
    **dict.fromkeys((*range(0x20), *range(0x7F, 0xA0), 0xFEFF)),
    **dict.fromkeys(range(0xD800, 0xE000), "\N{REPLACEMENT CHARACTER}"),
    **dict.fromkeys((0x0A, 0x2028, 0x2029), "\n"),
    0x09: " ",
}


class CaptionError(SourceError):
    """The captions cannot be used, because of their contents."""


@dataclass(frozen=True, slots=True)
class Cue:
    """Text that is shown from ``start`` to ``end``, in milliseconds.

    ``text`` is markup. ``parse_captions`` returns it cleaned; ``write_vtt`` accepts any text.
    """

    start: int
    end: int
    text: str


def parse_captions(text: str) -> list[Cue]:
    """Parses WebVTT or SubRip. The contents decide which, since file names are often wrong.

    Returns the cues in the order of their start. Cues without text or length, styles, positions
    and notes are left out.

    Raises:
        CaptionError: the text is too large, or has no captions.
    """
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise _too_large()
    lines = _plain(text).split("\n")
    is_vtt = re.match(rf"{HEADER}(?!\S)", lines[0]) is not None
    cues = _read_vtt(lines) if is_vtt else _read_srt(lines)
    if not cues and not is_vtt:
        raise CaptionError(
            "We couldn't read any captions in this file. Use a UTF-8 .srt or .vtt file."
        )
    return _usable(cues)


def write_vtt(cues: Iterable[Cue]) -> str:
    """Returns the cues as WebVTT, cleaned. ``parse_captions`` reads the same cues from it.

    Raises:
        CaptionError: the result is too large.
    """
    blocks = [
        f"{timestamp(cue.start)} --> {timestamp(cue.end)}\n{cue.text}"
        for cue in _usable(Cue(one.start, one.end, clean(one.text)) for one in cues)
    ]
    body = "\n\n".join((HEADER, *blocks)) + "\n"
    if len(body.encode()) > MAX_BYTES:
        raise _too_large()
    return body


def timestamp(milliseconds: int) -> str:
    """Returns a WebVTT timestamp: ``00:00:01.500``."""
    seconds, rest = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{rest:03}"


def clean(markup: str) -> str:
    """Returns the text with no tags but <b>, <i> and <u>, each closed, and no empty line.

    Cleaning cleaned text changes nothing.
    """
    parts: list[str] = []
    opened: list[str] = []
    at = 0
    markup = _plain(markup)
    for tag in TAG.finditer(markup):
        parts.append(_escaped(markup[at : tag.start()]))
        at = tag.end()
        name = (tag[2] or "").lower()
        if name not in KEPT_TAGS or (name in opened) != bool(tag[1]):
            continue
        if tag[1]:
            closed = opened[opened.index(name) :]
            parts.extend(f"</{one}>" for one in reversed(closed))
            del opened[-len(closed) :]
        else:
            parts.append(f"<{name}>")
            opened.append(name)
    parts.append(_escaped(markup[at:]))
    parts.extend(f"</{one}>" for one in reversed(opened))
    lines = (line.strip() for line in "".join(parts).split("\n"))
    return "\n".join(line for line in lines if line)


def plain_text(markup: str) -> str:
    """Returns the text as shown on the screen, without tags and escapes."""
    return _plain(_unescaped(TAG.sub("", markup)))


def _read_vtt(lines: Iterable[str]) -> list[Cue]:
    """Parses WebVTT: blocks between empty lines. A block without times is a style or a note."""
    cues: list[Cue] = []
    times, words = None, list[str]()
    for line in (*lines, ""):
        found = TIMING.match(line)
        if found or not line.strip():
            if times:
                cues.append(_cue(times, words))
            times, words = found, []
        else:
            words.append(line)
    return cues


def _read_srt(lines: Iterable[str]) -> list[Cue]:
    """Parses SubRip: blocks of a number, times and text.

    Empty lines may be in the text or missing between blocks, so only the next times end a block.
    """
    cues: list[Cue] = []
    times, words = None, list[str]()
    for line in lines:
        found = TIMING.match(line)
        if found:
            if words and COUNTER.fullmatch(words[-1]):
                words.pop()
            if times:
                cues.append(_cue(times, words))
            times, words = found, []
        elif line.strip():
            words.append(SSA_OVERRIDE.sub("", line).replace(SSA_SPACE, "\N{NO-BREAK SPACE}"))
    if times:
        cues.append(_cue(times, words))
    return cues


def _cue(times: re.Match[str], words: list[str]) -> Cue:
    start, end = (
        ((int(hours or 0) * 60 + int(minutes)) * 60 + int(seconds)) * 1000
        + int((rest or "").ljust(3, "0"))
        for hours, minutes, seconds, rest in (times.groups()[:4], times.groups()[4:])
    )
    return Cue(start, end, clean("\n".join(words)))


def _usable(cues: Iterable[Cue]) -> list[Cue]:
    kept = [
        cue
        for cue in cues
        if 0 <= cue.start < cue.end < END_OF_TIME and plain_text(cue.text).strip()
    ]
    if len(kept) > MAX_CUES:
        raise _too_large()
    return sorted(kept, key=lambda cue: cue.start)


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").translate(_PLAIN)


def _escaped(text: str) -> str:
    return html.escape(_plain(_unescaped(text)), quote=False)


def _unescaped(text: str) -> str:
    return html.unescape(LONG_REFERENCE.sub(r"\1", text))


def _too_large() -> CaptionError:
    return CaptionError(
        f"This caption file is too large. The limit is {MAX_BYTES // 1_000_000} MB and"
        f" {MAX_CUES:,} cues."
    )
