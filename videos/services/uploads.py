"""From the first byte of a file to a video that waits for its processing."""

from __future__ import annotations

import logging
import shutil
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import DatabaseError, transaction
from django.utils import timezone

from accounts.models import User
from accounts.services.quota import quota_state, release_quota, reserve_quota
from clipset.lib.disk import is_disk_full
from clipset.lib.units import human_bytes
from siteconfig.services.config import current_config
from videos.models import Upload, Video
from videos.services.jobs import add_job
from videos.transcode.publish import sync

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.models import QuerySet

    from accounts.services.quota import Reservation
    from categories.models import Category

logger = logging.getLogger(__name__)

# What the fields and boundaries of a form add to the file in a request's Content-Length.
FORM_OVERHEAD = 128 * 1024  # bytes
# How long a silent upload keeps what it reserved. One that goes on is touched far more often.
LIFETIME = timedelta(minutes=15)
TOUCH_EVERY = timedelta(minutes=1)


class UploadRefused(Exception):
    """The sentence says why and what to do; the status is 413, 422 or 507."""

    def __init__(self, sentence: str, *, status: int) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.status = status


def accepted_kinds() -> str:
    return ", ".join(f".{extension}" for extension in settings.ACCEPTED_VIDEO_FORMATS)


def check_kind(filename: str) -> None:
    """Raises UploadRefused (422) for an extension that is not accepted."""
    if Path(filename).suffix.lower().lstrip(".") not in settings.ACCEPTED_VIDEO_FORMATS:
        raise UploadRefused(
            f"This kind of file is not accepted. Send one of {accepted_kinds()}.", status=422
        )


def too_large(limit: int) -> UploadRefused:
    return UploadRefused(
        f"This file is larger than {human_bytes(limit)}, the most that is accepted. "
        "Send a shorter or smaller version.",
        status=413,
    )


def disk_full() -> UploadRefused:
    return UploadRefused(
        "The site's disk is too full for this file. Tell the person who runs it, and try again "
        "later.",
        status=507,
    )


@contextmanager
def _refused_when_full() -> Iterator[None]:
    """The database may lie on the disk that is full."""
    try:
        yield
    except DatabaseError as error:
        if is_disk_full(error):
            raise disk_full() from error
        raise


def begin_upload(*, user: User, content_length: int) -> Upload:
    """Reserves quota and disk for a request that says it brings so many bytes.

    Raises UploadRefused before a byte of the body was read.
    """
    limit = current_config().max_file_size_bytes
    if content_length > limit + FORM_OVERHEAD:
        raise too_large(limit)
    now = timezone.now()
    _check_disk(content_length)
    with _refused_when_full(), transaction.atomic():
        reservation = _reserve(user, content_length)
        upload = Upload(
            user=user,
            quota_bytes=reservation.bytes,
            quota_reserved_at=reservation.reserved_at,
            size_bytes=content_length,
            created_at=now,
            expires_at=now + LIFETIME,
        )
        upload.folder = str(settings.TEMP_STORAGE_PATH / f"upload-{upload.pk.hex}")
        upload.save(force_insert=True)
    return upload


def _reserve(user: User, content_length: int) -> Reservation:
    """The whole request, or what of it must be the file: the form's own bytes may not be what
    makes a file that fits be refused."""
    for size in (content_length, max(0, content_length - FORM_OVERHEAD)):
        reservation = reserve_quota(user=user, size=size)
        if reservation is not None:
            return reservation
    raise _over_quota(user)


def _over_quota(user: User) -> UploadRefused:
    quota = quota_state(user)
    left, limit = human_bytes(quota.left_bytes or 0), human_bytes(quota.limit_bytes or 0)
    return UploadRefused(
        f"This would pass your weekly quota: {left} of {limit} is left until "
        f"{quota.resets_at:%A, %-d %B}. Send a smaller file, or wait until then.",
        status=413,
    )


def _check_disk(size: int) -> None:
    """Counts what other uploads still bring. Raises UploadRefused (507)."""
    temp = Path(settings.TEMP_STORAGE_PATH)
    temp.mkdir(parents=True, exist_ok=True)
    promised = sum(_still_to_come(upload) for upload in Upload.objects.all())
    if shutil.disk_usage(temp).free - promised - size < settings.MIN_FREE_DISK_BYTES:
        raise disk_full()


def _still_to_come(upload: Upload) -> int:
    """Bytes that were announced and do not lie on the disk yet."""
    try:
        came = sum(path.stat().st_size for path in upload.folder_path.iterdir())
    except OSError:  # not begun, or just finished
        came = 0
    return max(0, upload.size_bytes - came)


def touch_upload(upload: Upload) -> None:
    """Bytes still come: keeps the reservation for another while."""
    now = timezone.now()
    if upload.expires_at - now < LIFETIME - TOUCH_EVERY:
        upload.expires_at = now + LIFETIME
        Upload.objects.filter(pk=upload.pk).update(expires_at=upload.expires_at)


def finish_upload(
    *,
    upload: Upload,
    path: Path,
    size: int,
    original_filename: str,
    title: str,
    description: str,
    category: Category | None,
) -> Video:
    """Turns a stored file into a Video (PENDING) and a job, and wakes a worker: all or nothing.

    Raises UploadRefused when the file turns out not to fit the quota, or the upload has expired.
    """
    with suppress(FileNotFoundError):  # abandoned meanwhile, as the missing row will tell
        for folder in (path.parent, path.parent.parent):
            sync(folder)  # after a power cut the row is not to name what is gone
    with _refused_when_full(), transaction.atomic():
        deleted, _ = Upload.objects.filter(pk=upload.pk).delete()
        if not deleted:
            raise UploadRefused(
                "This upload took too long and was ended. Send it again.", status=422
            )
        if not User.objects.filter(pk=upload.user_id, is_active=True).exists():
            raise UploadRefused("Your account was closed while the file came.", status=422)
        charged = _settle(upload, size)
        video = Video(
            title=title,
            description=description or None,
            category=category,
            uploaded_by=upload.user,
            original_filename=_fitting_name(original_filename),
            file_size_bytes=size,
            source_path=str(path),
            quota_bytes=charged,
            quota_reserved_at=upload.quota_reserved_at,
        )
        video.filename = f"{video.pk.hex}.mp4"  # until publishing gives it the attempt's name
        video.save(force_insert=True)
        add_job(video=video)
    return video


def _fitting_name(filename: str) -> str:
    """As much of a file's name as the column takes, with its extension."""
    most = Video._meta.get_field("original_filename").max_length or 0
    if len(filename) <= most:
        return filename
    suffix = Path(filename).suffix
    return filename[: most - len(suffix)] + suffix


def _settle(upload: Upload, size: int) -> int:
    """Brings what was reserved to the file's true size. Returns the bytes charged."""
    difference = size - upload.quota_bytes
    if difference > 0:
        # Charges nothing to an admin, for whom nothing was reserved before either.
        rest = reserve_quota(user=upload.user, size=difference)
        if rest is None:
            raise _over_quota(upload.user)
        return upload.quota_bytes + rest.bytes
    release_quota(user_id=upload.user_id, size=-difference, reserved_at=upload.quota_reserved_at)
    return size


def abandon_upload(*, upload: Upload) -> bool:
    """Gives back what was reserved and removes what came. False when it was finished or
    abandoned before, or when a full disk leaves it to expire."""
    try:
        return _abandon(upload, Upload.objects.filter(pk=upload.pk))
    except DatabaseError as error:
        if not is_disk_full(error):
            raise
        logger.warning("upload %s was left to expire: %s", upload.pk, error)
        return False


def _abandon(upload: Upload, rows: QuerySet[Upload]) -> bool:
    with transaction.atomic():
        deleted, _ = rows.delete()
        if not deleted:
            return False
        release_quota(
            user_id=upload.user_id,
            size=upload.quota_bytes,
            reserved_at=upload.quota_reserved_at,
        )
    shutil.rmtree(upload.folder_path, ignore_errors=True)
    return True


def abandon_expired_uploads() -> int:
    expired = Upload.objects.filter(expires_at__lt=timezone.now())
    # Each looked at again as it is deleted: bytes may have come since the list was read.
    return sum(_abandon(upload, expired.filter(pk=upload.pk)) for upload in list(expired))
