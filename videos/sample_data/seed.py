"""Stores the sample data: all of it, or nothing."""

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
from clipset.lib.unavailable import STORAGE_AWAY
from siteconfig import roots
from siteconfig.models import Config
from siteconfig.services.audit import record
from siteconfig.services.config import current_config, current_video_root, roots_for_new_videos
from videos.models import Rendition, Video
from videos.sample_data import data
from videos.sample_data.clips import BuiltFile, Say, build_clips, copy_source
from videos.sample_data.data import CATEGORIES, USERS, VIDEOS, sample_id
from videos.sample_data.remove import MAX_SECONDS, NAME, delete_everything
from videos.services.daily_statistics import count_all_again
from videos.services.processing.rendition_rows import rendition_row
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

Files = Mapping[str, BuiltFile]  # the keys are the names of clips
ALREADY = "This site is already seeded: use --reset to remove everything in it and begin again."
IN_USE = (
    "This site has members or videos of its own, so it was left as it is. --reset would remove "
    "all of them and begin again."
)


class SampleDataError(Exception):
    """Nothing was changed; the message says why."""


@batch_job("seed_clipset")
def seed_sample_data(*, source: Path | None = None, reset: bool = False, say: Say) -> None:
    """Makes the sample data on an empty site, or with `reset` in place of everything in it.

    The files are made first, in a work folder. They get their names inside the one transaction
    that changes the rows, so that a failure leaves the site as it was. Raises: SampleDataError.
    """
    if not reset:
        refuse_unless_empty()
    mark_new_roots()
    with _failures_as_sentences(), _work_folder() as folder:
        if source is None:
            files = build_clips(folder, say=say)
        else:
            _refuse_unreadable(source)
            files = copy_source(source, folder, say=say)
        say("Storing members, categories and videos …")
        _store(files, folder, reset=reset)


def refuse_unless_empty() -> None:
    """Raises: SampleDataError if the site has members, categories or videos."""
    if any(model.objects.filter(is_sample=True).exists() for model in (User, Video)):
        raise SampleDataError(ALREADY)
    if any(model.objects.exists() for model in (User, Category, Video)):
        raise SampleDataError(IN_USE)


def _refuse_unreadable(source: Path) -> None:
    try:
        source.open("rb").close()
    except OSError as error:
        raise SampleDataError(f"{source} cannot be read: {error.strerror or error}.") from error


@contextmanager
def _failures_as_sentences() -> Iterator[None]:
    try:
        yield
    except TranscodeError as error:
        lines = error.detail.strip().splitlines()
        raise SampleDataError(f"{error.sentence}{f' ({lines[-1]})' if lines else ''}") from error
    except roots.RootUnavailableError as error:
        raise SampleDataError(f"{STORAGE_AWAY.sentence} ({error.reason})") from error
    except IntegrityError as error:  # another seeding was faster
        raise SampleDataError(ALREADY) from error
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        sentence = f"The files cannot be made: {error.strerror or error}{where}."
        raise SampleDataError(sentence) from error


@contextmanager
def _work_folder() -> Iterator[Path]:
    roots.check_roots([*roots_for_new_videos(), roots.IMAGES])
    folder = Path(tempfile.mkdtemp(prefix="samples-", dir=roots.checked_root(roots.TEMP)))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _store(files: Files, folder: Path, *, reset: bool) -> None:
    placed = list[Path]()
    try:
        with transaction.atomic():
            before = {"members": User.objects.count(), "videos": Video.objects.count()}
            if reset:
                delete_everything()
                _reset_config()
            else:
                refuse_unless_empty()
            _store_rows(files, folder, placed)
            after = {"members": len(USERS), "videos": len(VIDEOS)}
            record("sample_data.create", None, name=NAME, before=before, after=after)
            count_all_again()
    except BaseException:
        for path in placed:
            path.unlink(missing_ok=True)
        raise
    work_off_removals(seconds=MAX_SECONDS)


def _store_rows(files: Files, folder: Path, placed: list[Path]) -> None:
    """Adds the names of the files that it creates to `placed`."""
    now, root = timezone.now(), current_video_root()
    users = _make_users(now)
    categories = _make_categories(users["admin"], now)
    videos = [_video(row, users, categories, now, root=root) for row in VIDEOS]
    with_files = [
        (video, files[row.clip]) for row, video in zip(VIDEOS, videos, strict=True) if row.clip
    ]
    for video, built in with_files:
        _describe(video, built)
    Video.objects.bulk_create(videos)
    Rendition.objects.bulk_create(_rendition(video, built) for video, built in with_files)
    for video in videos:  # auto_now has set the present time
        Video.objects.filter(pk=video.pk).update(updated_at=video.created_at)
    for video, built in with_files:
        _place(video, built, folder, placed)
    index_videos(video.pk for video in videos)
    # An earlier seeding had the same file names, and may have asked for their removal.
    cancel_removals(file for video in videos for file in files_of_row(video))


def _reset_config() -> None:
    """Sets every field to its default, as on the first day."""
    fields = {field.attname for field in Config._meta.concrete_fields}
    names = fields - {"id", "site_id", "updated_at"}
    defaults = {name: getattr(Config(), name) for name in names}
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
            last_upload_reset=now,  # in this week, so that the schedule doesn't reset the quota
            created_at=now - user.joined,
            is_sample=True,
        )
        for user in USERS
    }


def _make_categories(creator: User, now: datetime) -> dict[str, Category]:
    return {
        name: Category.objects.create(
            id=sample_id("category", name),
            name=name,
            slug=slugify(name),
            description=description,
            created_by=creator,
            created_at=now - USERS[0].joined,
            is_sample=True,
        )
        for name, description in CATEGORIES.items()
    }


def _video(
    row: data.SampleVideo,
    users: Mapping[str, User],
    categories: Mapping[str, Category],
    now: datetime,
    *,
    root: str,
) -> Video:
    pk = sample_id("video", row.key)
    return Video(
        id=pk,
        short_id=data.sample_short_id(row.key),
        title=row.title,
        description=row.description,
        uploaded_by=users[row.uploader],
        category=categories[row.category] if row.category else None,
        view_count=row.views,
        processing_status=row.status,
        error_message=row.error,
        filename=f"{pk.hex}.mp4",
        original_filename=row.original_filename,
        file_size_bytes=row.size,
        duration_seconds=row.seconds,
        storage_root=root,
        created_at=now - row.age,
        is_sample=True,
    )


def _describe(video: Video, built: BuiltFile) -> None:
    """Sets the fields that a finished job sets."""
    stem, top = f"{video.pk.hex}-{built.version}", built.result.top
    video.filename = f"{stem}.mp4"
    if built.thumbnail is not None:
        video.thumbnail_filename = f"{stem}.jpg"
        video.thumbnail_root = roots.THUMBNAILS
    video.file_size_bytes, video.stored_bytes = built.source_bytes, top.size_bytes
    video.duration_seconds = top.duration_seconds
    video.width, video.height = top.width, top.height
    video.was_copied = built.result.plan.copied


def _rendition(video: Video, built: BuiltFile) -> Rendition:
    top, names = built.result.top, {"root": video.storage_root, "filename": video.filename}
    return rendition_row(video, top, **names, version=built.version, facts=describe(top.path))


def _place(video: Video, built: BuiltFile, folder: Path, placed: list[Path]) -> None:
    """Gives the video its own files.

    A file that exists already has the same contents, as its name says. It belongs to the rows that
    a failure brings back, so it is not added to `placed`.
    """
    wanted = [(built.result.top.path, video.file_path)]
    if built.thumbnail is not None and video.thumbnail_path is not None:
        wanted.append((built.thumbnail, video.thumbnail_path))
    for work, final in wanted:
        if not final.exists():
            placed.append(final)
        shutil.copyfile(work, folder / final.name)  # clips may share one file
        publish_file(folder / final.name, final)
        small_of(final).unlink(missing_ok=True)  # of an earlier thumbnail with this name
