"""Files that no row names are moved aside with a note, and can be moved back."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone

from siteconfig.models import BackupRun
from siteconfig.services.doctor_log import Journal, take_back
from tests.builders import make_admin, make_moderator
from tests.disks import small_disk
from tests.folders import make_root
from tests.videos.stored_videos import everything_on_disk, files_below, set_aside_files
from videos.doctor import mending
from videos.models import Removal, RemovalReason
from videos.services.removals import request_removals
from videos.services.set_aside import SetAsideError, all_set_aside, set_aside, set_aside_size
from videos.services.stored_files import StoredFile

if TYPE_CHECKING:
    from django.test import Client
    from pytest_django import Settings

pytestmark = pytest.mark.django_db


def told(command: str, *args: str) -> str:
    out = StringIO()
    call_command(command, *args, stdout=out)
    return out.getvalue()


def stored(key: str, content: bytes = b"video") -> StoredFile:
    root = Path(django_settings.VIDEO_STORAGE_PATH)
    (root / key).parent.mkdir(parents=True, exist_ok=True)
    (root / key).write_bytes(content)
    return StoredFile("videos", key)


def test_a_file_is_moved_with_its_note_and_back() -> None:
    file = stored("a.mp4")
    assert set_aside(file, why="Nobody names it.")
    assert everything_on_disk() == []
    (one,) = all_set_aside()
    today = f"{timezone.now():%Y-%m-%d}"
    assert one.name == f"{today}/videos/a.mp4"
    note = json.loads(one.note.read_bytes())
    assert (note["root"], note["key"], note["size_bytes"]) == (*file, 5)
    assert note["why"] == "Nobody names it."
    assert set_aside_size() == (1, 5)
    assert "a.mp4  5 bytes" in told("restore_set_aside")
    assert "Restored" in told("restore_set_aside", "a.mp4")
    assert everything_on_disk() == ["videos/a.mp4"]
    assert set_aside_size() == (0, 0)


def test_a_folder_is_moved_with_all_that_is_in_it() -> None:
    stored("upload-x/source.mp4")
    assert set_aside(StoredFile("videos", "upload-x"), why="x")
    assert set_aside_size() == (1, 5)
    told("restore_set_aside", "upload-x")
    assert everything_on_disk() == ["videos/upload-x/source.mp4"]


def test_two_of_a_name_are_kept_apart_and_neither_replaces_a_file() -> None:
    for content in (b"first", b"second!"):
        assert set_aside(stored("a.mp4", content), why="x")
    assert set_aside_size() == (2, 12)
    with pytest.raises(CommandError, match="Nothing named"):
        told("restore_set_aside", "b.mp4")
    stored("a.mp4", b"in its place")
    with pytest.raises(CommandError, match="already"):
        told("restore_set_aside", "a.mp4")
    assert set_aside_size() == (2, 12)


def test_what_is_gone_leaves_no_note() -> None:
    assert not set_aside(StoredFile("videos", "gone.mp4"), why="x")
    assert files_below(Path(django_settings.MEDIA_ROOT)) == []


def test_a_root_on_another_disk_has_its_own_place(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    with small_disk(root, tmp_path / "disk"):
        make_root("videos-2", root)
        (root / "a.mp4").write_bytes(b"x")
        assert set_aside(StoredFile("videos-2", "a.mp4"), why="x")
        (one,) = all_set_aside()
        assert one.path.is_relative_to(root / "set-aside")
        told("restore_set_aside", "a.mp4")
        assert (root / "a.mp4").is_file()


def test_only_what_is_old_enough_is_pruned(monkeypatch: pytest.MonkeyPatch) -> None:
    set_aside(stored("old.mp4"), why="x")
    later = timezone.now() + timedelta(days=10)
    monkeypatch.setattr(timezone, "now", lambda: later)
    set_aside(stored("new.mp4"), why="x")
    assert "Deleted 1 file (5 bytes); 1 still" in told("prune_set_aside", "--older-than", "9")
    assert set_aside_files() == ["videos/new.mp4"]
    assert "Deleted 1 file" in told("prune_set_aside")
    assert files_below(Path(django_settings.MEDIA_ROOT)) == []
    with pytest.raises(CommandError, match="from 0 to"):
        told("prune_set_aside", "--older-than", "-1")


def test_the_admin_lists_removals_and_says_how_much_is_set_aside(client: Client) -> None:
    set_aside(stored("a.mp4"), why="x")
    file = stored("b.mp4")
    request_removals([file], reason=RemovalReason.REPLACED)
    client.force_login(make_admin())
    page = client.get(reverse("admin:videos_removal_changelist")).text
    assert "1 file is set aside (5 bytes)." in page
    assert "b.mp4" in page
    assert "could not be removed" not in page
    said = "[Errno 30] Read-only file system: '/srv/videos/b.mp4'"
    Removal.objects.update(last_error=said)
    page = client.get(reverse("admin:videos_removal_changelist")).text
    assert "1 could not be removed.</span> Check that the disk is there" in " ".join(page.split())
    assert ">Read-only file system</td>" in page
    client.force_login(make_moderator())
    assert client.get(reverse("admin:videos_removal_changelist")).status_code == 403


def test_two_who_set_one_file_aside_do_not_lose_its_note(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sweep and the doctor, or two hosts: the second finds that the file is gone."""
    file = stored("a.mp4")

    def be_overtaken(path: Path) -> bool:
        monkeypatch.undo()
        is_taken = path.exists()
        assert set_aside(file, why="The other.")
        return is_taken

    monkeypatch.setattr("os.path.lexists", be_overtaken)
    assert not set_aside(file, why="This one.")
    assert set_aside_size() == (1, 5)
    told("restore_set_aside", "a.mp4")
    assert everything_on_disk() == ["videos/a.mp4"]
    assert set_aside_files() == []


def test_two_files_of_a_name_that_are_set_aside_at_once_are_both_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (file, other) = (stored("a.mp4", b"first"), stored("small/a.mp4", b"second!"))

    def be_overtaken(path: Path) -> bool:
        monkeypatch.undo()
        is_taken = path.exists()
        assert set_aside(other, why="The other.")
        return is_taken

    monkeypatch.setattr("os.path.lexists", be_overtaken)
    assert set_aside(file, why="This one.")
    assert set_aside_size() == (2, 12)


def test_a_file_whose_note_is_lost_is_counted_and_comes_back() -> None:
    """After a power cut, or after someone deleted the note."""
    assert set_aside(stored("a.mp4"), why="x")
    (one,) = all_set_aside()
    for damage in (one.note.unlink, lambda: one.note.write_bytes(b'{"root": "videos"')):
        damage()
        assert set_aside_size() == (1, 5)
    (found,) = all_set_aside()
    assert (found.root, found.key, found.path) == ("videos", "a.mp4", one.path)
    told("restore_set_aside", "a.mp4")
    assert everything_on_disk() == ["videos/a.mp4"]
    assert set_aside_size() == (0, 0)


def test_a_note_that_was_edited_leads_to_no_place_outside_and_to_no_error(media: Path) -> None:
    assert set_aside(stored("a.mp4"), why="x")
    (one,) = all_set_aside()
    good = json.loads(one.note.read_bytes())
    for changes in ({"key": "../../b.mp4"}, {"key": "/b.mp4"}, {"root": "nowhere"}):
        one.note.write_text(json.dumps(good | changes))
        with pytest.raises(CommandError):
            told("restore_set_aside", "a.mp4")
    one.note.write_text(json.dumps(good | {"set_aside_at": "2026-01-31T00:00:00"}))
    assert set_aside_size() == (1, 5)
    told("prune_set_aside", "--older-than", "30000")
    with pytest.raises(CommandError, match="from 0 to"):
        told("prune_set_aside", "--older-than", "10000000000")
    assert one.path.is_file()


def test_a_note_alone_is_no_file_and_in_nobodys_way() -> None:
    """As after a power cut between writing the note and moving the file."""
    file = stored("a.mp4")
    assert set_aside(file, why="x")
    (one,) = all_set_aside()
    one.path.rename(videos_root() / "a.mp4")
    assert set_aside_size() == (0, 0)
    assert set_aside(file, why="again")
    assert set_aside_size() == (1, 5)


def videos_root() -> Path:
    return Path(django_settings.VIDEO_STORAGE_PATH)


def test_a_file_comes_back_beside_nothing_that_lies_in_its_place() -> None:
    """A dangling link in the file's place counts as well."""
    assert set_aside(stored("a.mp4"), why="x")
    (videos_root() / "a.mp4").symlink_to("nowhere")
    with pytest.raises(CommandError, match="already"):
        told("restore_set_aside", "a.mp4")
    assert (videos_root() / "a.mp4").is_symlink()
    assert set_aside_size() == (1, 5)


def test_what_the_doctor_moved_back_is_taken_back_and_no_other_file(
    settings: Settings, tmp_path: Path
) -> None:
    settings.DOCTOR_LOG = tmp_path / "doctor.log"
    file = stored("a.mp4")
    assert set_aside(file, why="x")
    mending.put_back(file, Journal("run"))
    assert "set aside again" in take_back("run")[0]
    assert everything_on_disk() == []
    # It could not be moved, since another file was in its place.
    stored("a.mp4", b"from a backup")
    with pytest.raises(SetAsideError):
        mending.put_back(file, Journal("other"))
    for run in ("run", "other"):
        assert "is not the file" in take_back(run)[0]
    assert everything_on_disk() == ["videos/a.mp4"]


def test_nothing_is_moved_back_or_aside_by_an_undo_while_a_backup_runs(
    settings: Settings, tmp_path: Path
) -> None:
    settings.DOCTOR_LOG = tmp_path / "doctor.log"
    file, other = stored("a.mp4"), stored("b.mp4")
    assert set_aside(file, why="x")
    mending.put_back(file, Journal("run"))
    mending.move_aside(other, Journal("run"), why="x")
    run = BackupRun.objects.create(lease_until=timezone.now() + timedelta(minutes=1))
    assert all("A backup is running" in line for line in take_back("run"))
    run.delete()
    assert all(line.startswith("Undone") for line in take_back("run"))
    assert everything_on_disk() == ["videos/b.mp4"]
