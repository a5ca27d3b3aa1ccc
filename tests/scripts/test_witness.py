"""The witness of the chaos test detects two workers that run FFmpeg for one video, and rows whose
files are not there."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

import pytest

from tests import clips
from tests.processes import wait_for
from tests.scripts.remains import lost_files
from tests.scripts.witness import Witness, ffmpegs

if TYPE_CHECKING:
    from pathlib import Path

    from tests.scripts.conftest import Clone

pytestmark = pytest.mark.ffmpeg


@pytest.mark.parametrize(
    ("jobs", "are_of_two_workers", "are_doubles"),
    [
        (("job-1/000001-a", "job-1/000002-b"), True, True),
        (("job-1/000001-a", "job-1/000002-b"), False, False),
        (("job-1/000001-a", "job-12/000001-c"), True, False),
    ],
)
def test_two_workers_at_one_job_are_seen_and_at_two_jobs_are_fine(
    clone: Clone, jobs: tuple[str, str], are_of_two_workers: bool, are_doubles: bool
) -> None:
    clip = clips.h264_mp4(seconds=4)
    ffmpeg = shutil.which("ffmpeg")
    assert ffmpeg
    witness = Witness(clone)
    with ExitStack() as running:
        for job in jobs:
            folder = clone.root / "media/temp" / job
            folder.mkdir(parents=True)
            out = folder / "720p.mp4"
            copy: list[str | Path] = [ffmpeg, "-v", "quiet", "-re", "-i", clip, "-c", "copy", out]
            # A shell that waits is another parent.
            worker = ["sh", "-c", '"$@" & wait', "worker"] if are_of_two_workers else []
            started = subprocess.Popen(
                [*worker, *copy], stdin=subprocess.DEVNULL, start_new_session=True
            )
            running.enter_context(started)
            running.callback(os.killpg, started.pid, signal.SIGKILL)
        wait_for(lambda: len(ffmpegs(clone)) == 2, name="both")
        witness.start()
        wait_for(lambda: len(witness.seen) == len({job.split("/")[0] for job in jobs}))
        if are_doubles:
            wait_for(lambda: witness.doubles, seconds=2, name="the report")
        witness.end()
    assert bool(witness.doubles) == are_doubles
    wait_for(lambda: not ffmpegs(clone), name="their end")


def test_a_row_whose_file_is_missing_is_seen(clone: Clone) -> None:
    for folder in ("data", "media/videos"):
        (clone.root / folder).mkdir(parents=True)
    with closing(sqlite3.connect(clone.root / "data/clipset.db")) as database, database:
        columns = "source_key, thumbnail_filename, storyboard_filename, original_key"
        database.execute(f"CREATE TABLE videos ({columns})")
        database.execute("CREATE TABLE renditions (filename, is_complete)")
        database.execute("INSERT INTO renditions VALUES ('here.mp4', 1), ('growing.mp4', 0)")
        (clone.root / "media/videos/here.mp4").touch()
        assert lost_files(clone) == set()
        database.execute("INSERT INTO renditions VALUES ('lost.mp4', 1)")
    witness = Witness(clone)
    witness.start()
    wait_for(lambda: witness.lost, name="the report")
    witness.end()
    assert witness.lost == {"videos/lost.mp4"}
