from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from siteconfig.models import Config
from siteconfig.services.config import current_config, current_video_root, save_config
from tests.builders import make_admin

if TYPE_CHECKING:
    from pytest_django import DjangoAssertNumQueries, Settings

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).resolve().parents[2]


# -- One row ------------------------------------------------------------------------------------
def test_a_migration_has_made_the_row() -> None:
    assert [config.pk for config in Config.objects.all()] == [1]


@pytest.mark.parametrize("other", [0, 2, 3, 32767])
def test_the_database_refuses_a_second_row(other: int) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Config.objects.create(pk=other)
    with pytest.raises(IntegrityError), transaction.atomic():
        Config.objects.filter(pk=1).update(id=other)
    assert Config.objects.count() == 1


def test_the_database_refuses_the_same_row_again() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Config.objects.create()


@pytest.mark.parametrize(
    "values",
    [
        {"max_file_size_bytes": 0},
        {"max_file_size_bytes": -1},
        {"weekly_upload_limit_bytes": -1},
        {"max_file_size_bytes": None},
        {"video_storage_path": None},
    ],
)
def test_the_database_refuses_what_no_site_could_run_with(values: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Config.objects.update(**values)


def test_a_weekly_limit_of_zero_is_allowed() -> None:
    Config.objects.update(weekly_upload_limit_bytes=0)
    assert current_config().weekly_upload_limit_bytes == 0


# -- Reading ------------------------------------------------------------------------------------
def test_reading_takes_one_query_and_sees_a_change_at_once(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    with django_assert_num_queries(1):
        before = current_config()
    Config.objects.update(max_file_size_bytes=before.max_file_size_bytes + 1)
    assert current_config().max_file_size_bytes == before.max_file_size_bytes + 1


def test_a_row_that_is_missing_comes_back_with_the_limits_of_the_settings(
    settings: Settings,
) -> None:
    Config.objects.all().delete()
    settings.MAX_FILE_SIZE_BYTES = 12_345
    settings.WEEKLY_UPLOAD_LIMIT_BYTES = 67_890
    config = current_config()
    assert (config.pk, config.max_file_size_bytes, config.weekly_upload_limit_bytes) == (
        1,
        12_345,
        67_890,
    )
    assert config.video_storage_path == str(settings.VIDEO_STORAGE_PATH)
    assert current_video_root() == "videos"
    assert current_config() == config


def test_once_the_row_is_there_the_settings_say_no_more(settings: Settings) -> None:
    before = current_config().weekly_upload_limit_bytes
    settings.WEEKLY_UPLOAD_LIMIT_BYTES = before + 1
    assert current_config().weekly_upload_limit_bytes == before


DEFAULTS = {
    "MAX_FILE_SIZE_BYTES": 2147483648,
    "WEEKLY_UPLOAD_LIMIT_BYTES": 4294967296,
    "ACCEPTED_VIDEO_FORMATS": ["mp4", "mov", "avi", "mkv", "webm"],
    "FFMPEG_PATH": "ffmpeg",
    "VIDEO_PROCESSING_TIMEOUT": 300,
    "QUOTA_RESET_DAY": 0,
    "QUOTA_RESET_HOUR": 0,
    "QUOTA_RESET_TIMEZONE": "UTC",
}


def test_the_defaults_of_the_settings_are_the_owners() -> None:
    code = f"""
import json
from clipset import settings
print(json.dumps({{name: getattr(settings, name) for name in {list(DEFAULTS)}}}))
"""
    command = [sys.executable, "-c", code]
    printed = subprocess.run(
        command, cwd=ROOT, env=os.environ, check=True, capture_output=True, text=True
    ).stdout
    assert json.loads(printed) == DEFAULTS


# -- Changing -----------------------------------------------------------------------------------
def test_a_change_is_stored_with_who_made_it_and_when() -> None:
    root, before = make_admin("root"), timezone.now()
    config = current_config()
    config.max_file_size_bytes = 5
    save_config(config, changed_by=root)
    stored = current_config()
    assert (stored.max_file_size_bytes, stored.updated_by_id) == (5, root.pk)
    assert stored.updated_at >= before


def test_a_change_that_is_not_valid_is_not_stored() -> None:
    root, config = make_admin("root"), current_config()
    config.max_file_size_bytes = 0
    with pytest.raises(ValidationError, match="at least 1 byte"):
        save_config(config, changed_by=root)
    assert current_config().max_file_size_bytes > 0
    assert current_config().updated_by is None


def test_deleting_who_changed_it_keeps_the_configuration() -> None:
    root, config = make_admin("root"), current_config()
    config.max_file_size_bytes = 5
    save_config(config, changed_by=root)
    root.delete()
    stored = current_config()
    assert (stored.max_file_size_bytes, stored.updated_by) == (5, None)
