"""Writing what comes of a file that can be resumed: one at a time, and nothing lost.

Two things keep a second writer away, and an old one that was lost (docs/decisions/0009):

- A lock of the kernel on the file itself, which ends with the process that has it. While anybody
  on this machine could still write, nobody else begins.
- A lease in the row, which one conditional UPDATE takes, for whatever other machines use the same
  database. Every change of the row is conditional on the token of the lease. It begins with what
  tells this machine from others: of a lease from here whose file nobody has locked, the holder is
  dead, and nobody waits for it to run out.

What is saved as the offset lies on the disk. Who begins cuts off whatever lies behind it.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import shutil
import time
import uuid
from contextlib import contextmanager, suppress
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from django.conf import settings
from django.db import DatabaseError
from django.db.models import Q
from django.utils import timezone

from clipset.database.clock import database_now
from clipset.lib.blockhash import BlockHash, HashBeside
from clipset.server.sockets import is_ending
from siteconfig.roots import checked_root
from videos.models import Upload, UploadState
from videos.services.uploads.create import LIFETIME, disk_full, refusal_for, refused_when_disk_fails
from videos.services.uploads.expire import remove_ended_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from uuid import UUID

    from django.db.models import QuerySet

logger = logging.getLogger(__name__)

# Bytes that are read at once: few where they come slowly, since what is not read to its end is not
# on the disk yet; many where they come fast, since the server copies what it holds at each read.
SMALL_PIECE: Final = 64 * 1024
PIECE: Final = 1024 * 1024
QUICK: Final = 0.25  # seconds
LEASE: Final = timedelta(seconds=10)
# Seconds. The offset is saved, and the lease renewed with it; whether somebody waits is looked at.
SAVE_EVERY: Final = 3.0
LOOK_EVERY: Final = 1.0
# How long one who comes waits for the one who writes to let go.
WAIT: Final = 10.0
_ASK_AGAIN: Final = 0.1


def _name_of_this_kernel() -> str:
    """Shared by all that see the same locks, also from several containers; 8 characters."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text()
    except OSError:
        boot = uuid.uuid4().hex
    return hashlib.sha256(boot.encode()).hexdigest()[:8]


HERE: Final = _name_of_this_kernel()


class UploadBusyError(Exception):
    """Somebody else writes, and did not let go in time."""


class UploadGoneError(Exception):
    """The upload is not open any more."""


class End(Enum):
    """Why no more of a body is written."""

    WHOLE = "all of it came"
    CUT = "the client stopped"
    ASKED = "somebody else wants to go on with it"
    STOPPING = "the server is being stopped"
    LOST = "the lease, the upload or the member is gone"
    DAMAGED = "it is not what its checksum says"


# -- the lease ------------------------------------------------------------------------------------


@contextmanager
def writing(upload: Upload) -> Iterator[Writer]:
    """The right to write, given back whatever happens; what came until then is saved.

    Raises UploadBusyError when it cannot be had within WAIT, and UploadGoneError.
    """
    writer = _take(upload)
    try:
        yield writer
    finally:
        writer.close()


def wait_for_writer(upload: Upload) -> None:
    """Asks the current writer to stop and waits until the offset is saved.

    Raises: UploadBusyError, UploadGoneError.
    """
    deadline = time.monotonic() + WAIT
    while is_held(upload):
        _ask_to_let_go(upload.pk)
        if time.monotonic() > deadline:
            raise UploadBusyError
        time.sleep(_ASK_AGAIN)
    upload.refresh_from_db()


def _take(upload: Upload) -> Writer:
    deadline = time.monotonic() + WAIT
    token = HERE + uuid.uuid4().hex[len(HERE) :]
    while True:
        try:
            _check_open(upload.pk)
        except UploadGoneError:
            remove_ended_folder(upload)
            raise
        with refused_when_disk_fails():
            file = _open_locked(upload)
            writer = None if file is None else _begin(upload, file, token)
        if writer is not None:
            return writer
        _ask_to_let_go(upload.pk)
        if time.monotonic() > deadline:
            raise UploadBusyError
        time.sleep(_ASK_AGAIN)


def _begin(upload: Upload, file: IO[bytes], token: str) -> Writer | None:
    """None, and the file unlocked again, while somebody else has the lease."""
    try:
        if _lease(upload.pk, token):
            upload.refresh_from_db()
            return Writer(upload, file, token)
    except BaseException:
        file.close()
        with suppress(DatabaseError):
            _mine(upload.pk, token).update(**_NOBODY)
        raise
    file.close()
    return None


def _check_open(pk: UUID) -> None:
    if not Upload.objects.filter(
        pk=pk, state=UploadState.OPEN, expires_at__gt=timezone.now(), user__is_active=True
    ).exists():
        raise UploadGoneError


def _open_locked(upload: Upload) -> IO[bytes] | None:
    """None while somebody on this machine has it. Its lock goes with its last descriptor.

    Raises: RootUnavailableError.
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


def _lease(pk: UUID, token: str) -> bool:
    """By who has locked the file."""
    now = database_now()
    is_free = Q(writer_token="") | Q(writer_until__lt=now) | Q(writer_token__startswith=HERE)
    return bool(
        Upload.objects.filter(is_free, pk=pk, state=UploadState.OPEN).update(
            writer_token=token, writer_until=now + LEASE, writer_wanted=False
        )
    )


def is_held(upload: Upload) -> bool:
    """Whether somebody writes it at this moment. Raises UploadGoneError."""
    row = Upload.objects.filter(pk=upload.pk, state=UploadState.OPEN)
    found = row.values_list("writer_token", "writer_until").first()
    if found is None:
        raise UploadGoneError
    token, until = found
    if until is None or until < database_now():
        return False
    return not token.startswith(HERE) or _is_locked(upload)


def _is_locked(upload: Upload) -> bool:
    try:
        with upload.source_path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


def _ask_to_let_go(pk: UUID) -> None:
    """Looks before it writes: it is called ten times a second."""
    unasked = Upload.objects.filter(pk=pk, writer_wanted=False).exclude(writer_token="")
    if unasked.exists():
        unasked.update(writer_wanted=True)


def _mine(pk: UUID, token: str) -> QuerySet[Upload]:
    return Upload.objects.filter(
        pk=pk, state=UploadState.OPEN, writer_token=token, user__is_active=True
    )


_NOBODY: Final = {"writer_token": "", "writer_until": None, "writer_wanted": False}


# -- the file -------------------------------------------------------------------------------------


class Writer:
    """The one who writes an upload's file. `offset` is where the next byte goes."""

    def __init__(self, upload: Upload, file: IO[bytes], token: str) -> None:
        self.upload = upload
        self.file = file
        self.token = token
        self.lost: End | None = None
        self.offset = self._cut_off()
        self.start = self.offset  # of what has come since
        self.keeps = True  # what came although the rest may never come
        self.saved_at = self.looked_at = time.monotonic()
        self.until = self.saved_at + LEASE.total_seconds()

    def _cut_off(self) -> int:
        """What lies behind the saved offset was written by somebody who could not save it. A file
        that is shorter than it should be lost its end, as one that no backup held."""
        size = os.fstat(self.file.fileno()).st_size
        saved = self.upload.offset_bytes
        if size >= saved:
            os.ftruncate(self.file.fileno(), saved)
            hashed = BlockHash.resume(self.upload.hash_state, self.file, saved)
            self.hash = HashBeside(hashed)
            return saved
        self.hash = HashBeside(BlockHash.of_file(self.file, size))
        return size

    def write(self, data: bytes) -> None:
        """Raises RefusedError (503 or 507), having kept what the disk took."""
        if time.monotonic() >= self.until and not self.save():
            return
        view = memoryview(data)
        while view:
            with refused_when_disk_fails():
                written = os.pwrite(self.file.fileno(), view, self.offset)
            self.hash.update(view[:written])
            self.offset += written
            view = view[written:]

    def goes_on(self) -> bool:
        """Whether to read any more of the body. Looks once a second, saves every three."""
        now = time.monotonic()
        if self.lost is None and is_ending():
            self.lost = End.STOPPING
        if self.lost is None and now - self.saved_at >= SAVE_EVERY:
            self.save()
        if self.lost is None and now - self.looked_at >= LOOK_EVERY:
            self.looked_at = now
            self._look()
        return self.lost is None

    def _look(self) -> None:
        with refused_when_disk_fails():
            free = shutil.disk_usage(checked_root(self.upload.root)).free
        if free < settings.MIN_FREE_DISK_BYTES:
            raise disk_full()
        wanted = _mine(self.upload.pk, self.token).values_list("writer_wanted", flat=True).first()
        if wanted is None:
            self.lost = End.LOST
        elif wanted:
            self.lost = End.ASKED

    def save(self) -> bool:
        """On the disk first, then in the row. False when the lease is lost, and nothing saved."""
        lease = {"writer_until": database_now() + LEASE}
        until = time.monotonic() + LEASE.total_seconds()
        if not self._save(**lease):
            self.lost = End.LOST
            return False
        self.saved_at, self.until = time.monotonic(), until
        return True

    def _save(self, **changes: object) -> bool:
        if self.keeps and self.offset != self.upload.offset_bytes:
            os.fdatasync(self.file.fileno())
            changes |= self._standing()
        return bool(_mine(self.upload.pk, self.token).update(**changes))

    def _standing(self) -> dict[str, object]:
        now = timezone.now()
        is_whole = self.offset == self.upload.size_bytes
        hashed = self.hash.settled()
        return {
            "offset_bytes": self.offset,
            "hash_state": hashed.hexdigest() if is_whole else hashed.state,
            "touched_at": now,
            "expires_at": now + LIFETIME,
        }

    def take_back(self, hashed: BlockHash) -> None:
        """As if what came since `start` had never come."""
        os.ftruncate(self.file.fileno(), self.start)
        self.hash.close()
        self.offset, self.hash = self.start, HashBeside(hashed)

    def close(self) -> None:
        """Saves, lets go, and lets nobody else in before that."""
        try:
            if not self._save(**_NOBODY):
                self.lost = End.LOST
        except (OSError, DatabaseError) as error:
            refusal = refusal_for(error)
            if refusal is None:
                raise
            logger.warning("upload %s could not be saved: %s", self.upload.pk, error)
            with suppress(DatabaseError):  # the lease, at least
                _mine(self.upload.pk, self.token).update(**_NOBODY)
            raise refusal from error
        finally:
            self.file.close()
            self.hash.close()


def receive(
    writer: Writer, read: Callable[[int], bytes], size: int, *, sha1: bytes | None = None
) -> End:
    """Writes the `size` bytes of a body as they come; with the SHA-1 that they should have, all or
    nothing of them. Memory does not grow with the size.

    Raises RefusedError (503 or 507). What came until then is kept all the same.
    """
    if sha1 is None:
        return _receive(writer, read, size, None)
    digest, before = hashlib.sha1(usedforsecurity=False), writer.hash.settled().copy()
    writer.keeps = False
    try:
        end = _receive(writer, read, size, digest.update)
        if end == End.WHOLE and digest.digest() != sha1:
            end = End.DAMAGED
        writer.keeps = end == End.WHOLE
    finally:
        if not writer.keeps:
            writer.take_back(before)
    return end


def _receive(
    writer: Writer,
    read: Callable[[int], bytes],
    size: int,
    hashed: Callable[[bytes], None] | None,
) -> End:
    left, piece = size, SMALL_PIECE
    while left:
        since = time.monotonic()
        try:
            data = read(min(piece, left))
        except OSError:
            data = b""
        is_quick = time.monotonic() - since < QUICK
        piece = min(PIECE, 2 * piece) if is_quick else SMALL_PIECE
        if data:
            writer.write(data)
            if hashed is not None:
                hashed(data)
            left -= len(data)
        if not writer.goes_on() and left:
            return writer.lost or End.LOST
        if not data:
            return End.CUT
    return End.LOST if writer.lost == End.LOST else End.WHOLE
