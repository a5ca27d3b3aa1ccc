"""A gunicorn for the tests of this folder, and whether a test left anything on the disk."""

from __future__ import annotations

import fcntl
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.conftest import FOLDERS, set_up_site
from tests.disks import small_disk
from tests.folders import make_roots
from tests.videos import live
from videos.transcode import confine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_django import DjangoDbBlocker
    from pytest_django.fixtures import Settings

    from tests.disks import Disk


@pytest.fixture(scope="session")
def static_files(
    tmp_path_factory: pytest.TempPathFactory, django_db_setup: None, django_db_blocker: object
) -> Path:
    """Collected once for all servers of a run, by the worker that is the first to want it."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if base.name.startswith("popen-") else base) / "static"
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            live.collect_static(folder)
    return folder


@pytest.fixture
def without_bubblewrap(monkeypatch: pytest.MonkeyPatch) -> None:
    """For scripts in FFmpeg's place that start other programs or write beside the work folder."""
    monkeypatch.setattr(confine, "why_not", lambda: "a test")


@pytest.fixture(scope="session")
def gunicorn(
    tmp_path_factory: pytest.TempPathFactory,
    static_files: Path,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[live.Server]:
    """Started once; use `site`."""
    folder = tmp_path_factory.mktemp("gunicorn")
    with live.server(folder / "media", static_files, folder / "log") as started:
        yield started


@pytest.fixture
def site(
    gunicorn: live.Server, media: Path, transactional_db: None, settings: Settings
) -> Iterator[live.Server]:
    """A running site over this test's database; the test's own folders are the site's."""
    use_folders_of(gunicorn, settings)
    yield gunicorn
    shutil.rmtree(gunicorn.media, ignore_errors=True)  # with the pictures of members, too


@pytest.fixture
def disk(media: Path, tmp_path: Path) -> Iterator[Disk]:
    """A small disk that holds all files of the site."""
    shutil.rmtree(media)
    media.mkdir()  # the empty folder that remains while nothing is mounted
    with small_disk(media, tmp_path / "disk") as disk:
        make_roots(media)
        yield disk


def use_folders_of(server: live.Server, settings: Settings) -> None:
    settings.MEDIA_ROOT = server.media
    for name, folder in FOLDERS.items():
        setattr(settings, name, server.media / folder)
        (server.media / folder).mkdir(parents=True, exist_ok=True)
    set_up_site()
