"""Checks, while a site runs, that no two workers process the same video at the same time, and that
no row names a file that is not there."""

from __future__ import annotations

import re
import sqlite3
import threading
import time
from collections import defaultdict
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tests.scripts.remains import lost_files

if TYPE_CHECKING:
    from tests.scripts.conftest import Clone

EVERY = 0.05  # seconds
FILES_EVERY = 1  # second
PROGRAMS = {"ffmpeg", "ffprobe"}
# The part of a command line that names the upload, its video or the job's own folder.
MARKS = re.compile(r"upload-[0-9a-f]{32}|videos/[0-9a-f]{32}|job-\d+(?=/)")


class Witness(threading.Thread):
    """Looks at every FFmpeg process of a site, 20 times a second, and at its files once.

    A worker may run several for its job, such as a copy that begins while packets are read, and
    other jobs read the same source or rendition. Two workers at the same job are one too many.
    `seen` has the marks of all videos and jobs that FFmpeg worked for, `doubles` the command lines
    of two workers at the same job at the same time, `lost` the files that rows named in vain.
    """

    def __init__(self, clone: Clone) -> None:
        super().__init__(daemon=True)
        self.clone = clone
        self.seen: set[str] = set()
        self.doubles: list[str] = []
        self.lost: set[str] = set()
        self._over = threading.Event()

    def run(self) -> None:
        files_at = time.monotonic()
        while not self._over.wait(EVERY):
            if time.monotonic() > files_at:
                with suppress(sqlite3.Error):  # killed, or full
                    self.lost |= lost_files(self.clone)
                files_at = time.monotonic() + FILES_EVERY
            for mark, found in self._look().items():
                self.seen.add(mark)
                if not mark.startswith("job-") or len({parent_of(pid) for pid in found}) < 2:
                    continue
                if all(command_of(pid) == said for pid, said in found.items()):
                    self.doubles.append(f"{mark}: " + " AND ".join(found.values()))

    def end(self) -> None:
        self._over.set()
        self.join()

    def _look(self) -> dict[str, dict[int, str]]:
        """Returns command lines by process id, by mark."""
        works: dict[str, dict[int, str]] = defaultdict(dict)
        for pid, command in ffmpegs(self.clone).items():
            for mark in set(MARKS.findall(command)):
                works[mark][pid] = command
        return works


def ffmpegs(clone: Clone) -> dict[int, str]:
    """Finds FFmpeg processes that use files of the site: command lines by process id."""
    commands = {int(it.name): command_of(int(it.name)) for it in Path("/proc").glob("[0-9]*")}
    return {pid: command for pid, command in commands.items() if str(clone.root) in command}


def parent_of(pid: int) -> int:
    """Returns the process that started this one: the worker, beyond bubblewrap's two. 0 for one
    that has ended."""
    try:
        _, _, fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")
        parent = int(fields.split()[1])
        is_between = Path(f"/proc/{parent}/comm").read_text().strip() == "bwrap"
    except OSError:
        return 0
    return parent_of(parent) if is_between else parent


def command_of(pid: int) -> str:
    """Returns the command line of a running FFmpeg; "" for other and for ended processes."""
    try:
        if (Path(f"/proc/{pid}/comm")).read_text().strip() not in PROGRAMS:
            return ""
        return (Path(f"/proc/{pid}/cmdline")).read_text().replace("\0", " ").strip()
    except OSError:
        return ""
