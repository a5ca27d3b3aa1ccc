"""The pages on which members report things and see what became of it, and the number in
the menu of staff."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.utils.html import escape

from accounts.models import User
from accounts.services.trash import trash_members
from tests.builders import count_queries, make_admin, make_moderator, make_user, make_video
from videos.models import Notification, Report, ReportAct, Video
from videos.services import reports
from videos.services.comments import write_comment
from videos.services.hiding import hide_comment
from videos.services.reports import Answer, report_member, report_video, resolve_report

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def alice() -> User:
    return make_user("alice")


@pytest.fixture
def video() -> Video:
    return make_video("Sea & sun", uploader=make_user("bob"))


def logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def text_of(answer: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def test_a_report_is_sent_by_a_plain_form_and_shown_afterwards(alice: User, video: Video) -> None:
    client, address = logged_in(alice), f"/v/{video.short_id}/report/"
    page = client.get(address)
    assert page.content.count(b'name="reason"') == 5
    answer = client.post(address, {"reason": "OTHER", "text": "It is <b>mine</b>"})
    assert (answer.status_code, answer["Location"]) == (302, address)
    sent = client.get(address)
    assert "Report sent" in text_of(sent)
    assert escape("It is <b>mine</b>") in sent.content.decode()
    assert b'name="reason"' not in sent.content


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_what_was_typed_comes_back_with_the_reason_why_not(
    alice: User, video: Video, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, address = logged_in(alice), f"/v/{video.short_id}/report/"
    answer = client.post(address, {"text": "Typed words"}, headers=headers)
    assert answer.status_code == 422
    assert b"Choose a reason." in answer.content
    assert b"Typed words</textarea>" in answer.content
    answer = client.post(address, {"reason": "OTHER"}, headers=headers)
    assert answer.status_code == 422
    assert b"Tell us what is wrong." in answer.content
    assert answer.content.count(b"checked") == 1
    monkeypatch.setattr(reports, "MAX_REPORTS", 0)
    monkeypatch.setattr(reports, "allow", lambda *_args, **_options: False)
    answer = client.post(address, {"reason": "UNFIT", "text": "Typed words"}, headers=headers)
    assert answer.status_code == 429
    assert b"Try again in an hour." in answer.content
    assert b"Typed words</textarea>" in answer.content
    assert not Report.objects.exists()


def test_htmx_gets_only_the_form_and_only_the_thanks(alice: User, video: Video) -> None:
    client, address = logged_in(alice), f"/v/{video.short_id}/report/"
    form = client.get(address, headers=HTMX)
    assert form.content.lstrip().startswith(b"<div")
    sent = client.post(address, {"reason": "UNFIT"}, headers=HTMX)
    assert sent.status_code == 200
    assert sent.content.lstrip().startswith(b"<div")
    assert "Report sent" in text_of(sent)


def test_the_only_admin_is_named_as_the_one_to_ask(alice: User) -> None:
    make_admin("root")
    page = logged_in(alice).get("/profile/root/report/")
    assert page.status_code == 200
    assert "root is the only admin" in text_of(page)
    assert b'name="reason"' not in page.content


def test_links_to_report_are_beside_what_is_of_others(alice: User, video: Video) -> None:
    bob = video.uploaded_by
    by_alice = write_comment(video=video, author=alice, text="Hm")
    by_bob = write_comment(video=video, author=bob, text="Hm?")
    pages = {user: logged_in(user).get(video.get_absolute_url()).content for user in (alice, bob)}
    report = f'href="/v/{video.short_id}/report/"'.encode()
    assert report in pages[alice]
    assert report not in pages[bob]
    for comment, author, other in ((by_alice, alice, bob), (by_bob, bob, alice)):
        link = f"/comments/{comment.pk}/report/".encode()
        assert link in pages[other]
        assert link not in pages[author]
    assert b"/profile/bob/report/" in logged_in(alice).get("/profile/bob/").content
    assert b"/profile/bob/report/" not in logged_in(bob).get("/profile/bob/").content


def test_the_reporter_reads_what_became_of_it(alice: User, video: Video) -> None:
    client = logged_in(alice)
    report = report_video(video=video, reporter=alice, reason="UNFIT", text="Look")
    assert "You'll be notified" in client.get("/reports/").content.decode()
    answer = Answer(note="Secret note", message_to_reporter="Thank you, it's hidden.")
    resolve_report(
        report=report, by=make_moderator("mona"), act=ReportAct.HIDE_VIDEO, answer=answer
    )
    notification = Notification.objects.get(member=alice)
    for path in ("/notices/", "/reports/"):
        page = client.get(path).content.decode()
        assert escape("Thank you, it's hidden.") in page
        assert escape("Sea & sun") in page
        assert "Secret note" not in page
        assert "mona" not in page
    assert client.get(f"/notices/{notification.pk}/")["Location"] == "/reports/"
    notification.refresh_from_db()
    assert notification.read_at is not None


def test_the_reported_member_meets_nothing_but_the_message(alice: User, video: Video) -> None:
    """On any page that they can open, before and after the decision."""
    bob = video.uploaded_by
    client = logged_in(bob)
    paths = [
        *("/", "/notices/", "/reports/", "/profile/bob/", "/settings/", "/unfinished/"),
        video.get_absolute_url(),
        *(f"{video.get_absolute_url()}{name}/" for name in ("edit", "share", "comments", "status")),
    ]

    def seen() -> list[str]:
        pages = [client.get(path).content.decode() for path in paths]
        return [re.sub(r'(csrf\w*"|CSRFToken": "|nonce=")[^>]*', "", page) for page in pages]

    before = seen()
    report = report_video(video=video, reporter=alice, reason="UNFIT", text="Unkind words")
    assert seen() == before
    answer = Answer(note="Hm", message_to_reporter="Yes", message_to_member="Please <b>mind</b>")
    resolve_report(report=report, by=make_moderator("mona"), answer=answer)
    after = "\n".join(seen())
    assert escape("Please <b>mind</b>") in after
    for secret in ("alice", "Unkind", str(report.pk), report.pk.hex, "mona", "Hm", "UNFIT"):
        assert secret not in after, secret
    notification = Notification.objects.get(member=bob)
    assert client.get(f"/notices/{notification.pk}/")["Location"] == video.get_absolute_url()
    assert client.get(f"/v/{video.short_id}/report/").status_code == 404


def test_a_notification_about_a_report_stays_when_the_video_cannot_be_seen(
    alice: User, video: Video
) -> None:
    report = report_video(video=video, reporter=alice, reason="UNFIT")
    resolve_report(report=report, by=make_moderator(), act=ReportAct.HIDE_VIDEO)
    client = logged_in(alice)
    assert "Your report was resolved" in text_of(client.get("/notices/"))
    video.delete()
    assert "Your report was resolved" in text_of(client.get("/notices/"))


def test_only_staff_see_in_their_menu_how_many_reports_wait(alice: User, video: Video) -> None:
    mona = make_moderator()
    words, address = "Open reports", "/admin/videos/report/"

    def link(member: User) -> str:
        page = logged_in(member).get("/").text
        found = re.search(rf'href="{address}">(.*?)</a>', page, re.DOTALL)
        return "" if found is None else " ".join(re.sub(r"<[^>]+>", " ", found[1]).split())

    assert link(mona) == words
    report = report_video(video=video, reporter=alice, reason="UNFIT")
    assert link(mona) == f"{words} 1"
    for member in (alice, video.uploaded_by):
        assert link(member) == ""
    resolve_report(report=report, by=mona)
    assert link(mona) == words


def test_the_top_bar_has_one_number_for_staff(alice: User, video: Video) -> None:
    report_video(video=video, reporter=alice, reason="UNFIT")
    page = logged_in(make_moderator()).get("/").text
    bar = page[page.index("top-bar__actions") : page.index("</header>")]
    assert 'aria-label="Needs attention, 1"' in bar
    assert "report" not in bar


def test_the_numbers_in_the_bar_cost_two_queries_for_staff_and_none_for_others(
    alice: User,
) -> None:
    """One counts reports, one asks the log whether anything was done since the other number."""
    mona = make_moderator()
    client, other = logged_in(mona), logged_in(alice)
    assert count_queries(client, "/liked/") == count_queries(other, "/liked/") + 2


def test_a_comment_that_a_member_may_not_read_is_not_quoted_to_them(
    alice: User, video: Video
) -> None:
    client, gone = logged_in(alice), make_user("carol")
    hidden = write_comment(video=video, author=video.uploaded_by, text="A hidden text")
    hide_comment(comment=hidden, by=make_moderator(), reason="HARASSMENT")
    orphan = write_comment(video=video, author=gone, text="A text of the trash")
    trash_members(users=[gone], by=make_admin())
    for comment in (hidden, orphan):
        address = f"/v/{video.short_id}/comments/{comment.pk}/report/"
        assert client.get(address).status_code == 404
        assert client.post(address, {"reason": "UNFIT"}).status_code == 404
    assert not Report.objects.exists()


def test_a_member_in_the_trash_is_not_there_to_be_reported(alice: User) -> None:
    trash_members(users=[make_user("carol")], by=make_admin())
    client = logged_in(alice)
    assert client.get("/profile/carol/report/").status_code == 404
    assert client.post("/profile/carol/report/", {"reason": "UNFIT"}).status_code == 404


def test_the_list_of_reports_does_not_lead_to_a_member_in_the_trash(alice: User) -> None:
    carol, client = make_user("carol"), logged_in(alice)
    report_member(member=carol, reporter=alice, reason="UNFIT")
    assert 'href="/profile/carol/"' in client.get("/reports/").content.decode()
    trash_members(users=[carol], by=make_admin())
    page = client.get("/reports/").content.decode()
    assert "carol" in page
    assert "/profile/carol/" not in page
