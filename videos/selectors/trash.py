"""What is in the trash, how long it is kept, and what deleting it for good removes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.db.models import BigIntegerField, Case, F, Q, Value, When
from django.db.models.functions import Coalesce
from django.utils import timezone

from clipset.database.limited import counted, limited_count, limited_total
from clipset.lib.keyset import next_address
from siteconfig.services.config import current_config
from videos.models import Comment, Like, PlaylistEntry, Video
from videos.selectors.cards import small_thumbnail_url
from videos.selectors.sort_orders import TIME, Descending

if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any

    from django.db.models import QuerySet

    from accounts.models import User
    from clipset.database.limited import Total

PAGE_SIZE: Final = 24
LAST_TRASHED: Final = Descending(column="trashed_at", value=TIME)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrashState:
    """How long a video stays in the trash, and what the viewer may do about it.

    `until` is the first moment at which it may be deleted; days on which the site does not run make
    it later. A video that went there with its uploader is restored with them.
    """

    until: datetime
    days_left: int
    is_with_member: bool
    may_empty: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TrashRow:
    video: Video
    thumbnail_url: str | None
    size_bytes: int
    state: TrashState


@dataclass(frozen=True, slots=True, kw_only=True)
class TrashPage:
    """A page of a member's own trash, the last deleted video first; `next_url` is None on the last
    page. `total` is None after the first page."""

    rows: list[TrashRow]
    next_url: str | None
    total: Total | None
    days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """What is deleted with a video, in words: "12 comments", "1,000+ likes", "1.3 GB"."""

    comments: str
    likes: str
    playlist_places: str
    size: str


def kept_bytes() -> Coalesce:
    """The bytes of a video's files, but for its pictures: renditions, and the original or the
    source."""
    file = Case(
        When(~Q(original_key="") | ~Q(source_key=""), then=F("file_size_bytes")), default=Value(0)
    )
    stored = Coalesce(F("stored_bytes"), Value(0), output_field=BigIntegerField())
    return Coalesce(stored + file, Value(0), output_field=BigIntegerField())


def total_kept(videos: QuerySet[Video]) -> Total:
    """The number of videos and the bytes of their files, of at most MAX_COUNTED. One query."""
    return limited_total(videos, kept_bytes())


def trash_total() -> Total:
    """What the whole trash holds. One query."""
    return total_kept(Video.objects.in_trash())


def trash_state(video: Video, *, viewer: User, days: int | None = None) -> TrashState:
    """The state of a video in the trash. One query, or none if `days`, the configured time, is
    given."""
    assert video.trashed_at is not None
    days = current_config().trash_days if days is None else days
    until = video.trashed_at + timedelta(days=days)
    return TrashState(
        until=until,
        days_left=max(0, (until - timezone.now()).days),
        is_with_member=video.was_trashed_with_member,
        may_empty=viewer.is_admin,
    )


def trash_page(member: User, *, after: str) -> TrashPage:
    """The member's own videos in the trash behind the cursor `after`; the first page for a missing
    or wrong one. Three queries, and two after the first page."""
    own = Video.objects.in_trash().filter(uploaded_by=member)
    position = LAST_TRASHED.position(after)
    found = own if position is None else own.filter(LAST_TRASHED.behind(position))
    rows: list[Any] = list(
        found.annotate(size=kept_bytes()).order_by(*LAST_TRASHED.order_by)[: PAGE_SIZE + 1]
    )
    next_url = None
    if len(rows) > PAGE_SIZE:
        rows.pop()
        next_url = next_address(LAST_TRASHED.cursor(rows[-1]), {})
    days = current_config().trash_days
    shown = [
        TrashRow(
            video=row,
            thumbnail_url=small_thumbnail_url(row),
            size_bytes=row.size,
            state=trash_state(row, viewer=member, days=days),
        )
        for row in rows
    ]
    total = total_kept(own) if position is None else None
    return TrashPage(rows=shown, next_url=next_url, total=total, days=days)


def removed_with(video: Video) -> Removed:
    """What is deleted with a video, for the question before it. Four queries."""
    comments = limited_count(Comment.objects.filter(video=video))
    likes = limited_count(Like.objects.filter(video=video))
    places = limited_count(PlaylistEntry.objects.filter(video=video))
    return Removed(
        comments=counted(comments, "comment"),
        likes=counted(likes, "like"),
        playlist_places=counted(places, "place"),
        size=total_kept(Video.objects.filter(pk=video.pk)).size,
    )
