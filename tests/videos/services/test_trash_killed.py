"""Kills among trash, restore and purge: no file without its row, no row without its file.

tests/scripts/test_chaos.py kills parts of a whole site during the same acts, and looks at
what is left in the end. Here every kill hits such an act, and everything is checked after each.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.conf import settings as django_settings
from django.utils import timezone

from accounts.models import User
from tests.builders import live_for, make_admin, make_user
from tests.processes import ROOT
from tests.videos import live
from tests.videos.services.test_files import video_with_files
from videos.models import Removal, SearchDocument, Video, VideoDeletion
from videos.services.deletions import delete_marked_rows
from videos.services.removing import work_off_removals
from videos.services.search_changes import apply_waiting_changes

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.long]

KILLS, VIDEOS = 50, 8

# One process for each line, which does something to the trash again and again until it is killed.
WORKER = """
import os, random, sys
from datetime import timedelta
import django
django.setup()
from django.core.exceptions import ValidationError
from django.db import connections
from django.utils import timezone
from accounts.models import User
from accounts.services.trash import restore_member, trash_members
from videos.models import Video
from videos.services.deletions import delete_marked_rows, request_deletions
from videos.services.removing import work_off_removals
from videos.services.trash import delete_for_good, restore_video, trash_video

def work(dice):
    root, carol = User.objects.get(username="root"), User.objects.get(username="carol")
    while True:
        video = dice.choice(list(Video.objects.filter(uploaded_by__username="bob")) or [None])
        act = dice.randrange(10)
        try:
            if video is None or act == 9:
                restore_member(user=carol, by=root)
            elif act < 3:
                trash_video(video=video, by=root)
            elif act < 5:
                restore_video(video=video, by=root)
            elif act == 5:
                delete_for_good(video=video, by=root)
            elif act == 6:
                old = timezone.now() - timedelta(days=50)
                Video.objects.filter(pk=video.pk, trashed_at__isnull=False).update(trashed_at=old)
                delete_marked_rows()
            elif act == 7:
                one = Video.objects.filter(pk=video.pk)
                request_deletions(videos=one, requested_by=root, for_good=dice.random() < 0.5)
                delete_marked_rows()
            else:
                trash_members(users=[carol], by=root)
            work_off_removals()
        except (ValidationError, Video.DoesNotExist):
            pass

for line in sys.stdin:
    connections.close_all()
    child = os.fork()
    if not child:
        work(random.Random(int(line)))
    print(child, flush=True)
    os.waitpid(child, 0)
    print("ended", flush=True)
"""


@pytest.fixture
def workers(media: Path, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", WORKER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env=live.environment(media, tmp_path),
        text=True,
    ) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


def kill_one(workers: subprocess.Popen[str], dice: random.Random, number: int) -> None:
    assert workers.stdin is not None
    assert workers.stdout is not None
    workers.stdin.write(f"{number}\n")
    workers.stdin.flush()
    child = int(workers.stdout.readline())
    time.sleep(dice.uniform(0.02, 0.6))
    os.kill(child, signal.SIGKILL)
    assert workers.stdout.readline() == "ended\n"


def settle() -> None:
    """What the workers of the next minutes do."""
    while delete_marked_rows():
        pass
    Removal.objects.update(taken_until=None, next_try_at=timezone.now() - timedelta(hours=1))
    work_off_removals()
    apply_waiting_changes()


def files_on_disk() -> set[Path]:
    media = Path(django_settings.MEDIA_ROOT)
    kept = ("videos", "thumbnails", "originals", "temp")
    found = {path for name in kept for path in (media / name).rglob("*") if path.is_file()}
    return {path for path in found if not path.name.startswith(".")}


def files_of_rows() -> set[Path]:
    found: set[Path | None] = set()
    for video in Video.objects.all():
        found |= {video.file_path, video.thumbnail_path, video.source_file, video.original_file}
    return {path for path in found if path is not None}


def test_kills_leave_each_file_with_its_row_and_each_row_with_its_files(
    workers: subprocess.Popen[str],
) -> None:
    live_for(40)
    make_admin("root")
    bob, carol = make_user("bob"), make_user("carol")
    for number in range(3):
        video_with_files(carol, f"carol-{number}")
    dice, made = random.Random(15), 0
    outcomes = set[bool]()
    for number in range(5 * KILLS):
        # On a busy machine the first ones are killed before they do anything.
        if number >= KILLS and made > VIDEOS and len(outcomes) == 2:
            break
        for _ in range(VIDEOS - bob.videos.count()):
            made += 1
            video_with_files(bob, f"bob-{made}")
        kill_one(workers, dice, number)
        outcomes |= {bool(it.trashed_at) for it in bob.videos.all()}
        settle()
        assert files_on_disk() == files_of_rows(), number
        assert not VideoDeletion.objects.exists()
        published = set(Video.objects.published().values_list("pk", flat=True))
        assert set(SearchDocument.objects.values_list("video", flat=True)) == published
        carol.refresh_from_db()
        assert not carol.is_moving
        theirs = {it.is_trashed for it in carol.videos.all()}
        assert theirs == {carol.is_trashed}, "all of a member's videos, or none"
    assert outcomes == {True, False}
    assert made > VIDEOS, "some were deleted for good"
    assert User.objects.count() == 3
