"""Restoring one video from a backup: other work at the same time, and hostile backups."""

from __future__ import annotations

import shutil
import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import User
from siteconfig.backup.errors import BackupError
from siteconfig.backup.manifest import Manifest
from tests.builders import make_user
from tests.videos.services.test_files import age, video_with_files
from videos.models import Removal, Video
from videos.services import restoring
from videos.services.details import delete_video
from videos.services.files import files_of, sweep_temp
from videos.services.named_files import named_files
from videos.services.processing import publish
from videos.services.removing import work_off_removals
from videos.services.restoring import RESTORED, _Found, _store
from videos.services.stored_files import StoredFile, stored_path
from videos.transcode.publish import copy_file

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pytest_django import Settings

    from videos.services.restoring import RestoredVideo

pytestmark = pytest.mark.django_db
UPLOAD = f"upload-{'0' * 32}"


def backed_up(video: Video, work: Path) -> tuple[_Found, Manifest]:
    """A video's rows and files as restic restores them to the work folder."""
    video = Video.objects.get(pk=video.pk)
    rows = {
        model: list(model._default_manager.filter(video=video).order_by("pk")) for model in RESTORED
    }
    found = _Found(video, rows, [])
    roots = {file.root: f"/old/{file.root}" for file in found.files}
    for file in found.files:
        copy = work / "old" / file.root / file.key
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(stored_path(*file), copy)
    return found, Manifest(
        site="", taken_at="", database="clipset.db", roots=roots, rows={}, migrations=[]
    )


def there(files: Iterable[StoredFile]) -> list[bool]:
    return [stored_path(*file).is_file() for file in files]


@pytest.mark.django_db(transaction=True)
def test_files_that_a_worker_is_removing_are_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker reads which files rows name before the restored row is stored."""
    video = video_with_files(make_user())
    files = files_of(video)
    found, manifest = backed_up(video, tmp_path / "work")
    delete_video(video=video)
    restored: list[RestoredVideo] = []

    def restore() -> None:
        restored.append(_store(found, manifest, tmp_path / "work"))
        connection.close()

    thread = threading.Thread(target=restore)

    def read_and_pause(batch: list[Removal]) -> set[StoredFile]:
        named = named_files(batch)
        thread.start()
        thread.join(1)  # a restore that does not wait for the worker ends by then
        return named

    monkeypatch.setattr("videos.services.removing.named_files", read_and_pause)
    work_off_removals()
    thread.join()
    assert restored
    assert Video.objects.get().short_id == video.short_id
    assert all(there(files))
    monkeypatch.undo()
    assert work_off_removals() == 0
    assert all(there(files))


def test_files_go_back_only_where_no_other_restore_has_stored_the_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two restores at once: the row of one names the files that the other placed."""
    video = video_with_files(make_user())
    files = files_of(video)
    one, manifest = backed_up(video, tmp_path / "one")
    other, _ = backed_up(video, tmp_path / "other")
    delete_video(video=video)
    work_off_removals()
    assert not any(there(files))
    place = restoring._place

    def be_overtaken(*args: Any) -> Any:
        result = place(*args)
        monkeypatch.undo()
        _store(other, manifest, tmp_path / "other")
        return result

    monkeypatch.setattr(restoring, "_place", be_overtaken)
    with pytest.raises(BackupError, match="The site has this video"):
        _store(one, manifest, tmp_path / "one")
    assert Video.objects.get().short_id == video.short_id
    assert all(there(files))


def test_the_sweep_leaves_a_source_that_is_being_restored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Copying other files of the video to another disk may take minutes."""
    video = video_with_files(make_user())
    folder = stored_path("temp", UPLOAD)
    video.source_file.parent.rename(folder)
    Video.objects.update(source_key=f"{UPLOAD}/source.mov", processing_status="PENDING")
    found, manifest = backed_up(video, tmp_path / "work")
    delete_video(video=Video.objects.get())
    work_off_removals()
    place = restoring._place

    def place_slowly(*args: Any) -> None:
        place(*args)
        age(folder, timedelta(hours=1))
        sweep_temp()
        assert (folder / "source.mov").is_file()

    monkeypatch.setattr(restoring, "_place", place_slowly)
    _store(found, manifest, tmp_path / "work")
    assert Video.objects.get().source_file.is_file()
    assert not Removal.objects.exists()


def test_a_backup_that_names_places_outside_its_roots_is_refused(tmp_path: Path) -> None:
    video = video_with_files(make_user())
    found, manifest = backed_up(video, tmp_path / "work")
    delete_video(video=video)
    work_off_removals()
    for key in ("../outside.mp4", "/outside.mp4", "small/../../outside.mp4"):
        found.video.filename = key
        with pytest.raises(BackupError, match="cannot hold"):
            _store(found, manifest, tmp_path / "work")
    assert not list(tmp_path.rglob("outside.mp4"))
    found.video.filename = "video.mp4"
    del manifest.roots["originals"]
    with pytest.raises(BackupError, match="cannot hold"):
        _store(found, manifest, tmp_path / "work")
    assert not any(there(found.files))


def test_a_link_in_a_backup_leads_to_no_file_of_this_host(tmp_path: Path) -> None:
    video = video_with_files(make_user())
    found, manifest = backed_up(video, tmp_path / "work")
    delete_video(video=video)
    work_off_removals()
    (tmp_path / "secret").write_text("of this host")
    copy = tmp_path / "work" / "old" / "videos"
    (copy / "video.mp4").unlink()
    (copy / "video.mp4").symlink_to(tmp_path / "secret")
    with pytest.raises(BackupError, match="is not in this backup"):
        _store(found, manifest, tmp_path / "work")
    (copy / "video.mp4").unlink()
    (copy / "video.mp4").write_bytes(b"x")
    copy.rename(tmp_path / "elsewhere")
    copy.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BackupError, match="is not in this backup"):
        _store(found, manifest, tmp_path / "work")
    assert not any(there(found.files))
    assert not Video.objects.exists()


def test_a_restore_that_was_cut_off_is_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a power cut: one file is in its place, a part of another beside it, and there is no
    row."""
    video = video_with_files(make_user())
    found, manifest = backed_up(video, tmp_path / "work")
    delete_video(video=video)
    work_off_removals()
    copied: list[Path] = []

    def copy_some(source: Path, target: Path, **_options: object) -> None:
        if copied:
            target.with_name(f".{target.name}.1.part").write_bytes(b"")
            raise SystemExit
        copy_file(source, target)
        copied.append(target)

    with monkeypatch.context() as patched:
        patched.setattr("os.link", os_error)  # as if on another disk
        patched.setattr(restoring, "remove_unpublished", lambda *_args: None)
        patched.setattr(publish, "copy_file", copy_some)
        with pytest.raises(SystemExit):
            _store(found, manifest, tmp_path / "work")
    assert copied[0].is_file()
    assert not Video.objects.exists()
    _store(found, manifest, tmp_path / "work")
    assert Video.objects.get().short_id == video.short_id
    assert all(there(found.files))


def os_error(*_args: object) -> None:
    raise OSError


def test_a_video_of_a_member_who_is_being_deleted_is_not_restored(tmp_path: Path) -> None:
    """It would be deleted again with the member."""
    bob = make_user()
    video = video_with_files(bob)
    found, manifest = backed_up(video, tmp_path / "work")
    delete_video(video=video)
    work_off_removals()
    User.objects.filter(pk=bob.pk).update(is_active=False, deleting_since=timezone.now())
    with pytest.raises(BackupError, match="no longer a member"):
        _store(found, manifest, tmp_path / "work")
    assert not any(there(found.files))


def test_one_restore_at_a_time_and_what_a_killed_one_left_goes(
    tmp_path: Path, settings: Settings
) -> None:
    settings.BASE_DIR = tmp_path
    with restoring._work_folder() as work:
        (work / "clipset.db").write_bytes(b"a copy")
        kept = shutil.copytree(work, tmp_path / "data" / "restore-0123abcd")
        with (
            pytest.raises(BackupError, match="Another video is being restored"),
            restoring._work_folder(),
        ):
            pass
        assert work.is_dir()
    other_file = tmp_path / "data" / "restore-unfinished.json"
    other_file.touch()
    with restoring._work_folder() as other:
        assert not kept.exists()
        assert other_file.exists()
    assert not work.exists()
    assert not other.exists()
