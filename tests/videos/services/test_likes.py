"""Likes are counted from rows, once for each member."""

from __future__ import annotations

import pytest

from clipset.lib.refusals import RateLimitedError
from tests.builders import make_user, make_video
from videos.models import Like, Video
from videos.selectors.cards import cards
from videos.services.likes import MAX_LIKES, set_like

pytestmark = pytest.mark.django_db


def test_the_same_again_changes_nothing() -> None:
    video, alice, bob = make_video(), make_user(), make_user()
    wanted = [(alice, True, 1), (alice, True, 1), (bob, True, 2), (alice, False, 1)]
    for member, liked, count in [*wanted, (alice, False, 1)]:
        assert set_like(video=video, member=member, liked=liked) == count
    assert list(Like.objects.values_list("member", flat=True)) == [bob.pk]


def test_a_member_who_goes_takes_their_likes_along() -> None:
    video, alice = make_video(), make_user()
    set_like(video=video, member=alice, liked=True)
    videos = Video.objects.for_cards()
    assert cards(videos)[0].like_count == 1
    alice.delete()
    assert cards(videos)[0].like_count == 0


def test_a_video_that_was_deleted_meanwhile_is_not_liked() -> None:
    video = make_video()
    Video.objects.get().delete()
    with pytest.raises(Video.DoesNotExist):
        set_like(video=video, member=make_user(), liked=True)


def test_nobody_clicks_without_end() -> None:
    video, alice = make_video(), make_user()
    for number in range(MAX_LIKES):
        set_like(video=video, member=alice, liked=number % 2 == 0)
    with pytest.raises(RateLimitedError):
        set_like(video=video, member=alice, liked=True)
