"""Caption tracks of a video: FFmpeg extracts its text subtitles, which are written as WebVTT."""

from __future__ import annotations

import math
import re
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

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
from videos.transcode.errors import (
    FfmpegFailedError,
    OutOfMemoryError,
    OutOfTimeError,
    OutputTooLargeError,
)
from videos.transcode.formats import input_words
from videos.transcode.languages import language_name
from videos.transcode.run import capture
from videos.transcode.types import Progress, no_tick

if TYPE_CHECKING:
    from pathlib import Path

    from videos.transcode.media import MediaInfo, SubtitleStream
    from videos.transcode.types import Options, Tick

MEMORY_SHARE = 4  # of what an encode may use
SSA_DRAWING = re.compile(r"\s*m(?:\s+(?:[mnlbspc]|-?[0-9.]++))++\s*")  # lines and curves, not text
# A video without captions is better than none; all else ends the run as anywhere.
NO_CAPTIONS = (FfmpegFailedError, OutOfMemoryError, OutOfTimeError, OutputTooLargeError)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractedCaption:
    """One track.

    Attributes:
        code: of its own among the tracks of a video: the language, numbered where it comes again
            ("en", "en-2").
        language: two or three small letters; "und" when unknown.
        label: for people, its own too.
        body: WebVTT.
        is_default: shown unless the viewer says otherwise; at most one track is.
    """

    code: str
    language: str
    label: str
    body: str
    is_default: bool


def extract_captions(
    source: Path, info: MediaInfo, workdir: Path, *, options: Options, tick: Tick = no_tick
) -> tuple[ExtractedCaption, ...]:
    """The subtitles inside a video that are text, each as a track; FFmpeg goes through it once.

    A track that is empty, damaged or too large is left out, also for those before it, and all are
    when FFmpeg fails. What is written to ``workdir`` is gone afterwards.

    Raises:
        ProcessingError: our side is at fault.
        OSError: a folder or file cannot be read or written.
    """
    if not info.subtitles:
        return ()

    def nearly_done(_: Progress) -> None:
        tick(Progress(fraction=1.0, seconds_left=0.0))

    files = {one: workdir / f"subtitles-{one.index}.srt" for one in info.subtitles}
    bodies: dict[SubtitleStream, str] = {}
    room = MAX_BYTES_IN_ALL
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
            tick=nearly_done,
            cwd=workdir,
        )
        for stream, path in files.items():
            nearly_done(Progress())
            with suppress(CaptionError):
                body = _body(path, info.duration_seconds)
                if len(body.encode()) <= room:
                    bodies[stream] = body
                    room -= len(body.encode())
    except NO_CAPTIONS:
        return ()
    finally:
        for path in files.values():
            path.unlink(missing_ok=True)
    return _labelled({stream: body for stream, body in bodies.items() if body}, info)


def _command(source: Path, files: dict[SubtitleStream, Path], options: Options) -> list[str]:
    """SubRip, since that may have empty lines in its text, and WebVTT may not."""
    outputs: list[str] = []
    for stream, path in files.items():
        outputs += ["-map", f"0:{stream.index}", "-map_metadata", "-1", "-c:s", "srt"]
        outputs += ["-fs", str(MAX_BYTES), "-f", "srt", f"file:{path.absolute()}"]
    return [
        *(options.ffmpeg, "-nostdin", "-hide_banner", "-nostats", "-v", "error", "-y"),
        *("-max_error_rate", "1"),  # one rotten track does not take the others with it
        *input_words(options.accepted, options.max_pixels, options.max_streams),
        *("-i", f"file:{source.absolute()}"),
        *outputs,
    ]


def _body(path: Path, seconds: float) -> str:
    """WebVTT of what FFmpeg wrote; empty when there is nothing to read. Raises CaptionError."""
    if not path.exists() or path.stat().st_size >= MAX_BYTES:
        return ""  # FFmpeg stopped there: the end is missing
    end = math.ceil(seconds * 1000)
    # Typesetting says the same several times, for shadows and borders.
    cues = dict.fromkeys(parse_captions(path.read_bytes().decode("utf-8", "replace")))
    within = [
        Cue(cue.start, min(cue.end, end), cue.text)
        for cue in cues
        if cue.start < end and not SSA_DRAWING.fullmatch(plain_text(cue.text))
    ]
    return write_vtt(within) if within else ""


def _labelled(bodies: dict[SubtitleStream, str], info: MediaInfo) -> tuple[ExtractedCaption, ...]:
    # In MP4 the flag says that a track may be used, and all are so.
    says_default = not info.container.startswith("mov")
    shown = [one for one in bodies if one.forced] + [
        one for one in bodies if one.default and says_default
    ]
    codes, labels = Counter[str](), Counter[str]()
    tracks = []
    for stream, body in bodies.items():
        track = ExtractedCaption(
            code=_numbered(stream.language, codes, "-"),
            language=stream.language,
            label=_numbered(_label(stream), labels, " "),
            body=body,
            is_default=stream in shown[:1],
        )
        tracks.append(track)
    return tuple(tracks)


def _label(stream: SubtitleStream) -> str:
    label = stream.title[:LABEL_CHARACTERS] or language_name(stream.language)
    return f"{label} (forced)" if stream.forced and "forced" not in label.lower() else label


def _numbered(name: str, seen: Counter[str], between: str) -> str:
    """The name, with a number from its second time on."""
    seen[name] += 1
    if seen[name] == 1:
        return name
    return _numbered(f"{name}{between}{seen[name]}", seen, between)
