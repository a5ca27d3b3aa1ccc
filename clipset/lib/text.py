"""Cleaning of texts and names, so that they are safe to store and to show."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

MAX_TITLE_LENGTH: Final = 200

# The most combining marks on one character. No script needs more, and hundreds cover half a page.
MAX_MARKS: Final = 8

# Bytes of UTF-8 before the extension: file systems take 255 for the whole name.
_MAX_STEM_BYTES: Final = 200

_NEWLINE: Final = re.compile("\r\n|[\n\r\v\f\x85\u2028\u2029]")

# Whitespace, and the braille blank, which looks the same.
_SPACES: Final = re.compile("[\\s\u2800]+")

# Characters that are invisible and may reorder or hide the text around them: control characters,
# direction marks, embeddings, overrides and isolates, zero-width characters, fillers, tags, and
# lone surrogates, which UTF-8 cannot encode. Not joiners: Persian and emoji need them.
_INVISIBLE: Final = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u061c\u115f\u1160\u17b4\u17b5\u180e"
    "\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb"
    "\ufffe\uffff\ud800-\udfff\U000e0000-\U000e00ff]+"
)

# Several joiners in a row have the same effect as one.
_JOINERS: Final = re.compile("([\u200c\u200d])[\u200c\u200d]+")

# Joiners and variation selectors without a character to apply to.
_ORPHANS: Final = re.compile(
    "(?<!\\S)[\u034f\u200c\u200d\ufe00-\ufe0f\U000e0100-\U000e01ef]+|[\u200c\u200d]+(?!\\S)"
)

# ".mp4", ".3gp" and ".m2ts", but not the ".2" of "Version 1.2".
_EXTENSION: Final = re.compile(r"\.(?=[0-9]*[A-Za-z])[A-Za-z0-9]{1,5}")

# Between two digits a dot or dash belongs to a date, a time or a version.
_DOTS: Final = re.compile(r"(?<![0-9])\.+|\.+(?![0-9])|\.{2,}")
_DASHES: Final = re.compile(r"(?<![0-9])-+|-+(?![0-9])|-{2,}")

# A dash at the start or the end of the text.
_EDGE_DASHES: Final = re.compile(r"^-+(?: |$)|(?: |^)-+$")

# Path separators and characters that Windows refuses in file names.
_FORBIDDEN_IN_FILENAME: Final = re.compile(r'[<>:"/\\|?*]+')
# Characters that hide a file or make it look like an option, and joiners left at the start.
_HIDING: Final = re.compile("^[ .\\-\u034f\u200c\u200d\ufe00-\ufe0f\U000e0100-\U000e01ef]+")
_WINDOWS_DEVICE: Final = re.compile(
    r"(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³])[ ]*(?:\..*)?", re.IGNORECASE
)


def clean_line(text: str) -> str:
    """Cleans one line: NFC, without invisible characters, with whitespace collapsed.

    Removes control characters, direction overrides and zero-width characters; joiners stay where
    they join something. Returns "" if nothing is visible. Cleaning twice changes nothing more.
    """
    visible = _SPACES.sub(" ", _INVISIBLE.sub("", text))
    joined = _ORPHANS.sub("", _JOINERS.sub(r"\1", visible))
    # Marks are limited before normalizing, whose time grows with the square of a run of marks
    # (200 kB: 30 s), and after it, since some characters decompose into several marks.
    composed = unicodedata.normalize("NFC", _limit_marks(joined))
    return " ".join(_limit_marks(composed).split())


def _limit_marks(text: str) -> str:
    """Removes combining marks beyond MAX_MARKS in a row."""
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
    """Cleans several lines with `clean_line`.

    Every kind of line break becomes "\\n". At most two blank lines remain in a row, and none at the
    beginning or the end.
    """
    lines = "\n".join(clean_line(line) for line in _NEWLINE.split(text))
    return re.sub(r"\n{4,}", "\n\n\n", lines).strip("\n")


def printable(text: str) -> str:
    """Escapes characters that a terminal or a browser would not show, for example as `\\x1b`.

    Also escapes bytes of a file's name that are not valid text.
    """
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def title_from_filename(name: str) -> str:
    """A title of 1 to 200 characters from the name of a file, with or without a path.

    Removes the extension. Underscores become spaces. If the name has no spaces, dots become spaces
    too, and so do dashes if it has no underscores either; but not between two digits (2024-05-01).
    Returns "Untitled" if nothing is left.
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
    """Whether the text has a symbol: an emoji is a title, "--" is not."""
    return any(unicodedata.category(char).startswith("S") for char in text)


def safe_filename(title: str, extension: str) -> str:
    """A file name that every system accepts, for Content-Disposition: "My holiday.mp4".

    Separators and characters that Windows forbids become spaces. Dots and dashes at the start
    (hidden files, options) are removed. The name of a Windows device gets an underscore in front.
    Without other characters the name is "video". The stem has at most 200 bytes of UTF-8. The
    caller must quote the name for the header (RFC 6266).

    Args:
        extension: with or without its dot, or empty.
    """
    suffix = re.sub(r"[^A-Za-z0-9]", "", extension)[:10]
    stem = clean_line(_FORBIDDEN_IN_FILENAME.sub(" ", clean_line(title)))
    stem = stem.encode()[:_MAX_STEM_BYTES].decode(errors="ignore")
    stem = _HIDING.sub("", clean_line(stem)).rstrip(" .\u200c\u200d") or "video"
    if _WINDOWS_DEVICE.fullmatch(stem):
        stem = f"_{stem}"
    return f"{stem}.{suffix}" if suffix else stem
