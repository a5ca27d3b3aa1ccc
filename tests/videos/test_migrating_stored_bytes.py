"""The upgrade of a site to the storage limit: the totals are right, and nobody is limited."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.utils import timezone

from accounts.models import User
from siteconfig.models import Config
from tests.builders import make_caption, make_user, make_video
from videos.models import Caption, Upload, UploadState
from videos.services.stored_total import count_all_stored

if TYPE_CHECKING:
    from collections.abc import Iterator

GRAPH = MigrationLoader(None).graph
# Of later migrations as well: the test reads rows with the current models.
AFTER = [GRAPH.leaf_nodes(app)[0] for app in ("accounts", "siteconfig", "videos")]
BEFORE = [
    ("videos", "0046_lists_of_staff_by_time"),
    ("siteconfig", "0015_rows_put_away"),
    ("accounts", "0007_invitations_by_time"),
]

pytestmark = [pytest.mark.long, pytest.mark.django_db(transaction=True)]


def migrate(target: list[tuple[str, str]]) -> None:
    MigrationExecutor(connection).migrate(target)


@pytest.fixture(autouse=True)
def migrated_at_the_end(transactional_db: None) -> Iterator[None]:
    yield
    migrate(AFTER)


@pytest.mark.both_databases
def test_an_upgraded_site_has_totals_and_no_limit() -> None:
    bob = make_user("bob")
    video = make_video(uploader=bob, stored_bytes=100, original_key="a.mov", file_size_bytes=7)
    caption = make_caption(video, "WEBVTT\n\n00:01.000 --> 00:02.000\nGrüße\n")
    for state in (UploadState.OPEN, UploadState.ENDED):
        Upload.objects.create(
            user=bob,
            state=state,
            is_resumable=True,
            quota_bytes=0,
            size_bytes=1,
            filename="secret.mp4",
            title="Secret",
            expires_at=timezone.now(),
        )
    Config.objects.get_or_create(pk=1)
    migrate(BEFORE)
    migrate(AFTER)
    assert Config.objects.get().stored_limit_bytes is None
    assert Caption.objects.get().size_bytes == len(caption.body.encode())
    assert User.objects.get(pk=bob.pk).stored_bytes == 107 + len(caption.body.encode())
    assert count_all_stored() == 0
    assert Upload.objects.get(state=UploadState.ENDED).title == ""
    assert Upload.objects.get(state=UploadState.OPEN).filename == "secret.mp4"


def test_a_new_site_has_a_limit_of_ten_weeks() -> None:
    Config.objects.get_or_create(pk=1)
    migrate(BEFORE)
    migrate(AFTER)
    config = Config.objects.get()
    assert config.stored_limit_bytes == 10 * config.weekly_upload_limit_bytes
