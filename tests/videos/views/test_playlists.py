"""The page of a playlist and those that list them, and changing one by forms and by scripts."""

from __future__ import annotations

from html import unescape
from typing import TYPE_CHECKING

import pytest
from django.test import Client
from django.utils import timezone

from tests.builders import count_queries, make_admin, make_playlist, make_user, make_video
from videos.models import Playlist, Video
from videos.querysets import UNDO_WITHIN
from videos.selectors.feed import PAGE_SIZE
from videos.selectors.playlists import ROWS, own_playlists
from videos.services import playlists as services
from videos.services.playlists import add_to_playlist

if TYPE_CHECKING:
    from accounts.models import User

pytestmark = pytest.mark.django_db

JSON = {"Accept": "application/json"}
HTMX = {"HX-Request": "true"}


@pytest.fixture
def bob() -> User:
    return make_user("bob")


@pytest.fixture
def client(bob: User) -> Client:
    return visitor(bob)


def visitor(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def filled(maker: User, *videos: Video) -> Playlist:
    playlist = make_playlist("Summer", made_by=maker)
    for place, video in enumerate(videos):
        playlist.entries.create(video=video, position=place)
    return playlist


def order(playlist: Playlist) -> list[str]:
    return [entry.video.title for entry in playlist.entries.select_related("video")]


def page(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return unescape(answer.content.decode())


# -- looking --------------------------------------------------------------------------------------
def test_a_playlist_shows_its_videos_in_its_order_to_every_member(client: Client) -> None:
    maker = make_user("maker")
    playlist = filled(maker, make_video("Second made"), make_video("First made"))
    text = page(client, playlist.get_absolute_url())
    assert "Summer" in text
    assert 'href="/profile/maker/"' in text
    assert 0 < text.index("Second made") < text.index("First made")


def test_each_visitor_sees_of_it_what_they_may_watch(bob: User, client: Client) -> None:
    playlist = filled(
        bob,
        make_video("Bobs unfinished", uploader=bob, status="PENDING"),
        make_video("Hidden by another", is_hidden=True),
        make_video("For all"),
    )
    path = playlist.get_absolute_url()
    assert "Bobs unfinished" in page(client, path)
    assert "Hidden by another" not in page(client, path)
    others = page(visitor(make_user()), path)
    assert "Bobs unfinished" not in others
    assert "For all" in others
    assert "Hidden by another" in page(visitor(make_admin()), path)


def test_an_empty_one_says_so_and_what_to_do(bob: User, client: Client) -> None:
    path = filled(bob).get_absolute_url()
    assert "Save videos to it from their pages." in page(client, path)
    assert "nothing to watch in this playlist yet" in page(visitor(make_user()), path)


def test_a_long_one_is_shown_in_parts_and_nothing_is_left_out_or_shown_twice(
    bob: User, client: Client
) -> None:
    videos = [make_video(f"Video {number:02}", uploader=bob) for number in range(ROWS + 3)]
    playlist = filled(bob, *videos)
    playlist.entries.update(position=7)  # places may be the same: who came first goes first
    path = playlist.get_absolute_url()
    first = client.get(path)
    next_url = first.context["page"].next_url
    rest = client.get(path + next_url, headers={"HX-Request": "true"})
    shown = [card.title for answer in (first, rest) for card in answer.context["page"].cards]
    assert shown == [video.title for video in videos]
    assert rest.context["page"].next_url is None
    assert b"<html" not in rest.content


def test_the_page_costs_as_many_queries_for_one_video_as_for_twenty(
    bob: User, client: Client
) -> None:
    one = filled(bob, make_video(uploader=bob, status="PENDING"))
    many = filled(bob, *(make_video(status="PENDING", uploader=bob) for _ in range(20)))
    counts = {count_queries(client, it.get_absolute_url()) for it in (one, many)}
    assert len(counts) == 1


def test_what_people_typed_is_shown_as_text(bob: User, client: Client) -> None:
    evil = "<script>alert(1)</script>"
    playlist = make_playlist(evil, made_by=bob, description=evil)
    assert evil not in client.get(playlist.get_absolute_url()).content.decode()
    assert evil not in client.get("/upload/").content.decode()


def test_it_says_how_much_there_is_of_what_one_may_see_and_plays_the_first(
    bob: User, client: Client
) -> None:
    first = make_video(uploader=bob, duration_seconds=60.0)
    playlist = filled(
        bob,
        make_video(uploader=bob, status="FAILED"),
        make_video("Hidden", uploader=bob, is_hidden=True, duration_seconds=3600.0),
        first,
        make_video(duration_seconds=63.0),
    )
    playlist.entries.filter(video__title="Hidden").update(position=9)
    path, play = playlist.get_absolute_url(), f'href="/v/{first.short_id}/?playlist='
    others = page(visitor(make_user()), path)
    assert "2 videos" in others
    assert ">2:03<" in others
    assert play in others
    own = page(client, path)
    assert "4 videos" in own
    assert ">1:02:03<" in own
    assert play in own
    empty = filled(bob, make_video(uploader=bob, status="PENDING")).get_absolute_url()
    assert "Play</a>" not in page(client, empty)


def test_only_its_maker_is_offered_changes(bob: User, client: Client) -> None:
    path = filled(bob, make_video("One")).get_absolute_url()
    for text in (f"{path}edit/", f"{path}delete/", 'name="up"', "clip-playlist-entries"):
        assert text in page(client, path)
        assert text not in page(visitor(make_admin()), path)


# -- changing -------------------------------------------------------------------------------------
def test_forms_move_a_video_and_lead_back_to_its_row(bob: User, client: Client) -> None:
    one, two, three = (make_video(title) for title in ("One", "Two", "Three"))
    playlist = filled(bob, one, two, three)
    path = playlist.get_absolute_url()
    answer = client.post(f"{path}move/", {"up": three.short_id, "after": ""})
    assert (answer.status_code, answer["Location"]) == (302, f"{path}#video-{three.short_id}")
    client.post(f"{path}move/", {"down": one.short_id})
    assert order(playlist) == ["Three", "One", "Two"]
    answer = client.post(f"{path}move/", {"down": one.short_id, "after": "x y"})
    assert answer["Location"] == f"{path}?after=x+y#video-{one.short_id}"


def test_a_script_moves_a_video_behind_another_and_is_told_when_one_is_gone(
    bob: User, client: Client
) -> None:
    one, two, three = (make_video(title) for title in ("One", "Two", "Three"))
    playlist = filled(bob, one, two, three)
    path = playlist.get_absolute_url()
    fields = {"video": three.short_id, "behind": one.short_id}
    assert client.post(f"{path}move/", fields, headers=HTMX).status_code == 204
    assert order(playlist) == ["One", "Three", "Two"]
    playlist.entries.get(video=one).delete()
    assert client.post(f"{path}move/", fields, headers=HTMX).status_code == 409
    assert "was changed in another window" in page(client, path)
    assert "was changed in another window" not in page(client, path)
    answer = client.post(f"{path}move/", {**fields, "behind": ""}, headers=HTMX)
    assert answer.status_code == 204
    assert order(playlist) == ["Three", "Two"]
    three.delete()
    assert client.post(f"{path}move/", fields, headers=HTMX).status_code == 404


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_what_is_taken_out_can_be_put_back(bob: User, client: Client, scripts: bool) -> None:
    one, two = make_video("One", duration_seconds=60.0), make_video("Two", duration_seconds=63.0)
    playlist = filled(bob, one, two)
    path = playlist.get_absolute_url()
    headers = HTMX if scripts else {}
    for _ in range(2):  # twice is once
        answer = client.post(
            f"{path}remove/", {"video": one.short_id}, headers=headers, follow=not scripts
        )
        assert answer.status_code == 200
        text = unescape(answer.content.decode())
        assert "1 video<" in text
        assert ">1:03<" in text
        assert order(playlist) == ["Two"]
        if "Undo" in text:
            undo = {"video": one.short_id, "position": 0}
            assert f'value="{one.short_id}"' in text
            assert ("<html" in text) is not scripts
    assert "Undo" not in text
    answer = client.post(f"{path}restore/", undo)
    assert (answer.status_code, answer["Location"]) == (302, f"{path}#video-{one.short_id}")
    assert order(playlist) == ["One", "Two"]
    assert "“One” restored" in page(client, path)
    # Its address is reloaded: there is nothing to be put back any more.
    assert "Undo" not in page(client, f"{path}?removed={one.short_id}&position=0")


def test_its_maker_renames_it_deletes_it_and_takes_that_back(bob: User, client: Client) -> None:
    playlist = filled(bob, make_video("One"))
    path = playlist.get_absolute_url()
    assert 'value="Summer"' in page(client, f"{path}edit/")
    answer = client.post(
        f"{path}edit/", {"title": "Sunrise", "description": "At night"}, follow=True
    )
    assert "At night" in answer.content.decode()
    assert client.post(f"{path}edit/", {"title": "x" * 201}).status_code == 422
    assert client.get(f"{path}delete/")["Location"] == path
    answer = client.post(f"{path}delete/", follow=True)
    assert "“Sunrise” deleted" in " ".join(unescape(answer.content.decode()).split())
    watch = f"{Video.objects.get().get_absolute_url()}?playlist={playlist.short_id}"
    for gone in ("/playlists/", "/profile/bob/?tab=playlists", "/upload/", watch):
        assert "Sunrise" not in page(client, gone)
    assert client.get(path).status_code == 404
    # Its address is reloaded, and another member has heard of it.
    asked = f"/playlists/?deleted={playlist.short_id}"
    assert f'action="{path}undelete/"' in page(client, asked)
    assert "Undo" not in page(visitor(make_user()), asked)
    for _ in range(2):
        answer = client.post(f"{path}undelete/", follow=True)
        assert answer.redirect_chain == [(path, 302)]
        assert "“Sunrise” restored" in unescape(answer.content.decode())
    assert order(playlist) == ["One"]
    assert "Undo" not in page(client, asked)
    Playlist.objects.update(deleted_at=timezone.now() - UNDO_WITHIN)
    assert "Undo" not in page(client, asked)
    answer = client.post(f"{path}undelete/", follow=True)
    assert "It's too late to undo this" in unescape(answer.content.decode())


# -- lists of playlists ---------------------------------------------------------------------------
def test_ones_own_are_listed_the_last_changed_first_page_by_page(bob: User, client: Client) -> None:
    made = [make_playlist(f"List {number:02}", made_by=bob) for number in range(PAGE_SIZE + 2)]
    make_playlist("Of another")
    add_to_playlist(playlist=made[3], video=make_video(), user=bob)
    first = client.get("/playlists/")
    rest = client.get(
        "/playlists/" + first.context["page"].next_url, headers={"HX-Request": "true"}
    )
    shown = [card.title for answer in (first, rest) for card in answer.context["page"].cards]
    assert shown == ["List 03", *(it.title for it in reversed(made) if it != made[3])]
    assert rest.context["page"].next_url is None
    assert b"<html" not in rest.content


def test_a_profile_shows_a_members_playlists_with_what_one_may_see_in_them(
    bob: User, client: Client
) -> None:
    hidden = make_video("Hidden", is_hidden=True, uploader=bob, thumbnail_filename="hidden.jpg")
    shown = make_video("Shown", thumbnail_filename="shown.jpg")
    filled(bob, hidden, make_video(), shown)
    filled(bob, hidden)
    path = "/profile/bob/?tab=playlists"
    own = client.get(path).context["page"].cards
    assert [card.video_count for card in own] == [1, 3]
    others = visitor(make_user()).get(path).context["page"].cards
    assert [card.video_count for card in others] == [2]
    assert others[0].thumbnail_url.startswith(f"/v/{shown.short_id}/")
    assert own[1].thumbnail_url.startswith(f"/v/{hidden.short_id}/")
    assert "bob has no playlists" not in page(client, path)
    assert "alice has no playlists yet" in page(
        client, f"/profile/{make_user('alice')}/?tab=playlists"
    )


# -- what goes into which -------------------------------------------------------------------------
@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_a_video_is_put_into_ones_playlists_and_taken_out(
    bob: User, client: Client, scripts: bool
) -> None:
    video, playlist = make_video("Sea"), filled(bob, make_video("One"))
    make_playlist("Of another")
    path = f"/v/{video.short_id}/playlists/"
    headers = HTMX if scripts else {}

    def choose(**fields: str) -> str:
        answer = client.post(path, fields, headers=headers, follow=not scripts)
        text = unescape(answer.content.decode())
        assert answer.status_code == 200
        assert ("<html" in text) is not scripts
        assert "Of another" not in text
        return text

    assert f'name="add" value="{playlist.short_id}"' in page(client, path)
    for _ in range(2):
        text = choose(add=playlist.short_id)
        assert "Added to “" in text
        assert f'name="remove" value="{playlist.short_id}"' in text
        assert order(playlist) == ["One", "Sea"]
    for _ in range(2):
        assert "Removed from “" in choose(remove=playlist.short_id)
        assert order(playlist) == ["One"]
    text = choose(title="New one")
    made = Playlist.objects.get(title="New one")
    assert f'name="remove" value="{made.short_id}"' in text
    assert order(made) == ["Sea"]
    answer = client.post(path, {"title": "x" * 201}, headers=headers)
    assert answer.status_code == 422
    assert "A name has at most 200 characters." in answer.content.decode()
    assert "x" * 201 in answer.content.decode()


# -- making ---------------------------------------------------------------------------------------
def test_a_form_makes_one_and_leads_to_it(bob: User, client: Client) -> None:
    answer = client.post("/playlists/", {"title": "Winter", "description": "Snow"})
    made = Playlist.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, made.get_absolute_url())
    assert (made.title, made.description, made.made_by) == ("Winter", "Snow", bob)


def test_a_script_makes_one_and_is_told_its_short_id(client: Client) -> None:
    answer = client.post("/playlists/", {"title": "Winter"}, headers=JSON)
    made = Playlist.objects.get()
    assert answer.status_code == 201
    assert answer.json() == {
        "short_id": made.short_id,
        "title": "Winter",
        "url": f"/playlist/{made.short_id}/",
    }


def test_what_is_no_playlist_is_refused_with_a_sentence(client: Client) -> None:
    answer = client.post("/playlists/", {"title": "x" * 201}, headers=JSON)
    assert answer.status_code == 422
    assert answer.json() == {"errors": {"title": ["A name has at most 200 characters."]}}
    answer = client.post("/playlists/", {"title": " ", "description": "Snow"})
    assert answer.status_code == 422
    assert "Enter a name." in answer.content.decode()
    assert "Snow</textarea>" in answer.content.decode()
    assert not Playlist.objects.present().exists()


def test_too_many_are_refused_with_a_sentence_wherever_one_is_made(
    bob: User, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "MAX_PLAYLISTS", 1)
    make_playlist(made_by=bob)
    for path in ("/playlists/", f"/v/{make_video().short_id}/playlists/"):
        answer = client.post(path, {"title": "Winter"})
        assert answer.status_code == 422
        assert "the maximum. Delete one to create another." in answer.content.decode()
    answer = client.post("/playlists/", {"title": "Winter"}, headers=JSON)
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == ["title"]


def test_the_upload_page_offers_ones_own_the_last_changed_first(bob: User, client: Client) -> None:
    older = make_playlist("Older", made_by=bob)
    make_playlist("Newer", made_by=bob)
    make_playlist("Of another")
    add_to_playlist(playlist=older, video=make_video(), user=bob)
    assert [choice.title for choice in own_playlists(bob)] == ["Older", "Newer"]
    text = page(client, "/upload/")
    assert f'<option value="{older.short_id}">Older</option>' in text
    assert "Of another" not in text
