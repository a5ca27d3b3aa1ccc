"""Notifications of members about their videos and comments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.utils import timezone

from siteconfig.services.heartbeat import alive_before
from videos.models import Notification, NotificationKind

if TYPE_CHECKING:
    from accounts.models import User
    from videos.models import Comment, Report, Video

KEEP_DAYS: Final = 180


def notify_of_comment(*, comment: Comment, reply_to: Comment | None) -> None:
    """Notifies the authors that a comment replies to and the video's uploader, each once and never
    the comment's own author. In the transaction that stores the comment."""
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
    """Notifies the uploader that a video is ready or failed, and deletes the notification about an
    earlier attempt. In the transaction that ends the job."""
    Notification.objects.filter(video=video, comment__isnull=True).delete()
    Notification.objects.create(member_id=video.uploaded_by_id, kind=kind, video=video)


def notify_of_decision(*, reports: list[Report], by: User) -> None:
    """Tells each reporter what became of their report and the reported member what moderators wrote
    to them, if anything. In the transaction that handles the reports, which are of one thing.

    The member's notification names the first report only to find the message: nobody may learn
    from it who reported or how many did.
    """
    told = [
        Notification(member_id=report.reporter_id, kind=NotificationKind.ANSWERED, report=report)
        for report in reports
        if report.reporter_id not in {None, by.pk}
    ]
    first = reports[0]
    if first.message_to_member and first.member_id is not None:
        told.append(
            Notification(member_id=first.member_id, kind=NotificationKind.MODERATED, report=first)
        )
    Notification.objects.bulk_create(told)


def withdraw_decision(*, reports: list[Report]) -> None:
    """Deletes the notifications about a decision that is taken back."""
    Notification.objects.filter(report__in=reports).delete()


def mark_read(*, notification: Notification) -> None:
    """Marks one notification as read. The time of the first reading stays."""
    Notification.objects.filter(pk=notification.pk, read_at__isnull=True).update(
        read_at=timezone.now()
    )


def mark_all_read(*, member: User) -> int:
    """Marks all notifications of a member as read. Returns how many were unread."""
    unread = Notification.objects.filter(member=member, read_at__isnull=True)
    return unread.update(read_at=timezone.now())


def forget_old_notifications() -> int:
    """Deletes notifications older than 180 days. Returns how many."""
    deleted, _ = Notification.objects.filter(created_at__lt=alive_before(days=KEEP_DAYS)).delete()
    return deleted
