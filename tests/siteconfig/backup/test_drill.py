"""A small backup drill: the backup of a busy site is killed, taken again and restored elsewhere.

tests/scripts/test_backup_drill.py does the same with web server and workers.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests import clips
from tests.processes import ROOT, wait_for
from tests.projects import Project, sqlite_url
from tests.truth import Keeper, Told, check_files, check_rows, check_told, stored_tables, tables_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.projects import Databases

pytestmark = [pytest.mark.restic, pytest.mark.ffmpeg]

MAX_VIDEOS: Final = 9
# Members use the site until standard input ends. Each line of output is one of its answers.
BUSY = """
import sys, threading
from pathlib import Path
from accounts.models import User
from tests.videos.stored_videos import sent_video
from videos.models import Video
from videos.services.details import delete_video
from videos.services.file_hashes import hash_stored_files
from videos.services.processing.attempt import process_next_job
from videos.services.removing import work_off_removals
from videos.services.comments import write_comment

bob = User.objects.create_user("bob", "bob@example.org", "a long enough passphrase")
over = threading.Event()

def wait_for_end():
    sys.stdin.read()
    over.set()

def work():
    while not over.is_set():
        if process_next_job(("PUBLISH", "ENCODE")) == "nothing to do":
            hash_stored_files()
            work_off_removals()
            over.wait(0.1)

def say(*words):
    print(*words, flush=True)

threading.Thread(target=wait_for_end, daemon=True).start()
worker = threading.Thread(target=work)
worker.start()
videos = [Path(name) for name in {video_files!r}]
number = 0
while not over.wait(0.4):
    if number == {most}:
        continue
    video = sent_video(bob, videos[number % len(videos)], title=f"Video {{number}}")
    say("uploaded", video.short_id)
    write_comment(video=video, author=bob, text=f"{{video.short_id}} {{number}}")
    say("commented", video.short_id, number)
    if number % 3 == 2:
        oldest = Video.objects.filter(processing_status="COMPLETED").order_by("created_at").first()
        if oldest:
            say("asked", oldest.short_id)
            delete_video(video=oldest)
            say("deleted", oldest.short_id)
    number += 1
worker.join()
"""
# The restored site takes the jobs of the original site's worker back at once.
GO_ON = """
from datetime import timedelta
from django.test import Client
from django.utils import timezone
from accounts.models import User
from videos.models import Job, Video
from videos.services.processing.jobs import requeue_lost_jobs
from videos.services.processing.attempt import process_next_job
Job.objects.filter(state="RUNNING").update(lease_until=timezone.now() - timedelta(seconds=1))
requeue_lost_jobs()
Job.objects.update(run_after=timezone.now())
waiting = Job.objects.filter(state="WAITING").count()
while process_next_job(("PUBLISH", "ENCODE")) != "nothing to do":
    pass
assert process_next_job(("ENRICH",)) == "completed"
client = Client(headers={"host": "127.0.0.1"})
client.force_login(User.objects.get(username="bob"))
for video in Video.objects.all():
    assert video.processing_status == "COMPLETED", (video.short_id, video.error_message)
    address = f"/v/{video.short_id}/{video.renditions.first().name}.mp4"
    answer = client.get(address, headers={"range": "bytes=0-99"})
    assert answer.status_code == 206, answer.status_code
print(waiting, Video.objects.count())
"""


@pytest.mark.long  # test_backup.py backs up and restores a site in each run
def test_a_busy_site_comes_back_with_all_that_it_had_acknowledged(
    databases: Databases, backed_up: dict[str, str], tmp_path: Path
) -> None:
    site = databases.project(tmp_path / "site", **backed_up)
    site.environment["PYTHONPATH"] = str(ROOT)
    keeper, answers = Keeper(site.media, tmp_path / "kept"), Told()
    keeper.start()
    video_files = [str(clips.h264_mp4(seconds=1)), str(clips.hevc_mp4(seconds=1))]
    with at_work(site, answers, video_files):
        wait_for(lambda: len(answers.uploaded) >= 2, seconds=60, name="two uploads")
        kill_a_backup(site, backed_up)
        before = answers.copy()
        output = site.manage("backup")
        after = answers.copy()
    keeper.end()
    snapshot = output.split()[1].rstrip(":")
    again = Project(tmp_path / "again", url=databases.empty(), **backed_up)
    assert "Everything matches the backup." in again.manage("restore")
    stored = stored_tables(backed_up, snapshot, tmp_path)
    url = again.url or sqlite_url(again.root / "data/clipset.db")
    assert check_rows(stored, tables_of(url)) > 100
    assert check_files(keeper, again.media) > 0
    videos = {str(short_id) for (short_id,) in again.rows("SELECT short_id FROM videos")}
    comments = {str(text) for (text,) in again.rows("SELECT text FROM comments")}
    check_told(before, after, videos, comments)
    again.environment["PYTHONPATH"] = str(ROOT)
    assert int(again.shell(GO_ON).split()[1]) == len(videos)


@contextmanager
def at_work(site: Project, answers: Told, video_files: list[str]) -> Iterator[None]:
    code = BUSY.format(video_files=video_files, most=MAX_VIDEOS)
    options = site.command("shell", "--no-imports", "-c", code) | {"stdin": subprocess.PIPE}
    busy = subprocess.Popen(**options, stdout=subprocess.PIPE, text=True)
    listener = threading.Thread(target=listen, args=(busy, answers))
    listener.start()
    try:
        yield
    finally:
        assert busy.stdin
        busy.stdin.close()
        listener.join()
        assert busy.stdout
        busy.stdout.close()
        code_of_exit = busy.wait()
    assert code_of_exit == 0


def listen(busy: subprocess.Popen[str], answers: Told) -> None:
    sets = {
        "uploaded": answers.uploaded,
        "commented": answers.commented,
        "asked": answers.asked_to_delete,
        "deleted": answers.deleted,
    }
    for line in busy.stdout or ():
        word, _, rest = line.strip().partition(" ")
        sets[word].add(rest)


def kill_a_backup(site: Project, store: dict[str, str]) -> None:
    """Kills a backup with SIGKILL while restic writes."""
    data = Path(store["BACKUP_REPOSITORY"]) / "data"
    before = set(data.rglob("*/*"))
    with subprocess.Popen(
        **site.command("backup"), stdout=subprocess.DEVNULL, start_new_session=True
    ) as process:
        wait_for(lambda: set(data.rglob("*/*")) > before, seconds=60, name="data in its store")
        os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
