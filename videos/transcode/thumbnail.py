"""Makes the thumbnail of a video: one of its frames, black only if all are."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ffmpeg

from clipset.lib.sandbox import Access
from videos.transcode.commands import SCALE_FLAGS, address, compiled
from videos.transcode.confine import Limits
from videos.transcode.errors import (
    FfmpegFailedError,
    OutOfMemoryError,
    OutOfTimeError,
    OutputTooLargeError,
)
from videos.transcode.formats import input_options
from videos.transcode.ladder import fit
from videos.transcode.run import capture
from videos.transcode.types import Options, Tick, no_tick

if TYPE_CHECKING:
    from pathlib import Path

    from videos.transcode.media import VideoStream

JPEG_QUALITY = 4  # mjpeg's scale of 2 (best) to 31
# A frame is black if the brightest tenth of its pixels is at most this luma (black 16, white 235).
MAX_BLACK_LUMA = 40

SIZE_LIMIT_BYTES = 64 * 1024 * 1024
THUMBNAIL_SECONDS = 60.0  # limit for each attempt to find a frame
THUMBNAIL_AT_SECONDS = 1.0
LOOK_AHEAD_SECONDS = 10.0
SHORT_ENOUGH_TO_DECODE_SECONDS = 60.0

# After these errors the video is published without a thumbnail; all others end the run.
NO_THUMBNAIL = (FfmpegFailedError, OutOfMemoryError, OutOfTimeError, OutputTooLargeError)


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameSearch:
    """Where to search for a thumbnail frame.

    Attributes:
        start: seconds from the beginning of the video.
        seconds: how long to search; None for up to the end.
        keyframes_only: decode only keyframes.
        skip_black: take the first frame that is not black instead of the first frame.
    """

    start: float
    seconds: float | None = None
    keyframes_only: bool = False
    skip_black: bool = True


def thumbnail_command(
    video: Path, output: Path, search: FrameSearch, *, width: int, height: int, options: Options
) -> list[str]:
    """Writes one frame of a finished rendition as JPEG, or no file if no frame matches."""
    where: dict[str, Any] = {"ss": f"{search.start:.3f}"}
    if search.seconds is not None:
        where["t"] = f"{search.seconds:.3f}"
    if search.keyframes_only:
        where["skip_frame"] = "nokey"
    stream = ffmpeg.input(
        address(video),
        **input_options(("mp4",), options.max_pixels, options.max_streams),
        **where,
    )
    # JFIF is BT.601 in full range.
    picture = stream["v:0"].filter(
        "scale",
        w=width,
        h=height,
        flags=SCALE_FLAGS,
        out_range="tv",
        out_color_matrix="smpte170m",
    )
    picture = picture.filter("setsar", "1").filter("format", "yuv420p")
    if search.skip_black:
        picture = _without_black(picture)
    picture = picture.filter("scale", out_range="pc").filter("format", "yuvj420p")
    target = ffmpeg.output(
        picture,
        address(output),
        **{"c:v": "mjpeg", "q:v": JPEG_QUALITY, "flags:v": "+bitexact", "frames:v": 1},
        format="image2",
        update=1,
        map_metadata="-1",
    )
    return compiled(target, options)


def _without_black(picture: Any) -> Any:
    return picture.filter("signalstats").filter(
        "metadata",
        mode="select",
        key="lavfi.signalstats.YHIGH",
        value=MAX_BLACK_LUMA,
        function="greater",
    )


def make_thumbnail(
    video: Path,
    thumbnail: Path,
    *,
    size: tuple[int, int],
    seconds: float,
    options: Options,
    tick: Tick = no_tick,
    at: float | None = None,
) -> bool:
    """Writes one frame of a finished rendition as JPEG. Returns False if no frame could be read.

    Takes the frame at 1 s, or in the middle of a shorter video. If that one is black, takes the
    next frame that is not, or the first such frame of the video. The thumbnail is black only if
    everything that was searched is black: all frames of a short video, the keyframes of a long one.

    Args:
        size, seconds: of ``video``.
        at: a time by ``frame_near``, chosen by a member: takes that frame even if it is black.
    """
    side = options.thumbnail_long_side
    width, height = fit(*size, short=side, long=side)
    access = Access(reads=(video,), folder=thumbnail.parent)
    for search in _searches(seconds, at):
        thumbnail.unlink(missing_ok=True)  # confined, FFmpeg can't overwrite it
        argv = thumbnail_command(
            video, thumbnail, search, width=width, height=height, options=options
        )
        limits = Limits(
            wall_seconds=THUMBNAIL_SECONDS,
            memory_bytes=options.memory_bytes,
            file_bytes=SIZE_LIMIT_BYTES,
            nice=options.nice,
        )
        with suppress(*NO_THUMBNAIL):
            capture(argv, limits=limits, on_output=lambda _: None, tick=tick, access=access)
        if thumbnail.exists() and thumbnail.stat().st_size > 0:
            return True
    return False


def frame_near(seconds: float, video: VideoStream) -> float:
    """Returns a time at which a frame is shown: that of the last one for a time after the end."""
    # A little before the start of the last frame; the sound may be longer.
    last = (video.frames - 1) / video.average_fps - 0.01 if video.average_fps else 0.0
    return max(0.0, min(seconds, last))


def _searches(length: float, at: float | None) -> tuple[FrameSearch, ...]:
    """Returns the searches to try in this order until one finds a frame."""
    moment = THUMBNAIL_AT_SECONDS if length > THUMBNAIL_AT_SECONDS else length / 2
    searches = (
        FrameSearch(start=moment, seconds=LOOK_AHEAD_SECONDS),
        FrameSearch(start=0.0, keyframes_only=length > SHORT_ENOUGH_TO_DECODE_SECONDS),
        FrameSearch(start=moment, skip_black=False),
        # The last frame may be before the middle if the sound is longer than the picture.
        FrameSearch(start=0.0, skip_black=False),
    )
    if at is None:
        return searches
    return (FrameSearch(start=at, skip_black=False), *searches)
