"""The trash: deleted videos stay there for Config.trash_days and can be restored (decision 22).

Rows and files stay as they are. `Video.trashed_at` decides who sees a video (videos.querysets), and
its jobs wait. videos.services.deletions does both for many videos, and deletes for good what was
kept long enough.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from siteconfig.services.config import current_config
from videos.models import Video, VideoDeletion
from videos.services.audit import record_on_video
from videos.services.details import delete_video
from videos.services.locks import lock_uploader, lock_videos
from videos.services.processing.jobs import pause_jobs, resume_jobs
from videos.services.search_index import index_videos

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from uuid import UUID

    from accounts.models import User

MAX_BATCH: Final = 50  # videos that one transaction moves, since it changes the search index, too

# What an entry of the audit log says about a video that goes into the trash.
TRASHED: Final = {"before": {"is_trashed": False}, "after": {"is_trashed": True}}

ADMIN_EMPTIES: Final = "Only an admin can delete a video for good before its days are over."
NOT_IN_TRASH: Final = "This video isn't in the trash. Delete it first."
GOING: Final = "This video is being deleted for good, so it can't be restored."
WITH_MEMBER: Final = "This video went into the trash with its uploader. Restore the member instead."
OF_MEMBER_IN_TRASH: Final = "The uploader of this video is in the trash. Restore the member first."


def trash_video(*, video: Video, by: User, reason: str = "") -> bool:
    """Puts a video into the trash; one that is there stays as it is.

    Returns whether it is there: with Config.trash_days at 0 it is deleted for good at once. Its
    quota is not released: the quota limits what is uploaded, not what is kept.
    """
    if not current_config().trash_days:
        delete_video(video=video, reason=reason)
        return False
    with transaction.atomic():
        if put_into_trash([video.pk], by=by, at=timezone.now()):
            record_on_video("video.trash", video, reason=reason, **TRASHED)
    video.refresh_from_db(fields=["trashed_at", "trashed_by"])
    return True


def restore_video(*, video: Video, by: User) -> Video:
    """Takes a video out of the trash, with everything that it had; one outside stays as it is.

    Raises: ValidationError when it is being deleted for good, or its uploader is in the trash;
    Video.DoesNotExist when it is gone, or `by` is neither its uploader nor staff.
    """
    with transaction.atomic():
        member = lock_uploader(video.pk)
        lock_videos([video.pk])
        current = Video.objects.owned_by(by).get(pk=video.pk)
        if current.was_trashed_with_member:
            raise ValidationError(WITH_MEMBER)
        if current.is_trashed and member is not None and member.is_trashed:
            raise ValidationError(OF_MEMBER_IN_TRASH)
        if VideoDeletion.objects.filter(video=video.pk, is_for_good=True).exists():
            raise ValidationError(GOING)
        if current.is_trashed:
            take_out_of_trash([video.pk])
            record_on_video(
                "video.restore", video, before=TRASHED["after"], after=TRASHED["before"]
            )
    video.trashed_at = video.trashed_by = None
    return video


def delete_for_good(*, video: Video, by: User) -> None:
    """Deletes a video in the trash for good, before its days are over; its files follow.

    Raises: ValidationError when `by` is no admin, or the video is not in the trash;
    Video.DoesNotExist when it is gone.
    """
    if not by.is_admin:
        raise ValidationError(ADMIN_EMPTIES)
    with transaction.atomic():
        lock_uploader(video.pk)
        lock_videos([video.pk])
        if not Video.objects.get(pk=video.pk).is_trashed:
            raise ValidationError(NOT_IN_TRASH)
        delete_video(video=video)


# -- in the caller's transaction ------------------------------------------------------------------


def put_into_trash(
    videos: Iterable[UUID], *, by: User | None, at: datetime, with_member: bool = False
) -> list[Video]:
    """Puts up to MAX_BATCH videos into the trash, stops their processing and takes them out of the
    search. Returns those that were outside."""
    keys = list(videos)
    lock_videos(keys)
    moved = list(
        Video.objects.outside_trash()
        .filter(pk__in=keys)
        .select_related("uploaded_by")
        .defer("description")
    )
    keys = [video.pk for video in moved]
    Video.objects.filter(pk__in=keys).update(
        trashed_at=at, trashed_by=by, was_trashed_with_member=with_member
    )
    pause_jobs(keys)
    index_videos(keys, keep_spoken=True)
    return moved


def take_out_of_trash(videos: Iterable[UUID]) -> None:
    """Restores up to MAX_BATCH locked videos: lists and search have them again, and their jobs go
    on."""
    keys = list(videos)
    Video.objects.filter(pk__in=keys).update(
        trashed_at=None, trashed_by=None, was_trashed_with_member=False
    )
    VideoDeletion.objects.filter(video__in=keys).delete()
    resume_jobs(keys)
    index_videos(keys)


def move_videos_of(member: User) -> bool:
    """Moves one batch of videos after their uploader: into the trash, or out of it those that went
    there with the member. Returns whether more are left. Registered in accounts.services.trash."""
    if member.trashed_at is not None:
        left = Video.objects.outside_trash().filter(uploaded_by=member)
        keys = list(left.order_by("pk").values_list("pk", flat=True)[:MAX_BATCH])
        put_into_trash(keys, by=member.trashed_by, at=member.trashed_at, with_member=True)
    else:
        left = Video.objects.filter(uploaded_by=member, was_trashed_with_member=True)
        keys = list(left.order_by("pk").values_list("pk", flat=True)[:MAX_BATCH])
        lock_videos(keys)
        take_out_of_trash(keys)
    return len(keys) == MAX_BATCH
