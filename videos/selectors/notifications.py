"""A member's notifications, newest first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.urls import reverse

from clipset.lib.keyset import next_address, parse_cursor
from videos.models import Notification, NotificationKind
from videos.selectors.cards import small_thumbnail_url
from videos.selectors.reports import thing_url, what_is_reported

if TYPE_CHECKING:
    from accounts.models import User

PAGE_SIZE: Final = 30
MAX_COUNTED: Final = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationRow:
    """`what` is the reported thing, if the notification is about a report."""

    notification: Notification
    thumbnail_url: str | None
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationPage:
    """A page of notifications; `next_url` is None on the last page."""

    rows: list[NotificationRow]
    next_url: str | None
    has_unread: bool


def notification_page(*, viewer: User, after: str = "") -> NotificationPage:
    """The notifications behind the cursor `after`. Two queries."""
    mine = Notification.objects.visible_to(viewer)
    found = mine.select_related("video", "comment__author", "report").order_by("-pk")
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
            NotificationRow(
                notification=row,
                thumbnail_url=small_thumbnail_url(row.video) if row.video else None,
                what=what_is_reported(row.report) if row.report else "",
            )
            for row in rows
        ],
        next_url=next_url,
        has_unread=mine.filter(read_at__isnull=True).exists(),
    )


def notification_url(notification: Notification, *, viewer: User) -> str:
    """The address that a notification leads to: the video, the comment, the settings, or the
    member's own reports. One query for a message from moderators, else none."""
    if notification.kind == NotificationKind.ACCOUNT:
        return reverse("settings")
    report = notification.report
    if report is None:
        about = notification.comment or notification.video
        assert about is not None
        return about.get_absolute_url()
    if notification.kind == NotificationKind.ANSWERED:
        return reverse("reports")
    return thing_url(report, viewer) or reverse("notifications")


def unread_count(viewer: User) -> int:
    """The number of unread notifications; MAX_COUNTED + 1 means more than MAX_COUNTED. One
    query.
    """
    unread = Notification.objects.visible_to(viewer).filter(read_at__isnull=True)
    return unread[: MAX_COUNTED + 1].count()
