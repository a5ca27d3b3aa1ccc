"""Home, categories and profiles: what is on them, for whom, and that they cost the same for one
video as for thirty."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.services.trash import trash_members
from clipset.lib.keyset import encode_cursor
from tests.builders import (
    make_admin,
    make_category,
    make_moderator,
    make_playlist,
    make_user,
    make_video,
)
from videos.models import Job, ProcessingStatus
from videos.selectors.feed import PAGE_SIZE
from videos.selectors.sort_orders import COUNT, SORTS, SortOrder
from videos.services.comments import write_comment
from videos.services.likes import set_like

if TYPE_CHECKING:
    from accounts.models import User
    from categories.models import Category

pytestmark = pytest.mark.django_db

EVIL = '<script>alert("x")</script>'


@pytest.fixture
def bob() -> User:
    return make_user("bob")


@pytest.fixture
def music() -> Category:
    return make_category("Music", created_by=make_admin("boss"))


@pytest.fixture
def client(bob: User) -> Client:
    client = Client()
    client.force_login(bob)
    return client


def page(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, path
    return unescape(answer.content.decode())


def queries(client: Client, path: str) -> int:
    client.get(path)  # notes in the session that it is in use
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert client.get(path).status_code == 200
    return len(captured)


# -- costs ----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_pages_cost_as_many_queries_for_thirty_videos_as_for_one(
    client: Client, bob: User, music: Category
) -> None:
    def add(number: int) -> None:
        other = make_user(f"member{number}x")
        make_video(uploader=other, category=music, thumbnail_filename=f"{number}.jpg")
        own = make_video(uploader=bob, category=music, status=ProcessingStatus.PROCESSING)
        Job.objects.create(video=own)
        make_video(uploader=bob, category=music, is_hidden=True)
        make_category(f"Shelf {number}", created_by=bob)

    add(0)
    first = make_video("First", uploader=bob, category=music)
    waiting = make_video("Waiting", uploader=bob, status=ProcessingStatus.PENDING)
    Job.objects.create(video=waiting)
    paths = [
        "/",
        "/?q=video",
        "/?q=video+video&sort=newest",
        "/?q=member&sort=views",
        "/users/",
        "/users/?q=member",
        "/?sort=views",
        "/?category=music",
        "/?q=video&category=music",
        "/categories/",
        "/categories/music/",
        "/profile/bob/",
        "/profile/member0x/",
        f"/v/{first.short_id}/",
        f"/v/{waiting.short_id}/",
        f"/v/{waiting.short_id}/status/",
        f"/v/{first.short_id}/edit/",
        "/upload/",
    ]
    before = {path: queries(client, path) for path in paths}
    for number in range(1, 31):
        add(number)
    after = {path: queries(client, path) for path in paths}
    assert after == before
    assert max(before.values()) <= 15, before


# -- home -----------------------------------------------------------------------------------------


def test_home_shows_what_is_published_newest_first(client: Client) -> None:
    now = timezone.now()
    alice = make_user("alice")
    make_video("Older video", uploader=alice, created_at=now - timedelta(days=2))
    make_video("Newer video", uploader=alice, created_at=now - timedelta(days=1))
    make_video("Secret video", uploader=alice, is_hidden=True)
    make_video("Half a video", uploader=alice, status=ProcessingStatus.PROCESSING)
    html = page(client, "/")
    assert 0 < html.index("Newer video") < html.index("Older video")
    assert "Secret video" not in html
    assert "Half a video" not in html


def test_home_by_views(client: Client) -> None:
    make_video("Seldom seen", view_count=2)
    make_video("Often seen", view_count=900)
    html = page(client, "/?sort=views")
    assert html.index("Often seen") < html.index("Seldom seen")


@pytest.mark.parametrize("path", ["/?category=music", "/categories/music/"])
def test_a_new_sort_order_is_one_line(
    client: Client, bob: User, music: Category, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """Its link appears, and its cursor leads through all pages."""
    largest = SortOrder(label="Largest", column="file_size_bytes", value=COUNT)
    monkeypatch.setitem(SORTS, "largest", largest)
    sizes = [(number * 7) % (PAGE_SIZE + 3) for number in range(PAGE_SIZE + 3)]
    for size in sizes:
        make_video(f"Size {size}", uploader=bob, category=music, file_size_bytes=size)
    link = re.search(r'href="([^"]*)"( aria-current="true")?>Largest<', page(client, path))
    assert link is not None
    assert link[2] is None
    address = path.partition("?")[0] + link[1]
    html = page(client, address)
    assert re.search(r'aria-current="true">Largest<', html)
    following = re.search(r'hx-get="([^"]*after=[^"]*)"', html)
    assert following is not None
    html += page(client, path.partition("?")[0] + following[1])
    shown = [int(size) for size in re.findall(r">Size (\d+)<", html)]
    assert list(dict.fromkeys(shown)) == sorted(sizes, reverse=True)


def test_what_is_not_ready_is_shown_to_its_uploader_alone(client: Client, bob: User) -> None:
    for status in (ProcessingStatus.PENDING, ProcessingStatus.PROCESSING, ProcessingStatus.FAILED):
        make_video(f"Mine {status.label}", uploader=bob, status=status)
    html = page(client, "/")
    assert "Your uploads" in html
    for label in ("Queued", "Processing", "Failed"):
        assert f"Mine {label}" in html
    for other in (make_user("alice"), make_moderator("mod")):
        client.force_login(other)
        html = page(client, "/")
        assert "Mine" not in html
        assert "Your uploads" not in html


def test_home_of_a_category_or_of_a_search(client: Client, music: Category) -> None:
    make_video("Song", category=music)
    make_video("Other")
    for path in ("/?category=music", "/?q=song", "/?q=music&category=music"):
        html = page(client, path)
        assert "Song" in html
        assert "Other" not in html
    assert client.get("/?category=none").status_code == 404


@pytest.mark.parametrize(
    "query",
    [
        "?after=nonsense",
        "?after=%00",
        "?sort=bogus",
        "?sort=bogus&after=bogus",
        "?q=%00",
        "?q=%ff%fe",
        "?q=" + "x" * 3000,
        "?page=x",
        "?status=bogus",
        "?q=%25_%5C'\"",
        "?category=",
        "?q=a&q=b",
        "?q=video&after=nonsense",
        "?q=video&sort=bogus&category=",
        "?q=%22OR%20NEAR(*",
    ],
)
def test_bad_parameters_are_no_error(client: Client, query: str) -> None:
    make_video("A video")
    for path in ("/", "/categories/", "/profile/bob/", "/users/"):
        assert client.get(path + query).status_code == 200


def test_only_the_cards_that_follow_are_sent_to_htmx(client: Client) -> None:
    for number in range(30):
        make_video(f"Video {number:02}")
    first = client.get("/")
    address = first.context["page"].next_url
    assert address in unescape(first.content.decode())
    part = client.get(f"/{address}", headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in part
    assert part.count("<article") == 6
    whole = client.get(f"/{address}").content.decode()
    assert "<html" in whole
    assert whole.count("<article") == 6


def test_pages_are_kept_by_nobody(client: Client, bob: User) -> None:
    video = make_video(uploader=bob)
    for path in ("/", "/categories/", "/profile/bob/", f"/v/{video.short_id}/", "/upload/"):
        assert "no-store" in client.get(path)["Cache-Control"]


# -- names that are code --------------------------------------------------------------------------


def test_what_people_typed_is_shown_as_text(client: Client, bob: User) -> None:
    category = make_category("Evil", created_by=make_admin("boss"), description=EVIL)
    category.name = EVIL
    category.save()
    video = make_video(
        EVIL, uploader=bob, category=category, description=f"{EVIL} http://x/?<b>javascript:1</b>"
    )
    failed = make_video(EVIL, uploader=bob, status=ProcessingStatus.FAILED, error_message=EVIL)
    for path in (
        "/",
        f"/?q={EVIL}",
        "/?q=script+alert",
        f"/users/?q={EVIL}",
        "/categories/",
        "/categories/evil/",
        "/profile/bob/",
        f"/v/{video.short_id}/",
        f"/v/{failed.short_id}/",
        f"/v/{failed.short_id}/status/",
        f"/v/{video.short_id}/edit/",
        f"/v/{video.short_id}/delete/",
        "/upload/",
    ):
        html = client.get(path).content.decode()
        assert "<script>alert" not in html, path
        assert "<b>javascript" not in html, path
        assert 'href="javascript' not in html, path


# -- categories and profiles ----------------------------------------------------------------------


def test_the_list_of_categories_shows_the_picture_of_the_newest_published_video(
    client: Client, music: Category
) -> None:
    alice = make_user("alice")
    now = timezone.now()
    shown = make_video(uploader=alice, category=music, thumbnail_filename="a.jpg")
    for fields in ({"is_hidden": True}, {"status": ProcessingStatus.PROCESSING}, {}):
        thumbnail = None if not fields else "b.jpg"
        make_video(
            uploader=alice,
            category=music,
            thumbnail_filename=thumbnail,
            created_at=now + timedelta(days=1),
            **fields,
        )
    html = page(client, "/categories/")
    assert f"/v/{shown.short_id}/thumbnail-640.webp" in html
    assert html.count("thumbnail-640.webp") == 1


def test_a_category_shows_its_own_published_videos(client: Client, music: Category) -> None:
    make_video("Song", category=music)
    make_video("Secret song", category=music, is_hidden=True)
    make_video("Speech")
    html = page(client, "/categories/music/")
    assert "Song" in html
    assert "Secret song" not in html
    assert "Speech" not in html
    assert client.get("/categories/none/").status_code == 404


def test_a_profile_shows_unfinished_and_hidden_ones_to_its_owner_and_staff(
    client: Client, bob: User
) -> None:
    make_video("Ready video", uploader=bob)
    make_video("Hidden video", uploader=bob, is_hidden=True)
    make_video("Failed video", uploader=bob, status=ProcessingStatus.FAILED)
    for user, all_of_it in (
        (bob, True),
        (make_user("alice"), False),
        (make_moderator("m_o_d"), True),
    ):
        client.force_login(user)
        html = page(client, "/profile/bob/")
        assert "Ready video" in html
        assert ("Hidden video" in html, "Failed video" in html) == (all_of_it, all_of_it)


def test_a_profile_is_found_whatever_the_case(client: Client) -> None:
    assert client.get("/profile/BOB/").status_code == 200
    assert client.get("/profile/nobody/").status_code == 404


def test_empty_pages_say_so_and_what_to_do(client: Client, music: Category) -> None:
    assert "Nothing here yet. Upload the first video." in page(client, "/")
    assert "No results for “x”. Try fewer or different words." in page(client, "/?q=x")
    assert "No results in this category." in page(client, "/?q=x&category=music")
    assert "No videos in this category yet." in page(client, "/categories/music/")
    assert "You have no videos yet" in page(client, "/profile/bob/")


def test_cards_of_others_can_be_reported(client: Client, bob: User, music: Category) -> None:
    theirs, own = make_video("Theirs", category=music), make_video("Own", uploader=bob)
    for video in (theirs, own):
        set_like(video=video, member=bob, liked=True)
    for path in ("/", "/categories/music/", "/?q=theirs", "/liked/"):
        text = page(client, path)
        assert f'data-report-url="/v/{theirs.short_id}/report/"' in text, path
        assert f"/v/{own.short_id}/report/" not in text
        assert text.count('id="report-sheet"') == 1, "the form opens in it"
    assert "data-report-url" not in page(client, bob.get_absolute_url())
    profile = page(client, theirs.uploaded_by.get_absolute_url())
    assert f'data-report-url="/v/{theirs.short_id}/report/"' in profile
    assert profile.count('id="report-sheet"') == 1


def test_what_is_seen_first_is_fetched_first(client: Client) -> None:
    """A phone shows two pictures at once; the rest would take the line from them."""
    for number in range(5):
        video = make_video(thumbnail_filename=f"{number}.jpg")
    pictures = re.findall(r"<img [^>]*thumbnail[^>]*>", client.get("/").content.decode())
    assert ["fetchpriority" in it for it in pictures] == [True, False, False, False, False]
    assert ["lazy" in it for it in pictures] == [False, False, True, True, True]
    page = client.get(video.get_absolute_url()).content.decode()
    poster = re.search(r'<video [^>]*poster="([^"]+)"', page)
    assert poster is not None
    assert f'<link rel="preload" as="image" href="{poster[1]}" fetchpriority="high">' in page


# -- behind the last page -------------------------------------------------------------------------
LONG_AGO = ("2000-01-01T00:00:00+00:00", "0" * 32)


@pytest.mark.parametrize(
    ("path", "cursor"),
    [
        ("/", LONG_AGO),
        ("/?sort=views", (-1, "0" * 32)),
        ("/?category=music", LONG_AGO),
        ("/?q=tune", (0, 0)),
        ("/categories/music/", LONG_AGO),
        ("/profile/bob/", LONG_AGO),
        ("/profile/bob/?tab=playlists", LONG_AGO),
        ("/playlists/", LONG_AGO),
        ("/liked/", (0,)),
        ("/notices/", (0,)),
    ],
)
def test_behind_its_last_page_a_list_leads_back_to_its_beginning(
    client: Client, bob: User, music: Category, path: str, cursor: tuple[int | str, ...]
) -> None:
    tune = make_video("Tune", uploader=bob, category=music)
    make_playlist(made_by=bob).entries.create(video=tune, position=0)
    set_like(video=tune, member=bob, liked=True)
    write_comment(video=tune, author=make_user(), text="Oh")
    behind = f"{path}{'&' if '?' in path else '?'}after={encode_cursor(cursor)}"
    end = "You're all caught up." if path == "/notices/" else "You've reached the end."
    text = page(client, behind)
    assert end in text
    begin = re.search(r'class="button " href="([^"]*)">Back to the top', text)
    assert begin is not None
    assert end not in page(client, path.partition("?")[0] + begin[1])


# -- where one is ---------------------------------------------------------------------------------
def test_each_page_has_a_title_of_its_own(client: Client, bob: User, music: Category) -> None:
    addresses = [
        "/",
        "/?category=music",
        "/?q=music",
        "/categories/",
        "/categories/music/",
        "/profile/bob/",
        "/profile/bob/?tab=playlists",
        "/playlists/",
        "/liked/",
        "/notices/",
        "/users/",
        "/upload/",
        "/settings/",
    ]
    titles = [re.findall(r"<title>(.*)</title>", page(client, path))[0] for path in addresses]
    assert len(set(titles)) == len(addresses), titles


@pytest.mark.parametrize(
    ("path", "current"),
    [
        ("/categories/", ["Categories", "Categories"]),
        ("/categories/music/", ["Categories", "Categories"]),
        ("/users/", ["Members", "You"]),
        ("/profile/bob/", ["You"]),
        ("/profile/bob/?tab=playlists", ["You"]),
        ("/profile/alice/", []),
        ("/playlists/", ["You"]),
        ("/liked/", ["You"]),
        ("/settings/", ["You"]),
    ],
)
def test_the_bars_mark_where_one_is(
    client: Client, bob: User, music: Category, path: str, current: list[str]
) -> None:
    make_user("alice")
    text = page(client, path)
    top, bottom = text.index('class="top-bar"'), text.index('class="bottom-bar"')
    bars = text[top : text.index("</header>")] + text[bottom : text.index("</nav>", bottom)]
    marked = re.findall(r'aria-current="page">(?:<svg.*?</svg>)?\s*([^<]+)', bars)
    assert [word.strip() for word in marked] == current


def test_the_profile_of_a_member_in_the_trash_leads_staff_to_the_admin() -> None:
    """Reports, uploads and the log name such members with a link."""
    gone = make_user("carol")
    trash_members(users=[gone], by=make_admin())
    for visitor, status in ((make_user(), 404), (make_moderator(), 302), (make_admin(), 302)):
        client = Client()
        client.force_login(visitor)
        answer = client.get("/profile/carol/")
        assert answer.status_code == status
        if status == 302:
            assert answer["Location"] == f"/admin/accounts/user/{gone.pk}/change/"
            assert client.get(answer["Location"]).status_code == 200
