"""Disks that are full, or will be within weeks. For admins only."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.urls import reverse

from clipset.lib.units import human_bytes, plural
from siteconfig.attention import Act, Look, Picture, Row, Source
from videos.services.disk_forecast import DiskForecast, disk_forecasts

if TYPE_CHECKING:
    pass

SHOWN_BELOW: Final = timedelta(weeks=8)


def full_disks() -> list[DiskForecast]:
    """Disks on which uploads are refused, or will be within eight weeks."""
    return [
        disk
        for disk in disk_forecasts()
        if disk.time_left is not None and disk.time_left < SHOWN_BELOW
    ]


def find(look: Look) -> list[Row]:
    return [_row(disk) for disk in full_disks() if look.key in {"", disk.roots[0]}][: look.limit]


def _row(disk: DiskForecast) -> Row:
    free = f"{human_bytes(disk.free_bytes)} free."
    if disk.is_too_full:
        least = human_bytes(settings.MIN_FREE_DISK_BYTES)
        why = f"{free} Uploads are refused below {least}. Delete files or add space."
    else:
        daily = human_bytes(disk.daily_bytes)
        why = (
            f"{free} At the growth of the last 30 days, {daily} a day, uploads will be refused in "
            f"{_in_weeks(disk.time_left or timedelta(0))}."
        )
    largest = f"{reverse('admin:videos_video_changelist')}?o=-7"  # by size
    return Row(
        key=disk.roots[0],
        title=f"Disk of {', '.join(disk.roots)}",
        why=why,
        picture=Picture(icon="hard-drive"),
        act=Act(label="Show largest videos", url=largest),
        menu=(
            Act(label="Open removals", url=reverse("admin:videos_removal_changelist")),
            Act(label="Change configuration", url=reverse("admin:siteconfig_config_changelist")),
        ),
    )


def _in_weeks(time: timedelta) -> str:
    days = max(1, time.days)
    return f"about {plural(days, 'day')}" if days < 14 else f"about {days // 7} weeks"


SOURCE = Source(
    kind="disks",
    title="Disk space",
    checked="disk space",
    order=20,
    may_see=lambda staff: staff.is_superuser,
    find=find,
    count=lambda _staff: len(full_disks()),
)
