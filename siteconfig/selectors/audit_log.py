"""What the audit log shows, and to whom.

Each page costs the same, however many entries there are: an index leads to its first entry, and at
most WINDOW entries are looked at. A page that ends earlier for that reason says so, and the next
page goes on from there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Final

from django.db import connection
from django.db.models import BooleanField, Case, Q, Value, When
from django.utils import timezone

from siteconfig.audit_masks import shown_changes, shown_reason
from siteconfig.audit_words import Change, kind_of, kinds, sentence_of
from siteconfig.models import AuditEntry
from siteconfig.models.audit import name_key
from siteconfig.undo import may_undo

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.models import Model, QuerySet

# What moderators read, if it concerns a member below them.
FOR_MODERATORS: Final = frozenset({"video", "comment", "report", "member"})
PAGE: Final = 50  # entries
WINDOW: Final = 10_000  # entries that one page looks at
MAX_FOUND: Final = 1_000  # entries that a search finds
MAX_ACTORS: Final = 50
# Entries are numbered in about the order of their times: transactions overlap.
OVERLAP: Final = 1_000

_NUMBER: Final = re.compile(r"#([0-9]{1,18})")
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The filters of the log.

    Args:
        search: "#12" for an entry, the id of an object or a member, or the beginning of a name.
        who: the name of an actor.
        since, until: the first and the last day, in the site's time zone.
    """

    search: str = ""
    kind: str = ""
    action: str = ""
    who: str = ""
    source: str = ""
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRow:
    """One entry as a reader sees it.

    Args:
        address: "" for moderators.
        reason: without e-mail addresses for moderators (siteconfig.audit_masks), as `changes`.
        can_undo: whether the reader may undo the act, and nobody has done so yet.
        is_undone: whether somebody has undone it.
        undone_by: the entry about the undo; None if the reader may not read it.
    """

    entry: AuditEntry
    sentence: str
    address: str
    reason: str
    changes: list[Change]
    can_undo: bool
    is_undone: bool
    undone_by: AuditEntry | None


@dataclass(frozen=True, slots=True)
class LogPage:
    """Entries, newest first.

    Args:
        before: the id before which the next page begins; None on the last page.
        is_cut: whether the page ends because it has looked at enough entries.
    """

    rows: list[LogRow]
    before: int | None
    is_cut: bool


# -- Rights ---------------------------------------------------------------------------------------
def readable_by(reader: Any) -> Q | Case:
    """Returns the condition for the entries that a member may read.

    Admins read all; moderators read entries about things of members below them, and their own acts.
    What happened to their own things before they were promoted is not below them.
    """
    if not reader.is_staff or not reader.is_active:
        return Q(pk__in=[])
    if reader.is_superuser:
        return Q()
    is_below = Q(object_kind__in=sorted(FOR_MODERATORS), member_rank=0) & ~Q(member_id=reader.pk)
    # SQLite would read and sort all of these entries for an OR.
    return _without_index(is_below | Q(actor_id=reader.pk))


def _without_index(condition: Q) -> Case:
    """Returns the same condition as a CASE, for which the database takes no index."""
    return Case(
        When(condition, then=Value(value=True)),
        default=Value(value=False),
        output_field=BooleanField(),
    )


def may_read(entry: AuditEntry, reader: Any) -> bool:
    """Returns what `readable_by` says about one entry, without a query."""
    if not reader.is_staff or not reader.is_active:
        return False
    is_below = entry.object_kind in FOR_MODERATORS and entry.member_rank == 0
    is_below = is_below and entry.member_id != reader.pk
    return bool(reader.is_superuser or is_below or entry.actor_id == reader.pk)


# -- Pages ----------------------------------------------------------------------------------------
def log_page(
    reader: Any, wanted: Wanted, *, before: int | None = None, size: int = PAGE
) -> LogPage:
    """Returns a page of the log. At most six queries.

    Args:
        before: the id before which the page begins; None for the newest entries.
    """
    entries, next_before, is_cut = _entries(reader, wanted, before, size)
    return LogPage(rows_of(entries, reader), next_before, is_cut)


def all_entries(reader: Any, wanted: Wanted, *, size: int = 500) -> Iterator[AuditEntry]:
    """Yields all entries, newest first, `size` at a time. Newer ones than the first are left out.

    Each piece is a query of its own, so that no transaction stays open.
    """
    before: int | None = None
    while True:
        entries, before, _ = _entries(reader, wanted, before, size)
        yield from entries
        if before is None:
            return


def history_of(thing: Model, reader: Any, *, limit: int = PAGE) -> list[LogRow]:
    """Returns the newest acts on a thing that the reader may read. Two queries at most."""
    kind = kind_of(thing)
    if not kind:
        return []
    found = AuditEntry.objects.filter(
        readable_by(reader), object_kind=kind, object_id=str(thing.pk)
    )
    return rows_of(list(found.order_by("-pk")[:limit]), reader)


def row_of(entry: AuditEntry, reader: Any) -> LogRow:
    return rows_of([entry], reader)[0]


def rows_of(entries: list[AuditEntry], reader: Any) -> list[LogRow]:
    """Returns the entries as the reader sees them. One query, or none without entries."""
    ids = [entry.pk for entry in entries]
    undone = {
        counter.undoes: counter
        for counter in (AuditEntry.objects.filter(undoes__in=ids) if ids else ())
    }
    return [_row(entry, undone.get(entry.pk), reader) for entry in entries]


def _row(entry: AuditEntry, undone_by: AuditEntry | None, reader: Any) -> LogRow:
    return LogRow(
        entry=entry,
        sentence=sentence_of(entry),
        address=entry.address if reader.is_superuser else "",
        reason=shown_reason(entry, reader),
        changes=shown_changes(entry, reader),
        can_undo=undone_by is None and may_undo(entry, reader),
        is_undone=undone_by is not None,
        undone_by=undone_by if undone_by is not None and may_read(undone_by, reader) else None,
    )


def _entries(
    reader: Any, wanted: Wanted, before: int | None, size: int
) -> tuple[list[AuditEntry], int | None, bool]:
    """Returns a page of entries, the id before which the next one begins, and whether it is cut."""
    conditions = _conditions(wanted)
    low, high = _bounds(wanted)
    if before is not None:
        high = before if high is None else min(before, high)
    in_range = AuditEntry.objects.order_by("-pk")
    if high is not None:
        in_range = in_range.filter(pk__lt=high)
    if low is not None:
        in_range = in_range.filter(pk__gte=low)
    # Only the first condition, that of the fewest entries, may lead to them: by the index of
    # another one, all entries of an action would be read for those of an actor.
    found = in_range.filter(
        readable_by(reader), *conditions[:1], *map(_without_index, conditions[1:])
    )
    floor = None
    if not wanted.search and (not reader.is_superuser or len(conditions) > 1):
        # The first condition has an index, which leads to the end of what may be looked at.
        in_window = in_range.filter(*conditions[:1]).values_list("pk", flat=True)
        floor = in_window[WINDOW : WINDOW + 1].first()
        if floor is not None:
            found = found.filter(pk__gte=floor)
    entries = list(_in_time(found, wanted)[: size + 1])
    if len(entries) > size:
        return entries[:size], entries[size - 1].pk, False
    return entries, floor, floor is not None


def _in_time(entries: QuerySet[AuditEntry], wanted: Wanted) -> QuerySet[AuditEntry]:
    if wanted.since:
        entries = entries.filter(at__gte=_beginning(wanted.since))
    if wanted.until:
        entries = entries.filter(at__lt=_beginning(wanted.until + timedelta(days=1)))
    return entries


def _conditions(wanted: Wanted) -> list[Q]:
    """Returns the conditions, that of the fewest entries first. Two queries for a search."""
    conditions = []
    if wanted.search:
        conditions.append(_found(wanted.search))
    if wanted.who:
        conditions.append(Q(actor_name=wanted.who))
    if wanted.action:
        conditions.append(Q(action=wanted.action))
    if wanted.source:
        conditions.append(Q(source=wanted.source))
    if wanted.kind and not wanted.action.startswith(f"{wanted.kind}."):
        conditions.append(Q(object_kind=wanted.kind))
    return conditions


def _found(search: str) -> Q:
    if number := _NUMBER.fullmatch(search):
        return Q(pk=int(number[1]))
    return Q(pk__in=_of_id(search.lower()) if _UUID.fullmatch(search) else _named(search))


def _of_id(key: str) -> list[int]:
    """Returns the newest MAX_FOUND entries about an object, and as many about a member."""
    entries = AuditEntry.objects.order_by("-pk").values_list("pk", flat=True)
    about = entries.filter(object_kind__in=[*kinds()], object_id=key)
    return [*about[:MAX_FOUND], *entries.filter(member_id=key)[:MAX_FOUND]]


def _named(search: str) -> list[int]:
    """Returns the ids of entries whose name begins with a text: exact ones first, newest first."""
    key = name_key(search)
    if not key:
        return []
    named = AuditEntry.objects.filter(name_key__gte=key, name_key__lt=key + b"\xff")
    return list(named.order_by("name_key", "-pk").values_list("pk", flat=True)[:MAX_FOUND])


def _bounds(wanted: Wanted) -> tuple[int | None, int | None]:
    """Returns the lowest id and the one above the highest of the entries in the wanted days.

    They are a little too far apart; the times decide. One query each.
    """
    low = high = None
    ids = AuditEntry.objects.values_list("pk", flat=True)
    if wanted.since:
        first = ids.filter(at__gte=_beginning(wanted.since)).order_by("at").first()
        if first is None:
            return None, 0
        low = first - OVERLAP
    if wanted.until:
        end = _beginning(wanted.until + timedelta(days=1))
        last = ids.filter(at__lt=end).order_by("-at").first()
        high = 0 if last is None else last + OVERLAP
    return low, high


def _beginning(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time()))


# -- Choices of the filters -----------------------------------------------------------------------
def actor_names() -> list[str]:
    """Returns the first MAX_ACTORS names of actors. One query, which goes from name to name.

    DISTINCT would read all entries.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH RECURSIVE names(name, rank) AS ("
            " SELECT MIN(actor_name), 1 FROM audit_entries"
            " UNION ALL SELECT ("
            "  SELECT MIN(actor_name) FROM audit_entries WHERE actor_name > names.name"
            " ), rank + 1 FROM names WHERE name IS NOT NULL AND rank < %s"
            ") SELECT name FROM names WHERE name IS NOT NULL",
            [MAX_ACTORS],
        )
        return [name for (name,) in cursor.fetchall()]


def shown_kinds(reader: Any) -> dict[str, str]:
    """Returns the kinds that the reader may find in the log, with their headings."""
    return {
        name: kind.plural
        for name, kind in kinds().items()
        if reader.is_superuser or name in FOR_MODERATORS
    }


def shown_actions(reader: Any) -> dict[str, dict[str, str]]:
    """Returns the acts of these kinds by heading: {"Videos": {"video.hide": "Hide"}}."""
    return {
        plural: {f"{name}.{verb}": act for verb, (act, _) in kinds()[name].acts.items()}
        for name, plural in shown_kinds(reader).items()
    }
