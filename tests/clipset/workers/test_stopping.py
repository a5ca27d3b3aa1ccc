"""Processes that were forked before a stop is announced see it."""

from __future__ import annotations

import os
import time

from clipset.workers.stopping import announce_stop, forget_stop, is_stopping


def test_a_stop_is_seen_by_a_fork_that_was_made_before() -> None:
    assert not is_stopping()
    child = os.fork()
    if child == 0:
        deadline = time.monotonic() + 10
        while not is_stopping() and time.monotonic() < deadline:
            time.sleep(0.01)
        os._exit(0 if is_stopping() else 1)
    try:
        announce_stop()
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    finally:
        forget_stop()
    assert not is_stopping()
