"""Reports: who may open and handle them, what a decision does, and what nobody learns."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Role, User
from accounts.services.members import delete_members, set_role
from clipset.lib.refusals import RateLimitedError
from siteconfig.actors import Actor, acting
from siteconfig.enums import Source
from siteconfig.models import AuditEntry
from tests.accounts.together import together
from tests.builders import make_admin, make_moderator, make_user, make_video
from videos.models import Comment, Notification, Report, ReportAct, Video
from videos.sample_data.remove import remove_sample_data
from videos.selectors.reports import (
    MAX_COUNTED,
    open_reports,
    open_reports_count,
    own_reports,
    report_case,
    reports_on,
)
from videos.services import reports
from videos.services.comments import delete_comment, write_comment
from videos.services.details import delete_video, edit_video
from videos.services.hiding import hide_video
from videos.services.reports import (
    Answer,
    reject_report,
    reopen_report,
    report_comment,
    report_member,
    report_video,
    resolve_report,
)

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db


@pytest.fixture
def bob() -> User:
    """The uploader."""
    return make_user("bob")


@pytest.fixture
def video(bob: User) -> Video:
    return make_video("Sea", uploader=bob, description="Our trip")


@pytest.fixture
def mona() -> User:
    return make_moderator("mona")


def reported(video: Video, **fields: Any) -> Report:
    return report_video(video=video, reporter=make_user(), reason="UNFIT", **fields)


def told(member: User) -> list[str]:
    kinds = Notification.objects.filter(member=member).order_by("pk").values_list("kind", flat=True)
    return list(kinds)


# -- opening ---------------------------------------------------------------------------------------


def test_a_report_keeps_what_was_reported_as_it_was(video: Video, bob: User) -> None:
    comment = write_comment(video=video, author=bob, text="Go away")
    on_video = reported(video)
    on_comment = report_comment(comment=comment, reporter=make_user(), reason="HARASSMENT")
    edit_video(video=video, title="Other", description="", category=None)
    Comment.objects.update(text="Sorry")
    for report, title, quote in ((on_video, "Sea", "Our trip"), (on_comment, "Sea", "Go away")):
        report.refresh_from_db()
        assert (report.title, report.quote, report.member_name) == (title, quote, "bob")
        assert report.member == bob


def test_a_member_has_one_open_report_of_a_thing(video: Video, mona: User) -> None:
    alice = make_user()
    first = report_video(video=video, reporter=alice, reason="UNFIT")
    again = report_video(video=video, reporter=alice, reason="RIGHTS")
    assert again == first
    assert again.reason == "UNFIT"
    other = make_video(uploader=video.uploaded_by)
    assert report_video(video=other, reporter=alice, reason="UNFIT") != first
    assert report_member(member=video.uploaded_by, reporter=alice, reason="UNFIT") != first
    reject_report(report=first, by=mona)
    assert report_video(video=video, reporter=alice, reason="UNFIT") != first


@pytest.mark.parametrize("kind", ["VIDEO", "COMMENT", "MEMBER"])
def test_the_database_holds_one_open_report_too(video: Video, bob: User, kind: str) -> None:
    comment = write_comment(video=video, author=bob, text="Hm")
    things: dict[str, dict[str, Any]] = {
        "VIDEO": {"video": video},
        "COMMENT": {"comment": comment},
        "MEMBER": {},
    }
    fields: dict[str, Any] = {"kind": kind, "member": bob, "reporter": make_user()}
    fields |= {"reason": "UNFIT", **things[kind]}
    Report.objects.create(**fields)
    with pytest.raises(IntegrityError), transaction.atomic():
        Report.objects.create(**fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "COMMENT"},  # with a video
        {"kind": "MEMBER"},
        {"reason": "SPITE"},
        {"reason": "OTHER", "text": ""},
        {"text": "x" * 2001},
        {"state": "RESOLVED"},
        {"state": "LOST"},
        {"handled_at": timezone.now()},
    ],
)
def test_the_database_refuses_what_cannot_be(video: Video, fields: dict[str, Any]) -> None:
    report = reported(video)
    with pytest.raises(IntegrityError), transaction.atomic():
        Report.objects.filter(pk=report.pk).update(**fields)


@pytest.mark.parametrize(
    ("reason", "text"),
    [("", ""), ("SPITE", "x"), ("OTHER", ""), ("OTHER", " \n\u200b"), ("UNFIT", "x" * 2001)],
)
def test_a_reason_is_needed_and_a_text_for_something_else(
    video: Video, reason: str, text: str
) -> None:
    with pytest.raises(ValidationError):
        report_video(video=video, reporter=make_user(), reason=reason, text=text)
    assert not Report.objects.exists()


def test_nobody_reports_what_is_theirs(video: Video, bob: User) -> None:
    comment = write_comment(video=video, author=bob, text="Hm")
    with pytest.raises(ValidationError, match="yours"):
        report_video(video=video, reporter=bob, reason="UNFIT")
    with pytest.raises(ValidationError, match="yours"):
        report_comment(comment=comment, reporter=bob, reason="UNFIT")
    with pytest.raises(ValidationError, match="yours"):
        report_member(member=bob, reporter=bob, reason="UNFIT")


def test_nobody_reports_what_is_gone(video: Video, bob: User) -> None:
    comment = write_comment(video=video, author=bob, text="Hm")
    delete_comment(comment=comment, by=bob)
    with pytest.raises(Comment.DoesNotExist):
        report_comment(comment=comment, reporter=make_user(), reason="UNFIT")
    old = Video.objects.get(pk=video.pk)
    delete_video(video=video)
    with pytest.raises(Video.DoesNotExist):
        reported(old)


def test_reports_are_rate_limited(bob: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports, "MAX_REPORTS", 2)
    alice, videos = make_user(), [make_video(uploader=bob) for _ in range(3)]
    for video in (*videos[:2], videos[0]):  # the third one is open already
        report_video(video=video, reporter=alice, reason="UNFIT")
    with pytest.raises(RateLimitedError):
        report_video(video=videos[2], reporter=alice, reason="UNFIT")
    reported(videos[2])  # others may


def test_messages_of_a_moderator_are_rate_limited(
    bob: User, mona: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reports, "MAX_ANSWERS", 1)
    first, second = (reported(make_video(uploader=bob)) for _ in range(2))
    answer = Answer(message_to_reporter="Thank you.")
    reject_report(report=first, by=mona, answer=answer)
    with pytest.raises(ValidationError, match="many messages"):
        reject_report(report=second, by=mona, answer=answer)
    second.refresh_from_db()
    assert second.is_open
    reject_report(report=second, by=mona)  # without a message it goes


def test_the_only_admin_is_not_reported_since_only_they_would_read_it() -> None:
    root, alice = make_admin(), make_user()
    theirs = make_video(uploader=root)
    with pytest.raises(ValidationError, match="only admin"):
        report_video(video=theirs, reporter=alice, reason="UNFIT")
    make_admin("gone", is_active=False)
    with pytest.raises(ValidationError, match="only admin"):
        report_member(member=root, reporter=alice, reason="UNFIT")
    make_admin()
    report_video(video=theirs, reporter=alice, reason="UNFIT")


# -- who handles them ------------------------------------------------------------------------------


def test_nobody_handles_reports_about_themselves_or_above_them() -> None:
    staff = {"mona": make_moderator(), "other": make_moderator(), "root": make_admin()}
    staff["second"] = make_admin()
    alice, bob = make_user(), make_user()
    expected = {
        bob: {"mona", "other", "root", "second"},
        staff["mona"]: {"root", "second"},
        staff["root"]: {"second"},
    }
    for member, handlers in expected.items():
        video = make_video(uploader=member)
        report = report_video(video=video, reporter=alice, reason="UNFIT")
        for name, user in [*staff.items(), ("alice", alice), ("bob", bob)]:
            may = name in handlers
            assert (report in open_reports(user, limit=9)) is may
            assert reports_on(video, viewer=user) == ([report] if may else [])
            if not may:
                with pytest.raises(Report.DoesNotExist):
                    resolve_report(report=report, by=user)
                with pytest.raises(Report.DoesNotExist):
                    reject_report(report=report, by=user)
                with pytest.raises(Report.DoesNotExist):
                    reopen_report(report=report, by=user)
    assert {name: open_reports_count(user) for name, user in staff.items()} == {
        "mona": 1,
        "other": 1,
        "root": 2,
        "second": 3,
    }
    Report.objects.all().delete()


def test_a_deactivated_moderator_handles_nothing(video: Video, mona: User) -> None:
    report = reported(video)
    User.objects.filter(pk=mona.pk).update(is_active=False)
    mona.refresh_from_db()
    with pytest.raises(Report.DoesNotExist):
        resolve_report(report=report, by=mona)


def test_the_role_at_the_moment_decides(video: Video, bob: User, mona: User) -> None:
    report = reported(video)
    set_role(user=bob, role=Role.MODERATOR, granted_by=make_admin())
    with pytest.raises(Report.DoesNotExist):
        resolve_report(report=report, by=mona, act=ReportAct.DEACTIVATE)
    bob.refresh_from_db()
    assert bob.is_active


def test_the_count_is_bounded_and_costs_members_nothing(video: Video, mona: User) -> None:
    alice = make_user()
    fields = {"kind": "VIDEO", "member": video.uploaded_by, "reason": "UNFIT"}
    Report.objects.bulk_create(Report(**fields) for _ in range(MAX_COUNTED + 5))
    with CaptureQueriesContext(connection) as queries:
        assert open_reports_count(alice) == 0
        assert reports_on(video, viewer=alice) == []
        assert not queries
        assert open_reports_count(mona) == MAX_COUNTED + 1
        assert len(queries) == 1


# -- decisions -------------------------------------------------------------------------------------


def test_resolving_acts_and_tells_everybody_their_part(video: Video, bob: User, mona: User) -> None:
    first, second = reported(video), reported(video)
    answer = Answer(note="Spite?", message_to_reporter="Done.", message_to_member="Not here.")
    handled = resolve_report(report=second, by=mona, act=ReportAct.HIDE_VIDEO, answer=answer)
    video.refresh_from_db()
    assert video.is_hidden
    assert {report.pk for report in handled} == {first.pk, second.pk}
    for report in (first, second):
        report.refresh_from_db()
        assert (report.state, report.handled_by, report.note) == ("RESOLVED", mona, "Spite?")
        assert report.reporter is not None
        assert told(report.reporter) == ["ANSWERED"]
    heard = Notification.objects.get(member=bob)  # once, with the message as the reason
    assert (heard.kind, heard.text) == ("HIDDEN", "Not for this group: Not here.")


def test_a_message_reaches_the_uploader_of_a_video_that_is_hidden_already(
    video: Video, bob: User, mona: User
) -> None:
    report = reported(video)
    hide_video(video=video, by=mona, reason="PERSON")
    resolve_report(
        report=report, by=mona, act=ReportAct.HIDE_VIDEO, answer=Answer(message_to_member="Hm.")
    )
    assert sorted(told(bob)) == ["HIDDEN", "MODERATED"]


def test_a_member_to_whom_nothing_is_written_learns_nothing(
    video: Video, bob: User, mona: User
) -> None:
    reject_report(report=reported(video), by=mona, answer=Answer(message_to_reporter="No."))
    assert told(bob) == []


def test_a_moderator_who_handles_an_own_report_gets_no_notification(
    video: Video, mona: User
) -> None:
    report = report_video(video=video, reporter=mona, reason="UNFIT")
    resolve_report(report=report, by=mona)
    assert told(mona) == []


def test_a_comment_is_deleted_and_a_member_deactivated(video: Video, bob: User, mona: User) -> None:
    comment = write_comment(video=video, author=bob, text="Go away")
    alice = make_user()
    report = report_comment(comment=comment, reporter=alice, reason="HARASSMENT")
    resolve_report(report=report, by=mona, act=ReportAct.DELETE_COMMENT)
    comment.refresh_from_db()
    assert comment.deleted_by == mona
    report = report_member(member=bob, reporter=alice, reason="HARASSMENT")
    resolve_report(report=report, by=mona, act=ReportAct.DEACTIVATE)
    bob.refresh_from_db()
    assert not bob.is_active


def test_a_decision_is_all_or_nothing(video: Video, mona: User) -> None:
    report = reported(video)
    with pytest.raises(ValidationError, match="any more"):
        resolve_report(report=report, by=mona, act=ReportAct.DELETE_COMMENT)  # it is of a video
    with pytest.raises(ValidationError):
        resolve_report(
            report=report, by=mona, act=ReportAct.HIDE_VIDEO, answer=Answer(note="x" * 1001)
        )
    report.refresh_from_db()
    video.refresh_from_db()
    assert report.is_open
    assert not video.is_hidden
    assert not Notification.objects.exists()


def test_the_last_admin_is_not_deactivated_and_the_report_stays_open(
    settings: Settings,
) -> None:
    root, sample = make_admin(), make_admin(is_sample=True)
    report = report_member(member=root, reporter=make_user(), reason="UNFIT")
    settings.EXPOSED_BY = "SITE_URL"  # from here on the sample admin cannot log in
    with pytest.raises(ValidationError, match="only active admin"):
        resolve_report(report=report, by=sample, act=ReportAct.DEACTIVATE)
    report.refresh_from_db()
    root.refresh_from_db()
    assert report.is_open
    assert root.is_active


def test_the_second_moderator_is_told_who_was_first(video: Video, mona: User) -> None:
    report = reported(video)
    stale = Report.objects.get(pk=report.pk)
    resolve_report(report=report, by=mona)
    with pytest.raises(ValidationError, match="resolved by mona just now"):
        reject_report(report=stale, by=make_admin(), answer=Answer(message_to_member="Hm"))
    assert told(video.uploaded_by) == []


def test_a_report_that_the_moderator_has_not_seen_stays_open(video: Video, mona: User) -> None:
    seen, later = reported(video), reported(video)
    Report.objects.filter(pk=later.pk).update(created_at=timezone.now() + timedelta(seconds=5))
    resolve_report(report=seen, by=mona, seen_until=seen.created_at)
    later.refresh_from_db()
    assert later.is_open


def test_reopening_takes_the_whole_decision_back(video: Video, bob: User, mona: User) -> None:
    first, second = reported(video), reported(video)
    resolve_report(report=first, by=mona, answer=Answer(note="Hm", message_to_member="No"))
    assert len(reopen_report(report=second, by=mona)) == 2
    first.refresh_from_db()
    assert (first.is_open, first.handled_by, first.note) == (True, None, "Hm")
    assert not Notification.objects.exists()
    with pytest.raises(ValidationError, match="open already"):
        reopen_report(report=first, by=mona)


def test_a_report_is_not_reopened_beside_a_new_one(video: Video, mona: User) -> None:
    alice = make_user()
    first = report_video(video=video, reporter=alice, reason="UNFIT")
    other = reported(video)
    reject_report(report=first, by=mona)
    report_video(video=video, reporter=alice, reason="UNFIT")
    with pytest.raises(ValidationError, match="again"):
        reopen_report(report=first, by=mona)
    assert reopen_report(report=other, by=mona) == [other]


# -- what outlives what ----------------------------------------------------------------------------


def test_a_report_outlives_everything_that_it_names(video: Video, bob: User, mona: User) -> None:
    alice, root = make_user("alice"), make_admin()
    comment = write_comment(video=video, author=bob, text="Go away")
    of_video = report_video(video=video, reporter=alice, reason="UNFIT")
    of_comment = report_comment(comment=comment, reporter=alice, reason="UNFIT")
    of_member = report_member(member=bob, reporter=alice, reason="UNFIT")
    delete_video(video=video)
    of_video.refresh_from_db()
    assert (of_video.video, of_video.title, of_video.member) == (None, "Sea", bob)
    assert report_case(of_video, viewer=mona).state == "gone"
    resolve_report(report=of_video, by=mona, answer=Answer(message_to_reporter="It is gone."))
    assert told(alice) == ["ANSWERED"]
    delete_members(users=[bob, alice, mona], heir=root)
    for report in (of_video, of_comment, of_member):
        report.refresh_from_db()
        assert (report.member, report.reporter, report.handled_by) == (None, None, None)
        assert report.member_name == "bob"
    assert of_comment.quote == "Go away"
    assert resolve_report(report=of_member, by=root) == [of_member]


def test_the_removal_of_sample_data_takes_its_reports_along(video: Video) -> None:
    sample, real = make_user(is_sample=True), make_user()
    theirs = make_video(uploader=sample, is_sample=True)
    kept = report_video(video=video, reporter=real, reason="UNFIT")
    report_video(video=theirs, reporter=real, reason="UNFIT")
    report_video(video=video, reporter=sample, reason="UNFIT")
    report_member(member=sample, reporter=real, reason="UNFIT")
    remove_sample_data()
    assert list(Report.objects.all()) == [kept]


# -- what nobody learns ----------------------------------------------------------------------------


def test_the_audit_log_names_the_decision_but_not_the_reporter(video: Video) -> None:
    alice, mona = make_user("alice"), make_moderator("mona")
    report = report_video(video=video, reporter=alice, reason="OTHER", text="It is my face")
    actor = Actor(mona.pk, "mona", Source.ADMIN, is_staff=True)
    with acting(lambda: actor):
        resolve_report(report=report, by=mona, answer=Answer(note="alice is right"))
        reopen_report(report=report, by=mona)
        reject_report(report=report, by=mona)
    entries = AuditEntry.objects.filter(object_kind="report").order_by("pk")
    assert [entry.action for entry in entries] == [
        "report.resolve",
        "report.reopen",
        "report.reject",
    ]
    states = [(entry.before["state"], entry.after["state"]) for entry in entries]
    assert states == [("OPEN", "RESOLVED"), ("RESOLVED", "OPEN"), ("OPEN", "REJECTED")]
    for entry in entries:
        assert (entry.member_id, entry.member_rank) == (video.uploaded_by_id, 0)
        assert entry.object_id == str(report.pk)
        row = str(AuditEntry.objects.filter(pk=entry.pk).values().get())
        assert "alice" not in row
        assert str(alice.pk) not in row
        assert "face" not in row


def test_a_report_does_not_say_when_others_reported() -> None:
    """Keys that count up would tell the uploader, who may report things too."""
    keys = [reported(make_video()).pk for _ in range(3)]
    assert len({key.version for key in keys}) == 1
    assert keys[0].version == 4


def test_a_reporter_gets_no_link_to_what_they_cannot_see(video: Video, mona: User) -> None:
    alice = make_user()
    comment = write_comment(video=video, author=video.uploaded_by, text="Hm")
    report = report_video(video=video, reporter=alice, reason="UNFIT")
    report_comment(comment=comment, reporter=alice, reason="UNFIT")
    assert all(row.url for row in own_reports(alice).rows)
    resolve_report(report=report, by=mona, act=ReportAct.HIDE_VIDEO)
    assert [row.url for row in own_reports(alice).rows] == ["", ""]


def test_own_reports_have_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("videos.selectors.reports.PAGE_SIZE", 2)
    alice = make_user()
    made = [report_video(video=make_video(), reporter=alice, reason="UNFIT").pk for _ in range(5)]
    found, after = [], ""
    for _ in range(3):
        page = own_reports(alice, after=after)
        found += [row.report.pk for row in page.rows]
        after = (page.next_url or "").removeprefix("?after=")
    assert found == made[::-1]
    assert after == ""


# -- at the same time ------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_requests_at_once_open_one_report_and_decide_it_once() -> None:
    video, alice = make_video(), make_user()
    staff = [make_moderator(), make_moderator(), make_admin()]

    def send() -> Report:
        return report_video(video=video, reporter=alice, reason="UNFIT")

    assert len({report.pk for report in together([send] * 3)}) == 1
    report = Report.objects.get()

    def decide(by: User) -> str:
        try:
            resolve_report(report=report, by=by, answer=Answer(message_to_member=by.username))
        except ValidationError as error:
            return error.messages[0]
        return ""

    results = together([partial(decide, by) for by in staff])
    first = Report.objects.select_related("handled_by").get().handled_by
    assert first is not None
    assert min(results) == ""
    assert all(f"by {first.username}" in it for it in sorted(results)[1:])
    assert told(video.uploaded_by) == ["MODERATED"]
    assert told(alice) == ["ANSWERED"]
