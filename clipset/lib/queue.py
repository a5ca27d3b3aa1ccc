"""The only caller of django-q2: hands work to the workers.

The queue only wakes; what is to be done, and how often it was tried, stands in our own tables.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.dispatch import receiver
from django.utils import timezone
from django_q.brokers import get_broker
from django_q.brokers.orm import ORM
from django_q.models import OrmQ, Schedule
from django_q.signals import post_execute, pre_enqueue, pre_execute
from django_q.tasks import async_task

from clipset.lib.request_id import current_request_id, set_request_id

FIRST_CLUSTER: Final[str] = settings.Q_CLUSTER["name"]


def enqueue(function: str, *args: Any, cluster: str | None = None) -> None:
    """Runs `function` (a dotted path) in a worker, once what the caller changes is committed.

    `cluster` names another than the first one, which is for all that is quick.

    With the database as the queue the wake-up is part of the caller's transaction: both are
    there or neither. With Redis it follows on commit; what is lost between is woken again by
    the schedule that looks for waiting work.
    """
    # Named always: else it would be the cluster of whoever calls.
    call = partial(async_task, function, *args, cluster=cluster or FIRST_CLUSTER)
    if settings.REDIS_URL:
        transaction.on_commit(call)
    else:
        call()


def free_taken_work() -> int:
    """Hands out again what a cluster of this name took and did not finish, of which there is one
    at a time: without this it would lie there for as long as a task may take. Returns how many.

    With Redis nothing is left of it: that queue forgets what it hands out.
    """
    broker = get_broker()
    if not isinstance(broker, ORM):
        return 0
    now = timezone.now()
    taken = OrmQ.objects.filter(key=broker.list_key, lock__gt=now)
    return int(taken.update(lock=now))


def waiting_wake_ups(cluster: str | None = None) -> int:
    """How many calls stand in a cluster's queue that no worker has taken yet."""
    return int(get_broker(cluster or FIRST_CLUSTER).queue_size())


def ensure_schedule(name: str, function: str, *, minutes: int) -> None:
    """Makes `function` run every so many minutes. Harmless when it does already."""
    Schedule.objects.update_or_create(
        name=name,
        defaults={
            "func": function,
            "schedule_type": Schedule.MINUTES,
            "minutes": minutes,
            "repeats": -1,
        },
    )


def schedule_delays() -> dict[str, float]:
    """By how many seconds each schedule is late; negative before its time. One query."""
    now = timezone.now()
    rows = Schedule.objects.exclude(repeats=0).values_list("name", "next_run")
    return {name: (now - next_run).total_seconds() for name, next_run in rows}


@receiver(pre_enqueue)
def _note_request(task: dict[str, Any], **_: Any) -> None:
    """A task carries the id of the request that created it, for the log lines of the workers."""
    task["request_id"] = current_request_id()


@receiver([pre_execute, post_execute])
def _enter_request(task: dict[str, Any], **_: Any) -> None:
    """In the worker before the task, and in the monitor before it logs how the task ended."""
    set_request_id(task.get("request_id", ""))
