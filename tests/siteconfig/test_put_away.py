"""Rows of "Needs attention" that a member of staff puts away for a day."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from siteconfig import attention
from siteconfig.attention import Act, Look, Row, Source
from siteconfig.attention_counts import attention_counts
from siteconfig.models import PutAwayRow
from siteconfig.services import put_away
from siteconfig.services.put_away import put_away_keys, put_away_row
from tests.attention import act
from tests.builders import make_moderator

if TYPE_CHECKING:
    from accounts.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

SHOWN = "data-row\n"


@pytest.fixture(autouse=True, params=["counted", "not counted"])
def open_things(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> list[str]:
    """The keys of the only source of the site, which counts its rows by a query or not."""
    keys = ["a", "b"]

    def find(look: Look) -> list[Row]:
        found = [key for key in keys if look.key in {"", key}][: look.limit]
        close = Act(label="Close", name="close")
        return [Row(key=key, title=f"Thing {key}", why="Open.", act=close) for key in found]

    def count(_staff: User) -> int:
        return min(len(keys), attention.MAX_COUNTED + 1)

    monkeypatch.setattr(attention, "_sources", {})
    attention.register_source(
        Source(
            kind="things",
            title="Things",
            checked="things",
            order=1,
            may_see=lambda _staff: True,
            find=find,
            count=count if request.param == "counted" else None,
        )
    )
    return keys


@pytest.fixture
def mona() -> User:
    return make_moderator("mona")


@pytest.fixture
def client(mona: User) -> Client:
    client = Client()
    client.force_login(mona)
    return client


def not_now(client: Client, key: str) -> str:
    answer = act(client, "things", key, "not-now")
    assert answer.status_code == 200
    text: str = answer.text
    return text


def test_a_row_is_put_away_for_its_member_alone(client: Client) -> None:
    answer = not_now(client, "a")
    assert "Put away for a day." in answer
    assert 'id="attention-count-things" hx-swap-oob="true">1<' in answer
    assert "You put 1 row away for a day." in answer
    page = client.get("/admin/").text
    assert "Thing a" not in page
    assert "Thing b" in page
    assert 'data-total="1"' in page
    assert "You put 1 row away for a day." in page
    assert 'aria-label="Needs attention, 1"' in client.get("/users/").text
    other = Client()
    other.force_login(make_moderator())
    page = other.get("/admin/").text
    assert "Thing a" in page
    assert "Show again" not in page


def test_it_is_undone(client: Client) -> None:
    assert 'action="/admin/attention/things/a/show-again/"' in not_now(client, "a")
    answer = act(client, "things", "a", "show-again")
    assert answer.status_code == 200
    assert "Thing a" in answer.text, "the row is back in its place"
    assert client.get("/admin/").text.count(SHOWN) == 2


def test_all_are_shown_again_on_request(client: Client) -> None:
    for key in ("a", "b"):
        answer = not_now(client, key)
    assert "Nothing else needs attention." in answer
    page = client.get("/admin/").text
    assert "Nothing else needs attention." in page
    assert "You put 2 rows away for a day." in page
    page = client.post("/admin/attention/show-again/", follow=True).text
    assert page.count(SHOWN) == 2
    assert not PutAwayRow.objects.exists()


def test_without_scripts_a_message_offers_the_undo(client: Client) -> None:
    page = client.post("/admin/attention/things/a/not-now/", follow=True).text
    assert "Put away for a day." in page
    client.post("/admin/attention/things/a/show-again/")
    assert client.get("/admin/").text.count(SHOWN) == 2


@pytest.mark.parametrize("ago", [timedelta(days=1, seconds=1), timedelta(days=-2)])
def test_after_a_day_it_is_there_again(client: Client, mona: User, ago: timedelta) -> None:
    """Also if a clock was ahead when it was put away."""
    not_now(client, "a")
    PutAwayRow.objects.update(put_away_at=timezone.now() - ago)
    assert "Thing a" in client.get("/admin/").text
    not_now(client, "b")
    assert PutAwayRow.objects.get().key == "b", "what is over is forgotten"
    assert put_away_keys(mona.pk) == {"things": frozenset("b")}


def test_what_was_handled_meanwhile_is_not_counted(client: Client, open_things: list[str]) -> None:
    not_now(client, "a")
    open_things.remove("a")
    page = client.get("/admin/").text
    assert "put 1 row" not in page
    assert 'data-total="1"' in page
    assert "no longer needs attention" in act(client, "things", "a", "not-now").text


def test_the_page_stays_full(client: Client, open_things: list[str], mona: User) -> None:
    open_things[:] = map(str, range(300))
    for key in open_things[:30]:
        put_away_row(member_id=mona.pk, kind="things", key=key)
    page = client.get("/admin/").text
    assert page.count(SHOWN) == attention.MAX_ROWS
    assert "25 of 99+" in page
    assert "Thing 30" in page
    assert "You put 30 rows away" in page


def test_twice_is_once_and_there_is_a_limit(mona: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(put_away, "MAX_PUT_AWAY", 2)
    for key in ("a", "a", "b", "a"):
        put_away_row(member_id=mona.pk, kind="things", key=key)
    with pytest.raises(ValidationError, match="Show them again"):
        put_away_row(member_id=mona.pk, kind="things", key="c")
    assert PutAwayRow.objects.count() == 2


def test_it_costs_one_query(mona: User) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as made:
            attention_counts(mona)
        return len(made)

    assert queries() == 1
    for number in range(20):
        put_away_row(member_id=mona.pk, kind="things", key=str(number))
    assert queries() == 1
