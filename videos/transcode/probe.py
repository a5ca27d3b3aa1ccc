"""What is in a file: ffprobe, asked twice with every door but one closed.

The first run reads the headers, the second lists the chosen picture track's packets. Both get the
whitelists of ``formats``, an absolute ``file:`` address and limits of time and memory.
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
FRAMES_SLACK = 1.2  # over the longest video at the highest rate that is published
MISSING_AT_END_SECONDS = 1.0  # how much a track may fall short of what its header says
TOO_MANY_TRACKS = "exceeds max_streams"  # which FFmpeg reports as a lack of memory


def probe(path: Path, *, options: Options, tick: Tick = no_tick) -> MediaInfo:
    """Read the facts of a file.

    Raises:
        SourceError: it is not a video of an accepted kind, or damaged beyond reading.
        ProcessingError: ffprobe could not be run to its end.
        OSError: the file cannot be read.
    """
    size = path.stat().st_size
    if size == 0:
        raise SourceError("The file is empty. Please upload it again.")
    whole = is_whole(path)
    header = _header(path, options, whole, tick)
    streams = cast("list[Json]", header.get("streams", []))
    container = cast("Json", header.get("format", {}))
    chosen = choose_video(streams)
    if chosen and not whole_number(chosen.get("width")):
        # FFmpeg itself drops what -max_pixels forbids.
        raise SourceError(
            "The picture is too large or cannot be read. Please export the video with at most"
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
    pieces = bytearray()

    def keep(piece: bytes) -> None:
        pieces.extend(piece)
        if len(pieces) > MAX_HEADER_BYTES:
            raise SourceError("The file describes more than a video needs and was refused.")

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
        # A hundredth of the limit is enough for what videos have; only tables that lie ask for all.
        raise _refusal(error.detail, options.accepted, whole) from error
    return cast("Json", json.loads(pieces.decode("utf-8", "replace")))


class _Packets(NamedTuple):
    picture: Timing
    sound_end: float | None  # None where the header tells it


def _packets(
    path: Path, chosen: Json, sound: Json | None, options: Options, tick: Tick
) -> _Packets:
    pictures, sounds = PacketReader(), EndReader()
    picture = int(chosen["index"])
    readers: dict[int, PacketReader | EndReader] = {picture: pictures}
    questions = ["-show_entries", PACKET_ENTRIES]
    if sound is None or _says_its_length(sound):
        # With one track selected, the demuxer leaves the others where they are.
        questions += ["-select_streams", str(picture)]
    else:
        readers[int(sound["index"])] = sounds
    lines = TrackReader(readers)
    most = round(options.max_duration_seconds * options.max_fps * FRAMES_SLACK)

    def feed(piece: bytes) -> None:
        lines.feed(piece)
        if pictures.frames > most:
            raise SourceError(
                "The file holds more pictures than the longest video may. Please upload it in"
                " parts."
            )

    try:
        _ffprobe(
            path,
            [*questions, "-of", "csv=print_section=0"],
            options=options,
            on_output=feed,
            tick=tick,
        )
    except FfmpegFailedError as error:
        raise SourceError(
            "The file is damaged and cannot be read to its end. Please upload it again.",
            detail=error.detail,
        ) from error
    return _Packets(pictures.timing(), sounds.end)


def _ffprobe(
    path: Path,
    questions: Iterable[str],
    *,
    options: Options,
    on_output: Callable[[bytes], None],
    tick: Tick,
) -> None:
    capture(
        [
            *(options.ffprobe, "-v", "error"),
            *input_words(options.accepted, options.max_pixels, options.max_streams),
            *questions,
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


def _refusal(words: str, accepted: tuple[str, ...], whole: bool) -> SourceError:
    """Say for people why ffprobe would not open the file, from its own words."""
    kinds = ", ".join(accepted)
    codec = re.search(r"Codec \(([\w.-]+)\) not on whitelist", words)
    if codec is not None:
        sentence = (
            f"This file contains an unsupported track type, “{codec[1]}”."
            " Please convert it to an MP4 file and upload that."
        )
    elif "Format not on whitelist" in words:
        sentence = f"This is not a video file of a kind that is accepted here ({kinds})."
    elif not whole:
        sentence = CUT_SHORT
    elif TOO_MANY_TRACKS in words:
        sentence = "The file holds too many tracks. Please export it with one picture track."
    else:
        sentence = f"This file isn't a video, or it's damaged. Supported formats: {kinds}."
    return SourceError(sentence, detail=words)


# -- measuring


def _duration(
    container: Json,
    video: Json | None,
    sound: Json | None,
    timing: Timing | None,
    sound_end: float | None,
) -> float:
    """From the file's first timestamp to the last end of the two chosen tracks.

    What the container says itself counts only for want of anything else: in Matroska it may be
    the time of the end rather than the time from the start to the end.
    """
    start = number(container.get("start_time"))
    picture_end = None if timing is None else timing.end
    ends = [end for end in (picture_end, sound_end) if end is not None]
    if sound is not None and _says_its_length(sound):
        ends.append(number(sound.get("start_time")) + number(sound.get("duration")))
    if picture_end is None and video is not None:
        ends.append(number(video.get("start_time")) + number(video.get("duration")))
    if not ends:
        return max(0.0, number(container.get("duration")))
    return max(0.0, max(ends) - start)


def _says_its_length(stream: Json) -> bool:
    return number(stream.get("duration")) > 0


def _reaches_its_end(stream: Json | None, timing: Timing | None) -> bool:
    """The packets go on for as long as the track's own header says."""
    if stream is None or timing is None or timing.start is None or timing.end is None:
        return True
    declared = number(stream.get("duration"))
    missing = declared - (timing.end - timing.start)
    return missing <= max(MISSING_AT_END_SECONDS, 0.02 * declared)
