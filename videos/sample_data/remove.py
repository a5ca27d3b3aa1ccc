"""Removes the sample data, or everything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.models import Invitation, Role, Session, User
from categories.models import Category
from siteconfig.services.audit import record
from videos.models import Job, Report, Upload, UploadState, Video
from videos.services.daily_statistics import count_all_again
from videos.services.removing import work_off_removals

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from videos.querysets import VideoQuerySet

OWN_VIDEOS = "has videos that are not sample data"
ONLY_ADMIN = "is the only admin"
MAX_SECONDS = 60  # of removing files here; workers remove the rest
NAME = "Sample data"  # in the audit log
NO_OTHER_ADMIN = "has categories or invitations, and there is no admin to take them over"


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovedSamples:
    """How many rows were deleted, and which stay: members by name with the reason.

    `are_plain`: whether these members are ordinary ones without a password now.
    """

    videos: int
    categories: int
    users: int
    kept_users: dict[str, str]
    kept_categories: list[str]
    are_plain: bool


def remove_sample_data(*, leave_none: bool = False) -> RemovedSamples:
    """Removes sample rows and their files, except what real data depend on. Repeatable.

    Args:
        leave_none: also removes the sample admin if there is no other admin; makes sample members
            with real data ordinary members without a password; expires the pending invitations of
            sample members, since anybody could have created them.
    """
    with transaction.atomic():
        # Reports outlive what they are about.
        of_samples = Q(video__is_sample=True) | Q(comment__video__is_sample=True)
        Report.objects.filter(of_samples).delete()
        videos = _delete_videos(Video.objects.filter(is_sample=True))
        kept_categories = Category.objects.filter(is_sample=True, videos__isnull=False).distinct()
        kept_names = list(kept_categories.values_list("name", flat=True))
        categories = list(Category.objects.filter(is_sample=True).exclude(name__in=kept_names))
        Category.objects.filter(pk__in=[category.pk for category in categories]).delete()
        if leave_none:
            now = timezone.now()
            by_samples = Invitation.objects.filter(created_by__is_sample=True, used_at=None)
            by_samples.filter(expires_at__gt=now).update(expires_at=now)
        kept, leaving = _sort_users(keep_admin=not leave_none)
        _hand_over(leaving)
        Report.objects.filter(Q(member__in=leaving) | Q(reporter__in=leaving)).delete()
        User.objects.filter(pk__in=[user.pk for user in leaving]).delete()
        if leave_none:
            _make_plain(User.objects.filter(is_sample=True))
        gone = {"videos": videos, "categories": len(categories), "members": len(leaving)}
        record("sample_data.remove", None, name=NAME, before=gone)
        if videos:
            count_all_again()
    work_off_removals(seconds=MAX_SECONDS)
    return RemovedSamples(
        videos=videos,
        categories=len(categories),
        users=len(leaving),
        kept_users=kept,
        kept_categories=kept_names,
        are_plain=leave_none,
    )


def _make_plain(users: QuerySet[User]) -> None:
    """Takes away sessions, passwords and staff rights, since the passwords are publicly known."""
    for user in users:
        user.is_sample = False
        user.password = make_password(None)
        user.apply_role(Role.USER)
        user.save(update_fields=["is_sample", "password", "role", "is_staff", "is_superuser"])
        user.sync_groups()
        user.sessions.all().delete()


def _sort_users(*, keep_admin: bool) -> tuple[dict[str, str], list[User]]:
    """Returns the sample users that stay, with the reason, and those to delete."""
    kept: dict[str, str] = {}
    samples = list(User.objects.filter(is_sample=True))
    for user in samples:
        if user.videos.exists() or user.uploads.filter(state=UploadState.OPEN).exists():
            kept[user.username] = OWN_VIDEOS
    admins = User.objects.filter(role=Role.ADMIN, is_active=True)
    if not keep_admin:
        admins = admins.filter(is_sample=False)
    elif (
        not admins.exclude(is_sample=True).exists()
        and not admins.filter(username__in=kept).exists()
    ):
        kept |= {user.username: ONLY_ADMIN for user in admins}
    if not admins.exists():
        for user in samples:
            if user.categories.exists() or user.invitations.exists():
                kept.setdefault(user.username, NO_OTHER_ADMIN)
    return kept, [user for user in samples if user.username not in kept]


def _hand_over(leaving: list[User]) -> None:
    """Gives real categories and invitations of these users to an admin, so that they stay."""
    ids = [user.pk for user in leaving]
    admin = (
        User.objects.filter(role=Role.ADMIN, is_active=True)
        .exclude(pk__in=ids)
        .order_by("is_sample", "created_at")
        .first()
    )
    if admin is not None:
        Category.objects.filter(created_by__in=ids).update(created_by=admin)
        Invitation.objects.filter(created_by__in=ids).update(created_by=admin)


def delete_everything() -> None:
    """Deletes all members with their data, in the caller's transaction, and asks for the removal
    of their files."""
    _delete_videos(Video.objects.all())
    for model in (Report, Job, Upload, Invitation, Session, Category, User):
        model.objects.all().delete()


def _delete_videos(videos: VideoQuerySet) -> int:
    """Returns how many rows were deleted. videos.signals asks for the removal of their files."""
    _, rows = videos.all().delete()
    return rows.get("videos.Video", 0)
