"""Changing videos while others change what they belong to."""

from __future__ import annotations

import pytest

from categories.models import Category
from categories.services import delete_category
from tests.builders import make_category, make_user, make_video
from videos.models import SearchDocument, Video
from videos.services.editing import edit_video, move_to_category
from videos.services.finishing import finish_upload
from videos.services.uploads import Words, begin_upload

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
    words = Words(title="Sent", category=music)
    path = upload.folder_path / "source.mp4"
    finish_upload(upload=upload, path=path, size=1000, original_filename="a.mp4", words=words)
    assert {(it.title, it.category) for it in Video.objects.all()} == {
        ("New", None),
        ("Sent", None),
    }
    assert SearchDocument.objects.get().category_id is None
