"""Links have the address of the running site, even if a command creates them."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from siteconfig.services.address import site_url

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django import Settings

FOLLOWED = "http://127.0.0.1:8000"
RUNNING = "http://127.0.0.1:8123"


@pytest.fixture
def site(tmp_path: Path, settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    """A process in the site's folder, recorded like scripts/run records itself."""
    settings.BASE_DIR, settings.RUN_FOLDER = tmp_path.resolve(), tmp_path / "run"
    settings.SITE_URL, settings.SITE_URL_IS_SET = FOLLOWED, False
    with subprocess.Popen(["cat"], cwd=tmp_path, stdin=subprocess.PIPE) as process:
        (tmp_path / "run").mkdir()
        (tmp_path / "run/lock").write_text(str(process.pid))
        (tmp_path / "run/address").write_text(RUNNING)
        yield process


def test_without_a_running_site_they_follow_the_settings(
    tmp_path: Path, settings: Settings
) -> None:
    settings.SITE_URL, settings.SITE_URL_IS_SET = FOLLOWED, False
    settings.RUN_FOLDER = tmp_path / "none"
    assert site_url() == FOLLOWED


def test_the_running_site_knows_better(site: subprocess.Popen[bytes], settings: Settings) -> None:
    assert site_url() == RUNNING
    settings.SITE_URL, settings.SITE_URL_IS_SET = "https://clips.example.org", True
    assert site_url() == "https://clips.example.org"


def test_what_a_killed_site_left_is_not_believed(site: subprocess.Popen[bytes]) -> None:
    site.kill()
    site.wait()
    assert site_url() == FOLLOWED


def test_nor_is_the_process_id_of_another_program(
    site: subprocess.Popen[bytes], settings: Settings
) -> None:
    settings.BASE_DIR = settings.BASE_DIR / "another"
    assert site_url() == FOLLOWED


@pytest.mark.parametrize(
    ("lock", "address"), [("", RUNNING), ("nobody", RUNNING), ("-1", RUNNING), ("", "")]
)
def test_files_that_are_not_whole_do_no_harm(
    site: subprocess.Popen[bytes], settings: Settings, lock: str, address: str
) -> None:
    (Path(settings.RUN_FOLDER) / "lock").write_text(lock)
    (Path(settings.RUN_FOLDER) / "address").write_text(address)
    assert site_url() == FOLLOWED
