"""What a hostile FFmpeg puts in the place of the rendition that is being watched meanwhile."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.builders import make_user
from tests.videos.stored_videos import built_rendition
from videos.models import ProcessingStatus, Rendition, Video

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client
    from pytest_django import Settings

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def growing(client: Client) -> Rendition:
    bob = make_user("bob")
    client.force_login(bob)
    rendition = built_rendition(bob)
    Rendition.objects.update(is_complete=False, codecs="")
    Video.objects.update(processing_status=ProcessingStatus.PROCESSING)
    rendition.refresh_from_db()
    return rendition


def addresses(rendition: Rendition) -> list[str]:
    base = f"/v/{rendition.video.short_id}/"
    names = ("source.mp4", "source.init.mp4", "source.m3u8", "master.m3u8")
    return [f"{base}{name}" for name in names]


def test_a_plain_file_is_served(client: Client, growing: Rendition) -> None:
    for address in addresses(growing):
        answer = client.get(address)
        assert answer.status_code == 200
        answer.close()


@pytest.mark.parametrize("put", [Path.symlink_to, lambda path, _: os.mkfifo(path)])
@pytest.mark.parametrize("prefix", ["", "/files"])
def test_a_link_is_not_followed_and_a_fifo_does_not_block(
    put: Callable[[Path, Path], None],
    prefix: str,
    client: Client,
    growing: Rendition,
    tmp_path: Path,
    settings: Settings,
) -> None:
    settings.MEDIA_ACCEL_PREFIX = prefix
    other = growing.path.rename(tmp_path / "other.mp4")
    put(growing.path, other)
    assert {client.get(one).status_code for one in addresses(growing)} == {404}
