"""Enrichment: adds the storyboard and smaller renditions to a video that can be watched."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Final

from django.db import transaction

from siteconfig.roots import THUMBNAILS, checked_root
from siteconfig.services.config import current_video_root
from videos.models import Rendition, Video
from videos.services.files import remove_unpublished
from videos.services.processing import jobs
from videos.services.processing.budget import budget_of, with_left_out
from videos.services.processing.disk_faults import bytes_read
from videos.services.processing.options import transcode_options
from videos.services.processing.original import add_missing_original
from videos.services.processing.publish import (
    place,
    place_rendition,
    store_renditions,
)
from videos.services.processing.rendition_rows import stored_bytes_of
from videos.services.processing.work_folders import attempt_version, file_stem
from videos.transcode.pipeline import transcode_lower
from videos.transcode.storyboard import make_storyboard, plan_storyboard
from videos.transcode.types import Plan, Progress

if TYPE_CHECKING:
    from pathlib import Path

    from videos.models import Job
    from videos.transcode.types import Tick


# Of FFmpeg, the lowest: the video can be watched, and its first viewers come now.
NICE: Final = 19


def enrich(job: Job, folder: Path, *, tick: Tick) -> None:
    """Does a job of kind ENRICH. Each part is published when it is done, so that a job which is
    given back loses little.

    Raises: LeaseLostError, GiveBackError, and what `transcode` raises.
    """
    if not job.video.storyboard_filename:
        _add_storyboard(job, folder, tick=tick)
    add_missing_original(job, folder, tick=_silently(tick))
    _add_renditions(job, folder, tick=tick)


def _add_storyboard(job: Job, folder: Path, *, tick: Tick) -> None:
    video = job.video
    assert video.width
    assert video.height
    assert video.duration_seconds
    grid = plan_storyboard(video.width, video.height, video.duration_seconds)
    sheet = folder / "storyboard.jpg"
    if not make_storyboard(
        video.file_path, sheet, grid, options=transcode_options(nice=NICE), tick=_silently(tick)
    ):
        return
    root = checked_root(THUMBNAILS)
    placed: list[Path] = []
    try:
        final = place(
            sheet, root / f"{file_stem(job)}-storyboard.jpg", placed, tick=partial(tick, Progress())
        )
        with transaction.atomic():
            jobs.extend_lease(job)
            Video.objects.filter(pk=video.pk).update(
                storyboard_filename=final.name,
                storyboard_root=THUMBNAILS,
                storyboard_grid=asdict(grid),
            )
    except BaseException:
        remove_unpublished(video.pk, placed)
        raise


def _add_renditions(job: Job, folder: Path, *, tick: Tick) -> None:
    """Adds the configured renditions that the video lacks, and ends the job."""
    video = job.video
    existing = frozenset(
        Rendition.objects.filter(video=video, is_complete=True).values_list("name", flat=True)
    )
    budget, plans = budget_of(job), list[Plan]()
    options = transcode_options(nice=NICE, most_bytes=budget.bytes)
    made = transcode_lower(
        video.file_path, folder, options=options, tick=tick, on_start=plans.append, there=existing
    )
    is_left_out = budget.is_storage and any(plan.later for plan in plans)
    root = current_video_root()
    nearly_done = partial(tick, Progress(fraction=1.0))
    bytes_read(video.file_path, nearly_done)  # raises where a read error cut the result short
    placed: list[Path] = []
    try:
        renditions = [
            place_rendition(job, one, root, placed, version=attempt_version(job), tick=nearly_done)
            for one in made
        ]
        with transaction.atomic():
            jobs.end_job(job)
            store_renditions(video, renditions)
            current = Video.objects.select_for_update().get(pk=video.pk)
            Video.objects.filter(pk=video.pk).update(
                stored_bytes=stored_bytes_of(video.pk),
                processing_note=with_left_out(current.processing_note, is_left_out=is_left_out),
            )
    except BaseException:
        remove_unpublished(video.pk, placed)
        raise


def _silently(tick: Tick) -> Tick:
    """A tick that keeps the lease and reports no progress: that is measured by the renditions."""
    return lambda _: tick(Progress())
