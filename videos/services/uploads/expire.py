"""Ending uploads that were cancelled or expired, and forgetting them later."""

from __future__ import annotations

import logging
import shutil
from typing import TYPE_CHECKING, Final

from django.db import DatabaseError, transaction
from django.db.models import Q
from django.utils import timezone

from accounts.services.audit import record_on_thing_of
from accounts.services.members import lock_member
from accounts.services.quota import release_quota
from clipset.lib.disk import is_disk_full
from siteconfig.roots import is_available
from siteconfig.services.heartbeat import alive_before
from videos.models import Upload, UploadState
from videos.services.removals import request_removal_of_upload
from videos.services.removing import remove_now
from videos.services.set_aside import set_aside
from videos.services.stored_files import StoredFile
from videos.services.uploads.create import LIFETIME, NO_METADATA

if TYPE_CHECKING:
    from django.db.models import QuerySet

logger = logging.getLogger(__name__)

REMEMBERED_DAYS: Final = 7  # after the end, so that a client that asks for the upload is answered
WHOLE_AFTER_ALL: Final = "The upload is whole, although its row says that bytes are missing."


def end_upload(*, upload: Upload) -> bool:
    """Cancels an upload: releases its quota and removes its file.

    False when it became a video or was ended before, or when a full disk leaves it to expire.
    """
    try:
        return _end(upload, Upload.objects.filter(pk=upload.pk))
    except DatabaseError as error:
        if not is_disk_full(error):
            raise
        logger.warning("upload %s was left to expire: %s", upload.pk, error)
        return False


def end_expired_uploads() -> int:
    """Ends expired uploads. Returns how many.

    A resumable upload expires once the site was alive on as many days as it is kept for: neither a
    clock that jumps nor a site that is off for days ends it. An upload whose storage is away stays,
    since nobody could have continued it.
    """
    now = timezone.now()
    kept_since = alive_before(days=LIFETIME.days, now=now)
    expired = Upload.objects.filter(
        Q(is_resumable=False, expires_at__lt=now)
        | Q(is_resumable=True, expires_at__lt=kept_since + LIFETIME)
    )
    uploads = [it for it in expired.filter(state=UploadState.OPEN) if is_available(it.root)]
    ended = 0
    for upload in uploads:
        try:
            # Looked at again by the UPDATE: bytes may have arrived since the list was read.
            ended += _end(upload, expired.filter(pk=upload.pk), has_expired=True)
        except OSError as error:
            logger.warning("upload %s is left for later: %s", upload.pk, error)
    return ended


def forget_uploads() -> int:
    """Deletes the rows of closed uploads older than seven days. Returns how many."""
    old = Upload.objects.filter(expires_at__lt=alive_before(days=REMEMBERED_DAYS))
    forgotten, _ = old.exclude(state=UploadState.OPEN).delete()
    return forgotten


def is_whole_after_all(upload: Upload) -> bool:
    """Whether the file holds all bytes although the row says that some are missing.

    Raises: OSError, when the disk gives no answer.
    """
    if not upload.is_resumable or upload.is_whole:
        return False
    try:
        return upload.source_path.stat().st_size == upload.size_bytes
    except FileNotFoundError:
        return False


def remove_ended_folder(upload: Upload) -> None:
    """Removes the folder of an upload that ended while a request opened its file, which created the
    folder again. Never that of an upload which became a video: its file is the video's source."""
    with transaction.atomic():
        if Upload.objects.filter(pk=upload.pk, state=UploadState.ENDED).exists():
            request_removal_of_upload(upload)
    remove_now([StoredFile(upload.root, upload.folder_name)])


def _end(upload: Upload, rows: QuerySet[Upload], *, has_expired: bool = False) -> bool:
    """Ends the upload if it is open and among `rows`.

    The row of a resumable upload stays, so that its address answers that it was ended. A file that
    is whole when its upload expires, although the row says otherwise, was finished after this
    database was copied: it is set aside.
    """
    with transaction.atomic():
        lock_member(upload.user_id)  # before uploads, as where they are finished
        ended = rows.filter(state=UploadState.OPEN).update(
            state=UploadState.ENDED,
            quota_bytes=0,
            writer_token="",
            writer_until=None,
            writer_wanted=False,
            expires_at=timezone.now(),
            **NO_METADATA,
        )
        if not ended:
            return False
        is_kept = has_expired and is_whole_after_all(upload)
        if not is_kept and upload.is_resumable:
            request_removal_of_upload(upload)
        if not upload.is_resumable:
            Upload.objects.filter(pk=upload.pk).delete()
        release_quota(
            user_id=upload.user_id,
            size=upload.quota_bytes,
            reserved_at=upload.quota_reserved_at,
        )
        _record_end(upload)
    _clear_folder(upload, is_kept=is_kept)
    return True


def _clear_folder(upload: Upload, *, is_kept: bool) -> None:
    """Removes the folder of an ended upload, or sets it aside."""
    folder = StoredFile(upload.root, upload.folder_name)
    if is_kept:
        set_aside(folder, why=WHOLE_AFTER_ALL)
    elif upload.is_resumable:
        remove_now([folder])
    elif is_available(upload.root):
        # The bytes of a form were never acknowledged. No row of `removals` asks for their removal,
        # since many requests may end at once, and each transaction would hold their threads.
        shutil.rmtree(upload.folder_path, ignore_errors=True)


def _record_end(upload: Upload) -> None:
    facts = {"size_bytes": upload.size_bytes, "offset_bytes": upload.offset_bytes}
    name = upload.title or upload.filename or "Upload"
    record_on_thing_of(upload.user_id, "upload.end", upload, name=name, before=facts)
