"""How much of a video one has seen, on every card of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.builders import make_category, make_playlist, make_user, make_video
from videos.services.likes import set_like
from videos.services.playlists import add_to_playlist
from videos.services.watch_progress import save_position

if TYPE_CHECKING:
    from django.test import Client

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.both_databases,
    pytest.mark.long_on_postgresql,
]

BEGUN, FINISHED = "40% watched", "Watched"
WHERE = (
    "/", "/?category=music", "/?q=video", "/categories/music/", "/profile/alice/", "/liked/",
    "/playlist/{playlist}/", "/v/{new}/", "/v/{new}/?playlist={playlist}",
)  # fmt: skip


def test_each_list_says_what_its_reader_has_seen(client: Client) -> None:
    alice, bob, music = make_user("alice"), make_user("bob"), make_category("Music")
    begun, finished, new = (
        make_video(f"Video {name}", uploader=alice, category=music, duration_seconds=100)
        for name in ("begun", "finished", "new")
    )
    playlist = make_playlist(made_by=bob)
    for video in (new, begun, finished):
        add_to_playlist(playlist=playlist, video=video, user=bob)
        for member in (alice, bob):
            set_like(video=video, member=member, liked=True)
    save_position(video=begun, member=bob, seconds=40, ended=False)
    save_position(video=finished, member=bob, seconds=100, ended=True)
    for member, is_told in ((bob, True), (alice, False)):
        client.force_login(member)
        for path in WHERE:
            address = path.format(playlist=playlist.short_id, new=new.short_id)
            html = client.get(address).content.decode()
            told = (address, BEGUN in html, FINISHED in html)
            assert told == (address, is_told, is_told)
