"""When the disks of the storage roots will be full, if videos go on growing as lately."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.db.models import BigIntegerField, Case, Count, F, Min, Sum, Value, When
from django.db.models.functions import Coalesce
from django.utils import timezone

from siteconfig.places import IMAGES, ORIGINALS, SETTINGS
from siteconfig.roots import RootUnavailableError, root_path, unavailable_roots
from siteconfig.services.config import current_video_root
from videos.models import Video

if TYPE_CHECKING:
    from pathlib import Path

PERIOD: Final = timedelta(days=30)
# Newest videos that are summed up. With more of them in 30 days, the time they span counts.
MAX_SUMMED: Final = 1000
MIN_SPAN: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskForecast:
    """One disk. `roots` are the names of the storage roots on it.

    `time_left` is the time until uploads are refused, None if nothing grows there; zero if they
    are refused already.
    """

    roots: tuple[str, ...]
    free_bytes: int
    daily_bytes: int
    time_left: timedelta | None

    @property
    def is_too_full(self) -> bool:
        return self.time_left == timedelta(0)


def disk_forecasts(*, now: datetime | None = None) -> list[DiskForecast]:
    """Returns the disks of the available roots, the one that is full first, first.

    Five queries. Nothing is cached: free space takes microseconds, and the sum is bounded.
    """
    rendered, kept = _daily_growth(now or timezone.now())
    try:
        growth = {current_video_root(): rendered}
    except RootUnavailableError:
        growth = {}
    growth[ORIGINALS] = growth.get(ORIGINALS, 0) + kept
    disks: dict[int, list[tuple[str, Path]]] = {}
    left_out = {IMAGES, *unavailable_roots()}
    for name in dict.fromkeys([*growth, *SETTINGS]):
        if name not in left_out:
            folder = root_path(name)
            disks.setdefault(folder.stat().st_dev, []).append((name, folder))
    found = [_forecast(roots, growth) for roots in disks.values()]
    return sorted(found, key=lambda it: timedelta.max if it.time_left is None else it.time_left)


def _forecast(roots: list[tuple[str, Path]], growth: dict[str, int]) -> DiskForecast:
    free = shutil.disk_usage(roots[0][1]).free
    daily = sum(growth.get(name, 0) for name, _ in roots)
    left = max(0, free - settings.MIN_FREE_DISK_BYTES)
    time_left = None
    if left == 0:
        time_left = timedelta(0)
    elif daily:
        time_left = timedelta(days=min(left / daily, 36500))
    names = tuple(name for name, _ in roots)
    return DiskForecast(roots=names, free_bytes=free, daily_bytes=daily, time_left=time_left)


def _daily_growth(now: datetime) -> tuple[int, int]:
    """Bytes a day of renditions, and of originals that are kept beside them. One query."""
    newest = (
        Video.objects.filter(created_at__range=(now - PERIOD, now))
        .order_by("-created_at", "-pk")
        .annotate(
            rendered=Coalesce("stored_bytes", "file_size_bytes"),
            kept=Case(
                When(original_key="", then=Value(0)),
                default=F("file_size_bytes"),
                output_field=BigIntegerField(),
            ),
        )
    )
    summed = newest[:MAX_SUMMED].aggregate(
        videos=Count("pk"),
        oldest=Min("created_at"),
        rendered_bytes=Sum("rendered", default=0),
        kept_bytes=Sum("kept", default=0),
    )
    span = PERIOD
    if summed["videos"] >= MAX_SUMMED:
        span = max(MIN_SPAN, now - summed["oldest"])
    days = span / timedelta(days=1)
    return int(summed["rendered_bytes"] / days), int(summed["kept_bytes"] / days)
