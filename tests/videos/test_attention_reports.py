"""Open reports, and hidden videos to look at again, among what needs attention."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from django.urls import reverse
from django.utils import timezone

from tests.attention import act, rows_of, titles_of, undo
from tests.builders import count_queries, make_admin, make_moderator, make_user, make_video
from videos.models import Comment, Notification, Report, ReviewRequest, Video
from videos.services.comments import write_comment
from videos.services.hiding import hide_video
from videos.services.reports import report_comment, report_member, report_video
from videos.services.reviews import ask_for_review, ask_for_review_of_edit
from videos.services.trash import trash_video

if TYPE_CHECKING:
    from django.test import Client

    from accounts.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def mona(client: Client) -> Any:
    """A moderator, who is logged in."""
    mona = make_moderator("mona")
    client.force_login(mona)
    return mona


def reported(video: Video, *, hours: int = 0, **fields: Any) -> Report:
    """A report of so many hours ago."""
    report = report_video(video=video, reporter=make_user(), **{"reason": "UNFIT"} | fields)
    Report.objects.filter(pk=report.pk).update(created_at=timezone.now() - timedelta(hours=hours))
    report.refresh_from_db()
    return report


def asked(video: Video, by: User, text: str = "Please") -> ReviewRequest:
    hide_video(video=video, by=by, reason="PRIVACY")
    return ask_for_review(video=video, by=video.uploaded_by, text=text)


# -- Open reports ---------------------------------------------------------------------------------


def test_open_reports_come_first_the_oldest_on_top(client: Client, mona: User) -> None:
    reported(make_video("New"))
    reported(make_video("Old"), hours=9, reason="OTHER", text="It is odd")
    asked(make_video("Hidden"), make_moderator())
    assert titles_of("reports", mona) == ["“Old”", "“New”"]
    old, new = rows_of("reports", mona)
    assert (old.why, new.why) == ("Something else: It is odd", "Not for this group.")
    page = client.get("/admin/").text
    assert page.index("“Old”") < page.index("“New”") < page.index(">Hidden<")


def test_the_number_in_the_bar_counts_reports_and_requests(client: Client, mona: User) -> None:
    reported(make_video())
    asked(make_video(), make_moderator())
    assert 'aria-label="Needs attention, 2"' in client.get("/users/").text


def test_each_kind_of_thing_has_its_likely_act(mona: User) -> None:
    bob = make_user("bob")
    comment = write_comment(video=make_video("Sea"), author=bob, text="Hm")
    reports = [
        reported(make_video("Sea")),
        report_comment(comment=comment, reporter=make_user(), reason="UNFIT"),
        report_member(member=bob, reporter=make_user(), reason="UNFIT"),
        reported(hide_video(video=make_video("Sky"), by=mona, reason="PERSON")),
    ]
    likely = [row.act for row in rows_of("reports", mona)]
    assert [one.label for one in likely] == [
        *("Hide video", "Delete comment", "Open report", "Open report")
    ]
    assert [one.is_destructive for one in likely] == [False, True, False, False]
    assert likely[2].url == reverse("admin:videos_report_change", args=[reports[2].pk])
    labels = [one.label for one in rows_of("reports", mona)[0].menu]
    assert labels == ["Open report", "Resolve", "Reject", "Open video"]


def test_hiding_resolves_the_report_and_one_press_undoes_both(client: Client, mona: User) -> None:
    video = make_video("Sea")
    report = reported(video)
    answer = act(client, "reports", report.pk, "hide")
    assert "1 report resolved: “Sea”. The video is hidden." in answer.text
    video.refresh_from_db()
    assert video.hidden_reason == "NOT_FOR_GROUP"
    assert Notification.objects.get(member=video.uploaded_by).kind == "HIDDEN"
    assert titles_of("reports", mona) == []
    undo(client, answer.text)
    video.refresh_from_db()
    report.refresh_from_db()
    assert (video.is_hidden, report.is_open) == (False, True)
    assert not Notification.objects.exists()


def test_a_comment_is_deleted_and_brought_back(client: Client, mona: User) -> None:
    comment = write_comment(video=make_video(), author=make_user(), text="Hm")
    report = report_comment(comment=comment, reporter=make_user(), reason="HARASSMENT")
    answer = act(client, "reports", report.pk, "delete-comment")
    comment.refresh_from_db()
    assert comment.is_deleted
    undo(client, answer.text)
    assert not Comment.objects.get().is_deleted
    assert titles_of("reports", mona) != []


@pytest.mark.parametrize(("name", "state"), [("resolve", "RESOLVED"), ("reject", "REJECTED")])
def test_a_report_is_handled_without_doing_anything_else(
    client: Client, mona: User, name: str, state: str
) -> None:
    video = make_video()
    report = reported(video)
    answer = act(client, "reports", report.pk, name)
    report.refresh_from_db()
    video.refresh_from_db()
    assert (report.state, report.handled_by, video.is_hidden) == (state, mona, False)
    undo(client, answer.text)
    report.refresh_from_db()
    assert report.is_open


def test_without_scripts_the_message_offers_the_undo(client: Client, mona: User) -> None:
    report = reported(make_video())
    page = client.post(f"/admin/attention/reports/{report.pk}/reject/", follow=True)
    assert "1 report rejected" in page.text
    found = re.search(r'name="request" value="([^"]+)"', page.text)
    assert found is not None
    client.post(reverse("admin:siteconfig_auditentry_undo"), {"request": found[1]})
    report.refresh_from_db()
    assert report.is_open


def test_a_later_report_of_the_same_thing_is_not_decided_unread(client: Client, mona: User) -> None:
    video = make_video()
    first, second, third = (reported(video, hours=hours) for hours in (3, 2, 1))
    assert "2 reports rejected" in act(client, "reports", second.pk, "reject").text
    assert [row.key for row in rows_of("reports", mona)] == [str(third.pk)]
    first.refresh_from_db()
    assert first.state == "REJECTED"


def test_a_report_that_somebody_else_handled_is_left_alone(client: Client, mona: User) -> None:
    report = reported(make_video())
    act(client, "reports", report.pk, "reject")
    for key in (report.pk, uuid4(), "nonsense"):
        assert "no longer needs" in act(client, "reports", key, "hide").text
    assert not Video.objects.filter(is_hidden=True).exists()


def test_nobody_handles_reports_about_themselves_or_above_here(client: Client, mona: User) -> None:
    own = reported(make_video(uploader=mona))
    root, second = make_admin("root"), make_admin("second")
    above = reported(make_video(uploader=root))
    assert titles_of("reports", mona) == []
    assert len(rows_of("reports", second)) == 2
    for report in (own, above):
        assert "no longer needs" in act(client, "reports", report.pk, "reject").text
        report.refresh_from_db()
        assert report.is_open
    client.force_login(make_user())
    assert act(client, "reports", own.pk, "reject").status_code == 302


def test_the_trash_leaves_nothing_but_the_decision(mona: User) -> None:
    video = make_video()
    reported(video)
    trash_video(video=video, by=video.uploaded_by)
    [row] = rows_of("reports", mona)
    assert row.act.label == "Open report"


# -- Requests for a review ------------------------------------------------------------------------


def test_requests_come_the_oldest_first_with_what_the_uploader_says(mona: User) -> None:
    asked(make_video("Sea"), mona, "It is <my> song")
    video = make_video("Sky")
    hide_video(video=video, by=mona, reason="OTHER", text="The title")
    Video.objects.filter(pk=video.pk).update(title="Clouds")
    video.refresh_from_db()
    ask_for_review_of_edit(video=video, by=video.uploaded_by, old_title="Sky", old_description="")
    sea, sky = rows_of("reviews", mona)
    assert sea.why == "Hidden because: Copyright or privacy. They write: It is <my> song"
    assert sky.why == "Hidden because: The title. The title was “Sky”."
    assert [sea.url, sea.act.label, sea.menu[0].label] == [
        Video.objects.get(title="Sea").get_absolute_url(),
        "Unhide",
        "Keep hidden…",
    ]


def test_a_reason_that_ends_with_a_full_stop_gets_no_second_one(mona: User) -> None:
    video = make_video("Sea")
    hide_video(video=video, by=mona, reason="OTHER", text="The song isn't ours.")
    ask_for_review(video=video, by=video.uploaded_by, text="It is.")
    (row,) = rows_of("reviews", mona)
    assert row.why == "Hidden because: The song isn't ours. They write: It is."


def test_a_video_is_unhidden_and_hidden_again_with_its_reason(client: Client, mona: User) -> None:
    request = asked(make_video("Sea"), make_moderator())
    answer = act(client, "reviews", request.pk, "unhide")
    assert "“Sea” is no longer hidden." in answer.text
    video = Video.objects.get(title="Sea")
    assert not video.is_hidden
    request.refresh_from_db()
    assert (request.state, request.answered_by) == ("UNHIDDEN", mona)
    assert titles_of("reviews", mona) == []
    undo(client, answer.text)
    video.refresh_from_db()
    assert video.hidden_reason == "PRIVACY"


def test_keeping_it_hidden_leads_to_the_page_that_asks_why(client: Client, mona: User) -> None:
    asked(make_video(), make_moderator())
    [row] = rows_of("reviews", mona)
    page = client.get(row.menu[0].url).text
    assert 'name="answer" value="keep"' in page


def test_requests_about_ones_own_videos_and_the_trash_do_not_appear(
    client: Client, mona: User
) -> None:
    own = asked(make_video("Own", uploader=mona), make_admin())
    gone = make_video("Gone")
    asked(gone, mona)
    trash_video(video=gone, by=gone.uploaded_by)
    assert titles_of("reviews", mona) == []
    assert titles_of("reviews", make_moderator()) == ["Own"]
    for key in (own.pk, 10**30, "nonsense"):
        assert "no longer needs" in act(client, "reviews", key, "unhide").text
    own.video.refresh_from_db()
    assert own.video.is_hidden


def test_the_page_takes_as_many_queries_for_many_as_for_few(client: Client, mona: User) -> None:
    def add() -> None:
        video = make_video()
        reported(video)
        comment = write_comment(video=video, author=make_user(), text="Hm")
        report_comment(comment=comment, reporter=make_user(), reason="UNFIT")
        report_member(member=video.uploaded_by, reporter=make_user(), reason="UNFIT")
        asked(make_video(), make_moderator())

    add()
    few = count_queries(client, "/admin/")
    for _ in range(10):
        add()
    assert count_queries(client, "/admin/") == few
