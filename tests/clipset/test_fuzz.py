"""Thousands of requests as member, moderator and admin, mostly forms that pages offer, with values
that no browser sends: none ends in a 500, none takes long, nobody gets what is not theirs.

A failure names its seed and shows the request. `CLIPSET_FUZZ_REQUESTS` sets the number of requests
of a round, `CLIPSET_FUZZ_SEED` its seed.
"""

from __future__ import annotations

import json
import os
import re
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any, Final

import pytest
from django.core.management import call_command
from django.db import connections
from django.urls import reverse
from django.utils.http import urlsafe_base64_encode

from accounts.models import Throttle, TryCount, User
from siteconfig.models import Config
from tests.builders import PASSWORD
from tests.clipset.crawler import every_address
from tests.clipset.fuzzing.held import (
    Keeper,
    changes,
    database_faults,
    granted_in_log,
    roles,
    rows_of_others,
    rows_of_staff,
)
from tests.clipset.fuzzing.pages import Form, view_of
from tests.clipset.fuzzing.visitor import Account, Book, Visitor
from tests.clipset.fuzzing.wire import Line, Request
from tests.clipset.planted import plant
from tests.videos.conftest import gunicorn, site, static_files
from tests.videos.live import HOST, answers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from uuid import UUID

    from tests.clipset.fuzzing.wire import Answer
    from tests.clipset.planted import Site
    from tests.videos.live import Server

__all__ = ["gunicorn", "site", "static_files"]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]

REQUESTS: Final = int(os.environ.get("CLIPSET_FUZZ_REQUESTS", "4000"))  # of a round
SEEDS: Final = [int(os.environ[it]) for it in ("CLIPSET_FUZZ_SEED",) if it in os.environ]
ROUNDS: Final = SEEDS or list(range(1, 6))
NAMES: Final = {"member": "charlie", "uploader": "bob", "moderator": "mona", "admin": "root"}
# The connections of each turn: what members do is judged before staff begin.
TURNS: Final = (
    {"member": 2, "uploader": 2},
    {"moderator": 3, "uploader": 1},
    {"admin": 3, "member": 1},
)
CONNECTIONS: Final = sum(sum(turn.values()) for turn in TURNS)
P99_SECONDS, MAX_SECONDS = 2.0, 10.0
MAX_UNAVAILABLE: Final = 0.005  # of all requests: 503 and 507 with Retry-After
MAX_LOGGED_OUT: Final = 0.1  # of all requests, after which somebody had to log in again
FRESH_EVERY: Final = 100  # requests, after which limits begin again
# Their 503 says that the site is not well, and to whom: not a refusal.
REPORTS: Final = ("/healthz", "/readyz")
# Django logs requests that it refuses as suspicious in one line each, as errors.
IS_ERROR: Final = re.compile(r" (ERROR|CRITICAL) \[|\[(ERROR|CRITICAL)\]")


@dataclass
class Run:
    """All visitors of one site."""

    server: Server
    seed: int
    log: Path
    things: tuple[str, ...]
    places: dict[str, list[str]]
    begins: dict[str, list[str]]
    records: list[tuple[Any, ...]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    books: dict[str, Book] = field(default_factory=dict)
    accounts: dict[str, Account] = field(default_factory=dict)
    keeper: Keeper | None = None
    config: dict[str, Any] = field(default_factory=dict)
    revived: Counter[str] = field(default_factory=Counter)

    def members(self, roles: Iterable[str]) -> list[UUID]:
        return [self.accounts[role].user.pk for role in roles]

    def turn(self, number: int, shares: dict[str, int], requests: int) -> None:
        """Has the visitors of a turn send their part of the requests of a round."""
        self.keeper = Keeper(self.members(shares) if number == 0 else ())
        self.config = dict(Config.objects.values().get()) if "admin" in shares else {}
        each = -(-requests // CONNECTIONS)
        threads = [
            threading.Thread(target=self._visit, args=(number, role, place, each))
            for role, share in shares.items()
            for place in range(share)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _visit(self, turn: int, role: str, place: int, count: int) -> None:
        line = Line(HOST, self.server.port)
        try:
            visitor = self._visitor(turn, role, place, line)
            for number in range(count):
                if number % FRESH_EVERY == 0:
                    self._refresh(visitor)
                request = visitor.next_request()
                answer = visitor.line.ask(request)
                self._note(role, f"{turn}/{role}/{place}/{number}", request, answer)
                visitor.learn(request, answer)
            self.revived[role] += visitor.revived
        except Exception as error:
            self.faults.append(f"the visitor {turn}/{role}/{place} itself failed: {error!r}")
            raise
        finally:
            line.close()
            connections.close_all()

    def _visitor(self, turn: int, role: str, place: int, line: Line) -> Visitor:
        book = self.books.setdefault(role, Book())
        if place == 0:
            for address in self.begins[role]:
                book.note(Form("GET", address))
        random = Random(f"{self.seed}/{turn}/{role}/{place}")
        return Visitor(self.accounts[role], book, random, line, self.things, self.places)

    def _refresh(self, visitor: Visitor) -> None:
        """Limits would refuse most of what follows, and an admin may have turned the site off."""
        Throttle.objects.all().delete()
        TryCount.objects.all().delete()
        if self.config:
            Config.objects.update(**self.config)
        visitor.session = visitor.account.restore()
        assert self.keeper is not None
        self.keeper.put_back()

    def _note(self, role: str, place: str, request: Request, answer: Answer) -> None:
        seconds = round(answer.seconds, 3)
        self.records.append(
            (role, request.method, request.path[:200], answer.status, seconds, request.kind)
        )
        if is_fault(request, answer):
            why = answer.error or f"{answer.status} after {seconds} s"
            name = place.replace("/", "-")
            self.log.with_name(f"{name}.http").write_bytes(request.as_bytes())
            self.faults.append(f"seed {self.seed}, {place}: {why}: {request}")

    def write(self) -> None:
        lines = (json.dumps(record, ensure_ascii=True) for record in self.records)
        self.log.write_text("\n".join(lines) + "\n")


def is_unavailable(answer: Answer) -> bool:
    """Whether it is a refusal for now that says when to come again."""
    return answer.status in {503, 507} and "Retry-After" in answer.headers


def is_fault(request: Request, answer: Answer) -> bool:
    if answer.seconds > MAX_SECONDS or answer.status == 0:
        return True
    is_report = answer.status == 503 and request.path.startswith(REPORTS)
    return answer.status >= 500 and not is_unavailable(answer) and not is_report


@pytest.fixture
def planted(site: Server, media: Path, transactional_db: None) -> Site:
    """Its members have passwords, so that forms which ask for one again can be sent."""
    made = plant(site.media)
    for user in User.objects.filter(username__in=NAMES.values()):
        user.set_password(PASSWORD)
        user.save()
    return made


def reset_link_of(token: str) -> str:
    """The address at which dave, whom nobody plays, gets a new password."""
    dave = urlsafe_base64_encode(str(User.objects.get(username="dave").pk).encode())
    return reverse("password_reset_confirm", args=[dave, token])


@pytest.fixture
def run(site: Server, planted: Site, tmp_path: Path, seed: int) -> Iterator[Run]:
    # Everybody may be sent the links of a guest; the others are for whoever they were sent to.
    tokens = {name: value for value, name in planted.secrets.items() if "token" in name}
    guests = [tokens[f"the token of {name}"] for name in ("open", "secret", "revoked", "expired")]
    begins = {name: [*planted.begins[name], *planted.begins["guest"]] for name in NAMES}
    begins["admin"] += planted.begins["invited"]
    begins["admin"].append(reset_link_of(tokens["the token of reset"]))
    values = {str(one) for thing in planted.things for one in thing.values()}
    places: dict[str, list[str]] = {}
    for link in every_address([*planted.things, *({"token": it} for it in guests)]):
        places.setdefault(view_of(link.address), []).append(link.address)
    made = Run(
        server=site,
        seed=seed,
        log=tmp_path / "requests.jsonl",
        things=tuple(sorted(values | set(guests))),
        places=places,
        begins=begins,
    )
    for role, name in NAMES.items():
        made.accounts[role] = Account(User.objects.get(username=name))
    yield made
    made.write()


def errors_in(text: str) -> list[str]:
    """Errors of the server's log, each with the end of its traceback if it has one."""
    lines, found = text.splitlines(), []
    for number, line in enumerate(lines):
        if line.startswith("Traceback"):
            end = number + 1
            while end < len(lines) - 1 and lines[end].startswith(" "):
                end += 1
            found.append("\n".join([lines[number - 1], *lines[end - 4 : end + 1]]))
        elif IS_ERROR.search(line) and "] django.security." not in line:
            found.append(line)
    return found


def assert_quick(run: Run) -> None:
    times = sorted(record[4] for record in run.records)
    p99 = times[len(times) * 99 // 100]
    slowest = sorted(run.records, key=lambda record: -record[4])[:12]
    assert p99 <= P99_SECONDS, (p99, slowest)
    assert times[-1] <= MAX_SECONDS, slowest


def assert_reaches(run: Run, least: dict[str, int]) -> None:
    """That it went through the site, instead of being refused everywhere."""
    reached = {role: len(book.views) for role, book in run.books.items()}
    assert all(reached[role] >= number for role, number in least.items()), reached
    assert sum(run.revived.values()) < MAX_LOGGED_OUT * len(run.records), run.revived


def report(run: Run, began: float) -> str:
    statuses = Counter(record[3] for record in run.records)
    times = sorted(record[4] for record in run.records)
    points = [times[min(len(times) - 1, len(times) * part // 1000)] for part in (500, 990, 999)]
    views = {role: len(book.views) for role, book in run.books.items()}
    return (
        f"seed {run.seed}: {len(run.records)} requests in {time.monotonic() - began:.0f} s, "
        f"{dict(sorted(statuses.items()))}, p50/p99/p99.9/max {points} {times[-1]}, "
        f"reached {views}, logged in again {dict(run.revived)}"
    )


def go(run: Run, requests: int) -> None:
    """All turns, with what holds after each and at the end."""
    began, start = time.monotonic(), run.server.log.stat().st_size
    had_roles = roles()
    for number, shares in enumerate(TURNS):
        members = run.members(shares)
        others = rows_of_others(than=members) if number == 0 else {}
        staff = rows_of_staff(but=members[0]) if number == 1 else {}
        run.turn(number, shares, requests)
        if number == 0:
            run.faults += changes(others, rows_of_others(than=members))
        if number == 1:
            run.faults += changes(staff, rows_of_staff(but=members[0]))
        for key, now in roles().items():
            is_granted = number == 2 and str(key) in granted_in_log()
            if had_roles.get(key) != now and not is_granted:
                run.faults.append(f"{key} became {now} in turn {number}")
        if number < 2:
            gained = {role: it.gained for role, it in run.accounts.items() if it.gained}
            run.faults += [f"a {role} became {more}" for role, more in gained.items()]
    print(report(run, began))
    with run.server.log.open(errors="replace") as log:
        log.seek(start)
        run.faults += [f"seed {run.seed}, log: {trace}" for trace in errors_in(log.read())]
    run.faults += database_faults()
    call_command("check")
    assert answers(run.server)
    assert not run.faults, "\n\n".join(run.faults[:60])
    unavailable = sum(record[3] in {503, 507} for record in run.records)
    assert unavailable <= MAX_UNAVAILABLE * len(run.records)
    assert_quick(run)


@pytest.mark.long
@pytest.mark.parametrize("seed", ROUNDS)
def test_no_request_breaks_the_site(run: Run) -> None:
    go(run, REQUESTS)
    assert_reaches(run, {"member": 45, "uploader": 50, "moderator": 90, "admin": 95})
