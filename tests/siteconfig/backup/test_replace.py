"""Restoring over an existing site loses none of its files, even if it is interrupted."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import time
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.disks import command, small_disk
from tests.folders import files_below
from tests.postgresql import parameters
from tests.projects import SECRET, Project, database_rows, sqlite_url

if TYPE_CHECKING:
    from pathlib import Path

    from tests.projects import Databases

pytestmark = pytest.mark.restic

MAKE = """
from accounts.models import User
from siteconfig.roots import root_path
User.objects.create_user("bob", email="bob@example.org")
(root_path("videos") / "old.bin").write_bytes(b"old" * {size})
(root_path("temp") / "upload-1").mkdir()
(root_path("temp") / "upload-1" / "source.mp4").write_bytes(b"half")
"""
CHANGE = """
from accounts.models import User
from siteconfig.roots import root_path
User.objects.create_user("late", email="late@example.org")
(root_path("videos") / "new.bin").write_bytes(b"new")
(root_path("videos") / "old.bin").unlink()
(root_path("temp") / "upload-1" / "source.mp4").write_bytes(b"whole")
"""
RESTORED = """
SELECT actor_name, source, object_name FROM audit_entries WHERE action = 'backup.restore'
"""
NAMES = "SELECT username FROM users ORDER BY username"
# Ends the process like a power cut at the system call with this number, counted from the file
# that records that the site is being changed.
CUT_OFF = """
import os, sys
from django.core.management import call_command
left = {number}
begun = {begun}
def count(event, arguments):
    global left, begun
    if not begun:
        begun = event == "os.rename" and str(arguments[1]).endswith("restore-unfinished.json")
    elif event in {{"os.rename", "os.remove", "os.rmdir", "subprocess.Popen"}}:
        left -= 1
        if left == 0:
            os.kill(os.getpid(), 9)
sys.addaudithook(count)
call_command("restore", replace=True)
"""


@pytest.fixture
def site(databases: Databases, backed_up: dict[str, str], tmp_path: Path) -> Project:
    """A site that has been backed up and has changed since."""
    made = databases.project(tmp_path / "site", **backed_up)
    made.shell(MAKE.format(size=1))
    made.manage("backup")
    made.shell(CHANGE)
    return made


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in files_below(folder)}


def check_replaced(site: Project) -> None:
    """Checks that the backup has been restored and the previous site moved aside."""
    assert site.rows(NAMES) == [("bob",)]
    [(who, source, what)] = site.rows(RESTORED)
    assert (who, source) == ("manage.py restore", "command")
    assert re.fullmatch(r"Backup [0-9a-f]{8}", what)
    assert contents(site.media) == {"videos/old.bin": b"old", "temp/upload-1/source.mp4": b"half"}
    [aside] = (site.root / "data").glob("replaced-*")
    old = contents(aside / "videos") | contents(aside / "temp")
    assert old == {"new.bin": b"new", "upload-1/source.mp4": b"whole"}
    assert old_names(aside, site) == [("bob",), ("late",)]
    left = {path.name for path in (site.root / "data").iterdir()}
    assert not left & {"restore-unfinished.json", ".clipset-restore"}


def old_names(aside: Path, site: Project) -> list[tuple[object, ...]]:
    if not site.url:
        return database_rows(sqlite_url(aside / "clipset.db"), NAMES)
    dump = subprocess.check_output(
        ["pg_restore", "--data-only", "--table=users", "--file=-", aside / "clipset.pgdump"],
        text=True,
    )
    table = re.search(
        r"COPY public\.users \((?P<names>.*)\) FROM stdin;\n(?P<rows>(?:.*\n)*?)\\\.", dump
    )
    assert table
    column = table["names"].split(", ").index("username")
    return sorted((row.split("\t")[column],) for row in table["rows"].splitlines())


@pytest.mark.parametrize(
    "databases",
    ["sqlite", pytest.param("postgresql", marks=[pytest.mark.postgresql, pytest.mark.long])],
    indirect=True,
)
def test_a_restore_that_is_killed_goes_on_where_it_stopped(site: Project) -> None:
    check_refusals(site)
    with subprocess.Popen(
        **site.command("restore", "--replace"), start_new_session=True, stdout=subprocess.DEVNULL
    ) as process:
        note = site.root / "data/restore-unfinished.json"
        while process.poll() is None and not note.exists():
            time.sleep(0.001)
        os.killpg(process.pid, signal.SIGKILL)
    assert note.exists()
    assert "is unfinished. Run scripts/restore again" in site.refusal("backup")
    assert "Finish it first: scripts/restore" in another_backup(site)
    output = site.manage("restore")
    assert "Continuing the unfinished restore." in output
    assert "The site that was here before is now in " in output
    check_replaced(site)


def check_refusals(site: Project) -> None:
    """Checks that a running site, and a site without --replace, are not replaced."""
    assert "The database already has members" in site.refusal("restore")
    with (site.root / "data/run/lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "The site is running" in site.refusal("restore", "--replace")
    if site.url:
        with psycopg.connect(**parameters(site.url)):  # type: ignore[arg-type]
            assert "Other programs are connected" in site.refusal("restore", "--replace")
    assert site.rows(NAMES) == [("bob",), ("late",)]


def another_backup(site: Project) -> str:
    """Tries to restore another backup during an unfinished restore. Returns the error."""
    note = site.root / "data/restore-unfinished.json"
    kept = note.read_text()
    note.write_text(json.dumps(json.loads(kept) | {"snapshot": "f" * 64}))
    [snapshot] = re.findall(r"^[0-9a-f]{8}", site.manage("backups"), re.MULTILINE)
    output = site.refusal("restore", snapshot, "--replace")
    note.write_text(kept)
    return output


@pytest.mark.long
def test_a_restore_may_be_cut_off_time_and_again(site: Project) -> None:
    """Each run is interrupted one system call later than the previous one."""
    note = site.root / "data/restore-unfinished.json"
    for number in range(1, 200):
        code = CUT_OFF.format(number=number, begun=note.exists())
        done = site.tried("shell", "--no-imports", "-c", code)
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL, done.stderr
        if not note.exists():  # only the removal of temporary files was missing
            shutil.rmtree(site.root / "data/.clipset-restore", ignore_errors=True)
            break
    print(f"{number} runs")
    assert not note.exists()
    assert number > 5
    check_replaced(site)


@pytest.mark.long
def test_a_disk_that_is_full_leaves_the_site_as_it_is(
    databases: Databases, backed_up: dict[str, str], tmp_path: Path
) -> None:
    """The videos are on a separate disk, mounted at their root."""
    videos = tmp_path / "videos"
    videos.mkdir()
    with small_disk(videos, tmp_path / "beside", megabytes=8) as disk:
        place = {"VIDEO_STORAGE_PATH": str(videos), "MIN_FREE_DISK_BYTES": "0"}
        site = databases.project(tmp_path / "site", **backed_up, **place)
        site.shell(MAKE.format(size=1_500_000))
        site.manage("backup")
        before = contents(videos)
        output = site.refusal("restore", "--replace")
        assert "The disk is full" in output
        assert site.rows(NAMES) == [("bob",)]
        assert contents(videos) == before
        assert not list((site.root / "data").glob("replaced-*"))
        command("mount", "-o", "remount,size=32m", disk.kept)
        site.manage("restore", "--replace")
        [aside] = (site.root / "data").glob("replaced-*")
        # They are still on their own disk.
        assert (aside / "videos").resolve().parent == videos
        assert contents(aside / "videos") == before
        assert (videos / "old.bin").read_bytes() == before["old.bin"]


@pytest.mark.long
def test_videos_behind_a_link_are_in_the_backup(
    databases: Databases, backed_up: dict[str, str], tmp_path: Path
) -> None:
    """restic stores links as links, without their targets."""
    site = databases.project(tmp_path / "site", **backed_up)
    (tmp_path / "disk").mkdir()
    (site.media / "videos").rename(tmp_path / "disk/videos")
    (site.media / "videos").symlink_to(tmp_path / "disk/videos")
    site.shell(MAKE.format(size=1))
    site.manage("backup")
    site.manage("restore", "--replace")
    assert (site.media / "videos").is_symlink()
    assert (tmp_path / "disk/videos/old.bin").read_bytes() == b"old"
    other = Project(tmp_path / "other", url=databases.empty(), **backed_up)
    other.manage("restore")
    assert (other.media / "videos/old.bin").read_bytes() == b"old"
    assert other.rows(NAMES) == [("bob",)]


@pytest.mark.long
def test_settings_come_back_unless_the_site_had_them_from_the_environment(
    databases: Databases, backed_up: dict[str, str], tmp_path: Path
) -> None:
    site = databases.project(tmp_path / "site", **backed_up)
    site.manage("backup")
    other = Project(tmp_path / "other", url=databases.empty(), SECRET_KEY=SECRET, **backed_up)
    kept = (other.root / ".env").read_text()
    (other.root / ".env").write_text("HOST=0.0.0.0\n")
    assert "already exists and is not changed" in other.manage("restore", "--settings-only")
    (other.root / ".env").unlink()
    assert "Settings restored" in other.manage("restore", "--settings-only")
    assert (other.root / ".env").read_text() == kept
    assert (other.root / ".env").stat().st_mode & 0o777 == 0o600
    (site.root / ".env").unlink()
    site.environment["SECRET_KEY"] = SECRET
    site.manage("backup")
    (other.root / ".env").unlink()
    assert "has no .env" in other.manage("restore", "--settings-only")
    assert not (other.root / ".env").exists()
    other.manage("restore")
