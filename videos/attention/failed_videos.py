"""Failed videos that can be retried: their source is kept for 14 days."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db.models import OuterRef, Subquery
from django.urls import reverse

from siteconfig.attention import (
    NO_LONGER_OPEN,
    Act,
    Asked,
    Done,
    Look,
    Picture,
    Row,
    Source,
    bounded_count,
)
from videos.models import Job, JobState, ProcessingStatus, Video
from videos.selectors.cards import small_thumbnail_url
from videos.services.processing.attempt import CANCELLED, cancel_processing, retry_processing

if TYPE_CHECKING:
    from videos.querysets import VideoQuerySet


def failed_videos() -> VideoQuerySet:
    """Those that failed on our side first, then those whose content was refused; oldest first.

    Without videos that somebody stopped, and those that are in the trash or being deleted.
    """
    return (
        Video.objects.outside_trash()
        .filter(processing_status=ProcessingStatus.FAILED, is_sample=False)
        .exclude(source_key="")
        .exclude(error_message=CANCELLED)
        .filter(deletion=None)
        .order_by("is_refused", "created_at", "pk")
    )


def find(look: Look) -> list[Row]:
    videos = failed_videos().select_related("uploaded_by")
    if look.key:
        videos = videos.filter(short_id=look.key)
    ended = Job.objects.filter(video=OuterRef("pk"), state=JobState.FAILED)
    failed_at = Subquery(ended.order_by("-finished_at").values("finished_at")[:1])
    return [_row(video) for video in videos.annotate(failed_at=failed_at)[: look.limit]]


def _row(video: Video) -> Row:
    return Row(
        key=video.short_id,
        title=video.title,
        url=video.get_absolute_url(),
        why=video.error_message or "",
        who=video.uploaded_by.username,
        since=video.failed_at or video.updated_at,  # type: ignore[attr-defined] # annotated above
        picture=Picture(icon="clapperboard", url=small_thumbnail_url(video)),
        act=Act(label="Retry", name="retry"),
        menu=video_links(video),
    )


def video_links(video: Video) -> tuple[Act, ...]:
    """The links in the menu of each row about a video."""
    return (
        Act(label="Open video", url=video.get_absolute_url()),
        Act(label="Open in admin", url=reverse("admin:videos_video_change", args=[video.pk])),
        Act(
            label="Delete…",
            url=reverse("admin:videos_video_delete", args=[video.pk]),
            is_destructive=True,
        ),
    )


def retry(asked: Asked) -> Done:
    video = failed_videos().select_related("uploaded_by").filter(short_id=asked.key).first()
    if video is None:
        raise ValidationError(NO_LONGER_OPEN)
    retry_processing(video=video, by_staff=True)
    return Done(
        sentence=f"“{video.title}” will be processed again.", undo=Act(label="Stop", name="stop")
    )


def stop(asked: Asked) -> Done:
    video = Video.objects.filter(short_id=asked.key).first()
    if video is None:
        raise ValidationError(NO_LONGER_OPEN)
    cancel_processing(video=video)
    return Done(
        sentence=f"Processing of “{video.title}” stopped.", undo=Act(label="Retry", name="resume")
    )


def resume(asked: Asked) -> Done:
    video = Video.objects.select_related("uploaded_by").filter(short_id=asked.key).first()
    if video is None or not video.is_failed:
        raise ValidationError(NO_LONGER_OPEN)
    retry_processing(video=video, by_staff=True)
    return Done(
        sentence=f"“{video.title}” will be processed again.", undo=Act(label="Stop", name="stop")
    )


SOURCE = Source(
    kind="failed-videos",
    title="Failed videos",
    checked="failed videos",
    order=50,
    may_see=lambda staff: staff.has_perm("videos.change_video"),
    find=find,
    count=lambda _staff: bounded_count(failed_videos()),
    acts={"retry": retry},
    undos={"stop": stop, "resume": resume},
    more=lambda: f"{reverse('admin:videos_video_changelist')}?processing_status__exact=FAILED",
)
