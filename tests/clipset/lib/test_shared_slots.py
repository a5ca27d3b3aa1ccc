"""Slots that processes share and that the kernel releases for a killed process."""

from __future__ import annotations

import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from uuid import UUID

import pytest

from clipset.lib.shared_slots import SharedSlots
from clipset.lib.slots import NoSlotError
from tests.processes import ROOT, wait_for

ALICE, BOB, CHARLIE = (UUID(int=n) for n in (4_100_200_300, 5_100_200_300, 6_100_200_300))


def test_a_member_holds_one_at_a_time() -> None:
    slots = SharedSlots(2)
    with slots.held(ALICE, wait_seconds=0):
        with pytest.raises(NoSlotError) as refused, slots.held(ALICE, wait_seconds=60):
            pass
        assert refused.value.is_own
        with slots.held(BOB, wait_seconds=0):
            pass
    with slots.held(ALICE, wait_seconds=0):
        pass


def test_no_more_than_so_many_are_held_and_what_failed_is_given_back() -> None:
    slots = SharedSlots(2)
    with slots.held(ALICE, wait_seconds=0):
        with suppress(ZeroDivisionError), slots.held(BOB, wait_seconds=0):
            with pytest.raises(NoSlotError) as refused, slots.held(CHARLIE, wait_seconds=0.1):
                pass
            assert not refused.value.is_own
            raise ZeroDivisionError
        with slots.held(CHARLIE, wait_seconds=0):
            pass


def test_who_waits_gets_the_next_one_and_has_only_one_request_that_waits() -> None:
    slots, got = SharedSlots(1), threading.Event()

    def wait() -> None:
        with slots.held(BOB, wait_seconds=20):
            got.set()

    with slots.held(ALICE, wait_seconds=0):
        thread = threading.Thread(target=wait)
        thread.start()
        # In the kernel's list of locks, the thread holds the member's lock; it waits for the slot.
        wait_for(lambda: f" {slots.most + BOB.int} " in Path("/proc/locks").read_text())
        with pytest.raises(NoSlotError) as refused, slots.held(BOB, wait_seconds=0):
            pass
        assert refused.value.is_own
        assert not got.is_set()
    assert got.wait(10)
    thread.join()


FORKED = """
import os, signal, time
from uuid import UUID
from clipset.lib.shared_slots import SharedSlots
from clipset.lib.slots import NoSlotError

slots = SharedSlots(1)
reader, writer = os.pipe()
child = os.fork()
if not child:
    with slots.held(UUID(int=1), wait_seconds=0):
        os.write(writer, b"held")
        time.sleep(60)
os.read(reader, 4)
for member in (1, 2):
    try:
        with slots.held(UUID(int=member), wait_seconds=0):
            print("had")
    except NoSlotError as refused:
        print(refused.is_own)
os.kill(child, signal.SIGKILL)
os.waitpid(child, 0)
with slots.held(UUID(int=1), wait_seconds=0):
    print("had")
"""


def test_forks_share_them_and_a_killed_one_gives_its_own_back() -> None:
    told = subprocess.run(
        [sys.executable, "-c", FORKED], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert told.stdout.split() == ["True", "False", "had"]
