"""Cards of what is not ready yet: the page asks how far it is, and is told what has changed."""

from __future__ import annotations

import re
import time
from html import unescape
from typing import TYPE_CHECKING

import pytest

from tests.builders import count_queries, make_user, make_video
from videos.enums import AUTOMATIC_FRAME
from videos.models import Job, Video
from videos.selectors.processing_cards import MAX_POLLED

if TYPE_CHECKING:
    from django.test import Client

    from accounts.models import User

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.both_databases,
    pytest.mark.long_on_postgresql,
]

HTMX = {"HX-Request": "true"}


@pytest.fixture
def bob(client: Client) -> User:
    """Whom the client is."""
    bob = make_user("bob")
    client.force_login(bob)
    return bob


def video_file(user: User, title: str = "Harbour") -> Video:
    video = make_video(title, uploader=user, status="PROCESSING")
    Job.objects.create(video=video, progress=10, seconds_left=120)
    return video


def read(client: Client, path: str) -> str:
    return unescape(client.get(path, headers=HTMX).content.decode())


def asked_next(html: str) -> str:
    """ "" where nothing more is asked."""
    found = re.search(r'<clip-status[^>]* hx-get="([^"]+)" hx-trigger="every \d+s, refresh"', html)
    return found[1] if found else ""


@pytest.mark.parametrize("path", ["/", "/profile/bob/"])
def test_a_page_asks_how_far_videos_are_until_they_are_ready(
    client: Client, bob: User, path: str
) -> None:
    video = video_file(bob)
    page = read(client, path)
    assert f'id="thumbnail-{video.short_id}"' in page
    assert "clip-status" in page
    told = read(client, asked_next(page))
    assert "thumbnail" not in told, "nothing has changed"

    Job.objects.update(progress=57, seconds_left=None)
    told = read(client, asked_next(told))
    assert re.search(rf'id="thumbnail-{video.short_id}" hx-swap-oob="true">.*57%', told, re.DOTALL)
    assert "clip-toast" not in told

    Job.objects.all().delete()
    Video.objects.update(processing_status="COMPLETED")
    told = read(client, asked_next(told))
    assert f'id="thumbnail-{video.short_id}" hx-swap-oob="true"' in told
    assert "thumbnail--processing" not in told
    assert "“Harbour” is ready." in told
    assert not asked_next(told)
    assert not asked_next(read(client, path))


def test_a_video_is_shown_as_ready_together_with_its_thumbnail(client: Client, bob: User) -> None:
    video = video_file(bob)
    page = read(client, "/")
    Job.objects.all().delete()
    Video.objects.update(processing_status="COMPLETED", thumbnail_wanted_at=AUTOMATIC_FRAME)
    told = read(client, asked_next(page))
    assert "thumbnail" not in told
    assert video.short_id in asked_next(told)
    assert f'id="thumbnail-{video.short_id}"' in read(client, "/"), "a page opened now asks as well"
    thumbnail = {"thumbnail_filename": "a-1.jpg", "thumbnail_root": "thumbnails"}
    for made in (thumbnail, {"thumbnail_filename": None}):  # None: it has no frame
        Video.objects.update(thumbnail_wanted_at=None, **made)
        last = read(client, asked_next(told))
        assert last.count("“Harbour” is ready.") == 1
        assert ("thumbnail-640.webp?v=" in last) == bool(made["thumbnail_filename"])
        assert not asked_next(last)


def test_a_video_that_fails_says_so_while_the_others_are_asked_for(
    client: Client, bob: User
) -> None:
    bad, good = video_file(bob, "Bad"), video_file(bob, "Good")
    page = read(client, "/")
    Video.objects.filter(pk=bad.pk).update(processing_status="FAILED", error_message="It is cut.")
    told = read(client, asked_next(page))
    assert "“Bad” couldn't be processed." in told
    assert "Failed" in told
    assert bad.short_id not in asked_next(told)
    assert good.short_id in asked_next(told)


def test_nobody_is_told_of_what_they_may_not_see(client: Client, bob: User) -> None:
    others, gone = video_file(make_user("alice"), "Secret"), video_file(bob)
    address = asked_next(read(client, "/"))
    gone.delete()
    told = read(client, f"{address}&video={others.short_id}.0")
    assert "thumbnail" not in told
    assert not asked_next(told)


def test_nothing_is_asked_where_all_is_ready_or_after_two_hours(client: Client, bob: User) -> None:
    make_video(uploader=bob)
    for path in ("/", "/profile/bob/"):
        assert "clip-status" not in read(client, path)
    video_file(bob)
    asked = re.sub(r"since=\d+", f"since={int(time.time()) - 7300}", asked_next(read(client, "/")))
    assert not asked_next(read(client, asked))


@pytest.mark.parametrize(
    "video_file", ["", ".", "x", "x.y", "%00.%00", "." * 9000, "%F0%9F%8E%AC.1"]
)
def test_nonsense_is_answered_with_nothing(client: Client, bob: User, video_file: str) -> None:
    assert "thumbnail" not in read(client, f"/unfinished/?video={video_file}&since=x")


def test_it_takes_as_many_queries_for_many_videos_as_for_one(client: Client, bob: User) -> None:
    addresses: list[str] = []
    for _ in range(2):
        addresses.append("/unfinished/?" + "&".join(
            f"video={video_file(bob).short_id}.0" for _ in range(len(addresses) * MAX_POLLED + 1)
        ))  # fmt: skip
    one, many = (count_queries(client, address) for address in addresses)
    assert one == many <= 5
    assert read(client, addresses[1]).count("hx-swap-oob") == MAX_POLLED
