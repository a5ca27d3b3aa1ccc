"""Views that count once, and where members stopped watching."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from tests.accounts.together import together
from tests.builders import make_admin, make_user, make_video
from videos.models import Video, View, WatchProgress
from videos.selectors.cards import cards
from videos.selectors.continue_watching import continue_watching
from videos.selectors.watch import for_watching
from videos.services.watch_progress import count_view, save_position

if TYPE_CHECKING:
    from accounts.models import User

pytestmark = pytest.mark.django_db


def watch(video: Video, member: User, watched: float) -> int:
    """Reports a view and returns the count."""
    count_view(video=video, member=member, watched=watched)
    video.refresh_from_db()
    return video.view_count


def stop(video: Video, member: User, seconds: float, *, ended: bool = False) -> int:
    """Stops watching and returns where the member continues."""
    save_position(video=video, member=member, seconds=seconds, ended=ended)
    return position_of(video, member)


def position_of(video: Video, member: User) -> int:
    """Whole seconds, as on the page."""
    return int(for_watching(Video.objects.all(), member).get(pk=video.pk).position)  # type: ignore[attr-defined] # annotated


@pytest.mark.parametrize(
    ("duration", "enough"), [(10, 3), (100, 30), (101, 30), (7200, 30), (None, 30)]
)
def test_a_view_is_thirty_seconds_or_thirty_percent(duration: float | None, enough: float) -> None:
    video, member = make_video(duration_seconds=duration), make_user()
    assert watch(video, member, enough - 0.1) == 0
    assert watch(video, member, enough) == 1


def test_a_view_counts_once_a_member_and_day() -> None:
    video, alice, bob = make_video(), make_user(), make_user()
    assert watch(video, alice, 80) == 1
    assert watch(video, alice, 80) == 1
    assert watch(video, bob, 80) == 2
    View.objects.update(day=timezone.localdate() - timedelta(days=1))
    assert watch(video, alice, 80) == 3
    assert watch(video, alice, 80) == 3


def test_the_uploaders_own_view_does_not_count() -> None:
    video = make_video()
    assert watch(video, video.uploaded_by, 80) == 0
    assert not View.objects.exists()


def test_views_of_what_not_all_may_see_do_not_count() -> None:
    admin = make_admin()
    assert watch(make_video(is_hidden=True), admin, 80) == 0
    assert watch(make_video(status="PROCESSING"), admin, 80) == 0


@pytest.mark.django_db(transaction=True)
def test_many_tellers_at_once_count_one_view_each_member() -> None:
    video, alice, bob = make_video(), make_user(), make_user()
    tellers = [alice, bob] * 4
    together([partial(count_view, video=video, member=who, watched=80) for who in tellers])
    video.refresh_from_db()
    assert video.view_count == View.objects.count() == 2


def test_counting_leaves_the_rest_of_the_video_alone() -> None:
    video = make_video("Old title")
    stale = type(video).objects.get(pk=video.pk)
    type(video).objects.filter(pk=video.pk).update(title="New title")
    before = type(video).objects.get(pk=video.pk).updated_at
    assert watch(stale, make_user(), 80) == 1
    assert stale.title == "New title"
    assert stale.updated_at == before


def test_the_last_position_told_is_the_one_to_go_on_from() -> None:
    video, alice, bob = make_video(duration_seconds=100), make_user(), make_user()
    assert stop(video, alice, 20) == 20
    assert stop(video, alice, 12.7) == 12
    assert position_of(video, bob) == 0
    assert WatchProgress.objects.count() == 1


@pytest.mark.parametrize(
    ("seconds", "watched"), [(0, None), (4.9, None), (95, 100), (100, 100), (101, 100)]
)
def test_neither_the_beginning_nor_the_end_is_gone_on_from(
    seconds: float, watched: int | None
) -> None:
    video, alice = make_video(duration_seconds=100), make_user()
    stop(video, alice, 50)
    assert stop(video, alice, seconds) == 0
    assert continue_watching(alice) == []
    assert cards([video], viewer=alice)[0].watched == watched


def test_what_was_seen_to_its_end_is_not_gone_on_with_but_known() -> None:
    video, alice = make_video(duration_seconds=None), make_user()
    assert stop(video, alice, 50) == 50
    assert cards([video], viewer=alice)[0].watched is None  # the length is unknown
    assert stop(video, alice, 0, ended=True) == 0
    assert continue_watching(alice) == []
    assert cards([video], viewer=alice)[0].watched == 100
    assert cards([video], viewer=make_user())[0].watched is None


def test_who_watches_a_video_once_more_goes_on_in_it_but_not_for_a_glance_at_its_beginning() -> (
    None
):
    video, alice = make_video(duration_seconds=100), make_user()
    stop(video, alice, 99.6)
    stop(video, alice, 2)
    assert cards([video], viewer=alice)[0].watched == 100
    assert stop(video, alice, 30) == 30
    assert cards([video], viewer=alice)[0].watched == 30
    assert [card.watched for card in continue_watching(alice)] == [30]
    assert WatchProgress.objects.count() == 1


def test_what_was_begun_comes_with_the_latest_first_and_how_far_one_is() -> None:
    alice = make_user()
    old, new = make_video(duration_seconds=100), make_video(duration_seconds=200)
    stop(new, alice, 50)
    stop(old, alice, 50)
    stop(new, make_user(), 150)
    assert [(card.title, card.watched) for card in continue_watching(alice)] == [
        (old.title, 50),
        (new.title, 25),
    ]
    stop(new, alice, 60)
    assert [card.title for card in continue_watching(alice)] == [new.title, old.title]


def test_what_was_begun_is_left_out_when_it_may_not_be_seen_any_more() -> None:
    alice = make_user()
    video = make_video()
    stop(video, alice, 20)
    video.is_hidden = True
    video.save()
    assert continue_watching(alice) == []


def test_nothing_stays_when_the_video_or_the_member_goes() -> None:
    alice, bob, video = make_user(), make_user(), make_video()
    for member in (alice, bob):
        stop(video, member, 20)
        watch(video, member, 80)
    alice.delete()
    assert (View.objects.count(), WatchProgress.objects.count()) == (1, 1)
    video.delete()
    assert (View.objects.count(), WatchProgress.objects.count()) == (0, 0)
