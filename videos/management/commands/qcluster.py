"""django-q2's cluster, of which no part outlives the one that started it."""

from __future__ import annotations

import os
from typing import Any

from django_q.cluster import Cluster
from django_q.management.commands.qcluster import Command as QCluster

from clipset.lib.process import bind_forks_to_parent
from clipset.lib.queue import enqueue, free_taken_work
from clipset.lib.stopping import announce_stop


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
        free_taken_work()
        # What waited, or was given back, while nobody was here.
        enqueue("videos.tasks.look_after_jobs")
        cluster = TellingCluster()
        cluster.start()
        if options.get("run_once"):
            cluster.stop()
