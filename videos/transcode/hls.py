"""Writes HLS playlists (RFC 8216) of byte ranges into fragmented MP4 files.

Callers give the addresses and names. All of them are escaped, so that they cannot break a playlist.
"""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING
from urllib.parse import quote

from videos.transcode.ladder import ENCODE_KEYFRAME_SECONDS, MIN_LAST_SECONDS
from videos.transcode.rates import target_duration

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from videos.transcode.fragments import Fragment, FragmentIndex

VERSION = 7  # EXT-X-MAP without EXT-X-I-FRAMES-ONLY needs at least 6 (section 7)
SUBTITLES = "subtitles"  # the id of the only group of caption tracks
SOUNDS = "sounds"  # the id of the only group of sounds
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
        video_range: "SDR", "PQ" or "HLG" (RFC 8216bis, 4.4.6.2).
        supplemental_codecs: what some players decode instead ("dvh1.08.07/db4h"); "" for none.
        has_independent_fragments: see ``media_playlist``.
    """

    uri: str
    width: int
    height: int
    fps: float
    codecs: str
    bandwidth: int
    average_bandwidth: int
    video_range: str = "SDR"
    supplemental_codecs: str = ""
    has_independent_fragments: bool = True


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


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioRendition:
    """One of several sounds in a master playlist.

    Attributes:
        uri: address of its ``media_playlist``.
        language: BCP 47 ("en", "pt-BR"); "" if unknown.
        name: shown to viewers.
        default: played unless the viewer chooses otherwise; only the first such sound counts, or
            the first of all if there is none.
        channels: how many there are; 0 if unknown.
    """

    uri: str
    language: str
    name: str
    default: bool = False
    channels: int = 0


def master_playlist(
    variants: Sequence[Variant],
    tracks: Iterable[CaptionRendition] = (),
    sounds: Iterable[AudioRendition] = (),
) -> str:
    """Returns the master playlist (4.3.4). Players start with the first variant.

    Args:
        sounds: of every variant, whose own playlist is then one of the picture alone. Empty for
            variants that contain their sound.
    """
    audio, media = _audio_tags(sounds), _media_tags(tracks)
    independent = all(variant.has_independent_fragments for variant in variants)
    lines = ["#EXTM3U", f"#EXT-X-VERSION:{VERSION}", *_independent(independent), *audio, *media]
    for variant in variants:
        attributes = {
            "BANDWIDTH": str(variant.bandwidth),
            "AVERAGE-BANDWIDTH": str(variant.average_bandwidth),
            "CODECS": _quoted(variant.codecs),
        }
        if variant.supplemental_codecs:
            attributes["SUPPLEMENTAL-CODECS"] = _quoted(variant.supplemental_codecs)
        attributes["RESOLUTION"] = f"{variant.width}x{variant.height}"
        if variant.fps > 0:
            attributes["FRAME-RATE"] = f"{variant.fps:.3f}"
        attributes["VIDEO-RANGE"] = variant.video_range
        if audio:
            attributes["AUDIO"] = _quoted(SOUNDS)
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
    sound: int | None = None,
    independent: bool = True,
) -> str:
    """Returns the media playlist of one rendition, or of one of its sounds (4.3.3).

    While the file is written, each playlist only adds lines to the previous one. The durations add
    up to ``index.duration``, or to that of the sound, rounded once.

    Args:
        index: of a file whose start is complete.
        uri: address of the file.
        initialisation_uri: of its initialisation segment, of one track if the file is separate.
        ended: False while the file is written; players then start at its beginning and reload.
        planned: planned whole seconds of the fragments while the file is written.
        sound: the number of the sound track of a separate file; None for the picture.
        independent: False if the first pictures of a fragment may refer to the one before.
    """
    if ended and not index.is_separate:
        index = replace(index, fragments=_with_long_end(index.fragments))
    fragments = index.fragments if sound is None else index.sounds[sound]
    lines = [
        "#EXTM3U",
        f"#EXT-X-VERSION:{VERSION}",
        f"#EXT-X-TARGETDURATION:{target_duration(index, planned=planned)}",
        "#EXT-X-MEDIA-SEQUENCE:0",
        f"#EXT-X-PLAYLIST-TYPE:{'VOD' if ended else 'EVENT'}",
        *_independent(independent),
    ]
    # Without this tag players start at the end, as with a broadcast.
    lines += [] if ended else ["#EXT-X-START:TIME-OFFSET=0,PRECISE=YES"]
    lines.append(f"#EXT-X-MAP:URI={_quoted(_uri(initialisation_uri))}")
    lines += _fragment_lines(fragments, _uri(uri))
    return _text([*lines, *(["#EXT-X-ENDLIST"] if ended else [])])


def _with_long_end(fragments: tuple[Fragment, ...]) -> tuple[Fragment, ...]:
    """Returns the fragments with the last two as one, if the last is shorter than MIN_LAST_SECONDS.

    hls.js (1.7.4) takes a fragment for later than it is by the delay of B-frames. It does not
    see that a shorter last fragment is loaded, so the video would not end. Copies end with such
    a fragment where the source has a keyframe.
    """
    if len(fragments) < 2 or fragments[-1].duration >= MIN_LAST_SECONDS:
        return fragments
    *others, before, last = fragments
    size = last.offset + last.size - before.offset
    return (*others, replace(before, size=size, duration=before.duration + last.duration))


def _independent(independent: bool) -> list[str]:
    return ["#EXT-X-INDEPENDENT-SEGMENTS"] if independent else []


def _fragment_lines(fragments: Iterable[Fragment], address: str) -> Iterator[str]:
    end, last = Fraction(0), 0
    for fragment in fragments:
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
        name = _unique_name(track.name, names, "Subtitles")
        attributes = _media_attributes("SUBTITLES", SUBTITLES, name, track.language, default)
        lines.append(f"#EXT-X-MEDIA:{_listed(attributes | _address(track.uri))}")
    return lines


def _audio_tags(sounds: Iterable[AudioRendition]) -> list[str]:
    """Returns the tags of the sounds, with unique names and one default (4.3.4.1.1)."""
    sounds = list(sounds)
    default = next((number for number, sound in enumerate(sounds) if sound.default), 0)
    lines: list[str] = []
    names: set[str] = set()
    for number, sound in enumerate(sounds):
        name = _unique_name(sound.name, names, "Sound")
        attributes = _media_attributes("AUDIO", SOUNDS, name, sound.language, number == default)
        if sound.channels:
            attributes["CHANNELS"] = _quoted(str(sound.channels))
        lines.append(f"#EXT-X-MEDIA:{_listed(attributes | _address(sound.uri))}")
    return lines


def _media_attributes(
    kind: str, group: str, name: str, language: str, default: bool
) -> dict[str, str]:
    attributes = {
        "TYPE": kind,
        "GROUP-ID": _quoted(group),
        "NAME": _quoted(name),
        "DEFAULT": "YES" if default else "NO",
        "AUTOSELECT": "YES",
    }
    return attributes | ({"LANGUAGE": _quoted(language)} if language else {})


def _address(uri: str) -> dict[str, str]:
    return {"URI": _quoted(_uri(uri))}


def _unique_name(name: str, taken: set[str], unnamed: str) -> str:
    plain = _plain(name) or unnamed
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
