"""A task queue without tasks, for the trial start of scripts/upgrade.

If the trial fails, the upgrade restores the old database. A worker that ran a job during the trial
could have moved files that the old database still expects at their old paths.
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
    """Creates the broker for Q_CLUSTER's `broker_class`."""
    if not settings.REDIS_URL:
        return IdleORM(list_key=list_key)
    # Imported here since it needs the package redis, which only sites with a REDIS_URL have.
    from django_q.brokers.redis_broker import Redis

    class IdleRedis(Redis):  # type: ignore[misc]
        def dequeue(self) -> None:
            time.sleep(POLL_SECONDS)

    return IdleRedis(list_key=list_key)


class IdleORM(ORM):  # type: ignore[misc]
    """django-q2's database broker, which never returns a task."""

    def dequeue(self) -> None:
        time.sleep(POLL_SECONDS)
