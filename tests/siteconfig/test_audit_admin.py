"""The audit log in the admin: who reads what, filters, download, histories."""

from __future__ import annotations

import csv
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.urls import reverse
from django.utils import timezone

from siteconfig.audit_csv import harmless
from siteconfig.models import AuditEntry
from siteconfig.selectors import audit_log
from siteconfig.selectors.audit_log import Wanted, log_page
from tests.builders import count_queries, make_admin, make_moderator, make_user, make_video
from tests.siteconfig.audit_log import config_changed, hidden, of_kind, recorded
from videos.models import HiddenReason

if TYPE_CHECKING:
    from django.test import Client

    from accounts.models import User

pytestmark = pytest.mark.django_db

LOG = "/admin/siteconfig/auditentry/"
EXPORT = f"{LOG}export/"


def page_of(entry: AuditEntry) -> str:
    return f"{LOG}{entry.pk}/change/"


def names(reader: User, **wanted: object) -> list[str]:
    rows = log_page(reader, Wanted(**wanted)).rows  # type: ignore[arg-type] # as in the test
    return [row.entry.object_name for row in rows]


# -- Addresses in reasons --------------------------------------------------------------------------
def test_an_address_in_a_reason_is_shown_to_admins_and_to_who_typed_it(client: Client) -> None:
    typed = "Ask carl.o'neil+x@mail.example.org, or Dora."
    author, admin = make_moderator(), make_admin()
    entry = hidden(make_video(), by=author, reason=typed)
    assert entry.after["hidden_text"] == typed
    seen = {author: True, admin: True, make_moderator(): False}
    for reader, is_shown in seen.items():
        client.force_login(reader)
        download = client.post(EXPORT)
        texts = [
            b"".join(download.streaming_content).decode(),  # type: ignore[attr-defined]
            client.get(LOG).text,
            client.get(page_of(entry)).text,
            client.get(reverse("admin:videos_video_history", args=[entry.object_id])).text,
        ]
        for text in texts:
            assert ("mail.example.org" in text) == is_shown
            assert ("Ask [e-mail address], or Dora." in text) != is_shown


# -- Who reads what -------------------------------------------------------------------------------
# Kind, the rank of the member whom the entry concerns, whether a moderator reads it.
READ_BY_MODERATORS = [
    ("video", 0, True),
    ("comment", 0, True),
    ("report", 0, True),
    ("member", 0, True),
    ("video", 1, False),
    ("comment", 2, False),
    ("report", 1, False),
    ("member", 1, False),
    ("member", 2, False),
    ("video", None, False),
    ("config", None, False),
    ("config", 0, False),
    ("session", 0, False),
    ("invitation", 0, False),
    ("guest_link", 0, False),
    ("category", 0, False),
    ("playlist", 0, False),
    ("audit", None, False),
]


@pytest.mark.parametrize(("kind", "rank", "is_read"), READ_BY_MODERATORS)
def test_moderators_read_what_concerns_members_below_them(
    client: Client, kind: str, rank: int | None, *, is_read: bool
) -> None:
    entry = of_kind(kind, by=make_admin(), rank=rank)
    moderator = make_moderator()
    client.force_login(moderator)
    assert (entry.object_name in client.get(LOG).content.decode()) == is_read
    assert (client.get(page_of(entry)).status_code == 200) == is_read
    lines = b"".join(client.post(EXPORT).streaming_content).decode()  # type: ignore[attr-defined]
    assert (entry.object_name in lines) == is_read
    assert audit_log.may_read(entry, moderator) == is_read
    assert client.post(f"{LOG}undo/", {"entry": entry.pk}).status_code == (302 if is_read else 404)


@pytest.mark.parametrize(("kind", "rank", "is_read"), READ_BY_MODERATORS)
def test_moderators_read_what_they_did_and_admins_everything(
    kind: str, rank: int | None, *, is_read: bool
) -> None:
    moderator, admin = make_moderator(), make_admin()
    entry = of_kind(kind, by=moderator, rank=rank)
    for reader in (moderator, admin):
        assert names(reader) == [entry.object_name]
        assert audit_log.may_read(entry, reader)
    assert names(make_user()) == []
    assert not audit_log.may_read(entry, make_user())
    assert not audit_log.may_read(entry, make_moderator(is_active=False))


def test_only_admins_see_network_addresses(client: Client) -> None:
    entry = hidden(make_video("Sunset"), by=make_admin())
    for user, is_shown in ((make_moderator(), False), (make_admin(), True)):
        client.force_login(user)
        for path in (LOG, page_of(entry)):
            assert ("192.0.2.7" in client.get(path).content.decode()) == is_shown
        lines = b"".join(client.post(EXPORT).streaming_content)  # type: ignore[attr-defined]
        assert (b"192.0.2.7" in lines) == is_shown


def test_nobody_adds_changes_or_deletes_entries(client: Client) -> None:
    entry = hidden(make_video(), by=make_admin())
    client.force_login(make_admin())
    assert client.post(LOG, {"action": "delete_selected", "_selected_action": 1}).status_code == 405
    assert client.post(page_of(entry), {"reason": "another"}).status_code == 403
    for page in ("add/", f"{entry.pk}/delete/"):
        assert client.get(f"{LOG}{page}").status_code == 403
        assert client.post(f"{LOG}{page}", {"post": "yes"}).status_code == 403
    assert AuditEntry.objects.count() == 1


# -- What is shown --------------------------------------------------------------------------------
def test_a_row_says_who_did_what_why_and_what_changed(client: Client) -> None:
    admin = make_admin("root_")
    video = make_video("Sunset")
    hidden(video, by=admin)
    hidden(make_video(), by=admin, reason="Loud & long")
    recorded("video.trash", video, by=admin, reason="Complaints")
    client.force_login(admin)
    page = client.get(LOG).content.decode()
    for text in ("root_", "Hid the video “Sunset”", "→ Yes", "→ Not for this group"):
        assert text in page
    for text in (f"→ {HiddenReason.OTHER.label}", "→ Loud &amp; long", "Complaints"):
        assert text in page
    assert reverse("admin:videos_video_change", args=[video.pk]) in page


def test_values_are_shown_in_words(client: Client) -> None:
    admin = make_admin()
    client.force_login(admin)
    limits = [{"weekly_upload_limit_bytes": value} for value in (None, 2 * 1024**3)]
    entry = recorded("member.quota", make_user("bob"), by=admin, before=limits[0], after=limits[1])
    page = client.get(page_of(entry)).content.decode()
    assert "Changed the weekly quota of bob" in page
    assert "→ 2 GB" in page
    role = recorded(
        "member.role", make_user(), by=admin, before={"role": "USER"}, after={"role": "ADMIN"}
    )
    assert "→ Admin" in client.get(page_of(role)).content.decode()


def test_an_act_without_words_is_shown_by_its_name(client: Client) -> None:
    admin = make_admin()
    client.force_login(admin)
    entry = recorded("thing.turn", None, by=admin, name="<b>%(x)s</b>", before={"a": [1, 2]})
    page = client.get(page_of(entry)).content.decode()
    assert "thing.turn &lt;b&gt;%(x)s&lt;/b&gt;" in page
    assert "1, 2" in page


# -- Filters and search ---------------------------------------------------------------------------
@pytest.fixture
def some(admin: User) -> User:
    """An admin, and entries named by what finds them."""
    mona = make_moderator("mona")
    recorded("video.hide", make_video("Sunset at sea"), by=admin, member=mona.pk, rank=1)
    recorded("video.move", make_video("Sunset"), by=mona, member=admin.pk, rank=2)
    recorded("comment.delete", None, by=mona, name="Été à L'Île")
    recorded("config.change", None, by=admin, name="Configuration")
    return admin


@pytest.fixture
def admin() -> User:
    return make_admin("root_")


ALL_NAMES = ["Configuration", "Été à L'Île", "Sunset", "Sunset at sea"]


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({}, ALL_NAMES),
        ({"kind": "video"}, ["Sunset", "Sunset at sea"]),
        ({"action": "video.hide"}, ["Sunset at sea"]),
        ({"kind": "comment", "action": "video.hide"}, []),
        ({"who": "mona"}, ["Été à L'Île", "Sunset"]),
        ({"who": "mona", "kind": "video"}, ["Sunset"]),
        ({"source": "admin"}, ALL_NAMES),
        ({"source": "command"}, []),
        ({"search": "sunset"}, ["Sunset", "Sunset at sea"]),
        ({"search": "SUNSET AT"}, ["Sunset at sea"]),
        ({"search": "ete"}, ["Été à L'Île"]),
        ({"search": "sea"}, []),
        ({"search": "%"}, []),
        ({"search": "#999999999"}, []),
        ({"search": "sunset", "who": "mona"}, ["Sunset"]),
    ],
)
def test_filters_find_entries(some: User, filters: dict[str, str], found: list[str]) -> None:
    assert names(some, **filters) == found


def test_a_search_finds_entries_by_ids(some: User) -> None:
    entry = AuditEntry.objects.get(object_name="Sunset")
    assert names(some, search=f"#{entry.pk}") == ["Sunset"]
    assert names(some, search=entry.object_id.upper()) == ["Sunset"]
    assert names(some, search=str(entry.member_id)) == ["Sunset"]


def test_days_are_those_of_the_site(some: User) -> None:
    today = timezone.localdate()
    yesterday, tomorrow = today - timedelta(days=1), today + timedelta(days=1)
    assert names(some, since=today, until=today) == ALL_NAMES
    assert names(some, since=yesterday) == ALL_NAMES
    assert names(some, until=yesterday) == []
    assert names(some, since=tomorrow) == []


def test_the_page_keeps_its_filters(client: Client, some: User) -> None:
    client.force_login(some)
    page = client.get(LOG, {"kind": "video", "who": "mona", "since": "2001-01-01"})
    assert [row.entry.object_name for row in page.context["log"].rows] == ["Sunset"]
    assert page.context["hidden"] == {"kind": "video", "who": "mona", "since": "2001-01-01"}


@pytest.mark.parametrize(
    "query",
    [
        {"kind": "x", "action": "y", "source": "z", "since": "never", "until": "2026-13-01"},
        {"who": "nobody"},
        {"before": "-1", "q": "#" + "9" * 30},
        {"before": "9" * 30, "q": "\x00"},
        {"since": "0001-01-01", "until": "9999-12-31"},
    ],
)
def test_odd_filters_break_nothing(client: Client, some: User, query: dict[str, str]) -> None:
    client.force_login(some)
    assert client.get(LOG, query).status_code == 200
    assert client.post(EXPORT, query).status_code == 200


# -- Many entries ---------------------------------------------------------------------------------
def many(by: User, count: int) -> None:
    example = recorded("video.hide", make_video("Many"), by=by, member=by.pk, rank=2)
    copies = [AuditEntry.objects.get(pk=example.pk) for _ in range(count - 1)]
    for copy in copies:
        copy.pk = None
    AuditEntry.objects.bulk_create(copies)


def test_pages_follow_one_another(client: Client, admin: User) -> None:
    many(admin, 120)
    client.force_login(admin)
    seen, before = list[int](), None
    for _ in range(3):
        page = client.get(LOG, {"before": before} if before else {}).context["log"]
        seen += [row.entry.pk for row in page.rows]
        before = page.before
    assert before is None
    assert seen == [*AuditEntry.objects.values_list("pk", flat=True)]


@pytest.mark.parametrize("query", ["", "?kind=video&who=root_", "?q=many", "?since=2001-01-01"])
def test_the_number_of_queries_does_not_grow(client: Client, admin: User, query: str) -> None:
    client.force_login(admin)
    many(admin, 2)
    few = count_queries(client, LOG + query)
    many(admin, 30)
    assert count_queries(client, LOG + query) == few <= 10


def test_a_page_that_looked_at_enough_entries_says_so(
    monkeypatch: pytest.MonkeyPatch, admin: User
) -> None:
    oldest = of_kind("video", by=admin)
    many(admin, 12)
    monkeypatch.setattr(audit_log, "WINDOW", 5)
    moderator = make_moderator()
    found, before, pages = list[str](), None, 0
    while pages == 0 or before is not None:
        page = log_page(moderator, Wanted(), before=before)
        found += [row.entry.object_name for row in page.rows]
        before, pages = page.before, pages + 1
        assert page.is_cut == (before is not None)
    assert found == [oldest.object_name]
    assert pages == 3
    assert [it.pk for it in audit_log.all_entries(moderator, Wanted())] == [oldest.pk]


# -- Download -------------------------------------------------------------------------------------
def test_a_download_holds_what_is_filtered_and_is_recorded(client: Client, some: User) -> None:
    client.force_login(some)
    response = client.post(EXPORT, {"kind": "video"})
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    text = b"".join(response.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    rows = list(csv.DictReader(text.splitlines()))
    assert [row["What"] for row in rows] == [
        "Moved the video “Sunset”",
        "Hid the video “Sunset at sea”",
    ]
    entry = AuditEntry.objects.latest("pk")
    assert (entry.action, entry.actor_name) == ("audit.export", "root_")
    assert entry.after == {"filters": "Kind: video"}


def test_a_download_needs_a_post(client: Client, admin: User) -> None:
    client.force_login(admin)
    assert client.get(EXPORT).status_code == 405
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_cell_is_a_formula(cell: str) -> None:
    assert harmless(cell) == f"'{cell}"
    assert harmless("a=1") == "a=1"


def test_names_of_videos_are_no_formulas_in_a_download(client: Client, admin: User) -> None:
    recorded("thing.turn", None, by=admin, reason='=HYPERLINK("http://evil.example")')
    client.force_login(admin)
    lines = b"".join(client.post(EXPORT).streaming_content).decode()  # type: ignore[attr-defined]
    assert "'=HYPERLINK" in lines


# -- Histories ------------------------------------------------------------------------------------
def test_the_history_of_an_object_is_that_of_the_log(client: Client, admin: User) -> None:
    video, other = make_video("Sunset"), make_video("Harvest")
    hidden(video, by=admin)
    hidden(other, by=admin)
    client.force_login(make_moderator())
    page = client.get(reverse("admin:videos_video_history", args=[video.pk])).content.decode()
    assert "Hid the video “Sunset”" in page
    assert "Harvest" not in page


def test_a_history_holds_only_what_its_reader_may_read(client: Client, admin: User) -> None:
    video = make_video("Sunset", uploader=admin)
    recorded("video.hide", video, by=admin, member=admin.pk, rank=2)
    moderator = make_moderator()
    client.force_login(moderator)
    page = client.get(reverse("admin:videos_video_history", args=[video.pk])).content.decode()
    assert "Nothing has been recorded about this." in page
    assert audit_log.history_of(video, moderator) == []
    assert len(audit_log.history_of(video, admin)) == 1


def test_the_history_of_nothing_leads_back_to_the_index(client: Client, admin: User) -> None:
    client.force_login(admin)
    video = make_video()
    address = reverse("admin:videos_video_history", args=[video.pk])
    video.delete()
    assert client.get(address).status_code == 302


def test_recent_actions_are_everybodys(client: Client, admin: User) -> None:
    hidden(make_video("Sunset"), by=make_moderator("mona"))
    config_changed(by=admin)
    for user, reads_config in ((admin, True), (make_moderator(), False)):
        client.force_login(user)
        page = client.get("/admin/").content.decode()
        assert "Hid the video “Sunset”" in page
        assert ("Changed the configuration" in page) == reads_config


def test_moderators_do_not_read_who_acted_on_them_before_they_were_promoted(
    client: Client,
) -> None:
    moderator = make_moderator()
    entry = recorded("video.hide", make_video(), by=make_admin(), member=moderator.pk, rank=0)
    client.force_login(moderator)
    assert client.get(f"/admin/siteconfig/auditentry/{entry.pk}/change/").status_code == 404
    assert f"auditentry/{entry.pk}/change" not in client.get(LOG).content.decode()
    assert not AuditEntry.objects.filter(audit_log.readable_by(moderator)).exists()
