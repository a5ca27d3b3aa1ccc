"""How many queries a page takes: a number that does not grow with what is on it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.builders import (
    count_queries,
    make_category,
    make_moderator,
    make_playlist,
    make_user,
    make_video,
)
from videos.services.captions import add_caption
from videos.services.comments import write_comment
from videos.services.guest_links import create_guest_link
from videos.services.likes import set_like
from videos.services.playlists import add_to_playlist, create_playlist_with_video
from videos.services.reports import report_video, resolve_report
from videos.services.watch_progress import save_position

if TYPE_CHECKING:
    from django.test import Client

    from accounts.models import User
    from categories.models import Category
    from videos.models import Video

pytestmark = pytest.mark.django_db

SRT = b"1\n00:00:00,500 --> 00:00:01,500\nHarbour words\n"
DAY = timedelta(days=1)

# Of each, five are for who is logged in, their rights and new notifications; a guest has none.
MAX_QUERIES = {
    "/": 10,
    "/?category=music": 9,
    "/?q=harbour": 11,
    "/?q=harbour&category=music": 11,
    "/categories/": 6,
    "/categories/music/": 8,
    "/users/": 6,
    "/profile/bob/": 8,
    "/profile/bob/?tab=playlists": 7,
    "/playlists/": 6,
    "/playlist/{playlist}/": 10,
    "/liked/": 7,
    "/notices/": 7,
    "/reports/": 7,
    "{video}": 15,
    "{video}?comment={said}": 16,
    "{video}?playlist={playlist}": 19,
    "{video}playlists/": 7,
    "{video}comments/": 9,
    "{video}comments/{said}/": 8,
    "{video}captions/": 7,
    "{video}share/": 8,
    "/v/{other}/report/": 8,
    "{video}edit/": 7,
    "{guest}": 5,
}


@pytest.mark.slow
def test_no_page_takes_more_queries_for_more_of_everything(client: Client) -> None:
    bob, music = make_user("bob"), make_category("Music")
    video_file = make_video("Harbour", uploader=bob, category=music)
    said = write_comment(video=video_file, author=make_user(), text="At 0:10")
    guest = create_guest_link(video=video_file, created_by=bob, lifetime=DAY).token
    playlist = make_playlist(made_by=bob)
    add_to_playlist(playlist=playlist, video=video_file, user=bob)
    client.force_login(bob)
    names = {
        "video": video_file.get_absolute_url(),
        "said": said.pk,
        "guest": f"/s/{guest}/",
        "other": make_video().short_id,
        "playlist": playlist.short_id,
    }
    paths = {path: path.format_map(names) for path in MAX_QUERIES}
    add_more(video_file, bob, music)
    few = {name: count_queries(client, path) for name, path in paths.items()}
    for _ in range(3):
        add_more(video_file, bob, music)
    many = {name: count_queries(client, path) for name, path in paths.items()}
    assert many == few
    assert {name: count for name, count in few.items() if count > MAX_QUERIES[name]} == {}


def add_more(video_file: Video, bob: User, music: Category) -> None:
    """Of all that these pages show."""
    alice = make_user()
    other = make_video("Harbour again", uploader=alice, category=music)
    own = make_video("Harbour of mine", uploader=bob, category=music)
    save_position(video=other, member=bob, seconds=40, ended=False)
    for video in (video_file, other, own):
        set_like(video=video, member=alice, liked=True)
        add_caption(video=video, contents=SRT, language="en", label="")
    set_like(video=other, member=bob, liked=True)
    playlists = list(bob.playlists.all())
    for playlist in [
        *playlists,
        create_playlist_with_video(user=bob, title="Of mine", video=other),
    ]:
        add_to_playlist(playlist=playlist, video=own, user=bob)
    said = write_comment(video=video_file, author=alice, text="Look at 0:10 and at 0:12!")
    for _ in range(5):
        write_comment(video=video_file, author=bob, text="I did, at 0:11.", reply_to=said)
    first = video_file.comments.order_by("pk").first()
    assert first is not None
    write_comment(video=video_file, author=alice, text="So did I.", reply_to=first)
    create_guest_link(video=video_file, created_by=bob, lifetime=DAY)
    report = report_video(video=other, reporter=bob, reason="UNFIT")
    resolve_report(report=report, by=make_moderator())
