"""Registry of "Needs attention": each app registers sources of what staff should look at.

A source says what there is for one member of staff, and what they can do about it. To add one:

1. A module `attention/<kind>.py` (or `attention.py`) of the app, with `find` and the acts.
2. `register_source(Source(…))`, called by the app's AppConfig.

Nothing else: the first page of the admin shows the rows, and its one view runs the acts
(siteconfig.attention_site). An act calls a service and checks the rights that it needs itself.

Rules for a source: a fixed number of queries, whatever the number of rows; at most `limit` rows,
the most urgent first; a count that stops at MAX_COUNTED + 1 (`bounded_count`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from django.core.exceptions import ValidationError

from clipset.lib.refusals import RefusedError
from siteconfig.services.put_away import put_away_keys, put_away_row, show_row_again

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from accounts.models import User

logger = logging.getLogger(__name__)

MAX_ROWS: Final = 25  # of each source
MAX_COUNTED: Final = 99  # of each source and of all together
NO_LONGER_OPEN: Final = (
    "This no longer needs attention. Somebody else may have been faster, or it was deleted."
)
NOT_CHECKED: Final = "This could not be checked. The log says why."
# Acts of every row: to put it away for a day, and to undo that.
NOT_NOW: Final = "not-now"
SHOW_AGAIN: Final = "show-again"
NONE_AWAY: Final[frozenset[str]] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """A button or a link of a row.

    Either `name`, that of an act of the source, which is run by a POST, or `url`, the address of a
    page. `value` is sent to the act. An act that destroys something needs `is_destructive`: the
    Enter key never runs it. Better still, make it a link to a page that asks first.
    """

    label: str
    name: str = ""
    value: str = ""
    url: str = ""
    is_destructive: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A row's picture: the image at `url`, else the initials of `member`, else the icon."""

    icon: str = "circle-alert"
    url: str | None = None
    member: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One thing that needs attention.

    `key` is its name in the source: letters, digits, hyphens and underscores. `why` is a sentence.
    `who` is the member whom it concerns. `act` is the likely thing to do, `beside` another one that
    takes one click as well, `menu` are the rest.
    """

    key: str
    title: str
    why: str
    act: Act
    url: str = ""
    who: str = ""
    since: datetime | None = None
    picture: Picture = field(default_factory=Picture)
    menu: tuple[Act, ...] = ()
    beside: Act | None = None

    @property
    def whole_menu(self) -> tuple[Act, ...]:
        return (*self.menu, Act(label="Not now", name=NOT_NOW))


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What an act did, as a sentence. `undo` names one of the source's `undos`; without it the
    audit log's own undo is offered, if what it recorded of the act can be undone.

    `link` is shown once, in the response, and never stored.
    """

    sentence: str
    undo: Act | None = None
    link: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a source is asked for: at most `limit` rows, or only the row of `key` if it is open."""

    staff: User
    limit: int = MAX_ROWS
    key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The request for an act: who wants it, the key of the row, the value of the `Act`, and the
    kind of the source."""

    staff: User
    key: str
    value: str = ""
    kind: str = ""


# Raises: ValidationError or RefusedError with the reason; PermissionDenied or Http404 as the pages
# of the admin do.
Do = Callable[[Asked], Done]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A source of rows.

    Args:
        kind: its name in addresses, such as "failed-videos".
        title: its heading, such as "Failed videos".
        checked: its name inside a sentence, such as "failed videos".
        order: sources with lower numbers come first.
        may_see: whether this member of staff gets its rows.
        find: returns the rows, the most urgent first.
        count: the number of rows, up to MAX_COUNTED + 1. None if there are never many: then the
            rows are counted.
        acts: the acts of its open rows by their names.
        undos: the acts that undo one. The row is not open then.
        more: returns the address of the list of all of them, or "".
    """

    kind: str
    title: str
    checked: str
    order: int
    may_see: Callable[[User], bool]
    find: Callable[[Look], list[Row]]
    count: Callable[[User], int] | None = None
    acts: Mapping[str, Do] = field(default_factory=dict)
    undos: Mapping[str, Do] = field(default_factory=dict)
    more: Callable[[], str] = lambda: ""

    def row(self, staff: User, key: str) -> Row | None:
        """Returns the row of this key if it is still open."""
        return next(iter(self.find(Look(staff=staff, limit=1, key=key))), None)

    def number_of_rows(self, staff: User) -> int:
        """Returns how many rows there are, up to MAX_COUNTED + 1."""
        if self.count is not None:
            return self.count(staff)
        return len(self.find(Look(staff=staff, limit=MAX_COUNTED + 1)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A source's rows for the page. `problem` says that they could not be read.

    `put_away` is how many there are besides that the member of staff has put away.
    """

    source: Source
    rows: list[Row]
    count: int
    put_away: int = 0
    problem: str = ""

    @property
    def number(self) -> str:
        """ "3", "25 of 80" or "25 of 99+"."""
        if self.count <= len(self.rows):
            return str(self.count)
        return f"{len(self.rows)} of {number(self.count)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The result of an act: `done`, or the reason why nothing was done.

    `row` is set if the row is still open, or open again.
    """

    done: Done | None = None
    reason: str = ""
    row: Row | None = None

    @property
    def sentence(self) -> str:
        return self.done.sentence if self.done else self.reason


_sources: Final[dict[str, Source]] = {}


def register_source(source: Source) -> None:
    """Registers a source with the acts that all have. It replaces an earlier one of the same
    kind."""
    acts, undos = {**source.acts, NOT_NOW: _put_away}, {**source.undos, SHOW_AGAIN: _show_again}
    _sources[source.kind] = replace(source, acts=acts, undos=undos)


def sources_for(staff: User) -> list[Source]:
    """Returns the sources that this member of staff may see, in their order."""
    allowed = [source for source in _sources.values() if source.may_see(staff)]
    return sorted(allowed, key=lambda source: source.order)


def find_source(kind: str) -> Source | None:
    return _sources.get(kind)


def bounded_count(rows: QuerySet[Any]) -> int:
    """Counts up to MAX_COUNTED + 1 rows. One query."""
    return rows.order_by()[: MAX_COUNTED + 1].count()


def number(count: int) -> str:
    """A count as pages show it: "12", "99+"."""
    return f"{MAX_COUNTED}+" if count > MAX_COUNTED else str(count)


def sections_for(staff: User) -> list[Section]:
    """Reads all sources. One that fails does not hide the others."""
    away = put_away_keys(staff.pk)
    return [
        _section(source, staff, away.get(source.kind, NONE_AWAY)) for source in sources_for(staff)
    ]


def total_of(counts: Iterable[int]) -> int:
    """Returns the sum of the counts of sources, up to MAX_COUNTED + 1."""
    return min(MAX_COUNTED + 1, sum(counts))


def run_act(source: Source, staff: User, *, key: str, name: str, value: str = "") -> Outcome:
    """Runs an act of a row, or the undoing of one.

    An act whose row is not open any more does nothing: somebody else was faster.

    Raises: KeyError if the source has no such act.
    """
    is_undo = name in source.undos
    act = source.undos[name] if is_undo else source.acts[name]
    if not is_undo and source.row(staff, key) is None:
        return Outcome(reason=NO_LONGER_OPEN)
    try:
        done = act(Asked(staff=staff, key=key, value=value, kind=source.kind))
        return Outcome(done=done, row=source.row(staff, key) if name == SHOW_AGAIN else None)
    except ValidationError as error:
        reason = " ".join(error.messages)
    except RefusedError as error:
        reason = error.sentence
    row = source.row(staff, key)
    if row is None and not is_undo:
        return Outcome(reason=NO_LONGER_OPEN)
    return Outcome(reason=reason, row=row)


def _put_away(asked: Asked) -> Done:
    put_away_row(member_id=asked.staff.pk, kind=asked.kind, key=asked.key)
    return Done(sentence="Put away for a day.", undo=Act(label="Undo", name=SHOW_AGAIN))


def _show_again(asked: Asked) -> Done:
    show_row_again(member_id=asked.staff.pk, kind=asked.kind, key=asked.key)
    return Done(sentence="Back in the list.")


def open_rows(source: Source, staff: User, away: frozenset[str]) -> tuple[list[Row], int]:
    """Returns up to MAX_COUNTED + 1 rows that are not put away, and how many are."""
    found = source.find(Look(staff=staff, limit=MAX_COUNTED + 1 + len(away)))
    rows = [row for row in found if row.key not in away]
    return rows[: MAX_COUNTED + 1], len(found) - len(rows)


def _section(source: Source, staff: User, away: frozenset[str]) -> Section:
    try:
        if source.count is None or away:
            rows, put_away = open_rows(source, staff, away)
            count = len(rows)
        else:
            rows, put_away = source.find(Look(staff=staff)), 0
            count = max(len(rows), source.count(staff))
        return Section(source=source, rows=rows[:MAX_ROWS], count=count, put_away=put_away)
    except Exception:
        logger.exception("the source '%s' of the attention page failed", source.kind)
        return Section(source=source, rows=[], count=0, problem=NOT_CHECKED)
