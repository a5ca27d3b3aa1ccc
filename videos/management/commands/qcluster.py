"""Runs django-q2's cluster so that none of its processes outlives the one that started it."""

from __future__ import annotations

import logging
import os
from typing import Any, Final

from django.core.management.base import CommandError
from django.db import close_old_connections
from django_q import cluster as django_q_cluster
from django_q.brokers import Broker
from django_q.cluster import Cluster, Sentinel
from django_q.conf import Conf
from django_q.management.commands.qcluster import Command as QCluster
from django_q.queues import Queue
from django_q.scheduler import scheduler
from django_q.worker import worker

from clipset.database.lock_waits import waiting_at_most
from clipset.lib.kernel_lock import KernelLock
from clipset.startup import prepare_to_run
from clipset.workers.kernel_event import KernelEvent
from clipset.workers.process import bind_forks_to_parent
from clipset.workers.pulse import Pulse
from clipset.workers.stopping import announce_stop
from clipset.workers.task_queue import enqueue, return_taken_tasks
from clipset.workers.ticks import begin_ticking
from siteconfig.schema import WrongMigrationsError
from siteconfig.services import cluster_heartbeats
from videos.services.clock import clock_warning, correct_future_times

logger = logging.getLogger(__name__)

# A short wait, since the guard process also has to watch its workers.
HEARTBEAT_WAITS_SECONDS: Final = 1


class KillableQueue(Queue):  # type: ignore[misc]
    """The queue that hands tasks to workers, with locks of the kernel: an idle worker holds the
    lock while it waits, and may be killed then."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._rlock, self._wlock = KernelLock(), KernelLock()


class BeatingSentinel(Sentinel):  # type: ignore[misc]
    """The guard process of a cluster, which also writes its heartbeat while its processes work."""

    def start(self) -> None:
        self.pulse = Pulse(self._beat)
        super().start()

    def status(self) -> str:
        """The cluster's status. django-q2 calls this in each turn of the guard's loop."""
        if self.start_event.is_set() and not self.stop_event.is_set():
            self.pulse.look(self)
        return str(super().status())

    def _beat(self) -> None:
        close_old_connections()
        with waiting_at_most(HEARTBEAT_WAITS_SECONDS):
            cluster_heartbeats.beat(Conf.CLUSTER_NAME)


def ticking_worker(task_queue: Any, result_queue: Any, timer: Any, timeout: Any) -> None:
    """A worker process whose tasks extend their time limit while they make progress."""
    begin_ticking(timer, timeout)
    worker(task_queue, result_queue, timer, timeout)


class AnnouncingCluster(Cluster):  # type: ignore[misc]
    """A cluster that tells its workers when it stops, so that they give back long jobs."""

    def stop(self) -> bool:
        announce_stop()
        return bool(super().stop())


def run_due_schedules(broker: Broker | None = None) -> None:
    """Runs the due schedules. The guard process calls this every 30 s, independent of the clock.

    Schedules that a clock ahead postponed are corrected first: no scheduled task could do that.
    """
    try:
        correct_future_times()
    except Exception:
        logger.exception("The check of the clock failed; trying again in 30 s.")
    scheduler(broker=broker)


class Command(QCluster):  # type: ignore[misc]
    help = (
        "Starts the workers. Each process ends with the one that started it, so that the workers "
        "of a killed cluster don't go on beside new ones."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        if options.get("cluster_name"):
            os.environ["Q_CLUSTER_NAME"] = options["cluster_name"]
        bind_forks_to_parent()
        try:
            prepare_to_run()
        except WrongMigrationsError as error:
            raise CommandError(str(error)) from error
        django_q_cluster.Queue = KillableQueue
        # The guard process waits for it half a second in each turn.
        django_q_cluster.Event = KernelEvent
        django_q_cluster.scheduler = run_due_schedules
        if warning := clock_warning():
            logger.warning(warning)
        correct_future_times()
        django_q_cluster.Sentinel = BeatingSentinel
        django_q_cluster.worker = ticking_worker
        cluster_heartbeats.forget_old_heartbeats()
        return_taken_tasks()
        # For jobs that waited, or were given back, while no cluster ran.
        enqueue("videos.tasks.look_after_jobs")
        cluster = AnnouncingCluster()
        cluster.start()
        if options.get("run_once"):
            cluster.stop()
