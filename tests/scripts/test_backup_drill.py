"""A site under work is backed up, the backup is killed, taken again, and restored elsewhere: every
row and every byte are compared, and the restored site goes on with what was waiting."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import clips
from tests.folders import files_below
from tests.processes import short_folder, wait_for
from tests.scripts.conftest import Clone
from tests.scripts.member import Browser, make_bob, rows
from tests.scripts.remains import check_plays, is_tidy
from tests.scripts.site import end, get, running, started

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.long, pytest.mark.ffmpeg, pytest.mark.restic]

VIDEOS = 8


@pytest.fixture
def elsewhere() -> Iterator[Clone]:
    with short_folder() as folder:
        root = folder / "restored"
        root.mkdir()
        made = Clone(root.resolve())
        made.install()
        yield made


def content(media: Path) -> dict[str, bytes]:
    found = {str(path.relative_to(media)): path.read_bytes() for path in files_below(media)}
    return {name: body for name, body in found.items() if not name.startswith("temp/job-")}


def test_a_backup_of_a_busy_site_restores_all_that_it_had_acknowledged(
    installed: Clone, elsewhere: Clone, tmp_path: Path
) -> None:
    (tmp_path / "password").write_text("long and random")
    store = {
        "BACKUP_REPOSITORY": str(tmp_path / "store"),
        "BACKUP_PASSWORD_FILE": str(tmp_path / "password"),
    }
    kinds = [clips.h264_mp4(seconds=4), clips.hevc_mp4()]
    told: list[str] = []
    backed_up = threading.Event()

    def upload() -> None:
        bob = Browser(installed)
        bob.log_in()
        number = 0
        while not backed_up.is_set() and number < VIDEOS:
            address = bob.upload(kinds[number % 2])
            assert address is not None
            told.append(address)
            number += 1

    with running(installed, SEED="none") as process:
        started(process)
        make_bob(installed)
        uploader = threading.Thread(target=upload)
        uploader.start()
        wait_for(lambda: len(told) >= 2, seconds=120, name="two uploads")
        kill_a_backup(installed, store)
        acknowledged = list(told)
        said = run(installed, "scripts/backup", **store)
        backed_up.set()
        uploader.join()
        assert "Backup " in said
        end(installed, process, signal.SIGTERM)

    run(elsewhere, "scripts/restore", **store)
    videos = rows(elsewhere, "SELECT short_id FROM videos")
    assert {address.split("/")[2] for address in acknowledged} <= {str(one) for (one,) in videos}
    live, back = content(installed.root / "media"), content(elsewhere.root / "media")
    # Sources that waited have gone their way on the live site since.
    both = back.keys() & live.keys()
    assert {name: back[name] for name in both} == {name: live[name] for name in both}
    assert {name.partition("/")[0] for name in back.keys() - live.keys()} <= {"temp"}
    with running(elsewhere, SEED="none") as process:
        started(process)
        wait_for(lambda: is_tidy(elsewhere), seconds=300, name="the end of what waited")
        assert get(elsewhere, "/login/") == 200
        ready = rows(elsewhere, "SELECT COUNT(*) FROM videos WHERE processing_status='COMPLETED'")
        assert ready == [(len(videos),)]
        for (filename,) in rows(elsewhere, "SELECT filename FROM renditions"):
            check_plays(elsewhere.root / "media/videos" / str(filename))
        end(elsewhere, process, signal.SIGTERM)


def kill_a_backup(clone: Clone, store: dict[str, str]) -> None:
    """With kill -9, while restic writes."""
    with subprocess.Popen(
        ["scripts/backup"],
        cwd=clone.root,
        env=clone.environment | store,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        data = Path(store["BACKUP_REPOSITORY"]) / "data"
        wait_for(lambda: data.is_dir() and any(data.iterdir()), seconds=60, name="its store")
        os.killpg(process.pid, signal.SIGKILL)


def run(clone: Clone, script: str, **environment: str) -> str:
    done = subprocess.run(
        [script],
        cwd=clone.root,
        env=clone.environment | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
