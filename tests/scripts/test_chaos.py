"""Tests that no video is lost, stuck or processed twice at once when anything is killed at any time
and the disk is full for a while, and that the trash keeps what it has to keep meanwhile."""

from __future__ import annotations

import os
import random
import threading
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests import clips
from tests.parts import without
from tests.processes import wait_for
from tests.scripts.chaos import (
    SHORT,
    UP_WITHIN,
    VICTIMS,
    Course,
    Killer,
    Sender,
    long_course,
    settle,
)
from tests.scripts.remains import check_what_is_left
from tests.scripts.site import answers, healthy, running, started, too_open
from tests.scripts.trash_acts import TrashActs, make_people
from tests.scripts.witness import Witness, ffmpegs

if TYPE_CHECKING:
    from tests.disks import Disk
    from tests.scripts.conftest import Clone

pytestmark = [pytest.mark.ffmpeg, pytest.mark.long]


@pytest.mark.parametrize(
    "course",
    [
        pytest.param(SHORT, id="8 kills"),
        pytest.param(long_course(int(os.environ.get("CHAOS_KILLS", "200"))), id="many kills"),
    ],
)
def test_whatever_is_killed_every_video_that_was_taken_ends_well(
    on_own_disk: Clone, disk: Disk, course: Course
) -> None:
    clone, dice = on_own_disk, random.Random(20261124)
    videos = {
        clips.h264_mp4(seconds=2, size="1920x1080", fps="10", gop=20): {"source", "720p", "480p"},
        clips.hevc_mp4(seconds=20): {"180p"},
        clips.phone_hevc_mov(): {"180p"},
        clips.text_as_mp4(): set[str](),
    }
    cheap = {clips.h264_mp4(): {"source"}, clips.text_as_mp4(): set[str]()}
    with running(clone) as process:
        started(process)
        said: list[str] = []
        threading.Thread(target=said.extend, args=(process.stdout or [],), daemon=True).start()
        make_people(clone)
        sender = Sender(clone, list(videos), course)
        trash = TrashActs(sender, list(cheap), random.Random(dice.random()))
        killer, witness = Killer(clone, dice), Witness(clone)
        for thread in (witness, sender, trash):
            thread.start()
        kill_and_fill(killer, sender, disk, dice)
        last_kill = time.monotonic()
        sender.join()
        trash.end()
        assert process.poll() is None, "".join(said)
        wait_for(lambda: healthy(clone), seconds=UP_WITHIN, name="the site")
        settle(clone, last_kill, course)
        trash.restore_all()
        settle(clone, time.monotonic(), course)
        witness.end()
        wanted = {video.name: names for video, names in (videos | cheap).items()}
        check_what_is_left(clone, wanted, sender.told)
        trash.check()
        assert too_open(clone) == []
        assert not ffmpegs(clone)
    assert len(sender.told) == course.videos
    assert witness.seen
    assert not witness.doubles
    assert not witness.lost
    print(
        f"killed {dict(killer.hits)}, settled {time.monotonic() - last_kill:.0f} s after the last; "
        f"trash: {dict(trash.done)}, {trash.cut_off} cut off"
    )
    if not course.is_short:
        assert set(VICTIMS) <= set(killer.hits)
        assert set(+trash.done) >= {"bob restore", "expire", "root delete-for-good", "root undo"}
    if disk.refusal:
        without(f"all but the full disk was tried: no disk can be mounted here ({disk.refusal})")


def kill_and_fill(killer: Killer, sender: Sender, disk: Disk, dice: random.Random) -> None:
    """Kills at random times, sometimes while the site is still recovering from the last kill.

    After two fifths of the kills the disk is full for a while, and an upload must be refused.
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
