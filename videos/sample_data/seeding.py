"""Stores the sample data: all of it, or nothing at all."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.text import slugify

from accounts.models import User
from categories.models import Category
from clipset.database.transactions import batch_job
from siteconfig.models import Config
from siteconfig.roots import (
    AWAY,
    IMAGES,
    TEMP,
    THUMBNAILS,
    RootUnavailableError,
    check_roots,
    checked_root,
)
from siteconfig.services.config import current_config, current_video_root, roots_for_new_videos
from videos.models import Rendition, Video
from videos.sample_data.data import (
    CATEGORIES,
    USERS,
    VIDEOS,
    SampleVideo,
    sample_id,
    sample_short_id,
)
from videos.sample_data.making import Made, Say, copy_source, make_clips, second_name
from videos.sample_data.removal import MAX_SECONDS, delete_everything
from videos.services.processing.publish import rendition_row
from videos.services.removals import cancel_removals
from videos.services.removing import work_off_removals
from videos.services.search_index import index_videos
from videos.services.storage import mark_new_roots
from videos.services.stored_files import files_of_row, small_of
from videos.transcode.errors import TranscodeError
from videos.transcode.fragments import describe
from videos.transcode.publish import publish_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

ALREADY = "This site is already seeded: use --reset to remove everything in it and begin again."
IN_USE = (
    "This site has members or videos of its own, so it was left as it is. --reset would remove "
    "all of them and begin again."
)


class SamplesError(Exception):
    """Nothing was changed; the sentence says why."""


@batch_job("seed_clipset")
def seed_samples(*, source: Path | None = None, reset: bool = False, say: Say) -> None:
    """Makes the sample data on an empty site, or with `reset` instead of all that is there.

    Clips are made first, in a work folder. Rows are changed in one transaction in which the
    files take their names, so that a failure leaves the site as it was. Raises SamplesError.
    """
    if not reset:
        refuse_unless_empty()
    mark_new_roots()
    with _failures_in_words(), _work_folder() as folder:
        made = make_clips(folder, say=say) if source is None else _from(source, folder, say)
        say("Storing members, categories and videos …")
        _store(made, folder, reset=reset)


def refuse_unless_empty() -> None:
    """Raises SamplesError when somebody or something is here already."""
    if (
        User.objects.filter(is_sample=True).exists()
        or Video.objects.filter(is_sample=True).exists()
    ):
        raise SamplesError(ALREADY)
    if any(model.objects.exists() for model in (User, Category, Video)):
        raise SamplesError(IN_USE)


def _from(source: Path, folder: Path, say: Say) -> Mapping[str, Made]:
    try:
        with source.open("rb"):
            pass
    except OSError as error:
        raise SamplesError(f"{source} cannot be read: {error.strerror or error}.") from error
    return copy_source(source, folder, say=say)


@contextmanager
def _failures_in_words() -> Iterator[None]:
    try:
        yield
    except TranscodeError as error:
        lines = error.detail.strip().splitlines()
        raise SamplesError(f"{error.sentence}{f' ({lines[-1]})' if lines else ''}") from error
    except RootUnavailableError as error:
        raise SamplesError(f"{AWAY} ({error.reason})") from error
    except IntegrityError as error:  # somebody was faster
        raise SamplesError(ALREADY) from error
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        raise SamplesError(
            f"The files cannot be made: {error.strerror or error}{where}."
        ) from error


@contextmanager
def _work_folder() -> Iterator[Path]:
    check_roots([*roots_for_new_videos(), IMAGES])
    folder = Path(tempfile.mkdtemp(prefix="samples-", dir=checked_root(TEMP)))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _store(made: Mapping[str, Made], folder: Path, *, reset: bool) -> None:
    now, placed = timezone.now(), list[Path]()
    try:
        with transaction.atomic():
            if reset:
                delete_everything()
                _restore_config()
            else:
                refuse_unless_empty()
            users = _make_users(now)
            categories = _make_categories(users["admin"], now)
            root = current_video_root()
            videos = [_row(row, users, categories, made, now, root=root) for row in VIDEOS]
            Video.objects.bulk_create(videos)
            Rendition.objects.bulk_create(
                _rendition(video, made[row.clip])
                for row, video in zip(VIDEOS, videos, strict=True)
                if row.clip is not None
            )
            # The ages of bulk-created rows are ours; auto_now would say that all changed just now.
            for row, video in zip(VIDEOS, videos, strict=True):
                Video.objects.filter(pk=video.pk).update(updated_at=video.created_at)
                if row.clip is not None:
                    _place(video, made[row.clip], folder, placed)
            index_videos(video.pk for video in videos)
            # Samples get the same names each time they are made.
            cancel_removals(file for video in videos for file in files_of_row(video))
    except BaseException:
        for path in placed:
            path.unlink(missing_ok=True)
        raise
    work_off_removals(seconds=MAX_SECONDS)


def _restore_config() -> None:
    """As the settings say, as on the first day."""
    fields = {field.attname for field in Config._meta.concrete_fields} - {
        "id",
        "site_id",
        "updated_at",
    }
    defaults = {name: getattr(Config(), name) for name in fields}
    Config.objects.update_or_create(pk=Config.SINGLETON_ID, defaults=defaults)


def _make_users(now: datetime) -> dict[str, User]:
    limit = current_config().weekly_upload_limit_bytes
    return {
        user.username: User.objects.create_user(
            user.username,
            f"{user.username}@example.com",
            user.password,
            id=sample_id("user", user.username),
            role=user.role,
            weekly_upload_bytes=limit * user.quota_used // 100,
            last_upload_reset=now,  # of this week, so that the schedule leaves it alone
            created_at=now - user.joined,
            is_sample=True,
        )
        for user in USERS
    }


def _make_categories(maker: User, now: datetime) -> dict[str, Category]:
    return {
        category.name: Category.objects.create(
            id=sample_id("category", category.name),
            name=category.name,
            slug=slugify(category.name),
            description=category.description,
            created_by=maker,
            created_at=now - USERS[0].joined,
            is_sample=True,
        )
        for category in CATEGORIES
    }


def _row(
    row: SampleVideo,
    users: Mapping[str, User],
    categories: Mapping[str, Category],
    made: Mapping[str, Made],
    now: datetime,
    *,
    root: str,
) -> Video:
    video = Video(
        id=sample_id("video", row.key),
        short_id=sample_short_id(row.key),
        title=row.title,
        description=row.description,
        uploaded_by=users[row.uploader],
        category=categories[row.category] if row.category else None,
        view_count=row.views,
        processing_status=row.status,
        error_message=row.error,
        original_filename=row.original_filename,
        file_size_bytes=row.size,
        duration_seconds=row.seconds,
        storage_root=root,
        created_at=now - row.age,
        is_sample=True,
    )
    video.filename = f"{video.pk.hex}.mp4"
    if row.clip is not None:
        _describe(video, made[row.clip])
    return video


def _describe(video: Video, made: Made) -> None:
    """What a finished job would have noted."""
    stem = f"{video.pk.hex}-{made.digest[:12]}"
    video.filename = f"{stem}.mp4"
    if made.result.thumbnail is not None:
        video.thumbnail_filename = f"{stem}.jpg"
        video.thumbnail_root = THUMBNAILS
    video.file_size_bytes = made.source_bytes
    top = made.result.renditions[0]
    video.duration_seconds = top.duration_seconds
    video.width, video.height = top.width, top.height
    video.stored_bytes = top.size_bytes
    video.was_copied = made.result.plan.copied


def _rendition(video: Video, made: Made) -> Rendition:
    top = made.result.renditions[0]
    return rendition_row(
        video,
        top,
        root=video.storage_root,
        filename=video.filename,
        version=made.digest[:12],
        facts=describe(top.path),
    )


def _place(video: Video, made: Made, folder: Path, placed: list[Path]) -> None:
    """Gives the video its own files. One that is there already has the same contents: its name
    tells; it belongs to what stands now, so that a failure must not remove it."""
    wanted = [(made.result.renditions[0].path, video.file_path)]
    if made.result.thumbnail is not None and video.thumbnail_path is not None:
        wanted.append((made.result.thumbnail, video.thumbnail_path))
    for work, final in wanted:
        if not final.exists():
            placed.append(final)
        publish_file(second_name(work, folder / final.name), final)
        small_of(final).unlink(missing_ok=True)  # of a thumbnail that had this name before
