"""A member's notifications, newest first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from clipset.lib.keyset import next_address, parse_cursor
from videos.models import Notification
from videos.selectors.cards import small_thumbnail_url

if TYPE_CHECKING:
    from accounts.models import User

PAGE_SIZE: Final = 30
MAX_COUNTED: Final = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationRow:
    notification: Notification
    thumbnail_url: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationPage:
    """A page of notifications; `next_url` is None on the last page."""

    rows: list[NotificationRow]
    next_url: str | None
    has_unread: bool


def notification_page(*, viewer: User, after: str = "") -> NotificationPage:
    """The notifications behind the cursor `after`. Two queries."""
    mine = Notification.objects.visible_to(viewer)
    found = mine.select_related("video", "comment__author").order_by("-pk")
    cursor = parse_cursor(after, int)
    if cursor is not None:
        found = found.filter(pk__lt=cursor[0])
    rows = list(found[: PAGE_SIZE + 1])
    next_url = None
    if len(rows) > PAGE_SIZE:
        rows.pop()
        next_url = next_address((rows[-1].pk,))
    return NotificationPage(
        rows=[
            NotificationRow(notification=row, thumbnail_url=small_thumbnail_url(row.video))
            for row in rows
        ],
        next_url=next_url,
        has_unread=mine.filter(read_at__isnull=True).exists(),
    )


def unread_count(viewer: User) -> int:
    """The number of unread notifications; MAX_COUNTED + 1 means more than MAX_COUNTED. One
    query.
    """
    unread = Notification.objects.visible_to(viewer).filter(read_at__isnull=True)
    return unread[: MAX_COUNTED + 1].count()
