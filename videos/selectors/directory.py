"""The list of members."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.db.models import IntegerField, OuterRef, Q, Subquery
from django.db.models.functions import Lower

from accounts.models import User
from clipset.lib.keyset import next_address, parse_cursor
from clipset.lib.units import compact_count, plural
from clipset.lib.words import marked, search_terms
from videos.models import Video

if TYPE_CHECKING:
    from datetime import datetime

    from clipset.lib.words import Piece

PAGE_SIZE: Final = 48
MAX_COUNTED: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberCard:
    username: str
    name: list[Piece]  # the username, with the searched text marked
    url: str
    avatar_url: str | None
    role: str  # "" for a plain member
    joined_at: datetime
    videos: str  # "12 videos", of published ones; "" without any


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryPage:
    """A page of members by name; `next_url` is None on the last page."""

    members: list[MemberCard]
    next_url: str | None


def directory_page(query: str, *, after: str) -> DirectoryPage:
    """The active members behind the cursor `after` whose names have a word that begins with each
    word of the query.

    One query. A wrong cursor gives the first page.
    """
    terms = search_terms(query)
    if query and not terms:
        return DirectoryPage(members=[], next_url=None)
    users = User.objects.filter(is_active=True).annotate(key=Lower("username"))
    for term in terms:
        users = users.filter(Q(username__istartswith=term) | Q(username__icontains=f"_{term}"))
    cursor = parse_cursor(after, str)
    if cursor is not None:
        users = users.filter(key__gt=cursor[0])
    users = users.annotate(video_files=_videos())
    rows = list(users.order_by("key")[: PAGE_SIZE + 1])
    next_url = None
    if len(rows) > PAGE_SIZE:
        rows.pop()
        next_url = next_address((rows[-1].key,), {"q": query})
    return DirectoryPage(
        members=[
            MemberCard(
                username=user.username,
                name=marked(user.username, terms),
                url=user.get_absolute_url(),
                avatar_url=user.avatar_url,
                role=user.get_role_display() if user.is_staff else "",
                joined_at=user.created_at,
                videos=_counted(user.video_files),
            )
            for user in rows
        ],
        next_url=next_url,
    )


class _Rows(Subquery):
    """The number of rows of a subquery."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) counted)"
    output_field = IntegerField()


def _videos() -> _Rows:
    """The number of published videos of a member, read from an index alone.

    Counts up to MAX_COUNTED + 1: members with very many videos would make the list slow.
    """
    own = Video.objects.published().filter(uploaded_by=OuterRef("pk")).order_by()
    return _Rows(own.values("uploaded_by")[: MAX_COUNTED + 1])


def _counted(video_files: int) -> str:
    if video_files > MAX_COUNTED:
        return f"{compact_count(MAX_COUNTED)}+ videos"
    return plural(video_files, "video") if video_files else ""
