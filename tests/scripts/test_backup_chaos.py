"""Backups at random times of a site whose parts are killed all the time.

Each restores to a site with every upload that had been acknowledged before the backup began.
"""

from __future__ import annotations

import random
import shutil
import signal
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pytest

from tests import clips
from tests.processes import wait_for
from tests.scripts.backups import run, snapshot_of, store_in
from tests.scripts.chaos import Chaos, Course, Killer, Sender, settle
from tests.scripts.member import make_bob, rows
from tests.scripts.remains import check_what_is_left
from tests.scripts.site import end, healthy, running, started

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.scripts.conftest import Clone

pytestmark = [pytest.mark.long, pytest.mark.ffmpeg, pytest.mark.restic]

BACKUPS: Final = 5
COURSE: Final = Course(kills=40, videos=20, pause=2.5, full=0, is_short=True)


@dataclass(frozen=True)
class Taken:
    """A backup, and the addresses of the uploads acknowledged before it."""

    snapshot: str
    told: list[str]


def test_backups_at_random_instants_of_the_chaos_lose_no_upload(
    make_clone: Callable[[], Clone], tmp_path: Path
) -> None:
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    videos = {
        clips.h264_mp4(): {"source"},
        clips.phone_hevc_mov(): {"180p"},
        clips.hevc_mp4(seconds=20): {"180p"},
    }
    clone, store = make_clone(), store_in(tmp_path)
    taken = take_backups(clone, list(videos), store, random.Random(seed))
    restored = make_clone()
    wanted = {video.name: names for video, names in videos.items()}
    unfinished = 0
    for backup in taken:
        run(restored, "scripts/restore", backup.snapshot, "--replace", **store)
        for aside in (restored.root / "data").glob("replaced-*"):
            shutil.rmtree(aside)
        [(waiting,)] = rows(
            restored, "SELECT COUNT(*) FROM videos WHERE processing_status <> 'COMPLETED'"
        )
        unfinished += int(str(waiting))
        check_goes_on(restored, wanted, backup.told)
    assert unfinished, "every video was finished in every backup"
    print(f"{[len(backup.told) for backup in taken]} uploads, {unfinished} of them unfinished")


def take_backups(
    clone: Clone, videos: list[Path], store: dict[str, str], dice: random.Random
) -> list[Taken]:
    """Takes backups while bob uploads and parts of the site are killed."""
    taken: list[Taken] = []
    with running(clone) as process:
        started(process)
        threading.Thread(target=list, args=(process.stdout or [],), daemon=True).start()
        make_bob(clone)
        sender = Sender(clone, videos, COURSE)
        chaos = Chaos(Killer(clone, random.Random(dice.random())), COURSE.pause)
        sender.start()
        wait_for(lambda: sender.told, seconds=60, name="an upload")
        chaos.start()
        for _ in range(BACKUPS):
            time.sleep(dice.uniform(0, 8))
            taken.append(take_backup(clone, sender, store))
        chaos.end()
        sender.over.set()
        hits = dict(chaos.killer.hits)
        print(f"killed {hits}")
        assert sum(hits.values()) > BACKUPS
    return taken


def take_backup(clone: Clone, sender: Sender, store: dict[str, str]) -> Taken:
    told = list(sender.told)
    return Taken(snapshot_of(run(clone, "scripts/backup", **store)), told)


def check_goes_on(clone: Clone, videos: dict[str, set[str]], told: list[str]) -> None:
    """Checks that the restored site starts, finishes its jobs, and has everything in the end."""
    with running(clone) as process:
        started(process)
        wait_for(lambda: healthy(clone), name="the site's health")
        settle(clone, time.monotonic(), COURSE)
        check_what_is_left(clone, videos, told)
        end(clone, process, signal.SIGTERM)
