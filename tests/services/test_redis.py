"""The task queue on Redis, for sites that are too large for one in the database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.processes import short_folder, wait_for
from tests.projects import database_rows, sqlite_url
from tests.services.conftest import running_redis

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.processes import Site

ENQUEUE = "from django_q.tasks import async_task; print(async_task('accounts.tasks.reset_quotas'))"
DONE = "from django_q.models import Success; print(Success.objects.filter(id='{id}').count())"
WAITING = "from django_q.models import OrmQ; print(OrmQ.objects.count())"


@pytest.mark.long  # what waited while Redis was down is done by such workers, too
@pytest.mark.redis
def test_workers_take_their_tasks_from_redis(redis: str, make_site: Callable[..., Site]) -> None:
    site = make_site(REDIS_URL=redis)
    task = site.shell(ENQUEUE)
    assert site.shell(WAITING) == "0", "the task waits in the database instead of Redis"
    with site.workers():
        wait_for(lambda: site.shell(DONE.format(id=task)) == "1", name="the task's success")


DELETE = """
from accounts.models import User
from siteconfig.roots import root_path
from videos.models import Removal, Video
from videos.services.details import delete_video
from videos.services.removing import work_off_removals
root = root_path("videos")
for name in ("a.mp4", "b.mp4"):
    (root / name).write_bytes(b"x")
alice = User.objects.create_user("alice", email="alice@example.org")
delete_video(video=Video.objects.create(
    title="A video", uploaded_by=alice, filename="a.mp4", storage_root="videos",
    original_filename="a.mp4", file_size_bytes=1,
))
print(Video.objects.count(), Removal.objects.count(), (root / "a.mp4").exists())
print(work_off_removals(), (root / "a.mp4").exists(), (root / "b.mp4").exists())
"""
CHANGE = """
from django.test import Client
from accounts.services.passwords import request_reset
from tests.builders import make_user, make_video
from tests.videos.tus_client import create
bob = make_user("bob")
comments_page = f"/v/{make_video(uploader=bob).short_id}/comments/"
client = Client(raise_request_exception=False, headers={"host": "127.0.0.1"})
client.force_login(bob)
sent = create(client, 7, b"a video")
said = client.post(comments_page, {"text": "Hello"})
request_reset("bob@example.org", client="127.0.0.1")
print(sent.status_code, said.status_code)
"""
STORED = """
SELECT (SELECT count(*) FROM videos WHERE original_filename = 'sea.mp4'),
    (SELECT count(*) FROM comments), state, attempts
FROM jobs
"""


@pytest.mark.redis
def test_what_is_committed_while_redis_is_down_succeeds_and_is_done_later(
    make_site: Callable[..., Site],
) -> None:
    """A video that is deleted meanwhile takes its files along, and no others."""
    with short_folder() as folder:
        site = make_site(REDIS_URL=f"unix://{folder / 'redis.sock'}")

        def stored() -> list[tuple[object, ...]]:
            return database_rows(sqlite_url(site.database), STORED)

        with running_redis(folder):
            pass
        told = site.shell(DELETE + CHANGE).splitlines()
        assert told[-3:] == ["0 1 True", "1 False True", "201 302"]
        assert stored() == [(1, 1, "WAITING", 0)]
        with running_redis(folder), site.workers():
            wait_for(lambda: stored() != [(1, 1, "WAITING", 0)], name="the work on it")
