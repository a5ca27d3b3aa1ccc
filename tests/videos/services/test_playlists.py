"""Creating playlists, and changing their entries and order."""

from __future__ import annotations

from datetime import timedelta
from itertools import product
from random import Random
from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from siteconfig.services.heartbeat import mark_alive
from tests.accounts.together import together
from tests.builders import (
    live_for,
    make_admin,
    make_moderator,
    make_playlist,
    make_user,
    make_video,
)
from videos.models import Playlist, PlaylistEntry, Video
from videos.services import playlists
from videos.services.playlists import (
    add_to_playlist,
    create_playlist,
    create_playlist_with_video,
    delete_playlist,
    edit_playlist,
    forget_deleted_playlists,
    move_entry_behind,
    move_entry_by_one,
    remove_from_playlist,
    restore_playlist,
    restore_to_playlist,
)

if TYPE_CHECKING:
    from accounts.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def titles(playlist: Playlist) -> list[str]:
    return [entry.video.title for entry in playlist.entries.select_related("video")]


def filled(maker: User, names: str) -> Playlist:
    """A playlist with a video for each letter."""
    playlist = make_playlist(made_by=maker)
    for name in names:
        add_to_playlist(playlist=playlist, video=make_video(name, uploader=maker), user=maker)
    return playlist


def order(playlist: Playlist) -> str:
    return "".join(titles(playlist))


def video_file(name: str) -> Video:
    return Video.objects.get(title=name)


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
        ({"title": ""}, "title", "Enter a name."),
        ({"title": " \u200b "}, "title", "Enter a name."),
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
    assert not Playlist.objects.present().exists()


def test_nobody_has_more_than_they_can_choose_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(playlists, "MAX_PLAYLISTS", 2)
    bob = make_user("bob")
    first = create_playlist(user=bob, title="One")
    create_playlist(user=bob, title="Two")
    with pytest.raises(ValidationError, match="Delete one"):
        create_playlist_with_video(user=bob, title="Three", video=make_video())
    create_playlist(user=make_user(), title="Somebody's first")
    delete_playlist(playlist=first, user=bob)
    create_playlist(user=bob, title="Three")


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
    assert Playlist.objects.present().first() == older


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
    """Also if the same video is among them twice."""
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


# -- its words ------------------------------------------------------------------------------------
def test_its_maker_renames_and_deletes_it_and_nobody_else() -> None:
    bob = make_user("bob")
    playlist = filled(bob, "AB")
    for other in (make_user(), make_moderator()):
        with pytest.raises(Playlist.DoesNotExist):
            edit_playlist(playlist=playlist, user=other, title="Mine", description="")
        delete_playlist(playlist=playlist, user=other)
    edit_playlist(playlist=playlist, user=bob, title=" Sea\u202e ", description=" At\r\nnight ")
    playlist.refresh_from_db()
    assert (playlist.title, playlist.description) == ("Sea", "At\nnight")
    with pytest.raises(ValidationError):
        edit_playlist(playlist=playlist, user=bob, title=" ", description="")
    delete_playlist(playlist=playlist, user=bob)
    delete_playlist(playlist=playlist, user=bob)
    assert not Playlist.objects.present().exists()
    assert Video.objects.count() == 2
    with pytest.raises(Playlist.DoesNotExist):
        edit_playlist(playlist=playlist, user=bob, title="Again", description="")


def test_a_deleted_one_is_gone_for_everybody_and_comes_back_as_it_was() -> None:
    bob, other = make_user("bob"), make_user("other")
    playlist = filled(bob, "ABC")
    delete_playlist(playlist=playlist, user=bob)
    changed = Playlist.objects.deleted().get().updated_at
    assert not bob.playlists.present().exists()
    with pytest.raises(Playlist.DoesNotExist):
        add_to_playlist(playlist=playlist, video=make_video(), user=bob)
    with pytest.raises(ValidationError, match="too late"):
        restore_playlist(playlist=playlist, user=other)
    for _ in range(2):
        restore_playlist(playlist=playlist, user=bob)
    back = bob.playlists.present().get()
    assert (order(back), back.updated_at, back.deleted_at) == ("ABC", changed, None)


def test_a_deleted_one_comes_back_only_for_ten_minutes_and_is_then_swept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bob, now = make_user("bob"), timezone.now()
    playlist, kept = filled(bob, "A"), filled(bob, "B")
    delete_playlist(playlist=playlist, user=bob)
    live_for(1)
    for after, rows in ((timedelta(minutes=11), 0), (timedelta(days=1, minutes=1), 2)):
        moment = now + after
        for clock in ("django.utils.timezone.now", "siteconfig.services.heartbeat.database_now"):
            monkeypatch.setattr(clock, lambda moment=moment: moment)
        mark_alive()
        with pytest.raises(ValidationError, match="too late"):
            restore_playlist(playlist=playlist, user=bob)
        assert forget_deleted_playlists() == rows
    assert list(Playlist.objects.all()) == [kept]
    assert Video.objects.count() == 2


def test_a_deleted_one_leaves_room_and_does_not_come_back_into_what_is_full(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(playlists, "MAX_PLAYLISTS", 2)
    bob = make_user("bob")
    playlist, _ = filled(bob, "A"), filled(bob, "B")
    delete_playlist(playlist=playlist, user=bob)
    third = create_playlist(user=bob, title="Third")
    with pytest.raises(ValidationError, match="Delete one"):
        restore_playlist(playlist=playlist, user=bob)
    assert Playlist.objects.deleted().get() == playlist
    delete_playlist(playlist=third, user=bob)
    for _ in range(2):
        restore_playlist(playlist=playlist, user=bob)
    assert Playlist.objects.present().count() == 2


def test_the_admin_shows_no_deleted_playlist(client: Client) -> None:
    kept, deleted = make_playlist("Kept"), make_playlist("Removed", deleted_at=timezone.now())
    client.force_login(make_admin())
    page = client.get(reverse("admin:videos_playlist_changelist")).text
    assert kept.title in page
    assert deleted.title not in page
    address = reverse("admin:videos_playlist_change", args=[deleted.pk])
    assert client.get(address).status_code == 302


def test_a_playlist_that_is_started_with_a_video_is_there_with_it_or_not_at_all() -> None:
    bob = make_user("bob")
    assert titles(create_playlist_with_video(user=bob, title="Sea", video=make_video("One"))) == [
        "One"
    ]
    with pytest.raises(Video.DoesNotExist):
        create_playlist_with_video(user=bob, title="Hidden", video=make_video(is_hidden=True))
    assert Playlist.objects.present().count() == 1


# -- taking out -----------------------------------------------------------------------------------
def test_what_is_taken_out_comes_back_to_its_place_in_whichever_order() -> None:
    bob = make_user("bob")
    playlist = filled(bob, "ABCD")
    places = {
        name: remove_from_playlist(playlist=playlist, video=video_file(name), user=bob)
        for name in "BCA"
    }
    assert order(playlist) == "D"
    assert remove_from_playlist(playlist=playlist, video=video_file("A"), user=bob) is None
    for name in "CABA":  # the last one is restored already
        place = places[name]
        assert place is not None
        restore_to_playlist(playlist=playlist, video=video_file(name), user=bob, position=place)
    assert order(playlist) == "ABCD"


def test_a_place_that_was_taken_meanwhile_goes_to_what_comes_back() -> None:
    bob = make_user("bob")
    playlist = filled(bob, "ABC")
    place = remove_from_playlist(playlist=playlist, video=video_file("A"), user=bob)
    assert place == 0
    move_entry_by_one(playlist=playlist, video=video_file("C"), user=bob, up=True)
    restore_to_playlist(playlist=playlist, video=video_file("A"), user=bob, position=place)
    assert order(playlist) == "ACB"
    add_to_playlist(playlist=playlist, video=make_video("D"), user=bob)
    remove_from_playlist(playlist=playlist, video=video_file("D"), user=bob)
    restore_to_playlist(playlist=playlist, video=video_file("D"), user=bob, position=10**12)
    assert order(playlist) == "ACBD"


def test_only_its_maker_takes_out_moves_and_puts_back() -> None:
    bob, other = make_user("bob"), make_moderator()
    playlist = filled(bob, "ABC")
    with pytest.raises(Playlist.DoesNotExist):
        remove_from_playlist(playlist=playlist, video=video_file("A"), user=other)
    with pytest.raises(Playlist.DoesNotExist):
        move_entry_by_one(playlist=playlist, video=video_file("A"), user=other, up=False)
    with pytest.raises(Playlist.DoesNotExist):
        move_entry_behind(
            playlist=playlist, video=video_file("A"), user=other, other=video_file("C")
        )
    with pytest.raises(Playlist.DoesNotExist):
        restore_to_playlist(playlist=playlist, video=make_video(), user=other, position=0)
    assert order(playlist) == "ABC"


def test_what_one_may_not_see_any_more_is_not_put_back() -> None:
    bob = make_user("bob")
    playlist = make_playlist(made_by=bob)
    with pytest.raises(Video.DoesNotExist):
        restore_to_playlist(
            playlist=playlist, video=make_video(is_hidden=True), user=bob, position=0
        )
    assert not PlaylistEntry.objects.exists()


# -- the order ------------------------------------------------------------------------------------
@pytest.mark.parametrize("same_places", [False, True], ids=["places apart", "all at one place"])
def test_a_video_goes_behind_any_other_one_and_the_rest_keep_their_order(same_places: bool) -> None:
    bob = make_user("bob")
    playlist = filled(bob, "ABCD")
    if same_places:
        playlist.entries.update(position=3)
    expected = list(order(playlist))
    pairs = list(product("ABCD", ["", *"ABCD"]))
    Random(1).shuffle(pairs)
    for name, other in pairs:
        move_entry_behind(
            playlist=playlist,
            video=video_file(name),
            user=bob,
            other=video_file(other) if other else None,
        )
        if name != other:
            expected.remove(name)
            expected.insert(expected.index(other) + 1 if other else 0, name)
        assert order(playlist) == "".join(expected), (name, other)


def test_up_and_down_pass_the_neighbour_that_one_sees_and_stop_at_the_ends() -> None:
    bob = make_user("bob")
    playlist = filled(bob, "AB")
    hidden = make_video("h")
    add_to_playlist(playlist=playlist, video=hidden, user=bob)
    Video.objects.filter(pk=hidden.pk).update(is_hidden=True)
    add_to_playlist(playlist=playlist, video=make_video("C", uploader=bob), user=bob)
    for name, up, expected in (
        ("C", True, "ACB"),
        ("C", True, "CAB"),
        ("C", True, "CAB"),
        ("A", False, "CBA"),
        ("A", False, "CBA"),
        ("B", False, "CAB"),
    ):
        move_entry_by_one(playlist=playlist, video=video_file(name), user=bob, up=up)
        assert order(playlist).replace("h", "") == expected, (name, up)
    assert "h" in order(playlist)


def test_nothing_moves_behind_what_is_gone() -> None:
    bob = make_user("bob")
    playlist = filled(bob, "ABC")
    gone = video_file("B")
    remove_from_playlist(playlist=playlist, video=gone, user=bob)
    playlist.refresh_from_db()
    before = playlist.updated_at
    for video, other in ((video_file("A"), gone), (gone, video_file("A"))):
        with pytest.raises(PlaylistEntry.DoesNotExist):
            move_entry_behind(playlist=playlist, video=video, user=bob, other=other)
    with pytest.raises(PlaylistEntry.DoesNotExist):
        move_entry_by_one(playlist=playlist, video=gone, user=bob, up=True)
    playlist.refresh_from_db()
    assert (order(playlist), playlist.updated_at) == ("AC", before)


@pytest.mark.django_db(transaction=True)
def test_two_who_reorder_at_once_lose_and_double_nothing() -> None:
    """Each move is complete: positions stay different, and an entry removed meanwhile stays
    removed."""
    bob = make_user("bob")
    playlist = filled(bob, "ABCDEF")
    video_files = {name: video_file(name) for name in "ABCDEF"}

    def move(name: str, other: str) -> None:
        move_entry_behind(
            playlist=playlist, video=video_files[name], user=bob, other=video_files[other]
        )

    together(
        [
            lambda: move("A", "F"),
            lambda: move("F", "B"),
            lambda: move("E", "A"),
            lambda: move("B", "E"),
            lambda: move_entry_by_one(
                playlist=playlist, video=video_files["C"], user=bob, up=False
            ),
            lambda: remove_from_playlist(playlist=playlist, video=video_files["D"], user=bob),
        ]
    )
    assert sorted(order(playlist)) == list("ABCEF")
    places = list(playlist.entries.values_list("position", flat=True))
    assert len(set(places)) == len(places)
