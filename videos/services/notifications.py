"""Notifications of members about their videos and comments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.utils import timezone

from siteconfig.services.heartbeat import alive_before
from videos.models import Notification, NotificationKind

if TYPE_CHECKING:
    from uuid import UUID

    from django.db.models import QuerySet

    from accounts.models import User
    from videos.models import Comment, Report, Video

KEEP_DAYS: Final = 180

_OF_PROCESSING: Final = [NotificationKind.PROCESSED, NotificationKind.FAILED]
_OF_HIDING: Final = [NotificationKind.HIDDEN, NotificationKind.UNHIDDEN, NotificationKind.KEPT]


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
    about = Notification.objects.filter(video=video, kind__in=_OF_PROCESSING)
    about.delete()
    Notification.objects.create(member_id=video.uploaded_by_id, kind=kind, video=video)


def notify_of_decision(*, reports: list[Report], by: User, is_member_told: bool) -> None:
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
    if first.message_to_member and first.member_id is not None and not is_member_told:
        told.append(
            Notification(member_id=first.member_id, kind=NotificationKind.MODERATED, report=first)
        )
    Notification.objects.bulk_create(told)


def withdraw_decision(*, reports: list[Report]) -> None:
    """Deletes the notifications about a decision that is taken back."""
    Notification.objects.filter(report__in=reports).delete()


def notify_of_hidden_video(*, video: Video) -> None:
    """Notifies the uploader that a moderator hid the video, and why. In the transaction of it."""
    _replace_unread(
        video.uploaded_by_id,
        _OF_HIDING,
        kind=NotificationKind.HIDDEN,
        video=video,
        text=video.hidden_sentence,
    )


def notify_of_unhidden_video(*, video: Video, text: str, is_answer: bool) -> None:
    """Notifies the uploader that a moderator unhid the video. An uploader who has not read that it
    was hidden needs to know neither, unless it is an answer or comes with a text."""
    unread = _unread(video.uploaded_by_id, _OF_HIDING, video=video)
    if unread.delete()[0] and not (is_answer or text):
        return
    Notification.objects.create(
        member_id=video.uploaded_by_id, kind=NotificationKind.UNHIDDEN, video=video, text=text
    )


def notify_of_kept_video(*, video: Video, text: str) -> None:
    """Notifies the uploader who asked for a review that the video stays hidden, and why."""
    Notification.objects.create(
        member_id=video.uploaded_by_id, kind=NotificationKind.KEPT, video=video, text=text
    )


def notify_of_hidden_comment(*, comment: Comment) -> None:
    """Notifies the author that a moderator hid the comment, and why."""
    _replace_unread(
        comment.author_id,
        [NotificationKind.HIDDEN],
        kind=NotificationKind.HIDDEN,
        video_id=comment.video_id,
        comment=comment,
        text=comment.hidden_sentence,
    )


def notify_of_unhidden_comment(*, comment: Comment) -> None:
    """Deletes the notification that the comment was hidden: the author sees that it is back."""
    hidden = Notification.objects.filter(
        member_id=comment.author_id, kind=NotificationKind.HIDDEN, comment=comment
    )
    hidden.delete()


def notify_of_account(member: User, text: str) -> None:
    """Tells a member what happened to their account. In the transaction of that."""
    Notification.objects.create(member=member, kind=NotificationKind.ACCOUNT, text=text)


def _unread(member: UUID, kinds: list[NotificationKind], **about: object) -> QuerySet[Notification]:
    about.setdefault("comment", None)
    return Notification.objects.filter(
        member_id=member, kind__in=kinds, read_at__isnull=True, **about
    )


def _replace_unread(member: UUID, kinds: list[NotificationKind], **fields: Any) -> None:
    """Creates a notification, which replaces unread ones of these kinds about the same thing."""
    about = {name: fields[name] for name in ("video", "comment") if name in fields}
    _unread(member, kinds, **about).delete()
    Notification.objects.create(member_id=member, **fields)


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
