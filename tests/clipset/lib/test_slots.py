from __future__ import annotations

import threading

import pytest

from clipset.lib.slots import NoSlotError, Slots


def test_so_many_in_all_and_so_many_for_each() -> None:
    slots = Slots(most=3, each=2)
    held = [slots.take("alice"), slots.take("alice")]
    with pytest.raises(NoSlotError) as own:
        slots.take("alice")
    assert own.value.is_own
    held.append(slots.take("bob"))
    with pytest.raises(NoSlotError) as common:
        slots.take("bob")
    assert not common.value.is_own
    held[0].release()
    slots.take("charlie").release()
    slots.take("alice")


def test_to_release_twice_is_to_release_once() -> None:
    slots = Slots(most=2, each=2)
    first, _second = slots.take("alice"), slots.take("alice")
    first.release()
    first.release()
    slots.take("alice")
    with pytest.raises(NoSlotError):
        slots.take("alice")


def test_who_has_none_is_forgotten() -> None:
    slots = Slots(most=2, each=2)
    slots.take("alice").release()
    assert not slots.taken


def test_threads_do_not_take_more_than_there_are() -> None:
    slots = Slots(most=5, each=5)
    most, lock = [0], threading.Lock()

    def work() -> None:
        for _ in range(300):
            try:
                slot = slots.take("alice")
            except NoSlotError:
                continue
            with lock:
                most[0] = max(most[0], slots.taken.total())
            slot.release()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 0 < most[0] <= 5
    assert not slots.taken
