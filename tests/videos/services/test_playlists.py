"""Making playlists and putting videos into them."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from tests.accounts.together import together
from tests.builders import make_moderator, make_playlist, make_user, make_video
from videos.models import Playlist, PlaylistEntry, Video
from videos.services.playlists import add_to_playlist, create_playlist

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def titles(playlist: Playlist) -> list[str]:
    return [entry.video.title for entry in playlist.entries.select_related("video")]


# -- making ---------------------------------------------------------------------------------------
def test_a_playlist_is_made_with_a_clean_title() -> None:
    bob = make_user("bob")
    made = create_playlist(user=bob, title="  Summer\u202e \n 2026 ", description=" Sun \r\n sea ")
    made.refresh_from_db()
    assert (made.title, made.description, made.made_by) == ("Summer 2026", "Sun\nsea", bob)
    assert made.get_absolute_url() == f"/playlist/{made.short_id}/"


@pytest.mark.parametrize(
    ("fields", "field", "sentence"),
    [
        ({"title": ""}, "title", "Give the playlist a name."),
        ({"title": " \u200b "}, "title", "Give the playlist a name."),
        ({"title": "x" * 201}, "title", "at most 200 characters"),
        ({"title": "x", "description": "x" * 5001}, "description", "at most 5"),
    ],
    ids=["blank", "invisible", "long", "long description"],
)
def test_what_is_no_playlist_is_refused_with_a_sentence(
    fields: dict[str, str], field: str, sentence: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        create_playlist(user=make_user(), **fields)
    assert list(refused.value.message_dict) == [field]
    assert sentence in refused.value.messages[0]
    assert not Playlist.objects.exists()


# -- adding ---------------------------------------------------------------------------------------
def test_videos_are_put_at_the_end() -> None:
    bob = make_user("bob")
    playlist = make_playlist(made_by=bob)
    for title in ("One", "Two", "Three"):
        add_to_playlist(playlist=playlist, video=make_video(title), user=bob)
    assert titles(playlist) == ["One", "Two", "Three"]
    playlist.entries.get(video__title="Two").delete()
    add_to_playlist(playlist=playlist, video=make_video("Four"), user=bob)
    assert titles(playlist) == ["One", "Three", "Four"]


def test_a_video_that_is_in_it_stays_where_it_is() -> None:
    bob = make_user("bob")
    playlist, video = make_playlist(made_by=bob), make_video("One")
    first = add_to_playlist(playlist=playlist, video=video, user=bob)
    add_to_playlist(playlist=playlist, video=make_video("Two"), user=bob)
    assert add_to_playlist(playlist=playlist, video=video, user=bob) == first
    assert titles(playlist) == ["One", "Two"]


def test_adding_makes_the_playlist_the_one_that_was_changed_last() -> None:
    bob = make_user("bob")
    older, _newer = make_playlist(made_by=bob), make_playlist(made_by=bob)
    add_to_playlist(playlist=older, video=make_video(), user=bob)
    assert Playlist.objects.first() == older


def test_only_its_maker_adds_not_even_a_moderator() -> None:
    playlist, video = make_playlist(), make_video()
    for other in (make_user(), make_moderator()):
        with pytest.raises(Playlist.DoesNotExist):
            add_to_playlist(playlist=playlist, video=video, user=other)
    assert not PlaylistEntry.objects.exists()


def test_nothing_is_added_to_a_playlist_that_was_deleted_meanwhile() -> None:
    bob = make_user("bob")
    playlist = make_playlist(made_by=bob)
    Playlist.objects.all().delete()
    with pytest.raises(Playlist.DoesNotExist):
        add_to_playlist(playlist=playlist, video=make_video(), user=bob)


def test_what_one_may_not_see_is_not_added_and_ones_own_unfinished_is() -> None:
    bob = make_user("bob")
    playlist = make_playlist(made_by=bob)
    before = playlist.updated_at
    with pytest.raises(Video.DoesNotExist):
        add_to_playlist(playlist=playlist, video=make_video(is_hidden=True), user=bob)
    playlist.refresh_from_db()
    assert playlist.updated_at == before
    add_to_playlist(
        playlist=playlist, video=make_video("Mine", uploader=bob, status="PENDING"), user=bob
    )
    assert titles(playlist) == ["Mine"]


@pytest.mark.django_db(transaction=True)
def test_what_is_added_at_once_gets_places_of_its_own() -> None:
    """Also when the same video is among them twice."""
    bob = make_user("bob")
    playlist = make_playlist(made_by=bob)
    videos = [make_video(uploader=bob) for _ in range(6)]
    together(
        [
            lambda at=video: add_to_playlist(playlist=playlist, video=at, user=bob)  # type: ignore[misc]
            for video in [*videos, videos[0], videos[1]]
        ]
    )
    assert sorted(playlist.entries.values_list("position", flat=True)) == list(range(6))
