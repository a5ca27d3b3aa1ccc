"""What staff see about a member: on their profile and on their page in the admin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.db.models import OuterRef
from django.utils import timezone

from accounts.models import User
from accounts.selectors import session_rows
from accounts.services.quota import quota_state
from accounts.services.stored_limit import stored_state
from clipset.database.limited import LimitedCount, counted
from videos.enums import ProcessingStatus
from videos.models import Comment, GuestLink, Video

if TYPE_CHECKING:
    from accounts.selectors import SessionRow
    from accounts.services.quota import QuotaState
    from accounts.services.stored_limit import StoredState

MAX_LISTED: Final = 5
MAX_SESSIONS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberFacts:
    """Facts about a member.

    Counts are texts: "12", "1,000+". `hidden` and `failed` are "" if there are none.
    `guest_links` are those that are active. `sessions` are the log-ins that were used last; None if
    the viewer may not see them.
    """

    member: User
    quota: QuotaState
    videos: str
    hidden: str
    failed: str
    stored: StoredState
    comments: str
    guest_links: str
    sessions: list[SessionRow] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberRows:
    """The newest videos and comments of a member."""

    videos: list[Video]
    comments: list[Comment]


def member_facts(member: User, *, shows_sessions: bool) -> MemberFacts:
    """Three queries at most, which cost the same however much a member has."""
    own = Video.objects.filter(uploaded_by=OuterRef("pk"))
    comments = Comment.objects.present().filter(author=OuterRef("pk"))
    links = GuestLink.objects.filter(
        created_by=OuterRef("pk"), revoked_at=None, expires_at__gt=timezone.now()
    )
    # As lists, since SQLite finds no `is_hidden` by its own in the index videos_published_by.
    hidden_ones = own.filter(is_hidden__in=[True])
    failed = own.filter(is_hidden__in=[False, True], processing_status=ProcessingStatus.FAILED)
    found = User.objects.filter(pk=member.pk).values_list(
        *map(LimitedCount, (own, hidden_ones, failed, comments, links)),
    )
    videos, hidden, failures, said, shared = found.get()
    return MemberFacts(
        member=member,
        quota=quota_state(member),
        videos=counted(videos),
        hidden=counted(hidden) if hidden else "",
        failed=counted(failures) if failures else "",
        stored=stored_state(member),
        comments=counted(said),
        guest_links=counted(shared),
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
