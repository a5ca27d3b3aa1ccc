"""Turns a finished upload into a pending video and enqueues its first job."""

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
from videos.services.stored_total import add_stored, check_storage
from videos.services.uploads.create import (
    LIFETIME,
    NO_METADATA,
    VideoDetails,
    fitting_name,
    over_quota,
    refusal_noted,
    refused_when_disk_fails,
)

if TYPE_CHECKING:
    from pathlib import Path
    from uuid import UUID

    from django.db.models import QuerySet

logger = logging.getLogger(__name__)


def finish_upload(
    *,
    upload: Upload,
    path: Path,
    size: int,
    original_filename: str,
    details: VideoDetails,
    content_hash: str = "",
) -> Video:
    """Creates the video (PENDING) of an upload by the plain form, and its job, in one transaction.
    `size` is in bytes.

    Raises: RefusedError when the file does not fit the quota or the storage limit, the upload has
    expired, or its member was deactivated.
    """
    with refused_when_disk_fails():
        checked_root(upload.root)  # an unmounted disk accepts bytes while the file is open
        _sync_folders(path)
    noted = refusal_noted(upload.user, size)
    with refused_when_disk_fails(), noted, transaction.atomic():
        is_active = _is_active(upload.user_id)
        # Finished first: deleting an open upload removes its folder (videos.signals).
        rows = Upload.objects.filter(pk=upload.pk)
        if not rows.update(state=UploadState.FINISHED):
            raise RefusedError("This upload timed out. Try again.", status=422)
        rows.delete()
        if not is_active:
            raise RefusedError("Your account was deactivated during the upload.", status=422)
        charged = _settle(upload, size)
        check_storage(upload.user, size, counts_uploads=False)
        return _create_video(
            upload,
            path=path,
            size=size,
            charged=charged,
            original_filename=fitting_name(original_filename),
            details=details,
            content_hash=content_hash,
        )


def finish_resumable(upload: Upload) -> Video | None:
    """Creates the video of a resumable upload whose last byte was saved, and its job. Updates
    `upload`. Returns None while bytes are missing.

    It may be called any number of times, by any request: the video is created once.

    Raises: RefusedError (413 over the storage limit, 503 or 507).
    """
    with refused_when_disk_fails():
        if not (upload.is_open and upload.is_whole and has_file(upload)):
            return upload.video
        _sync_folders(upload.source_path)
        # It counts as stored while it is unfinished, so its size says nothing more.
        with refusal_noted(upload.user, None), transaction.atomic():
            if _is_active(upload.user_id) and _claim(upload):
                # Others of this member may have become larger than what they uploaded. This one
                # stays open, and becomes a video once there is room.
                check_storage(upload.user, upload.size_bytes, counts_uploads=False)
                _create_video_of(upload)
    upload.refresh_from_db()
    return upload.video


def finish_whole_uploads() -> int:
    """Finishes resumable uploads whose last byte was saved by a process that ended right after.
    Returns how many."""
    finished = 0
    for upload in list(_whole()):
        try:
            finished += finish_resumable(upload) is not None
        except RefusedError as refusal:
            logger.warning("upload %s is left for later: %s", upload.pk, refusal)
    return finished


def first_copy(video: Video) -> Video | None:
    """The oldest other video that the same uploader uploaded with the same bytes; None if there is
    none. Failed videos do not count, since uploading them again is a way to retry, nor does the
    trash."""
    if not video.content_hash:
        return None
    same = Video.objects.outside_trash().filter(
        uploaded_by=video.uploaded_by_id,
        content_hash=video.content_hash,
        file_size_bytes=video.file_size_bytes,
        created_at__lt=video.created_at,
    )
    return (
        same.exclude(processing_status=ProcessingStatus.FAILED).order_by("created_at", "pk").first()
    )


def has_file(upload: Upload) -> bool:
    """Whether the file is as long as the row says. After a restore it may not be: backups need not
    hold files of unfinished uploads."""
    return stored_bytes(upload) >= upload.offset_bytes


def stored_bytes(upload: Upload) -> int:
    """The file's length in bytes. Raises: RootUnavailableError; OSError from a broken disk."""
    try:
        return upload.source_path.stat().st_size
    except FileNotFoundError:
        checked_root(upload.root)  # raises if the disk is away
        return 0


def _whole() -> QuerySet[Upload]:
    return Upload.objects.filter(
        state=UploadState.OPEN,
        is_resumable=True,
        offset_bytes=F("size_bytes"),
        user__is_active=True,
    )


def _sync_folders(path: Path) -> None:
    """Syncs the file's folders, so that after a power cut the row names no missing file."""
    with suppress(FileNotFoundError):  # the upload was ended meanwhile, as its row will show
        for folder in (path.parent, path.parent.parent):
            sync(folder)


def _is_active(user_id: UUID) -> bool:
    """Locks the member until the transaction ends, so that they do not go into the trash before the
    video is stored: it would stay outside. Before uploads, as deletions of members do."""
    active = User.objects.select_for_update(no_key=True).filter(pk=user_id, is_active=True)
    return bool(active.values_list("pk"))


def _claim(upload: Upload) -> bool:
    """OPEN -> FINISHED for an upload that is whole. All its bytes are on the disk, so it does not
    matter whether a writer still has the lease. False when another process was faster."""
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


def _create_video_of(upload: Upload) -> None:
    upload.refresh_from_db()
    video = _create_video(
        upload,
        path=upload.source_path,
        size=upload.size_bytes,
        charged=upload.quota_bytes,
        original_filename=upload.filename,
        details=VideoDetails(
            title=upload.title,
            description=upload.description,
            category=upload.category,
            playlist=upload.playlist,
        ),
        content_hash=upload.hash_state,
    )
    Upload.objects.filter(pk=upload.pk).update(video=video, **NO_METADATA)


def _create_video(
    upload: Upload,
    *,
    path: Path,
    size: int,
    charged: int,
    original_filename: str,
    details: VideoDetails,
    content_hash: str,
) -> Video:
    video = Video(
        title=details.title,
        description=details.description or None,
        category=hold_category(details.category),
        uploaded_by=upload.user,
        original_filename=original_filename,
        file_size_bytes=size,
        content_hash=content_hash,
        source_root=upload.root,
        source_key=f"{upload.folder_name}/{path.name}",
        quota_bytes=charged,
        quota_reserved_at=upload.quota_reserved_at,
    )
    video.filename = f"{video.pk.hex}.mp4"  # unique; publishing replaces it
    video.save(force_insert=True)
    add_stored(member=upload.user_id, size=size)
    add_job(video=video)
    if details.playlist is not None:
        with suppress(Playlist.DoesNotExist):  # deleted for good meanwhile
            add_to_playlist(
                playlist=details.playlist, video=video, user=upload.user, also_deleted=True
            )
    return video


def _settle(upload: Upload, size: int) -> int:
    """Adjusts the reservation to the file's size in bytes. Returns the bytes that are charged."""
    difference = size - upload.quota_bytes
    if difference > 0:
        # An admin has no quota: nothing is charged, and nothing was reserved.
        rest = reserve_quota(user=upload.user, size=difference)
        if rest is None:
            raise over_quota(upload.user)
        return upload.quota_bytes + rest.bytes
    release_quota(user_id=upload.user_id, size=-difference, reserved_at=upload.quota_reserved_at)
    return size
