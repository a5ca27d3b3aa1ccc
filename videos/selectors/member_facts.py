"""What staff see about a member: on their profile and on their page in the admin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.db.models import Case, Count, F, Q, Sum, When
from django.db.models.functions import Coalesce
from django.utils import timezone

from accounts.selectors import session_rows
from accounts.services.quota import quota_state
from clipset.lib.units import compact_count
from videos.models import Comment, GuestLink, Video

if TYPE_CHECKING:
    from accounts.models import User
    from accounts.selectors import SessionRow
    from accounts.services.quota import QuotaState

MAX_COUNTED: Final = 1000
MAX_LISTED: Final = 5
MAX_SESSIONS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberFacts:
    """Facts about a member.

    `stored_bytes` are those of renditions, originals and sources. Counts are short texts: "1K+"
    above MAX_COUNTED. `guest_link_count` are links that are active. `sessions` are the log-ins that
    were used last; None if the viewer may not see them.
    """

    member: User
    quota: QuotaState
    video_count: int
    hidden_count: int
    failed_count: int
    stored_bytes: int
    comment_count: str
    guest_link_count: str
    sessions: list[SessionRow] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberRows:
    """The newest videos and comments of a member."""

    videos: list[Video]
    comments: list[Comment]


def member_facts(member: User, *, shows_sessions: bool) -> MemberFacts:
    """Five queries at most. One of them reads the rows of all videos of the member."""
    source = When(~Q(source_key="") | ~Q(original_key=""), then=F("file_size_bytes"))
    videos = Video.objects.filter(uploaded_by=member).aggregate(
        all=Count("pk"),
        hidden=Count("pk", filter=Q(is_hidden=True)),
        failed=Count("pk", filter=Q(processing_status="FAILED")),
        stored=Coalesce(Sum("stored_bytes"), 0) + Coalesce(Sum(Case(source, default=0)), 0),
    )
    comments = Comment.objects.present().filter(author=member).order_by()
    links = GuestLink.objects.filter(
        created_by=member, revoked_at=None, expires_at__gt=timezone.now()
    ).order_by()
    return MemberFacts(
        member=member,
        quota=quota_state(member),
        video_count=videos["all"],
        hidden_count=videos["hidden"],
        failed_count=videos["failed"],
        stored_bytes=videos["stored"],
        comment_count=_counted(comments[: MAX_COUNTED + 1].count()),
        guest_link_count=_counted(links[: MAX_COUNTED + 1].count()),
        sessions=session_rows(member, current=None)[:MAX_SESSIONS] if shows_sessions else None,
    )


def member_rows(member: User) -> MemberRows:
    """Two queries."""
    videos = Video.objects.filter(uploaded_by=member).order_by("-created_at", "-pk")
    comments = Comment.objects.present().filter(author=member).order_by("-pk")
    return MemberRows(
        videos=list(videos[:MAX_LISTED]),
        comments=list(comments.select_related("video")[:MAX_LISTED]),
    )


def _counted(found: int) -> str:
    return f"{compact_count(MAX_COUNTED)}+" if found > MAX_COUNTED else str(found)
