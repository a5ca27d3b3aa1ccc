"""Kill anything, at any moment, fill the disk: no film is lost, stuck, or made by two at once."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import pytest

from tests import clips
from tests.parts import without
from tests.processes import wait_for
from tests.scripts.member import Browser, NoForm, make_bob, shell
from tests.scripts.remains import check_what_is_left, is_tidy, unsettled
from tests.scripts.site import (
    BACK_WITHIN,
    MAIN,
    QUEUE,
    QUEUE_WORKER,
    SENTINEL,
    SUPERVISOR,
    WEB,
    WEB_WORKER,
    answers,
    cast,
    healthy,
    running,
    started,
    too_open,
)
from tests.scripts.witness import Witness, ffmpegs

if TYPE_CHECKING:
    from pathlib import Path

    from tests.disks import Disk
    from tests.scripts.conftest import Clone

pytestmark = pytest.mark.ffmpeg

SETTLED_WITHIN: Final = 180  # seconds after the last kill, as promised
# A supervisord that dies again and again is started again after up to half a minute (scripts/run).
UP_WITHIN: Final = BACK_WITHIN + 31  # seconds
FFMPEG, ALL = "ffmpeg", "all at once"
# Whom to kill: a part of the site, any FFmpeg, everything but scripts/run itself.
VICTIMS: Final = (QUEUE_WORKER, FFMPEG, WEB_WORKER, SENTINEL, ALL, QUEUE, WEB, SUPERVISOR)


@dataclass(frozen=True)
class Course:
    """How much of it: kills, films, the longest pause between two kills and the time for which
    the disk is full, in seconds. A short one does not wait for the minute's schedule."""

    kills: int
    films: int
    pause: float
    full: float
    is_short: bool


SHORT = Course(kills=10, films=6, pause=1.5, full=2, is_short=True)
LONG = Course(kills=200, films=40, pause=3.4, full=50, is_short=False)


@dataclass
class Sender(threading.Thread):
    """bob, who uploads one film after the other; what breaks is tried again, as a person would.

    `told` are the addresses of those that the site said it has; `turned_away` counts its refusals.
    """

    clone: Clone
    films: list[Path]
    course: Course
    told: list[str] = field(default_factory=list)
    turned_away: int = 0

    def __post_init__(self) -> None:
        super().__init__(daemon=True)

    __hash__ = threading.Thread.__hash__

    def run(self) -> None:
        bob = Browser(self.clone)
        course = self.course
        pause = 0.8 * course.kills * course.pause / course.films  # spread over all the kills
        deadline = time.monotonic() + 900
        while len(self.told) < course.films and time.monotonic() < deadline:
            try:
                if b"/login/" in bob.ask("/upload/")[1] or not self.told:
                    bob.log_in()
                url = bob.upload(self.films[len(self.told) % len(self.films)])
            except (OSError, ValueError) as error:
                self.turned_away += isinstance(error, NoForm)
                time.sleep(0.3)
                continue
            if url:
                self.told.append(url)
            else:
                self.turned_away += 1
            time.sleep(pause)


class Killer:
    """Kills a part after the other, as the dice fall, and counts whom it hit."""

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
        """One of the parts whose turn it is, of those that live; the others' turn comes later."""
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
        every = [process for process in self.clone.processes() if process not in parts[MAIN]]
        making = list(ffmpegs(self.clone))
        return making if victim == FFMPEG else every + making


@pytest.mark.parametrize(
    "course",
    [
        pytest.param(SHORT, id="10 kills"),
        pytest.param(LONG, id="200 kills", marks=pytest.mark.long),
    ],
)
def test_whatever_is_killed_every_film_that_was_taken_ends_well(
    on_own_disk: Clone, disk: Disk, course: Course
) -> None:
    clone, dice = on_own_disk, random.Random(20261124)
    films = {
        clips.h264_mp4(seconds=2, size="1920x1080"): {"source", "720p", "480p"},
        clips.hevc_mp4(seconds=20): {"180p"},
        clips.phone_hevc_mov(): {"180p"},
        clips.text_as_mp4(): set[str](),
    }
    with running(clone) as process:
        started(process)
        said: list[str] = []
        threading.Thread(target=said.extend, args=(process.stdout or [],), daemon=True).start()
        make_bob(clone)
        sender = Sender(clone, list(films), course)
        killer, witness = Killer(clone, dice), Witness(clone)
        witness.start()
        sender.start()
        kill_and_fill(killer, sender, disk, dice)
        last_kill = time.monotonic()
        sender.join()
        assert process.poll() is None, "".join(said)
        wait_for(lambda: healthy(clone), seconds=UP_WITHIN, name="the site")
        settle(clone, last_kill, course)
        witness.end()
        wanted = {film.name: names for film, names in films.items()}
        check_what_is_left(clone, wanted, sender.told)
        assert too_open(clone) == []
        assert not ffmpegs(clone)
    assert len(sender.told) == course.films
    assert witness.seen
    assert not witness.doubles
    print(
        f"killed {dict(killer.hits)}, settled {time.monotonic() - last_kill:.0f} s after the last"
    )
    if not course.is_short:
        assert set(VICTIMS) <= set(killer.hits)
    if disk.refusal:
        without(f"all but the full disk was tried: no disk can be mounted here ({disk.refusal})")


def kill_and_fill(killer: Killer, sender: Sender, disk: Disk, dice: random.Random) -> None:
    """The dice say when: some kills come while the site is still on its way back from the last.

    After two fifths of them the disk is full for a while, in which an upload is turned away.
    """
    clone, course = sender.clone, sender.course
    full_until = 0.0
    with ExitStack() as fullness:
        for number in range(course.kills):
            if dice.random() < 0.7:
                wait_for(lambda: answers(clone), seconds=UP_WITHIN, name="an answer")
            if number == course.kills * 2 // 5 and not disk.refusal:
                fullness.enter_context(disk.full())
                full_until, sender.turned_away = time.monotonic() + course.full, 0
                wait_for(lambda: sender.turned_away, name="a refusal for want of room")
            elif 0 < full_until < time.monotonic():
                fullness.close()
            time.sleep(dice.uniform(0.1, course.pause))
            killer.kill()


def settle(clone: Clone, since: float, course: Course) -> None:
    """Waits until all is done and tidied up, no longer than was promised."""
    while not is_tidy(clone):
        left = since + SETTLED_WITHIN - time.monotonic()
        assert left > 0, f"not settled: {unsettled(clone)}"
        if course.is_short:
            shell(clone, "from videos.tasks import look_after_jobs; look_after_jobs()")
        time.sleep(min(2, left))
