"""django-q2's cluster, of which no part outlives the one that started it."""

from __future__ import annotations

import os
from typing import Any

from django.core.management.base import CommandError
from django_q import cluster as django_q_cluster
from django_q.cluster import Cluster
from django_q.management.commands.qcluster import Command as QCluster
from django_q.queues import Queue

from clipset.lib.kernel_lock import KernelLock
from clipset.lib.process import bind_forks_to_parent
from clipset.lib.queue import enqueue, free_taken_work
from clipset.lib.stopping import announce_stop
from clipset.startup import prepare_to_run
from siteconfig.schema import WrongMigrationsError


class KillableQueue(Queue):  # type: ignore[misc]
    """By which a cluster hands out work. An idle worker waits with the lock in its hands, and may
    be killed like that."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._rlock, self._wlock = KernelLock(), KernelLock()


class TellingCluster(Cluster):  # type: ignore[misc]
    """Tells its workers that it stops, so that they give back what would take too long."""

    def stop(self) -> bool:
        announce_stop()
        return bool(super().stop())


class Command(QCluster):  # type: ignore[misc]
    help = (
        "Starts the workers. Each of their processes ends with the one that started it: otherwise "
        "those of a killed sentinel would go on taking tasks beside the new ones."
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
        free_taken_work()
        # What waited, or was given back, while nobody was here.
        enqueue("videos.tasks.look_after_jobs")
        cluster = TellingCluster()
        cluster.start()
        if options.get("run_once"):
            cluster.stop()
