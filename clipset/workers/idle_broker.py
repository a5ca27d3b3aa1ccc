"""The task queue during the trial start of scripts/upgrade: workers run and take no task.

The trial may be taken back together with its database. A worker that took a job meanwhile would
have moved files that the old database still names at their old places.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from django.conf import settings
from django_q.brokers.orm import ORM

if TYPE_CHECKING:
    from django_q.brokers import Broker

POLL_SECONDS: float = settings.Q_CLUSTER["poll"]


def make_idle_broker(list_key: str) -> Broker:
    """For Q_CLUSTER's `broker_class`."""
    if not settings.REDIS_URL:
        return IdleORM(list_key=list_key)
    # Its module needs redis, which only sites with a REDIS_URL have.
    from django_q.brokers.redis_broker import Redis

    class IdleRedis(Redis):  # type: ignore[misc]
        def dequeue(self) -> None:
            time.sleep(POLL_SECONDS)

    return IdleRedis(list_key=list_key)


class IdleORM(ORM):  # type: ignore[misc]
    def dequeue(self) -> None:
        time.sleep(POLL_SECONDS)
