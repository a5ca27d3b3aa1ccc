"""Caption tracks of a video: FFmpeg extracts its text subtitles, which are written as WebVTT."""

from __future__ import annotations

import math
import re
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from clipset.lib.sandbox import Access
from videos.transcode.captions import (
    LABEL_CHARACTERS,
    MAX_BYTES,
    MAX_BYTES_IN_ALL,
    CaptionError,
    Cue,
    parse_captions,
    plain_text,
    write_vtt,
)
from videos.transcode.confine import Limits
from videos.transcode.coordinates import holds_coordinates, names_place
from videos.transcode.errors import (
    FfmpegFailedError,
    OutOfMemoryError,
    OutOfTimeError,
    OutputTooLargeError,
)
from videos.transcode.formats import input_words
from videos.transcode.languages import language_name
from videos.transcode.run import capture
from videos.transcode.text_encodings import decode_cues
from videos.transcode.types import NEARLY_DONE, no_tick

if TYPE_CHECKING:
    from pathlib import Path

    from videos.transcode.media import MediaInfo, SubtitleStream
    from videos.transcode.types import Options, Tick

# Copied: FFmpeg's decoder ends at a zero byte, which texts in UTF-16 have.
SUBRIP_CODECS = frozenset({"subrip", "text"})
MEMORY_SHARE = 4  # extraction may use this fraction of an encode's memory: a quarter
SSA_DRAWING = re.compile(
    r"\s*m(?:\s+(?:[mnlbspc]|-?[0-9.]++))++\s*"
)  # drawings: lines and curves, no text
# After these errors the video is published without captions; all others end the run.
NO_CAPTIONS = (FfmpegFailedError, OutOfMemoryError, OutOfTimeError, OutputTooLargeError)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractedCaption:
    """A caption track that was extracted from a video.

    Attributes:
        code: unique among the tracks of a video: the language, numbered if repeated ("en", "en-2").
        language: two or three lower-case letters; "und" if unknown.
        label: the name that viewers see, also unique.
        body: WebVTT.
        is_default: shown unless the viewer chooses otherwise; at most one track of a video.
        has_coordinates: whether its text or label holds the place where something is.
    """

    code: str
    language: str
    label: str
    body: str
    is_default: bool
    has_coordinates: bool = False


def extract_captions(
    source: Path, info: MediaInfo, workdir: Path, *, options: Options, tick: Tick = no_tick
) -> tuple[ExtractedCaption, ...]:
    """Extracts the text subtitles of a video as caption tracks. FFmpeg reads the video once.

    Leaves out tracks that are empty, damaged or too large, or that exceed MAX_BYTES_IN_ALL
    together with those before them; returns no tracks if FFmpeg fails. Files that it writes to
    ``workdir`` are removed at the end.

    Raises:
        ProcessingError: the server is at fault.
        OSError: a folder or file cannot be read or written.
    """
    if not info.subtitles:
        return ()
    files = {one: workdir / f"subtitles-{one.index}.srt" for one in info.subtitles}
    try:
        capture(
            _command(source, files, options),
            limits=Limits(
                wall_seconds=options.wall_clock_floor_seconds,
                memory_bytes=options.memory_bytes // MEMORY_SHARE,
                file_bytes=2 * MAX_BYTES,
                nice=options.nice,
            ),
            on_output=lambda _: None,
            tick=lambda _: tick(NEARLY_DONE),
            access=Access(reads=(source,), folder=workdir),
        )
        bodies = _read_bodies(files, info, tick)
    except NO_CAPTIONS:
        return ()
    finally:
        for path in files.values():
            path.unlink(missing_ok=True)
    return _labelled(bodies, info)


def _read_bodies(
    files: dict[SubtitleStream, Path], info: MediaInfo, tick: Tick
) -> dict[SubtitleStream, str]:
    """Returns the WebVTT of the tracks that can be used, within MAX_BYTES_IN_ALL together."""
    bodies: dict[SubtitleStream, str] = {}
    room = MAX_BYTES_IN_ALL
    for stream, path in files.items():
        tick(NEARLY_DONE)
        with suppress(CaptionError):
            body = _body(
                path, info.duration_seconds, language=stream.language, shift=info.shift_seconds
            )
            size = len(body.encode())
            if 0 < size <= room:
                bodies[stream] = body
                room -= size
    return bodies


def _command(source: Path, files: dict[SubtitleStream, Path], options: Options) -> list[str]:
    """Extracts as SubRip, whose text may contain empty lines; WebVTT's may not.

    Texts keep their bytes, whatever their encoding: FFmpeg would drop those that are not UTF-8.
    """
    outputs: list[str] = []
    for stream, path in files.items():
        codec = "copy" if stream.codec in SUBRIP_CODECS else "srt"
        outputs += ["-map", f"0:{stream.index}", "-map_metadata", "-1", "-c:s", codec]
        outputs += ["-fs", str(MAX_BYTES), "-f", "srt", f"file:{path.absolute()}"]
    return [
        *(options.ffmpeg, "-nostdin", "-hide_banner", "-nostats", "-v", "error", "-y"),
        *("-max_error_rate", "1"),  # one damaged track does not end the extraction of the others
        *input_words(options.accepted, options.max_pixels, options.max_streams),
        *("-sub_charenc_mode", "ignore", "-i", f"file:{source.absolute()}"),
        *outputs,
    ]


def _body(path: Path, seconds: float, *, language: str, shift: float) -> str:
    """Returns the WebVTT of an extracted file; "" if it is empty or cut. Raises: CaptionError.

    Args:
        shift: added to all times; see ``MediaInfo.shift_seconds``.
    """
    if not path.exists() or path.stat().st_size >= MAX_BYTES:
        return ""  # FFmpeg stopped at its limit (-fs), so the end is missing
    end, later = math.ceil(seconds * 1000), round(shift * 1000)
    # Typeset subtitles repeat a cue for shadows and borders; dict.fromkeys removes repetitions.
    cues = dict.fromkeys(parse_captions(decode_cues(path.read_bytes(), language)))
    within = [
        Cue(max(0, cue.start + later), min(cue.end + later, end), cue.text)
        for cue in cues
        if cue.start + later < end
        and cue.end + later > 0
        and not SSA_DRAWING.fullmatch(plain_text(cue.text))
    ]
    return write_vtt(within) if within else ""


def _labelled(bodies: dict[SubtitleStream, str], info: MediaInfo) -> tuple[ExtractedCaption, ...]:
    # In MP4 the flag means that a track may be used, and all tracks have it.
    has_default_flags = not info.container.startswith("mov")
    shown = [one for one in bodies if one.forced] + [
        one for one in bodies if one.default and has_default_flags
    ]
    codes, labels = Counter[str](), Counter[str]()
    tracks = []
    for stream, body in bodies.items():
        label = _label(stream)
        track = ExtractedCaption(
            code=_numbered(stream.language, codes, "-"),
            language=stream.language,
            label=_numbered(label, labels, " "),
            body=body,
            is_default=stream in shown[:1],
            has_coordinates=names_place(label) or holds_coordinates(body),
        )
        tracks.append(track)
    return tuple(tracks)


def _label(stream: SubtitleStream) -> str:
    label = stream.title[:LABEL_CHARACTERS] or language_name(stream.language)
    return f"{label} (forced)" if stream.forced and "forced" not in label.lower() else label


def _numbered(name: str, seen: Counter[str], separator: str) -> str:
    """Returns the name, with a number from its second use on."""
    seen[name] += 1
    if seen[name] == 1:
        return name
    return _numbered(f"{name}{separator}{seen[name]}", seen, separator)
