"""Constraints of the database on videos, and properties of the model."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import DataError, IntegrityError, connection, transaction
from django.utils import timezone

from tests.builders import make_user, make_video
from videos.models import ProcessingStatus, Upload, Video

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "fields",
    [
        {"title": " "},
        {"title": "t" * 201},
        {"description": "d" * 5001},
        {"processing_status": "NONSENSE"},
        {"processing_status": "pending"},
        {"processing_status": "FAILED"},
        {"processing_status": "FAILED", "error_message": ""},
        {"file_size_bytes": -1},
        {"quota_bytes": -1},
    ],
)
def test_the_database_refuses_what_cannot_be(fields: dict[str, Any]) -> None:
    video = make_video()
    with pytest.raises((IntegrityError, DataError)), transaction.atomic():
        Video.objects.filter(pk=video.pk).update(**fields)


@pytest.mark.parametrize("name", ["filename", "short_id"])
def test_names_are_unique(name: str) -> None:
    one, other = make_video(), make_video()
    with pytest.raises(IntegrityError), transaction.atomic():
        Video.objects.filter(pk=other.pk).update(**{name: getattr(one, name)})


def test_an_upload_has_no_negative_bytes() -> None:
    bob = make_user("bob")
    for fields in ({"quota_bytes": -1}, {"size_bytes": -1}):
        given = {"quota_bytes": 0, "size_bytes": 0, **fields}
        with pytest.raises(IntegrityError), transaction.atomic():
            Upload.objects.create(user=bob, expires_at=timezone.now(), **given)


@pytest.mark.parametrize(
    ("fields", "fits"),
    [
        ({"offset_bytes": 10}, True),
        ({"offset_bytes": 11}, False),
        ({"offset_bytes": -1}, False),
        ({"state": "LOST"}, False),
        ({"writer_token": "x", "writer_until": timezone.now()}, True),
        ({"writer_token": "x"}, False),
        ({"writer_until": timezone.now()}, False),
        ({"state": "ENDED", "writer_token": "x", "writer_until": timezone.now()}, False),
        ({"state": "FINISHED", "writer_token": "x", "writer_until": timezone.now()}, False),
    ],
)
def test_an_upload_stands_somewhere_and_is_written_only_while_it_is_open(
    fields: dict[str, Any], fits: bool
) -> None:
    given = {"quota_bytes": 0, "size_bytes": 10, "expires_at": timezone.now()}
    made = {**given, **fields}
    if fits:
        Upload.objects.create(user=make_user(), **made)
        return
    with pytest.raises(IntegrityError), transaction.atomic():
        Upload.objects.create(user=make_user(), **made)


def test_the_tables_and_columns_carry_the_owners_names() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, title, description, filename, thumbnail_filename, original_filename, "
            "file_size_bytes, duration_seconds, uploaded_by, category_id, view_count, "
            "processing_status, error_message, created_at FROM videos"
        )


def test_a_short_id_is_ten_letters_and_digits() -> None:
    video = make_video()
    assert re.fullmatch(r"[A-Za-z0-9]{10}", video.short_id)
    assert video.get_absolute_url() == f"/v/{video.short_id}/"
    assert str(video) == video.title


@pytest.mark.parametrize(
    ("status", "ready", "failed", "unfinished"),
    [
        (ProcessingStatus.PENDING, False, False, True),
        (ProcessingStatus.PROCESSING, False, False, True),
        (ProcessingStatus.COMPLETED, True, False, False),
        (ProcessingStatus.FAILED, False, True, False),
    ],
)
def test_a_video_knows_its_state(
    status: ProcessingStatus, ready: bool, failed: bool, unfinished: bool
) -> None:
    video = make_video(status=status)
    assert (video.is_ready, video.is_failed, video.is_unfinished) == (ready, failed, unfinished)
    assert not video.can_be_retried
    video.source_key = "somewhere/source.mp4"
    assert video.can_be_retried is failed
