"""Changes to videos while others change the rows that they refer to."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import TYPE_CHECKING, TypeVar

import pytest
from django.db import connection, connections, transaction

from categories.models import Category
from categories.services import delete_category
from tests.builders import make_category, make_playlist, make_user, make_video
from tests.processes import wait_for
from videos.models import SearchDocument, Video
from videos.services.comments import write_comment
from videos.services.details import delete_video, edit_video, move_to_category
from videos.services.playlists import add_to_playlist
from videos.services.uploads.create import VideoDetails, begin_upload
from videos.services.uploads.finish import finish_upload

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [pytest.mark.both_databases]


@pytest.mark.django_db(transaction=True)
def test_a_category_that_was_deleted_meanwhile_is_none() -> None:
    bob, video = make_user("bob"), make_video("Old")
    upload = begin_upload(user=bob, content_length=1000)
    upload.folder_path.mkdir(parents=True)
    music = make_category("Music")
    delete_category(category=Category.objects.get())

    assert edit_video(video=video, title="New", description="", category=music).category is None
    assert move_to_category(video=video, category=music).category is None
    words = VideoDetails(title="Sent", category=music)
    path = upload.folder_path / "source.mp4"
    finish_upload(upload=upload, path=path, size=1000, original_filename="a.mp4", details=words)
    assert {(it.title, it.category) for it in Video.objects.all()} == {
        ("New", None),
        ("Sent", None),
    }
    assert SearchDocument.objects.get().category_id is None


# -- while something else is deleted --------------------------------------------------------------
T = TypeVar("T")


def while_open(first: Callable[[], object], second: Callable[[], T]) -> T:
    """The result of `second`, which starts while the transaction of `first` is open."""
    began = Event()

    def note(execute: Callable[..., object], sql: str, *rest: object) -> object:
        if sql.startswith("BEGIN"):
            began.set()
        return execute(sql, *rest)

    def run() -> T:
        try:
            with connection.execute_wrapper(note):
                return second()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            first()
            answer = pool.submit(run)
            if connection.vendor == "sqlite":
                assert began.wait(10), "it did not come as far as its own transaction"
            else:
                wait_for(is_anybody_waiting, name="the lock that it waits for")
        return answer.result(10)


def is_anybody_waiting() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")
        return bool(cursor.fetchone()[0])


@pytest.mark.django_db(transaction=True)
def test_a_video_goes_with_what_is_said_of_it_just_then() -> None:
    video = make_video()
    while_open(
        lambda: write_comment(video=video, author=video.uploaded_by, text="Now"),
        lambda: delete_video(video=video),
    )
    assert not Video.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_what_is_being_deleted_goes_into_no_playlist() -> None:
    video, playlist = make_video(), make_playlist()
    gone = Video.objects.get()
    with pytest.raises(Video.DoesNotExist):
        while_open(
            gone.delete,
            lambda: add_to_playlist(playlist=playlist, video=video, user=playlist.made_by),
        )
