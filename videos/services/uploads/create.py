"""Creating uploads: checks what a client announces, and reserves quota and disk space for it.

videos.services.uploads.append then writes the file, .finish turns it into a video, and .expire ends
uploads that are cancelled or abandoned.
"""

from __future__ import annotations

import logging
import re
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import F, Sum
from django.utils import timezone

from accounts.services.quota import quota_state, reserve_quota
from accounts.services.quota_refusals import note_refusal
from clipset.lib.disk import StorageUnavailableError, is_disk_away, is_disk_full
from clipset.lib.refusals import RefusedError
from clipset.lib.text import clean_line, title_from_filename
from clipset.lib.unavailable import STORAGE_AWAY
from clipset.lib.units import human_bytes
from siteconfig.roots import (
    TEMP,
    RootUnavailableError,
    check_writable,
    is_available,
    root_path,
)
from siteconfig.services.config import current_config, roots_for_new_videos
from videos.models import Playlist, Upload, UploadState, Video
from videos.selectors.uploads import open_uploads
from videos.services.stored_total import OverStorageError, check_storage
from videos.transcode.formats import with_covered

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from accounts.models import User
    from accounts.services.quota import Reservation
    from categories.models import Category

logger = logging.getLogger(__name__)

# The most that a form's fields and boundaries add to the file in a request's Content-Length.
FORM_OVERHEAD: Final = 128 * 1024  # bytes
# How long a resumable upload is kept after its last bytes, and its address after its end.
LIFETIME: Final = timedelta(hours=48)
MAX_OPEN: Final = 100  # resumable uploads of one member
MAX_AN_HOUR: Final = 300  # resumable uploads that one member creates
# Once an upload has ended, its row keeps nothing that the member entered.
NO_METADATA: Final[dict[str, Any]] = {
    **dict.fromkeys(("filename", "title", "description", "metadata"), ""),
    "category": None,
    "playlist": None,
}
# How long a request of the plain form keeps its reservation without sending bytes.
FORM_LIFETIME: Final = timedelta(minutes=15)
TOUCH_EVERY: Final = timedelta(seconds=5)


class OverQuotaError(RefusedError):
    """The refusal of a file that does not fit the member's weekly quota."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoDetails:
    """The details of a video as entered by a member; they become its fields of the same names."""

    title: str
    description: str = ""
    category: Category | None = None
    playlist: Playlist | None = None


def accepted_kinds() -> str:
    """The accepted extensions, for sentences: ".mp4, .mov"."""
    return ", ".join(f".{extension}" for extension in settings.ACCEPTED_VIDEO_FORMATS)


def accepted_extensions() -> tuple[str, ...]:
    """The accepted extensions, and those of the same containers by other names."""
    return with_covered(settings.ACCEPTED_VIDEO_FORMATS)


def check_kind(filename: str, *, status: int = 422) -> None:
    """Checks the extension of a filename. A file without one, as Android's share sheet sends it,
    is judged by its contents when it is processed. So is a file with a wrong one of those accepted.

    Raises: RefusedError for an extension that is not accepted.
    """
    extension = Path(filename).suffix.lower().lstrip(".")
    is_named = extension and not extension.isdecimal()  # "VID 2026.05" has none
    if not filename or (is_named and extension not in accepted_extensions()):
        raise RefusedError(
            f"This file type isn't supported. Use {accepted_kinds()}.", status=status
        )


def too_large(limit: int) -> RefusedError:
    """The refusal of a file of more than `limit` bytes."""
    return RefusedError(
        f"This file is larger than {human_bytes(limit)}, the maximum. "
        "Upload a shorter or smaller version.",
        status=413,
    )


def disk_full() -> RefusedError:
    """The refusal when the disk has no room."""
    return RefusedError(
        "The site's disk is too full for this file. Tell an admin, and try again later.",
        status=507,
    )


def storage_away() -> RefusedError:
    """The refusal while a storage root is not available."""
    return RefusedError(STORAGE_AWAY.sentence, status=503, retry_after=STORAGE_AWAY.retry_after)


@contextmanager
def refused_when_disk_fails() -> Iterator[None]:
    """Raises RefusedError instead of a disk's error: 507 for a full disk, which may be that of the
    database, too; 503 for one that is away, read-only or broken."""
    try:
        yield
    except (StorageUnavailableError, DatabaseError, OSError) as error:
        refusal = refusal_for(error)
        if refusal is None:
            raise
        raise refusal from error


def refusal_for(error: BaseException) -> RefusedError | None:
    """The refusal for a disk's error; None for any other error. Logs all but a full disk."""
    if is_disk_full(error):
        return disk_full()
    if not is_disk_away(error):
        return None
    # is_available logs a root without its marker once.
    if not isinstance(error, RootUnavailableError) or is_available(error.name):
        logger.warning("an upload was refused: %s", error)
    return storage_away()


def begin_upload(*, user: User, content_length: int) -> Upload:
    """Reserves quota and disk space for a request of the plain form. `content_length` is in bytes.

    Raises: RefusedError, before a byte of the body was read.
    """
    limit = current_config().max_file_size_bytes
    if content_length > limit + FORM_OVERHEAD:
        raise too_large(limit)
    now = timezone.now()
    upload = Upload(size_bytes=content_length, created_at=now, expires_at=now + FORM_LIFETIME)
    # If the quota has no room for the whole request, it may still have room for the file alone.
    return _store(upload, user, (content_length, max(0, content_length - FORM_OVERHEAD)))


def create_upload(
    *, user: User, size: int, filename: str, details: VideoDetails, metadata: str = ""
) -> Upload:
    """Creates a resumable upload: reserves quota and disk space for a file of `size` bytes, which
    any number of requests then bring. `metadata` is the Upload-Metadata of tus, stored unchanged.

    Raises: RefusedError with status 413, 415, 422, 429, 503 or 507.
    """
    limit = current_config().max_file_size_bytes
    name = plain_name(filename)
    if not name:
        raise RefusedError("This file has no name. Choose another one.", status=422)
    check_kind(name, status=415)
    if size > limit:
        raise too_large(limit)
    if size == 0:
        raise RefusedError("This file is empty. Choose another one.", status=422)
    now = timezone.now()
    upload = Upload(
        is_resumable=True,
        size_bytes=size,
        filename=fitting_name(name),
        title=details.title or title_from_filename(name),
        description=details.description,
        category=details.category,
        playlist=details.playlist,
        metadata=metadata,
        created_at=now,
        touched_at=now,
        expires_at=now + LIFETIME,
    )
    return _store(upload, user, (size,))


def _store(upload: Upload, user: User, sizes: tuple[int, ...]) -> Upload:
    """Stores the row and reserves the first of these sizes, in bytes, that fits the quota."""
    _check_disk(upload.size_bytes)
    with refused_when_disk_fails(), refusal_noted(user, min(sizes)), transaction.atomic():
        reservation = _reserve(user, sizes)
        # The reservation's UPDATE lets one request at a time come this far, except admins'.
        if upload.is_resumable:
            _check_count(user, upload.created_at)
        check_storage(user, min(sizes))
        upload.user = user
        upload.quota_bytes = reservation.bytes
        upload.quota_reserved_at = reservation.reserved_at
        upload.save(force_insert=True)
    return upload


def _check_count(user: User, now: datetime) -> None:
    """Checks how many uploads the member has open, and created in an hour. Two queries. Raises:
    RefusedError (429)."""
    if open_uploads(user).count() >= MAX_OPEN:
        raise RefusedError(
            f"You have {MAX_OPEN} unfinished uploads. Finish or discard some first.", status=429
        )
    # Not those that a clock ahead created: they would count until that time.
    lately = Upload.objects.filter(
        user=user, is_resumable=True, created_at__range=(now - timedelta(hours=1), now)
    ).order_by("-created_at")
    nth = lately.values_list("created_at", flat=True)[MAX_AN_HOUR - 1 : MAX_AN_HOUR].first()
    if nth is not None:
        raise RefusedError(
            f"You've started {MAX_AN_HOUR} uploads within an hour. Wait a while before you start "
            "more.",
            status=429,
            retry_after=max(1, round((nth + timedelta(hours=1) - now).total_seconds())),
        )


@contextmanager
def refusal_noted(user: User, size: int | None) -> Iterator[None]:
    """Notes for staff that an upload of `size` bytes (None if that says nothing) did not fit the
    quota or the storage, once its transaction has been rolled back."""
    try:
        yield
    except (OverQuotaError, OverStorageError):
        note_refusal(user=user, size=size)
        raise


def plain_name(filename: str) -> str:
    """A filename as it may be stored and shown: without folders and invisible characters."""
    return clean_line(re.split(r"[/\\]", filename)[-1])


def fitting_name(filename: str) -> str:
    """A filename cut to the length of its column, with its extension."""
    most = Video._meta.get_field("original_filename").max_length or 0
    if len(filename) <= most:
        return filename
    suffix = Path(filename).suffix
    return filename[: most - len(suffix)] + suffix


def _reserve(user: User, sizes: tuple[int, ...]) -> Reservation:
    """Reserves the first size, in bytes, that fits. Raises: RefusedError (413)."""
    for size in sizes:
        reservation = reserve_quota(user=user, size=size)
        if reservation is not None:
            return reservation
    raise over_quota(user)


def over_quota(user: User) -> OverQuotaError:
    """The refusal of a file that does not fit the member's weekly quota. One query."""
    user.refresh_from_db(fields=["weekly_upload_bytes", "last_upload_reset"])
    quota = quota_state(user)
    remaining, limit = human_bytes(quota.left_bytes or 0), human_bytes(quota.limit_bytes or 0)
    return OverQuotaError(
        f"Not enough weekly quota: {remaining} of {limit} left until "
        f"{quota.resets_at:%A, %-d %B}. Upload a smaller file, or wait until then.",
        status=413,
    )


def _check_disk(size: int) -> None:
    """Checks that the disk has room besides what other uploads still bring. Raises: RefusedError
    (503 or 507)."""
    with refused_when_disk_fails():
        check_writable(roots_for_new_videos())
        free = shutil.disk_usage(root_path(TEMP)).free
    promised = Upload.objects.filter(state=UploadState.OPEN).aggregate(
        bytes=Sum(F("size_bytes") - F("offset_bytes"), default=0)
    )["bytes"]
    if free - promised - size < settings.MIN_FREE_DISK_BYTES:
        raise disk_full()


def touch_upload(upload: Upload, *, written: int) -> None:
    """Extends the reservation of a plain form's request that still sends bytes. `written` are the
    bytes that are on the disk."""
    now = timezone.now()
    if abs(now - upload.touched_at) >= TOUCH_EVERY:  # also when the clock was set back
        upload.touched_at, upload.expires_at = now, now + FORM_LIFETIME
        Upload.objects.filter(pk=upload.pk).update(
            offset_bytes=min(written, upload.size_bytes),
            touched_at=upload.touched_at,
            expires_at=upload.expires_at,
        )
