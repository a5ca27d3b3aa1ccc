"""Tells members what happened to their videos and comments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.utils import timezone

from siteconfig.services.heartbeat import alive_before
from videos.models import Notification, NotificationKind

if TYPE_CHECKING:
    from accounts.models import User
    from videos.models import Comment, Video

KEEP_DAYS: Final = 180


def notify_of_comment(*, comment: Comment, reply_to: Comment | None) -> None:
    """Whom it answers, whose comment it hangs on, and whose video it is; each once, and never
    the one who wrote it. In the transaction that stores the comment."""
    kinds = {comment.video.uploaded_by_id: NotificationKind.COMMENTED}
    if comment.parent is not None and reply_to is not None:
        kinds[comment.parent.author_id] = NotificationKind.REPLIED
        kinds[reply_to.author_id] = NotificationKind.REPLIED
    kinds.pop(comment.author_id, None)
    Notification.objects.bulk_create(
        Notification(member_id=member, kind=kind, video_id=comment.video_id, comment=comment)
        for member, kind in kinds.items()
    )


def notify_of_processing(*, video: Video, kind: NotificationKind) -> None:
    """Ready or failed; what was said of an earlier attempt goes. In the ending transaction."""
    Notification.objects.filter(video=video, comment__isnull=True).delete()
    Notification.objects.create(member_id=video.uploaded_by_id, kind=kind, video=video)


def mark_read(*, notification: Notification) -> None:
    Notification.objects.filter(pk=notification.pk, read_at__isnull=True).update(
        read_at=timezone.now()
    )


def mark_all_read(*, member: User) -> int:
    """Returns how many were new."""
    unread = Notification.objects.filter(member=member, read_at__isnull=True)
    return unread.update(read_at=timezone.now())


def forget_old_notifications() -> int:
    """Half a year is enough. Returns how many went."""
    deleted, _ = Notification.objects.filter(created_at__lt=alive_before(days=KEEP_DAYS)).delete()
    return deleted
