"""Runs scripts/upgrade: to a new version, and back from one that does not get healthy."""

from __future__ import annotations

import shutil
import signal
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from tests import clips
from tests.operations import run_command
from tests.processes import wait_for
from tests.scripts.member import Browser, change, make_bob, manage, rows
from tests.scripts.repository import (
    CHANGES_AND_FAILS,
    FAIL,
    NEW_TABLE,
    code_is,
    dump,
    git,
    last_upgrade,
    make_repository,
    make_version,
    migration,
    new_version,
    upgrade,
    with_text,
)
from tests.scripts.sender import Sender
from tests.scripts.site import end, healthy, is_whole, logs, running, started

if TYPE_CHECKING:
    from tests.scripts.conftest import Clone

pytestmark = [pytest.mark.ffmpeg, pytest.mark.git, pytest.mark.long]


@pytest.fixture
def old(installed: Clone) -> str:
    """Returns the clone's revision."""
    return make_repository(installed)


def has_new_table(clone: Clone) -> bool:
    return bool(rows(clone, "SELECT 1 FROM sqlite_master WHERE name = 'new_version'"))


def test_what_cannot_become_an_upgrade_changes_nothing_and_what_fails_goes_back(
    installed: Clone, old: str
) -> None:
    shutil.rmtree(installed.root / "data")  # as before the first start
    said = upgrade(installed, "main").stdout
    assert "The code is at main already." in said
    broken = with_text(installed, "clipset/urls.py", "urlpatterns", "this is no Python")
    make_version(installed, "broken", broken | migration(installed, NEW_TABLE))
    make_version(installed, "failing", migration(installed, CHANGES_AND_FAILS, is_atomic=False))
    assert "belongs to an older version" in upgrade(installed, "failing").stdout

    manage(installed, "migrate", "--verbosity=0")
    make_bob(installed)

    for arguments, sentence in {
        ("nonsense",): "There is no revision 'nonsense'",
        (): "Name a revision",
        ("a", "b"): "Usage: scripts/upgrade",
        ("--back",): "There is no unfinished upgrade",
    }.items():
        done = upgrade(installed, *arguments)
        assert (done.returncode, sentence in done.stdout) == (1, True), done.stdout
    readme = installed.root / "README.md"
    text = readme.read_text()
    readme.write_text("changed")
    assert "README.md" in upgrade(installed, "failing").stdout
    readme.write_text(text)
    assert not (installed.root / "data/upgrades/unfinished").exists()

    # The database is newer than the wanted version, and newer than the current one.
    newer = "INSERT INTO django_migrations (app, name, applied) VALUES (?, ?, ?)"
    change(installed, newer, "videos", "9999_newer", "2030-01-01")
    assert "belongs to a newer version" in upgrade(installed, "failing").stdout
    change(installed, "DELETE FROM django_migrations WHERE name = '9999_newer'")
    before = dump(installed.root / "data/clipset.db")

    # A migration that fails half-way, and code that cannot be read.
    older = make_older_upgrades(installed)
    done = upgrade(installed, "failing")
    assert done.returncode == 1
    assert "this migration fails" in done.stdout
    assert "The old version is back, with its database." in done.stdout
    assert_is_back(installed, old, before)
    failed = last_upgrade(installed) / "failed"
    assert any("nobody" in line for line in dump(failed / "clipset.db"))

    assert upgrades(installed) == {"2020-01-01-000000", "2020-01-02-000000", failed.parent.name}

    done = upgrade(installed, "broken")
    assert done.returncode == 1
    assert "this is no Python" in done.stdout
    assert_is_back(installed, old, before)
    assert "2020-01-01-000000" in upgrades(installed), "the last one that succeeded"
    assert len(upgrades(installed)) == 4

    # An upgrade that succeeds: what shows this is removed, and nothing is written twice.
    new = make_version(installed, "new", new_version(installed))
    done = run_command(installed, "scripts/upgrade v1.4", {"v1.4": "new"})
    assert done.returncode == 0, done.stdout
    assert "Start the site with scripts/run." in done.stdout
    assert code_is(installed, new)
    assert has_new_table(installed)
    assert dump(last_upgrade(installed) / "database/clipset.db") == before
    assert (last_upgrade(installed) / "state").read_text() == "ready"
    assert not (installed.root / "data/run/address").exists()
    assert installed.processes() == {}
    assert not upgrades(installed) & older
    assert len(upgrades(installed)) == 3
    assert (installed.root / "data/upgrades/notes").is_dir()

    go_back_by_hand(installed)
    assert code_is(installed, old)
    assert dump(installed.root / "data/clipset.db") == before
    assert (installed.root / "data/before-going-back/clipset.db").is_file()


def go_back_by_hand(clone: Clone) -> None:
    """Goes back from the last upgrade, which succeeded."""
    folder = str(last_upgrade(clone).relative_to(clone.root))
    example = {"data/upgrades/2026-01-31-120000": folder}
    done = run_command(
        clone, 'git checkout "$(cat data/upgrades/2026-01-31-120000/old-revision)"', example
    )
    assert done.returncode == 0, done.stdout
    done = put_database_back(clone)
    assert done.returncode == 0, done.stdout


def put_database_back(clone: Clone) -> subprocess.CompletedProcess[str]:
    folder = str(last_upgrade(clone).relative_to(clone.root))
    return run_command(
        clone,
        "flock --verbose --nonblock data/run/lock "
        ".venv/bin/python scripts/upgrade_database.py back "
        "data/upgrades/2026-01-31-120000/database data/before-going-back",
        {"data/upgrades/2026-01-31-120000": folder},
    )


def make_older_upgrades(clone: Clone) -> set[str]:
    """Makes folders of earlier upgrades, and another folder. Returns the names of the upgrades.

    The first upgrade succeeded; the last one has no copy of the database.
    """
    folder = clone.root / "data/upgrades"
    (folder / "notes").mkdir()
    for name in ("2020-01-01-000000", "2020-01-02-000000"):
        (folder / name / "database").mkdir(parents=True)
    (folder / "2020-01-01-000000/state").write_text("ready")
    (folder / "2020-01-02-000000/state").write_text("back")
    (folder / "2020-01-03-000000/scripts").mkdir(parents=True)
    return upgrades(clone)


def upgrades(clone: Clone) -> set[str]:
    """Returns the names of the folders of upgrades."""
    return {path.name for path in (clone.root / "data/upgrades").glob("20*")}


def assert_is_back(clone: Clone, revision: str, database: list[str]) -> None:
    assert code_is(clone, revision, "main")
    assert dump(clone.root / "data/clipset.db") == database
    assert (last_upgrade(clone) / "state").read_text() == "back"
    assert not (clone.root / "data/upgrades/unfinished").exists()


def test_a_running_site_is_upgraded_with_an_upload_half_way_and_a_job_at_work(
    installed: Clone, old: str
) -> None:
    new = make_version(installed, "new", new_version(installed))
    # The branch follows a remote branch.
    git(installed.root, "branch", "--quiet", "published", "new")
    git(installed.root, "branch", "--quiet", "--set-upstream-to=published", "main")
    with running(installed) as process:
        started(process)
        make_bob(installed)
        bob = Sender(installed)
        video = clips.h264_mp4(seconds=3)
        bob.begin(video)
        bob.send(0, 1000)
        assert bob.browser.upload(clips.hevc_mp4())

        done = run_command(installed, "scripts/upgrade")
        assert done.returncode == 0, done.stdout + logs(installed)
        assert f"The site runs at http://127.0.0.1:{installed.port}" in done.stdout
        assert code_is(installed, new, "main")
        assert has_new_table(installed)
        assert b"The new version" in bob.browser.ask("/login/")[1]
        assert is_whole(installed)
        assert process.poll() is None

        assert bob.offset() == 1000
        bob.send(1000)
        completed = "SELECT COUNT(*) FROM videos WHERE processing_status = 'COMPLETED'"
        wait_for(lambda: rows(installed, completed) == [(2,)], seconds=90, name="both videos")

        # The database before the upgrade is kept, and the next start needs nothing special.
        kept = last_upgrade(installed) / "database/clipset.db"
        assert any("bob@example.org" in line for line in dump(kept))
        assert (last_upgrade(installed) / "state").read_text() == "ready"

        # The database of a running site is not replaced.
        done = put_database_back(installed)
        assert (done.returncode, "failed to get lock" in done.stdout) == (1, True), done.stdout
        assert has_new_table(installed)
        end(installed, process, signal.SIGTERM)
        assert process.returncode == 0


def test_a_running_site_comes_back_after_an_upgrade_that_fails_or_is_killed(
    installed: Clone, old: str
) -> None:
    make_version(installed, "new", new_version(installed))
    # Its workers end at once, so the site answers but never becomes healthy.
    no_workers = with_text(
        installed, "clipset/workers/pulse.py", '"""Whether', 'raise SystemExit\n"""'
    )
    make_version(
        installed, "idle", no_workers | migration(installed, CHANGES_AND_FAILS[: -1 - len(FAIL)])
    )
    with running(installed) as process:
        started(process)
        make_bob(installed)
        bob = Browser(installed)
        bob.log_in()
        assert bob.upload(clips.hevc_mp4())

        done = upgrade(installed, "idle")
        assert done.returncode == 1, done.stdout
        assert "/healthz did not answer 200" in done.stdout
        assert "The site runs at" in done.stdout
        assert code_is(installed, old, "main")
        assert healthy(installed)
        completed = "SELECT COUNT(*) FROM videos WHERE processing_status = 'COMPLETED'"
        wait_for(lambda: rows(installed, completed) == [(1,)], seconds=90, name="the video")

        for seconds in (0, 0.5, 4):
            kill_in(installed, "changing", after=seconds)
            wait_for(
                lambda: (last_upgrade(installed) / "state").read_text() == "back",
                seconds=30,
                name="the way back",
            )
            wait_for((installed.root / "data/run/upgradable").exists, seconds=60, name="the site")
            wait_for(lambda: is_whole(installed), name="all of the site")
            assert code_is(installed, old, "main")
            assert not has_new_table(installed)
            assert rows(installed, completed) == [(1,)]

        # The site may or may not have been asked to stop.
        kill_in(installed, "stopping")
        wait_for(lambda: upgrade(installed, "new").returncode == 0, seconds=120, name="success")
        assert has_new_table(installed)
        end(installed, process, signal.SIGTERM)


def kill_in(clone: Clone, state: str, *, after: float = 0) -> None:
    """Kills scripts/upgrade `after` seconds in that state, or when it ends."""
    known = last_upgrade(clone)
    with subprocess.Popen(
        ["scripts/upgrade", "new"],
        cwd=clone.root,
        env=clone.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    ) as process:
        try:
            wait_for(
                lambda: (
                    (folder := last_upgrade(clone)) != known
                    and (folder / "state").exists()
                    and (folder / "state").read_text() == state
                ),
                seconds=60,
                name=state,
            )
            with suppress(subprocess.TimeoutExpired):
                process.wait(after)
        finally:
            process.kill()
