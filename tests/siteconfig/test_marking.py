"""manage.py mark_root and new_site_id."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import CommandError, call_command

from siteconfig.models import Config, StorageRoot
from siteconfig.roots import MARKER, checked_root, unavailable_roots
from tests.conftest import SITE_ID
from tests.folders import make_root

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_django.fixtures import Settings

pytestmark = pytest.mark.django_db


def output_of(*arguments: str, **options: Any) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out, **options)
    return out.getvalue()


def test_a_folder_is_marked_by_hand(media: Path) -> None:
    assert output_of("mark_root") == "Every storage root is available.\n"
    (media / "temp" / MARKER).unlink()
    assert output_of("mark_root").startswith(f"temp: {media}/temp has no marker")
    assert (
        output_of("mark_root", "temp")
        == f"{media}/temp is now the storage root 'temp' of this site.\n"
    )
    assert checked_root("temp") == media / "temp"
    assert "is now" in output_of("mark_root", "temp"), "twice is fine"
    assert StorageRoot.objects.get(name="temp").marked_at is not None


def test_what_is_not_there_or_unknown_is_not_marked(media: Path) -> None:
    (media / "temp").rename(media / "away")
    with pytest.raises(CommandError, match="does not exist"):
        output_of("mark_root", "temp")
    assert not (media / "temp").exists()
    with pytest.raises(CommandError, match="There is no storage root 'videos-9'"):
        output_of("mark_root", "videos-9")


def test_a_folder_of_the_system_is_not_marked(settings: Settings) -> None:
    settings.STORAGE_ROOTS = ["temp=/etc"]
    with pytest.raises(CommandError, match="system folder"):
        output_of("mark_root", "temp")


THEIR_MARKER = json.dumps({"site": "0f2b6c1e-0000-4000-8000-000000000001", "root": "temp"})


@pytest.mark.parametrize("text", [THEIR_MARKER, "garbage"])
def test_another_sites_folder_is_taken_over_only_when_that_is_said(media: Path, text: str) -> None:
    (media / "temp" / MARKER).write_text(text)
    with pytest.raises(CommandError, match="again with --take-over"):
        output_of("mark_root", "temp")
    assert (media / "temp" / MARKER).read_text() == text
    output_of("mark_root", "temp", take_over=True)
    assert checked_root("temp") == media / "temp"


def test_the_folder_of_another_root_is_not_marked(media: Path, settings: Settings) -> None:
    settings.TEMP_STORAGE_PATH = media / "originals"
    with pytest.raises(CommandError, match="belongs to the storage root 'originals'"):
        output_of("mark_root", "temp")


def test_a_copy_of_a_site_keeps_its_hands_off_the_originals_disks(
    settings: Settings, media: Path, tmp_path: Path
) -> None:
    settings.BASE_DIR = media.parent
    make_root("videos-2", tmp_path.parent / f"{tmp_path.name}-disk")
    marker = (tmp_path.parent / f"{tmp_path.name}-disk" / MARKER).read_text()
    output = output_of("new_site_id", interactive=False)
    assert Config.objects.get().site_id != SITE_ID
    assert set(unavailable_roots()) == {"videos-2"}
    assert "videos-2: " in output
    assert (tmp_path.parent / f"{tmp_path.name}-disk" / MARKER).read_text() == marker


def test_without_a_yes_the_id_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("builtins.input", lambda _: "no")
    with pytest.raises(CommandError, match="Nothing was changed"):
        output_of("new_site_id")
    assert Config.objects.get().site_id == SITE_ID
