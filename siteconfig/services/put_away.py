"""Puts rows of "Needs attention" away for a day, for one member of staff, and shows them again."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from siteconfig.models import PutAwayRow

if TYPE_CHECKING:
    from uuid import UUID

    from django.db.models import QuerySet

PUT_AWAY_FOR: Final = timedelta(days=1)
MAX_PUT_AWAY: Final = 200  # rows of one member: reading the page takes longer with each
TOO_MANY: Final = f"You have put away {MAX_PUT_AWAY} rows. Show them again before you add more."


def put_away_row(*, member_id: UUID, kind: str, key: str) -> None:
    """Puts a row away for a day from now. Forgets those of the member whose day is over.

    Raises: ValidationError if the member has put away MAX_PUT_AWAY others.
    """
    with transaction.atomic():
        own = PutAwayRow.objects.filter(member_id=member_id)
        own.exclude(pk__in=_still(own).values("pk")).delete()
        if own.exclude(kind=kind, key=key).count() >= MAX_PUT_AWAY:
            raise ValidationError(TOO_MANY)
        PutAwayRow.objects.update_or_create(
            member_id=member_id, kind=kind, key=key, defaults={"put_away_at": timezone.now()}
        )


def show_row_again(*, member_id: UUID, kind: str, key: str) -> None:
    PutAwayRow.objects.filter(member_id=member_id, kind=kind, key=key).delete()


def show_all_again(*, member_id: UUID) -> None:
    PutAwayRow.objects.filter(member_id=member_id).delete()


def put_away_keys(member_id: UUID) -> dict[str, frozenset[str]]:
    """Returns the keys of the rows that the member has put away, by kind. One query."""
    keys: dict[str, set[str]] = defaultdict(set)
    rows = _still(PutAwayRow.objects.filter(member_id=member_id))
    for kind, key in rows.values_list("kind", "key"):
        keys[kind].add(key)
    return {kind: frozenset(found) for kind, found in keys.items()}


def _still(rows: QuerySet[PutAwayRow]) -> QuerySet[PutAwayRow]:
    """Those whose day is not over, and that were not put away by a clock ahead."""
    now = timezone.now()
    return rows.filter(put_away_at__range=(now - PUT_AWAY_FOR, now))
