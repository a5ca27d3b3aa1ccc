"""Hiding videos and comments with a reason, and what their members can answer."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connections

from clipset.lib.refusals import RateLimitedError
from siteconfig.actors import Actor, acting
from siteconfig.enums import Source
from siteconfig.models import AuditEntry
from tests.builders import make_admin, make_moderator, make_user, make_video
from videos.models import Comment, Notification, ReviewRequest, Video
from videos.services.comments import write_comment
from videos.services.details import edit_video
from videos.services.hiding import hide_comment, hide_video, unhide_comment, unhide_video
from videos.services.notifications import mark_all_read, notify_of_processing
from videos.services.reviews import (
    MAX_REQUESTS,
    answer_review,
    ask_for_review,
    ask_for_review_of_edit,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from accounts.models import User

pytestmark = pytest.mark.django_db


@contextmanager
def by(user: User) -> Iterator[User]:
    """The member acts, as the middleware says of a request."""
    actor = Actor(id=user.pk, name=user.username, source=Source.SITE, is_staff=user.is_staff)
    with acting(lambda: actor):
        yield user


def told(member: User) -> list[tuple[str, str]]:
    """What a member is notified of: the kinds and texts, the oldest first."""
    rows = Notification.objects.visible_to(member).order_by("pk")
    return [(it.kind, it.text) for it in rows]


def logged() -> list[tuple[str, str]]:
    return [(it.action, it.reason) for it in AuditEntry.objects.order_by("pk")]


def hidden_video(**fields: Any) -> Video:
    return hide_video(video=make_video(), by=make_moderator(), **{"reason": "PRIVACY"} | fields)


# -- videos ----------------------------------------------------------------------------------------
def test_a_hidden_video_keeps_who_why_and_tells_its_uploader_why_alone() -> None:
    video = make_video("Concert")
    with by(make_moderator("mona")) as mona:
        hide_video(video=video, by=mona, reason="PRIVACY", text=" The song \u200b is not ours. ")
    video.refresh_from_db()
    assert (video.is_hidden, video.hidden_by, video.is_hidden_by_staff) == (True, mona, True)
    sentence = "Copyright or privacy: The song is not ours."
    assert video.hidden_sentence == sentence
    assert told(video.uploaded_by) == [("HIDDEN", sentence)]
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor_name, entry.reason) == ("video.hide", "mona", sentence)
    assert entry.before == {"is_hidden": False, "hidden_reason": "", "hidden_text": ""}
    assert entry.after["hidden_reason"] == "PRIVACY"
    assert (entry.member_id, entry.member_rank) == (video.uploaded_by_id, 0)


@pytest.mark.parametrize(
    ("reason", "text", "field"),
    [
        ("", "", "reason"),
        ("BORED", "", "reason"),
        ("OTHER", " \n", "text"),
        ("PERSON", "x" * 501, "text"),
    ],
)
def test_a_video_of_somebody_else_needs_a_reason(reason: str, text: str, field: str) -> None:
    video = make_video()
    with pytest.raises(ValidationError) as refused:
        hide_video(video=video, by=make_moderator(), reason=reason, text=text)
    assert list(refused.value.message_dict) == [field]
    video.refresh_from_db()
    assert not video.is_hidden


def test_staff_hide_and_unhide_their_own_video_without_a_reason_or_an_entry() -> None:
    with by(make_moderator()) as mona:
        video = hide_video(video=make_video(uploader=mona), by=mona)
        assert video.is_hidden
        assert not video.is_hidden_by_staff
        assert not unhide_video(video=video, by=mona).is_hidden
    assert (told(mona), logged()) == ([], [])


def test_its_uploader_cannot_unhide_what_another_moderator_hid() -> None:
    mona = make_moderator()
    video = hide_video(video=make_video(uploader=mona), by=make_moderator(), reason="PERSON")
    assert hide_video(video=video, by=mona).is_hidden_by_staff  # hiding it again changes nothing
    with pytest.raises(ValidationError, match="another moderator"):
        unhide_video(video=video, by=mona)
    video.refresh_from_db()
    assert video.is_hidden
    admin = make_admin()
    video = hide_video(video=make_video(uploader=admin), by=mona, reason="PERSON")
    assert not unhide_video(video=video, by=admin).is_hidden


def test_hiding_twice_is_one_act_and_another_reason_is_another() -> None:
    video = make_video()
    with by(make_moderator()) as mona:
        for reason in ("PRIVACY", "PRIVACY", "PERSON"):
            hide_video(video=video, by=mona, reason=reason)
        unhide_video(video=video, by=mona)
        unhide_video(video=video, by=mona)
    assert [action for action, _ in logged()] == ["video.hide", "video.hide", "video.unhide"]
    video.refresh_from_db()
    assert (video.hidden_by, video.hidden_at, video.hidden_sentence) == (None, None, "")


def test_an_uploader_who_has_not_read_of_it_hears_nothing_of_what_is_undone() -> None:
    video, mona = make_video(), make_moderator()
    hide_video(video=video, by=mona, reason="PRIVACY")
    unhide_video(video=video, by=mona)
    assert told(video.uploaded_by) == []
    hide_video(video=video, by=mona, reason="PERSON")
    mark_all_read(member=video.uploaded_by)
    unhide_video(video=video, by=mona)
    assert [kind for kind, _ in told(video.uploaded_by)] == ["HIDDEN", "UNHIDDEN"]


def test_the_end_of_processing_keeps_the_notification_of_the_hiding() -> None:
    video = hidden_video()
    notify_of_processing(video=video, kind="PROCESSED")  # type: ignore[arg-type] # its value
    assert [kind for kind, _ in told(video.uploaded_by)] == ["HIDDEN", "PROCESSED"]


# -- reviews ---------------------------------------------------------------------------------------
def test_a_request_is_answered_once_and_its_uploader_hears_the_answer() -> None:
    video, mona = hidden_video(), make_moderator("mona")
    request = ask_for_review(video=video, by=video.uploaded_by, text=" Please look \u200bagain ")
    assert (request.text, request.is_open) == ("Please look again", True)
    with pytest.raises(ValidationError, match="asked already"):
        ask_for_review(video=video, by=video.uploaded_by, text="Again")
    with pytest.raises(ValidationError, match="Say why"):
        answer_review(request=request, by=mona, is_unhidden=False, message=" ")
    with by(mona):
        answer_review(request=request, by=mona, is_unhidden=False, message="The song is not ours.")
        with pytest.raises(ValidationError, match="in the meantime"):
            answer_review(request=request, by=mona, is_unhidden=True)
    assert (request.state, request.answered_by) == ("KEPT", mona)
    assert told(video.uploaded_by)[-1] == ("KEPT", "The song is not ours.")
    assert logged() == [("video.keep_hidden", "The song is not ours.")]

    second = ask_for_review(video=video, by=video.uploaded_by, text="It is another song now")
    with by(mona):
        answer_review(request=second, by=mona, is_unhidden=True, message="Thanks")
    video.refresh_from_db()
    assert (video.is_hidden, second.state, second.message) == (False, "UNHIDDEN", "Thanks")
    assert told(video.uploaded_by)[-1] == ("UNHIDDEN", "Thanks")
    assert logged()[-1] == ("video.unhide", "Thanks")


def test_unhiding_answers_the_open_request() -> None:
    video = hidden_video()
    ask_for_review(video=video, by=video.uploaded_by, text="Please")
    unhide_video(video=video, by=make_moderator())
    assert ReviewRequest.objects.get().state == "UNHIDDEN"
    assert told(video.uploaded_by) == [("UNHIDDEN", "")]


def test_only_the_uploader_of_what_others_hid_asks() -> None:
    video, mona = hidden_video(), make_moderator()
    for other in (make_user(), mona):
        with pytest.raises(ValidationError):
            ask_for_review(video=video, by=other, text="Please")
    own = hide_video(video=make_video(uploader=mona), by=mona)
    for seen in (own, make_video(uploader=mona)):
        with pytest.raises(ValidationError):
            ask_for_review(video=seen, by=mona, text="Please")
    with pytest.raises(ValidationError):
        ask_for_review(video=video, by=video.uploaded_by, text=" \u200b ")
    with pytest.raises(ValidationError):
        ask_for_review(video=video, by=video.uploaded_by, text="x" * 1001)
    assert not ReviewRequest.objects.exists()


def test_a_moderator_does_not_answer_about_their_own_video() -> None:
    mona = make_moderator()
    video = hide_video(video=make_video(uploader=mona), by=make_moderator(), reason="PERSON")
    request = ask_for_review(video=video, by=mona, text="Please")
    for is_unhidden in (True, False):
        with pytest.raises(ValidationError, match="another moderator"):
            answer_review(request=request, by=mona, is_unhidden=is_unhidden, message="Yes")


def test_new_details_ask_for_a_review_and_a_text_joins_them() -> None:
    video = hidden_video()
    bob, old = video.uploaded_by, video.title
    edit_video(video=video, title=old, description="", category=None)
    assert ask_for_review_of_edit(video=video, by=bob, old_title=old, old_description="") is None
    edit_video(video=video, title="Calm", description="", category=None)
    ask_for_review_of_edit(video=video, by=bob, old_title=old, old_description="")
    edit_video(video=video, title="Calmer", description="", category=None)
    ask_for_review_of_edit(video=video, by=bob, old_title="Calm", old_description="")
    ask_for_review(video=video, by=bob, text="I changed it")
    request = ReviewRequest.objects.get()
    assert (request.old_title, request.is_edited, request.text) == (old, True, "I changed it")


def test_an_uploader_asks_only_so_often() -> None:
    bob, mona = make_user(), make_moderator()
    for number in range(MAX_REQUESTS + 1):
        video = hide_video(video=make_video(uploader=bob), by=mona, reason="PERSON")
        if number < MAX_REQUESTS:
            ask_for_review(video=video, by=bob, text="Please")
    with pytest.raises(RateLimitedError):
        ask_for_review(video=video, by=bob, text="Please")
    video.title = "New"
    assert ask_for_review_of_edit(video=video, by=bob, old_title="x", old_description="") is None
    assert ReviewRequest.objects.count() == MAX_REQUESTS


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_of_two_answers_and_two_requests_at_once_one_counts() -> None:
    video, mona = hidden_video(), make_moderator()

    def ask(_: int) -> bool:
        try:
            ask_for_review(video=video, by=video.uploaded_by, text="Please")
        except ValidationError:
            return False
        finally:
            connections.close_all()
        return True

    def answer(number: int) -> bool:
        try:
            answer_review(
                request=ReviewRequest.objects.get(), by=mona, is_unhidden=number == 0, message="x"
            )
        except ValidationError:
            return False
        finally:
            connections.close_all()
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(ask, range(2))) == [False, True]
        assert sorted(pool.map(answer, range(2))) == [False, True]
    video.refresh_from_db()
    assert video.is_hidden == (ReviewRequest.objects.get().state == "KEPT")


# -- comments --------------------------------------------------------------------------------------
def test_a_hidden_comment_tells_its_author_why() -> None:
    carol, video = make_user(), make_video()
    comment = write_comment(video=video, author=carol, text="Ugly")
    with by(make_moderator()) as mona:
        hide_comment(comment=comment, by=mona, reason="HARASSMENT", text="Be kind")
        hide_comment(comment=comment, by=mona, reason="HARASSMENT", text="Be kind")
        assert told(carol) == [("HIDDEN", "Harassment: Be kind")]
        assert told(video.uploaded_by) == []  # nobody reads it in a notification either
        unhide_comment(comment=comment, by=mona)
    assert (told(carol), [kind for kind, _ in told(video.uploaded_by)]) == ([], ["COMMENTED"])
    assert [action for action, _ in logged()] == ["comment.hide", "comment.unhide"]
    entry = AuditEntry.objects.latest("pk")
    assert entry.before["hidden_text"] == "Be kind"
    assert (entry.object_id, entry.member_id) == (str(comment.pk), carol.pk)


def test_a_comment_is_not_hidden_without_a_reason_nor_unhidden_by_its_author() -> None:
    mona = make_moderator()
    comment = write_comment(video=make_video(), author=mona, text="Mine")
    for reason in ("", "BORED"):
        with pytest.raises(ValidationError):
            hide_comment(comment=comment, by=make_moderator(), reason=reason)
    with pytest.raises(ValidationError, match="yours"):
        hide_comment(comment=comment, by=mona, reason="PERSON")
    hide_comment(comment=comment, by=make_moderator(), reason="PERSON")
    with pytest.raises(ValidationError):
        unhide_comment(comment=comment, by=mona)
    assert Comment.objects.get().is_hidden
