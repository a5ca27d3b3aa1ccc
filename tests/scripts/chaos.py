"""Kills parts of a running site at random while a member uploads videos."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from tests.scripts.member import Browser, NoFormError, shell
from tests.scripts.remains import is_tidy, unsettled
from tests.scripts.site import (
    BACK_WITHIN,
    MAIN,
    QUEUE,
    QUEUE_WORKER,
    SENTINEL,
    SUPERVISOR,
    WEB,
    WEB_WORKER,
    cast,
)
from tests.scripts.witness import ffmpegs

if TYPE_CHECKING:
    from pathlib import Path

    from tests.scripts.conftest import Clone

SETTLED_WITHIN: Final = 180  # seconds after the last kill, as promised
# A supervisord that dies again and again is started again after up to half a minute (scripts/run).
UP_WITHIN: Final = BACK_WITHIN + 31  # seconds
FFMPEG, ALL = "ffmpeg", "all at once"
# What to kill: a part of the site, any FFmpeg, or everything but scripts/run itself.
VICTIMS: Final = (QUEUE_WORKER, FFMPEG, WEB_WORKER, SENTINEL, ALL, QUEUE, WEB, SUPERVISOR)

# Backups are not killed with everything else, because on a busy machine none would finish.
SPARED: Final = ("scripts/backup", "manage.py backup", "restic")


@dataclass(frozen=True)
class Course:
    """How much happens: numbers of kills and videos.

    `pause` is the longest time between two kills and `full` how long the disk is full, in seconds.
    A short course does not wait for the schedule that runs each minute.
    """

    kills: int
    videos: int
    pause: float
    full: float
    is_short: bool


SHORT = Course(kills=8, videos=4, pause=1.5, full=2, is_short=True)  # each victim once


def long_course(kills: int) -> Course:
    return Course(kills=kills, videos=kills // 5, pause=3.4, full=kills / 4, is_short=False)


@dataclass
class Sender(threading.Thread):
    """The member bob, who uploads one video after the other and repeats what fails.

    `told` has the addresses of videos that the site acknowledged, `turned_away` counts refusals.
    """

    clone: Clone
    videos: list[Path]
    course: Course
    told: list[str] = field(default_factory=list)
    turned_away: int = 0
    over: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        super().__init__(daemon=True)

    __hash__ = threading.Thread.__hash__

    def run(self) -> None:
        bob = Browser(self.clone)
        course = self.course
        pause = 0.8 * course.kills * course.pause / course.videos  # spread over all the kills
        deadline = time.monotonic() + 900
        while self._goes_on(deadline):
            try:
                if b"/login/" in bob.ask("/upload/")[1] or not self.told:
                    bob.log_in()
                url = bob.upload(self.videos[len(self.told) % len(self.videos)])
            except (OSError, ValueError) as error:
                self.turned_away += isinstance(error, NoFormError)
                time.sleep(0.3)
                continue
            if url:
                self.told.append(url)
            else:
                self.turned_away += 1
            self.over.wait(pause)

    def _goes_on(self, deadline: float) -> bool:
        has_more = len(self.told) < self.course.videos and time.monotonic() < deadline
        return has_more and not self.over.is_set()


class Killer:
    """Kills one part after the other in random order, and counts the kills of each."""

    def __init__(self, clone: Clone, dice: random.Random) -> None:
        self.clone = clone
        self.dice = dice
        self.hits: Counter[str | int] = Counter()
        self._next: list[str | int] = []

    def kill(self) -> None:
        victim, alive = self._choose()
        for process in alive if victim == ALL else [self.dice.choice(alive)]:
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                continue
            self.hits[victim] += 1

    def _choose(self) -> tuple[str | int, list[int]]:
        """Returns the next part that runs, and its processes; parts that are down come later."""
        deadline = time.monotonic() + UP_WITHIN
        while time.monotonic() < deadline:
            if len(self._next) <= len(VICTIMS):
                self._next += self.dice.sample(VICTIMS, len(VICTIMS))
            for victim in self._next:
                if alive := self._alive(victim):
                    self._next.remove(victim)
                    return victim, alive
            time.sleep(0.05)
        raise AssertionError(f"there is nobody left to kill: {self.clone.processes()}")

    def _alive(self, victim: str | int) -> list[int]:
        parts = cast(self.clone)
        if isinstance(victim, int):
            return parts[victim]
        every = [
            process
            for process, (_, command) in self.clone.processes().items()
            if process not in parts[MAIN] and not any(name in command for name in SPARED)
        ]
        making = list(ffmpegs(self.clone))
        return making if victim == FFMPEG else every + making


class Chaos(threading.Thread):
    """Kills one part after the other in a thread; `pause` is the longest one, in seconds."""

    def __init__(self, killer: Killer, pause: float) -> None:
        super().__init__(daemon=True)
        self.killer = killer
        self._pause = pause
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.wait(self.killer.dice.uniform(0.1, self._pause)):
            self.killer.kill()

    def end(self) -> None:
        self._over.set()
        self.join()


def settle(clone: Clone, since: float, course: Course) -> None:
    """Waits until all work is done, at most as long as promised."""
    while not is_tidy(clone):
        left = since + SETTLED_WITHIN - time.monotonic()
        assert left > 0, f"not settled: {unsettled(clone)}"
        if course.is_short:
            shell(clone, "from videos.tasks import look_after_jobs; look_after_jobs()")
        time.sleep(min(2, left))
