"""Disks that a test can unmount, fill, break or make read-only.

Mounting needs root; without it the test is skipped with a reason (tests/parts.py).
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
    """Mounts a file system. Ends the test where that is not allowed."""
    done = subprocess.run(["mount", *words], check=False, capture_output=True, text=True)
    if done.returncode:
        without(f"a disk of its own cannot be mounted here: {done.stderr.strip()}")


class Disk:
    """A file system mounted at `folder`, and always at `kept`.

    `refusal` says why it could not be mounted; then `folder` is a plain folder.
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
        """Keeps the disk full: space that others free is filled again at once."""
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
        """Unmounts it, even while files are open."""
        command("umount", "--lazy", self.folder)

    def mount_again(self) -> None:
        command("mount", "--bind", self.kept, self.folder)


@contextmanager
def small_disk(folder: Path, beside: Path, *, megabytes: int = 32) -> Iterator[Disk]:
    """Mounts a disk in memory at `folder`, which exists, and at `beside`, which is created."""
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
    """Mounts a disk in memory for a whole site at `folder`, which is created.

    Where mounting is not allowed it is a plain folder, and the test decides what it can do.
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
        """Makes reads of a file fail with EIO behind its first `since` bytes."""
        command("sync", "--file-system", self.folder)
        start = self.image.read_bytes().find(path.read_bytes()[since : since + 1024])
        assert start > 0
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        with self._ending_at(start - start % 4096):
            yield

    @contextmanager
    def broken(self) -> Iterator[None]:
        """Makes writes and uncached reads fail: EIO, then EROFS.

        Call `mount_again` after it, because the kernel allows no writes after such an error.
        """
        command("sync", "--file-system", self.folder)
        with self._ending_at(4096):
            yield

    @contextmanager
    def _ending_at(self, end: int) -> Iterator[None]:
        """Ends the device there, so that the kernel gives EIO for everything behind it."""
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
    """Creates a file system in the file `image` and mounts it at `folder`."""
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
    """Writes until no byte is free."""
    with filler.open("ab", buffering=0) as file:
        size = PIECE
        while size >= 1:
            try:
                file.write(bytes(size))
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                size //= 2
