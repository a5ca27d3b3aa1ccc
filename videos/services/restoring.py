"""Brings one video back from a backup, with its files and all that members did with it."""

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
    Video,
    View,
    WatchProgress,
)
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

    from siteconfig.backup.manifest import Manifest
    from siteconfig.backup.restic import Restic
    from siteconfig.backup.restic_output import StoredSnapshot

IS_THERE: Final = "The site has this video. Delete it first to bring back the older state."
WORK_NAME: Final = "restore-"
# A worker holds what it removes for a minute at most.
MAX_TRIES: Final = 150
TRY_SECONDS: Final = 0.5
# What belongs to a video besides its own row, in an order in which the rows can be stored.
# Guest links stay revoked, notifications told, jobs done: those are not brought back.
BROUGHT_BACK: Final = (Rendition, Caption, Comment, Like, View, WatchProgress, PlaylistEntry)


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoredVideo:
    """`rows` besides the video's own; `left_out` are those whose member or playlist is gone."""

    video: Video
    rows: int
    left_out: int
    files: int


def restore_video(restic: Restic, snapshot: StoredSnapshot, *, short_id: str) -> RestoredVideo:
    """Restores a video that the live site does not have any more.

    Raises BackupError when the backup has no such video, the site has it, its uploader is gone, or
    a file would be overwritten or differs from its hash. Nothing was changed then.
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
    """A folder for one restore at a time. What killed ones left, with a copy of the database, goes.

    Raises BackupError while another process restores a video.
    """
    data = Path(settings.BASE_DIR) / "data"
    data.mkdir(parents=True, exist_ok=True)
    with (data / "restore.lock").open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BackupError("Another video is being restored. Wait for it to end.") from error
        for left in data.glob(f"{WORK_NAME}{'[0-9a-f]' * 8}/"):
            shutil.rmtree(left, ignore_errors=True)
        work = data / f"{WORK_NAME}{secrets.token_hex(4)}"
        work.mkdir(mode=0o700)
        try:
            yield work
        finally:
            shutil.rmtree(work, ignore_errors=True)


def bring_back(restic: Restic, snapshot: StoredSnapshot, short_id: str) -> str:
    """For the command: `restore_video`, and what it did as a sentence."""
    result = restore_video(restic, snapshot, short_id=short_id)
    left_out = f", {result.left_out} left out since their member is gone" if result.left_out else ""
    return (
        f"Restored the video '{result.video}' with {result.files} files and {result.rows} rows"
        f"{left_out}."
    )


@dataclass(frozen=True, slots=True)
class _Found:
    """Rows as the backup has them, unsaved."""

    video: Video
    rows: dict[type[Any], list[Any]]
    hashes: list[FileHash]

    @property
    def files(self) -> list[StoredFile]:
        renditions = [StoredFile(it.root, it.filename) for it in self.rows[Rendition]]
        return list(dict.fromkeys([*files_of_row(self.video), *renditions]))


def _read(alias: str, short_id: str) -> _Found:
    video = Video.objects.using(alias).filter(short_id=short_id).first()
    if video is None:
        raise BackupError(f"This backup has no video {short_id}.")
    rows: dict[type[Any], list[Any]] = {
        model: list(model._default_manager.using(alias).filter(video=video.pk).order_by("pk"))
        for model in BROUGHT_BACK
    }
    # What was still growing lay in the folder of its attempt.
    rows[Rendition] = [row for row in rows[Rendition] if row.is_complete]
    found = _Found(video, rows, [])
    for file in found.files:
        known = FileHash.objects.using(alias).filter(root=file.root, key=file.key)
        found.hashes.extend(known)
    return found


def _restore_files(
    restic: Restic, snapshot: StoredSnapshot, manifest: Manifest, found: _Found, work: Path
) -> None:
    """Into the work folder, compared with their hashes."""
    paths = [_path_in(manifest, file) for file in found.files]
    if paths:
        restic.restore(snapshot.id, target=work, includes=paths)
    known = {(row.root, row.key): row.sha256 for row in found.hashes}
    for file in found.files:
        restored = _restored(file, manifest, work)
        if known.get(file, sha256_of(restored)) != sha256_of(restored):
            raise BackupError(f"The file {file.root}/{file.key} in this backup is damaged.")


def _path_in(manifest: Manifest, file: StoredFile) -> str:
    """Raises BackupError for a file that the backup cannot hold."""
    try:
        stored_path(*file)
        return f"{manifest.roots[file.root]}/{file.key}"
    except (KeyError, ValueError) as error:
        raise BackupError(f"This backup names a file that it cannot hold: {file!r}.") from error


def _restored(file: StoredFile, manifest: Manifest, work: Path) -> Path:
    """Where a file of the backup lies in the work folder. Raises BackupError when it is not there;
    a link would lead to a file of this host."""
    path = _path_in(manifest, file).lstrip("/")
    restored = work / path
    if not restored.is_file() or restored.resolve() != work.resolve() / path:
        raise BackupError(f"The file {file.root}/{file.key} is not in this backup.")
    return restored


def _store(found: _Found, manifest: Manifest, work: Path) -> RestoredVideo:
    placed: list[Path] = []
    video_id = found.video.pk
    try:
        for _ in range(MAX_TRIES):
            spare_source(found.video)
            _place(found, manifest, work, placed)
            with transaction.atomic():
                # No worker takes them up from here on, and none is at them.
                if cancel_removals_unless_at_work(found.files, video_id=video_id) and _are_there(
                    found.files
                ):
                    rows, left_out = _store_rows(found)
                    break
            time.sleep(TRY_SECONDS)
        else:
            raise BackupError("Files of this video are just being removed. Try again in a minute.")
    except BaseException as error:
        # The row decides: it may be that of another restore, which found these files.
        remove_unpublished(video_id, placed)
        if isinstance(error, IntegrityError) and Video.objects.filter(pk=video_id).exists():
            raise BackupError(IS_THERE) from error
        raise
    index_captions(video_id)
    return RestoredVideo(video=found.video, rows=rows, left_out=left_out, files=len(found.files))


def _are_there(files: list[StoredFile]) -> bool:
    return all(stored_path(*file).is_file() for file in files)


def _place(found: _Found, manifest: Manifest, work: Path, placed: list[Path]) -> None:
    """Gives the files their places, whole or not at all; `placed` collects those that were not
    there. A file that waits for its removal is there still, and the same."""
    from videos.services.processing.publish import (
        place,  # the web server does without FFmpeg's modules
    )

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
    """How many rows were stored besides the video's own, and how many were left out."""
    video = found.video
    members = set(User.objects.filter(deleting_since=None).values_list("pk", flat=True))
    uploader = User.objects.select_for_update(no_key=True).filter(pk=video.uploaded_by_id)
    if video.uploaded_by_id not in members or not uploader.exists():
        raise BackupError("The uploader of this video is no longer a member.")
    category = video.category_id
    if category is not None and not Category.objects.filter(pk=category).exists():
        video.category = None
    video.save(using="default", force_insert=True)
    Video.objects.filter(pk=video.pk).update(updated_at=video.updated_at)
    playlists = set(Playlist.objects.present().values_list("pk", flat=True))
    comments: dict[int, int] = {}
    stored = left_out = 0
    for model in BROUGHT_BACK:
        for row in found.rows[model]:
            if not _can_be_stored(row, members, playlists, comments):
                left_out += 1
                continue
            old = row.pk
            row.pk = None
            if isinstance(row, Comment):
                row.parent_id = comments[row.parent_id] if row.parent_id else None
                row.deleted_by_id = row.deleted_by_id if row.deleted_by_id in members else None
            row.save(using="default", force_insert=True)
            if isinstance(row, Comment):
                comments[old] = row.pk
            stored += 1
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
    return stored, left_out


def _can_be_stored(
    row: Any, members: set[Any], playlists: set[Any], comments: dict[int, int]
) -> bool:
    """Whether all that a row refers to is there."""
    for name in ("author_id", "member_id"):
        if getattr(row, name, None) is not None and getattr(row, name) not in members:
            return False
    if isinstance(row, PlaylistEntry) and row.playlist_id not in playlists:
        return False
    return not (isinstance(row, Comment) and row.parent_id and row.parent_id not in comments)
