"""Reads the facts of a file with ffprobe, restricted to whitelists and the `file` protocol.

The first run reads the headers; the second lists the packets of all tracks; the third decodes some
frames of the chosen video track. All get the whitelists of ``formats``, an absolute ``file:``
address, and limits of time and memory.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, cast

from videos.transcode.beside import beside
from videos.transcode.confine import Limits
from videos.transcode.container import is_whole
from videos.transcode.errors import FfmpegFailedError, OutOfMemoryError, OutOfTimeError, SourceError
from videos.transcode.formats import input_words
from videos.transcode.frames import (
    FRAME_ENTRIES,
    NO_FRAMES,
    FrameFacts,
    parse_frames,
    read_intervals,
)
from videos.transcode.matroska import NOT_CROPPED, CroppedTrack, read_cropping
from videos.transcode.media import AudioStream, MediaInfo, VideoStream
from videos.transcode.missing_samples import has_all_samples
from videos.transcode.refusals import unreadable_file
from videos.transcode.run import capture
from videos.transcode.sample_entries import SampleDescriptions, read_sample_descriptions
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
from videos.transcode.timeline import Span, Timeline, common_timeline, keyframe_spacing
from videos.transcode.timing import (
    PACKET_ENTRIES,
    PacketReader,
    SoundReader,
    SoundTiming,
    Timing,
    TrackReader,
)
from videos.transcode.types import GIB, Options, Tick, no_tick

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

PROBE_MEMORY_BYTES = GIB
MAX_HEADER_BYTES = 8 * 1024 * 1024
FRAMES_SLACK = 1.2  # above the frames of the longest video at the highest published rate
# After these errors the plan goes by headers and packets: a place that ffprobe cannot seek to, or a
# decoder that needs too much.
NO_FRAMES_READ = (FfmpegFailedError, OutOfMemoryError, OutOfTimeError)
HEAD_BYTES = 16  # enough to tell photos from videos


def probe(
    path: Path, *, options: Options, tick: Tick = no_tick, reads_frames: bool = True
) -> MediaInfo:
    """Returns the facts of a file. Frames are decoded for ``reads_frames``, which own files skip.

    Raises:
        SourceError: the file is not a video of an accepted format, or is too damaged to read.
        ProcessingError: ffprobe did not finish.
        OSError: the file cannot be read.
    """
    size, whole = _size(path), is_whole(path) and has_all_samples(path)
    header = _header(path, options, whole, tick)
    streams = cast("list[Json]", header.get("streams", []))
    container = cast("Json", header.get("format", {}))
    chosen = choose_video(streams)
    descriptions = read_sample_descriptions(path)
    tracks, frames = None, NO_FRAMES
    if chosen:
        _check_size(chosen, options)
        read = (path, chosen, streams, options, tick)
        tracks, frames = _packets_and_frames(*read, reads_frames=reads_frames)
    # A track without packets is no sound.
    sound = choose_audio(one for one in streams if not tracks or _has_packets(one, tracks))
    timeline = _timeline(container, chosen, sound, tracks)
    video: VideoStream | None = None
    if chosen and tracks:
        cropping = _cropping(path, chosen, streams)
        described = _descriptions(chosen, descriptions)
        timing = _measured(tracks.picture, timeline)
        video = read_video(chosen, timing, frames, descriptions=described, cropping=cropping)
    return MediaInfo(
        container=str(container.get("format_name", "")),
        timeline=timeline,
        shift_seconds=number(container.get("start_time")) - timeline.start,
        size_bytes=size,
        whole=whole,
        video=video,
        audio=_audio(sound, tracks, descriptions) if sound else None,
        subtitles=read_subtitles(streams),
    )


def _size(path: Path) -> int:
    """Returns the size of the file in bytes. Raises: SourceError if it is empty."""
    size = path.stat().st_size
    if size == 0:
        raise SourceError("This file is empty. Upload it again.")
    return size


def _check_size(chosen: Json, options: Options) -> None:
    """Raises: SourceError if FFmpeg dropped the size because -max_pixels forbids it."""
    if not whole_number(chosen.get("width")):
        raise SourceError(
            "The resolution is too high or can't be read. Export the video with at most"
            f" {options.max_pixels // 1_000_000} million pixels, which is more than 4K."
        )


def _audio(
    sound: Json, tracks: _Packets | None, descriptions: dict[int, SampleDescriptions]
) -> AudioStream:
    packets = _packets_of(sound, tracks)
    return read_audio(sound, packets=packets, descriptions=_descriptions(sound, descriptions))


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
        raise _refusal(path, error.detail, options.accepted, whole) from error
    except OutOfMemoryError as error:
        # Videos need a hundredth of the limit; only damaged or forged tables need all of it.
        raise _refusal(path, error.detail, options.accepted, whole) from error
    return cast("Json", json.loads(parts.decode("utf-8", "replace")))


class _Packets(NamedTuple):
    picture: Timing
    sounds: Mapping[int, SoundTiming]  # by the number of the stream


def _packets(
    path: Path, chosen: Json, streams: list[Json], options: Options, tick: Tick
) -> _Packets:
    """Reads the packets of the picture and of all sounds.

    No track is selected, since ffprobe can select only one. For a file of 60 s and 150 MB this
    takes 0.02 s longer than the picture alone.
    """
    pictures = PacketReader()
    sounds = {int(one["index"]): SoundReader() for one in streams if _is_sound(one)}
    lines = TrackReader(int(chosen["index"]), pictures, sounds)
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
            ["-show_entries", PACKET_ENTRIES, "-of", "csv=print_section=0"],
            options=options,
            on_output=feed,
            tick=tick,
        )
    except FfmpegFailedError as error:
        raise SourceError(
            "This file is damaged and can't be read to its end. Upload it again.",
            detail=error.detail,
        ) from error
    return _Packets(pictures.timing(), {index: one.timing() for index, one in sounds.items()})


def _packets_and_frames(
    path: Path,
    chosen: Json,
    streams: list[Json],
    options: Options,
    tick: Tick,
    *,
    reads_frames: bool,
) -> tuple[_Packets, FrameFacts]:
    """Lists the packets and decodes frames, both at once if the header says where to seek."""
    if not reads_frames or not chosen.get("pix_fmt"):
        return _packets(path, chosen, streams, options, tick), NO_FRAMES
    begin, duration = number(chosen.get("start_time")), number(chosen.get("duration"))
    if duration:
        declared = Span(begin, begin + duration)
        with beside(lambda end: _frames(path, chosen, declared, options, end)) as frames:
            return _packets(path, chosen, streams, options, tick), frames(tick)
    packets = _packets(path, chosen, streams, options, tick)
    start, end = packets.picture.start, packets.picture.end
    span = None if start is None or end is None else Span(start, end)
    return packets, _frames(path, chosen, span, options, tick)


def _frames(
    path: Path, chosen: Json, span: Span | None, options: Options, tick: Tick
) -> FrameFacts:
    """Decodes frames at a few places. Finds none in files that cannot be decoded."""
    parts = bytearray()
    try:
        messages = _ffprobe(
            path,
            [
                *("-select_streams", str(chosen["index"]), "-show_entries", FRAME_ENTRIES),
                *("-read_intervals", read_intervals(span), "-of", "compact"),
            ],
            options=options,
            on_output=parts.extend,
            tick=tick,
        )
    except NO_FRAMES_READ as error:
        messages = error.detail
    return parse_frames(parts.decode("ascii", "replace"), messages)


def _descriptions(stream: Json, found: dict[int, SampleDescriptions]) -> SampleDescriptions | None:
    number_of_track = str(stream.get("id", ""))
    return found.get(int(number_of_track, 0)) if number_of_track.startswith("0x") else None


def _cropping(path: Path, chosen: Json, streams: list[Json]) -> CroppedTrack:
    """Returns the cropping of the chosen track of a Matroska file: the n-th of its pictures."""
    pictures = [one["index"] for one in streams if one.get("codec_type") == "video"]
    place = pictures.index(chosen["index"])
    found = read_cropping(path)
    return found[place] if place < len(found) else NOT_CROPPED


def _ffprobe(
    path: Path,
    arguments: Iterable[str],
    *,
    options: Options,
    on_output: Callable[[bytes], None],
    tick: Tick,
) -> str:
    return capture(
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


def _refusal(path: Path, stderr: str, accepted: tuple[str, ...], whole: bool) -> SourceError:
    """Returns an error whose sentence explains what ffprobe wrote."""
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    return SourceError(unreadable_file(stderr, accepted, head, is_whole=whole), detail=stderr)


# -- measuring


def _measured(picture: Timing, timeline: Timeline) -> Timing:
    return replace(picture, keyframe_spacing=keyframe_spacing(picture, timeline))


def _is_sound(stream: Json) -> bool:
    return stream.get("codec_type") == "audio"


def _packets_of(sound: Json, tracks: _Packets | None) -> int:
    return tracks.sounds[int(sound["index"])].packets if tracks else 0


def _has_packets(stream: Json, tracks: _Packets) -> bool:
    return not _is_sound(stream) or _packets_of(stream, tracks) > 0


def _timeline(
    container: Json, video: Json | None, sound: Json | None, tracks: _Packets | None
) -> Timeline:
    declared = _declared(container, video, sound)
    if tracks is None:
        return Timeline(start=declared.start, end=declared.end)
    heard = tracks.sounds[int(sound["index"])] if sound else None
    return common_timeline(tracks.picture, heard, declared=declared)


def _declared(container: Json, *streams: Json | None) -> Span:
    """Returns when the chosen tracks start and end by the header.

    The container's own duration is used only if nothing else is known: in Matroska it may be the
    timestamp of the end instead of the time from the start to the end.
    """
    start = number(container.get("start_time"))
    ends = [
        number(one.get("start_time")) + number(one.get("duration"))
        for one in streams
        if one is not None and number(one.get("duration")) > 0
    ]
    return Span(start, max(start, *ends) if ends else start + number(container.get("duration")))
