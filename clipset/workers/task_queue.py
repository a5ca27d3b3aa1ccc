"""The task queue. This is the only module that calls django-q2 to hand work to the workers.

The queue only tells a worker to look for work. The work itself and its attempts are in our tables.
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
from clipset.workers.wake_up import wake_cluster

FIRST_CLUSTER: Final[str] = settings.Q_CLUSTER["name"]


def enqueue(function: str, *args: Any, cluster: str | None = None) -> None:
    """Runs `function` in a worker after the caller's transaction commits.

    With the database as the queue, the task is part of the caller's transaction: both are stored or
    neither. With Redis, the task follows after the commit. If it is lost there, for example while
    Redis is down, that is logged, and the schedule that looks for waiting work enqueues it again.

    Args:
        function: a dotted path.
        cluster: the default is the first cluster, which is for quick tasks.
    """
    # Always named: the default would be the cluster of the calling process.
    call = partial(async_task, function, *args, cluster=cluster or FIRST_CLUSTER)
    if settings.REDIS_URL:
        after_commit(call, what=f"enqueuing {function}")
    else:
        call()
        wake = partial(wake_cluster, cluster or FIRST_CLUSTER)
        after_commit(wake, what=f"waking the workers for {function}")


def return_taken_tasks() -> int:
    """Returns tasks to the queue that an earlier cluster of this name took and did not finish.

    Only one cluster of a name runs at a time. Without this, such a task would stay locked for as
    long as a task may take. Redis forgets a task when a worker takes it, so there is nothing to
    return. Returns the number of tasks.
    """
    broker = get_broker()
    if not isinstance(broker, ORM):
        return 0
    now = timezone.now()
    taken = OrmQ.objects.filter(key=broker.list_key, lock__gt=now)
    return int(taken.update(lock=now))


def empty_queue() -> int:
    """Deletes all waiting tasks. Schedules enqueue their work again. Returns how many."""
    return int(OrmQ.objects.all().delete()[0])


def waiting_task_count(cluster: str | None = None) -> int:
    """The number of tasks in a cluster's queue that no worker has taken yet."""
    return int(get_broker(cluster or FIRST_CLUSTER).queue_size())


def ensure_schedule(name: str, function: str, *, minutes: int, cluster: str | None = None) -> None:
    """Creates or updates the schedule that runs `function` every `minutes` minutes."""
    Schedule.objects.update_or_create(
        name=name, defaults=schedule_columns(function, minutes, cluster)
    )


def schedules_named(name: str) -> list[Schedule]:
    """The rows of a schedule, normally one. One query."""
    return list(Schedule.objects.filter(name=name).order_by("pk"))


def schedule_columns(function: str, minutes: int, cluster: str | None = None) -> dict[str, Any]:
    """The columns of a schedule that runs `function` every `minutes` minutes."""
    return {
        "func": function,
        "schedule_type": Schedule.MINUTES,
        "minutes": minutes,
        "cluster": cluster,
        "repeats": -1,
    }


def bring_back_schedules(*, now: datetime) -> None:
    """Makes schedules and tasks due now that a clock ahead of time has postponed.

    The lock of a waiting task is the time it was enqueued. The lock of a taken task is the time it
    was taken plus Q_CLUSTER's `retry`. A task may therefore run twice, which every task allows.
    Two queries if nothing is wrong.
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
    enqueued = task.task.get("started")  # by the clock of the host that enqueued it
    taken_ahead = task.lock > now + timedelta(seconds=settings.Q_CLUSTER["retry"]) + LEASE_SLACK
    return taken_ahead or (isinstance(enqueued, datetime) and enqueued > now + LEASE_SLACK)


def schedule_delays() -> dict[str, float]:
    """By how many seconds each schedule is late; negative if it is not due yet. One query."""
    now = timezone.now()
    rows = Schedule.objects.exclude(repeats=0).values_list("name", "next_run")
    return {name: (now - next_run).total_seconds() for name, next_run in rows}


@receiver(pre_enqueue)
def _note_request(task: dict[str, Any], **_: Any) -> None:
    """Stores in a task the id of the request that created it, for the workers' log lines."""
    task["request_id"] = current_request_id()


@receiver([pre_execute, post_execute])
def name_task(task: dict[str, Any], **_: Any) -> None:
    """Sets the names of the task and of its request for log lines.

    Runs in the worker before the task, and in the monitor before it logs the task's result.
    """
    name_work(f"task {task.get('func')}")
    set_request_id(task.get("request_id", ""))
