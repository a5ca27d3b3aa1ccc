"""Upgrades sites of versions without scripts/upgrade as docs/operations.md says."""

from __future__ import annotations

import hashlib
import json
import shutil
import signal
import subprocess
import sys
import urllib.error
from typing import TYPE_CHECKING

import pytest

from tests import clips
from tests.parts import without
from tests.processes import ROOT, wait_for
from tests.scripts.member import PASSWORD, Browser, rows, shell
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
# The last commit before one name per thing: its modules, models and templates have other names.
OLD_NAMES = "914a753"
# What old versions import and the packages of this one no longer have.
REMOVED_PACKAGES = ["django-template-partials==25.3"]
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

# Runs in the code of OLD_NAMES: bob has links, notifications and watch progress, and a worker has
# yet to run every task that it knows. Prints the paths of the links, for people without a log-in.
LEAVE_IN_FLIGHT = """
import inspect, json, sys
from datetime import timedelta
from urllib.parse import urlsplit
import accounts.tasks, siteconfig.tasks, videos.tasks
from accounts.models import Role, User
from accounts.services.invitations import issue_invitation
from accounts.services.passwords import reset_link
from clipset.lib.queue import enqueue
from videos.models import Video
from videos.services.liking import set_like
from videos.services.sharing import make_guest_link
from videos.services.talking import write_comment
from videos.services.watching import count_view, save_position

bob, alice = (User.objects.get(username=name) for name in ("bob", "alice"))
video = Video.objects.published().filter(uploaded_by=bob).first()
other = Video.objects.published().filter(uploaded_by=alice).first()
write_comment(video=video, author=alice, text="At 0:01.")
set_like(video=other, member=bob, liked=True)
save_position(video=other, member=bob, seconds=other.duration_seconds, ended=True)
count_view(video=other, member=bob, watched=other.duration_seconds)
link = make_guest_link(video=video, created_by=bob, lifetime=timedelta(days=7))
invitation = issue_invitation(email="dora@example.org", role=Role.USER, created_by=bob)
links = [f"/s/{link.token}/", urlsplit(invitation.link).path, urlsplit(reset_link(alice)).path]
for module in (accounts.tasks, siteconfig.tasks, videos.tasks):
    for name, task in inspect.getmembers(module, inspect.isfunction):
        if task.__module__ != module.__name__ or name.startswith("_"):
            continue
        needed = [p for p in inspect.signature(task).parameters.values() if p.default is p.empty]
        if not needed and name != "take_nightly_backup":
            enqueue(f"{module.__name__}.{name}")
enqueue("videos.tasks.make_chosen_thumbnail", str(video.pk))
enqueue("videos.tasks.make_small_thumbnail", str(video.pk))
open("links.json", "w").write(json.dumps(links))
"""
IN_FLIGHT = {
    "notices": ("id", "member_id", "kind", "video_id", "comment_id"),
    "watch_positions": ("id", "member_id", "video_id", "seconds", "is_finished"),
    "views": ("id", "member_id", "video_id", "day"),
    "likes": ("id", "member_id", "video_id"),
    "guest_links": ("id", "video_id", "token_hash", "expires_at"),
    "invitations": ("id", "email", "token_hash", "expires_at"),
    "sessions": ("user_id", "started_at"),  # their keys are hashed
}
ENQUEUED = "SELECT COUNT(*) FROM django_q_ormq"
UNDONE = "SELECT func FROM django_q_task WHERE success = 0"

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
    [packages] = (clone.root / ".venv").glob("lib/python*/site-packages")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target"]
    subprocess.run([*pip, str(packages), *REMOVED_PACKAGES], check=True)


def lasting(clone: Clone, columns: Lasting | None = None) -> Lasting:
    """Returns columns and rows by table, of all columns or of those that are given."""
    found: Lasting = {}
    for table, wanted in (LASTING | IN_FLIGHT).items():
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


def test_a_site_with_the_old_names_is_upgraded_with_all_that_is_in_flight(clone: Clone) -> None:
    """Uploads, jobs, enqueued tasks, sessions, and links that people have."""
    new = go_to(clone, OLD_NAMES)
    install(clone)
    video = clips.hevc_mp4()
    with running(clone, SEED="demo") as process:
        started(process)
        shell(clone, SET_PASSWORD)
        files = digests(clone)
        bob = Sender(clone)
        assert begin_upload(bob)
        assert bob.browser.upload(video)
        end(clone, process, signal.SIGTERM)
    shell(clone, LEAVE_IN_FLIGHT)
    links = json.loads((clone.root / "links.json").read_text())
    before = lasting(clone)
    assert [table for table in IN_FLIGHT if not before[table][1]] == []
    ((enqueued,),) = rows(clone, ENQUEUED)
    assert isinstance(enqueued, int) and enqueued > 10  # noqa: PT018

    git(clone.root, "checkout", "--quiet", "--detach", new)
    install(clone)
    with running(clone, SEED="demo") as process:
        started(process)
        wait_for(lambda: is_whole(clone), seconds=60, name="all of the site")
        assert bob.offset() == 1000
        bob.send(1000)
        wait_for(lambda: rows(clone, UPLOADED, video.name) == [(2,)], seconds=120, name="uploads")
        wait_for(lambda: rows(clone, ENQUEUED) == [(0,)], seconds=60, name="the tasks' turn")
        assert rows(clone, UNDONE) == []
        after = lasting(clone, before)
        for table, (_, kept) in before.items():
            assert kept <= after[table][1], table
        assert files <= digests(clone)
        status, page = bob.browser.ask("/notices/")
        assert (status, b"alice" in page) == (200, True)
        stranger = Browser(clone)
        assert [stranger.ask(path)[0] for path in links] == [200, 200, 200]
        assert "Traceback" not in logs(clone)
        end(clone, process, signal.SIGTERM)
