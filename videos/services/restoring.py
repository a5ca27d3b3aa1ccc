"""Restores one video from a backup, with its files, comments, likes and other rows."""

from __future__ import annotations

import fcntl
import secrets
import shutil
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.db import IntegrityError, transaction

from accounts.models import User
from categories.models import Category
from siteconfig import roots
from siteconfig.backup.comparing import sha256_of
from siteconfig.backup.errors import BackupError
from siteconfig.backup.other_database import opened_dump
from siteconfig.backup.restoring import manifest_of, staging_of
from siteconfig.roots import RootUnavailableError
from videos.models import (
    Caption,
    Comment,
    FileHash,
    Like,
    Playlist,
    PlaylistEntry,
    Rendition,
    RenditionLayout,
    Video,
    View,
    WatchProgress,
)
from videos.services.audit import record_on_video
from videos.services.files import remove_unpublished
from videos.services.processing.jobs import add_job
from videos.services.removals import (
    cancel_removals_unless_at_work,
    keep_source_for_retry,
    spare_source,
)
from videos.services.search_index import index_captions, index_video
from videos.services.stored_files import StoredFile, files_of_row, stored_path

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from siteconfig.backup.manifest import Manifest
    from siteconfig.backup.restic import Restic
    from siteconfig.backup.restic_output import StoredSnapshot

IS_THERE: Final = "The site has this video. Delete it first to restore the older state."
WORK_NAME: Final = "restore-"
# A worker leases removals for a minute at most.
MAX_TRIES: Final = 150
TRY_SECONDS: Final = 0.5
# Models whose rows are restored with the video, in an order in which they can be stored. Guest
# links, notifications and jobs are not restored. Reports outlive their video, so that the site has
# them still, or was right to forget them.
RESTORED: Final = (Rendition, Caption, Comment, Like, View, WatchProgress, PlaylistEntry)


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoredVideo:
    """`rows` and `files` were restored besides the video's own row; `left_out` are rows whose
    member or playlist is gone."""

    video: Video
    rows: int
    left_out: int
    files: int


def restore_video(restic: Restic, snapshot: StoredSnapshot, *, short_id: str) -> RestoredVideo:
    """Restores a video that the site does not have any more, with its id and address.

    Raises: BackupError when the backup has no such video, the site has it, its uploader is gone, or
    a file would be overwritten or differs from its hash. Nothing is changed then.
    """
    if Video.objects.filter(short_id=short_id).exists():
        raise BackupError(IS_THERE)
    manifest = manifest_of(restic, snapshot)
    with _work_folder() as work:
        staging = staging_of(snapshot)
        restic.restore(snapshot.id, target=work, includes=[staging])
        with opened_dump(work / staging.lstrip("/") / manifest.database) as alias:
            found = _read(alias, short_id)
        try:
            _restore_files(restic, snapshot, manifest, found, work)
            return _store(found, manifest, work)
        except RootUnavailableError as error:
            raise BackupError(str(error)) from error


@contextmanager
def _work_folder() -> Iterator[Path]:
    """A folder for one restore at a time. Folders of killed restores, which hold a copy of the
    database, are removed.

    Raises: BackupError while another process restores a video.
    """
    data = Path(settings.BASE_DIR) / "data"
    data.mkdir(parents=True, exist_ok=True)
    with (data / "restore.lock").open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BackupError(
                "Another video is being restored. Try again when that is done."
            ) from error
        for leftover in data.glob(f"{WORK_NAME}{'[0-9a-f]' * 8}/"):
            shutil.rmtree(leftover, ignore_errors=True)
        work = data / f"{WORK_NAME}{secrets.token_hex(4)}"
        work.mkdir(mode=0o700)
        try:
            yield work
        finally:
            shutil.rmtree(work, ignore_errors=True)


def bring_back(restic: Restic, snapshot: StoredSnapshot, short_id: str) -> str:
    """Restores a video, for the command. Returns a sentence that says what was restored. Raises: as
    `restore_video`."""
    result = restore_video(restic, snapshot, short_id=short_id)
    left_out = f", {result.left_out} left out since their member is gone" if result.left_out else ""
    return (
        f"Restored the video '{result.video}' with {result.files} files and {result.rows} rows"
        f"{left_out}."
    )


@dataclass(frozen=True, slots=True)
class _Found:
    """Rows as the backup has them, unsaved, by model."""

    video: Video
    rows: dict[type[Any], list[Any]]
    hashes: list[FileHash]

    @property
    def files(self) -> list[StoredFile]:
        renditions = [StoredFile(it.root, it.filename) for it in self.rows[Rendition]]
        return list(dict.fromkeys([*files_of_row(self.video), *renditions]))


def _read(alias: str, short_id: str) -> _Found:
    """Reads a video's rows from the backup's database. Raises: BackupError."""
    video = Video.objects.using(alias).filter(short_id=short_id).first()
    if video is None:
        raise BackupError(f"This backup has no video {short_id}.")
    rows: dict[type[Any], list[Any]] = {
        model: list(model._default_manager.using(alias).filter(video=video.pk).order_by("pk"))
        for model in RESTORED
    }
    # Files of incomplete renditions lay in the temp folder.
    rows[Rendition] = [row for row in rows[Rendition] if row.is_complete]
    for row in rows[Rendition]:
        if row.layout == RenditionLayout.FINALISING:  # only one row of a site may be
            row.layout, row.finalising_until = RenditionLayout.FRAGMENTED, None
    found = _Found(video, rows, [])
    for file in found.files:
        known = FileHash.objects.using(alias).filter(root=file.root, key=file.key)
        found.hashes.extend(known)
    return found


def _restore_files(
    restic: Restic, snapshot: StoredSnapshot, manifest: Manifest, found: _Found, work: Path
) -> None:
    """Restores the files into the work folder and compares them with their hashes. Raises:
    BackupError."""
    paths = [_path_in(manifest, file) for file in found.files]
    if paths:
        restic.restore(snapshot.id, target=work, includes=paths)
    known = {(row.root, row.key): row.sha256 for row in found.hashes}
    for file in found.files:
        restored = _restored(file, manifest, work)
        if known.get(file, sha256_of(restored)) != sha256_of(restored):
            raise BackupError(f"The file {file.root}/{file.key} in this backup is damaged.")


def _path_in(manifest: Manifest, file: StoredFile) -> str:
    """The file's path in the backup. Raises: BackupError for a file that it cannot hold."""
    try:
        stored_path(*file)
        return f"{manifest.roots[file.root]}/{file.key}"
    except (KeyError, ValueError) as error:
        raise BackupError(f"This backup names a file that it cannot hold: {file!r}.") from error


def _restored(file: StoredFile, manifest: Manifest, work: Path) -> Path:
    """The file's path in the work folder. Raises: BackupError when it is missing, or is a link,
    which would lead to a file of this host."""
    path = _path_in(manifest, file).lstrip("/")
    restored = work / path
    if not restored.is_file() or restored.resolve() != work.resolve() / path:
        raise BackupError(f"The file {file.root}/{file.key} is not in this backup.")
    return restored


def _store(found: _Found, manifest: Manifest, work: Path) -> RestoredVideo:
    """Places the files and stores the rows. Waits for workers that remove files of this video.
    Raises: BackupError."""
    placed: list[Path] = []
    video_id = found.video.pk
    try:
        for _ in range(MAX_TRIES):
            spare_source(found.video)
            _place(found, manifest, work, placed)
            with transaction.atomic():
                # From here on no worker can lease removals of these files, and none has.
                if cancel_removals_unless_at_work(found.files, video_id=video_id) and _exist(
                    found.files
                ):
                    rows, left_out = _store_rows(found)
                    break
            time.sleep(TRY_SECONDS)
        else:
            raise BackupError("Files of this video are being removed now. Try again in a minute.")
    except BaseException as error:
        # The row decides: another restore may have stored it and use these files.
        remove_unpublished(video_id, placed)
        if isinstance(error, IntegrityError) and Video.objects.filter(pk=video_id).exists():
            raise BackupError(IS_THERE) from error
        raise
    index_captions(video_id)
    return RestoredVideo(video=found.video, rows=rows, left_out=left_out, files=len(found.files))


def _exist(files: list[StoredFile]) -> bool:
    return all(stored_path(*file).is_file() for file in files)


def _place(found: _Found, manifest: Manifest, work: Path, placed: list[Path]) -> None:
    """Places the files where rows name them. `placed` collects those that did not exist; a file
    whose removal is requested still exists and is the same. Raises: BackupError,
    RootUnavailableError."""
    # The web server does not load FFmpeg's modules.
    from videos.services.processing.publish import place

    for file in found.files:
        source = _restored(file, manifest, work)
        roots.check_roots([file.root])
        target = stored_path(*file)
        if target.exists() or target.is_symlink():
            if not target.is_file() or sha256_of(target) != sha256_of(source):
                raise BackupError(f"There is another file at {target}. Nothing was overwritten.")
            continue
        target.parent.mkdir(exist_ok=True)
        place(source, target, placed, tick=lambda: None)


def _store_rows(found: _Found) -> tuple[int, int]:
    """Stores the video, its rows and hashes, and continues its processing, in the caller's
    transaction.

    Returns how many rows were stored besides the video's own, and how many were left out. Raises:
    BackupError when the uploader is gone.
    """
    video = found.video
    members = set(User.objects.filter(deleting_since=None).values_list("pk", flat=True))
    _store_video(video, members)
    stored, left_out = _store_related(found, members)
    FileHash.objects.bulk_create(
        [
            FileHash(root=it.root, key=it.key, size_bytes=it.size_bytes, sha256=it.sha256)
            for it in found.hashes
        ],
        ignore_conflicts=True,
    )
    if video.is_unfinished:
        add_job(video=video)
    elif video.is_failed:
        keep_source_for_retry(video)
    index_video(video.pk)
    record_on_video("video.restore_backup", video)
    return stored, left_out


def _store_video(video: Video, members: set[UUID]) -> None:
    """Stores the video's own row, without a category that is gone. Raises: BackupError."""
    uploader = User.objects.select_for_update(no_key=True).filter(pk=video.uploaded_by_id)
    if video.uploaded_by_id not in members or not uploader.exists():
        raise BackupError("The uploader of this video is no longer a member.")
    if not uploader.filter(trashed_at=None).exists():
        raise BackupError("The uploader of this video is in the trash. Restore them first.")
    # The backup may be of a time when the video was in the trash.
    video.trashed_at = video.trashed_by = None
    video.was_trashed_with_member = False
    category = video.category_id
    if category is not None and not Category.objects.filter(pk=category).exists():
        video.category = None
    video.save(using="default", force_insert=True)
    Video.objects.filter(pk=video.pk).update(updated_at=video.updated_at)


def _store_related(found: _Found, members: set[UUID]) -> tuple[int, int]:
    """Stores rows with new keys. Returns how many, and how many were left out."""
    playlists = set(Playlist.objects.present().values_list("pk", flat=True))
    comments: dict[int, int] = {}  # keys in the backup: keys on the site
    stored = left_out = 0
    for model in RESTORED:
        for row in found.rows[model]:
            if not _can_be_stored(row, members, playlists, comments):
                left_out += 1
                continue
            old_key = row.pk
            row.pk = None
            if isinstance(row, Comment):
                row.parent_id = comments[row.parent_id] if row.parent_id else None
                row.deleted_by_id = row.deleted_by_id if row.deleted_by_id in members else None
            row.save(using="default", force_insert=True)
            if isinstance(row, Comment):
                comments[old_key] = row.pk
            stored += 1
    return stored, left_out


def _can_be_stored(
    row: Any, members: set[UUID], playlists: set[UUID], comments: dict[int, int]
) -> bool:
    """Whether the members, the playlist and the comment that a row refers to exist."""
    for name in ("author_id", "member_id"):
        if getattr(row, name, None) is not None and getattr(row, name) not in members:
            return False
    if isinstance(row, PlaylistEntry) and row.playlist_id not in playlists:
        return False
    return not (isinstance(row, Comment) and row.parent_id and row.parent_id not in comments)
