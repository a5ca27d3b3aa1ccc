"""The queue on Redis, for sites that outgrow the database as a queue."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.processes import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.processes import Site

ENQUEUE = "from django_q.tasks import async_task; print(async_task('accounts.tasks.reset_quotas'))"
DONE = "from django_q.models import Success; print(Success.objects.filter(id='{id}').count())"
WAITING = "from django_q.models import OrmQ; print(OrmQ.objects.count())"


@pytest.mark.redis
def test_workers_take_their_tasks_from_redis(redis: str, make_site: Callable[..., Site]) -> None:
    site = make_site(REDIS_URL=redis)
    task = site.shell(ENQUEUE)
    assert site.shell(WAITING) == "0", "the task waits in the database instead of Redis"
    with site.workers():
        wait_for(lambda: site.shell(DONE.format(id=task)) == "1", name="the task's success")


DELETED_WITHOUT_REDIS = """
from pathlib import Path
from accounts.models import User
from videos.models import Removal, Video
from videos.services.editing import delete_video
from videos.services.removing import work_off_removals
root = Path({root!r})
root.mkdir()
for name in ("a.mp4", "b.mp4"):
    (root / name).write_bytes(b"x")
bob = User.objects.create_user("bob", email="bob@example.org")
delete_video(video=Video.objects.create(
    title="A video", uploaded_by=bob, filename="a.mp4", storage_root=str(root),
    original_filename="a.mp4", file_size_bytes=1,
))
print(Video.objects.count(), Removal.objects.count(), (root / "a.mp4").exists())
print(work_off_removals(), (root / "a.mp4").exists(), (root / "b.mp4").exists())
"""


def test_a_video_that_is_deleted_while_redis_is_down_takes_its_files_along(
    make_site: Callable[..., Site], tmp_path: Path
) -> None:
    site = make_site(REDIS_URL=f"unix://{tmp_path / 'nobody-listens'}")
    told = site.shell(DELETED_WITHOUT_REDIS.format(root=str(tmp_path / "videos")))
    assert told.splitlines()[-2:] == ["0 1 True", "1 False True"]
