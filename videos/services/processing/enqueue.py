"""Tasks that make workers claim jobs. A job is a row; a task only says that there may be one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.conf import settings

from clipset.database.clock import database_now
from clipset.workers.task_queue import enqueue, waiting_task_count
from videos.models import Job, JobKind, JobState
from videos.querysets import outside_trash_q

if TYPE_CHECKING:
    from datetime import datetime

# The kinds of jobs of each cluster: QUICK ones take seconds, SLOW ones minutes or hours.
QUICK: Final = (JobKind.PUBLISH,)
SLOW: Final = (JobKind.ENCODE, JobKind.ENRICH)
MAX_TASKS_AT_ONCE: Final = 10  # for each cluster


def enqueue_worker(kind: JobKind | str) -> None:
    """Enqueues a task in the cluster that does jobs of this kind."""
    if kind in QUICK:
        enqueue("videos.tasks.run_next_job")
    else:
        enqueue("videos.tasks.run_next_encode", cluster=settings.TRANSCODE_CLUSTER)


def enqueue_due_jobs(*, now: datetime | None = None) -> bool:
    """Enqueues tasks for jobs that are due and for which the queue has none left: after a task was
    lost, or one found every long slot taken. Returns whether any was enqueued."""
    due = Job.objects.filter(
        outside_trash_q("video__"), state=JobState.WAITING, run_after__lte=now or database_now()
    )
    enqueued = False
    for kinds, cluster in ((QUICK, None), (SLOW, settings.TRANSCODE_CLUSTER)):
        missing = due.filter(kind__in=kinds).count() - waiting_task_count(cluster)
        for _ in range(max(0, min(missing, MAX_TASKS_AT_ONCE))):
            enqueue_worker(kinds[0])
            enqueued = True
    return enqueued
