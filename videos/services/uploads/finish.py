"""A file that has come becomes a video that waits for its processing."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.models import User
from accounts.services.quota import release_quota, reserve_quota
from categories.services import hold_category
from clipset.lib.durable import sync
from clipset.lib.refusals import RefusedError
from siteconfig.roots import checked_root
from videos.models import Playlist, ProcessingStatus, Upload, UploadState, Video
from videos.services.playlists import add_to_playlist
from videos.services.processing.jobs import add_job
from videos.services.uploads.create import (
    LIFETIME,
    VideoDetails,
    fitting_name,
    over_quota,
    refused_when_disk_fails,
)

if TYPE_CHECKING:
    from pathlib import Path

    from django.db.models import QuerySet

logger = logging.getLogger(__name__)


def finish_upload(
    *,
    upload: Upload,
    path: Path,
    size: int,
    original_filename: str,
    words: VideoDetails,
    content_hash: str = "",
) -> Video:
    """Of a file that the plain form brought: makes its Video (PENDING) and a job, and wakes a
    worker, all or nothing.

    Raises RefusedError when the file turns out not to fit the quota, or the upload has expired.
    """
    with refused_when_disk_fails():
        checked_root(upload.root)  # an unmounted disk takes bytes as long as the file is open
        _sync_folders(path)
    with refused_when_disk_fails(), transaction.atomic():
        # Finished first: of an open one that is deleted the folder is removed (videos.signals).
        rows = Upload.objects.filter(pk=upload.pk)
        if not rows.update(state=UploadState.FINISHED):
            raise RefusedError("This upload timed out. Try again.", status=422)
        rows.delete()
        if not User.objects.filter(pk=upload.user_id, is_active=True).exists():
            raise RefusedError("Your account was deactivated during the upload.", status=422)
        charged = _settle(upload, size)
        return _make_video(
            upload,
            path=path,
            size=size,
            charged=charged,
            original_filename=fitting_name(original_filename),
            words=words,
            content_hash=content_hash,
        )


def finish_resumable(upload: Upload) -> Video | None:
    """Of one whose last byte was saved: makes its Video and a job, once, however often and by
    whomever it is asked. Brings `upload` up to date; None while something of it is missing.

    Raises RefusedError (503 or 507).
    """
    with refused_when_disk_fails():
        if not (upload.is_open and upload.is_whole and has_file(upload)):
            return upload.video
        _sync_folders(upload.source_path)
        with transaction.atomic():
            if _claim(upload):
                _make_video_of(upload)
    upload.refresh_from_db()
    return upload.video


def finish_whole_uploads() -> int:
    """Those whose last byte was saved by a process that ended before it could finish them, and
    which nobody asked about since. Returns how many."""
    finished = 0
    for upload in list(_whole()):
        try:
            finished += finish_resumable(upload) is not None
        except RefusedError as refusal:
            logger.warning("upload %s is left for later: %s", upload.pk, refusal)
    return finished


def first_copy(video: Video) -> Video | None:
    """The oldest video of the same uploader that was made from the same bytes, if it is not this
    one. What failed is none: it is sent again to try again."""
    if not video.content_hash:
        return None
    same = Video.objects.filter(
        uploaded_by=video.uploaded_by_id,
        content_hash=video.content_hash,
        file_size_bytes=video.file_size_bytes,
        created_at__lt=video.created_at,
    )
    return (
        same.exclude(processing_status=ProcessingStatus.FAILED).order_by("created_at", "pk").first()
    )


def has_file(upload: Upload) -> bool:
    """Whether the file is as long as the row says: no backup need hold it."""
    return stored_bytes(upload) >= upload.offset_bytes


def stored_bytes(upload: Upload) -> int:
    """Bytes of the file that are there. Raises: RootUnavailableError; OSError of a broken disk."""
    try:
        return upload.source_path.stat().st_size
    except FileNotFoundError:
        checked_root(upload.root)  # a disk that is away has lost nothing
        return 0


def _whole() -> QuerySet[Upload]:
    return Upload.objects.filter(
        state=UploadState.OPEN,
        is_resumable=True,
        offset_bytes=F("size_bytes"),
        user__is_active=True,
    )


def _sync_folders(path: Path) -> None:
    """After a power cut the row is not to name what is gone."""
    with suppress(FileNotFoundError):  # ended meanwhile, as the row will tell
        for folder in (path.parent, path.parent.parent):
            sync(folder)


def _claim(upload: Upload) -> bool:
    """What was saved lies on the disk, so it does not matter who still holds the lease."""
    return bool(
        _whole()
        .filter(pk=upload.pk)
        .update(
            state=UploadState.FINISHED,
            expires_at=timezone.now() + LIFETIME,
            writer_token="",
            writer_until=None,
            writer_wanted=False,
        )
    )


def _make_video_of(upload: Upload) -> None:
    upload.refresh_from_db()
    video = _make_video(
        upload,
        path=upload.source_path,
        size=upload.size_bytes,
        charged=upload.quota_bytes,
        original_filename=upload.filename,
        words=VideoDetails(
            title=upload.title,
            description=upload.description,
            category=upload.category,
            playlist=upload.playlist,
        ),
        content_hash=upload.hash_state,
    )
    Upload.objects.filter(pk=upload.pk).update(video=video)


def _make_video(
    upload: Upload,
    *,
    path: Path,
    size: int,
    charged: int,
    original_filename: str,
    words: VideoDetails,
    content_hash: str,
) -> Video:
    video = Video(
        title=words.title,
        description=words.description or None,
        category=hold_category(words.category),
        uploaded_by=upload.user,
        original_filename=original_filename,
        file_size_bytes=size,
        content_hash=content_hash,
        source_root=upload.root,
        source_key=f"{upload.folder_name}/{path.name}",
        quota_bytes=charged,
        quota_reserved_at=upload.quota_reserved_at,
    )
    video.filename = f"{video.pk.hex}.mp4"  # until publishing gives it the attempt's name
    video.save(force_insert=True)
    add_job(video=video)
    if words.playlist is not None:
        with suppress(Playlist.DoesNotExist):  # deleted for good meanwhile
            add_to_playlist(
                playlist=words.playlist, video=video, user=upload.user, also_deleted=True
            )
    return video


def _settle(upload: Upload, size: int) -> int:
    """Brings what was reserved to the file's true size. Returns the bytes charged."""
    difference = size - upload.quota_bytes
    if difference > 0:
        # Charges nothing to an admin, for whom nothing was reserved before either.
        rest = reserve_quota(user=upload.user, size=difference)
        if rest is None:
            raise over_quota(upload.user)
        return upload.quota_bytes + rest.bytes
    release_quota(user_id=upload.user_id, size=-difference, reserved_at=upload.quota_reserved_at)
    return size
