"""The whole pipeline: turns an uploaded file into one that browsers play."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from clipset.lib.sandbox import Access
from videos.transcode.aac import reason_to_encode
from videos.transcode.budget import with_fitted_sounds
from videos.transcode.caps import check_caps
from videos.transcode.commands import (
    DAMAGED_STATUS,
    output_path,
    transcode_command,
)
from videos.transcode.encoders import (
    SOFTWARE,
    choose_encoder,
    devices_of,
    fallen_back,
    may_be_hardware,
)
from videos.transcode.errors import (
    DifferentTimesError,
    FaultyResultError,
    FfmpegFailedError,
    NotFragmentedError,
    ProcessingError,
    SourceError,
    UnfitCopyError,
)
from videos.transcode.finalise import finalise
from videos.transcode.fragments import read_index
from videos.transcode.limits import limits_of
from videos.transcode.nal import reason_against_copy
from videos.transcode.plan import make_plan, plan_lower
from videos.transcode.plan_sounds import with_encoded
from videos.transcode.probe import probe
from videos.transcode.publish import FAULTY, check_output
from videos.transcode.results import Made, TranscodeResult
from videos.transcode.run import run
from videos.transcode.sound_tracks import sound_tracks
from videos.transcode.types import (
    NEARLY_DONE,
    EncoderChoice,
    EncoderName,
    OnStart,
    Options,
    Plan,
    Tick,
    no_start,
    no_tick,
)
from videos.transcode.user_data import remove_user_data

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from fractions import Fraction
    from pathlib import Path

    from videos.transcode.early import EarlyCopy
    from videos.transcode.made import MadeFacts
    from videos.transcode.media import Hdr, MediaInfo
    from videos.transcode.types import PlannedRendition

# FFmpeg writes this if no frame could be decoded, or if it has no decoder at all. Its other
# complaints about data also appear when the server is at fault. A source that is at fault is
# removed later, so doubtful cases are not.
DAMAGED = re.compile(r"input stream \S+ after EOF|[Dd]ecoder .*not found for|no decoder found for")


# How a sound track can make a run fail.
MAY_BE_A_SOUND = (
    DifferentTimesError,
    FaultyResultError,
    FfmpegFailedError,
    NotFragmentedError,
    SourceError,
)


def transcode(
    source: Path,
    workdir: Path,
    *,
    options: Options,
    info: MediaInfo | None = None,
    tick: Tick = no_tick,
    on_start: OnStart = no_start,
    early: EarlyCopy | None = None,
) -> TranscodeResult:
    """Makes ``workdir/<name>.mp4`` for each rendition from a source.

    All files are complete when this returns; ``publish.publish_file`` publishes them. Files of an
    earlier attempt are replaced. Call this from a worker's main thread (see ``run``).

    Args:
        info: facts of the source, if they are known.
        tick: called about once a second throughout. What it raises ends FFmpeg and this function.
        on_start: called after planning, before FFmpeg starts.
        early: a copy that was started before ``info`` was known.

    Raises:
        SourceError: the content of the file is at fault.
        ProcessingError: the server is at fault.
        OSError: a folder or file cannot be read or written.
    """
    workdir.mkdir(exist_ok=True)
    info = info or probe(source, options=options, tick=tick)
    made = partial(_copied_or_encoded, source, workdir, options, tick, on_start, early)
    try:
        return made(info)
    except MAY_BE_A_SOUND as error:
        if not info.sounds:
            raise
        # A sound that is broken does not take the video along.
        fewer = replace(options, max_sounds=1, decodes_sounds=True)
        left = probe(source, options=fewer, tick=tick)
        if left.sounds == info.sounds:
            raise
        return replace(made(left), sounds_failed=f"{error}\n{error.detail}")


def _copied_or_encoded(
    source: Path,
    workdir: Path,
    options: Options,
    tick: Tick,
    on_start: OnStart,
    early: EarlyCopy | None,
    info: MediaInfo,
) -> TranscodeResult:
    """Makes and checks the renditions. Encodes after all if a copy of picture or sound shows that
    players could not play it, or does not fill its timeline.

    That is found in the copy, not in the source, because all copies have the same layout. It costs
    a copy, which is rare and takes seconds.
    """
    run_plan = partial(make_renditions, options=options, tick=tick, on_start=on_start, early=early)

    def result(info: MediaInfo) -> TranscodeResult:
        plan = make_plan(info, options)
        run_it = partial(run_plan, source, workdir, info)
        plan, encoder = _made(plan, workdir, run_it, options, tick)
        renditions = checked_renditions(workdir, info, plan, tick=tick)
        return TranscodeResult(info=info, plan=plan, renditions=renditions, encoder=encoder)

    try:
        return result(info)
    except (DifferentTimesError, UnfitCopyError) as error:
        plan = make_plan(info, options)
        if not plan.copied:
            raise
        output_path(workdir, plan.top).unlink(missing_ok=True)
        info = replace(info, copy_problem=error.detail)
    return result(info)


def _made(
    plan: Plan,
    workdir: Path,
    run_plan: Callable[[Plan], EncoderChoice | None],
    options: Options,
    tick: Tick,
) -> tuple[Plan, EncoderChoice | None]:
    """Runs a plan, and once more if copied sound must be encoded. Returns the plan that was made.

    Raises: UnfitCopyError for a copied picture; as ``transcode``.
    """
    encoder, path = run_plan(plan), output_path(workdir, plan.top)
    late, has_copies = partial(tick, NEARLY_DONE), any(sound.copied for sound in plan.sounds)
    if has_copies and (unfit := reason_to_encode(path, tick=late)):
        plan = replace(plan, sounds=with_encoded(plan.sounds, unfit))
        plan = with_fitted_sounds(plan, options)
        encoder = run_plan(plan)
    if plan.copied and (problem := reason_against_copy(path, tick=late)):
        raise UnfitCopyError(problem)
    return plan, encoder


def transcode_lower(
    top: Path,
    workdir: Path,
    *,
    options: Options,
    tick: Tick = no_tick,
    on_start: OnStart = no_start,
    there: Collection[str] = frozenset(),
) -> tuple[Made, ...]:
    """Makes ``workdir/<name>.mp4`` for each rendition that is smaller than the published one.

    Args:
        top: the published file. It is only read.
        on_start: called after planning, unless there is nothing to make or to leave out.
        there: names of renditions that exist already.

    Returns:
        The new renditions, the largest first; an empty tuple if there is nothing to make.

    Raises:
        SourceError: ``top`` cannot be decoded; trying again gives the same result. Browsers may
            still play a copied file, so this is no reason to unpublish it.
        ProcessingError, OSError: as for ``transcode``.
    """
    workdir.mkdir(exist_ok=True)
    # The accepted formats apply to uploads; the site's own files are always MP4.
    options = replace(options, accepted=("mp4",))
    info = probe(top, options=options, tick=tick, reads_frames=False)
    plan = plan_lower(info, options, there=there)
    if plan is None:
        return ()
    on_start(plan)
    if not plan.renditions:
        return ()
    make_renditions(top, workdir, info, plan, options=options, tick=tick)
    return checked_renditions(workdir, info, plan, tick=tick)


def checked_renditions(
    workdir: Path, info: MediaInfo, plan: Plan, *, tick: Tick = no_tick
) -> tuple[Made, ...]:
    """Finalises and checks all renditions.

    Players that read the growing files meanwhile go on.
    """
    assert info.video is not None  # there would be no plan
    renditions: list[Made] = []
    fps = plan.treatment.fps if plan.treatment and not plan.keeps_times else info.video.fps
    for rendition in plan.renditions:
        path = output_path(workdir, rendition)
        problem = None
        try:
            finalise(path, tick=partial(tick, NEARLY_DONE), is_durable=False)
        except NotFragmentedError as error:
            problem = error
        facts = check_output(path, plan, rendition, fps=fps)
        if problem is not None:  # nothing that check_output looks for, and explains better
            raise problem
        hdr = info.video.hdr if plan.copied else ""  # encodes are in standard dynamic range
        renditions.append(_made_of(rendition, path, facts, plan, fps, hdr))
    return tuple(renditions)


def _made_of(
    rendition: PlannedRendition,
    path: Path,
    facts: MadeFacts,
    plan: Plan,
    fps: Fraction,
    hdr: Hdr,
) -> Made:
    return Made(
        rendition=rendition,
        path=path,
        width=facts.width,
        height=facts.height,
        fps=fps,
        # As the playlist adds up. A file whose frames are reordered may say more.
        duration_seconds=float(read_index(path).duration),
        size_bytes=facts.size_bytes,
        sounds=sound_tracks(plan.sounds_of(rendition)),
        hdr=hdr,
    )


def make_renditions(
    source: Path,
    workdir: Path,
    info: MediaInfo,
    plan: Plan,
    *,
    options: Options,
    tick: Tick = no_tick,
    on_start: OnStart = no_start,
    early: EarlyCopy | None = None,
) -> EncoderChoice | None:
    """Runs FFmpeg for a plan, and once more with libx264 if a hardware encoder fails.

    Returns:
        The encoder that was used; None for a copy.

    Raises: as ``transcode``.
    """
    on_start(plan)
    choice = None if plan.copied else choose_encoder(options, tick)
    name = choice.name if choice else SOFTWARE
    is_taken = early is not None and early.take(plan, tick)
    try:
        if not is_taken:
            _run(source, workdir, info, plan, encoder=name, options=options, tick=tick)
            if name != SOFTWARE:
                check_caps(workdir, plan)
    except ProcessingError as error:
        if choice is None or name == SOFTWARE or not may_be_hardware(error):
            raise
        choice = fallen_back(choice, error)
        on_start(plan)
        _run(source, workdir, info, plan, encoder=SOFTWARE, options=options, tick=tick)
    if plan.copied and not (early and early.is_finished):
        # Encoders keep no user data of the source.
        path, late = output_path(workdir, plan.top), partial(tick, NEARLY_DONE)
        remove_user_data(path, codec=plan.top.codec, tick=late)
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
        # Removed, not overwritten: a process that still reads the old file must not see it change.
        output_path(workdir, rendition).unlink(missing_ok=True)
    try:
        run(
            transcode_command(source, workdir, plan, options, encoder=encoder),
            duration=plan.duration_seconds,
            limits=limits_of(info, plan, options),
            stall_limit=options.stall_seconds,
            tick=tick,
            access=Access(reads=(source,), folder=workdir, devices=devices_of(encoder, options)),
        )
    except FfmpegFailedError as error:
        if error.status == DAMAGED_STATUS or DAMAGED.search(error.detail):
            raise SourceError(
                "The file is damaged and cannot be read to its end. If it plays on your device,"
                " export it again and upload that.",
                detail=error.detail,
            ) from error
        raise
    for rendition in plan.renditions:
        if not output_path(workdir, rendition).is_file():
            raise FaultyResultError(FAULTY, detail=f"{rendition.name}: no file in the output")
