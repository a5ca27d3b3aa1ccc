"""All stages in a row: from an uploaded file to one that browsers play, with its picture."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING

from videos.transcode.commands import DAMAGED_STATUS, Look, thumbnail_command, transcode_command
from videos.transcode.errors import (
    FfmpegFailed,
    OutOfMemory,
    OutOfTime,
    OutputTooLarge,
    SourceError,
)
from videos.transcode.plan import fit, make_plan
from videos.transcode.probe import probe
from videos.transcode.publish import check_output
from videos.transcode.run import Limits, capture, run
from videos.transcode.types import MediaInfo, Options, Plan, Progress, Result, Tick, no_tick

if TYPE_CHECKING:
    from pathlib import Path

OUTPUT_NAME = "output.mp4"
THUMBNAIL_NAME = "thumbnail.jpg"

# A net under the file size, not a budget: what a plan asks for stays far below.
SIZE_FACTOR = 2
SIZE_SLACK_BYTES = 64 * 1024 * 1024

THUMBNAIL_SECONDS = 60.0  # for each attempt to find a picture
THUMBNAIL_AT_SECONDS = 1.0
LOOK_AHEAD_SECONDS = 10.0
SHORT_ENOUGH_TO_DECODE_SECONDS = 60.0

# A video without a thumbnail is better than none; all else ends the run as anywhere.
NO_PICTURE = (FfmpegFailed, OutOfMemory, OutOfTime, OutputTooLarge)

# Not one picture could be decoded. Other complaints about the data stand beside failures of ours
# too, and whoever is at fault loses the source: what is not certain counts as ours.
DAMAGED = re.compile(r"input stream \S+ after EOF")


def transcode(source: Path, workdir: Path, *, options: Options, tick: Tick = no_tick) -> Result:
    """Make ``workdir/output.mp4`` and ``workdir/thumbnail.jpg`` of a source.

    Both are whole when this returns and neither is published: ``publish.publish_file`` does that.
    What an earlier attempt left under these names is replaced. Call it from a worker's main
    thread (see ``run``).

    Args:
        tick: called about once a second throughout; what it raises ends FFmpeg and this.

    Raises:
        SourceError: the content is at fault.
        ProcessingError: our side is.
        OSError: a folder or file cannot be read or written.
    """
    workdir.mkdir(parents=True, exist_ok=True)
    output, thumbnail = workdir / OUTPUT_NAME, workdir / THUMBNAIL_NAME
    for leftover in (output, thumbnail):
        leftover.unlink(missing_ok=True)

    info = probe(source, options=options, tick=tick)
    plan = make_plan(info, options)
    make_rendition(source, output, info, plan, options=options, tick=tick)

    def nearly_done(_: Progress) -> None:
        tick(Progress(fraction=1.0, seconds_left=0.0))

    made = check_output(output, plan, options=options, tick=nearly_done)
    has_picture = make_thumbnail(output, thumbnail, made, options=options, tick=nearly_done)
    assert made.video is not None  # check_output saw to it
    return Result(
        info=info,
        plan=plan,
        output=output,
        thumbnail=thumbnail if has_picture else None,
        width=made.video.width,
        height=made.video.height,
        duration_seconds=made.duration_seconds,
        video_codec=made.video.codec,
        audio_codec=made.audio.codec if made.audio else None,
        copied=plan.copied,
        size_bytes=made.size_bytes,
    )


def make_rendition(
    source: Path, output: Path, info: MediaInfo, plan: Plan, *, options: Options, tick: Tick
) -> None:
    """Run FFmpeg over a plan. Errors as for ``transcode``."""
    try:
        run(
            transcode_command(source, output, plan, options),
            duration=plan.duration_seconds,
            limits=_limits(info, plan, options),
            stall_limit=options.stall_seconds,
            tick=tick,
            cwd=output.parent,
        )
    except FfmpegFailed as error:
        if error.status == DAMAGED_STATUS or DAMAGED.search(error.detail):
            raise SourceError(
                "The file is damaged and cannot be read to its end. If it plays on your device,"
                " export it again and upload that.",
                detail=error.detail,
            ) from error
        raise


def _limits(info: MediaInfo, plan: Plan, options: Options) -> Limits:
    encoding = plan.rendition.encoding
    sound = options.audio_bitrate if plan.sound else 0
    bits = plan.duration_seconds * (sound + (encoding.maxrate if encoding else 0))
    expected = bits / 8 + (0 if encoding else info.size_bytes)
    return Limits(
        wall_seconds=max(
            options.wall_clock_floor_seconds, options.wall_clock_factor * plan.duration_seconds
        ),
        memory_bytes=options.memory_bytes,
        file_bytes=SIZE_SLACK_BYTES + round(SIZE_FACTOR * expected),
        nice=options.nice,
    )


def make_thumbnail(
    video: Path, thumbnail: Path, made: MediaInfo, *, options: Options, tick: Tick = no_tick
) -> bool:
    """Write a JPEG of a finished rendition; False when no frame could be had.

    The frame at 1 s, or the middle of a shorter clip; if that is black the first after it that is
    not, or the first of all. Black only when everything looked at is: all frames of a short
    video, the keyframes of a long one.
    """
    assert made.video is not None
    side = options.thumbnail_long_side
    width, height = fit(made.video.width, made.video.height, short=side, long=side)
    length = made.duration_seconds
    moment = THUMBNAIL_AT_SECONDS if length > THUMBNAIL_AT_SECONDS else length / 2
    looks = (
        Look(start=moment, seconds=LOOK_AHEAD_SECONDS),
        Look(start=0.0, keyframes_only=length > SHORT_ENOUGH_TO_DECODE_SECONDS),
        Look(start=moment, skip_black=False),
        # The last frame may lie before the middle when most of the length is sound.
        Look(start=0.0, skip_black=False),
    )
    for look in looks:
        argv = thumbnail_command(
            video, thumbnail, look, width=width, height=height, options=options
        )
        limits = Limits(
            wall_seconds=THUMBNAIL_SECONDS,
            memory_bytes=options.memory_bytes,
            file_bytes=SIZE_SLACK_BYTES,
            nice=options.nice,
        )
        with suppress(*NO_PICTURE):
            capture(argv, limits=limits, on_output=lambda _: None, tick=tick, cwd=video.parent)
        if thumbnail.exists() and thumbnail.stat().st_size > 0:
            return True
    return False
