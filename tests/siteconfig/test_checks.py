"""System checks report wrong settings, with a sentence that says what to do."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.core.checks import Error, run_checks

from siteconfig import checks

if TYPE_CHECKING:
    from pytest_django import Settings


def found() -> list[str | None]:
    """Returns the identifiers of the site's own findings with the present settings."""
    ours = [check for check in vars(checks).values() if getattr(check, "tags", None) is not None]
    return [error.id for check in ours for error in check(app_configs=None)]


def test_the_settings_as_they_come_are_right() -> None:
    assert found() == []


def test_django_runs_them(settings: Settings) -> None:
    settings.QUOTA_RESET_HOUR = 24
    assert "clipset.E004" in [error.id for error in run_checks()]


QUEUE = {"timeout": 100, "retry": 101}


@pytest.mark.parametrize(
    ("name", "value", "identifier"),
    [
        ("Q_CLUSTER", QUEUE | {"retry": 100}, "clipset.E002"),
        ("Q_CLUSTER", QUEUE | {"retry": 60}, "clipset.E002"),
        ("Q_CLUSTER", {"timeout": 60}, "clipset.E002"),
        ("Q_CLUSTER", {"retry": 60}, "clipset.E002"),
        ("QUOTA_RESET_DAY", -1, "clipset.E003"),
        ("QUOTA_RESET_DAY", 7, "clipset.E003"),
        ("QUOTA_RESET_HOUR", -1, "clipset.E004"),
        ("QUOTA_RESET_HOUR", 24, "clipset.E004"),
        ("QUOTA_RESET_TIMEZONE", "Europe/Atlantis", "clipset.E005"),
        ("QUOTA_RESET_TIMEZONE", "", "clipset.E005"),
        ("QUOTA_RESET_TIMEZONE", "../../etc/passwd", "clipset.E005"),
        ("SITE_URL", "clips.example.org", "clipset.E006"),
        ("SITE_URL", "ftp://clips.example.org", "clipset.E006"),
        ("SITE_URL", "https://", "clipset.E006"),
        ("SITE_URL", "https://clips.example.org/clips", "clipset.E006"),
        ("SITE_URL", "https://clips.example.org?a=b", "clipset.E006"),
        ("SITE_URL", "https://bob:pw@clips.example.org", "clipset.E006"),
        ("SITE_URL", "https://clips.example.org:99999", "clipset.E006"),
        ("SITE_URL", "https://clips.example.org:port", "clipset.E006"),
        ("SITE_URL", "https://[::1", "clipset.E006"),
        ("SITE_URL", "https://clips .example.org", "clipset.E006"),
        ("VIDEO_STORAGE_PATH", Path("/dev/null/videos"), "clipset.E007"),
        ("TEMP_STORAGE_PATH", Path(__file__), "clipset.E007"),
        ("THUMBNAIL_STORAGE_PATH", Path(__file__) / "below", "clipset.E007"),
        ("VIDEO_STORAGE_PATH", Path("/usr/local/videos"), "clipset.E011"),
        ("TEMP_STORAGE_PATH", Path(__file__).parent, "clipset.E011"),
        ("ORIGINAL_STORAGE_PATH", Path("/etc/clipset"), "clipset.E011"),
        ("STORAGE_ROOTS", ["mnt/disks"], "clipset.E012"),
        ("NODE_MODULES", Path("/nowhere/node_modules"), "clipset.E008"),
        ("MAX_FILE_SIZE_BYTES", 0, "clipset.E009"),
        ("VIDEO_PROCESSING_TIMEOUT", 0, "clipset.E009"),
        ("WEEKLY_UPLOAD_LIMIT_BYTES", -1, "clipset.E009"),
        ("MIN_FREE_DISK_BYTES", -1, "clipset.E009"),
    ],
)
def test_a_wrong_setting_is_found(
    settings: Settings, name: str, value: Any, identifier: str
) -> None:
    setattr(settings, name, value)
    assert found() == [identifier]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Q_CLUSTER", QUEUE),
        ("QUOTA_RESET_DAY", 6),
        ("QUOTA_RESET_HOUR", 23),
        ("QUOTA_RESET_TIMEZONE", "America/New_York"),
        ("SITE_URL", "https://clips.example.org"),
        ("SITE_URL", "http://192.168.1.5:8000"),
        ("SITE_URL", "http://[::1]:8000"),
        ("WEEKLY_UPLOAD_LIMIT_BYTES", 0),
    ],
)
def test_a_right_setting_is_let_be(settings: Settings, name: str, value: Any) -> None:
    setattr(settings, name, value)
    assert found() == []


def test_a_folder_that_can_be_made_is_let_be(settings: Settings, tmp_path: Path) -> None:
    settings.ORIGINAL_STORAGE_PATH = tmp_path / "not" / "yet" / "there"
    assert found() == []
    assert not (tmp_path / "not").exists(), "a check must not change anything"


@pytest.mark.parametrize(
    ("name", "value", "times"),
    [
        ("TEMP_STORAGE_PATH", "videos", 1),
        ("TEMP_STORAGE_PATH", "videos/temp", 1),
        ("ORIGINAL_STORAGE_PATH", "temp/../thumbnails", 1),
        ("VIDEO_STORAGE_PATH", ".", 3),
        ("VIDEO_STORAGE_PATH", "link", 1),
        ("VIDEO_STORAGE_PATH", "link/below", 1),
    ],
)
def test_folders_that_are_not_apart_are_found(
    settings: Settings, media: Path, name: str, value: str, times: int
) -> None:
    (media / "link").symlink_to(media / "thumbnails", target_is_directory=True)
    setattr(settings, name, media / value)
    assert found() == ["clipset.E010"] * times


def test_a_token_that_can_be_guessed_is_found(settings: Settings) -> None:
    for token, findings in (("", []), ("x" * 15, ["clipset.E013"]), ("x" * 16, [])):
        settings.READYZ_TOKEN = token
        assert found() == findings


def test_links_in_a_circle_are_found(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    settings.TEMP_STORAGE_PATH = tmp_path / "a"
    assert found() == ["clipset.E007"]


def test_folders_side_by_side_whose_names_begin_alike_are_let_be(
    settings: Settings, media: Path
) -> None:
    settings.TEMP_STORAGE_PATH = media / "videos-temp"
    assert found() == []


def test_a_folder_that_may_not_be_written_to_is_found(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Root can write everywhere, so os.access is replaced.
    monkeypatch.setattr(os, "access", lambda path, _mode: path != tmp_path)
    settings.ORIGINAL_STORAGE_PATH = tmp_path / "videos"
    assert found() == ["clipset.E007"]


@pytest.mark.parametrize(
    ("debug", "expected"), [(False, ["clipset.E001"]), (True, [])], ids=["in production", "DEBUG"]
)
def test_the_default_secret_key_is_for_debugging_only(
    settings: Settings, debug: bool, expected: list[str]
) -> None:
    settings.DEBUG = debug
    settings.SECRET_KEY = settings.INSECURE_SECRET_KEY
    assert found() == expected


def test_each_finding_says_what_to_do(settings: Settings) -> None:
    settings.SECRET_KEY = settings.INSECURE_SECRET_KEY
    settings.Q_CLUSTER = {}
    settings.QUOTA_RESET_DAY = settings.QUOTA_RESET_HOUR = 99
    settings.QUOTA_RESET_TIMEZONE = settings.SITE_URL = "?"
    settings.TEMP_STORAGE_PATH = Path("/dev/null/temp")
    settings.ORIGINAL_STORAGE_PATH = settings.VIDEO_STORAGE_PATH
    settings.NODE_MODULES = Path("/nowhere")
    settings.MAX_FILE_SIZE_BYTES = 0
    ours = [
        error
        for error in run_checks()
        if isinstance(error, Error) and str(error.id).startswith("clipset.")
    ]
    assert {error.id for error in ours} >= {f"clipset.E{number:03}" for number in range(1, 11)}
    assert all(error.hint for error in ours)


@pytest.mark.parametrize(
    ("behind", "host", "entries", "expected"),
    [
        (True, "127.0.0.1", ["127.0.0.1", "::1"], []),
        (True, "127.0.0.1", ["nginx", "10.0.0.0/33", "10.0.0.1"], ["clipset.E040"] * 2),
        (True, "127.0.0.1", ["*"], []),
        (True, "192.168.1.5", ["*"], ["clipset.W042"]),
        (True, "192.168.1.5", ["10.0.0.0/8", "fd00::1", "10.1.2.3/8"], []),
        (True, "192.168.1.5", ["127.0.0.1", "::1"], ["clipset.W043"]),
        (False, "192.168.1.5", ["127.0.0.1", "::1"], []),
        (False, "127.0.0.1", ["10.0.0.1"], ["clipset.W041"]),
    ],
)
def test_who_may_name_clients(
    settings: Settings, behind: bool, host: str, entries: list[str], expected: list[str]
) -> None:
    settings.BEHIND_PROXY, settings.HOST, settings.FORWARDED_ALLOW_IPS = behind, host, entries
    assert found() == expected
