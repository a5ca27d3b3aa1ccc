"""Runs scripts/run: what it starts, what it survives and what it leaves behind."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import time
import urllib.request
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests import clips
from tests.operations import documented, run_command
from tests.parts import require, without
from tests.processes import wait_for
from tests.scripts.member import Browser, change, make_bob, manage, rows, shell
from tests.scripts.site import (
    BACK_WITHIN,
    QUEUE,
    QUEUE_WORKER,
    SENTINEL,
    SUPERVISOR,
    WEB,
    WEB_WORKER,
    answers,
    cast,
    children,
    end,
    get,
    is_whole,
    logs,
    none_runs,
    processor_seconds,
    running,
    started,
    too_open,
    umasks,
)
from tests.scripts.witness import ffmpegs

if TYPE_CHECKING:
    from pathlib import Path

    from tests.disks import Disk
    from tests.scripts.conftest import Clone

pytestmark = pytest.mark.ffmpeg  # which start-up looks for

MAKE_SAMPLES = """
from accounts.models import User
from videos.models import Video
admin = User.objects.create_superuser("admin", "admin@example.com", "admin123", is_sample=True)
Video.objects.create(
    uploaded_by=admin, title="A sample", filename="sample.mp4", original_filename="sample.mp4",
    file_size_bytes=1, processing_status="COMPLETED", is_sample=True,
)
"""


# Templates and modules, some of which are not read before the first request of a page.
PULLED = (
    "templates/accounts/login.html",
    "templates/accounts/password_reset.html",
    "templates/404.html",
    "templates/plain_page.html",
    "accounts/views/__init__.py",
    "accounts/urls.py",
    "videos/urls.py",
    "videos/views/browse.py",
    "siteconfig/context.py",
)


TOKEN = "a-token-of-the-monitor"


def check_documented_commands(clone: Clone) -> None:
    """Runs the commands of docs/operations.md that need a running site."""
    require("curl")
    here = {"curl": "curl --silent", ":8000": f":{clone.port}"}
    done = run_command(clone, "curl --fail http://127.0.0.1:8000/healthz", here)
    assert (done.returncode, done.stdout.strip()) == (0, "ok")
    done = run_command(
        clone,
        'curl -H "Authorization: Bearer $READYZ_TOKEN" http://127.0.0.1:8000/readyz',
        here,
        {"READYZ_TOKEN": TOKEN},
    )
    said = json.loads(done.stdout)
    assert said["status"] == "ok"
    assert {"database", "migrations", "workers", "roots", "backup"} <= said["checks"].keys()

    done = run_command(
        clone, ".venv/bin/python -m supervisor.supervisorctl -c deploy/supervisord.conf status"
    )
    states = re.findall(r"^clipset:(\w+) +RUNNING ", done.stdout, re.MULTILINE)
    assert sorted(states) == ["queue", "transcode", "web"]
    done = run_command(
        clone,
        ".venv/bin/python -m supervisor.supervisorctl -c deploy/supervisord.conf "
        "restart clipset:queue",
    )
    assert "clipset:queue: started" in done.stdout
    wait_for(lambda: is_whole(clone), seconds=BACK_WITHIN, name="the queue")

    with urllib.request.urlopen(f"http://127.0.0.1:{clone.port}/login/") as answer:
        example = {"3f2a9c0d4e5b6a71": answer.headers["X-Request-ID"]}
    wait_for(
        lambda: (
            "GET /login/" in run_command(clone, "grep -r 3f2a9c0d4e5b6a71 data/log", example).stdout
        ),
        name="its line in the access log",
    )


def test_a_start_makes_what_is_missing(
    without_database: Clone,
) -> None:
    installed = without_database
    command = documented("scripts/run")
    with running(installed, command, SEED="none", READYZ_TOKEN=TOKEN) as process:
        said = started(process)
        assert f"Clipset is running at http://127.0.0.1:{installed.port}" in said
        wait_for(lambda: is_whole(installed), name="all processes")
        check_documented_commands(installed)

        # Only the owner may read the settings file, and another start may use another port.
        env_file = installed.root / ".env"
        assert stat.S_IMODE(env_file.stat().st_mode) == 0o600
        assert re.search(r"^SECRET_KEY=\S{50,}$", env_file.read_text(), re.MULTILINE)
        assert "PORT" not in env_file.read_text()
        assert stat.S_IMODE((installed.root / "data/run").stat().st_mode) == 0o700

        # There is no admin yet: the one-time link is shown, and is in no file.
        [link] = re.findall(rf"http://127.0.0.1:{installed.port}/(register/\S+)", said)
        token = link.split("/")[1]
        assert get(installed, f"/{link}") == 200
        assert get(installed, "/s/secret-of-a-guest/") in {200, 302, 404}
        # A shell without PORT prints the same address.
        assert f"http://127.0.0.1:{installed.port}/register/" in manage(installed, "setup_link")
        wait_for(lambda: "GET /s/…" in logs(installed), name="the access log")
        assert "GET /register/…" in logs(installed)
        assert token not in logs(installed)
        assert "secret-of-a-guest" not in logs(installed)

        # Files are writable for the user and readable for the group only.
        assert umasks(installed) == {"0027"}
        assert too_open(installed) == []

        # What a git pull changes takes effect at the next start, also in processes that are
        # started meanwhile.
        kept = {name: (installed.root / name).read_text() for name in PULLED}
        for name in PULLED:
            (installed.root / name).write_text("{% broken %} = broken")
        [first, _] = cast(installed)[WEB_WORKER]
        os.kill(first, signal.SIGKILL)
        wait_for(lambda: first not in cast(installed)[WEB_WORKER], name="its end")
        wait_for(lambda: is_whole(installed), seconds=BACK_WITHIN, name="another one")
        for _ in range(6):  # by either process
            assert get(installed, "/login/") == 200
            assert get(installed, "/password-reset/") == 200
            assert get(installed, "/nothing-here") in {302, 404}
        for name, text in kept.items():
            (installed.root / name).write_text(text)

        # A second start in the same folder is refused.
        assert "already running in this folder" in installed.refusal()
        end(installed, process, signal.SIGTERM)
        assert process.returncode == 0


@pytest.mark.long  # the first start, and checks and permissions one by one, run always
def test_a_later_start_refuses_what_is_wrong_and_is_quick(without_database: Clone) -> None:
    installed = without_database
    with running(installed, SEED="none") as process:
        started(process)
        end(installed, process, signal.SIGTERM)
    env_file = installed.root / ".env"

    # A site with well-known passwords is not opened to others: it says what to do, and that works.
    # This also works after an upgrade, when tables of the new version are still missing.
    shell(installed, MAKE_SAMPLES)
    manage(installed, "migrate", "videos", "0020")
    public = {"SITE_URL": "https://clips.example.org", "SEED": "none"}
    refusal = installed.refusal(**public)
    assert "clipset.E030" in refusal
    assert "manage.py remove_samples --all" in refusal
    removed = manage(installed, "remove_samples", **public)
    assert "Removed: 1 video, 0 categories, 1 member." in removed
    assert "There is no admin now" in removed
    assert "https://clips.example.org/register/" in manage(installed, "setup_link", **public)

    # Old code does not start on the database of newer code.
    newer = "INSERT INTO django_migrations (app, name, applied) VALUES (?, ?, ?)"
    change(installed, newer, "videos", "9999_new", "2030-01-01")
    said = installed.refusal(SEED="none")
    assert "The database belongs to a newer version of Clipset" in said
    assert "videos.9999_new" in said
    assert "Traceback" not in said
    change(installed, "DELETE FROM django_migrations WHERE name = '9999_new'")

    key = env_file.read_text()
    outside = left_by_an_earlier_version(installed)
    with running(installed, SEED="none") as process:
        said = started(process)
        assert too_open(installed) == []
        assert stat.S_IMODE((installed.root / "media/videos/old.mp4").stat().st_mode) == 0o640
        assert stat.S_IMODE((installed.root / "media/videos").stat().st_mode) == 0o750
        assert stat.S_IMODE(outside.stat().st_mode) == 0o644
        # Ten seconds are promised on an idle machine; other tests run at the same time as this one.
        assert processor_seconds(installed) < 10
        assert "Static files" not in said
        assert env_file.read_text() == key
        end(installed, process, signal.SIGINT)
        assert process.returncode == 0


def left_by_an_earlier_version(clone: Clone) -> Path:
    """Makes the site's files readable for all. Returns a file outside that a link points to."""
    outside = clone.root.parent / "outside"
    outside.touch()
    outside.chmod(0o644)
    (clone.root / "media/videos/old.mp4").touch()
    for name in ("data", "media"):
        for path in (clone.root / name, *(clone.root / name).rglob("*")):
            if path.is_dir() or path.is_file():
                path.chmod(0o755 if path.is_dir() else 0o644)
    (clone.root / "media/videos/link.mp4").symlink_to(outside)
    (clone.root / "data/permissions").unlink()
    return outside


@pytest.mark.long  # the first start kills a web worker in each run
def test_what_dies_is_started_again_and_leaves_nobody_behind(installed: Clone) -> None:
    with running(installed, SEED="none") as process:
        started(process)
        for part in (QUEUE_WORKER, SENTINEL, QUEUE, WEB_WORKER, WEB, SUPERVISOR):
            wait_for(lambda: is_whole(installed), seconds=BACK_WITHIN, name=f"part {part}")
            victim = cast(installed)[part][0]
            below = children(installed, victim)
            # supervisord restarts at once only what ran for a second.
            time.sleep(1.2)
            os.kill(victim, signal.SIGKILL)
            wait_for(partial(none_runs, installed, below), seconds=5, name="its orphans' end")
            wait_for(lambda: is_whole(installed), seconds=BACK_WITHIN, name=f"part {part}")

        # No process outlives scripts/run.
        end(installed, process, signal.SIGKILL)


@pytest.mark.long
def test_a_full_disk_ends_no_program(on_own_disk: Clone, disk: Disk) -> None:
    """Lines that can't be logged are dropped, pages work, and all recovers once there is room."""
    if disk.refusal:
        without(f"no disk can be mounted here: {disk.refusal}")
    with running(on_own_disk) as process:
        started(process)
        before = cast(on_own_disk)
        with disk.full():
            for _ in range(60):  # each is a line in the access log
                assert get(on_own_disk, "/login/") == 200
                time.sleep(0.05)
            os.kill(before[WEB_WORKER][0], signal.SIGKILL)  # and one for supervisord's
            wait_for(lambda: len(cast(on_own_disk)[WEB_WORKER]) == 2, name="a new worker")
            os.kill(before[QUEUE][0], signal.SIGKILL)
            wait_for(lambda: before[QUEUE][0] not in on_own_disk.processes(), name="its end")
            time.sleep(3)
            assert get(on_own_disk, "/login/") == 200
            after = cast(on_own_disk)
            assert [after[part] for part in (SUPERVISOR, WEB)] == [
                before[part] for part in (SUPERVISOR, WEB)
            ]
            # A full disk does not keep programs from being started again.
            os.kill(before[SUPERVISOR][0], signal.SIGKILL)
            wait_for(lambda: before[WEB][0] not in on_own_disk.processes(), name="its end")
            wait_for(lambda: answers(on_own_disk), seconds=BACK_WITHIN, name="an answer")
        wait_for(lambda: is_whole(on_own_disk), seconds=BACK_WITHIN, name="the queue")
        end(on_own_disk, process, signal.SIGTERM)


@pytest.mark.long
def test_a_stop_in_the_middle_of_an_encode_is_as_quick_and_counts_nothing(
    installed: Clone,
) -> None:
    video = clips.repeated(clips.hevc_mp4(seconds=4, size="1920x1080"), 30)
    with running(installed, SEED="none") as process:
        started(process)
        make_bob(installed)
        bob = Browser(installed)
        bob.log_in()
        assert bob.upload(video)
        progress = "SELECT 1 FROM jobs WHERE kind = 'ENCODE' AND progress > 0"
        wait_for(lambda: rows(installed, progress), seconds=30, name="some progress")
        assert len(ffmpegs(installed)) == 1
        end(installed, process, signal.SIGTERM)
        assert not ffmpegs(installed)
    [job] = rows(installed, "SELECT state, losses, failures, lease_owner FROM jobs")
    assert job == ("WAITING", 0, 0, "")
    # The original quality was published before, beside the encode.
    assert rows(installed, "SELECT name FROM renditions") == [("original",)]


def test_it_can_be_stopped_while_it_installs(clone: Clone) -> None:
    with running(clone) as process:
        assert process.stdout
        wait_for((clone.root / ".venv").exists, name="the virtual environment")
        end(clone, process, signal.SIGTERM)
        assert process.returncode != 0
        assert "Stopped before startup finished." in process.stdout.read()


@pytest.mark.long  # test_run_refuses.py and siteconfig/test_checks.py have the refusals
def test_a_wrong_setting_is_told_instead_of_a_start(without_database: Clone) -> None:
    for hour, words in (
        ("24", "Set it to 0 (midnight) to 23."),
        ("noon", 'QUOTA_RESET_HOUR = env.int("QUOTA_RESET_HOUR", 0)'),
    ):
        said = without_database.refusal(QUOTA_RESET_HOUR=hour)
        assert words in said
        assert "Traceback" not in said


@pytest.mark.long
def test_a_clean_clone_becomes_a_site_with_demo_content_within_two_minutes(clone: Clone) -> None:
    since = time.monotonic()
    with running(clone) as process:
        said = started(process)
        assert time.monotonic() - since < 120
        assert "admin / admin123" in said
        assert get(clone, "/healthz") == 200
        end(clone, process, signal.SIGTERM)
