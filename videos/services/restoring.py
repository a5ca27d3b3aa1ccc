"""Brings one video back from a backup, with its files and all that members did with it."""

from __future__ import annotations

import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.db import transaction

from accounts.models import User
from categories.models import Category
from siteconfig import roots
from siteconfig.backup.other_database import opened_dump
from siteconfig.backup.restic import BackupError
from siteconfig.backup.restoring import manifest_of, sha256_of, staging_of
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
    WatchPosition,
)
from videos.services.jobs import add_job
from videos.services.removals import cancel_removals
from videos.services.search_index import index_captions, index_video
from videos.services.stored_files import StoredFile, files_of_row, stored_path

if TYPE_CHECKING:
    from collections.abc import Iterable

    from siteconfig.backup.manifest import Manifest
    from siteconfig.backup.restic import Restic, StoredSnapshot

# What belongs to a video besides its own row, in an order in which the rows can be stored.
# Guest links stay revoked, notifications told, jobs done: those are not brought back.
BROUGHT_BACK: Final = (Rendition, Caption, Comment, Like, View, WatchPosition, PlaylistEntry)


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
        raise BackupError("The site has this video. Delete it first to bring back the older state.")
    manifest = manifest_of(restic, snapshot)
    work = Path(settings.BASE_DIR) / "data" / f"restore-{secrets.token_hex(4)}"
    work.mkdir(parents=True, mode=0o700)
    try:
        staging = staging_of(snapshot)
        restic.restore(snapshot.id, target=work, includes=[staging])
        with opened_dump(work / staging.lstrip("/") / manifest.database) as alias:
            found = _read(alias, short_id)
        _restore_files(restic, snapshot, manifest, found, work)
        return _store(found, manifest, work)
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
        model: list(model._base_manager.using(alias).filter(video=video.pk).order_by("pk"))
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
    for file, path in zip(found.files, paths, strict=True):
        restored = work / path.lstrip("/")
        if not restored.is_file():
            raise BackupError(f"The file {file.root}/{file.key} is not in this backup.")
        if known.get(file, sha256_of(restored)) != sha256_of(restored):
            raise BackupError(f"The file {file.root}/{file.key} in this backup is damaged.")


def _path_in(manifest: Manifest, file: StoredFile) -> str:
    return f"{manifest.roots[file.root]}/{file.key}"


def _store(found: _Found, manifest: Manifest, work: Path) -> RestoredVideo:
    placed = _place(found.files, manifest, work)
    try:
        with transaction.atomic():
            rows, left_out = _store_rows(found)
    except BaseException:
        for path in placed:
            path.unlink(missing_ok=True)
        raise
    index_captions(found.video.pk)
    return RestoredVideo(video=found.video, rows=rows, left_out=left_out, files=len(found.files))


def _place(files: Iterable[StoredFile], manifest: Manifest, work: Path) -> list[Path]:
    """Moves the files to their roots. Returns those that were not there. A file that waits for its
    removal is there still, and the same."""
    placed = []
    for file in files:
        target = roots.checked_root(file.root) / file.key
        source = work / _path_in(manifest, file).lstrip("/")
        if target.exists():
            if sha256_of(target) != sha256_of(source):
                raise BackupError(f"There is another file at {target}. Nothing was overwritten.")
            continue
        target.parent.mkdir(exist_ok=True)
        shutil.move(source, target)
        placed.append(stored_path(*file))
    return placed


def _store_rows(found: _Found) -> tuple[int, int]:
    """How many rows were stored besides the video's own, and how many were left out."""
    video = found.video
    members = set(User.objects.values_list("pk", flat=True))
    if video.uploaded_by_id not in members:
        raise BackupError("The uploader of this video is no longer a member.")
    category = video.category_id
    if category is not None and not Category.objects.filter(pk=category).exists():
        video.category = None
    video.save(using="default", force_insert=True)
    Video.objects.filter(pk=video.pk).update(updated_at=video.updated_at)
    playlists = set(Playlist.objects.values_list("pk", flat=True))
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
    cancel_removals(found.files)
    if video.is_unfinished:
        add_job(video=video)
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
