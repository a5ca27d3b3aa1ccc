"""Reports in the admin."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client
from django.utils import timezone
from django.utils.html import escape

from tests.builders import count_queries, make_admin, make_moderator, make_user, make_video
from videos.models import Notification, Report, Video
from videos.services.comments import write_comment
from videos.services.reports import (
    reject_report,
    report_comment,
    report_member,
    report_video,
    resolve_report,
)
from videos.services.trash import trash_video

if TYPE_CHECKING:
    from accounts.models import User

pytestmark = pytest.mark.django_db
LIST = "/admin/videos/report/"


@pytest.fixture
def mona() -> User:
    return make_moderator("mona")


@pytest.fixture
def video() -> Video:
    return make_video("Sea", uploader=make_user("bob"))


def logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def reported(video: Video, **fields: Any) -> Report:
    return report_video(video=video, reporter=make_user(), reason="UNFIT", **fields)


def page_of(report: Report) -> str:
    return f"{LIST}{report.pk}/change/"


def keys(page: bytes) -> list[str]:
    return re.findall(rf"{LIST}([0-9a-f-]{{36}})/change/", page.decode())


def test_the_list_shows_open_reports_the_oldest_first(mona: User, video: Video) -> None:
    newer, older = reported(video), reported(video)
    Report.objects.filter(pk=older.pk).update(created_at=timezone.now() - timedelta(days=1))
    handled = reported(make_video())
    reject_report(report=handled, by=mona)
    client = logged_in(mona)
    assert keys(client.get(LIST).content) == [str(older.pk), str(newer.pk)]
    assert keys(client.get(f"{LIST}?state=REJECTED").content) == [str(handled.pk)]
    assert len(keys(client.get(f"{LIST}?state=all").content)) == 3
    assert keys(client.get(f"{LIST}?kind__exact=MEMBER").content) == []
    assert keys(client.get(f"{LIST}?q=Sea").content) == [str(older.pk), str(newer.pk)]


def test_the_list_takes_the_same_queries_for_many(mona: User, video: Video) -> None:
    def add_more() -> None:
        alice = make_user()
        comment = write_comment(video=video, author=make_user(), text="Hm")
        report_video(video=video, reporter=alice, reason="UNFIT")
        report_comment(comment=comment, reporter=alice, reason="UNFIT")
        report_member(member=video.uploaded_by, reporter=alice, reason="UNFIT")

    client = logged_in(mona)
    add_more()
    few, page = count_queries(client, LIST), count_queries(client, page_of(Report.objects.all()[0]))
    for _ in range(3):
        add_more()
    assert count_queries(client, LIST) == few
    assert count_queries(client, page_of(Report.objects.all()[0])) == page


def test_a_page_shows_what_to_decide_by(mona: User, video: Video) -> None:
    alice, dora = make_user("alice"), make_user("dora")
    earlier = report_member(member=video.uploaded_by, reporter=dora, reason="UNFIT")
    resolve_report(report=earlier, by=mona)
    comment = write_comment(video=video, author=video.uploaded_by, text="Go <b>away</b>")
    report = report_comment(comment=comment, reporter=alice, reason="OTHER", text="It hurts")
    report_comment(comment=comment, reporter=dora, reason="HARASSMENT")
    page = logged_in(mona).get(page_of(report)).content.decode()
    for shown in (
        *("alice", "dora", "It hurts", "Harassment", escape("Go <b>away</b>")),
        *("2 open reports, decided", "1 about", "1 resolved", escape(comment.get_absolute_url())),
        *("Delete comment and resolve", "Deactivate member and resolve", "Reject"),
    ):
        assert shown in page, shown
    assert "Hide video" not in page


@pytest.mark.parametrize(
    ("decision", "state", "told", "sentence"),
    [
        ("hide_video", "RESOLVED", "HIDDEN", "2 reports resolved: “Sea”. The video is hidden."),
        ("", "RESOLVED", "MODERATED", "2 reports resolved: “Sea”."),
        ("reject", "REJECTED", "MODERATED", "2 reports rejected: “Sea”."),
    ],
)
def test_one_button_handles_all_reports_of_a_thing(
    mona: User, video: Video, decision: str, state: str, told: str, sentence: str
) -> None:
    first, second = reported(video), reported(video)
    client = logged_in(mona)
    page = client.get(page_of(first)).content.decode()
    seen = re.search(r'name="seen_until" value="([^"]+)"', page)
    assert seen is not None
    sent = {"decision": decision, "seen_until": seen[1], "message_to_member": "Hm", "note": "N"}
    answer = client.post(page_of(first), sent, follow=True)
    assert answer.redirect_chain == [(LIST, 302)]
    assert sentence in answer.content.decode()
    video.refresh_from_db()
    assert video.is_hidden is (decision == "hide_video")
    for report in (first, second):
        report.refresh_from_db()
        assert (report.state, report.handled_by, report.note) == (state, mona, "N")
    assert Notification.objects.get(member=video.uploaded_by).kind == told


def test_a_report_that_came_after_the_page_stays_open(mona: User, video: Video) -> None:
    report, client = reported(video), logged_in(mona)
    seen = report.created_at.isoformat()
    later = reported(video)
    client.post(page_of(report), {"decision": "", "seen_until": seen})
    later.refresh_from_db()
    assert later.is_open


def test_the_second_moderator_is_told_who_was_first(mona: User, video: Video) -> None:
    report, client = reported(video), logged_in(make_moderator())
    client.get(page_of(report))
    resolve_report(report=report, by=mona)
    answer = client.post(page_of(report), {"decision": "reject", "note": "Mine"}, follow=True)
    assert answer.redirect_chain == [(page_of(report), 302)]
    assert answer.content.decode().count("resolved by mona just now.") == 2
    assert "Mine" not in answer.content.decode()
    report.refresh_from_db()
    assert report.state == "RESOLVED"


def test_what_was_typed_comes_back_if_it_is_too_long(mona: User, video: Video) -> None:
    report, client = reported(video), logged_in(mona)
    answer = client.post(page_of(report), {"decision": "", "note": "x" * 1001})
    assert answer.status_code == 422
    assert b"Use at most 1,000 characters." in answer.content
    assert b"x" * 1001 in answer.content
    assert client.post(page_of(report), {"decision": "explode"}).status_code == 422
    report.refresh_from_db()
    assert report.is_open


def test_a_message_that_becomes_the_reason_of_a_hidden_video_is_as_short_as_one(
    mona: User, video: Video
) -> None:
    report, client = reported(video), logged_in(mona)
    sent = {"decision": "hide_video", "message_to_member": "x" * 501}
    answer = client.post(page_of(report), sent)
    assert answer.status_code == 422
    assert b"Use at most 500 characters." in answer.content
    assert client.post(page_of(report), sent | {"decision": ""}).status_code == 302


def test_what_is_in_the_trash_counts_as_deleted(mona: User, video: Video) -> None:
    comment = write_comment(video=video, author=make_user("carol"), text="Hm")
    about_comment = report_comment(comment=comment, reporter=make_user(), reason="UNFIT")
    about_video = reported(video)
    trash_video(video=video, by=video.uploaded_by)
    for report in (about_video, about_comment):
        page = logged_in(mona).get(page_of(report)).content.decode()
        assert ">Deleted</span>" in page
        assert "Hide video" not in page
        assert "Delete comment" not in page
        assert escape(video.get_absolute_url()) in page


def test_a_decision_is_taken_back(mona: User, video: Video) -> None:
    report, client = reported(video), logged_in(mona)
    reject_report(report=report, by=mona)
    page = client.get(page_of(report)).content.decode()
    assert "None about bob" in page
    assert "rejected by mona just now." in page
    assert "Reject<" not in page
    reopen = f"{LIST}{report.pk}/reopen/"
    assert client.get(reopen).status_code == 405
    assert client.post(reopen)["Location"] == page_of(report)
    report.refresh_from_db()
    assert report.is_open
    assert b"is open already" in client.post(reopen, follow=True).content


def test_staff_reach_no_report_about_themselves_or_above(mona: User) -> None:
    root, second = make_admin("root"), make_admin("second")
    alice = make_user("alice")
    about = {
        member: report_video(video=make_video(uploader=member), reporter=alice, reason="UNFIT")
        for member in (mona, root)
    }
    for user, hidden in ((mona, [mona, root]), (root, [root]), (make_moderator(), [mona, root])):
        client = logged_in(user)
        for member in hidden:
            report = about[member]
            assert str(report.pk) not in client.get(f"{LIST}?state=all&q=alice").content.decode()
            history = f"{LIST}{report.pk}/history/"
            for answer in (
                client.get(page_of(report)),
                client.post(page_of(report), {"decision": ""}),
                client.post(f"{LIST}{report.pk}/reopen/"),
            ):
                assert b"alice" not in answer.content
                assert answer.status_code == 404
            # Django leads to the first page, which lists reports that this member may handle.
            answer = client.get(history, follow=True)
            assert page_of(report) not in answer.content.decode()
            assert answer.status_code == 404 or answer.redirect_chain
            report.refresh_from_db()
            assert report.is_open
    assert len(keys(logged_in(second).get(LIST).content)) == 2


def test_members_reach_nothing_of_it(video: Video) -> None:
    report = reported(video)
    for user in (video.uploaded_by, report.reporter):
        assert user is not None
        client = logged_in(user)
        for path in (LIST, page_of(report), f"{LIST}{report.pk}/history/"):
            assert client.get(path)["Location"].startswith("/admin/login/")
        assert client.post(page_of(report), {"decision": ""}).status_code == 302
        assert client.post(f"{LIST}{report.pk}/reopen/").status_code == 302
    report.refresh_from_db()
    assert report.is_open


def test_a_report_is_neither_added_nor_deleted_here(mona: User, video: Video) -> None:
    report = reported(video)
    for user in (mona, make_admin()):
        client = logged_in(user)
        assert client.get(f"{LIST}add/").status_code == 403
        assert client.post(f"{LIST}{report.pk}/delete/", {"post": "yes"}).status_code == 403
        sent = {"action": "delete_selected", "_selected_action": str(report.pk), "post": "yes"}
        client.post(LIST, sent)
    assert Report.objects.count() == 1
