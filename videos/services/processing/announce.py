"""Stores the rows of renditions that are being encoded, so that they can be watched already."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from siteconfig.roots import TEMP
from videos.models import Rendition
from videos.services.processing import jobs
from videos.services.processing.work_folders import work_key
from videos.transcode.sound_tracks import sound_tracks, stored_tracks

if TYPE_CHECKING:
    from videos.models import Job
    from videos.transcode.types import Plan


def announce_renditions(job: Job, plan: Plan, *, version: str) -> None:
    """Stores rows of the renditions that are being encoded, so that they can be watched already."""
    if plan.treatment is None:
        return  # a copy is complete before anybody could watch it
    fps = float(plan.treatment.fps)
    incomplete = [
        Rendition(
            video=job.video,
            name=planned.name,
            root=TEMP,
            filename=f"{work_key(job)}/{planned.name}.mp4",
            version=version,
            width=planned.width,
            height=planned.height,
            fps=fps,
            sound_tracks=stored_tracks(sound_tracks(plan.sounds_of(planned))),
            bandwidth=planned.bandwidth,
            average_bandwidth=planned.bandwidth,
            duration_seconds=plan.duration_seconds,
        )
        for planned in plan.renditions
    ]
    with transaction.atomic():
        jobs.extend_lease(job)
        Rendition.objects.filter(video=job.video, is_complete=False).delete()
        Rendition.objects.bulk_create(incomplete)
