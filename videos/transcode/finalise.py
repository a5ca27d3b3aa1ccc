"""Finalises renditions: makes a fragmented MP4 an ordinary one, in place.

A ``moov`` with sample tables is appended, and the header of one large ``mdat`` is written over a
few bytes of the start, so that everything in between lies inside of it (see ``file_start``). No
byte of a fragment moves or changes, so the byte ranges of HLS playlists stay right.

A kill or a power cut at any instant leaves a file that plays and can be finalised again: the moov
is on the disk before the start is changed, and the start is changed by one small write.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from videos.transcode.errors import NotFragmentedError
from videos.transcode.file_start import (
    LARGE_HEADER_BYTES,
    MIN_FTYP_BYTES,
    OVERWRITTEN_BYTES,
    FileStart,
    box_content,
    is_finalised,
    next_header,
    opened,
    read_start,
)
from videos.transcode.fragment_boxes import trailer_end
from videos.transcode.fragments import FRAGMENTS_PER_TICK, Fragment, read_index
from videos.transcode.ordinary_moov import empty_tables, ordinary_moov
from videos.transcode.run import disk_full
from videos.transcode.sample_tables import SampleTables, add_fragment

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import BinaryIO

    from videos.transcode.container import FileReader

MAX_FTYP_BYTES = 4096
MAX_MOOF_BYTES = 64 * 1024**2  # 12 h in one fragment have 5 million samples of 12 bytes
CHUNK_BYTES = 1024**2
NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@dataclass(frozen=True, slots=True, kw_only=True)
class Finalisation:
    """What finalising a file changes in it.

    Attributes:
        start: the first bytes of the finished file.
        media_end: offset of the moov; everything up to here stays, but for the start.
        moov: the box that follows.
        is_done: whether the file is finalised already.
        inode: of the file.
    """

    inode: int
    start: bytes
    media_end: int
    moov: bytes
    is_done: bool

    @property
    def size(self) -> int:
        """Bytes of the finished file."""
        return self.media_end + len(self.moov)


def no_tick() -> None:
    """Does nothing."""


def finalise(path: Path, *, tick: Callable[[], None] = no_tick, is_durable: bool = True) -> int:
    """Makes a complete fragmented MP4 an ordinary one. Returns its size in bytes.

    A file that was finalised before stays as it is.

    Args:
        is_durable: whether the file must survive a power cut at any instant. Else the caller syncs
            it.
        tick: called often, at the latest after some ten milliseconds. What it raises ends this
            function; the file then plays as before.

    Raises:
        NotFragmentedError: the file is damaged or has another layout. It is not changed.
        DiskFullError: there is no space for the moov. The file is as before.
        OSError: another error of the file system.
    """
    plan = plan_finalisation(path, tick=tick)
    carry_out(path, plan, tick=tick, is_durable=is_durable)
    return plan.size


def plan_finalisation(path: Path, *, tick: Callable[[], None] = no_tick) -> Finalisation:
    """Returns what finalising would change, without changing it. Raises: as `finalise`."""
    with path.open("rb") as file, opened(file) as reader:
        start = read_start(reader)
        if start is None:
            raise NotFragmentedError("the start of the file is incomplete")
        if not MIN_FTYP_BYTES <= start.ftyp_size <= MAX_FTYP_BYTES:
            raise NotFragmentedError(f"an ftyp of {start.ftyp_size} bytes")
        if is_finalised(file):
            return _done(file, reader, start)
        media_end, fragments = _media(file, reader, tick)
        try:
            moov = _moov(reader, start, fragments, tick)
        except (ValueError, OverflowError, struct.error) as error:
            raise NotFragmentedError(f"it cannot be finalised: {error}") from error
        head = _finished_start(reader, start, media_end)
        inode = os.fstat(file.fileno()).st_ino
    return Finalisation(inode=inode, start=head, media_end=media_end, moov=moov, is_done=False)


def carry_out(
    path: Path,
    plan: Finalisation,
    *,
    tick: Callable[[], None] = no_tick,
    is_durable: bool = True,
) -> None:
    """Changes the file as planned; does nothing to one that is finished.

    Keeps the time of its last change: clients that have parts of the file compare it, and what they
    have stays right.

    Raises: NotFragmentedError if it is another file by now; BlockingIOError if another process
    changes it; DiskFullError; OSError.
    """
    if plan.is_done:
        return
    with path.open("r+b", buffering=0) as file:
        # Another worker may take the file if this one stalls for longer than its lease.
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        target = _Target(file.fileno())
        if os.fstat(target.descriptor).st_ino != plan.inode:
            raise NotFragmentedError("another file has its place")
        if is_finalised(file):
            return
        if not _is_appended(target, plan):
            _append(target, plan, tick)
        sync = os.fsync if is_durable else _no_sync
        sync(target.descriptor)
        if os.pread(target.descriptor, len(plan.start), 0) != plan.start:
            target.write(plan.start, 0)
            sync(target.descriptor)


def _no_sync(_: int) -> None:
    """Does nothing."""


def hashes(
    path: Path, plan: Finalisation, *, tick: Callable[[], None] = no_tick
) -> tuple[str, str]:
    """Returns the SHA-256 of the media as they are now, without what follows them, and that of the
    finished file. Hexadecimal. Reads the file once; ``tick`` as for `finalise`."""
    before, after = hashlib.sha256(), hashlib.sha256(plan.start)
    with path.open("rb", buffering=0) as file:
        head = file.read(len(plan.start))
        before.update(head)
        left = plan.media_end - len(head)
        while left and (block := file.read(min(CHUNK_BYTES, left))):
            before.update(block)
            after.update(block)
            left -= len(block)
            tick()
    after.update(plan.moov)
    return before.hexdigest(), after.hexdigest()


# -- the plan


def _done(file: BinaryIO, reader: FileReader, start: FileStart) -> Finalisation:
    """Returns what an earlier call has changed, maybe one of an older version."""
    assert start.media_end is not None
    size = start.ftyp_size - OVERWRITTEN_BYTES + LARGE_HEADER_BYTES
    return Finalisation(
        inode=os.fstat(file.fileno()).st_ino,
        start=reader.read(0, size),
        media_end=start.media_end,
        moov=reader.read(start.media_end, reader.size - start.media_end),
        is_done=True,
    )


def _media(
    file: BinaryIO, reader: FileReader, tick: Callable[[], None]
) -> tuple[int, list[Fragment]]:
    """Returns where the media end, and the fragments of all tracks in their order.

    FFmpeg's trailer must be there: a file without it was cut short. Anything may follow, since an
    earlier call may have appended a part of a moov, and a power cut may leave zeros in its place.

    Raises: NotFragmentedError.
    """
    index = read_index(file, tick=tick)
    if not index.fragments:
        raise NotFragmentedError("no whole fragment")
    end = index.media_end
    media_end = trailer_end(reader, end, with_moov=False)
    if media_end == end:
        raise NotFragmentedError(f"no whole fragment and no trailer at {end}: it is cut short")
    return media_end, index.all_fragments()


def _moov(
    reader: FileReader,
    start: FileStart,
    fragments: list[Fragment],
    tick: Callable[[], None],
) -> bytes:
    """Builds the moov box. Raises: ValueError; NotFragmentedError."""
    tables = empty_tables(start.moov)
    for number, fragment in enumerate(fragments):
        _add(tables, reader, fragment)
        if number % FRAGMENTS_PER_TICK == 0:
            tick()
    if not any(table.sizes for table in tables.values()):
        raise ValueError("no samples")
    return ordinary_moov(start.moov, tables)


def _add(tables: dict[int, SampleTables], reader: FileReader, fragment: Fragment) -> None:
    """Adds the samples of one fragment to the tables."""
    place = fragment.offset
    while (header := next_header(reader, place)) is not None and header.kind != b"moof":
        place += header.size
    assert header is not None  # read_index has read it
    moof = box_content(reader, place, header, MAX_MOOF_BYTES)
    data_at = place + header.size
    data = next_header(reader, data_at)
    assert moof is not None
    assert data is not None
    content = range(data_at + data.length, data_at + data.size)
    add_fragment(tables, moof, moof_offset=place, data=content)


def _finished_start(reader: FileReader, start: FileStart, media_end: int) -> bytes:
    """Returns the ``ftyp`` and the header of the large ``mdat``.

    The ftyp is shorter by two brands. It names the brands of ordinary files first, since some
    players look for them.
    """
    size = start.ftyp_size - OVERWRITTEN_BYTES
    rest = reader.read(20, size - 20)
    ftyp = struct.pack(">I4s4sI4s", size, b"ftyp", b"isom", 512, b"mp41") + rest
    return ftyp + struct.pack(">I4sQ", 1, b"mdat", media_end - size)


# -- the change


class _Target:
    """A file that is changed. Its times are set back after each change, within microseconds."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        stat = os.fstat(descriptor)
        self._times = (stat.st_atime_ns, stat.st_mtime_ns)

    def write(self, data: bytes | memoryview, offset: int) -> int:
        written = os.pwrite(self.descriptor, data, offset)
        os.utime(self.descriptor, ns=self._times)
        return written

    def truncate(self, size: int) -> None:
        os.ftruncate(self.descriptor, size)
        os.utime(self.descriptor, ns=self._times)


def _is_appended(target: _Target, plan: Finalisation) -> bool:
    """Whether the moov follows the media already, and nothing else."""
    if os.fstat(target.descriptor).st_size != plan.size:
        return False
    return os.pread(target.descriptor, len(plan.moov), plan.media_end) == plan.moov


def _append(target: _Target, plan: Finalisation, tick: Callable[[], None]) -> None:
    """Writes the moov after the media, in place of what an earlier call left there."""
    target.truncate(plan.media_end)
    try:
        view = memoryview(plan.moov)
        while view:
            view = view[target.write(view[:CHUNK_BYTES], plan.size - len(view)) :]
            tick()
        os.fsync(target.descriptor)
    except BaseException as error:
        target.truncate(plan.media_end)
        if isinstance(error, OSError) and error.errno in NO_SPACE:
            raise disk_full(detail=str(error)) from error
        raise


assert MIN_FTYP_BYTES - OVERWRITTEN_BYTES + LARGE_HEADER_BYTES == 36  # the bytes that are written
