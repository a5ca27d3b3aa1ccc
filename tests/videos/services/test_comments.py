"""Writing, editing, deleting and restoring comments, and their notifications."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import Throttle, User
from accounts.services.trash import trash_members
from clipset.lib.refusals import RateLimitedError
from tests.builders import live_for, make_admin, make_moderator, make_user, make_video
from videos.models import Comment, Notification, NotificationKind, Video
from videos.services.comments import (
    GONE,
    MAX_COMMENTS,
    delete_comment,
    edit_comment,
    forget_deleted_comments,
    restore_comment,
    write_comment,
)
from videos.services.notifications import (
    forget_old_notifications,
    mark_all_read,
    notify_of_processing,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> User:
    return make_user("alice")


@pytest.fixture
def bob() -> User:
    return make_user("bob")


@pytest.fixture
def video(bob: User) -> Video:
    return make_video("Sea", uploader=bob)


def told(user: User) -> list[str]:
    """Kinds of the notifications that the member sees, the oldest first."""
    return list(Notification.objects.visible_to(user).order_by("pk").values_list("kind", flat=True))


def age(comment: Comment, **by: float) -> None:
    moment = timezone.now() - timedelta(**by)
    Comment.objects.filter(pk=comment.pk).update(created_at=moment)
    Comment.objects.deleted().filter(pk=comment.pk).update(deleted_at=moment)
    comment.refresh_from_db()


# -- writing --------------------------------------------------------------------------------------


def test_a_comment_is_cleaned_and_knows_its_first_moment(video: Video, alice: User) -> None:
    comment = write_comment(
        video=video, author=alice, text=" Look\u202e \r\n at 0:42 and 1:00\x00 "
    )
    comment.refresh_from_db()
    assert (comment.text, comment.moment) == ("Look\nat 0:42 and 1:00", 42)


@pytest.mark.parametrize("text", ["", "  \n ", "\u200b", "x" * 2001])
def test_what_is_blank_or_too_long_is_refused(video: Video, alice: User, text: str) -> None:
    with pytest.raises(ValidationError):
        write_comment(video=video, author=alice, text=text)
    assert not Comment.objects.exists()


@pytest.mark.parametrize("text", ["", "  ", "x" * 2001])
def test_the_database_refuses_it_too(video: Video, alice: User, text: str) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Comment.objects.create(video=video, author=alice, text=text)


def test_a_comment_that_is_sent_twice_is_stored_once(video: Video, alice: User) -> None:
    first = write_comment(video=video, author=alice, text="Hello")
    assert write_comment(video=video, author=alice, text="Hello ") == first
    age(first, minutes=2)
    assert write_comment(video=video, author=alice, text="Hello") != first


def test_a_reply_to_a_reply_stands_beside_it(video: Video, alice: User, bob: User) -> None:
    root = write_comment(video=video, author=alice, text="One")
    reply = write_comment(video=video, author=bob, text="Two", reply_to=root)
    beside = write_comment(video=video, author=alice, text="Three", reply_to=reply)
    assert reply.parent == beside.parent == root


def test_what_was_deleted_meanwhile_is_not_answered(video: Video, alice: User) -> None:
    root = write_comment(video=video, author=alice, text="One")
    delete_comment(comment=Comment.objects.get(), by=alice)
    with pytest.raises(ValidationError, match=GONE):
        write_comment(video=video, author=alice, text="Two", reply_to=root)


def test_a_comment_of_another_video_is_not_answered(video: Video, alice: User) -> None:
    elsewhere = write_comment(video=make_video(), author=alice, text="One")
    with pytest.raises(ValidationError, match=GONE):
        write_comment(video=video, author=alice, text="Two", reply_to=elsewhere)


def test_a_video_that_was_deleted_meanwhile_takes_no_comment(video: Video, alice: User) -> None:
    Video.objects.get().delete()
    with pytest.raises(Video.DoesNotExist):
        write_comment(video=video, author=alice, text="One")


def test_nobody_writes_more_than_others_can_bear(video: Video, alice: User, bob: User) -> None:
    for number in range(MAX_COMMENTS):
        write_comment(video=video, author=alice, text=str(number))
    with pytest.raises(RateLimitedError):
        write_comment(video=video, author=alice, text="One more")
    write_comment(video=video, author=bob, text="Others may go on")
    Throttle.objects.update(started_at=timezone.now() - timedelta(minutes=6))
    write_comment(video=video, author=alice, text="One more")


# -- changing -------------------------------------------------------------------------------------


def test_the_author_changes_a_comment_for_a_day(video: Video, alice: User) -> None:
    comment = write_comment(video=video, author=alice, text="One")
    age(comment, hours=23.9)
    edit_comment(comment=comment, text="Two at 0:07", editor=alice)
    comment.refresh_from_db()
    assert (comment.text, comment.moment) == ("Two at 0:07", 7)
    assert comment.edited_at is not None
    age(comment, hours=24.1)
    with pytest.raises(ValidationError):
        edit_comment(comment=comment, text="Three", editor=alice)


def test_nobody_else_changes_it(video: Video, alice: User, bob: User) -> None:
    comment = write_comment(video=video, author=alice, text="One")
    for other in (bob, make_moderator()):
        with pytest.raises(ValidationError):
            edit_comment(comment=comment, text="Two", editor=other)


def test_a_comment_that_was_deleted_meanwhile_is_not_changed(video: Video, alice: User) -> None:
    comment = write_comment(video=video, author=alice, text="One")
    delete_comment(comment=Comment.objects.get(), by=alice)
    with pytest.raises(Comment.DoesNotExist):
        edit_comment(comment=comment, text="Two", editor=alice)


# -- deleting -------------------------------------------------------------------------------------


def test_author_uploader_and_staff_may_delete(video: Video, alice: User, bob: User) -> None:
    comment = write_comment(video=video, author=alice, text="One")
    allowed = [alice, bob, make_moderator()]
    assert all(comment.can_be_deleted_by(user) for user in allowed)
    assert not comment.can_be_deleted_by(make_user())


def test_only_who_deleted_takes_it_back_and_only_for_a_while(
    video: Video, alice: User, bob: User
) -> None:
    comment = write_comment(video=video, author=alice, text="One")
    delete_comment(comment=comment, by=bob)
    assert comment.can_be_restored_by(bob)
    assert not comment.can_be_restored_by(alice)
    age(comment, minutes=11)
    assert not comment.can_be_restored_by(bob)
    restore_comment(comment=comment)
    assert Comment.objects.present().get() == comment


def test_the_second_to_delete_does_not_take_over_the_undo(
    video: Video, alice: User, bob: User
) -> None:
    comment = write_comment(video=video, author=alice, text="One")
    delete_comment(comment=Comment.objects.get(), by=bob)
    delete_comment(comment=comment, by=alice)
    assert comment.deleted_by == bob


def test_nobody_replies_to_a_member_in_the_trash(video: Video, alice: User, bob: User) -> None:
    comment = write_comment(video=video, author=bob, text="Hello")
    trash_members(users=[bob], by=make_admin())
    with pytest.raises(ValidationError, match="no longer there"):
        write_comment(video=video, author=alice, text="Why?", reply_to=comment)


def test_after_a_week_the_text_goes_for_good_and_replies_stay(
    video: Video, alice: User, bob: User
) -> None:
    root = write_comment(video=video, author=alice, text="One at 0:10")
    reply = write_comment(video=video, author=bob, text="Two", reply_to=root)
    alone = write_comment(video=video, author=alice, text="Three")
    fresh = write_comment(video=video, author=alice, text="Four")
    for comment in (root, alone, fresh):
        delete_comment(comment=comment, by=alice)
    for comment in (root, alone):
        age(comment, days=8)
    assert forget_deleted_comments() == 0, "the clock may have leapt"
    live_for(8)
    assert forget_deleted_comments() >= 1
    root.refresh_from_db()
    assert (root.text, root.moment) == ("", None)
    assert set(Comment.objects.all()) == {root, reply, fresh}
    with pytest.raises(ValidationError):
        restore_comment(comment=root)
    delete_comment(comment=reply, by=bob)
    age(reply, days=8)
    forget_deleted_comments()
    forget_deleted_comments()
    assert set(Comment.objects.all()) == {fresh}


# -- notifications
# --------------------------------------------------------------------------------------


def test_each_is_told_once_and_nobody_of_their_own_words(
    video: Video, alice: User, bob: User
) -> None:
    carol = make_user("carol")
    root = write_comment(video=video, author=alice, text="One")
    assert (told(bob), told(alice)) == (["COMMENTED"], [])
    reply = write_comment(video=video, author=carol, text="Two", reply_to=root)
    assert (told(bob), told(alice)) == (["COMMENTED"] * 2, ["REPLIED"])
    write_comment(video=video, author=bob, text="Three", reply_to=reply)
    assert (told(bob), told(alice), told(carol)) == (
        ["COMMENTED"] * 2,
        ["REPLIED"] * 2,
        ["REPLIED"],
    )
    write_comment(video=video, author=alice, text="Four", reply_to=root)
    assert told(alice) == ["REPLIED"] * 2


def test_what_may_not_be_seen_any_more_is_not_told(video: Video, alice: User, bob: User) -> None:
    root = write_comment(video=video, author=alice, text="One")
    reply = write_comment(video=video, author=bob, text="Two", reply_to=root)
    video.is_hidden = True
    video.save()
    assert told(alice) == []
    assert told(bob) == ["COMMENTED"]  # the uploader still sees it
    video.is_hidden = False
    video.save()
    delete_comment(comment=reply, by=bob)
    assert told(alice) == []
    restore_comment(comment=reply)
    assert told(alice) == ["REPLIED"]


def test_the_last_word_on_processing_is_the_only_one(video: Video, bob: User) -> None:
    notify_of_processing(video=video, kind=NotificationKind.FAILED)
    notify_of_processing(video=video, kind=NotificationKind.PROCESSED)
    assert told(bob) == ["PROCESSED"]


def test_reading_all_and_forgetting(video: Video, alice: User, bob: User) -> None:
    write_comment(video=video, author=alice, text="One")
    assert mark_all_read(member=bob) == 1
    assert mark_all_read(member=bob) == 0
    live_for(181)
    assert forget_old_notifications() == 0
    Notification.objects.update(created_at=timezone.now() - timedelta(days=181))
    assert forget_old_notifications() == 1
