"""How SQLite finds what pages list, once there are a million videos: by an index that leads to it,
without reading a whole table and without sorting all that might be shown.

It chooses by its statistics, so it is given those of such a site, as `scripts/bench pages` makes it
(which measures what the plans cost).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from clipset.database.statistics import NO_SKIP_SCAN, READ_THEM
from clipset.lib.keyset import encode_cursor
from tests.builders import make_admin, make_category, make_playlist, make_user, make_video
from videos.models import Playlist
from videos.services.comments import write_comment
from videos.services.disk_forecast import MAX_TRASHED
from videos.services.likes import set_like
from videos.services.playlists import add_to_playlist
from videos.services.watch_progress import save_position

if TYPE_CHECKING:
    from django.test import Client
    from pytest_django import Settings

    from videos.models import Video

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "sqlite", reason="reads SQLite's plan"),
]

# Of each index: how many rows there are, and how many share the first column, the first two, …
STATISTICS: Final = {
    "videos": {
        "sqlite_autoindex_videos_1": "1000000 1",
        "sqlite_autoindex_videos_2": "1000000 1",
        "sqlite_autoindex_videos_3": "1000000 1",
        "videos_by_category": "1000000 142858 1 1",
        "videos_by_category_views": "1000000 142858 113 1",
        "videos_by_uploader": "1000000 1000 1 1",
        "videos_by_uploader_views": "1000000 1000 13 1",
        "videos_category_id_c00e960e": "1000000 142858",
        "videos_created_at_0be28924": "1000000 1",
        "videos_feed_newest": "1000000 1 1",
        "videos_feed_views": "1000000 267 1",
        "videos_processing_status_e74b75c1": "1000000 1000000",
        "videos_failed": "1000 1 1",
        "videos_hidden": "5000 1 1",
        "videos_in_trash": "1000 1 1",
        "videos_outside_trash": "999000 1 1",
        "videos_published_by": "1000000 1000 1000 1000 1000",
        "videos_stored_by": "1000000 1000 1",
        "videos_trash_by_age": "1000 1 1",
        "videos_trash_by_member": "1000 10",
        "videos_trash_of_uploader": "1000 10 1 1",
        "videos_trash_with_member": "100 10 1",
        "videos_uploaded_by_83462caa": "1000000 1000",
    },
    "comments": {
        "comments_by_time": "201200 1",
        "comments_author_id_7a23bb5d": "201200 202",
        "comments_deleted_by_id_84f39ac7": "201200 201200",
        "comments_markers": "200 200 1",
        "comments_of_a_video": "201200 1 1 1",
        "comments_replies": "201200 1001 1",
    },
    "likes": {
        "likes_latest": "200000 200",
        "sqlite_autoindex_likes_1": "200000 1 1",
    },
    "users": {
        "sqlite_autoindex_users_1": "1001 1",
        "sqlite_autoindex_users_2": "1001 1",
        "sqlite_autoindex_users_3": "1001 1",
        "users_email_any_case": "1001 1",
        "users_username_any_case": "1001 1",
    },
    "watch_positions": {
        "sqlite_autoindex_watch_positions_1": "200100 200 1",
        "watch_positions_latest": "200100 200 1",
        "watch_positions_member_id_51a95561": "200100 200",
        "watch_positions_video_id_a9068027": "200100 1",
    },
    "jobs": {
        "jobs_by_time": "1100000 1 1",
        "jobs_of_a_kind": "1100000 366667 1 1",
        "jobs_of_a_state": "1100000 275000 1 1",
    },
    "uploads": {"uploads_by_time": "1000 1 1", "uploads_open": "1000 10 1"},
    "playlists": {
        "playlists_by_maker": "10000 10 1 1",
        "playlists_by_time": "10000 1 1",
    },
    "invitations": {"invitations_by_time": "10000 1 1"},
    "search_documents": {"sqlite_autoindex_search_documents_1": "1000000 1"},
}
BY_UPLOADER: Final = "SEARCH videos USING INDEX videos_by_uploader (uploaded_by=?"
BY_CATEGORY: Final = "SEARCH videos USING INDEX videos_by_category (category_id=?"
BY_NAME: Final = "SEARCH users USING INDEX users_username_any_case (<expr>=?"
HOW_FAR: Final = (
    "SEARCH watch_positions USING INDEX sqlite_autoindex_watch_positions_1"
    " (member_id=? AND video_id=?"
)
# Some steps of each page, by what they begin with.
STEPS: Final = {
    "/": {
        "SCAN videos USING INDEX videos_feed_newest",
        "SEARCH watch_positions USING INDEX watch_positions_latest (member_id=?",
        HOW_FAR,
    },
    "/?after={newest}": {"SEARCH videos USING INDEX videos_feed_newest ((created_at,id)<(?,?)"},
    "/?sort=views": {"SCAN videos USING INDEX videos_feed_views"},
    "/?sort=views&after={viewed}": {
        "SEARCH videos USING INDEX videos_feed_views ((view_count,id)<(?,?)"
    },
    "/?category=music": {BY_CATEGORY},
    "/categories/music/": {BY_CATEGORY, HOW_FAR},
    "/categories/music/?after={newest}": {BY_CATEGORY},
    "/categories/music/?sort=views": {
        "SEARCH videos USING INDEX videos_by_category_views (category_id=?"
    },
    "/categories/": {"SEARCH U0 USING INDEX videos_by_category (category_id=?"},
    "/profile/alice/": {BY_NAME, BY_UPLOADER, HOW_FAR},
    "/profile/bob/?after={newest}": {BY_NAME, BY_UPLOADER},
    "/profile/bob/?sort=views": {
        "SEARCH videos USING INDEX videos_by_uploader_views (uploaded_by=?"
    },
    "/users/": {
        "SCAN users USING INDEX users_username_any_case",
        "SEARCH U0 USING COVERING INDEX videos_published_by (uploaded_by=?",
    },
    "/?q=harbour": {"SCAN video_search VIRTUAL TABLE", HOW_FAR},
    "/?q=harbour&sort=views": {"SCAN video_search VIRTUAL TABLE"},
    "{video}": {
        "SEARCH videos USING INDEX sqlite_autoindex_videos_2 (short_id=?",
        BY_UPLOADER,
        BY_CATEGORY,
        HOW_FAR,
        "SEARCH comments USING INDEX comments_of_a_video (video_id=? AND parent_id=?",
    },
    "{video}?playlist={playlist}": {
        HOW_FAR,
        "SEARCH playlist_entries USING INDEX playlist_entries_in_order (playlist_id=?",
    },
    "/playlist/{playlist}/": {
        HOW_FAR,
        "SEARCH playlist_entries USING INDEX playlist_entries_in_order (playlist_id=?",
    },
    "/trash/": {"SEARCH videos USING INDEX videos_trash_of_uploader (uploaded_by=?"},
    "/trash/?after={newest}": {"SEARCH videos USING INDEX videos_trash_of_uploader (uploaded_by=?"},
    "/playlists/": {"SEARCH playlists USING INDEX playlists_by_maker (made_by=?"},
    "/liked/": {"SEARCH likes USING INDEX likes_latest (member_id=?", HOW_FAR},
    "{video}comments/": {
        "SEARCH comments USING INDEX comments_of_a_video (video_id=? AND parent_id=?"
    },
}
# Tables that grow with the videos; U0 and T4 are what Django calls one in a subquery or a join. The
# feed is an index in its order, left at the end of the page.
WHOLE_TABLE: Final = re.compile(
    r"SCAN (videos(?! USING INDEX videos_feed_)|comments|likes|watch_positions|search_documents"
    r"|[UT]\d)"
)
LIST_OF_ROWS: Final = re.compile(r'ORDER BY "(videos|watch_positions|users)"[^()]* LIMIT \d+$')
OF_STAFF: Final = re.compile(r'ORDER BY "\w+"."(created|updated)_at" DESC, "\w+"."id" DESC$')
SORTED: Final = "USE TEMP B-TREE FOR ORDER BY"


@pytest.fixture
def video(client: Client) -> Video:
    """Beside others; the client is alice, who has begun it. The statistics come last."""
    alice, bob, music = make_user("alice"), make_user("bob"), make_category("Music")
    video = make_video("Harbour", uploader=bob, category=music)
    for uploader in (alice, bob):
        make_video("Harbour again", uploader=uploader, category=music)
    write_comment(video=video, author=alice, text="At 0:10!")
    save_position(video=video, member=alice, seconds=40, ended=False)
    set_like(video=video, member=alice, liked=True)
    add_to_playlist(playlist=make_playlist(made_by=alice), video=video, user=alice)
    client.force_login(alice)
    rows = [(table, *index) for table, indexes in STATISTICS.items() for index in indexes.items()]
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        cursor.execute("DELETE FROM sqlite_stat1")
        cursor.executemany("INSERT INTO sqlite_stat1 VALUES (%s, %s, %s)", rows)
        cursor.execute(NO_SKIP_SCAN)
        cursor.execute(READ_THEM)
    return video


def test_what_the_statistics_name_is_there(video: Video) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM sqlite_schema WHERE type = 'index'")
        there = {name for (name,) in cursor.fetchall()}
    assert {name for indexes in STATISTICS.values() for name in indexes} - there == set()


@pytest.mark.parametrize("path", STEPS)
def test_a_page_is_found_by_indexes_among_a_million(
    client: Client, video: Video, path: str
) -> None:
    address = path.format(
        video=video.get_absolute_url(),
        playlist=Playlist.objects.get().short_id,
        newest=encode_cursor((video.created_at.isoformat(), video.pk.hex)),
        viewed=encode_cursor((2, video.pk.hex)),
    )
    plans = plans_of(client, address)
    steps = {step for plan in plans.values() for step in plan}
    assert {it for it in STEPS[path] if not any(step.startswith(it) for step in steps)} == set()
    for sql, plan in plans.items():
        assert not any(map(WHOLE_TABLE.match, plan)), (sql, plan)
        assert not (LIST_OF_ROWS.search(sql) and SORTED in plan), (sql, plan)


@pytest.mark.parametrize(
    ("path", "index"),
    [
        ("videos/video/", "videos_outside_trash"),
        ("videos/video/?trash=yes", "videos_in_trash"),
        ("videos/video/?is_hidden__exact=1", "videos_hidden"),
        ("videos/job/", "jobs_by_time"),
        ("videos/job/?state__exact=FAILED", "jobs_of_a_state (state=?)"),
        ("videos/job/?kind__exact=ENRICH", "jobs_of_a_kind (kind=?)"),
        ("videos/upload/", "uploads_by_time"),
        ("videos/playlist/", "playlists_by_time"),
        ("accounts/invitation/", "invitations_by_time"),
    ],
)
def test_a_list_of_staff_is_read_in_its_order(
    client: Client, video: Video, path: str, index: str
) -> None:
    client.force_login(make_admin())
    plans = plans_of(client, f"/admin/{path}")
    (plan,) = [plan for sql, plan in plans.items() if OF_STAFF.search(sql)]
    assert plan[0].endswith(f" USING INDEX {index}"), plan
    assert SORTED not in plan[:2]


def test_the_trash_on_a_disk_that_fills_is_read_by_an_index(
    client: Client, video: Video, settings: Settings
) -> None:
    settings.MIN_FREE_DISK_BYTES = 2**62
    client.force_login(make_admin())
    plans = plans_of(client, "/admin/")
    (plan,) = [plan for sql, plan in plans.items() if sql.endswith(f"LIMIT {MAX_TRASHED}")]
    assert plan == ["SCAN videos USING INDEX videos_in_trash"]


def test_videos_of_a_member_are_counted_in_an_index(client: Client, video: Video) -> None:
    client.force_login(make_admin())
    steps = {step for plan in plans_of(client, "/profile/bob/").values() for step in plan}
    searched = "SEARCH U0 USING INDEX videos_published_by (uploaded_by=? AND is_hidden=?"
    assert {f"{searched})", f"{searched} AND processing_status=?)"} <= steps


def plans_of(client: Client, path: str) -> dict[str, list[str]]:
    """The steps of each query of a page but those for permissions, of which there are few rows."""
    with CaptureQueriesContext(connection) as queries:
        assert client.get(path).status_code == 200
    plans = {}
    with connection.cursor() as cursor:
        for sql in (query["sql"] for query in queries.captured_queries):
            if sql.startswith("SELECT") and "auth_permission" not in sql:
                cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
                plans[sql] = [row[3] for row in cursor.fetchall()]
    return plans
