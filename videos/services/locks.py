"""Locks on rows of several tables, in the one order that all transactions keep to.

Members come before jobs, jobs before videos, and these before comments and reports; rows of one
table in the order of their keys. Otherwise two transactions on PostgreSQL could wait for each
other. On SQLite there is one writer at a time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from accounts.models import User
from videos.models import Job, Video

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID


def lock_uploader(video: UUID) -> User | None:
    """Locks the uploader of a video. Returns them; None if the video is gone."""
    found = User.objects.select_for_update(no_key=True, of=("self",))
    return found.filter(videos=video).first()


def lock_videos_of(members: list[UUID]) -> None:
    """Locks the videos of members. Registered in accounts.services.members."""
    lock_videos(Video.objects.filter(uploaded_by__in=members).values_list("pk", flat=True))


def lock_videos(videos: Iterable[UUID]) -> None:
    """Locks jobs before videos: a row that another request adds to one of them at this moment waits
    for the transaction, or is deleted with it."""
    keys = list(videos)
    jobs = Job.objects.select_for_update().filter(video__in=keys)
    list(jobs.order_by("pk").values_list("pk"))
    list(Video.objects.select_for_update().filter(pk__in=keys).order_by("pk").values_list("pk"))
