"""Reads the packets of tracks, and some frames of the picture, with ffprobe."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from videos.transcode.beside import beside
from videos.transcode.errors import FfmpegFailedError, OutOfMemoryError, OutOfTimeError, SourceError
from videos.transcode.ffprobe import ffprobe
from videos.transcode.frames import (
    FRAME_ENTRIES,
    NO_FRAMES,
    FrameFacts,
    parse_frames,
    read_intervals,
)
from videos.transcode.streams import Json, is_sound, number
from videos.transcode.timeline import Span
from videos.transcode.timing import (
    PACKET_ENTRIES,
    PacketReader,
    SoundReader,
    SoundTiming,
    Timing,
    TrackReader,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from videos.transcode.masking import View
    from videos.transcode.types import Options, Tick

FRAMES_SLACK = 1.2  # above the frames of the longest video at the highest published rate
# After these errors the plan goes by headers and packets: a place that ffprobe cannot seek to, or a
# decoder that needs too much.
NO_FRAMES_READ = (FfmpegFailedError, OutOfMemoryError, OutOfTimeError)


class Tracks(NamedTuple):
    """The packets of the chosen picture and of all sounds."""

    picture: Timing
    sounds: Mapping[int, SoundTiming]  # by the number of the stream


def _packets(view: View, chosen: Json, streams: list[Json], options: Options, tick: Tick) -> Tracks:
    """Reads the packets of the picture and of all sounds.

    No track is selected, since ffprobe can select only one. For a file of 60 s and 150 MB this
    takes 0.02 s longer than the picture alone.
    """
    pictures = PacketReader()
    sounds = {int(one["index"]): SoundReader() for one in streams if is_sound(one)}
    lines = TrackReader(int(chosen["index"]), pictures, sounds)
    max_frames = round(options.max_duration_seconds * options.max_fps * FRAMES_SLACK)

    def feed(part: bytes) -> None:
        lines.feed(part)
        if pictures.frames > max_frames:
            raise SourceError(
                "This video has more frames than the longest video may have. Upload it in parts."
            )

    try:
        ffprobe(
            view,
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
    return Tracks(pictures.timing(), {index: one.timing() for index, one in sounds.items()})


def read_tracks(
    view: View,
    chosen: Json,
    streams: list[Json],
    options: Options,
    tick: Tick,
    *,
    reads_frames: bool,
) -> tuple[Tracks, FrameFacts]:
    """Lists the packets and decodes frames, both at once if the header says where to seek."""
    if not reads_frames or not chosen.get("pix_fmt"):
        return _packets(view, chosen, streams, options, tick), NO_FRAMES
    begin, duration = number(chosen.get("start_time")), number(chosen.get("duration"))
    if duration:
        declared = Span(begin, begin + duration)
        with beside(lambda end: _frames(view, chosen, declared, options, end)) as frames:
            return _packets(view, chosen, streams, options, tick), frames(tick)
    packets = _packets(view, chosen, streams, options, tick)
    start, end = packets.picture.start, packets.picture.end
    span = None if start is None or end is None else Span(start, end)
    return packets, _frames(view, chosen, span, options, tick)


def _frames(
    view: View, chosen: Json, span: Span | None, options: Options, tick: Tick
) -> FrameFacts:
    """Decodes frames at a few places. Finds none in files that cannot be decoded."""
    parts = bytearray()
    try:
        messages = ffprobe(
            view,
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
