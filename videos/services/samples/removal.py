"""Removes the sample data, or everything."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from django.db import transaction

from accounts.models import Invitation, Role, Session, User
from accounts.services.avatars import avatar_path
from categories.models import Category
from categories.services import cover_path
from siteconfig.roots import within_reach
from videos.models import Job, Rendition, Upload, UploadState, Video
from videos.services.files import paths_of, remove_files

if TYPE_CHECKING:
    from collections.abc import Iterable

    from videos.querysets import VideoQuerySet

OWN_VIDEOS = "has videos that are no samples"
ONLY_ADMIN = "is the only admin"
NO_HEIR = "has categories or invitations, and there is no admin to hand them to"


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """How many rows went; who and what stays, with the reason in words."""

    videos: int
    categories: int
    users: int
    kept_users: dict[str, str]
    kept_categories: list[str]


def remove_samples() -> Removed:
    """Removes sample rows and their files, but nothing that real data hang on. Harmless twice."""
    with transaction.atomic():
        files, videos = _delete_videos(Video.objects.filter(is_sample=True))
        kept_categories = Category.objects.filter(is_sample=True, videos__isnull=False).distinct()
        kept_names = list(kept_categories.values_list("name", flat=True))
        categories = list(Category.objects.filter(is_sample=True).exclude(name__in=kept_names))
        files |= _existing(map(cover_path, categories))
        Category.objects.filter(pk__in=[category.pk for category in categories]).delete()
        kept, leaving = _sort_users()
        files |= _existing(map(avatar_path, leaving))
        _hand_over(leaving)
        User.objects.filter(pk__in=[user.pk for user in leaving]).delete()
    erase(files)
    return Removed(
        videos=videos,
        categories=len(categories),
        users=len(leaving),
        kept_users=kept,
        kept_categories=kept_names,
    )


def _sort_users() -> tuple[dict[str, str], list[User]]:
    """Sample users who have to stay, with the reason, and those who go."""
    kept: dict[str, str] = {}
    samples = list(User.objects.filter(is_sample=True))
    for user in samples:
        if user.videos.exists() or user.uploads.filter(state=UploadState.OPEN).exists():
            kept[user.username] = OWN_VIDEOS
    admins = User.objects.filter(role=Role.ADMIN, is_active=True)
    if (
        not admins.exclude(is_sample=True).exists()
        and not admins.filter(username__in=kept).exists()
    ):
        kept |= {user.username: ONLY_ADMIN for user in admins}
    if not admins.exists():
        for user in samples:
            if user.categories.exists() or user.invitations.exists():
                kept.setdefault(user.username, NO_HEIR)
    return kept, [user for user in samples if user.username not in kept]


def _hand_over(leaving: list[User]) -> None:
    """Categories and invitations that are no samples would go with their makers."""
    ids = [user.pk for user in leaving]
    heir = (
        User.objects.filter(role=Role.ADMIN, is_active=True)
        .exclude(pk__in=ids)
        .order_by("is_sample", "created_at")
        .first()
    )
    if heir is not None:
        Category.objects.filter(created_by__in=ids).update(created_by=heir)
        Invitation.objects.filter(created_by__in=ids).update(created_by=heir)


def delete_everything() -> set[Path]:
    """Deletes all members and all that is theirs, in the caller's transaction. Returns the files
    and folders that nobody needs once that is committed."""
    files = _existing(map(avatar_path, User.objects.all()))
    files |= _existing(map(cover_path, Category.objects.all()))
    files |= {upload.folder_path for upload in Upload.objects.all()}
    files |= _delete_videos(Video.objects.all())[0]
    for model in (Job, Upload, Invitation, Session, Category, User):
        model.objects.all().delete()
    return files


def erase(paths: Iterable[Path]) -> None:
    for path in within_reach(paths):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            remove_files([path])


def _delete_videos(videos: VideoQuerySet) -> tuple[set[Path], int]:
    """Deletes rows; returns their files and how many rows.

    The rows forget their files first: whoever calls removes them at once, and what is queued for
    the deletion then names none.
    """
    files = {Path(path) for video in videos for path in paths_of(video)}
    Rendition.objects.filter(video__in=videos).update(is_complete=False)
    videos.update(
        source_key="",
        original_key="",
        storage_root="",
        thumbnail_filename=None,
        storyboard_filename="",
    )
    _, rows = videos.all().delete()
    return files, rows.get("videos.Video", 0)


def _existing(paths: Iterable[Path | None]) -> set[Path]:
    return {path for path in paths if path is not None}
