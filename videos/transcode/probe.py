"""Reads the facts of a file with ffprobe, restricted to whitelists and the `file` protocol.

The first run reads the headers; the second lists the packets of the chosen video track. Both get
the whitelists of ``formats``, an absolute ``file:`` address, and limits of time and memory.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NamedTuple, cast

from videos.transcode.confine import Limits
from videos.transcode.container import is_whole
from videos.transcode.errors import CUT_SHORT, FfmpegFailedError, OutOfMemoryError, SourceError
from videos.transcode.formats import input_words
from videos.transcode.media import MediaInfo
from videos.transcode.run import capture
from videos.transcode.streams import (
    Json,
    choose_audio,
    choose_video,
    number,
    read_audio,
    read_subtitles,
    read_video,
    whole_number,
)
from videos.transcode.timing import PACKET_ENTRIES, EndReader, PacketReader, Timing, TrackReader
from videos.transcode.types import GIB, Options, Tick, no_tick

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

PROBE_MEMORY_BYTES = GIB
MAX_HEADER_BYTES = 8 * 1024 * 1024
FRAMES_SLACK = 1.2  # above the frames of the longest video at the highest published rate
MISSING_AT_END_SECONDS = 1.0  # how much shorter a track may be than its header says
TOO_MANY_TRACKS = "exceeds max_streams"  # FFmpeg reports this as a lack of memory


def probe(path: Path, *, options: Options, tick: Tick = no_tick) -> MediaInfo:
    """Returns the facts of a file.

    Raises:
        SourceError: the file is not a video of an accepted format, or is too damaged to read.
        ProcessingError: ffprobe did not finish.
        OSError: the file cannot be read.
    """
    size = path.stat().st_size
    if size == 0:
        raise SourceError("This file is empty. Upload it again.")
    whole = is_whole(path)
    header = _header(path, options, whole, tick)
    streams = cast("list[Json]", header.get("streams", []))
    container = cast("Json", header.get("format", {}))
    chosen = choose_video(streams)
    if chosen and not whole_number(chosen.get("width")):
        # FFmpeg drops the size of a picture that -max_pixels forbids.
        raise SourceError(
            "The resolution is too high or can't be read. Export the video with at most"
            f" {options.max_pixels // 1_000_000} million pixels, which is more than 4K."
        )
    sound = choose_audio(streams)
    picture_times, sound_end = None, None
    if chosen:
        picture_times, sound_end = _packets(path, chosen, sound, options, tick)
    return MediaInfo(
        container=str(container.get("format_name", "")),
        duration_seconds=_duration(container, chosen, sound, picture_times, sound_end),
        size_bytes=size,
        whole=whole and _reaches_its_end(chosen, picture_times),
        video=read_video(chosen, picture_times) if chosen and picture_times else None,
        audio=read_audio(sound, number(container.get("start_time"))) if sound else None,
        subtitles=read_subtitles(streams),
    )


# -- asking


def _header(path: Path, options: Options, whole: bool, tick: Tick) -> Json:
    parts = bytearray()

    def keep(part: bytes) -> None:
        parts.extend(part)
        if len(parts) > MAX_HEADER_BYTES:
            raise SourceError("This file has more metadata than a video needs, so it was refused.")

    try:
        _ffprobe(
            path,
            ["-show_streams", "-show_format", "-of", "json=compact=1"],
            options=options,
            on_output=keep,
            tick=tick,
        )
    except FfmpegFailedError as error:
        raise _refusal(error.detail, options.accepted, whole) from error
    except OutOfMemoryError as error:
        # Videos need a hundredth of the limit; only damaged or forged tables need all of it.
        raise _refusal(error.detail, options.accepted, whole) from error
    return cast("Json", json.loads(parts.decode("utf-8", "replace")))


class _Packets(NamedTuple):
    picture: Timing
    sound_end: float | None  # None if the header has it


def _packets(
    path: Path, chosen: Json, sound: Json | None, options: Options, tick: Tick
) -> _Packets:
    pictures, sounds = PacketReader(), EndReader()
    picture = int(chosen["index"])
    readers: dict[int, PacketReader | EndReader] = {picture: pictures}
    arguments = ["-show_entries", PACKET_ENTRIES]
    if sound is None or _has_duration(sound):
        # With one track selected, the demuxer does not read the others.
        arguments += ["-select_streams", str(picture)]
    else:
        readers[int(sound["index"])] = sounds
    lines = TrackReader(readers)
    max_frames = round(options.max_duration_seconds * options.max_fps * FRAMES_SLACK)

    def feed(part: bytes) -> None:
        lines.feed(part)
        if pictures.frames > max_frames:
            raise SourceError(
                "This video has more frames than the longest video may have. Upload it in parts."
            )

    try:
        _ffprobe(
            path,
            [*arguments, "-of", "csv=print_section=0"],
            options=options,
            on_output=feed,
            tick=tick,
        )
    except FfmpegFailedError as error:
        raise SourceError(
            "This file is damaged and can't be read to its end. Upload it again.",
            detail=error.detail,
        ) from error
    return _Packets(pictures.timing(), sounds.end)


def _ffprobe(
    path: Path,
    arguments: Iterable[str],
    *,
    options: Options,
    on_output: Callable[[bytes], None],
    tick: Tick,
) -> None:
    capture(
        [
            *(options.ffprobe, "-v", "error"),
            *input_words(options.accepted, options.max_pixels, options.max_streams),
            *arguments,
            f"file:{path.absolute()}",
        ],
        limits=Limits(
            wall_seconds=options.probe_seconds,
            memory_bytes=PROBE_MEMORY_BYTES,
            file_bytes=0,
            nice=options.nice,
        ),
        on_output=on_output,
        tick=tick,
    )


def _refusal(stderr: str, accepted: tuple[str, ...], whole: bool) -> SourceError:
    """Returns an error whose sentence explains what ffprobe wrote."""
    kinds = ", ".join(accepted)
    codec = re.search(r"Codec \(([\w.-]+)\) not on whitelist", stderr)
    if codec is not None:
        sentence = (
            f"This file contains an unsupported track type, “{codec[1]}”."
            " Convert it to an MP4 file and upload that."
        )
    elif "Format not on whitelist" in stderr:
        sentence = f"This isn't a video file in a supported format ({kinds})."
    elif not whole:
        sentence = CUT_SHORT
    elif TOO_MANY_TRACKS in stderr:
        sentence = "This file has too many tracks. Export it with one video track."
    else:
        sentence = f"This file isn't a video, or it's damaged. Supported formats: {kinds}."
    return SourceError(sentence, detail=stderr)


# -- measuring


def _duration(
    container: Json,
    video: Json | None,
    sound: Json | None,
    timing: Timing | None,
    sound_end: float | None,
) -> float:
    """Returns the seconds from the file's first timestamp to the last end of the chosen tracks.

    The container's own duration is used only if nothing else is known: in Matroska it may be the
    timestamp of the end instead of the time from the start to the end.
    """
    start = number(container.get("start_time"))
    picture_end = None if timing is None else timing.end
    ends = [end for end in (picture_end, sound_end) if end is not None]
    if sound is not None and _has_duration(sound):
        ends.append(number(sound.get("start_time")) + number(sound.get("duration")))
    if picture_end is None and video is not None:
        ends.append(number(video.get("start_time")) + number(video.get("duration")))
    if not ends:
        return max(0.0, number(container.get("duration")))
    return max(0.0, max(ends) - start)


def _has_duration(stream: Json) -> bool:
    return number(stream.get("duration")) > 0


def _reaches_its_end(stream: Json | None, timing: Timing | None) -> bool:
    """Returns whether the packets last as long as the header of the track says."""
    if stream is None or timing is None or timing.start is None or timing.end is None:
        return True
    declared = number(stream.get("duration"))
    missing = declared - (timing.end - timing.start)
    return missing <= max(MISSING_AT_END_SECONDS, 0.02 * declared)
