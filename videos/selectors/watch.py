"""What the watch page shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Q
from django.urls import reverse

from videos.models import Video
from videos.selectors.cards import Progress, VideoCard, cards, progress_of, thumbnail_url

if TYPE_CHECKING:
    from accounts.models import User

MORE = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchPage:
    """`stream_url` is "" while there is nothing to play; it begins at `start` seconds."""

    video: Video
    card: VideoCard
    stream_url: str
    poster_url: str | None
    download_url: str
    can_edit: bool
    progress: Progress | None
    more: list[VideoCard]


def stream_url(video: Video, *, start: int = 0) -> str:
    """The address carries the file's name, so that a browser may keep what it has of it."""
    if not video.is_ready:
        return ""
    address = reverse("stream", args=[video.short_id])
    version = video.filename.removesuffix(".mp4")[-12:]
    return f"{address}?v={version}" + (f"#t={start}" if start else "")


def watch_page(video: Video, *, viewer: User, start: int) -> WatchPage:
    """Three queries at most, whatever there is to show."""
    return WatchPage(
        video=video,
        card=cards([video])[0],
        stream_url=stream_url(video, start=start),
        poster_url=thumbnail_url(video),
        download_url=reverse("download", args=[video.short_id]),
        can_edit=viewer.is_staff or video.uploaded_by_id == viewer.pk,
        progress=progress_of([video]).get(video.pk),
        more=_more(video),
    )


def _more(video: Video) -> list[VideoCard]:
    """Newest first, from the same uploader and the same category."""
    near = Q(uploaded_by=video.uploaded_by_id)
    if video.category_id:
        near |= Q(category=video.category_id)
    found = Video.objects.published().filter(near).exclude(pk=video.pk).for_cards()
    return cards(found.order_by("-created_at", "-pk")[:MORE])
