"""Tells whether the text of a caption track holds coordinates of a place.

Drones, car cameras and phones write telemetry as subtitles. The forms are those of decimal degrees,
degrees with minutes, NMEA 0183, ISO 6709, open location codes and UTM. A wrong guess costs the
uploader a click, a missed one tells where somebody lives, so doubtful texts count as coordinates.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Final

from videos.transcode.spoken import spoken_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

# Quantifiers are possessive or bounded, so that hostile text takes no longer than its length.
_NUMBER: Final = r"(?<![\d.,])[+-]?\d{1,3}[.,]\d"  # the sign, the degrees and one decimal
# Names of coordinates, and words that are more often something else.
_NAMES: Final = (
    r"(?:lat(?:itude)?|lon(?:gt?itude)?|lng|gps|geo|coord(?:inate)?s?|breitengrad|l[aä]ngengrad)"
)
_WORDS: Final = r"(?:long|home|pos(?:ition)?|loc(?:ation)?)"
_BETWEEN: Final = r"[\s\"'\[(:=\-]{0,4}"
_HEMISPHERE: Final = r"[NSEWO]"
_SECONDS: Final = r"(?<!\d)\d{1,3}[\s:]\d{1,2}[\s:]\d{1,2}(?:[.,]\d{1,9})?\s?"

_PLACES: Final = re.compile(
    "|".join(
        (
            # A name, then a number with decimals: "[latitude: 52.5200]", "GPS (13.4, 52.5, 18)".
            rf"(?<![a-z]){_NAMES}{_BETWEEN}(?:{_HEMISPHERE}{_BETWEEN})?[+-]?\d{{1,3}}[.,]\d",
            rf"(?<![a-z]){_WORDS}{_BETWEEN}(?:{_HEMISPHERE}{_BETWEEN})?[+-]?\d{{1,3}}[.,]\d{{3}}",
            # A name, then a whole number as some loggers scale it: "lat=525200000".
            rf"(?<![a-z])(?:lat(?:itude)?|lon(?:gt?itude)?|lng){_BETWEEN}\d{{6,10}}(?!\d)",
            # Degrees and minutes: 52°31'12"N, 52 deg 31.2 min.
            r"\d{1,3}\s?(?:[°º˚]|deg)\s?\d{1,2}(?:[.,]\d{1,9})?\s?(?:['′’´]|min)",
            # Decimal degrees with a hemisphere on either side: "52.5200° N", "N 52.5200", "N:52.5".
            rf"{_NUMBER}\d{{0,12}}\s?[°º˚]\s?{_HEMISPHERE}(?![a-z])",
            rf"{_NUMBER}\d{{2,12}}\s?[°º˚](?!\s?[a-z])",
            rf"(?<![a-z]){_HEMISPHERE}\s?:\s?\d{{1,3}}[.,]\d{{2}}",
            r"(?<![a-z])[NS]\s?\d{1,3}[.,]\d{2}[^a-z]{1,20}[EWO]\s?\d{1,3}[.,]\d{2}",
            rf"{_NUMBER}\d{{1,12}}\s?[NS](?![a-z])[^a-z]{{0,20}}\d{{1,3}}[.,]\d{{2,12}}\s?[EWO]",
            # Degrees, minutes and seconds without signs: "52 31 12 N 13 24 18 E".
            rf"{_SECONDS}[NS](?![a-z])[^a-z\d]{{0,4}}{_SECONDS}[EWO](?![a-z])",
            # NMEA 0183: "$GPGGA,", and degrees with minutes as it writes them: "5231.2000,N".
            r"\$?(?:g[abilnpq]|bd|qz)(?:gga|rmc|gll|gns|gsa|gsv|vtg),",
            r"\d{3,5}\.\d{2,8},\s?[NSEW],",
            # ISO 6709: "+52.5200+013.4050/", "+523112+0132418/".
            r"[+-]\d{1,6}\.\d{1,12}[+-]\d{1,7}\.\d",
            r"[+-]\d{4,6}[+-]\d{5,7}(?:[+-]\d{1,5}(?:\.\d{1,3})?)?/",
            # Open location codes and UTM with its zone: "9F4MGC2M+XX", "33U 392000 5820000".
            r"(?<![a-z0-9])[2-9cfghjmpqrvwx]{8}\+[2-9cfghjmpqrvwx]{2,3}(?![a-z0-9])",
            r"(?<![a-z0-9])\d{1,2}\s?[c-hj-np-x]\s\d{6}(?:\.\d+)?\s\d{6,7}(?!\d)",
            # Addresses of maps: "geo:52.5,13.4", "@52.52,13.40".
            r"(?:geo:|[@=])-?\d{1,2}\.\d{1,12},\s?-?\d{1,3}\.\d",
        )
    ),
    re.IGNORECASE,
)
# Two numbers with so many decimals that they can be a place, which few other texts have.
_PAIR: Final = re.compile(
    r"(?<![\d.,])([+-]?\d{1,3}[.,]\d{4,15})(?![\d.])[\s,;/|)(\]\[]{1,4}([+-]?\d{1,3}[.,]\d{4,15})"
    r"(?![\d.])"
)
# Two numbers with a comma and no space, as loggers write them: "52.520,13.405".
_TIGHT_PAIR: Final = re.compile(
    r"(?<![\d.,])([+-]?\d{1,3}\.\d{2,15})[,;]([+-]?\d{1,3}\.\d{2,15})(?![\d.])"
)
_MINUSES: Final = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2212"), "-")
MAX_NORMALIZED: Final = 2  # times as long as the text, which holds times, too
NORMALIZED_SLACK: Final = 10_000  # characters; a single one may become 18
MAX_LATITUDE, MAX_LONGITUDE = 90.0, 180.0


def holds_coordinates(body: str) -> bool:
    """Returns whether a track, as WebVTT that `captions.write_vtt` wrote, holds a place.

    True for a text that gets several times as long when it is normalized, which no usual text does.
    Takes 0.5 s for the largest usual track, and 3 s for hostile ones.
    """
    left = MAX_NORMALIZED * len(body) + NORMALIZED_SLACK
    for line in spoken_lines(body):
        if _has_digits(line):
            plain = _plain(line)
            left -= len(plain)
            if left < 0 or _names_place(plain):
                return True
    return False


def names_place(text: str) -> bool:
    """Returns whether a text holds the coordinates of a place."""
    return _has_digits(text) and _names_place(_plain(text))


def _has_digits(text: str) -> bool:
    return any(character.isdigit() for character in text) or "+" in text


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).translate(_MINUSES)


def _names_place(plain: str) -> bool:
    return _PLACES.search(plain) is not None or any(_is_place(pair) for pair in _pairs(plain))


def _pairs(text: str) -> Iterator[tuple[float, float]]:
    for pattern in (_PAIR, _TIGHT_PAIR):
        for found in pattern.finditer(text):
            first, second = (float(number.replace(",", ".")) for number in found.groups())
            yield first, second


def _is_place(pair: tuple[float, float]) -> bool:
    """Returns whether two numbers can be latitude and longitude, in either order."""
    low, high = sorted(abs(number) for number in pair)
    return low <= MAX_LATITUDE and high <= MAX_LONGITUDE
