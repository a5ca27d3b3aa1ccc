"""The sources of "Needs attention" about the site itself: workers that are gone."""

from __future__ import annotations

from datetime import timedelta

from django.urls import reverse
from django.utils import timezone
from django.utils.text import slugify

from clipset.lib.units import human_duration
from siteconfig.attention import Act, Look, Picture, Row, Source, register_source
from siteconfig.services.cluster_heartbeats import late_clusters


def find(look: Look) -> list[Row]:
    rows = [_row(name, age) for name, age in late_clusters().items()]
    return [row for row in rows if look.key in {"", row.key}]


def _row(name: str, age: float | None) -> Row:
    if age is None:
        why = "They have never sent a heartbeat."
    elif age < 0:
        why = "Their last heartbeat is in the future, so the clock was set back."
    else:
        why = f"They have sent no heartbeat for {human_duration(age)}."
    return Row(
        key=slugify(name) or "workers",
        title=f"Workers of the cluster “{name}” are gone",
        why=f"{why} What they do waits. See their logs in data/log, and restart them.",
        since=None if age is None or age < 0 else timezone.now() - timedelta(seconds=age),
        picture=Picture(icon="server-off"),
        act=Act(label="Open site status", url=reverse("readyz")),
        menu=(Act(label="Open jobs", url=reverse("admin:videos_job_changelist")),),
    )


def register_sources() -> None:
    register_source(
        Source(
            kind="workers",
            title="Workers",
            checked="workers",
            order=10,
            may_see=lambda staff: staff.is_superuser,
            find=find,
        )
    )
