"""Heartbeats of the workers' clusters.

Each cluster writes one every 20 s while its processes work (clipset.workers.pulse).
"""

from __future__ import annotations

import socket
from datetime import timedelta
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import DurationField, ExpressionWrapper, F
from django.db.models.functions import Now

from siteconfig.models import ClusterHeartbeat

STALE_SECONDS: Final = 90
# A heartbeat older than this belongs to a host that was removed. It is deleted when a host starts.
FORGOTTEN_AFTER: Final = timedelta(days=30)


def beat(cluster: str) -> None:
    """Writes a heartbeat of this host's cluster of this name. One query."""
    ClusterHeartbeat.objects.bulk_create(
        [ClusterHeartbeat(cluster=cluster, host=socket.gethostname()[:255], beat_at=Now())],
        update_conflicts=True,
        unique_fields=["cluster", "host"],
        update_fields=["beat_at"],
    )


def forget_old_heartbeats() -> None:
    with transaction.atomic():
        ClusterHeartbeat.objects.filter(beat_at__lt=Now() - FORGOTTEN_AFTER).delete()


def cluster_ages() -> dict[str, float | None]:
    """Returns the seconds since each cluster's last heartbeat on any host, by the database's clock.

    None for a cluster without a heartbeat; negative if the clock has been set back. One query.
    """
    ages: dict[str, float | None] = dict.fromkeys(cluster_names())
    age = ExpressionWrapper(Now() - F("beat_at"), output_field=DurationField())
    rows = ClusterHeartbeat.objects.annotate(age=age).values_list("cluster", "age")
    for cluster, since in rows:
        seconds = round(since.total_seconds(), 1)
        known = ages.get(cluster)
        if cluster in ages and (known is None or abs(seconds) < abs(known)):
            ages[cluster] = seconds
    return ages


def late_clusters() -> dict[str, float | None]:
    """Returns the ages of the last heartbeats of clusters that should run and don't, by name.

    Empty if no workers are expected (HEALTH_EXPECTS_WORKERS). One query at most.
    """
    if not settings.HEALTH_EXPECTS_WORKERS:
        return {}
    ages = cluster_ages()
    return {name: age for name, age in ages.items() if age is None or abs(age) > STALE_SECONDS}


def cluster_names() -> list[str]:
    return [str(settings.Q_CLUSTER["name"]), *map(str, settings.Q_CLUSTER["ALT_CLUSTERS"])]
