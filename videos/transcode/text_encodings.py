"""Decodes the text of subtitles, whose encoding files rarely tell."""

from __future__ import annotations

import codecs
import re
from typing import Final

from videos.transcode.languages import language_code

BYTE_ORDER_MARKS: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
WESTERN: Final = "cp1252"
# What programs wrote before UTF-8, by language. All others used Windows-1252.
LEGACY: Final = {
    **dict.fromkeys(("cs", "hr", "hu", "pl", "ro", "sk", "sl", "sq"), "cp1250"),
    **dict.fromkeys(("be", "bg", "mk", "ru", "sr", "uk"), "cp1251"),
    **dict.fromkeys(("et", "lt", "lv"), "cp1257"),
    "ar": "cp1256",
    "el": "cp1253",
    "fa": "cp1256",
    "he": "cp1255",
    "ja": "cp932",
    "ko": "cp949",
    "th": "cp874",
    "tr": "cp1254",
    "vi": "cp1258",
    "zh": "gb18030",
}
# The least share of zeros in a text in UTF-16 without a byte order mark.
ZEROS: Final = 0.05
# The number and times in front of the text of a cue, as FFmpeg writes SubRip. All of it is ASCII,
# unlike what a text may have that looks the same.
CUE_START: Final = re.compile(rb"(?m)(^[0-9]+\r?\n[0-9:,]+ --> [0-9:,]+[\0-\x09\x0b-\x7f]*\n)")


def decode_text(raw: bytes, language: str = "") -> str:
    """Returns the text: UTF-8 or UTF-16, else what was usual for the language.

    Args:
        language: two or three letters; "" or "und" if unknown.
    """
    if wide := _utf_16(raw):
        return raw.decode(wide, "replace").removeprefix("\ufeff")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    try:
        return raw.decode(LEGACY.get(language_code(language), WESTERN))
    except UnicodeDecodeError:
        return raw.decode(WESTERN, "replace")


def decode_cues(raw: bytes, language: str) -> str:
    """Returns SubRip of FFmpeg, with numbers and times in ASCII, and texts in any encoding."""
    parts = CUE_START.split(raw)
    return "".join(
        part.decode("ascii") if CUE_START.fullmatch(part) else _text(part, language)
        for part in parts
    )


def _text(part: bytes, language: str) -> str:
    """Decodes the text of one cue, to which FFmpeg has added an empty line."""
    return decode_text(part.removesuffix(b"\n\n"), language) + "\n\n"


def _utf_16(raw: bytes) -> str:
    """Returns the byte order of UTF-16, or "" for other texts."""
    if raw.startswith(BYTE_ORDER_MARKS):
        return "utf-16-le" if raw.startswith(codecs.BOM_UTF16_LE) else "utf-16-be"
    # Most texts have letters, spaces or line breaks whose upper byte is 0.
    first, second = raw[::2].count(0), raw[1::2].count(0)
    inside = first + second - raw.endswith(b"\0")  # a zero may also end a text in bytes
    if len(raw) % 2 or min(first, second) or inside < max(1, ZEROS * len(raw)):
        return ""
    return "utf-16-be" if first else "utf-16-le"
