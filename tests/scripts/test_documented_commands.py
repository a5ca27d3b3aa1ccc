"""Runs the commands of docs/operations.md for backups. See test_backup_drill.py, too."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tests import clips
from tests.operations import documented, run_command
from tests.processes import short_folder, wait_for
from tests.scripts.conftest import Clone
from tests.scripts.member import Browser, make_bob, rows, shell
from tests.scripts.site import end, healthy, running, started

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.ffmpeg, pytest.mark.restic, pytest.mark.long]

COMPLETED = "SELECT short_id FROM videos WHERE processing_status = 'COMPLETED'"
DELETE = """
from videos.models import Video
from videos.services.details import delete_video
from videos.services.removing import work_off_removals
delete_video(video=Video.objects.get())
work_off_removals()
"""


def test_a_backup_brings_back_one_video_a_rehearsal_and_the_whole_site(
    installed: Clone, tmp_path: Path
) -> None:
    (tmp_path / "password").write_text("long and random")
    store = {
        "BACKUP_REPOSITORY": str(tmp_path / "store"),
        "BACKUP_PASSWORD_FILE": str(tmp_path / "password"),
    }
    with running(installed, SEED="none") as process, short_folder() as folder:
        started(process)
        make_bob(installed)
        bob = Browser(installed)
        bob.log_in()
        assert bob.upload(clips.h264_mp4(seconds=3))
        wait_for(lambda: rows(installed, COMPLETED), seconds=90, name="the video")
        done = run_command(installed, "scripts/backup", environment=store)
        assert done.returncode == 0, done.stdout
        done = run_command(installed, ".venv/bin/python manage.py backups", environment=store)
        assert (done.returncode, len(done.stdout.splitlines())) == (0, 1), done.stdout

        [(video,)] = rows(installed, COMPLETED)
        shell(installed, DELETE)
        assert rows(installed, COMPLETED) == []
        example = {"4kPz9QwXa2": str(video)}
        done = run_command(
            installed, "scripts/restore --video 4kPz9QwXa2", example, environment=store
        )
        assert done.returncode == 0, done.stdout
        assert rows(installed, COMPLETED) == [(video,)]
        assert bob.ask(f"/v/{video}/")[0] == 200

        rehearse(installed, folder / "rehearsal", store)
        end(installed, process, signal.SIGTERM)
        restore(folder / "elsewhere", store)


def rehearse(clone: Clone, folder: Path, store: dict[str, str]) -> None:
    """Rehearses a restore while the site runs."""
    example = {"/srv/rehearsal": str(folder)}
    done = run_command(
        clone, "scripts/restore --rehearse /srv/rehearsal", example, environment=store
    )
    assert done.returncode == 0, done.stdout
    copy = Clone(folder)
    copy.install()
    with running(copy, documented("/srv/rehearsal/scripts/run", example)) as process:
        started(process)
        assert rows(copy, COMPLETED) == rows(clone, COMPLETED)
        assert healthy(copy)
        assert healthy(clone)
        end(copy, process, signal.SIGTERM)


def restore(folder: Path, store: dict[str, str]) -> None:
    folder.mkdir()
    clone = Clone(folder)
    clone.install()
    done = run_command(
        clone,
        "BACKUP_REPOSITORY=/mnt/backup/clipset "
        "BACKUP_PASSWORD_FILE=/etc/clipset/backup-password scripts/restore",
        {
            "/mnt/backup/clipset": store["BACKUP_REPOSITORY"],
            "/etc/clipset/backup-password": store["BACKUP_PASSWORD_FILE"],
        },
    )
    assert done.returncode == 0, done.stdout
    with running(clone) as process:
        started(process)
        assert len(rows(clone, COMPLETED)) == 1
        assert healthy(clone)
        end(clone, process, signal.SIGTERM)
