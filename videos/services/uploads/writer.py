"""Writing the file of a resumable upload, so that every saved byte is on the disk.

The saved offset never lies behind bytes that are only in memory. A new writer cuts off everything
behind that offset.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import time
from contextlib import contextmanager, suppress
from enum import Enum
from typing import IO, TYPE_CHECKING, Final

from django.conf import settings
from django.db import DatabaseError
from django.utils import timezone

from clipset.database.clock import database_now
from clipset.lib.blockhash import BlockHash, HashBeside
from clipset.server.sockets import is_ending
from siteconfig.roots import checked_root
from videos.services.uploads import lease
from videos.services.uploads.create import LIFETIME, disk_full, refusal_for, refused_when_disk_fails
from videos.services.uploads.expire import remove_ended_folder
from videos.services.uploads.lease import LEASE, UNLEASED, UploadGoneError, leased_row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from videos.models import Upload

logger = logging.getLogger(__name__)

# Bytes of one read. Small on a slow connection: bytes of a read that has not returned are not on
# the disk. Large on a fast one: the server copies its whole buffer at every read.
SMALL_READ_BYTES: Final = 64 * 1024
LARGE_READ_BYTES: Final = 1024 * 1024
# A read that takes fewer seconds than this is fast.
FAST_SECONDS: Final = 0.25
# Seconds between two saves of the offset, each of which also renews the lease.
SAVE_SECONDS: Final = 3.0
# Seconds between two checks for someone who waits for the upload.
CHECK_SECONDS: Final = 1.0


class End(Enum):
    """Why a body is not written any further."""

    COMPLETE = "the whole body was written"
    CUT = "the client stopped"
    WANTED = "another request wants to continue the upload"
    STOPPING = "the server is stopping"
    REFUSED = "the session has ended, or the member's role has changed"
    LOST = "the lease, the upload or the member is gone"
    DAMAGED = "the body does not match its checksum"


@contextmanager
def writing(upload: Upload) -> Iterator[Writer]:
    """The right to write. At the end it is released and everything received is saved.

    Raises: UploadBusyError if another writer keeps it for longer than WAIT_SECONDS,
    UploadGoneError.
    """
    writer = _take(upload)
    try:
        yield writer
    finally:
        writer.close()


def _take(upload: Upload) -> Writer:
    deadline = time.monotonic() + lease.WAIT_SECONDS
    token = lease.new_token()
    while True:
        try:
            lease.check_open(upload.pk)
        except UploadGoneError:
            remove_ended_folder(upload)
            raise
        with refused_when_disk_fails():
            file = lease.open_locked(upload)
            writer = None if file is None else _begin(upload, file, token)
        if writer is not None:
            return writer
        lease.wait_once(upload.pk, deadline)


def _begin(upload: Upload, file: IO[bytes], token: str) -> Writer | None:
    """None, with the file unlocked again, while another machine has the lease."""
    try:
        if lease.take_lease(upload.pk, token):
            upload.refresh_from_db()
            return Writer(upload, file, token)
    except BaseException:
        file.close()
        with suppress(DatabaseError):
            leased_row(upload.pk, token).update(**UNLEASED)
        raise
    file.close()
    return None


class Writer:
    """The only writer of an upload's file. `offset` is where the next byte goes."""

    def __init__(self, upload: Upload, file: IO[bytes], token: str) -> None:
        self.upload = upload
        self.file = file
        self.token = token
        self.end: End | None = None  # why it has to stop
        self.is_stopped: Callable[[], bool] = bool  # False: the right was not lost
        self.offset = self._cut_off()
        self.start = self.offset  # of the body that is being written
        self.keeps_parts = True  # also saves a body that is not complete
        self.saved_at = self.checked_at = time.monotonic()
        self.leased_until = self.saved_at + LEASE.total_seconds()

    def _cut_off(self) -> int:
        """Cuts off what a former writer could not save. Returns the offset.

        A file that is shorter than the saved offset lost its end, for example because a backup held
        only a part of it.
        """
        size = os.fstat(self.file.fileno()).st_size
        saved = self.upload.offset_bytes
        if size >= saved:
            os.ftruncate(self.file.fileno(), saved)
            resumed = BlockHash.resume(self.upload.hash_state, self.file, saved)
            self.hash = HashBeside(resumed)
            return saved
        self.hash = HashBeside(BlockHash.of_file(self.file, size))
        return size

    def write(self, data: bytes) -> None:
        """Raises: RefusedError (503 or 507); what the disk took until then is kept."""
        if time.monotonic() >= self.leased_until and not self.save():
            return
        view = memoryview(data)
        while view:
            with refused_when_disk_fails():
                written = os.pwrite(self.file.fileno(), view, self.offset)
            self.hash.update(view[:written])
            self.offset += written
            view = view[written:]

    def may_continue(self) -> bool:
        """Whether to read more of the body. Saves and checks when it is time to.

        Raises: RefusedError (507) while the disk is nearly full.
        """
        now = time.monotonic()
        if self.end is None and is_ending():
            self.end = End.STOPPING
        if self.end is None and self.is_stopped():
            self.end = End.REFUSED
        if self.end is None and now - self.saved_at >= SAVE_SECONDS:
            self.save()
        if self.end is None and now - self.checked_at >= CHECK_SECONDS:
            self.checked_at = now
            self._check()
        return self.end is None

    def _check(self) -> None:
        with refused_when_disk_fails():
            free = shutil.disk_usage(checked_root(self.upload.root)).free
        if free < settings.MIN_FREE_DISK_BYTES:
            raise disk_full()
        row = leased_row(self.upload.pk, self.token)
        wanted = row.values_list("writer_wanted", flat=True).first()
        if wanted is None:
            self.end = End.LOST
        elif wanted:
            self.end = End.WANTED

    def save(self) -> bool:
        """Saves to the disk, then in the row. False, and nothing saved, if the lease was lost."""
        until = time.monotonic() + LEASE.total_seconds()
        if not self._save(writer_until=database_now() + LEASE):
            self.end = End.LOST
            return False
        self.saved_at, self.leased_until = time.monotonic(), until
        return True

    def _save(self, **changes: object) -> bool:
        if self.keeps_parts and self.offset != self.upload.offset_bytes:
            os.fdatasync(self.file.fileno())
            changes |= self._progress()
        return bool(leased_row(self.upload.pk, self.token).update(**changes))

    def _progress(self) -> dict[str, object]:
        now = timezone.now()
        is_whole = self.offset == self.upload.size_bytes
        settled = self.hash.settled()
        return {
            "offset_bytes": self.offset,
            "hash_state": settled.hexdigest() if is_whole else settled.state,
            "touched_at": now,
            "expires_at": now + LIFETIME,
        }

    def take_back(self, hash_before: BlockHash) -> None:
        """Removes everything that was written since `start`."""
        os.ftruncate(self.file.fileno(), self.start)
        self.hash.close()
        self.offset, self.hash = self.start, HashBeside(hash_before)

    def close(self) -> None:
        """Saves and releases the lease in one statement, then unlocks the file.

        Raises: RefusedError (503 or 507) if it cannot be saved.
        """
        try:
            if not self._save(**UNLEASED):
                self.end = End.LOST
        except (OSError, DatabaseError) as error:
            refusal = refusal_for(error)
            if refusal is None:
                raise
            logger.warning("upload %s could not be saved: %s", self.upload.pk, error)
            with suppress(DatabaseError):  # releases at least the lease
                leased_row(self.upload.pk, self.token).update(**UNLEASED)
            raise refusal from error
        finally:
            self.file.close()
            self.hash.close()


def receive(
    writer: Writer, read: Callable[[int], bytes], size: int, *, sha1: bytes | None = None
) -> End:
    """Writes the `size` bytes of a body while they arrive. Memory use does not grow with the size.

    With `sha1`, the digest that the body must have, all of the body is kept or nothing.

    Raises: RefusedError (503 or 507); what was received until then is kept.
    """
    if sha1 is None:
        return _receive(writer, read, size, None)
    digest, before = hashlib.sha1(usedforsecurity=False), writer.hash.settled().copy()
    writer.keeps_parts = False
    try:
        end = _receive(writer, read, size, digest.update)
        if end == End.COMPLETE and digest.digest() != sha1:
            end = End.DAMAGED
        writer.keeps_parts = end == End.COMPLETE
    finally:
        if not writer.keeps_parts:
            writer.take_back(before)
    return end


def _receive(
    writer: Writer,
    read: Callable[[int], bytes],
    size: int,
    hashed: Callable[[bytes], None] | None,
) -> End:
    remaining, read_bytes = size, SMALL_READ_BYTES
    while remaining:
        since = time.monotonic()
        try:
            data = read(min(read_bytes, remaining))
        except OSError:
            data = b""
        is_fast = time.monotonic() - since < FAST_SECONDS
        read_bytes = min(LARGE_READ_BYTES, 2 * read_bytes) if is_fast else SMALL_READ_BYTES
        if data:
            writer.write(data)
            if hashed is not None:
                hashed(data)
            remaining -= len(data)
        if not writer.may_continue() and remaining:
            return writer.end or End.LOST
        if not data:
            return End.CUT
    return End.LOST if writer.end == End.LOST else End.COMPLETE
