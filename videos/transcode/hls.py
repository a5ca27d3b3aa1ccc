"""HLS playlists (RFC 8216) over renditions that are their own index: byte ranges into one file.

Addresses are the caller's; whatever they hold, a playlist stays a playlist.
"""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING
from urllib.parse import quote

from videos.transcode.fragments import target_duration
from videos.transcode.ladder import ENCODE_KEYFRAME_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from videos.transcode.fragments import FragmentIndex

VERSION = 7  # 6 and above know EXT-X-MAP in playlists like ours
SUBTITLES = "subtitles"  # the one group of them
# Of RFC 3986; "%" because an address is escaped already, without "#", which would start a comment.
URI_CHARACTERS = "%/:?@!$&'()*+,;=[]-._~"
MICROSECONDS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One rendition in a master playlist.

    Attributes:
        uri: of its media playlist.
        width, height: as shown, in pixels.
        fps: pictures a second; 0 when not known.
        codecs: as ``fragments.codecs`` gives them.
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
    """One subtitle track in a master playlist.

    Attributes:
        uri: of its ``subtitle_playlist``.
        language: as in BCP 47 ("en", "pt-BR"); "" when not known.
        name: for people to choose by.
        default: shown unless the viewer chose otherwise; of several the first one counts.
    """

    uri: str
    language: str
    name: str
    default: bool = False


def master_playlist(variants: Iterable[Variant], tracks: Iterable[CaptionRendition] = ()) -> str:
    """What there is to choose from (4.3.4). Players begin with the first variant."""
    media = _media(tracks)
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
    index: FragmentIndex, *, uri: str, ended: bool, planned: int = ENCODE_KEYFRAME_SECONDS
) -> str:
    """The fragments of one rendition (4.3.3).

    While the file grows, each answer begins as the one before did: only lines are added. The
    lengths add up to ``index.duration``, rounded once.

    Args:
        index: of a file whose start is whole.
        uri: of the file.
        ended: False while it grows; what is there is then played from the start on, and a player
            comes back for more.
        planned: whole seconds that the fragments of a growing file were planned to last.
    """
    lines = [
        "#EXTM3U",
        f"#EXT-X-VERSION:{VERSION}",
        f"#EXT-X-TARGETDURATION:{target_duration(index, planned=planned)}",
        "#EXT-X-MEDIA-SEQUENCE:0",
        f"#EXT-X-PLAYLIST-TYPE:{'VOD' if ended else 'EVENT'}",
        "#EXT-X-INDEPENDENT-SEGMENTS",
    ]
    if not ended:  # else players begin at the end, as with a broadcast
        lines.append("#EXT-X-START:TIME-OFFSET=0,PRECISE=YES")
    address = _uri(uri)
    start = {"URI": _quoted(address), "BYTERANGE": _quoted(f"{index.init_size}@0")}
    lines.append(f"#EXT-X-MAP:{_listed(start)}")
    played, said = Fraction(0), 0
    for fragment in index.fragments:
        played += fragment.duration
        until = round(played * MICROSECONDS)
        lines += [
            f"#EXTINF:{_seconds(until - said)},",
            f"#EXT-X-BYTERANGE:{fragment.size}@{fragment.offset}",
            address,
        ]
        said = until
    if ended:
        lines.append("#EXT-X-ENDLIST")
    return _text(lines)


def subtitle_playlist(uri: str, *, duration: float) -> str:
    """One WebVTT file as one segment.

    Args:
        duration: seconds, of the video that it belongs to.
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


def _media(tracks: Iterable[CaptionRendition]) -> list[str]:
    """In a group no two have one name and one at most is the default (4.3.4.1.1)."""
    lines: list[str] = []
    names: set[str] = set()
    has_default = False
    for track in tracks:
        default = track.default and not has_default
        has_default = has_default or default
        attributes = {
            "TYPE": "SUBTITLES",
            "GROUP-ID": _quoted(SUBTITLES),
            "NAME": _quoted(_own_name(track.name, names)),
            "DEFAULT": "YES" if default else "NO",
            "AUTOSELECT": "YES",
        }
        if track.language:
            attributes["LANGUAGE"] = _quoted(track.language)
        attributes["URI"] = _quoted(_uri(track.uri))
        lines.append(f"#EXT-X-MEDIA:{_listed(attributes)}")
    return lines


def _own_name(name: str, taken: set[str]) -> str:
    plain = _plain(name) or "Subtitles"
    own, number = plain, 1
    while own in taken:
        number += 1
        own = f"{plain} ({number})"
    taken.add(own)
    return own


def _plain(text: str) -> str:
    """What may stand in a quoted string (4.1, 4.2): in NFC, no control characters, no quotes."""
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
