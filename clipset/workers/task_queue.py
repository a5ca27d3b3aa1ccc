"""The only caller of django-q2: hands work to the workers.

The queue only wakes; what is to be done, and how often it was tried, stands in our own tables.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from django.conf import settings
from django.dispatch import receiver
from django.utils import timezone
from django_q.brokers import get_broker
from django_q.brokers.orm import ORM
from django_q.models import OrmQ, Schedule
from django_q.signals import post_execute, pre_enqueue, pre_execute
from django_q.tasks import async_task

from clipset.database.clock import LEASE_SLACK, bring_back, log_mend
from clipset.database.commits import after_commit
from clipset.database.transactions import name_work
from clipset.lib.request_id import current_request_id, set_request_id

FIRST_CLUSTER: Final[str] = settings.Q_CLUSTER["name"]


def enqueue(function: str, *args: Any, cluster: str | None = None) -> None:
    """Runs `function` (a dotted path) in a worker, once what the caller changes is committed.

    `cluster` names another than the first one, which is for all that is quick.

    With the database as the queue the wake-up is part of the caller's transaction: both are
    there or neither. With Redis it follows on commit; what is lost between, as when Redis is
    down, is logged and woken again by the schedule that looks for waiting work.
    """
    # Named always: else it would be the cluster of whoever calls.
    call = partial(async_task, function, *args, cluster=cluster or FIRST_CLUSTER)
    if settings.REDIS_URL:
        after_commit(call, what=f"waking a worker for {function}")
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


def empty_queue() -> int:
    """Forgets every task that waits. The schedules wake for the work. Returns how many."""
    return int(OrmQ.objects.all().delete()[0])


def waiting_wake_ups(cluster: str | None = None) -> int:
    """How many calls stand in a cluster's queue that no worker has taken yet."""
    return int(get_broker(cluster or FIRST_CLUSTER).queue_size())


def ensure_schedule(name: str, function: str, *, minutes: int, cluster: str | None = None) -> None:
    """Makes `function` run every so many minutes. Harmless when it does already."""
    Schedule.objects.update_or_create(name=name, defaults=regularly(function, minutes, cluster))


def schedules_named(name: str) -> list[Schedule]:
    """The rows of a schedule, of which there should be one. One query."""
    return list(Schedule.objects.filter(name=name).order_by("pk"))


def regularly(function: str, minutes: int, cluster: str | None = None) -> dict[str, Any]:
    """What the row of a schedule says that runs `function` every so many minutes."""
    return {
        "func": function,
        "schedule_type": Schedule.MINUTES,
        "minutes": minutes,
        "cluster": cluster,
        "repeats": -1,
    }


def bring_back_schedules(*, now: datetime) -> None:
    """Lets schedules and tasks that a clock ahead put off run now. Two queries, when all is well.

    A waiting task's lock is the moment it was enqueued, a taken one's lies a long time (Q_CLUSTER's
    `retry`) after the moment it was taken. A task may run twice by it, which each of them stands.
    """
    regular = Schedule.objects.filter(schedule_type=Schedule.MINUTES)
    for schedule in regular.filter(next_run__gt=now + LEASE_SLACK):
        latest = now + timedelta(minutes=schedule.minutes or 1) + LEASE_SLACK
        bring_back(regular.filter(pk=schedule.pk), "next_run", after=latest, to=now)
    locked = OrmQ.objects.filter(lock__gt=now)
    ahead = [task.pk for task in locked if _was_enqueued_ahead(task, now)]
    if ahead and (freed := locked.filter(pk__in=ahead).update(lock=now)):
        log_mend("django_q_ormq.lock", rows=freed, to=now)


def _was_enqueued_ahead(task: OrmQ, now: datetime) -> bool:
    enqueued = task.task.get("started")  # by the clock of who enqueued it
    taken_ahead = task.lock > now + timedelta(seconds=settings.Q_CLUSTER["retry"]) + LEASE_SLACK
    return taken_ahead or (isinstance(enqueued, datetime) and enqueued > now + LEASE_SLACK)


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
def name_task(task: dict[str, Any], **_: Any) -> None:
    """Names the task in log lines, with the request that created it: in the worker before the
    task, and in the monitor before it logs how the task ended."""
    name_work(f"task {task.get('func')}")
    set_request_id(task.get("request_id", ""))
