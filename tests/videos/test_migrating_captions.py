"""The upgrade of a site whose captions hold coordinates."""

from __future__ import annotations

from importlib import import_module

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection

from tests.builders import make_user, make_video
from videos.models import Caption, CaptionWords, SearchDocument
from videos.services.caption_words import fold_captions
from videos.services.search_index import index_video

pytestmark = pytest.mark.django_db

migration = import_module("videos.migrations.0034_withheld_captions")


def test_old_tracks_with_coordinates_are_withheld_and_found_no_more() -> None:
    video = make_video(uploader=make_user("bob"))
    bodies = {"en": "GPS (13.4050, 52.5200, 18) zeppelin", "de": "It costs 12.99, submarine"}
    for code, text in bodies.items():
        body = f"WEBVTT\n\n00:00:01.000 --> 00:00:02.000\n{text}\n"
        track = Caption.objects.create(video=video, code=code, language=code, label=code, body=body)
        CaptionWords.objects.create(caption=track, words=fold_captions(body))
    index_video(video.pk)
    # What it does with rows. That a site of before migrates is tested in test_upgrade_old.
    migration.withhold_captions(apps, connection.schema_editor())
    withheld = {one.code: (one.has_coordinates, one.is_withheld) for one in Caption.objects.all()}
    assert withheld == {"en": (True, True), "de": (False, False)}
    call_command("rebuild_search", missing=True, verbosity=0)
    assert "submarine" in SearchDocument.objects.get().words
    assert "zeppelin" not in SearchDocument.objects.get().words
    assert CaptionWords.objects.count() == 2
