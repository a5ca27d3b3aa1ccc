"""The lists and confirmations of all admin pages: alike, and of the same cost at any size."""

from __future__ import annotations

import re
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import get_resolver, reverse
from django.utils import timezone

from accounts.models import Role, User
from accounts.services.invitations import issue_invitation
from siteconfig.models import Config
from tests.builders import (
    count_queries,
    make_admin,
    make_category,
    make_playlist,
    make_user,
    make_video,
)
from videos.models import Comment, Job, Like, ProcessingStatus, Removal, RemovalReason, Video
from videos.services.comments import write_comment
from videos.services.reports import report_comment
from videos.services.stored_total import add_stored
from videos.services.uploads.create import begin_upload

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.models import Model

get_resolver().url_patterns  # noqa: B018 clipset.urls takes out what this admin does not hold
LONG = "Averylongtitlewithoutanyspaces" * 5
NUMBERS = count(1)
# Models that have a page, or a list of their own, which their own tests ask.
WITHOUT_LIST = {
    "siteconfig.auditentry",
    "siteconfig.backuprun",
    "siteconfig.config",
    "siteconfig.doctorrun",
    "videos.dailystatistics",
}
NOT_DELETED = {"videos.job", "videos.removal", "videos.report"}

pytestmark = pytest.mark.django_db


def failed_video() -> Video:
    uploader = make_user(last_login=timezone.now())
    fields = {"category": make_category(), "stored_bytes": 1024, "thumbnail_filename": "x.jpg"}
    return make_video(LONG, uploader=uploader, status=ProcessingStatus.FAILED, **fields)


def member_being_deleted() -> User:
    user = make_user(is_active=False, deleting_since=timezone.now())
    make_video(uploader=user, stored_bytes=1024)
    Client().force_login(user)
    return user


def filled_playlist() -> Model:
    playlist = make_playlist(LONG)
    playlist.entries.create(video=make_video(), position=0)
    return playlist


def comment() -> Comment:
    return write_comment(video=make_video(LONG), author=make_user(), text=LONG)


def report() -> Model:
    return report_comment(comment=comment(), reporter=make_user(), reason="OTHER", text=LONG)


# What adds a row to each list, with everything that a row can show.
MAKERS: dict[str, Callable[[], Model]] = {
    "accounts.invitation": lambda: (
        issue_invitation(
            email=f"invited{next(NUMBERS)}@example.org", role=Role.USER, created_by=make_admin()
        ).invitation
    ),
    "accounts.user": member_being_deleted,
    "categories.category": lambda: failed_video().category,  # type: ignore[dict-item,return-value]
    "videos.comment": comment,
    "videos.job": lambda: Job.objects.create(video=make_video(LONG)),
    "videos.playlist": filled_playlist,
    "videos.removal": lambda: Removal.objects.create(
        root="videos", key=f"{LONG}{next(NUMBERS)}", reason=RemovalReason.REPLACED
    ),
    "videos.report": report,
    "videos.upload": lambda: begin_upload(user=make_user(), content_length=10),
    "videos.video": failed_video,
}


@pytest.fixture
def client() -> Client:
    client = Client()
    client.force_login(make_admin("root_"))
    return client


def address(label: str, page: str = "changelist", *args: object) -> str:
    return reverse(f"admin:{label.replace('.', '_')}_{page}", args=args)


def test_every_list_is_tested_here() -> None:
    registered = {model._meta.label_lower for model in admin.site._registry}
    assert set(MAKERS) == registered - WITHOUT_LIST


@pytest.mark.parametrize("label", MAKERS)
def test_a_list_makes_as_many_queries_for_three_rows_as_for_one(label: str, client: Client) -> None:
    MAKERS[label]()
    for_one = count_queries(client, address(label))
    MAKERS[label]()
    MAKERS[label]()
    assert client.get(address(label)).text.count("<tr>") >= 4
    assert count_queries(client, address(label)) == for_one


@pytest.mark.parametrize("label", MAKERS)
def test_each_cell_has_the_title_of_its_column_and_dates_are_ages(
    label: str, client: Client
) -> None:
    row = MAKERS[label]()
    text = client.get(address(label)).text
    titles = re.findall(r'<div class="text"><(?:a|span)[^>]*>([^<]+)<', text)
    body = text.partition("<tbody>")[2].partition("</tr>")[0]
    assert re.findall(r'data-label="([^"]+)"', body) == titles
    for field in row._meta.fields:
        if field.get_internal_type() == "DateTimeField" and f"field-{field.name}" in body:
            cell = body.partition(f"field-{field.name}")[2].partition("</td>")[0]
            assert "<time" in cell or "–" in cell
    if label != "videos.removal":  # a file's whole name
        assert LONG not in re.sub(r'="[^"]*"', "", body)


def test_no_list_counts_its_whole_table(client: Client) -> None:
    """Neither for the pages nor for a column: a limit ends each count."""
    for label, make in MAKERS.items():
        make()
        with CaptureQueriesContext(connection) as queries:
            client.get(address(label))
        asked = [query["sql"] for query in queries]
        counts = [sql for sql in asked if re.search(r"COUNT\(|SUM\(|GROUP BY", sql)]
        # The file that is being finalised, on the page of jobs: there is one at most.
        unlimited = [sql for sql in counts if "LIMIT" not in sql and "'FINALISING'" not in sql]
        assert counts, label
        assert unlimited == [], label


def test_pages_end_at_a_limit_that_the_list_names(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clipset.ui.admin_pages.MAX_LISTED_ROWS", 2)
    for _ in range(3):
        make_video()
    assert "2+\n    videos" in client.get(address("videos.video")).text


def test_the_list_of_members_shows_storage_and_last_activity(client: Client) -> None:
    bob = make_user("bob")
    Config.objects.update(stored_limit_bytes=5 * 1024**2)
    add_stored(member=bob.pk, size=2 * 1024**2)
    text = client.get(address("accounts.user"), {"q": "bob"}).text
    sizes = [f'<span class="amount">{size}</span>' for size in ("2 MB", "5 MB")]
    assert " of ".join(sizes) in text
    assert 'class="field-seen">Never</td>' in text
    Client().force_login(bob)
    assert 'class="field-seen"><time' in client.get(address("accounts.user"), {"q": "bob"}).text


# -- Confirmations ------------------------------------------------------------------------------
def facts(page: str) -> dict[str, str]:
    """What a confirmation says goes, with how many of it."""
    return dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", page))


def test_a_confirmation_counts_what_goes_with_a_video(client: Client) -> None:
    video = make_video(stored_bytes=1024**3, file_size_bytes=1024**3, original_key="x")
    bob = make_user("bob")
    said = write_comment(video=video, author=bob, text="Hm")
    write_comment(video=video, author=bob, text="Yes", reply_to=said)
    Like.objects.create(video=video, member=bob)
    make_playlist().entries.create(video=video, position=0)
    found = facts(client.get(address("videos.video", "delete", video.pk)).text)
    assert found == {
        "Videos": "1",
        "Comments": "2",
        "Likes": "1",
        "Places in playlists": "1",
        "Guest links": "0",
        "Size of files": "2 GB",
    }


def test_counts_of_a_confirmation_end_at_a_limit(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clipset.database.limited.MAX_COUNTED", 2)
    monkeypatch.setattr("videos.admin.deletion_counts.MAX_COUNTED", 2)
    videos = [make_video(stored_bytes=1024**3) for _ in range(3)]
    for video in videos:
        for _ in range(3):
            Comment.objects.create(video=video, author=video.uploaded_by, text="Hm")
    sent = {"action": "delete_selected", "index": "0"}
    chosen = [str(video.pk) for video in videos]
    found = facts(client.post(address("videos.video"), {**sent, "_selected_action": chosen}).text)
    assert (found["Videos"], found["Comments"]) == ("3", "at least 2+")
    assert found["Size of files"] == "at least 2 GB"


@pytest.mark.parametrize("label", sorted(set(MAKERS) - NOT_DELETED))
def test_the_way_back_comes_before_the_button_that_deletes(label: str, client: Client) -> None:
    row = MAKERS[label]()
    page = client.get(address(label, "delete", row.pk)).text
    form = page.partition('<input type="hidden" name="post"')[2].partition("</form>")[0]
    back = form.index("cancel-link")
    assert back < form.index('type="submit"')
    assert f'href="{address(label, "change", row.pk)}"' in form


@pytest.mark.parametrize("label", sorted(set(MAKERS) - NOT_DELETED))
def test_a_confirmation_makes_as_many_queries_for_three_rows_as_for_one(
    label: str, client: Client
) -> None:
    if "delete_selected" not in client.get(address(label)).text and label != "accounts.invitation":
        MAKERS[label]()
    rows = [str(MAKERS[label]().pk) for _ in range(3)]

    def asked(chosen: list[str]) -> int:
        sent: dict[str, Any] = {"action": "delete_selected", "index": "0"}
        with CaptureQueriesContext(connection) as queries:
            answer = client.post(address(label), {**sent, "_selected_action": chosen})
        assert answer.status_code in {200, 302}
        return len(queries)

    asked(rows)
    assert asked(rows) == asked(rows[:1])
