"""All stages in a row: from an uploaded file to one that browsers play, with its picture."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from videos.transcode.commands import (
    DAMAGED_STATUS,
    FrameSearch,
    output_path,
    thumbnail_command,
    transcode_command,
)
from videos.transcode.confine import Limits
from videos.transcode.encoders import SOFTWARE, choose_encoder, fallen_back, may_be_hardware
from videos.transcode.errors import (
    FfmpegFailedError,
    OutOfMemoryError,
    OutOfTimeError,
    OutputTooLargeError,
    ProcessingError,
    SourceError,
)
from videos.transcode.ladder import fit
from videos.transcode.media import MediaInfo, VideoStream
from videos.transcode.plan import make_plan, plan_lower
from videos.transcode.probe import probe
from videos.transcode.publish import check_output
from videos.transcode.run import capture, run
from videos.transcode.types import (
    Begun,
    EncoderChoice,
    EncoderName,
    Made,
    Options,
    Plan,
    Progress,
    Tick,
    TranscodeResult,
    no_begun,
    no_tick,
)

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

THUMBNAIL_NAME = "thumbnail.jpg"

# A net under the file size, not a budget: what a plan asks for stays far below.
SIZE_FACTOR = 2
SIZE_SLACK_BYTES = 64 * 1024 * 1024

THUMBNAIL_SECONDS = 60.0  # for each attempt to find a picture
THUMBNAIL_AT_SECONDS = 1.0
LOOK_AHEAD_SECONDS = 10.0
SHORT_ENOUGH_TO_DECODE_SECONDS = 60.0

# A video without a thumbnail is better than none; all else ends the run as anywhere.
NO_PICTURE = (FfmpegFailedError, OutOfMemoryError, OutOfTimeError, OutputTooLargeError)

# Not one picture could be decoded. Other complaints about the data stand beside failures of ours
# too, and whoever is at fault loses the source: what is not certain counts as ours.
DAMAGED = re.compile(r"input stream \S+ after EOF")


def transcode(
    source: Path,
    workdir: Path,
    *,
    options: Options,
    tick: Tick = no_tick,
    begun: Begun = no_begun,
) -> TranscodeResult:
    """Make ``workdir/<name>.mp4`` for each rendition, and ``workdir/thumbnail.jpg``, of a source.

    All are whole when this returns and none is published: ``publish.publish_file`` does that.
    What an earlier attempt left under these names is replaced. Call it from a worker's main
    thread (see ``run``).

    Args:
        tick: called about once a second throughout; what it raises ends FFmpeg and this.
        begun: called between the plan and FFmpeg.

    Raises:
        SourceError: the content is at fault.
        ProcessingError: our side is.
        OSError: a folder or file cannot be read or written.
    """
    workdir.mkdir(exist_ok=True)
    thumbnail = workdir / THUMBNAIL_NAME
    thumbnail.unlink(missing_ok=True)

    info = probe(source, options=options, tick=tick)
    plan = make_plan(info, options)
    encoder = make_renditions(source, workdir, info, plan, options=options, tick=tick, begun=begun)
    renditions, top = _checked(workdir, plan, options=options, tick=tick)
    has_picture = make_thumbnail(
        renditions[0].path, thumbnail, top, options=options, tick=_nearly_done(tick)
    )
    return TranscodeResult(
        info=info,
        plan=plan,
        renditions=renditions,
        thumbnail=thumbnail if has_picture else None,
        encoder=encoder,
    )


def transcode_lower(
    top: Path,
    workdir: Path,
    *,
    options: Options,
    tick: Tick = no_tick,
    there: Collection[str] = frozenset(),
) -> tuple[Made, ...]:
    """Make ``workdir/<name>.mp4`` for each rendition below a published largest one.

    Args:
        top: the published file. It is only read.
        there: names of renditions that exist already.

    Returns:
        What was made, the largest first; nothing when there is nothing to make.

    Raises:
        SourceError: ``top`` cannot be decoded, and will not be the next time either. For a copy
            that says nothing about whether browsers play it, so it is no reason to withdraw it.
        ProcessingError, OSError: as for ``transcode``.
    """
    workdir.mkdir(exist_ok=True)
    # What members may send says nothing about what we read of our own.
    options = replace(options, accepted=("mp4",))
    info = probe(top, options=options, tick=tick)
    plan = plan_lower(info, options, there=there)
    if plan is None:
        return ()
    make_renditions(top, workdir, info, plan, options=options, tick=tick)
    renditions, _ = _checked(workdir, plan, options=options, tick=tick)
    return renditions


def _nearly_done(tick: Tick) -> Tick:
    return lambda _: tick(Progress(fraction=1.0, seconds_left=0.0))


def _checked(
    workdir: Path, plan: Plan, *, options: Options, tick: Tick
) -> tuple[tuple[Made, ...], MediaInfo]:
    """All renditions, and what the first of them holds."""
    renditions: list[Made] = []
    infos: list[MediaInfo] = []
    for rendition in plan.renditions:
        path = output_path(workdir, rendition)
        info = check_output(path, plan, rendition, options=options, tick=_nearly_done(tick))
        assert info.video is not None  # check_output saw to it
        infos.append(info)
        made = Made(
            rendition=rendition,
            path=path,
            width=info.video.width,
            height=info.video.height,
            fps=info.video.fps,
            duration_seconds=info.duration_seconds,
            size_bytes=info.size_bytes,
        )
        renditions.append(made)
    return tuple(renditions), infos[0]


def make_renditions(
    source: Path,
    workdir: Path,
    info: MediaInfo,
    plan: Plan,
    *,
    options: Options,
    tick: Tick = no_tick,
    begun: Begun = no_begun,
) -> EncoderChoice | None:
    """Run FFmpeg over a plan; once more with libx264 if a hardware encoder fails at it.

    Returns:
        The encoder that made it; None for a copy. Errors as for ``transcode``.
    """
    begun(plan)
    choice = None if plan.copied else choose_encoder(options, tick)
    name = choice.name if choice else SOFTWARE
    try:
        _run(source, workdir, info, plan, encoder=name, options=options, tick=tick)
    except ProcessingError as error:
        if choice is None or name == SOFTWARE or not may_be_hardware(error):
            raise
        choice = fallen_back(choice, error)
        begun(plan)
        _run(source, workdir, info, plan, encoder=SOFTWARE, options=options, tick=tick)
    return choice


def _run(
    source: Path,
    workdir: Path,
    info: MediaInfo,
    plan: Plan,
    *,
    encoder: EncoderName,
    options: Options,
    tick: Tick,
) -> None:
    for rendition in plan.renditions:
        # Not written over: whoever reads what was there is not to see it change.
        output_path(workdir, rendition).unlink(missing_ok=True)
    try:
        run(
            transcode_command(source, workdir, plan, options, encoder=encoder),
            duration=plan.duration_seconds,
            limits=_limits(info, plan, options),
            stall_limit=options.stall_seconds,
            tick=tick,
            cwd=workdir,
        )
    except FfmpegFailedError as error:
        if error.status == DAMAGED_STATUS or DAMAGED.search(error.detail):
            raise SourceError(
                "The file is damaged and cannot be read to its end. If it plays on your device,"
                " export it again and upload that.",
                detail=error.detail,
            ) from error
        raise


def _limits(info: MediaInfo, plan: Plan, options: Options) -> Limits:
    # Of each file; the first is the largest.
    encoding = plan.top.encoding
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
    video: Path,
    thumbnail: Path,
    made: MediaInfo,
    *,
    options: Options,
    tick: Tick = no_tick,
    at: float | None = None,
) -> bool:
    """Write a JPEG of a finished rendition; False when no frame could be had.

    The frame at 1 s, or the middle of a shorter clip; if that is black the first after it that is
    not, or the first of all. Black only when everything looked at is: all frames of a short
    video, the keyframes of a long one.

    Args:
        made: what ``video`` holds.
        at: seconds from the start, chosen by a person: that frame, black or not, and the last one
            for a moment after the end.
    """
    assert made.video is not None
    side = options.thumbnail_long_side
    width, height = fit(made.video.width, made.video.height, short=side, long=side)
    for look in _looks(made.duration_seconds, made.video, at):
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


def _looks(length: float, video: VideoStream, at: float | None) -> tuple[FrameSearch, ...]:
    """Where to look, in this order, until there is a picture."""
    moment = THUMBNAIL_AT_SECONDS if length > THUMBNAIL_AT_SECONDS else length / 2
    looks = (
        FrameSearch(start=moment, seconds=LOOK_AHEAD_SECONDS),
        FrameSearch(start=0.0, keyframes_only=length > SHORT_ENOUGH_TO_DECODE_SECONDS),
        FrameSearch(start=moment, skip_black=False),
        # The last frame may lie before the middle when most of the length is sound.
        FrameSearch(start=0.0, skip_black=False),
    )
    if at is None:
        return looks
    # A little before the last frame begins; sound may go on for longer.
    last = (video.frames - 1) / video.average_fps - 0.01 if video.average_fps else 0.0
    chosen = FrameSearch(start=max(0.0, min(at, last)), skip_black=False)
    return (chosen, *looks)
