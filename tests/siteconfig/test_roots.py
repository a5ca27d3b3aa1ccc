"""Storage roots: their paths, and how this site's folders are recognized."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from siteconfig import roots
from siteconfig.models import Config, StorageRoot
from siteconfig.places import allowed_folders, as_stored, unreadable_entries
from siteconfig.roots import RootUnavailableError

if TYPE_CHECKING:
    from pytest_django.fixtures import DjangoAssertNumQueries, Settings

pytestmark = pytest.mark.django_db

NAMES = ("videos", "thumbnails", "originals", "temp", "images")


def reason_of(name: str) -> str:
    with pytest.raises(RootUnavailableError) as caught:
        roots.checked_root(name)
    return caught.value.reason


# -- where they lie -------------------------------------------------------------------------------


def test_the_roots_of_every_site_lie_where_the_settings_say(
    media: Path, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(0):
        found = {name: roots.root_path(name) for name in NAMES}
    assert found == {
        "videos": media / "videos",
        "thumbnails": media / "thumbnails",
        "originals": media / "originals",
        "temp": media / "temp",
        "images": media,
    }


def test_another_root_lies_where_its_row_says_and_is_asked_for_once(
    settings: Settings, tmp_path: Path, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    settings.BASE_DIR = tmp_path
    StorageRoot.objects.create(name="videos-2", kind="videos", path="media/more")
    StorageRoot.objects.create(name="videos-3", kind="videos", path="/mnt/disk")
    assert roots.root_path("videos-2") == tmp_path / "media" / "more"
    assert roots.root_path("videos-3") == Path("/mnt/disk")
    settings.BASE_DIR = tmp_path / "moved"
    with django_assert_num_queries(0):
        assert roots.root_path("videos-2") == tmp_path / "moved" / "media" / "more"


def test_the_environment_says_where_a_named_root_lies_on_this_host(
    settings: Settings, tmp_path: Path
) -> None:
    StorageRoot.objects.create(name="videos-2", kind="videos", path="/mnt/disk")
    settings.STORAGE_ROOTS = ["videos-2=/mnt/b", " thumbnails=/mnt/c=d", "/mnt/disks"]
    assert roots.root_path("videos-2") == Path("/mnt/b")
    assert roots.root_path("thumbnails") == Path("/mnt/c=d")
    assert allowed_folders() == [Path("/mnt/disks")]
    assert unreadable_entries() == []
    settings.STORAGE_ROOTS = ["disks", "Videos 2=/mnt/b", "/ok"]
    assert unreadable_entries() == ["disks", "Videos 2=/mnt/b"]


def test_a_name_that_no_root_has_is_not_available() -> None:
    with pytest.raises(RootUnavailableError):
        roots.root_path("videos-9")
    assert "no storage root" in reason_of("videos-9")


@pytest.mark.parametrize(
    ("folder", "stored"),
    [
        ("media/videos", "media/videos"),
        ("{base}/media/videos", "media/videos"),
        ("{base}/media/../media/videos/", "media/videos"),
        ("/mnt/b/", "/mnt/b"),
        ("{base}-2/media", "{base}-2/media"),
    ],
)
def test_a_folder_below_the_projects_is_stored_relative_to_it(
    settings: Settings, tmp_path: Path, folder: str, stored: str
) -> None:
    settings.BASE_DIR = tmp_path
    assert as_stored(folder.format(base=tmp_path)) == stored.format(base=tmp_path)


# -- whose they are -------------------------------------------------------------------------------


def test_a_root_with_this_sites_marker_is_available(
    media: Path, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1):
        assert roots.checked_root("videos") == media / "videos"
    with django_assert_num_queries(2):
        assert roots.unavailable_roots() == {}
    marker = json.loads((media / "videos" / ".clipset-root").read_text())
    assert marker == {"site": str(Config.objects.get().site_id), "root": "videos"}


def test_a_folder_that_is_missing_empty_or_not_this_sites_is_told_apart(media: Path) -> None:
    shutil.rmtree(media / "temp")
    assert f"{media}/temp does not exist" in reason_of("temp")
    (media / "temp").mkdir()
    assert "has no marker of this site" in reason_of("temp")
    shutil.copy(media / "videos" / ".clipset-root", media / "temp")
    assert reason_of("temp") == f"{media}/temp is the storage root 'videos'."
    Config.objects.update(site_id=uuid4())
    assert reason_of("videos") == f"{media}/videos belongs to another Clipset site."
    assert set(roots.unavailable_roots()) == set(NAMES)


@pytest.mark.parametrize("text", ["", "{", "[]", "1", '{"root": "videos"}', '{"site": 1}', "\xff"])
def test_a_marker_that_is_none_makes_the_root_unavailable(media: Path, text: str) -> None:
    (media / "videos" / ".clipset-root").write_text(text, encoding="latin-1")
    assert reason_of("videos") == f"the marker in {media}/videos cannot be read."


def test_a_missing_file_is_told_from_a_missing_disk(media: Path) -> None:
    roots.check_root_of(media / "videos" / "gone.mp4")
    roots.check_root_of(Path("/elsewhere/gone.mp4"))
    assert roots.root_of(media / "videos" / "gone.mp4") == "videos"
    assert roots.root_of(media / "avatars" / "gone.webp") == "images"
    (media / "videos" / ".clipset-root").unlink()
    roots.check_root_of(media / "avatars" / "gone.webp")
    with pytest.raises(RootUnavailableError):
        roots.check_root_of(media / "videos" / "gone.mp4")


def test_an_absence_is_logged_once_until_the_root_is_back(
    media: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (media / "temp").rename(media / "away")
    assert [roots.is_available("temp") for _ in range(3)] == [False] * 3
    assert caplog.text.count("'temp' is not available") == 1
    (media / "away").rename(media / "temp")
    assert roots.is_available("temp")
    (media / "temp").rename(media / "away")
    assert not roots.is_available("temp")
    assert caplog.text.count("'temp' is not available") == 2


def test_a_path_that_no_root_has_gets_no_new_videos(settings: Settings) -> None:
    config = Config.objects.get()
    assert roots.video_root_name(config) == "videos"
    StorageRoot.objects.create(name="videos-2", kind="videos", path="/mnt/disk")
    config.video_storage_path = "/mnt/disk/"
    assert roots.video_root_name(config) == "videos-2"
    config.video_storage_path = "/etc"
    with pytest.raises(RootUnavailableError, match="/etc is not a storage root"):
        roots.video_root_name(config)
