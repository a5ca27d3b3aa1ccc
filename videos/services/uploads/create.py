"""What is promised for a file on its way, and how that ends; videos.services.uploads.append writes
it, videos.services.uploads.finish makes a video of it."""

from __future__ import annotations

import logging
import re
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import F, Q, Sum
from django.utils import timezone

from accounts.services.quota import quota_state, release_quota, reserve_quota
from clipset.lib.disk import StorageUnavailableError, is_disk_away, is_disk_full
from clipset.lib.refusals import RefusedError
from clipset.lib.text import clean_line, title_from_filename
from clipset.lib.units import human_bytes
from siteconfig.roots import (
    AWAY,
    RETRY_AFTER_SECONDS,
    TEMP,
    RootUnavailableError,
    check_writable,
    is_available,
    root_path,
)
from siteconfig.services.config import current_config, roots_for_new_videos
from siteconfig.services.heartbeat import alive_before
from videos.models import Playlist, Upload, UploadState, Video
from videos.selectors.uploads import open_uploads
from videos.services.removals import request_removal_of_upload
from videos.services.removing import remove_now
from videos.services.set_aside import set_aside
from videos.services.stored_files import StoredFile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.models import QuerySet

    from accounts.models import User
    from accounts.services.quota import Reservation
    from categories.models import Category

logger = logging.getLogger(__name__)

# What the fields and boundaries of a form add to the file in a request's Content-Length.
FORM_OVERHEAD = 128 * 1024  # bytes
# How long one that can be resumed is kept after its last bytes, and its address after its end.
LIFETIME: Final = timedelta(hours=48)
REMEMBERED_DAYS: Final = 7
# How many of them a member may have on their way.
MAX_OPEN: Final = 100
WHOLE_AFTER_ALL: Final = "The upload is whole, although its row says that bytes are missing."
# How long a silent request of the plain form keeps what it reserved. One that goes on is touched
# far more often.
FORM_LIFETIME = timedelta(minutes=15)
TOUCH_EVERY = timedelta(seconds=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoDetails:
    """What is said about a video."""

    title: str
    description: str = ""
    category: Category | None = None
    playlist: Playlist | None = None


def accepted_kinds() -> str:
    return ", ".join(f".{extension}" for extension in settings.ACCEPTED_VIDEO_FORMATS)


def check_kind(filename: str, *, status: int = 422) -> None:
    """Raises RefusedError for an extension that is not accepted."""
    if Path(filename).suffix.lower().lstrip(".") not in settings.ACCEPTED_VIDEO_FORMATS:
        raise RefusedError(
            f"This file type isn't supported. Use {accepted_kinds()}.", status=status
        )


def too_large(limit: int) -> RefusedError:
    return RefusedError(
        f"This file is larger than {human_bytes(limit)}, the most that is accepted. "
        "Send a shorter or smaller version.",
        status=413,
    )


def disk_full() -> RefusedError:
    return RefusedError(
        "The site's disk is too full for this file. Tell an admin, and try again later.",
        status=507,
    )


def storage_away() -> RefusedError:
    return RefusedError(AWAY, status=503, retry_after=RETRY_AFTER_SECONDS)


@contextmanager
def refused_when_disk_fails() -> Iterator[None]:
    """Raises RefusedError in the place of what a disk says: 507 for one without room, on which
    the database may lie, too; 503 for one that is away, read-only or broken."""
    try:
        yield
    except (StorageUnavailableError, DatabaseError, OSError) as error:
        refusal = refusal_for(error)
        if refusal is None:
            raise
        raise refusal from error


def refusal_for(error: BaseException) -> RefusedError | None:
    """None for an error that is not of a disk. Logs what is not full."""
    if is_disk_full(error):
        return disk_full()
    if not is_disk_away(error):
        return None
    # That of a root without its marker is logged once by is_available.
    if not isinstance(error, RootUnavailableError) or is_available(error.name):
        logger.warning("an upload was refused: %s", error)
    return storage_away()


# -- beginning ------------------------------------------------------------------------------------


def begin_upload(*, user: User, content_length: int) -> Upload:
    """Reserves quota and disk for a request of the plain form that says it brings so many bytes.

    Raises RefusedError before a byte of the body was read.
    """
    limit = current_config().max_file_size_bytes
    if content_length > limit + FORM_OVERHEAD:
        raise too_large(limit)
    now = timezone.now()
    upload = Upload(size_bytes=content_length, created_at=now, expires_at=now + FORM_LIFETIME)
    # The whole request, or what of it must be the file: the form's own bytes may not be what
    # makes a file that fits be refused.
    return _begin(upload, user, (content_length, max(0, content_length - FORM_OVERHEAD)))


def create_upload(
    *, user: User, size: int, filename: str, words: VideoDetails, metadata: str = ""
) -> Upload:
    """Reserves quota and disk for a file of `size` bytes that comes in as many requests as it
    takes. `metadata` is kept as it was sent.

    Raises RefusedError: 413, 415, 422, 429 or 507.
    """
    limit = current_config().max_file_size_bytes
    name = plain_name(filename)
    if not name:
        raise RefusedError("Say what the file is called.", status=422)
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
        title=words.title or title_from_filename(name),
        description=words.description,
        category=words.category,
        playlist=words.playlist,
        metadata=metadata,
        created_at=now,
        touched_at=now,
        expires_at=now + LIFETIME,
    )
    return _begin(upload, user, (size,))


def _begin(upload: Upload, user: User, sizes: tuple[int, ...]) -> Upload:
    """Stores the row with the first of these sizes for which there is quota."""
    _check_disk(upload.size_bytes)
    with refused_when_disk_fails(), transaction.atomic():
        reservation = _reserve(user, sizes)
        # The reservation's UPDATE lets one at a time come this far, but for admins.
        if upload.is_resumable and open_uploads(user).count() >= MAX_OPEN:
            raise RefusedError(
                f"You have {MAX_OPEN} unfinished uploads. Finish or discard some first.",
                status=429,
            )
        upload.user = user
        upload.quota_bytes = reservation.bytes
        upload.quota_reserved_at = reservation.reserved_at
        upload.save(force_insert=True)
    return upload


def discard_playlist(*, user: User, short_id: str) -> bool:
    """Takes back a playlist that was made for videos of which none came.

    False, and it stays, when it is not (or no longer) this member's, when it holds something, or
    when others are on their way into it.
    """
    with transaction.atomic():
        # The lock makes whoever puts something into it wait, or this.
        found = Playlist.objects.select_for_update().filter(made_by=user, short_id=short_id).first()
        if found is None or found.entries.exists():
            return False
        if Upload.objects.filter(playlist=found, state=UploadState.OPEN).exists():
            return False
        found.delete()
    return True


def plain_name(filename: str) -> str:
    """The name of a file as it may be stored and shown: without a path and what is invisible."""
    return clean_line(re.split(r"[/\\]", filename)[-1])


def fitting_name(filename: str) -> str:
    """As much of a file's name as the column takes, with its extension."""
    most = Video._meta.get_field("original_filename").max_length or 0
    if len(filename) <= most:
        return filename
    suffix = Path(filename).suffix
    return filename[: most - len(suffix)] + suffix


def _reserve(user: User, sizes: tuple[int, ...]) -> Reservation:
    for size in sizes:
        reservation = reserve_quota(user=user, size=size)
        if reservation is not None:
            return reservation
    raise over_quota(user)


def over_quota(user: User) -> RefusedError:
    user.refresh_from_db(fields=["weekly_upload_bytes", "last_upload_reset"])
    quota = quota_state(user)
    left, limit = human_bytes(quota.left_bytes or 0), human_bytes(quota.limit_bytes or 0)
    return RefusedError(
        f"Not enough weekly quota: {left} of {limit} left until "
        f"{quota.resets_at:%A, %-d %B}. Send a smaller file, or wait until then.",
        status=413,
    )


def _check_disk(size: int) -> None:
    """Counts what other uploads still bring. Raises RefusedError (503 or 507)."""
    with refused_when_disk_fails():
        check_writable(roots_for_new_videos())
        free = shutil.disk_usage(root_path(TEMP)).free
    promised = Upload.objects.filter(state=UploadState.OPEN).aggregate(
        bytes=Sum(F("size_bytes") - F("offset_bytes"), default=0)
    )["bytes"]
    if free - promised - size < settings.MIN_FREE_DISK_BYTES:
        raise disk_full()


# -- while it comes -------------------------------------------------------------------------------


def touch_upload(upload: Upload, *, written: int) -> None:
    """Bytes of a plain form still come: keeps the reservation for another while, and notes how
    many are on the disk."""
    now = timezone.now()
    if abs(now - upload.touched_at) >= TOUCH_EVERY:  # also when the clock was set back
        upload.touched_at, upload.expires_at = now, now + FORM_LIFETIME
        Upload.objects.filter(pk=upload.pk).update(
            offset_bytes=min(written, upload.size_bytes),
            touched_at=upload.touched_at,
            expires_at=upload.expires_at,
        )


# -- ending ---------------------------------------------------------------------------------------


def end_upload(*, upload: Upload) -> bool:
    """Gives back what was reserved and removes what came. False when it has become a video or
    was ended before, or when a full disk leaves it to expire."""
    try:
        return _end(upload, Upload.objects.filter(pk=upload.pk))
    except DatabaseError as error:
        if not is_disk_full(error):
            raise
        logger.warning("upload %s was left to expire: %s", upload.pk, error)
        return False


def _end(upload: Upload, rows: QuerySet[Upload], *, expired: bool = False) -> bool:
    """Of one that can be resumed the row stays, to tell that it was ended.

    A file that is whole when its upload expires, although the row says otherwise, was finished
    after this database was copied: it is set aside.
    """
    rows = rows.filter(state=UploadState.OPEN)
    with transaction.atomic():
        ended = rows.update(
            state=UploadState.ENDED,
            quota_bytes=0,
            writer_token="",
            writer_until=None,
            writer_wanted=False,
            expires_at=timezone.now(),
        )
        if not ended:
            return False
        is_kept = expired and is_whole_after_all(upload)
        if not is_kept and upload.is_resumable:
            request_removal_of_upload(upload)
        if not upload.is_resumable:
            Upload.objects.filter(pk=upload.pk).delete()
        release_quota(
            user_id=upload.user_id,
            size=upload.quota_bytes,
            reserved_at=upload.quota_reserved_at,
        )
    folder = StoredFile(upload.root, upload.folder_name)
    if is_kept:
        set_aside(folder, why=WHOLE_AFTER_ALL)
    elif upload.is_resumable:
        remove_now([folder])
    elif is_available(upload.root):
        # What a form has sent was never acknowledged. Without a row of its own, since many requests
        # may end at once, and each more transaction would hold their threads.
        shutil.rmtree(upload.folder_path, ignore_errors=True)
    return True


def is_whole_after_all(upload: Upload) -> bool:
    """Whether the file holds all bytes although the row says that some are missing.

    Raises: OSError, when the disk does not tell.
    """
    if not upload.is_resumable or upload.is_whole:
        return False
    try:
        return upload.source_path.stat().st_size == upload.size_bytes
    except FileNotFoundError:
        return False


def remove_ended_folder(upload: Upload) -> None:
    """The file of an upload that ended may have been made again by opening it right after. Never of
    one that became a video: that is its source."""
    with transaction.atomic():
        if Upload.objects.filter(pk=upload.pk, state=UploadState.ENDED).exists():
            request_removal_of_upload(upload)
    remove_now([StoredFile(upload.root, upload.folder_name)])


def end_expired_uploads() -> int:
    """Returns how many. One that can be resumed expires once the site was alive on as many days
    as it is kept for: neither a clock that leaps nor a site that is off for days ends it. Those
    whose storage is away stay: nobody could go on with them."""
    now = timezone.now()
    kept_since = alive_before(days=LIFETIME.days, now=now)
    expired = Upload.objects.filter(
        Q(is_resumable=False, expires_at__lt=now)
        | Q(is_resumable=True, expires_at__lt=kept_since + LIFETIME)
    )
    # Each looked at again as it is ended: bytes may have come since the list was read.
    found = [it for it in expired.filter(state=UploadState.OPEN) if is_available(it.root)]
    ended = 0
    for upload in found:
        try:
            ended += _end(upload, expired.filter(pk=upload.pk), expired=True)
        except OSError as error:
            logger.warning("upload %s is left for later: %s", upload.pk, error)
    return ended


def forget_uploads() -> int:
    """Those whose address nobody asks any more. Returns how many."""
    old = Upload.objects.filter(expires_at__lt=alive_before(days=REMEMBERED_DAYS))
    forgotten, _ = old.exclude(state=UploadState.OPEN).delete()
    return forgotten
