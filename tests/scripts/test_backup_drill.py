"""Backup drill of a site with uploads, encodes, comments and deletions.

A backup is killed, taken again and restored elsewhere. Every row and byte is compared, and the
restored site starts, plays videos and continues its waiting jobs.
"""

from __future__ import annotations

import shutil
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests import clips
from tests.parts import without
from tests.processes import wait_for
from tests.projects import sqlite_url
from tests.scripts.at_work import Members, Peak, timed
from tests.scripts.backups import kill_a_backup, run, snapshot_of, store_in
from tests.scripts.member import make_bob, rows, shell
from tests.scripts.remains import check_plays
from tests.scripts.sender import Sender
from tests.scripts.site import end, get, running, started
from tests.truth import (
    Keeper,
    check_files,
    check_rows,
    check_told,
    stored_tables,
    tables_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.scripts.conftest import Clone

pytestmark = [pytest.mark.long, pytest.mark.ffmpeg, pytest.mark.restic]

MEGABYTES: Final = 27  # of a heavy video
# Sources, their videos, the repository and the restored site are all kept.
NEEDED_BYTES: Final = 30 * 1024**3
RAISE_LIMITS = """
from siteconfig.models import Config
Config.objects.update(weekly_upload_limit_bytes=2**40)
"""


@dataclass(frozen=True)
class Size:
    """The size of a drill.

    How many videos are uploaded, after how many uploads one is deleted, how many exist before the
    first backup, at how many bytes in the repository that backup is killed, and how many seconds
    the restored site may take.
    """

    videos: int
    delete_each: int
    before: int
    killed_at: int
    settled_within: float
    is_heavy: bool


SMALL: Final = Size(
    videos=12, delete_each=4, before=3, killed_at=1, settled_within=240, is_heavy=False
)
LARGE: Final = Size(
    videos=216,
    delete_each=16,
    before=160,
    killed_at=1_500_000_000,
    settled_within=600,
    is_heavy=True,
)


def light(number: int) -> Path:
    return [clips.h264_mp4(seconds=4), clips.hevc_mp4()][number % 2]


def heavy(number: int) -> Path:
    """Returns a clip; one in twenty has to be encoded."""
    if number % 20 == 19:
        return clips.hevc_mp4()
    for old in clips.folder().glob("heavy-*"):
        old.unlink()
    return clips.noisy_mp4(MEGABYTES)


def test_a_backup_of_a_busy_site_restores_all_that_it_had_acknowledged(
    make_clone: Callable[[], Clone], tmp_path: Path
) -> None:
    drill(make_clone, tmp_path, SMALL)


# The database is small compared with the files.
@pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
def test_five_gigabytes_and_200_videos_come_back(
    make_clone: Callable[[], Clone], tmp_path: Path
) -> None:
    free = shutil.disk_usage(tmp_path).free
    if free < NEEDED_BYTES:
        without(f"{NEEDED_BYTES // 1024**3} GiB are needed, {free // 1024**3} GiB are free")
    try:
        drill(make_clone, tmp_path, LARGE)
    finally:
        shutil.rmtree(tmp_path, ignore_errors=True)


def drill(make_clone: Callable[[], Clone], tmp_path: Path, size: Size) -> None:
    clone, store = make_clone(), store_in(tmp_path)
    peak = Peak(clone)
    peak.start()
    with running(clone) as process:
        started(process)
        make_bob(clone)
        shell(clone, RAISE_LIMITS)
        clip = heavy if size.is_heavy else light
        members = Members(clone, clip, videos=size.videos, delete_each=size.delete_each)
        # On the clone's disk.
        keeper = Keeper(clone.root / "media", clone.root.parent / "kept")
        keeper.start()
        half = Sender(clone)
        half.begin(clips.h264_mp4(seconds=3))
        half.send(0, len(half.video) // 2)
        members.start()
        wait_for(lambda: members.has_uploaded(size.before), seconds=600, name="uploads")
        kill_a_backup(clone, store, size.killed_at)
        first, _ = timed(lambda: run(clone, "scripts/backup", **store))
        before = members.told.copy()
        second, said = timed(lambda: run(clone, "scripts/backup", **store))
        after = members.told.copy()
        members.end()
        end(clone, process, signal.SIGTERM)
    peak.end()
    keeper.end()
    print(f"\nbackup {first:.1f} s, the next {second:.1f} s, peak bytes {peak.most}")
    print(said.strip().splitlines()[-1])
    snapshot = snapshot_of(said)
    if size.is_heavy:
        shutil.rmtree(clone.root / "media")  # the hard links to its files stay
    restored = make_clone()
    peak = Peak(restored)
    peak.start()
    seconds, said = timed(lambda: run(restored, "scripts/restore", **store))
    peak.end()
    print(f"restore {seconds:.1f} s, peak bytes {peak.most}")
    assert "Everything matches the backup." in said
    stored = stored_tables(store, snapshot, tmp_path)
    url = restored.url or sqlite_url(restored.root / "data/clipset.db")
    same = check_rows(stored, tables_of(url))
    compared = check_files(keeper, restored.root / "media")
    print(f"{same} rows and {compared} bytes are the same")
    videos = {str(short_id) for (short_id,) in rows(restored, "SELECT short_id FROM videos")}
    comments = {str(text) for (text,) in rows(restored, "SELECT text FROM comments")}
    check_told(before, after, videos, comments)
    check_goes_on(restored, half, videos, size)


def check_goes_on(clone: Clone, half: Sender, videos: set[str], size: Size) -> None:
    """Checks that the site starts, plays, takes the rest of an upload and finishes waiting jobs."""
    with running(clone) as process:
        started(process)
        half.browser.address = f"http://127.0.0.1:{clone.port}"
        half.browser.log_in()
        offset = half.offset()
        assert offset >= len(half.video) // 2
        half.send(offset)
        unfinished = "SELECT short_id FROM videos WHERE processing_status <> 'COMPLETED'"
        jobs = "SELECT id FROM jobs WHERE state IN ('WAITING', 'RUNNING')"
        waiting = len(rows(clone, unfinished))
        wait_for(
            lambda: not rows(clone, unfinished) and not rows(clone, jobs),
            seconds=size.settled_within,
            name="the end of what waited",
        )
        found = {str(short_id) for (short_id,) in rows(clone, "SELECT short_id FROM videos")}
        assert len(found - videos) == 1  # the half uploaded one
        assert get(clone, "/login/") == 200
        for short_id in found:
            status, page = half.browser.ask(f"/v/{short_id}/")
            assert (status, b"<video" in page) == (200, True)
        for (filename,) in rows(clone, "SELECT filename FROM renditions"):
            check_plays(clone.root / "media/videos" / str(filename))
        print(f"{waiting} of {len(found)} videos were finished after the restore")
        end(clone, process, signal.SIGTERM)
