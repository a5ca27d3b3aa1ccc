"""Checks a processed file against its plan, and moves it to where it is served from."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from clipset.lib.durable import sync
from videos.transcode.errors import DifferentTimesError, FaultyResultError
from videos.transcode.fragments import read_index, track_ends
from videos.transcode.made import MadeFacts, read_made
from videos.transcode.run import disk_full
from videos.transcode.timeline import MAX_SOUND_DELAY_SECONDS
from videos.transcode.types import Plan, PlannedRendition

if TYPE_CHECKING:
    from collections.abc import Callable
    from fractions import Fraction
    from pathlib import Path

COPY_CHUNK_BYTES = 16 * 1024 * 1024
# How much the times of a result may differ from its timeline, beside one frame of its picture: AAC
# starts with up to 2048 samples that are not heard and ends with a full packet.
SLACK_SECONDS = 0.1
FAULTY = (
    "The processed video is faulty, so it wasn't published. Try again; if it fails again, the file"
    " may be damaged: play it to its end on your device."
)
OTHER_TIMES = (
    "We couldn't keep the picture and the sound of this video together, so it wasn't published."
    " Export it again on your device and upload that."
)
NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def check_output(
    path: Path,
    plan: Plan,
    rendition: PlannedRendition,
    *,
    fps: Fraction,
) -> MadeFacts:
    """Compares a finished file with its plan. Returns its facts.

    Args:
        fps: the frames in a second, as planned.

    Raises:
        DifferentTimesError: its times differ from the plan's timeline; with the same plan they
            would again.
        FaultyResultError: the file differs from the plan otherwise. This is also raised for a
            damaged source, because the source may be the only copy and must be kept.
    """
    try:
        made = read_made(path)
    except ValueError as error:
        raise _failed(f"{rendition.name}: {error}") from error
    for problem in _differences(made, plan, rendition):
        raise _failed(f"{rendition.name}: {problem}")
    if problems := _other_times(path, made, plan, frame_seconds=float(1 / fps)):
        raise DifferentTimesError(OTHER_TIMES, detail=f"{rendition.name}: {', '.join(problems)}")
    return made


def _differences(made: MadeFacts, plan: Plan, rendition: PlannedRendition) -> list[str]:
    problems = []
    if not made.whole:
        problems.append("the output is cut short")
    if made.picture != rendition.codec:
        problems.append(f"no picture in {rendition.codec} in the output")
    elif made.frames == 0:
        # FFmpeg exits with 0 even then: it drops all frames that have the same timestamp.
        problems.append("the picture track of the output is empty")
    elif (made.width, made.height) != (rendition.width, rendition.height):
        problems.append(
            f"{made.width} x {made.height} instead of {rendition.width} x {rendition.height}"
        )
    planned = plan.sounds_of(rendition)
    if len(made.sounds) != len(planned):
        problems.append(f"{len(made.sounds)} sound tracks instead of {len(planned)}")
    problems += [
        f"sound is {sound.codec} instead of {wanted.codec}"
        for sound, wanted in zip(made.sounds, planned, strict=False)
        if sound.codec != wanted.codec
    ]
    return problems


def _other_times(path: Path, made: MadeFacts, plan: Plan, *, frame_seconds: float) -> list[str]:
    """Returns where the tracks of a result do not start and end as planned.

    Their ends are those of the fragments, because FFmpeg's demuxer does not tell how long the last
    frame is shown or the last packet of sound lasts.
    """
    index, planned = read_index(path), plan.timeline
    start, slack = made.start(frame_seconds), SLACK_SECONDS + min(1.0, frame_seconds)
    problems = []
    ends_of_tracks = track_ends(path, index)
    numbers = [index.video_track, *sorted(ends_of_tracks.keys() - {index.video_track})]
    starts = [made.picture_start, *(one.start for one in made.sounds)]
    for name, number, begins in zip(_names(made), numbers, starts, strict=False):
        # Fragments do not tell of an edit list by which a track starts late.
        ends = float(ends_of_tracks.get(number, 0)) + begins - start
        if abs(ends - planned.duration) > slack:
            problems.append(f"the {name} ends at {ends:.3f} s, not {planned.duration:.3f} s")
    for place, (name, sound) in enumerate(zip(_names(made)[1:], made.sounds, strict=True)):
        delay = sound.start - made.picture_start
        delay -= planned.sound_delay(place) if plan.keeps_times else 0.0
        if abs(delay) > slack + MAX_SOUND_DELAY_SECONDS:
            problems.append(f"the {name} starts {delay:.3f} s after the picture")
    return problems


def _names(made: MadeFacts) -> list[str]:
    """Returns names of the tracks, in the order of the file."""
    several = [f"sound {n}" for n in range(1, len(made.sounds) + 1)]
    return ["picture", *(several if len(several) > 1 else ["sound"][: len(several)])]


def _failed(detail: str) -> FaultyResultError:
    return FaultyResultError(FAULTY, detail=detail)


def publish_file(work: Path, final: Path, *, tick: Callable[[], None] = lambda: None) -> None:
    """Moves a finished file to where it is served from: complete and synced, or not at all.

    Replaces an existing ``final``. If it is in another file system, the bytes are copied to a
    temporary name beside it first, and ``tick`` is called during the copy. If ``tick`` raises, the
    copy ends and leaves nothing.

    Raises:
        DiskFullError: there is no space for the file.
        OSError: another error of the file system.
    """
    sync(work)
    try:
        work.rename(final)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        copy_file(work, final, tick=tick)
        work.unlink()
    sync(final.parent)


def copy_file(source: Path, target: Path, *, tick: Callable[[], None] = lambda: None) -> None:
    """Copies a file: complete and synced, or not at all. Keeps the source.

    The new name is durable only after ``sync`` of its folder. For ``tick`` and errors see
    ``publish_file``.
    """
    beside = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with source.open("rb") as bytes_in, beside.open("wb") as bytes_out:
            while chunk := bytes_in.read(COPY_CHUNK_BYTES):
                bytes_out.write(chunk)
                bytes_out.flush()
                # Synced in parts, since one sync at the end would take long without a tick.
                os.fsync(bytes_out.fileno())
                tick()
        beside.rename(target)
    except OSError as error:
        if error.errno in NO_SPACE:
            raise disk_full(detail=str(error)) from error
        raise
    finally:
        beside.unlink(missing_ok=True)
