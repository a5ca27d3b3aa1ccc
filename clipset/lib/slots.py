"""At most so many at once, and at most so many for one member."""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable


class NoSlotError(Exception):
    """All are taken. `is_own`: by this very member."""

    def __init__(self, *, is_own: bool) -> None:
        super().__init__("no slot")
        self.is_own = is_own


class Slots:
    """Counts what goes on in this process: `most` in all, `each` for one member."""

    def __init__(self, *, most: int, each: int) -> None:
        self.most = most
        self.each = each
        self.taken: Counter[Hashable] = Counter()
        self.lock = threading.Lock()

    def take(self, member: Hashable, *, leaving: int = 0) -> Slot:
        """Raises NoSlotError at once rather than wait: also when no more than `leaving` are free,
        which are for others."""
        with self.lock:
            if self.taken[member] >= self.each:
                raise NoSlotError(is_own=True)
            if self.taken.total() >= self.most - leaving:
                raise NoSlotError(is_own=False)
            self.taken[member] += 1
        return Slot(self, member)


class Slot:
    """One that is taken, until `release`; more than one release is one."""

    def __init__(self, slots: Slots, member: Hashable) -> None:
        self.slots = slots
        self.member = member
        self.is_held = True

    def release(self) -> None:
        with self.slots.lock:
            if self.is_held:
                self.is_held = False
                self.slots.taken[self.member] -= 1
                self.slots.taken += Counter()  # forgets who has none
