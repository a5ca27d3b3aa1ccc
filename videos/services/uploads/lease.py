"""The right to write a resumable upload: one writer at a time (docs/decisions/0009).

Two things keep a second writer out, and also a former one whose lease was lost:

- A kernel lock (flock) on the file, which ends with the process that holds it. While another
process
  on this machine could still write, nobody else begins.
- A lease in the row, taken by one conditional UPDATE, for other machines that use the same
database.
  Every change of the row is conditional on the token of the lease. The token begins with an id of
  this machine: if it is from here and the file is not locked, its holder is dead, and nobody waits
  until the lease expires.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
import uuid
from datetime import timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from django.db.models import Q
from django.utils import timezone

from clipset.database.clock import database_now
from siteconfig.roots import checked_root
from videos.models import Upload, UploadState

if TYPE_CHECKING:
    from uuid import UUID

    from django.db.models import QuerySet

LEASE: Final = timedelta(seconds=10)
# Seconds for which a request waits until the current writer stops.
WAIT_SECONDS: Final = 10.0
# Seconds between two looks at the lease during that time.
RETRY_SECONDS: Final = 0.1
# The fields of a row that nobody holds a lease on.
UNLEASED: Final = {"writer_token": "", "writer_until": None, "writer_wanted": False}


def _kernel_id() -> str:
    """8 characters, the same for all processes that see the same locks, also in containers."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text()
    except OSError:
        boot = uuid.uuid4().hex
    return hashlib.sha256(boot.encode()).hexdigest()[:8]


KERNEL_ID: Final = _kernel_id()


class UploadBusyError(Exception):
    """Someone else is writing and did not stop within WAIT_SECONDS."""


class UploadGoneError(Exception):
    """The upload is not open any more."""


def new_token() -> str:
    """A token of 32 characters that begins with the id of this machine."""
    return KERNEL_ID + uuid.uuid4().hex[len(KERNEL_ID) :]


def check_open(upload_id: UUID) -> None:
    """Raises: UploadGoneError if the upload was ended or its member's account was deactivated."""
    if not Upload.objects.filter(
        pk=upload_id, state=UploadState.OPEN, expires_at__gt=timezone.now(), user__is_active=True
    ).exists():
        raise UploadGoneError


def open_locked(upload: Upload) -> IO[bytes] | None:
    """The file, locked and unbuffered; None while another process of this machine holds the lock.

    The kernel releases the lock when the last descriptor is closed. Raises: RootUnavailableError.
    """
    checked_root(upload.root)
    upload.folder_path.mkdir(exist_ok=True)
    number = os.open(upload.source_path, os.O_RDWR | os.O_CREAT, 0o666)
    file = os.fdopen(number, "r+b", buffering=0)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def take_lease(upload_id: UUID, token: str) -> bool:
    """Takes the lease if nobody holds it. The caller has locked the file."""
    now = database_now()
    is_free = Q(writer_token="") | Q(writer_until__lt=now) | Q(writer_token__startswith=KERNEL_ID)
    return bool(
        Upload.objects.filter(is_free, pk=upload_id, state=UploadState.OPEN).update(
            writer_token=token, writer_until=now + LEASE, writer_wanted=False
        )
    )


def leased_row(upload_id: UUID, token: str) -> QuerySet[Upload]:
    """The row of the upload, if this token holds the lease and the member is active."""
    return Upload.objects.filter(
        pk=upload_id, state=UploadState.OPEN, writer_token=token, user__is_active=True
    )


def is_held(upload: Upload) -> bool:
    """Whether someone is writing at this moment. Raises: UploadGoneError."""
    row = Upload.objects.filter(pk=upload.pk, state=UploadState.OPEN)
    found = row.values_list("writer_token", "writer_until").first()
    if found is None:
        raise UploadGoneError
    token, until = found
    if until is None or until < database_now():
        return False
    return not token.startswith(KERNEL_ID) or _is_locked(upload)


def _is_locked(upload: Upload) -> bool:
    try:
        with upload.source_path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


def wait_for_writer(upload: Upload) -> None:
    """Asks the current writer to stop, and waits until it has saved the offset.

    Raises: UploadBusyError, UploadGoneError.
    """
    deadline = time.monotonic() + WAIT_SECONDS
    while is_held(upload):
        wait_once(upload.pk, deadline)
    upload.refresh_from_db()


def wait_once(upload_id: UUID, deadline: float) -> None:
    """Asks the current writer to stop, and waits for RETRY_SECONDS.

    Raises: UploadBusyError after `deadline` (time.monotonic).
    """
    # Reads before it writes, since it runs ten times a second.
    unasked = Upload.objects.filter(pk=upload_id, writer_wanted=False).exclude(writer_token="")
    if unasked.exists():
        unasked.update(writer_wanted=True)
    if time.monotonic() > deadline:
        raise UploadBusyError
    time.sleep(RETRY_SECONDS)
