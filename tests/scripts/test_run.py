"""scripts/run in earnest: what it starts, what it survives, what it leaves."""

from __future__ import annotations

import http.client
import os
import re
import signal
import stat
import subprocess
import time
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.processes import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.scripts.conftest import Clone

pytestmark = pytest.mark.ffmpeg  # which start-up looks for

BACK_WITHIN = 20  # seconds; 0.5 to 3.5 on an idle machine, and this one may be busy with tests
GONE_WITHIN = 10  # seconds, as promised
MAIN, SUPERVISOR, WEB, WEB_WORKER, QUEUE, SENTINEL, QUEUE_WORKER = range(7)
WHOLE = {MAIN: 1, SUPERVISOR: 1, WEB: 1, WEB_WORKER: 2, QUEUE: 1, SENTINEL: 1, QUEUE_WORKER: 4}


def cast(clone: Clone) -> dict[int, list[int]]:
    """Who runs: process ids by part. The queue's sentinel has 2 workers, monitor and pusher."""
    processes = clone.processes()
    parts: dict[int, list[int]] = {part: [] for part in WHOLE}
    for process, (parent, command) in sorted(processes.items()):
        mothers = processes.get(parent, (0, ""))
        if "scripts/run" in command:
            parts[MAIN].append(process)
        elif "supervisord" in command:
            parts[SUPERVISOR].append(process)
        elif "gunicorn" in command:
            parts[WEB_WORKER if "gunicorn" in mothers[1] else WEB].append(process)
        elif "qcluster" in command:
            grandmother = processes.get(mothers[0], (0, ""))[1]
            depth = ("qcluster" in mothers[1]) + ("qcluster" in grandmother)
            parts[(QUEUE, SENTINEL, QUEUE_WORKER)[depth]].append(process)
    return parts


def is_whole(clone: Clone) -> bool:
    return {part: len(found) for part, found in cast(clone).items()} == WHOLE and healthy(clone)


def get(clone: Clone, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", clone.port, timeout=5)
    try:
        connection.request("GET", path, headers={"Referer": f"http://127.0.0.1{path}"})
        return connection.getresponse().status
    finally:
        connection.close()


def healthy(clone: Clone) -> bool:
    try:
        return get(clone, "/healthz") == 200
    except OSError:
        return False


@contextmanager
def running(clone: Clone, **environment: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        # Where the tests run in the background of a shell, SIGINT is ignored, and who inherits
        # that can't change it.
        ["env", "--default-signal=INT", "scripts/run"],
        cwd=clone.root,
        env=clone.environment | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        for left in clone.processes():
            os.kill(left, signal.SIGKILL)
        process.wait()
        assert process.stdout
        process.stdout.close()


def logs(clone: Clone) -> str:
    """All that was logged."""
    files = (file for file in (clone.root / "data/log").rglob("*") if file.is_file())
    return "".join(file.read_text() for file in files)


def started(process: subprocess.Popen[str]) -> str:
    """Waits until it says that it runs; gives what it said."""
    assert process.stdout
    said = ""
    for line in process.stdout:
        said += line
        if line.startswith("Started in"):
            return said
    raise AssertionError(f"it did not start:\n{said}")


def end(clone: Clone, process: subprocess.Popen[str], number: signal.Signals) -> float:
    """Sends the signal; seconds until nothing of it runs."""
    since = time.monotonic()
    process.send_signal(number)
    wait_for(lambda: process.poll() is not None, seconds=GONE_WITHIN, name="the end")
    # A child that was killed with its parent may take a moment to vanish.
    wait_for(lambda: not clone.processes(), seconds=1, name="the end of all it started")
    return time.monotonic() - since


def test_a_start_makes_what_is_missing_and_the_next_one_is_quick(installed: Clone) -> None:
    with running(installed, SEED="none") as process:
        said = started(process)
        assert f"Clipset runs at http://127.0.0.1:{installed.port}" in said
        assert is_whole(installed)

        # The settings file is for its owner, and another start may choose another port.
        env_file = installed.root / ".env"
        assert stat.S_IMODE(env_file.stat().st_mode) == 0o600
        assert re.search(r"^SECRET_KEY=\S{50,}$", env_file.read_text(), re.MULTILINE)
        assert "PORT" not in env_file.read_text()
        assert stat.S_IMODE((installed.root / "data/run").stat().st_mode) == 0o700

        # Nobody can administer it yet: the one-time link is shown, and stands in no file.
        [link] = re.findall(rf"http://127.0.0.1:{installed.port}/(register/\S+)", said)
        token = link.split("/")[1]
        assert get(installed, f"/{link}") == 200
        assert get(installed, "/s/secret-of-a-guest/") in {200, 302, 404}
        wait_for(lambda: "GET /s/…" in logs(installed), name="the access log")
        assert "GET /register/…" in logs(installed)
        assert token not in logs(installed)
        assert "secret-of-a-guest" not in logs(installed)

        # Another one in the same folder is refused while this one runs.
        assert "already running in this folder" in installed.refusal()
        end(installed, process, signal.SIGTERM)
        assert process.returncode == 0

    key, since = env_file.read_text(), time.monotonic()
    with running(installed, SEED="none") as process:
        said = started(process)
        assert time.monotonic() - since < 10
        assert "Static files" not in said
        assert env_file.read_text() == key
        end(installed, process, signal.SIGINT)
        assert process.returncode == 0


def test_what_dies_is_started_again_and_leaves_nobody_behind(installed: Clone) -> None:
    with running(installed, SEED="none") as process:
        started(process)
        for part in (QUEUE_WORKER, SENTINEL, QUEUE, WEB_WORKER, WEB, SUPERVISOR):
            wait_for(lambda: is_whole(installed), seconds=BACK_WITHIN, name=f"part {part}")
            victim = cast(installed)[part][0]
            below = children(installed, victim)
            # supervisord starts at once again only what stayed up for a second.
            time.sleep(1.2)
            os.kill(victim, signal.SIGKILL)
            wait_for(partial(none_runs, installed, below), seconds=5, name="its orphans' end")
            wait_for(lambda: is_whole(installed), seconds=BACK_WITHIN, name=f"part {part}")

        # Nothing of it can outlive scripts/run either.
        end(installed, process, signal.SIGKILL)


def none_runs(clone: Clone, processes: set[int]) -> bool:
    return not processes & set(clone.processes())


def children(clone: Clone, process: int) -> set[int]:
    """The process and all below it."""
    found = {process}
    processes = clone.processes()
    while more := {child for child, (parent, _) in processes.items() if parent in found} - found:
        found |= more
    return found


def test_it_can_be_stopped_while_it_installs(clone: Clone) -> None:
    with running(clone) as process:
        assert process.stdout
        wait_for((clone.root / ".venv").exists, name="the virtual environment")
        end(clone, process, signal.SIGTERM)
        assert process.returncode != 0
        assert "Stopped before the start was complete." in process.stdout.read()


@pytest.mark.parametrize(
    ("hour", "words"),
    [
        ("24", "Set it to 0 (midnight) to 23."),
        ("noon", 'QUOTA_RESET_HOUR = env.int("QUOTA_RESET_HOUR", 0)'),
    ],
)
def test_a_wrong_setting_is_told_instead_of_a_start(
    installed: Clone, hour: str, words: str
) -> None:
    said = installed.refusal(QUOTA_RESET_HOUR=hour)
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
