"""A disk of its own for a whole site, which a test can fill up."""

from __future__ import annotations

import errno
import subprocess
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MEGABYTES = 600
REFILL_SECONDS = 0.2
PIECE = 1024**2  # bytes


class Disk:
    """A folder; `refusal` says why it could not be made a file system of its own, if so."""

    def __init__(self, folder: Path, refusal: str) -> None:
        self.folder = folder
        self.refusal = refusal

    @contextmanager
    def full(self) -> Iterator[None]:
        """Not a byte is free, and what others give back is taken again at once."""
        over = threading.Event()
        filler = self.folder / "filler"
        thread = threading.Thread(target=_keep_full, args=(filler, over))
        _fill(filler)
        assert filler.stat().st_size > PIECE
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
            filler.unlink()


def _keep_full(filler: Path, over: threading.Event) -> None:
    while not over.wait(REFILL_SECONDS):
        _fill(filler)


def _fill(filler: Path) -> None:
    with filler.open("ab", buffering=0) as file:
        size = PIECE
        while size >= 1:
            try:
                file.write(bytes(size))
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                size //= 2


@contextmanager
def own_disk(folder: Path) -> Iterator[Disk]:
    """Mounted at the folder, which is made. Where that is not allowed it is a plain folder."""
    folder.mkdir()
    mount: list[str | Path] = ["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "tmpfs", folder]
    done = subprocess.run(mount, check=False, capture_output=True, text=True)
    try:
        yield Disk(folder, done.stderr.strip() if done.returncode else "")
    finally:
        if done.returncode == 0:
            subprocess.run(["umount", "--lazy", folder], check=True)
