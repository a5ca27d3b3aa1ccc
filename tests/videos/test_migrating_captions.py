"""The upgrade of a site whose captions hold coordinates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader

from tests.builders import make_user, make_video
from videos.models import Caption, CaptionWords, SearchDocument
from videos.services.caption_words import fold_captions
from videos.services.search_index import index_video

if TYPE_CHECKING:
    from collections.abc import Iterator

BEFORE = [("videos", "0033_job_media_info")]
# Of later migrations as well: the test reads rows with the current models.
AFTER = MigrationLoader(None).graph.leaf_nodes("videos")

pytestmark = pytest.mark.django_db(transaction=True)


def migrate(target: list[tuple[str, str]]) -> MigrationExecutor:
    executor = MigrationExecutor(connection)
    executor.migrate(target)
    return MigrationExecutor(connection)


@pytest.fixture(autouse=True)
def migrated_at_the_end(transactional_db: None) -> Iterator[None]:
    yield
    migrate(AFTER)


def test_old_tracks_with_coordinates_are_withheld_and_found_no_more() -> None:
    video = make_video(uploader=make_user("bob"))
    bodies = {"en": "GPS (13.4050, 52.5200, 18) zeppelin", "de": "It costs 12.99, submarine"}
    for code, text in bodies.items():
        body = f"WEBVTT\n\n00:00:01.000 --> 00:00:02.000\n{text}\n"
        track = Caption.objects.create(video=video, code=code, language=code, label=code, body=body)
        CaptionWords.objects.create(caption=track, words=fold_captions(body))
    index_video(video.pk)
    migrate(BEFORE)
    migrate(AFTER)
    withheld = {one.code: (one.has_coordinates, one.is_withheld) for one in Caption.objects.all()}
    assert withheld == {"en": (True, True), "de": (False, False)}
    call_command("rebuild_search", missing=True, verbosity=0)
    assert "submarine" in SearchDocument.objects.get().words
    assert "zeppelin" not in SearchDocument.objects.get().words
    assert CaptionWords.objects.count() == 2
