"""A limit on concurrent work in this process, in all and per member."""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable


class NoSlotError(Exception):
    """No slot is free. `is_own`: because this member holds as many as one member may."""

    def __init__(self, *, is_own: bool) -> None:
        super().__init__("no slot")
        self.is_own = is_own


class Slots:
    """Counts concurrent work in this process: at most `most` in all and `each` per member."""

    def __init__(self, *, most: int, each: int) -> None:
        self.most = most
        self.each = each
        self.taken: Counter[Hashable] = Counter()
        self.lock = threading.Lock()

    def take(self, member: Hashable, *, leaving: int = 0) -> Slot:
        """Takes a slot without waiting.

        Args:
            leaving: slots that must stay free for others.

        Raises: NoSlotError.
        """
        with self.lock:
            if self.taken[member] >= self.each:
                raise NoSlotError(is_own=True)
            if self.taken.total() >= self.most - leaving:
                raise NoSlotError(is_own=False)
            self.taken[member] += 1
        return Slot(self, member)


class Slot:
    """A slot that is held until `release`. Releasing it again does nothing."""

    def __init__(self, slots: Slots, member: Hashable) -> None:
        self.slots = slots
        self.member = member
        self.is_held = True

    def release(self) -> None:
        with self.slots.lock:
            if self.is_held:
                self.is_held = False
                self.slots.taken[self.member] -= 1
                self.slots.taken += Counter()  # drops members with no slots
