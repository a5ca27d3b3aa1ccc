"""The size of the JavaScript that a page loads, compressed, with everything on it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests import clips
from tests.browser.originals import add_rendition
from tests.browser.player import wait_until
from tests.builders import make_category, make_playlist, make_user, make_video
from tests.videos.stored_videos import kept_video
from videos.selectors.feed import PAGE_SIZE
from videos.selectors.playlists import ROWS
from videos.services.captions import add_caption
from videos.services.comments import write_comment
from videos.services.guest_links import create_guest_link
from videos.services.likes import set_like
from videos.services.playlists import add_to_playlist
from videos.services.watch_progress import save_position

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page, Response

    from accounts.models import User
    from videos.models import Video

pytestmark = [
    pytest.mark.browser,
    pytest.mark.ffmpeg,
    pytest.mark.django_db(transaction=True),
]

MAX_BYTES = 25_000  # bytes
MAX_WITH_PLAYER = 223_000  # without the worker of hls.js, which loads in the background
SRT = b"1\n00:00:00,500 --> 00:00:01,500\nHello\n"


@pytest.fixture
def video_file(bob: User) -> Video:
    """A video with two renditions, storyboard, captions, likes, and comments with times."""
    alice, music = make_user("alice"), make_category("Music")
    clip = clips.h264_mp4(seconds=2, size="320x180", fps="10", gop=20)
    video = kept_video(bob, clip, title="Harbour", description="From 0:01 on.", category=music)
    facts = {"width": 160, "height": 90, "fps": 10, "duration_seconds": 2}
    add_rendition(video, video.renditions.get().path, "90p", **facts)
    add_caption(video=video, contents=SRT, language="en", label="")
    said = write_comment(video=video, author=alice, text="Look at 0:01!")
    write_comment(video=video, author=bob, text="I did.", reply_to=said)
    set_like(video=video, member=bob, liked=True)
    for number in range(PAGE_SIZE):
        make_video(f"Video {number}", uploader=alice, category=music)
    save_position(video=make_video(), member=bob, seconds=40, ended=False)
    return video


def test_pages_load_little_javascript(
    visit: Callable[..., Page], bob: User, video_file: Video, problems: list[str]
) -> None:
    days = timedelta(days=1)
    guest = f"/s/{create_guest_link(video=video_file, created_by=bob, lifetime=days).token}/"
    home = video_file.get_absolute_url()
    playlist = make_playlist(made_by=bob)
    add_to_playlist(playlist=playlist, video=video_file, user=bob)
    for place in range(ROWS):  # so that there is a next page
        playlist.entries.create(video=make_video(uploader=bob), position=place + 1)
    listed = playlist.get_absolute_url()
    queue = f"{home}?playlist={playlist.short_id}"
    with_player = {home, guest, queue}
    page = visit(bob)
    weights = {
        path: weigh(page, path, plays=path in with_player)
        for path in (
            home, guest, queue, listed, "/playlists/", "/liked/",
            "/", "/?q=video", "/users/", "/notices/", "/upload/", "/categories/music/",
            "/profile/alice/", "/settings/", f"{home}comments/", f"{home}captions/",
            f"{home}share/", f"{home}edit/",
        )
    }  # fmt: skip
    for path, sizes in weights.items():
        most = MAX_WITH_PLAYER if path in with_player else MAX_BYTES
        assert 0 < sum(sizes.values()) <= most, (path, sizes)
    for part in (
        "hls.light",
        "media-chrome",
        "htmx",
        "clip-comments",
        "clip-comment-markers",
        "clip-like",
    ):
        assert any(part in url for url in weights[home]), part
    for path in ("/", listed):
        assert any("htmx" in url for url in weights[path]), "there is a next page"
    assert any("clip-playlist-entries" in url for url in weights[listed])
    assert any("clip-up-next" in url for url in weights[queue])
    assert not any("clip-up-next" in url for url in weights[home])
    problems.clear()  # the other videos have no files


def weigh(page: Page, path: str, *, plays: bool) -> dict[str, int]:
    """Returns the compressed bytes of the page's scripts by address, cached ones included."""
    found: dict[str, int] = {}

    def note(response: Response) -> None:
        request = response.request
        if request.resource_type == "script" and "worker" not in request.url:
            found[request.url] = int(response.headers["content-length"])

    page.on("response", note)
    page.goto(path)
    if plays:
        wait_until(page, "video.readyState >= 2 && !video.controls")
        page.wait_for_function(
            "() => document.querySelector('clip-player').source?.hls?.levels.length"
        )
    page.remove_listener("response", note)
    return found
