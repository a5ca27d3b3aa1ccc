"""Storage roots that are away, and disks that are full or will be within weeks. For admins only."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.urls import reverse

from clipset.lib.units import human_bytes, plural
from clipset.ui.admin import IN_TRASH, TrashFilter
from siteconfig.attention import Act, Look, Picture, Row, Source
from videos.services.disk_forecast import DiskForecast, disk_forecasts
from videos.services.storage import missing_roots


def find(look: Look) -> list[Row]:
    rows = [_away_row(name, why) for name, why in missing_roots().items()]
    # Those on which uploads are refused, or will be within eight weeks.
    rows += [_full_row(disk) for disk in disk_forecasts() if disk.is_near]
    return [row for row in rows if look.key in {"", row.key}][: look.limit]


def _away_row(name: str, why: str) -> Row:
    return Row(
        key=f"away-{name}",
        title=f"Storage root “{name}” is away",
        why=f"{why} Until it is there, nothing is written or removed there, and jobs wait.",
        picture=Picture(icon="server-off"),
        act=Act(label="Open site status", url=reverse("readyz")),
    )


def _full_row(disk: DiskForecast) -> Row:
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
    videos = reverse("admin:videos_video_changelist")
    trash = Act(label="Open trash", url=f"{videos}?{TrashFilter.parameter_name}={IN_TRASH}")
    if disk.freed_bytes:
        why += f" {_trash(disk)}"
    largest = f"{videos}?o=-7"  # by size
    return Row(
        key=disk.roots[0],
        title=f"Disk of {', '.join(disk.roots)}",
        why=why,
        picture=Picture(icon="hard-drive"),
        act=Act(label="Show largest videos", url=largest),
        menu=(
            *((trash,) if disk.freed_bytes else ()),
            Act(label="Open statistics", url=reverse("admin:videos_dailystatistics_changelist")),
            Act(label="Open removals", url=reverse("admin:videos_removal_changelist")),
            Act(label="Change configuration", url=reverse("admin:siteconfig_config_changelist")),
        ),
    )


def _trash(disk: DiskForecast) -> str:
    freed, days = human_bytes(disk.freed_bytes), plural(max(1, disk.freed_days), "day")
    if disk.is_too_full:
        return f"The trash frees {freed} here within {days}, or when you delete it for good."
    return f"That counts the trash, which frees {freed} here within {days}."


def _in_weeks(time: timedelta) -> str:
    days = max(1, time.days)
    return f"about {plural(days, 'day')}" if days < 14 else f"about {days // 7} weeks"


SOURCE = Source(
    kind="disks",
    title="Disks",
    checked="disks",
    order=20,
    may_see=lambda staff: staff.is_superuser,
    find=find,
)
