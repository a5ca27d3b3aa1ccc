"""Workers of a trial start take no task, with each kind of task queue."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.processes import Site

TAKE_ONE = """
from django_q.brokers import get_broker
from django_q.tasks import async_task
async_task("accounts.tasks.reset_quotas")
print(len(get_broker().dequeue() or []), get_broker().queue_size())
"""


@pytest.mark.long  # upgrades make trial starts, and are tested with --long
def test_with_the_database_as_the_queue(make_site: Callable[..., Site]) -> None:
    site = make_site(CLIPSET_TRIAL="1")
    assert site.shell(TAKE_ONE) == "0 1"
    del site.environment["CLIPSET_TRIAL"]
    assert site.shell(TAKE_ONE) == "1 1"


@pytest.mark.long  # upgrades make trial starts, and are tested with --long
@pytest.mark.redis
def test_with_redis(make_site: Callable[..., Site], redis: str) -> None:
    site = make_site(REDIS_URL=redis, CLIPSET_TRIAL="1")
    assert site.shell(TAKE_ONE) == "0 1"
    del site.environment["CLIPSET_TRIAL"]
    assert site.shell(TAKE_ONE).startswith("1 ")
