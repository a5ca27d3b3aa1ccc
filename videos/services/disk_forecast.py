"""When the disks of the storage roots will be full.

Uploads go on as in the last 30 days, and what is in the trash leaves it on its day.
docs/operations.md says how it is reckoned ("When a disk will be full").
"""

from __future__ import annotations

import math
import shutil
from collections import Counter, defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.db.models import BigIntegerField, Case, Count, F, Min, Q, Sum, Value, When
from django.db.models.functions import Coalesce
from django.utils import timezone

from siteconfig.places import IMAGES, ORIGINALS, SETTINGS
from siteconfig.roots import (
    RootUnavailableError,
    root_path,
    unavailable_roots,
    video_root_name,
)
from siteconfig.services.config import current_config
from siteconfig.services.heartbeat import NEVER, alive_before
from videos.models import Video

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping

    from siteconfig.models import Config

    # Bytes by the day on which they leave the trash: 0 for now, `trash_days` for what came now.
    Freed = Mapping[int, int]

# Forecasts are exact for disks that will be full sooner. For others the trash is not read: it could
# only make the time longer.
HORIZON: Final = timedelta(weeks=8)
PERIOD: Final = timedelta(days=30)
# Newest videos that are summed up. With more of them in 30 days, the time they span counts.
MAX_SUMMED: Final = 1000
# Videos of the trash that are summed up, those first that were uploaded first. More of them would
# only make the time longer.
MAX_TRASHED: Final = 5_000
MIN_SPAN: Final = timedelta(days=1)
DAY: Final = timedelta(days=1)
MAX_DAYS: Final = 36_500


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskForecast:
    """One disk. `roots` are the names of the storage roots on it.

    `time_left` is the time until uploads are refused, None if nothing grows there; zero if they
    are refused already. Until then the trash frees `freed_bytes` within `freed_days`, which is
    counted; zero where no trash is counted.
    """

    roots: tuple[str, ...]
    free_bytes: int
    daily_bytes: int
    time_left: timedelta | None
    freed_bytes: int = 0
    freed_days: int = 0

    @property
    def is_too_full(self) -> bool:
        return self.time_left == timedelta(0)

    @property
    def is_near(self) -> bool:
        """Whether uploads are refused, or will be soon."""
        return self.time_left is not None and self.time_left < HORIZON


@dataclass(frozen=True, slots=True)
class Growth:
    """Bytes a day that uploads add to one root: those that are kept, and those that are put into
    the trash later."""

    kept: int = 0
    thrown_away: int = 0

    def __add__(self, other: Growth) -> Growth:
        return Growth(self.kept + other.kept, self.thrown_away + other.thrown_away)


@dataclass(slots=True)
class _Disk:
    roots: list[str] = field(default_factory=list)
    free: int = 0
    growth: Growth = field(default_factory=Growth)


def disk_forecasts(*, now: datetime | None = None) -> list[DiskForecast]:
    """Returns the disks of the available roots, the one that is full first, first.

    Five queries, and two for the trash if a disk will be full within HORIZON. Nothing is cached:
    free space takes microseconds, and the sums are bounded.
    """
    now = now or timezone.now()
    config = current_config()
    away = unavailable_roots()
    disks = _disks(_growth_of_roots(config, now), away)
    found = {device: _forecast(disk, {}, config) for device, disk in disks.items()}
    if any(one.is_near for one in found.values()):
        for device, freed in _freed_on_devices(config, away, now).items():
            if device in disks:
                found[device] = _forecast(disks[device], freed, config)
    return sorted(
        found.values(), key=lambda it: timedelta.max if it.time_left is None else it.time_left
    )


def _disks(growth: Mapping[str, Growth], away: Container[str]) -> dict[int, _Disk]:
    """The disks that hold the roots of every site and those that grow, by device."""
    disks: dict[int, _Disk] = {}
    for name in dict.fromkeys([*growth, *SETTINGS]):
        if name != IMAGES and name not in away:
            folder = root_path(name)
            disk = disks.setdefault(folder.stat().st_dev, _Disk())
            disk.roots.append(name)
            disk.growth += growth.get(name, Growth())
            disk.free = shutil.disk_usage(folder).free
    return disks


def _forecast(disk: _Disk, freed: Freed, config: Config) -> DiskForecast:
    left = max(0, disk.free - settings.MIN_FREE_DISK_BYTES)
    days = days_until_full(left, disk.growth, freed, trash_days=config.trash_days) if left else 0.0
    return DiskForecast(
        roots=tuple(disk.roots),
        free_bytes=disk.free,
        daily_bytes=disk.growth.kept + disk.growth.thrown_away,
        time_left=None if days is None else timedelta(days=min(days, MAX_DAYS)),
        freed_bytes=sum(freed.values()),
        freed_days=max(freed, default=0),
    )


def days_until_full(left: int, growth: Growth, freed: Freed, *, trash_days: int) -> float | None:
    """Returns in how many days `left` bytes are used up; None if they never are.

    Until `trash_days` everything that is uploaded takes space, and what is in the trash leaves on
    its day. From then on as much leaves as is thrown away, so only what is kept counts.
    """
    daily = growth.kept + growth.thrown_away
    for day in range(trash_days):
        left += freed.get(day, 0)
        if left < daily:
            return day + left / daily
        left -= daily
    left += freed.get(trash_days, 0)
    return trash_days + left / growth.kept if growth.kept else None


# -- growth ---------------------------------------------------------------------------------------


def _growth_of_roots(config: Config, now: datetime) -> dict[str, Growth]:
    """What uploads add to each root in a day: renditions, and originals kept beside them."""
    renditions, originals = _daily_growth(now, trash_days=config.trash_days)
    try:
        growth = {video_root_name(config): renditions}
    except RootUnavailableError:
        growth = {}
    growth[ORIGINALS] = growth.get(ORIGINALS, Growth()) + originals
    return growth


def _daily_growth(now: datetime, *, trash_days: int) -> tuple[Growth, Growth]:
    """What renditions grow in a day, and originals that are kept beside them. One query.

    Of uploads in the trash only those of the last `trash_days` count: all that were thrown away
    since are still there.
    """
    throwing = min(PERIOD, timedelta(days=trash_days))
    newest = (
        Video.objects.filter(created_at__range=(now - PERIOD, now))
        .order_by("-created_at", "-pk")
        .annotate(
            rendered=Coalesce("stored_bytes", "file_size_bytes"),
            original=Case(
                When(original_key="", then=Value(0)),
                default=F("file_size_bytes"),
                output_field=BigIntegerField(),
            ),
        )
    )
    kept = Q(trashed_at=None)
    thrown = Q(trashed_at__isnull=False, created_at__gt=now - throwing)
    summed = newest[:MAX_SUMMED].aggregate(
        videos=Count("pk"),
        oldest=Min("created_at"),
        kept_rendered=Sum("rendered", filter=kept, default=0),
        kept_original=Sum("original", filter=kept, default=0),
        thrown_rendered=Sum("rendered", filter=thrown, default=0),
        thrown_original=Sum("original", filter=thrown, default=0),
    )
    span = PERIOD
    if summed["videos"] >= MAX_SUMMED:
        span = max(MIN_SPAN, now - summed["oldest"])
    days, thrown_days = span / DAY, max(DAY, min(span, throwing)) / DAY

    def growth(kind: str) -> Growth:
        thrown_away = summed[f"thrown_{kind}"] / thrown_days
        return Growth(int(summed[f"kept_{kind}"] / days), int(thrown_away))

    return growth("rendered"), growth("original")


# -- the trash ------------------------------------------------------------------------------------


def _freed_on_devices(config: Config, away: Container[str], now: datetime) -> dict[int, Freed]:
    """What leaves the trash of each device, on which day. Two queries."""
    devices: dict[int, Counter[int]] = defaultdict(Counter)
    for root, freed in _freed_in_roots(trash_days=config.trash_days, now=now).items():
        if root not in away:
            with suppress(RootUnavailableError):  # no root has this name any more
                devices[root_path(root).stat().st_dev].update(freed)
    return dict(devices)


def _freed_in_roots(*, trash_days: int, now: datetime) -> dict[str, Counter[int]]:
    """What leaves the trash in each root, on which day: renditions, and the original or the
    source."""
    before = alive_before(days=trash_days, now=now)
    if before == NEVER:  # a young site, which will have run every day
        before = now - timedelta(days=trash_days)
    freed: dict[str, Counter[int]] = defaultdict(Counter)
    trashed = Video.objects.in_trash().order_by("created_at", "pk")
    files = trashed.values_list(
        *("trashed_at", "storage_root", "stored_bytes", "file_size_bytes"),
        *("original_root", "original_key", "source_root", "source_key"),
    )
    for at, root, stored, size, *kept in files[:MAX_TRASHED]:
        day = min(trash_days, max(0, math.ceil((at - before) / DAY)))
        freed[root][day] += stored or 0
        if kept_root := _root_of_upload(kept):
            freed[kept_root][day] += size
    return freed


def _root_of_upload(kept: Iterable[str]) -> str:
    """The root that has the uploaded file: as the original, or as the source. "" for neither."""
    original_root, original_key, source_root, source_key = kept
    if original_key:
        return original_root
    return source_root if source_key else ""
