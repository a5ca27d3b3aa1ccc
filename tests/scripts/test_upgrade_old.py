"""Upgrades sites of versions without scripts/upgrade as docs/operations.md says."""

from __future__ import annotations

import hashlib
import shutil
import signal
import subprocess
import urllib.error
from typing import TYPE_CHECKING

import pytest

from tests import clips
from tests.parts import without
from tests.processes import ROOT, wait_for
from tests.scripts.member import PASSWORD, rows, shell
from tests.scripts.repository import git
from tests.scripts.sender import Sender
from tests.scripts.site import end, is_whole, logs, running, started

if TYPE_CHECKING:
    from tests.scripts.conftest import Clone

pytestmark = [pytest.mark.ffmpeg, pytest.mark.git, pytest.mark.long]

REVISIONS = {
    # The two versions before can't start: they refer to a static file that their packages lack.
    "the first that starts": "f331666",
    "the last without named storage roots": "40671b1",
}
# Columns that no upgrade changes, as far as a version has them.
LASTING = {
    "users": ("id", "username", "email", "password", "is_sample", "role"),
    "categories": ("id", "name", "slug"),
    "videos": ("id", "short_id", "title", "description", "uploaded_by_id", "original_filename"),
    "comments": ("id", "video_id", "author_id", "text"),
    "playlists": ("id", "title", "owner_id"),
}
COMPLETED = "SELECT COUNT(*) FROM videos WHERE processing_status = 'COMPLETED'"
UPLOADED = f"{COMPLETED} AND original_filename IN (?, 'half.mp4')"
FAILED = "SELECT id FROM videos WHERE processing_status = 'FAILED' ORDER BY id"

SET_PASSWORD = f"""
from accounts.models import User
bob = User.objects.get(username="bob")
bob.set_password({PASSWORD!r})
bob.save()
"""

Lasting = dict[str, tuple[list[str], set[tuple[object, ...]]]]


def go_to(clone: Clone, revision: str) -> str:
    """Makes the clone a repository at the revision. Returns the revision of its former files."""
    history = clone.root.parent / "history"
    try:
        git(ROOT, "cat-file", "-e", f"{revision}^{{commit}}")
        git(ROOT, "clone", "--quiet", "--no-checkout", str(ROOT), str(history))
    except subprocess.CalledProcessError:
        without(f"The project's history is not there: {revision} is missing")
    shutil.move(history / ".git", clone.root)
    git(clone.root, "add", "--all")
    git(clone.root, "commit", "--quiet", "--allow-empty", "--message=New")
    new = git(clone.root, "rev-parse", "HEAD")
    git(clone.root, "checkout", "--quiet", "--detach", revision)
    return new


def install(clone: Clone) -> None:
    for name in (".venv", "node_modules"):
        shutil.rmtree(clone.root / name, ignore_errors=True)
    clone.install()


def lasting(clone: Clone, columns: Lasting | None = None) -> Lasting:
    """Returns columns and rows by table, of all columns or of those that are given."""
    found: Lasting = {}
    for table, wanted in LASTING.items():
        there = {name for (name,) in rows(clone, "SELECT name FROM pragma_table_info(?)", table)}
        names = columns[table][0] if columns else [name for name in wanted if name in there]
        if names:
            query = f"SELECT {', '.join(names)} FROM {table}"  # noqa: S608 names of ours
            found[table] = (names, set(rows(clone, query)))
        elif columns is None:
            found[table] = ([], set())
    return found


def digests(clone: Clone) -> set[str]:
    """Returns digests of all files of ready videos."""
    media = clone.root / "media"
    return {
        hashlib.sha256(path.read_bytes()).hexdigest()
        for path in media.rglob("*")
        if path.is_file() and path.stat().st_size and "temp" not in path.relative_to(media).parts
    }


def begin_upload(bob: Sender) -> bool:
    """Uploads half of a file, where the version has resumable uploads."""
    try:
        bob.begin(clips.h264_mp4(seconds=3))
    except urllib.error.HTTPError as error:
        error.close()
        return False
    bob.send(0, 1000)
    return True


@pytest.mark.parametrize("revision", REVISIONS.values(), ids=REVISIONS)
def test_an_old_site_keeps_all_it_has_and_goes_on_with_what_it_was_at(
    clone: Clone, revision: str
) -> None:
    new = go_to(clone, revision)
    install(clone)
    with running(clone, SEED="demo") as process:
        started(process)
        shell(clone, SET_PASSWORD)
        files = digests(clone)
        assert rows(clone, COMPLETED) != [(0,)]
        bob = Sender(clone)
        video = clips.hevc_mp4()
        bob.browser.upload(video)
        is_half_way = begin_upload(bob)
        end(clone, process, signal.SIGTERM)
    before = lasting(clone)
    failed = rows(clone, FAILED)  # samples of failures
    assert is_half_way == (revision != REVISIONS["the first that starts"])

    git(clone.root, "checkout", "--quiet", "--detach", new)
    install(clone)
    with running(clone, SEED="demo") as process:
        started(process)
        wait_for(lambda: is_whole(clone), seconds=60, name="all of the site")
        if is_half_way:
            assert bob.offset() == 1000
            bob.send(1000)
        count = [(1 + is_half_way,)]
        wait_for(lambda: rows(clone, UPLOADED, video.name) == count, seconds=120, name="uploads")
        assert rows(clone, FAILED) == failed
        after = lasting(clone, before)
        for table, (_, kept) in before.items():
            assert kept <= after.get(table, ([], set()))[1], table
        assert files <= digests(clone)
        assert "Traceback" not in logs(clone)
        end(clone, process, signal.SIGTERM)
