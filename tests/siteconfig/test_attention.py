from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import ValidationError
from django.db.models.functions import Now

from siteconfig import attention
from siteconfig.attention import Act, Asked, Done, Look, Picture, Row, Source
from siteconfig.attention_counts import kept_total
from siteconfig.models import ClusterHeartbeat
from tests.attention import HTMX, act, rows_of, titles_of, workers_live
from tests.builders import make_admin, make_moderator, make_user, make_video
from tests.siteconfig.audit_log import hidden

if TYPE_CHECKING:
    from django.test import Client
    from pytest_django import Settings

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def only_test_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets each test register sources; those of the site are left out, but for the workers."""
    own = {"workers": attention._sources["workers"]}
    monkeypatch.setattr(attention, "_sources", own)


class Things:
    """A source of open things by their keys, with acts that close and reopen one."""

    def __init__(self, *keys: str, **fields: object) -> None:
        self.open = list(keys)
        self.refusal = ""
        source = {"kind": "things", "title": "Things", "checked": "things", "order": 1}
        attention.register_source(
            Source(
                **source  # type: ignore[arg-type] # its fields
                | {
                    "may_see": lambda staff: staff.is_staff,
                    "find": self.find,
                    "count": lambda _staff: min(len(self.open), attention.MAX_COUNTED + 1),
                    "acts": {"close": self.close},
                    "undos": {"reopen": self.reopen},
                    "more": lambda: "/all-things/",
                }
                | fields
            )
        )

    def find(self, look: Look) -> list[Row]:
        keys = [key for key in self.open if look.key in {"", key}]
        close = Act(label="Close", name="close")
        return [
            Row(key=key, title=f"Thing {key}", why="It is open.", act=close, menu=(close,))
            for key in keys[: look.limit]
        ]

    def close(self, asked: Asked) -> Done:
        if self.refusal:
            raise ValidationError(self.refusal)
        self.open.remove(asked.key)
        return Done(sentence=f"Closed {asked.key}.", undo=Act(label="Undo", name="reopen"))

    def reopen(self, asked: Asked) -> Done:
        self.open.append(asked.key)
        return Done(sentence=f"Reopened {asked.key}.")


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(make_moderator("mona"))
    return client


def test_the_first_page_of_the_admin_begins_with_what_needs_attention(staff: Client) -> None:
    Things("a", "b")
    page = staff.get("/admin/").text
    assert page.index("Thing a") < page.index("Thing b") < page.index("Tables")
    assert 'data-total="2"' in page


def test_with_nothing_to_do_the_page_says_what_was_checked(staff: Client) -> None:
    Things()
    page = staff.get("/admin/").text
    assert "Nothing needs attention." in page
    assert "Checked: things." in page


def test_a_section_says_how_many_of_how_many_it_shows(staff: Client) -> None:
    Things(*map(str, range(300)))
    page = staff.get("/admin/").text
    assert "25 of 99+" in page
    assert page.count("data-row\n") == attention.MAX_ROWS
    assert 'href="/all-things/"' in page


def test_a_source_that_fails_does_not_hide_the_others(
    staff: Client, caplog: pytest.LogCaptureFixture
) -> None:
    Things("a")
    Things(kind="broken", title="Broken", order=0, find=lambda _look: 1 / 0)
    page = staff.get("/admin/").text
    assert "This could not be checked. The log says why." in page
    assert "Thing a" in page
    assert "ZeroDivisionError" in caplog.text


def test_members_of_staff_get_only_the_sources_that_they_may_see(client: Client) -> None:
    Things("a", may_see=lambda staff: staff.is_superuser)
    client.force_login(make_moderator())
    assert "Thing a" not in client.get("/admin/").text
    assert act(client, "things", "a", "close").status_code == 403
    client.force_login(make_admin())
    assert "Thing a" in client.get("/admin/").text


# -- Acts -----------------------------------------------------------------------------------------


def test_an_act_replaces_the_row_by_its_result_and_updates_the_counts(staff: Client) -> None:
    things = Things("a", "b")
    response = act(staff, "things", "a", "close")
    assert response.status_code == 200
    assert "Closed a." in response.text
    assert 'action="/admin/attention/things/a/reopen/"' in response.text
    assert 'id="attention-count-things" hx-swap-oob="true">1<' in response.text
    assert "Nothing needs attention." not in response.text
    assert things.open == ["b"]


def test_the_last_act_leaves_the_empty_page(staff: Client) -> None:
    Things("a")
    assert "Nothing needs attention." in act(staff, "things", "a", "close").text


def test_an_act_can_be_undone(staff: Client) -> None:
    things = Things("a")
    act(staff, "things", "a", "close")
    assert "Reopened a." in act(staff, "things", "a", "reopen").text
    assert things.open == ["a"]


def test_an_act_on_what_somebody_else_has_done_does_nothing(staff: Client) -> None:
    things = Things("b")
    response = act(staff, "things", "a", "close")
    assert response.status_code == 200
    assert "This no longer needs attention." in response.text
    assert things.open == ["b"]


def test_an_act_that_was_refused_because_somebody_was_faster_says_so(staff: Client) -> None:
    things = Things("a")

    def close(asked: Asked) -> Done:
        things.open.remove(asked.key)  # by somebody else, after the row was read
        raise ValidationError("Not open.")

    source = attention.find_source("things")
    assert source is not None
    acts = source.acts
    assert isinstance(acts, dict)
    acts["close"] = close
    response = act(staff, "things", "a", "close")
    assert "This no longer needs attention." in response.text
    assert "Not open." not in response.text


def test_a_refused_act_keeps_the_row_and_says_why(staff: Client) -> None:
    Things("a").refusal = "The disk is away. Try again later."
    response = act(staff, "things", "a", "close")
    assert response.status_code == 422
    assert "Thing a" in response.text
    assert "The disk is away. Try again later." in response.text


@pytest.mark.parametrize("path", ["things/a/none", "none/a/close"])
def test_unknown_acts_are_not_found(staff: Client, path: str) -> None:
    Things("a")
    assert staff.post(f"/admin/attention/{path}/").status_code == 404


def test_acts_are_posts(staff: Client) -> None:
    Things("a")
    assert staff.get("/admin/attention/things/a/close/").status_code == 405


def test_members_have_no_acts(client: Client) -> None:
    things = Things("a")
    client.force_login(make_user())
    assert act(client, "things", "a", "close").status_code == 302
    assert things.open == ["a"]


# -- Without scripts ------------------------------------------------------------------------------


def test_without_scripts_an_act_leads_back_with_a_message_that_can_undo_it(staff: Client) -> None:
    things = Things("a")
    page = staff.post("/admin/attention/things/a/close/", follow=True)
    assert page.redirect_chain == [("/admin/", 302)]
    assert "Closed a." in page.text
    assert 'action="/admin/attention/things/a/reopen/"' in page.text
    staff.post("/admin/attention/things/a/reopen/")
    assert things.open == ["a"]


def test_without_scripts_a_refusal_is_a_message(staff: Client) -> None:
    Things("a").refusal = "The disk is away."
    page = staff.post("/admin/attention/things/a/close/", follow=True)
    assert "The disk is away." in page.text


def test_without_scripts_a_link_is_shown_at_once_and_never_stored(staff: Client) -> None:
    done = Done(sentence="New link.", link="https://example.org/register/secret/")
    Things("a", acts={"close": lambda _asked: done})
    page = staff.post("/admin/attention/things/a/close/")
    assert page.status_code == 200
    assert "register/secret" in page.text
    assert "no-store" in page["Cache-Control"]
    assert "register/secret" not in staff.get("/admin/").text


# -- The list by htmx, and the number in the bar --------------------------------------------------


def test_htmx_gets_the_list_alone_and_others_the_page(staff: Client) -> None:
    Things("a")
    part = staff.get("/admin/attention/", headers=HTMX).text
    assert "Thing a" in part
    assert "<html" not in part
    assert staff.get("/admin/attention/")["Location"] == "/admin/"


def test_staff_find_the_number_in_the_bar_of_the_site(client: Client) -> None:
    Things("a", "b")
    client.force_login(make_moderator())
    page = client.get("/users/").text
    assert 'aria-label="Needs attention, 2"' in page
    client.force_login(make_user())
    assert "Needs attention" not in client.get("/users/").text


def test_the_number_is_counted_once_a_minute_and_after_each_act(
    staff: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    things = Things("a", "b")
    staff.get("/users/")
    things.open.append("c")
    assert 'aria-label="Needs attention, 2"' in staff.get("/users/").text
    act(staff, "things", "a", "close")
    assert 'aria-label="Needs attention, 2"' in staff.get("/users/").text
    act(staff, "things", "b", "close")
    assert 'aria-label="Needs attention, 1"' in staff.get("/users/").text


def test_the_number_is_counted_again_after_each_act_in_the_log(staff: Client) -> None:
    """Wherever somebody acts: on the site, in lists of the admin, in another process."""
    things = Things("a", "b")
    staff.get("/users/")
    things.open.remove("a")
    assert 'aria-label="Needs attention, 2"' in staff.get("/users/").text
    hidden(make_video(), by=make_moderator())
    assert 'aria-label="Needs attention, 1"' in staff.get("/users/").text


def test_the_number_stops_at_ninety_nine() -> None:
    Things(*map(str, range(80)))
    Things(*map(str, range(80)), kind="others")
    assert attention.number(kept_total(make_moderator())) == "99+"


def test_initials_stand_for_a_member_without_an_avatar(staff: Client) -> None:
    shown = Row(
        key="a",
        title="anna_berg",
        why="Hm.",
        act=Act(label="Open", url="/profile/anna_berg/"),
        picture=Picture(member="anna_berg"),
    )
    Things("a", find=lambda _look: [shown])
    assert ">AB</span>" in staff.get("/admin/").text


# -- Workers --------------------------------------------------------------------------------------


@pytest.fixture
def expects_workers(settings: Settings) -> None:
    settings.HEALTH_EXPECTS_WORKERS = True
    workers_live()


@pytest.mark.usefixtures("expects_workers")
def test_workers_that_are_gone_are_shown_to_admins() -> None:
    assert titles_of("workers", make_admin()) == []
    name = ClusterHeartbeat.objects.earliest("pk").cluster
    ClusterHeartbeat.objects.filter(cluster=name).update(beat_at=Now() - timedelta(minutes=5))
    [row] = rows_of("workers", make_admin())
    assert name in row.title
    assert "for about 5 minutes" in row.why
    assert rows_of("workers", make_moderator()) == []


def test_no_workers_are_missed_where_none_are_expected() -> None:
    assert titles_of("workers", make_admin()) == []
