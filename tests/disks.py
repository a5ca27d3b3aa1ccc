"""Disks of a test's own, which are taken away, are read-only, full or broken when it says so.

Mounting takes root; elsewhere the test is skipped by name (tests/parts.py).
"""

from __future__ import annotations

import errno
import os
import subprocess
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.parts import require, without

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MIB = 1024**2
PIECE = MIB  # bytes
REFILL_SECONDS = 0.2


def command(*words: str | Path) -> None:
    subprocess.run(words, check=True, capture_output=True)


def mount(*words: str | Path) -> None:
    """Ends the test where nothing can be mounted."""
    done = subprocess.run(["mount", *words], check=False, capture_output=True, text=True)
    if done.returncode:
        without(f"a disk of its own cannot be mounted here: {done.stderr.strip()}")


class Disk:
    """A file system that is mounted at `folder`; `kept` is where it can be seen all the time.

    `refusal` says why it could not be mounted, if so: `folder` is a plain folder then.
    """

    def __init__(self, folder: Path, kept: Path, refusal: str = "") -> None:
        self.folder = folder
        self.kept = kept
        self.refusal = refusal

    @contextmanager
    def read_only(self) -> Iterator[None]:
        command("mount", "-o", "remount,ro", self.kept)
        try:
            yield
        finally:
            command("mount", "-o", "remount,rw", self.kept)

    @contextmanager
    def full(self) -> Iterator[None]:
        """No byte is free, and what others give back is filled again at once."""
        over = threading.Event()
        filler = self.kept / "filler"
        thread = threading.Thread(target=keep_full, args=(filler, over))
        fill(filler)
        assert filler.stat().st_size > PIECE
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
            filler.unlink()

    def unmount(self) -> None:
        """Also under files that are open."""
        command("umount", "--lazy", self.folder)

    def mount_again(self) -> None:
        command("mount", "--bind", self.kept, self.folder)


@contextmanager
def small_disk(folder: Path, beside: Path, *, megabytes: int = 32) -> Iterator[Disk]:
    """A disk in memory at `folder`, which is there; `beside` is a folder that is made for it."""
    beside.mkdir()
    mount("-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", beside)
    disk = Disk(folder, beside)
    try:
        disk.mount_again()
        yield disk
    finally:
        for path in (folder, beside):
            subprocess.run(["umount", "--lazy", path], check=False, capture_output=True)


@contextmanager
def site_disk(folder: Path, *, megabytes: int = 600) -> Iterator[Disk]:
    """A disk in memory for a whole site, mounted at `folder`, which is made.

    Where nothing can be mounted it is a plain folder, so that the test decides what it can do.
    """
    folder.mkdir()
    words: list[str | Path] = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", folder]
    done = subprocess.run(words, check=False, capture_output=True, text=True)
    try:
        yield Disk(folder, folder, done.stderr.strip() if done.returncode else "")
    finally:
        if done.returncode == 0:
            command("umount", "--lazy", folder)


class BreakingDisk:
    """An ext4 file system in a file, mounted at `folder`."""

    def __init__(self, folder: Path, image: Path) -> None:
        self.folder = folder
        self.image = image

    @contextmanager
    def unreadable(self, path: Path, *, since: int = 0) -> Iterator[None]:
        """What lies in a file behind so many bytes gives EIO."""
        command("sync", "--file-system", self.folder)
        start = self.image.read_bytes().find(path.read_bytes()[since : since + 1024])
        assert start > 0
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        with self._ending_at(start - start % 4096):
            yield

    @contextmanager
    def broken(self) -> Iterator[None]:
        """Nothing can be written, and nothing read but what the kernel holds in memory: EIO, then
        EROFS. Use `mount_again` after it: the kernel lets nobody write on after such an error."""
        command("sync", "--file-system", self.folder)
        with self._ending_at(4096):
            yield

    @contextmanager
    def _ending_at(self, end: int) -> Iterator[None]:
        """The device ends there: the kernel gives EIO for all that lies behind it."""
        whole = self.image.read_bytes()
        self._resize(end)
        try:
            yield
        finally:
            self.image.write_bytes(whole)
            self._resize(len(whole))

    def _resize(self, size: int) -> None:
        os.truncate(self.image, size)
        ask = ["losetup", "--noheadings", "-O", "NAME", "-j", str(self.image)]
        command("losetup", "--set-capacity", subprocess.check_output(ask, text=True).strip())

    def mount_again(self) -> None:
        """As after a repair."""
        command("umount", "--lazy", self.folder)
        command("mount", "-o", "loop,noatime", self.image, self.folder)


@contextmanager
def breaking_disk(folder: Path, image: Path, *, megabytes: int = 16) -> Iterator[BreakingDisk]:
    """`image` is made."""
    image.write_bytes(bytes(megabytes * MIB))
    make = [require("disks"), "-q", "-F", "-N", "256", "-E", "lazy_itable_init=1", str(image)]
    subprocess.run(make, check=True, capture_output=True)
    mount("-o", "loop,noatime", image, folder)
    try:
        yield BreakingDisk(folder, image)
    finally:
        subprocess.run(["umount", "--lazy", folder], check=False, capture_output=True)


def keep_full(filler: Path, over: threading.Event) -> None:
    while not over.wait(REFILL_SECONDS):
        fill(filler)


def fill(filler: Path) -> None:
    """Until not a byte is free."""
    with filler.open("ab", buffering=0) as file:
        size = PIECE
        while size >= 1:
            try:
                file.write(bytes(size))
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                size //= 2
