"""Activity on a running site for tests of backups, and what a backup costs meanwhile."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.scripts.member import Browser, rows, shell
from tests.truth import Told

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.scripts.conftest import Clone

MAX_COMMENTS: Final = 15  # more within five minutes are refused
# So that what is deleted is gone.
WITHOUT_TRASH: Final = "from siteconfig.models import Config; Config.objects.update(trash_days=0)"


class Members(threading.Thread):
    """Uploads, comments and deletes as bob in a thread, until `videos` are uploaded or `end` runs.

    `clip` gives the file of each number; after each `delete_each` uploads a finished video is
    deleted. `failure` is an exception that ended the thread.
    """

    def __init__(
        self, clone: Clone, clip: Callable[[int], Path], *, videos: int, delete_each: int
    ) -> None:
        super().__init__(daemon=True)
        self.clone = clone
        self.told = Told()
        self.failure: BaseException | None = None
        self._clip = clip
        self._videos = videos
        self._delete_each = delete_each
        self._over = threading.Event()

    def run(self) -> None:
        try:
            self._work()
        except BaseException as error:
            self.failure = error
            raise

    def end(self) -> None:
        self._over.set()
        self.join()
        assert self.failure is None, self.failure

    def has_uploaded(self, number: int) -> bool:
        assert self.failure is None, self.failure
        return len(self.told.uploaded) >= number

    def _work(self) -> None:
        shell(self.clone, WITHOUT_TRASH)
        bob = Browser(self.clone)
        bob.log_in()
        for number in range(self._videos):
            if self._over.is_set():
                return
            address = bob.upload(self._clip(number))
            assert address is not None
            short_id = address.split("/")[2]
            self.told.uploaded.add(short_id)
            if number < MAX_COMMENTS:
                text = f"{short_id} {number}"
                _post(bob, f"/v/{short_id}/comments/", text=text)
                self.told.commented.add(text)
            if number % self._delete_each == self._delete_each - 1:
                self._delete_one(bob)

    def _delete_one(self, bob: Browser) -> None:
        """Deletes the oldest finished video, if there is one."""
        query = (
            "SELECT short_id FROM videos WHERE processing_status = 'COMPLETED' ORDER BY id LIMIT 1"
        )
        for (short_id,) in rows(self.clone, query):
            self.told.asked_to_delete.add(str(short_id))
            _post(bob, f"/v/{short_id}/delete/")
            self.told.deleted.add(str(short_id))


def _post(bob: Browser, path: str, **fields: str) -> None:
    status, body = bob.post(path, **fields)
    assert status == 200, (path, status, body[:300])


class Peak(threading.Thread):
    """Measures the peak memory of backups and restores of a clone, in a thread.

    `most` has bytes by program: restic, and manage.py with its command.
    """

    EVERY: Final = 0.1  # seconds
    NAMES: Final = ("manage.py backup", "manage.py restore", "restic")

    def __init__(self, clone: Clone) -> None:
        super().__init__(daemon=True)
        self.clone = clone
        self.most: dict[str, int] = {}
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.wait(self.EVERY):
            for process, (_, command) in self.clone.processes().items():
                name = next((it for it in self.NAMES if f"{it} " in f" {command} "), "")
                if name:
                    with suppress(OSError, ValueError, IndexError):
                        status = Path(f"/proc/{process}/status").read_text()
                        kibibytes = int(status.partition("VmHWM:")[2].split()[0])
                        self.most[name] = max(self.most.get(name, 0), kibibytes * 1024)

    def end(self) -> None:
        self._over.set()
        self.join()


def timed(what: Callable[[], str]) -> tuple[float, str]:
    """Returns how many seconds a function took, and its result."""
    since = time.monotonic()
    said = what()
    return time.monotonic() - since, said
