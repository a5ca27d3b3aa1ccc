"""What staff do on the page of a video, and what its uploader and others see of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client
from django.urls import reverse

from siteconfig.models import AuditEntry
from tests.builders import (
    count_queries,
    make_admin,
    make_category,
    make_moderator,
    make_user,
    make_video,
)
from videos.enums import AUTOMATIC_FRAME
from videos.models import Comment, Job, Notification, ReviewRequest, Video
from videos.selectors.reviews import open_reviews
from videos.services.comments import write_comment
from videos.services.hiding import hide_comment, hide_video
from videos.services.reports import reject_report, report_video

if TYPE_CHECKING:
    from accounts.models import User

pytestmark = pytest.mark.django_db


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def mona() -> User:
    return make_moderator("mona")


@pytest.fixture
def client(mona: User) -> Client:
    return client_of(mona)


def post(client: Client, name: str, video: Video, *args: object, **data: str) -> Any:
    """Posts a form as htmx does."""
    address = reverse(name, args=[video.short_id, *args])
    return client.post(address, data, headers={"HX-Request": "true"})


def undo(client: Client, page: str) -> Any:
    """Presses the button of the toast on a page."""
    address = reverse("admin:siteconfig_auditentry_undo")
    toast = page[page.index(f'action="{address}"') :]
    sent = {
        name: re.findall(rf'name="{name}" value="([^"]*)"', toast)[0]
        for name in ("request", "next")
    }
    return client.post(address, sent, follow=True)


# -- the menu --------------------------------------------------------------------------------------
def test_only_staff_see_the_menu_on_the_page_of_a_video(client: Client) -> None:
    video = make_video()
    assert 'id="moderate-button"' in client.get(video.get_absolute_url()).text
    for member in (video.uploaded_by, make_user()):
        page = client_of(member).get(video.get_absolute_url()).text
        assert "moderat" not in page.lower().replace("moderators", "")


def test_the_menu_says_why_processing_failed_and_how_often_it_was_tried(client: Client) -> None:
    video = make_video(status="FAILED", error_message="The picture is <b>broken</b>.")
    Job.objects.create(video=video, state="FAILED", attempts=4, failures=3, losses=1)
    text = client.get(reverse("moderate", args=[video.short_id])).text
    for words in ("The picture is &lt;b&gt;broken", "4 attempts", "3 failed", "1 lost"):
        assert words in text


def test_the_menu_makes_as_many_queries_for_much_as_for_little(client: Client, mona: User) -> None:
    video = make_video()
    address = reverse("moderate", args=[video.short_id])
    make_category()
    post(client, "moderate_hide", video, reason="PERSON")
    few = count_queries(client, address)
    for _ in range(12):
        make_category()
        Job.objects.create(video=video, state="DONE")
        post(client, "moderate_unhide", video)
        post(client, "moderate_hide", video, reason="PERSON")
        report_video(video=video, reporter=make_user(), reason="UNFIT")
    assert count_queries(client, address) == few
    assert client.get(address).text.count("Hid the video") == 5  # of the ten newest entries


def test_the_menu_shows_the_open_reports_that_its_reader_may_handle(
    client: Client, mona: User
) -> None:
    video = make_video()
    address = reverse("moderate", args=[video.short_id])
    assert "Open reports</h2>" not in client.get(address).text
    report = report_video(video=video, reporter=make_user("alice"), reason="OTHER", text="<Odd>")
    page = client.get(address).text
    for words in ("Open reports</h2>", "Something else</a>:", "&lt;Odd&gt;", "<span>alice</span>"):
        assert words in page
    assert reverse("admin:videos_report_change", args=[report.pk]) in page
    reject_report(report=report, by=mona)
    assert "Open reports</h2>" not in client.get(address).text
    own = make_video(uploader=mona)
    report_video(video=own, reporter=make_user(), reason="UNFIT")
    assert "Open reports</h2>" not in client.get(reverse("moderate", args=[own.short_id])).text


def test_the_history_shows_moderators_only_what_they_may_read_in_the_log(client: Client) -> None:
    video = make_video("Sea", uploader=make_admin())
    address = reverse("moderate", args=[video.short_id])
    admin = client_of(make_admin("root"))
    post(admin, "moderate_hide", video, reason="PERSON")
    assert "Hid the video “Sea”" in admin.get(address).text
    page = client.get(address).text
    assert "Hid the video" not in page
    assert "nothing here that you may read" in page


# -- hiding ----------------------------------------------------------------------------------------
def test_a_video_is_hidden_in_place_and_the_toast_undoes_it(client: Client) -> None:
    video = make_video("Concert")
    answer = post(client, "moderate_hide", video, reason="PRIVACY", text="The song")
    for words in ('id="watch-facts" hx-swap-oob', "Video hidden", "Copyright or privacy: The song"):
        assert words in answer.text
    toast = answer.text
    assert client_of(make_user()).get(video.get_absolute_url()).status_code == 404
    own = client_of(video.uploaded_by).get(video.get_absolute_url()).text
    assert "Reason: Copyright or privacy: The song" in own
    assert "mona" not in own
    assert undo(client, toast).redirect_chain == [(video.get_absolute_url(), 302)]
    video.refresh_from_db()
    assert not video.is_hidden


def test_an_unhidden_video_gets_its_reason_back(client: Client) -> None:
    video = hide_video(video=make_video(), by=make_moderator(), reason="PRIVACY", text="The song")
    undo(client, post(client, "moderate_unhide", video).text)
    video.refresh_from_db()
    assert video.hidden_sentence == "Copyright or privacy: The song"


def test_without_scripts_the_page_follows_with_the_same_toast(client: Client) -> None:
    video = make_video()
    address = reverse("moderate_hide", args=[video.short_id])
    page = client.post(address, {"reason": "PERSON"}, follow=True)
    assert page.redirect_chain == [(video.get_absolute_url(), 302)]
    assert "Video hidden" in page.text
    assert "Video hidden" not in client.get(video.get_absolute_url()).text
    undo(client, page.text)
    video.refresh_from_db()
    assert not video.is_hidden


def test_acts_on_ones_own_video_are_not_in_the_log_and_have_no_undo(
    client: Client, mona: User
) -> None:
    video = make_video(uploader=mona)
    answer = post(client, "moderate_hide", video, reason="PERSON")
    assert "Video hidden" in answer.text
    assert reverse("admin:siteconfig_auditentry_undo") not in answer.text
    assert not AuditEntry.objects.exists()


def test_something_else_asks_for_words_and_keeps_what_was_typed(client: Client) -> None:
    video = make_video()
    assert "Say why in your own words" in post(client, "moderate_hide", video, reason="OTHER").text
    answer = post(client, "moderate_hide", video, text="A long story")
    assert answer.status_code == 422
    assert "Choose a reason" in answer.text
    assert "A long story</textarea>" in answer.text
    video.refresh_from_db()
    assert not video.is_hidden


def test_a_moderator_cannot_unhide_their_own_video(client: Client, mona: User) -> None:
    video = hide_video(video=make_video(uploader=mona), by=make_admin(), reason="PERSON")
    assert "another moderator" in post(client, "moderate_unhide", video).text
    address = reverse("moderate_unhide", args=[video.short_id])
    assert "another moderator" in client.post(address, follow=True).text
    video.refresh_from_db()
    assert video.is_hidden


def test_the_card_shows_its_uploader_the_reason() -> None:
    video = hide_video(video=make_video(), by=make_moderator(), reason="OTHER", text="Too <loud>")
    profile = client_of(video.uploaded_by).get(video.uploaded_by.get_absolute_url()).text
    assert "Too &lt;loud&gt;" in profile


# -- moving, the thumbnail -------------------------------------------------------------------------
def test_a_move_is_undone_from_its_toast(client: Client) -> None:
    music, video = make_category("Music"), make_video()
    answer = post(client, "moderate_move", video, category="music")
    assert "Moved to Music" in answer.text
    video.refresh_from_db()
    assert video.category == music
    undo(client, answer.text)
    assert Video.objects.get().category is None
    assert "Removed from its category" in post(client, "moderate_move", video, category="").text
    assert "was deleted" in post(client, "moderate_move", video, category="none").text


def test_resetting_the_thumbnail_lets_a_worker_choose(client: Client) -> None:
    video = make_video(thumbnail_wanted_at=30.0)
    assert post(client, "moderate_thumbnail", video).status_code == 200
    video.refresh_from_db()
    assert video.thumbnail_wanted_at == AUTOMATIC_FRAME
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.before) == (
        "video.reset_thumbnail",
        {"thumbnail_wanted_at": 30.0},
    )


# -- reviews ---------------------------------------------------------------------------------------
def test_an_uploader_asks_and_hears_the_answer(client: Client, mona: User) -> None:
    video = hide_video(video=make_video("Concert"), by=mona, reason="PRIVACY")
    bob = client_of(video.uploaded_by)
    page = bob.get(video.get_absolute_url()).text
    address = reverse("video_review", args=[video.short_id])
    assert address in page
    assert bob.post(address, {"text": ""}).status_code == 422
    sent = bob.post(address, {"text": "It is <my> song"}, follow=True)
    assert "Sent to the moderators" in sent.text
    assert address not in sent.text
    assert bob.post(address, {"text": "Again"}).status_code == 422

    menu = client.get(reverse("moderate", args=[video.short_id])).text
    assert "It is &lt;my&gt; song" in menu
    assert post(client, "moderate_answer", video, answer="keep", message="").status_code == 422
    answer = post(client, "moderate_answer", video, answer="keep", message="It is not")
    assert "Answer sent" in answer.text
    shown = bob.get(reverse("notifications")).text
    assert "it stays hidden" in shown
    assert "It is not" in shown
    assert "mona" not in shown
    assert address in bob.get(video.get_absolute_url()).text
    assert post(client, "moderate_answer", video, answer="unhide").status_code == 422  # answered


def test_new_details_of_a_hidden_video_come_back_to_the_moderators(
    client: Client, mona: User
) -> None:
    video = hide_video(video=make_video("Ugly"), by=make_moderator(), reason="OTHER", text="Title")
    bob = client_of(video.uploaded_by)
    address = reverse("video_edit", args=[video.short_id])
    assert "moderators will look at the video again" in bob.get(address).text
    assert "Changes saved<" in bob.post(address, {"title": "Ugly"}, follow=True).text
    saved = bob.post(address, {"title": "Pretty"}, follow=True)
    assert "Moderators will look at the video again" in saved.text
    assert [it.old_title for it in open_reviews(mona)] == ["Ugly"]
    menu = client.get(reverse("moderate", args=[video.short_id])).text
    assert "The title was “Ugly”" in menu
    client.post(address, {"title": "Prettier"})  # by a moderator
    assert ReviewRequest.objects.count() == 1


def test_open_requests_come_oldest_first(mona: User) -> None:
    for number in range(3):
        video = hide_video(video=make_video(f"Video {number}"), by=mona, reason="PERSON")
        ReviewRequest.objects.create(video=video, text="Please")
    post(client_of(mona), "moderate_answer", video, answer="unhide")
    assert [it.video.title for it in open_reviews(mona)] == ["Video 0", "Video 1"]


# -- comments --------------------------------------------------------------------------------------
def test_a_hidden_comment_is_read_by_its_author_and_staff_alone(client: Client) -> None:
    carol, video = make_user("carol"), make_video()
    comment = write_comment(video=video, author=carol, text="Nonsense at 0:10")
    write_comment(video=video, author=video.uploaded_by, text="Why?", reply_to=comment)
    form = client.get(
        reverse("moderate_comment_hide", args=[video.short_id, comment.pk]),
        headers={"HX-Request": "true"},
    )
    assert form.text.count('name="reason"') == 5
    answer = post(client, "moderate_comment_hide", video, comment.pk, reason="HARASSMENT")
    assert "Nonsense" in answer.text
    assert "Unhide" in answer.text
    for reader, reads in ((make_user(), False), (video.uploaded_by, False), (carol, True)):
        page = " ".join(client_of(reader).get(video.get_absolute_url()).text.split())
        assert ("Nonsense" in page) == reads
        assert ("Hidden by a moderator: Harassment" in page) == reads
        assert ("Hidden by a moderator</p>" in page) == (not reads)
        assert "Why?" in page
        shown = client_of(reader).get(reverse("notifications")).text
        assert "Nonsense" not in shown
        assert ("A moderator hid your comment" in shown) == reads
        reply = reverse("comment_reply", args=[video.short_id, comment.pk])
        assert client_of(reader).get(reply).status_code == 404
    assert "Nonsense" in post(client, "moderate_comment_unhide", video, comment.pk).text
    assert "Nonsense" in client_of(make_user()).get(video.get_absolute_url()).text


def test_the_hiding_and_unhiding_of_a_comment_is_undone_by_its_toast(client: Client) -> None:
    video = make_video()
    comment = write_comment(video=video, author=make_user(), text="Nonsense")

    def is_hidden() -> bool:
        return Comment.objects.get(pk=comment.pk).is_hidden

    answer = post(client, "moderate_comment_hide", video, comment.pk, reason="HARASSMENT").text
    assert "Comment hidden" in answer
    assert is_hidden()
    undo(client, answer)
    assert not is_hidden()
    hide_comment(comment=comment, by=make_moderator(), reason="PERSON")
    address = reverse("moderate_comment_unhide", args=[video.short_id, comment.pk])
    page = client.post(address, follow=True).text  # without scripts
    assert "Comment unhidden" in page
    assert not is_hidden()
    undo(client, page)
    assert is_hidden()


def test_a_reason_for_a_comment_that_is_refused_comes_back_in_its_place(client: Client) -> None:
    video = make_video()
    comment = write_comment(video=video, author=make_user(), text="Hm")
    answer = post(client, "moderate_comment_hide", video, comment.pk, reason="OTHER")
    assert answer.status_code == 422
    assert answer["HX-Retarget"] == f"#hide-slot-{comment.pk}"
    assert "Say why" in answer.text


def test_a_hidden_comment_is_neither_edited_nor_replied_to() -> None:
    carol, video = make_user(), make_video()
    comment = write_comment(video=video, author=carol, text="Nonsense")
    hide_comment(comment=comment, by=make_moderator(), reason="PERSON")
    edit = reverse("comment_edit", args=[video.short_id, comment.pk])
    assert client_of(carol).post(edit, {"text": "Sense"}).status_code == 404
    sent = {"text": "Yes", "parent": str(comment.pk)}
    answer = client_of(make_user()).post(reverse("comments", args=[video.short_id]), sent)
    assert (answer.status_code, "hidden by a moderator" in answer.text) == (422, True)
    assert Comment.objects.count() == 1
    assert not Notification.objects.filter(kind="REPLIED").exists()
