"""Writes HLS playlists (RFC 8216) of byte ranges into fragmented MP4 files.

Callers give the addresses and names. All of them are escaped, so that they cannot break a playlist.
"""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING
from urllib.parse import quote

from videos.transcode.ladder import ENCODE_KEYFRAME_SECONDS
from videos.transcode.rates import target_duration

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from videos.transcode.fragments import FragmentIndex

VERSION = 7  # EXT-X-MAP without EXT-X-I-FRAMES-ONLY needs at least 6 (section 7)
SUBTITLES = "subtitles"  # the id of the only group of caption tracks
# Characters of RFC 3986, with "%" for escaped addresses, without "#", which starts a comment.
URI_CHARACTERS = "%/:?@!$&'()*+,;=[]-._~"
MICROSECONDS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One rendition in a master playlist.

    Attributes:
        uri: address of its media playlist.
        width, height: as shown, in pixels.
        fps: frames per second; 0 if unknown.
        codecs: as ``fragments.codecs`` returns them.
        bandwidth, average_bandwidth: bit/s; the first is the peak.
    """

    uri: str
    width: int
    height: int
    fps: float
    codecs: str
    bandwidth: int
    average_bandwidth: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptionRendition:
    """One caption track in a master playlist.

    Attributes:
        uri: address of its ``subtitle_playlist``.
        language: BCP 47 ("en", "pt-BR"); "" if unknown.
        name: shown to viewers.
        default: shown unless the viewer chooses otherwise; only the first such track counts.
    """

    uri: str
    language: str
    name: str
    default: bool = False


def master_playlist(variants: Iterable[Variant], tracks: Iterable[CaptionRendition] = ()) -> str:
    """Returns the master playlist (4.3.4). Players start with the first variant."""
    media = _media_tags(tracks)
    lines = ["#EXTM3U", f"#EXT-X-VERSION:{VERSION}", "#EXT-X-INDEPENDENT-SEGMENTS", *media]
    for variant in variants:
        attributes = {
            "BANDWIDTH": str(variant.bandwidth),
            "AVERAGE-BANDWIDTH": str(variant.average_bandwidth),
            "CODECS": _quoted(variant.codecs),
            "RESOLUTION": f"{variant.width}x{variant.height}",
        }
        if variant.fps > 0:
            attributes["FRAME-RATE"] = f"{variant.fps:.3f}"
        if media:
            attributes["SUBTITLES"] = _quoted(SUBTITLES)
        lines += [f"#EXT-X-STREAM-INF:{_listed(attributes)}", _uri(variant.uri)]
    return _text(lines)


def media_playlist(
    index: FragmentIndex,
    *,
    uri: str,
    initialisation_uri: str,
    ended: bool,
    planned: int = ENCODE_KEYFRAME_SECONDS,
) -> str:
    """Returns the media playlist of one rendition (4.3.3).

    While the file is written, each playlist only adds lines to the previous one. The durations add
    up to ``index.duration``, rounded once.

    Args:
        index: of a file whose start is complete.
        uri: address of the file.
        initialisation_uri: address of its initialisation segment.
        ended: False while the file is written; players then start at its beginning and reload.
        planned: planned whole seconds of the fragments while the file is written.
    """
    lines = [
        "#EXTM3U",
        f"#EXT-X-VERSION:{VERSION}",
        f"#EXT-X-TARGETDURATION:{target_duration(index, planned=planned)}",
        "#EXT-X-MEDIA-SEQUENCE:0",
        f"#EXT-X-PLAYLIST-TYPE:{'VOD' if ended else 'EVENT'}",
        "#EXT-X-INDEPENDENT-SEGMENTS",
    ]
    if not ended:  # without this tag players start at the end, as with a broadcast
        lines.append("#EXT-X-START:TIME-OFFSET=0,PRECISE=YES")
    lines.append(f"#EXT-X-MAP:URI={_quoted(_uri(initialisation_uri))}")
    lines += _fragment_lines(index, _uri(uri))
    if ended:
        lines.append("#EXT-X-ENDLIST")
    return _text(lines)


def _fragment_lines(index: FragmentIndex, address: str) -> Iterator[str]:
    end, last = Fraction(0), 0
    for fragment in index.fragments:
        end += fragment.duration
        microseconds = round(end * MICROSECONDS)
        yield f"#EXTINF:{_seconds(microseconds - last)},"
        yield f"#EXT-X-BYTERANGE:{fragment.size}@{fragment.offset}"
        yield address
        last = microseconds


def subtitle_playlist(uri: str, *, duration: float) -> str:
    """Returns the playlist of a WebVTT file, which is its only segment.

    Args:
        duration: seconds of the video.
    """
    microseconds = max(0, round(duration * MICROSECONDS))
    return _text(
        [
            "#EXTM3U",
            f"#EXT-X-VERSION:{VERSION}",
            f"#EXT-X-TARGETDURATION:{max(1, math.ceil(microseconds / MICROSECONDS))}",
            "#EXT-X-MEDIA-SEQUENCE:0",
            "#EXT-X-PLAYLIST-TYPE:VOD",
            f"#EXTINF:{_seconds(microseconds)},",
            _uri(uri),
            "#EXT-X-ENDLIST",
        ]
    )


def _media_tags(tracks: Iterable[CaptionRendition]) -> list[str]:
    """Returns the tags of the tracks, with unique names and at most one default (4.3.4.1.1)."""
    lines: list[str] = []
    names: set[str] = set()
    has_default = False
    for track in tracks:
        default = track.default and not has_default
        has_default = has_default or default
        attributes = {
            "TYPE": "SUBTITLES",
            "GROUP-ID": _quoted(SUBTITLES),
            "NAME": _quoted(_unique_name(track.name, names)),
            "DEFAULT": "YES" if default else "NO",
            "AUTOSELECT": "YES",
        }
        if track.language:
            attributes["LANGUAGE"] = _quoted(track.language)
        attributes["URI"] = _quoted(_uri(track.uri))
        lines.append(f"#EXT-X-MEDIA:{_listed(attributes)}")
    return lines


def _unique_name(name: str, taken: set[str]) -> str:
    plain = _plain(name) or "Subtitles"
    unique, number = plain, 1
    while unique in taken:
        number += 1
        unique = f"{plain} ({number})"
    taken.add(unique)
    return unique


def _plain(text: str) -> str:
    """Makes text valid in a quoted string (4.1, 4.2): NFC, no control characters, no quotes."""
    kept = "".join(" " if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") else c for c in text)
    return unicodedata.normalize("NFC", " ".join(kept.split())).replace('"', "'")


def _quoted(text: str) -> str:
    return f'"{_plain(text)}"'


def _uri(address: str) -> str:
    return quote(address, safe=URI_CHARACTERS, errors="replace")


def _listed(attributes: dict[str, str]) -> str:
    return ",".join(f"{name}={value}" for name, value in attributes.items())


def _seconds(microseconds: int) -> str:
    whole, rest = divmod(microseconds, MICROSECONDS)
    return f"{whole}.{rest:06}"


def _text(lines: Sequence[str]) -> str:
    return "\n".join(lines) + "\n"
