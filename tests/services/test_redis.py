"""The queue on Redis, for sites that outgrow the database as a queue."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.processes import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable

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
