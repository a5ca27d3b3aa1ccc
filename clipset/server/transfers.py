"""Running transfers (downloads, streams, uploads), which stop soon after their right is lost."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any, Final

from django.db import close_old_connections, connections

from clipset.lib.unavailable import why_unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

logger = logging.getLogger(__name__)

# Seconds between two looks, each of which takes a query or two for all transfers of the process.
LOOK_SECONDS: Final = 2.0


class Transfer:
    """A transfer that goes on while its visitor has this right.

    Attributes:
        stop: called at most once, by another thread. It must neither wait nor raise.
    """

    def __init__(self, right: Hashable, stop: Callable[[], None]) -> None:
        self.right = right
        self.stop = stop
        self.is_stopped = False


class Transfers:
    """The running transfers of this process, and a thread that looks at their rights.

    The thread runs while there are transfers, so that none survives a fork.

    Args:
        find_lost: returns those of a set of rights that are lost. It may query the database.
    """

    def __init__(self, find_lost: Callable[[set[Any]], set[Any]]) -> None:
        self.find_lost = find_lost
        self.running: set[Transfer] = set()
        self.lock = threading.Lock()
        self.thread: threading.Thread | None = None
        self.has_failed = False

    def begin(self, transfer: Transfer) -> None:
        with self.lock:
            self.running.add(transfer)
            if self.thread is None:
                self.thread = threading.Thread(target=self._run, name="transfers", daemon=True)
                self.thread.start()

    def end(self, transfer: Transfer) -> None:
        """After this, the transfer is not stopped any more: its connection may serve another."""
        with self.lock:
            self.running.discard(transfer)

    def look(self) -> None:
        """Stops the transfers whose right is lost. If the database can't say, all go on."""
        with self.lock:
            rights = {transfer.right for transfer in self.running}
        try:
            lost = self.find_lost(rights)
        except Exception as error:
            # Of whatever kind: this thread must not end while transfers run.
            self._note_failure(error)
            return
        if self.has_failed:
            self.has_failed = False
            logger.warning("The rights of running transfers can be looked at again.")
        with self.lock:
            for transfer in [one for one in self.running if one.right in lost]:
                self.running.discard(transfer)
                transfer.is_stopped = True
                transfer.stop()

    def _note_failure(self, error: Exception) -> None:
        """Logs the first of several failures in a row."""
        if not self.has_failed:
            self.has_failed = True
            logger.warning(
                "The rights of running transfers could not be looked at: %s. They go on.",
                error,
                exc_info=why_unavailable(error) is None,
            )
        connections.close_all()

    def _run(self) -> None:
        try:
            while self._wait():
                close_old_connections()
                self.look()
        finally:
            connections.close_all()

    def _wait(self) -> bool:
        """Whether there is something to look at. If not, `begin` starts another thread."""
        time.sleep(LOOK_SECONDS)
        with self.lock:
            if not self.running:
                self.thread = None
        return self.thread is threading.current_thread()
