"""Leases of files of older versions that are to be finalised, one at a time on the whole site.

A row is FINALISING while its file may differ from what the row says; a lease in the row keeps other
workers away. A worker that is killed leaves it like this, and the next run goes on with it. The
work itself is in videos.services.processing.finalise.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.db import IntegrityError, transaction
from django.db.models import F, Q

from clipset.database.clock import LEASE_SLACK, database_now
from clipset.database.limited import limited_count
from siteconfig.backup.runs import backup_is_running
from siteconfig.roots import is_available, root_names
from videos.models import Rendition, RenditionLayout

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.models import QuerySet

logger = logging.getLogger(__name__)

LEASE: Final = timedelta(seconds=60)
# After so many tries that failed or were killed, a file is left as it is.
MAX_TRIES: Final = 5


class LeaseLostError(Exception):
    """Another worker has the row by now, or the rendition was deleted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalisingProgress:
    """Numbers of complete renditions, which stop above MAX_COUNTED: of those that are `left`, and
    of those that are `unfit` to become ordinary files."""

    left: int
    unfit: int


def finalising_progress() -> FinalisingProgress:
    """How many files are still to be finalised. Three queries, answered by partial indexes."""
    complete = Rendition.objects.filter(is_complete=True)
    return FinalisingProgress(
        left=limited_count(complete.filter(layout=RenditionLayout.FRAGMENTED)) + _begun().count(),
        unfit=limited_count(complete.filter(layout=RenditionLayout.UNFIT)),
    )


def files_are_being_finalised() -> bool:
    """Whether a worker may be changing a file at this moment. A backup waits until it is done."""
    return _begun().filter(_is_held(database_now())).exists()


# -- leases ---------------------------------------------------------------------------------------


def _begun() -> QuerySet[Rendition]:
    """The row that is FINALISING: there is one at most."""
    return Rendition.objects.filter(layout=RenditionLayout.FINALISING)


def _is_held(now: datetime) -> Q:
    """Rows that a worker has leased. A lease that ends later than possible was written by a clock
    that was ahead and does not count."""
    return Q(finalising_until__gt=now, finalising_until__lte=now + LEASE + LEASE_SLACK)


def lease_next(*, failed: set[int], full: set[str]) -> Lease | None:
    """Leases the file that an earlier run began, else one that has been tried least; of these the
    newest, which is watched most. `failed`, and those in the roots `full`, are left out.

    None when there is none, another worker is at work, or a backup is running.
    """
    now = database_now()
    free = Q(finalising_until=None) | ~_is_held(now)
    begun = _begun().first()
    if begun is not None and not is_available(begun.root):
        # Its disk went away. The others do not wait for it.
        _begun().filter(free).update(layout=RenditionLayout.FRAGMENTED, finalising_until=None)
        begun = None
    found = begun or _next(failed, full)
    if found is None:
        return None
    row = Rendition.objects.filter(free, pk=found.pk, layout=found.layout)
    if found.finalise_tries >= MAX_TRIES:  # killed each time
        if row.update(layout=RenditionLayout.UNFIT, finalising_until=None):
            logger.error("%s is left as it is after %d tries", found.path.name, MAX_TRIES)
        return None
    lease = _lease(row, found, until=now + LEASE)
    # Leased before it is checked whether a backup is running. A backup first records that it is
    # running, then checks for leases: so one of the two sees the other.
    if lease is not None and backup_is_running():
        lease.release()
        return None
    return lease


def _lease(row: QuerySet[Rendition], found: Rendition, *, until: datetime) -> Lease | None:
    try:
        with transaction.atomic():
            leased = row.update(
                layout=RenditionLayout.FINALISING,
                finalising_until=until,
                finalise_tries=F("finalise_tries") + 1,
            )
    except IntegrityError:  # another worker has begun another file
        return None
    found.finalising_until, found.finalise_tries = until, found.finalise_tries + 1
    return Lease(found) if leased else None


def _next(failed: set[int], full: set[str]) -> Rendition | None:
    available = [name for name in root_names() if is_available(name) and name not in full]
    waiting = Rendition.objects.filter(
        layout=RenditionLayout.FRAGMENTED, is_complete=True, root__in=available
    )
    return waiting.exclude(pk__in=failed).order_by("finalise_tries", "-pk").first()


class Lease:
    """A leased row. Each change of it is one UPDATE on condition of the lease."""

    def __init__(self, rendition: Rendition) -> None:
        self.rendition = rendition
        self.until = rendition.finalising_until

    @property
    def row(self) -> QuerySet[Rendition]:
        return _begun().filter(pk=self.rendition.pk, finalising_until=self.until)

    def renew(self) -> None:
        """Extends the lease. Raises: LeaseLostError."""
        until = database_now() + LEASE
        if not self.row.update(finalising_until=until):
            raise LeaseLostError
        self.until = until

    def release(self) -> None:
        """Ends the lease as if the file had not been tried. The next run goes on with it."""
        self.row.update(finalising_until=None, finalise_tries=F("finalise_tries") - 1)

    def put_off(self) -> None:
        """Ends the lease as if the file had not been tried. Other files come first."""
        self.row.update(
            layout=RenditionLayout.FRAGMENTED,
            finalising_until=None,
            finalise_tries=F("finalise_tries") - 1,
        )

    def end(self, layout: RenditionLayout, **changes: object) -> None:
        """Ends the work. Raises: LeaseLostError."""
        if not self.row.update(layout=layout, finalising_until=None, **changes):
            raise LeaseLostError
