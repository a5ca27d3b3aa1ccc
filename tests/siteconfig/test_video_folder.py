"""Which folders an admin may choose for new videos, and how they become storage roots."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from django.core.exceptions import ValidationError

from siteconfig.models import Config, StorageRoot
from siteconfig.roots import checked_root
from siteconfig.services.config import current_config, current_video_root, save_config
from siteconfig.services.video_folder import usable_video_folder
from tests.builders import make_admin
from tests.folders import make_root
from tests.processes import ROOT

if TYPE_CHECKING:
    from pytest_django.fixtures import Settings

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def outside(settings: Settings, tmp_path: Path) -> Path:
    """A folder outside media/ that STORAGE_ROOTS allows."""
    folder = tmp_path / "disks"
    folder.mkdir()
    settings.STORAGE_ROOTS = [str(folder)]
    return folder


def choose(path: str | Path) -> str:
    """Saves a folder like an admin. Returns the name of the root for new videos."""
    config = current_config()
    config.video_storage_path = usable_video_folder(str(path))
    save_config(config, changed_by=make_admin())
    return current_video_root()


# -- becoming a root ------------------------------------------------------------------------------


def test_a_missing_folder_is_made_marked_and_named(media: Path, outside: Path) -> None:
    assert choose(media / "a" / "b c" / "ü") == "videos-2"
    assert checked_root("videos-2") == media / "a" / "b c" / "ü"
    assert choose(f"{outside}/b/") == "videos-3"
    assert checked_root("videos-3") == outside / "b"


def test_going_back_to_a_folder_goes_back_to_its_name(media: Path, outside: Path) -> None:
    before = current_config().video_storage_path
    assert choose(outside / "b") == "videos-2"
    (outside / "b" / "video.mp4").write_bytes(b"video")
    assert choose(before) == "videos"
    assert choose(f"{media}/../media/videos/") == "videos"
    (outside / "link").symlink_to(outside / "b", target_is_directory=True)
    assert choose(outside / "link") == "videos-2"
    assert StorageRoot.objects.filter(kind="videos").count() == 2


def test_a_relative_folder_is_meant_from_the_projects(
    settings: Settings, tmp_path: Path, media: Path
) -> None:
    settings.BASE_DIR = tmp_path
    assert choose("media/more") == "videos-2"
    assert current_config().video_storage_path == "media/more"
    assert checked_root("videos-2") == media / "more"
    settings.BASE_DIR = tmp_path / "moved"
    (tmp_path / "moved").mkdir()
    media.rename(tmp_path / "moved" / "media")
    assert checked_root("videos-2") == tmp_path / "moved" / "media" / "more"


def test_a_folder_whose_marker_outlived_its_row_is_adopted_with_its_name(outside: Path) -> None:
    make_root("videos-7", outside / "b")
    (outside / "b" / "video.mp4").write_bytes(b"video")
    StorageRoot.objects.filter(name="videos-7").delete()
    assert choose(outside / "b") == "videos-7"


def test_a_root_that_is_away_cannot_be_chosen_again(outside: Path) -> None:
    before = current_config().video_storage_path
    choose(outside / "b")
    choose(before)
    (outside / "b").rename(outside / "away")
    with pytest.raises(ValidationError, match="does not exist"):
        usable_video_folder(str(outside / "b"))
    assert not (outside / "b").exists()


# -- refused --------------------------------------------------------------------------------------


@pytest.mark.parametrize("other", ["thumbnails", "temp", "originals"])
@pytest.mark.parametrize("way", ["the same", "in it", "a link"])
def test_a_folder_that_has_to_do_with_another_root_is_refused(
    media: Path, outside: Path, other: str, way: str
) -> None:
    (outside / "link").symlink_to(media / other, target_is_directory=True)
    folder = {
        "the same": f"{media}/videos/../{other}/",
        "in it": f"{media}/{other}/videos",
        "a link": f"{outside}/link/videos",
    }[way]
    before = sorted(media.rglob("*"))
    with pytest.raises(
        ValidationError, match=rf"the storage root '{other}'\. Choose a separate one"
    ):
        usable_video_folder(folder)
    assert sorted(media.rglob("*")) == before
    assert usable_video_folder(str(media / f"{other}-and-more"))


@pytest.mark.parametrize("folder", ["", "avatars", "avatars/x", "categories", "set-aside", "x/.."])
def test_folders_of_other_files_are_refused(media: Path, folder: str) -> None:
    with pytest.raises(ValidationError, match="can't be used"):
        usable_video_folder(str(media / folder))


@pytest.mark.parametrize(
    "folder",
    [
        *("/", "/etc", "/etc/clipset", "/usr/local/share/x", "/var", "/dev/shm/x", "/proc/x"),
        *("/sys/x", "/root/videos", "/run/x", "/var/lib/x", "/boot", "/lib/x", "/sbin"),
        *(str(ROOT), str(ROOT.parent), f"{ROOT}/staticfiles", f"{ROOT}/data", f"{ROOT}/.git/x"),
        *(f"{ROOT}/.venv/x", f"{ROOT}/node_modules", f"{ROOT}/videos", f"{ROOT}/new", sys.prefix),
        *(
            "",
            "videos",
            "./videos",
            "~/videos",
            "../videos",
            "C:\\videos",
            "/srv/not-listed",
            "/tmp",
        ),
    ],
)
def test_code_system_and_whatever_is_not_listed_is_refused(settings: Settings, folder: str) -> None:
    settings.STORAGE_ROOTS = ["/etc", "/proc", str(ROOT), "/dev/shm", "/run"]
    with pytest.raises(ValidationError, match=r"This folder can't be used: .+ Choose another one"):
        usable_video_folder(folder)
    assert not Path(ROOT, "new").exists()


def test_a_link_into_a_system_folder_is_refused(outside: Path) -> None:
    (outside / "link").symlink_to("/etc", target_is_directory=True)
    with pytest.raises(ValidationError, match="a system folder"):
        usable_video_folder(str(outside / "link"))


def test_a_listed_folder_that_is_not_there_is_not_made(settings: Settings, tmp_path: Path) -> None:
    settings.STORAGE_ROOTS = [str(tmp_path / "unmounted")]
    with pytest.raises(ValidationError, match="STORAGE_ROOTS"):
        usable_video_folder(str(tmp_path / "unmounted" / "videos"))
    assert not (tmp_path / "unmounted").exists()


def test_a_folder_that_is_not_empty_or_is_another_sites_is_refused(outside: Path) -> None:
    (outside / "b").mkdir()
    (outside / "b" / "letter.txt").touch()
    with pytest.raises(ValidationError, match="isn't empty"):
        usable_video_folder(str(outside / "b"))
    make_root("videos-2", outside / "c")
    StorageRoot.objects.filter(name="videos-2").delete()
    Config.objects.update(site_id=uuid4())
    with pytest.raises(ValidationError, match="isn't empty"):
        usable_video_folder(str(outside / "c"))


def test_links_in_a_circle_are_refused(outside: Path) -> None:
    (outside / "a").symlink_to(outside / "b")
    (outside / "b").symlink_to(outside / "a")
    with pytest.raises(ValidationError):
        usable_video_folder(str(outside / "a" / "videos"))


@pytest.mark.parametrize("below", [False, True])
def test_a_file_is_no_folder_and_neither_is_what_would_lie_below_it(
    outside: Path, below: bool
) -> None:
    file = outside / "file"
    file.write_text("x")
    with pytest.raises(
        ValidationError, match=r"Nothing can be written to this folder: .+ Choose another"
    ):
        usable_video_folder(str(file / "videos" if below else file))
    assert file.read_text() == "x"


@pytest.mark.parametrize("path", ["videos\x00", "a" * 300, "b/" * 3000])
def test_a_path_that_no_system_takes_is_refused_and_no_error(media: Path, path: str) -> None:
    with pytest.raises(ValidationError):
        usable_video_folder(f"{media}/{path}")


AS_ANOTHER_USER = """
import os, sys, django
django.setup()
from django.core.exceptions import ValidationError
from siteconfig.services.video_folder import _make_new
from siteconfig.services import video_folder
video_folder._other_roots = lambda: []
if os.geteuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
from pathlib import Path
try:
    _make_new(Path(sys.argv[1]))
except OSError as error:
    print(error.strerror)
"""


def test_a_folder_without_the_right_to_write_is_refused(outside: Path) -> None:
    """In another process with another user, since root can write everywhere."""
    folder = outside / "videos"
    folder.mkdir(mode=0o555)
    answer = subprocess.run(
        [sys.executable, "-c", AS_ANOTHER_USER, str(folder)],
        cwd=ROOT,
        env=os.environ
        | {"DJANGO_SETTINGS_MODULE": "clipset.settings", "STORAGE_ROOTS": str(outside)},
        check=True,
        capture_output=True,
        text=True,
    )
    assert "Permission denied" in answer.stdout
