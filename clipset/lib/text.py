"""What people and file systems call things, made fit to store and to show."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

MAX_TITLE_LENGTH: Final = 200

# Combining marks on one character. No script needs more; hundreds of them cover half a page.
MAX_MARKS: Final = 8

# Bytes of UTF-8 before the extension: file systems take 255 for the whole name.
_MAX_STEM_BYTES: Final = 200

_NEWLINE: Final = re.compile("\r\n|[\n\r\v\f\x85\u2028\u2029]")

# Whitespace, and the braille blank, which looks like it.
_SPACES: Final = re.compile("[\\s\u2800]+")

# What shows nothing and may reorder or hide what stands around it: control characters, direction
# marks, embeddings, overrides and isolates, zero-width characters, fillers, tags, and lone
# surrogates, which UTF-8 cannot hold. Joiners are not in it: Persian and emoji need them.
_INVISIBLE: Final = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u061c\u115f\u1160\u17b4\u17b5\u180e"
    "\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb"
    "\ufffe\uffff\ud800-\udfff\U000e0000-\U000e00ff]+"
)

# Joiners in a row join no better than one.
_JOINERS: Final = re.compile("([\u200c\u200d])[\u200c\u200d]+")

# Joiners and variation selectors without a character that they could join or vary.
_ORPHANS: Final = re.compile(
    "(?<!\\S)[\u034f\u200c\u200d\ufe00-\ufe0f\U000e0100-\U000e01ef]+|[\u200c\u200d]+(?!\\S)"
)

# ".mp4", ".3gp" and ".m2ts", but not the ".2" of "Version 1.2".
_EXTENSION: Final = re.compile(r"\.(?=[0-9]*[A-Za-z])[A-Za-z0-9]{1,5}")

# Between two digits a dot or dash belongs to a date, a time or a version.
_DOTS: Final = re.compile(r"(?<![0-9])\.+|\.+(?![0-9])|\.{2,}")
_DASHES: Final = re.compile(r"(?<![0-9])-+|-+(?![0-9])|-{2,}")

# A dash at either end with nothing on its one side.
_EDGE_DASHES: Final = re.compile(r"^-+(?: |$)|(?: |^)-+$")

# Path separators and what Windows refuses in a file name.
_FORBIDDEN_IN_FILENAME: Final = re.compile(r'[<>:"/\\|?*]+')
# What makes a file hidden or look like an option, and what has nothing to join then.
_HIDING: Final = re.compile("^[ .\\-\u034f\u200c\u200d\ufe00-\ufe0f\U000e0100-\U000e01ef]+")
_WINDOWS_DEVICE: Final = re.compile(
    r"(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³])[ ]*(?:\..*)?", re.IGNORECASE
)


def clean_line(text: str) -> str:
    """One line as it may be stored: NFC, without what is invisible, whitespace collapsed.

    Control characters, bidi overrides and zero-width characters go; joiners stay where they join.
    Empty when nothing can be seen. Cleaning twice changes nothing.
    """
    visible = _SPACES.sub(" ", _INVISIBLE.sub("", text))
    joined = _ORPHANS.sub("", _JOINERS.sub(r"\1", visible))
    # Limited before, since normalising takes the square of a run of marks (200 kB: 30 s), and
    # after, since some characters decompose into more of them.
    composed = unicodedata.normalize("NFC", _limit_marks(joined))
    return " ".join(_limit_marks(composed).split())


def _limit_marks(text: str) -> str:
    """The text without what goes beyond MAX_MARKS combining marks in a row."""
    if text.isascii():
        return text
    kept: list[str] = []
    run = 0
    for char in text:
        run = run + 1 if unicodedata.combining(char) else 0
        if run <= MAX_MARKS:
            kept.append(char)
    return "".join(kept)


def clean_text(text: str) -> str:
    """The same for several lines.

    Every kind of line break becomes "\\n"; at most two blank lines stand in a row, none at the
    beginning or the end.
    """
    lines = "\n".join(clean_line(line) for line in _NEWLINE.split(text))
    return re.sub(r"\n{4,}", "\n\n\n", lines).strip("\n")


def printable(text: str) -> str:
    """The text with an escape such as `\\x1b` in the place of what a terminal or a browser would
    act on rather than show, and of bytes of a file's name that are no text."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def title_from_filename(name: str) -> str:
    """A title of 1 to 200 characters from the name of a file, with or without a path.

    The extension goes. Underscores become spaces; so do dots and dashes where they seem to stand
    for spaces: when the name has none, dashes also only when it has no underscores, and never
    between two digits (2024-05-01). "Untitled" when nothing is left.
    """
    base = clean_line(re.split(r"[/\\]", name)[-1])
    dot = base.rfind(".")
    stem = base[:dot] if dot >= 0 and _EXTENSION.fullmatch(base, dot) else base
    if " " not in stem:
        if "_" not in stem:
            stem = _DASHES.sub(" ", stem)
        stem = _DOTS.sub(" ", stem)
    title = clean_line(_EDGE_DASHES.sub("", clean_line(stem.replace("_", " "))))
    if not any(char.isalnum() for char in title) and not _has_symbol(title):
        return "Untitled"
    return clean_line(title[:MAX_TITLE_LENGTH])


def _has_symbol(text: str) -> bool:
    """Whether there is more than punctuation: an emoji is a title, "--" is none."""
    return any(unicodedata.category(char).startswith("S") for char in text)


def safe_filename(title: str, extension: str) -> str:
    """A file name that every system takes, for Content-Disposition: "My holiday.mp4".

    `extension` comes with or without its dot and may be empty. Separators and what Windows
    forbids become spaces, so do dots and dashes at the start (hidden files, options); the name of
    a device gets an underscore in front. "video" when nothing is left. At most 200 bytes of UTF-8
    and the extension. The header's own quoting is the sender's business (RFC 6266).
    """
    suffix = re.sub(r"[^A-Za-z0-9]", "", extension)[:10]
    stem = clean_line(_FORBIDDEN_IN_FILENAME.sub(" ", clean_line(title)))
    stem = stem.encode()[:_MAX_STEM_BYTES].decode(errors="ignore")
    stem = _HIDING.sub("", clean_line(stem)).rstrip(" .\u200c\u200d") or "video"
    if _WINDOWS_DEVICE.fullmatch(stem):
        stem = f"_{stem}"
    return f"{stem}.{suffix}" if suffix else stem
