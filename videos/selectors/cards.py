"""Video cards: one video in a list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.urls import reverse

from clipset.lib.filenames import version_of
from clipset.lib.units import clock
from videos.models import Job, Video
from videos.selectors.likes import likes_of
from videos.selectors.watch_progress import watched_by

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from accounts.models import User


@dataclass(frozen=True, slots=True, kw_only=True)
class JobProgress:
    """Progress of processing: percent (0-100) and seconds; None if not known yet.

    `waits_for_room`: it waits until a disk has room.
    """

    percent: int | None
    seconds_left: int | None
    waits_for_room: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoCard:
    """Everything that templates/components/video_card.html shows; rendering makes no query.

    `state` is "" for a video that everyone sees. Cards with the states "waiting", "processing",
    "failed" or "hidden" are only shown to the uploader and staff.
    """

    short_id: str
    title: str
    url: str
    thumbnail_url: str | None
    duration: str  # "1:23", "" when unknown
    duration_seconds: float | None
    uploader: str
    uploader_url: str
    uploader_avatar_url: str | None
    category: str
    category_url: str
    created_at: datetime
    view_count: int
    like_count: int
    state: str
    progress: JobProgress | None
    awaits_thumbnail: bool = False
    watched: int | None = None  # percent; None if the viewer has not started it
    hidden_reason: str = ""  # in words; "" if it is not hidden or without a reason
    storyboard_url: str = ""  # of the WebVTT file; "" without a storyboard
    report_url: str = ""  # of the form that reports it; "" for the viewer's own video

    @property
    def is_processing(self) -> bool:
        return self.state in {"waiting", "processing"}

    @property
    def is_changing(self) -> bool:
        """Whether it will soon look different: its first thumbnail is made once it is ready."""
        return self.is_processing or self.awaits_thumbnail


def thumbnail_url(video: Video) -> str | None:
    """The address of the thumbnail in its stored size. It contains the version, so that browsers
    can cache it.
    """
    return _versioned("thumbnail", video)


def small_thumbnail_url(video: Video) -> str | None:
    """The address of the thumbnail for lists, cropped to the shape of a card."""
    return _versioned("small_thumbnail", video)


def _versioned(name: str, video: Video) -> str | None:
    if not video.thumbnail_filename:
        return None
    address = reverse(name, args=[video.short_id])
    return f"{address}?v={version_of(video.thumbnail_filename)}"


def card_state(video: Video) -> str:
    if video.is_failed:
        return "failed"
    if video.is_unfinished:
        return "waiting" if video.processing_status == "PENDING" else "processing"
    return "hidden" if video.is_hidden else ""


def progress_of(videos: Iterable[Video]) -> dict[object, JobProgress]:
    """Progress by the video's id, for videos with an open job. One query, or none."""
    unfinished = [video.pk for video in videos if video.is_unfinished]
    if not unfinished:
        return {}
    return {
        job.video_id: JobProgress(
            percent=job.progress,
            seconds_left=job.seconds_left,
            waits_for_room=job.waits_for_room,
        )
        for job in Job.objects.filter(video__in=unfinished, state__in=["WAITING", "RUNNING"])
    }


def storyboard_url(video: Video) -> str:
    """The address of the storyboard's WebVTT file; "" without a storyboard."""
    if not (video.is_ready and video.storyboard_grid):
        return ""
    return reverse("storyboard_vtt", args=[video.short_id])


def cards(
    videos: Iterable[Video],
    *,
    viewer: User | None = None,
    likes: Mapping[object, int] | None = None,
    watched: Mapping[object, int | None] | None = None,
) -> list[VideoCard]:
    """Cards for videos that were fetched with `for_cards()`, in the same order.

    `likes` (number) and `watched` (percent) are by the video's id; each costs a query if it is not
    given. Without a viewer `watched` is empty. One more query for the progress of unfinished
    videos.
    """
    videos = list(videos)
    progress = progress_of(videos)
    likes = likes_of(videos) if likes is None else likes
    if watched is None:
        watched = watched_by(viewer, videos) if viewer else {}
    return [
        _card(
            video,
            progress.get(video.pk),
            likes.get(video.pk, 0),
            watched.get(video.pk),
            may_report=viewer is not None and viewer.pk != video.uploaded_by_id,
        )
        for video in videos
    ]


def _card(
    video: Video,
    progress: JobProgress | None,
    likes: int,
    watched: int | None,
    *,
    may_report: bool,
) -> VideoCard:
    return VideoCard(
        short_id=video.short_id,
        title=video.title,
        url=video.get_absolute_url(),
        thumbnail_url=small_thumbnail_url(video),
        duration="" if video.duration_seconds is None else clock(video.duration_seconds),
        duration_seconds=video.duration_seconds,
        uploader=video.uploaded_by.username,
        uploader_url=video.uploaded_by.get_absolute_url(),
        uploader_avatar_url=video.uploaded_by.avatar_url,
        category=video.category.name if video.category else "",
        category_url=video.category.get_absolute_url() if video.category else "",
        created_at=video.created_at,
        view_count=video.view_count,
        like_count=likes,
        state=card_state(video),
        awaits_thumbnail=video.awaits_first_thumbnail,
        progress=progress,
        watched=watched,
        hidden_reason=video.hidden_sentence,
        storyboard_url=storyboard_url(video),
        report_url=reverse("video_report", args=[video.short_id]) if may_report else "",
    )
