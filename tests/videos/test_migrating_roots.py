"""videos.0023: absolute paths in rows become names of storage roots and keys."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.utils import timezone

from siteconfig import roots
from siteconfig.models import Config, StorageRoot
from tests.builders import make_user
from videos.models import Rendition, Upload, Video
from videos.services.files import paths_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.migrations.state import StateApps

BEFORE = [("videos", "0022_request_of_jobs")]
migration = import_module("videos.migrations.0023_named_storage_roots")
# Of later migrations as well: the tests read rows with the current models.
AFTER = MigrationLoader(None).graph.leaf_nodes("videos")

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def own_roots(media: Path, transactional_db: None) -> Iterator[None]:
    """Roots without markers and without further roots, as before the upgrade."""
    for marker in media.rglob(roots.MARKER):
        marker.unlink()
    StorageRoot.objects.update(marked_at=None)
    yield
    migrate(AFTER)
    roots.forget()


def migrate(target: list[tuple[str, str]]) -> StateApps:
    executor = MigrationExecutor(connection)
    executor.migrate(target)
    return MigrationExecutor(connection).loader.project_state(target).apps


@dataclass
class Old:
    """Rows as the site had them before, with files below `media`."""

    media: Path
    apps: StateApps
    uploader: Any

    def file(self, path: Path) -> str:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(str(path.name).encode())
        return str(path)

    def video(self, *, videos: Path | None = None, **fields: Any) -> Any:
        """A published video with an original."""
        key = uuid4()
        stem, root = f"{key.hex}-attempt", videos or self.media / "videos"
        self.file(root / f"{stem}.mp4")
        self.file(self.media / "thumbnails" / f"{stem}.jpg")
        video = self.apps.get_model("videos", "Video").objects.create(
            id=key,
            title="A video",
            uploaded_by_id=self.uploader.pk,
            processing_status="COMPLETED",
            filename=f"{stem}.mp4",
            storage_root=str(root),
            thumbnail_filename=f"{stem}.jpg",
            thumbnail_root=str(self.media / "thumbnails"),
            storyboard_filename=f"{stem}.jpg",
            storyboard_root=str(self.media / "thumbnails"),
            original_path=self.file(self.media / "originals" / f"{stem}.mov"),
            original_filename="a.mov",
            file_size_bytes=1,
            **fields,
        )
        self.rendition(video, str(root), f"{stem}.mp4", is_complete=True, codecs="avc1")
        return video

    def pending(self) -> Any:
        """A video that is being encoded."""
        key = uuid4()
        folder = self.media / "temp" / f"upload-{uuid4().hex}"
        video = self.apps.get_model("videos", "Video").objects.create(
            id=key,
            title="A video",
            uploaded_by_id=self.uploader.pk,
            filename=f"{key.hex}.mp4",
            source_path=self.file(folder / "source.mov"),
            original_filename="a.mov",
            file_size_bytes=1,
        )
        attempt = self.media / "temp" / "job-7" / f"000001-{uuid4().hex}"
        self.file(attempt / "1080p.mp4")
        self.rendition(video, str(attempt), "1080p.mp4", is_complete=False)
        return video

    def upload(self, *, folder: str = "", **fields: Any) -> Any:
        key = uuid4()
        path = folder or self.file(self.media / "temp" / f"upload-{key.hex}" / "source.mov")
        return self.apps.get_model("videos", "Upload").objects.create(
            id=key,
            user_id=self.uploader.pk,
            filename="a.mov",
            quota_bytes=0,
            size_bytes=1,
            folder=folder or str(Path(path).parent),
            expires_at=timezone.now() + timedelta(hours=1),
            **fields,
        )

    def rendition(self, video: Any, root: str, filename: str, **fields: Any) -> None:
        self.apps.get_model("videos", "Rendition").objects.create(
            video=video,
            name="1080p",
            root=root,
            filename=filename,
            version="attempt",
            size_bytes=1,
            width=1920,
            height=1080,
            fps=25,
            bandwidth=1,
            average_bandwidth=1,
            duration_seconds=1,
            **fields,
        )


@pytest.fixture
def old(media: Path, own_roots: None) -> Old:
    uploader = make_user("bob")
    Config.objects.update(video_storage_path=str(media / "videos"))
    return Old(media, migrate(BEFORE), uploader)


def stored() -> dict[str, set[str]]:
    """All values that rows of files hold now, by column."""
    found: dict[str, set[str]] = {"roots": set(), "keys": set()}
    for video in Video.objects.all():
        found["roots"] |= {video.storage_root, video.thumbnail_root, video.storyboard_root}
        found["roots"] |= {video.source_root, video.original_root}
        found["keys"] |= {video.filename, video.source_key, video.original_key}
    for rendition in Rendition.objects.all():
        found["roots"].add(rendition.root)
        found["keys"].add(rendition.filename)
    found["roots"] |= set(Upload.objects.values_list("root", flat=True))
    found["roots"].discard("")
    return found


def paths() -> dict[str, set[str]]:
    """Every file of each video, as its row leads to it."""
    return {video.pk.hex: set(paths_of(video)) for video in Video.objects.all()}


def marked(media: Path) -> dict[str, str]:
    """The name in the marker of each folder."""
    return {
        str(it.parent.relative_to(media)): json.loads(it.read_text())["root"]
        for it in media.rglob(roots.MARKER)
    }


@pytest.mark.long  # a migration of the past
def test_every_file_keeps_its_place_and_gets_a_name_and_a_key(old: Old, media: Path) -> None:
    old.video()
    old.video(videos=media / "more")
    pending, upload = old.pending(), old.upload()
    old.upload(folder="gone", state="ENDED")
    migrate(AFTER)
    assert stored()["roots"] == {"videos", "videos-2", "thumbnails", "originals", "temp"}
    assert not any(key.startswith("/") for key in stored()["keys"])
    files = {path for found in paths().values() for path in found}
    assert len(files) == 8
    assert all(Path(path).is_file() for path in files)
    assert roots.root_path("videos-2") == media / "more"
    assert Video.objects.get(pk=pending.pk).source_file.read_bytes() == b"source.mov"
    [growing] = Rendition.objects.filter(is_complete=False)
    assert growing.filename.startswith("job-7/000001-")
    assert growing.path.is_file()
    assert Upload.objects.get(pk=upload.pk).source_path.is_file()
    assert roots.video_root_name(Config.objects.get()) == "videos"
    assert marked(media) == {
        ".": "images",
        "videos": "videos",
        "more": "videos-2",
        "thumbnails": "thumbnails",
        "originals": "originals",
        "temp": "temp",
    }
    assert roots.unavailable_roots() == {}


@pytest.mark.long
def test_there_and_back_leaves_the_rows_as_they_were(old: Old, media: Path) -> None:
    old.video()
    old.video(videos=media / "more")
    old.pending()
    upload = old.upload()
    tables = ("Video", "Rendition", "Upload")
    models = [old.apps.get_model("videos", name).objects for name in tables]
    before = [list(rows.order_by("pk").values()) for rows in models]
    migrate(AFTER)
    there = paths()
    apps = migrate(BEFORE)
    assert [
        list(apps.get_model("videos", name).objects.order_by("pk").values()) for name in tables
    ] == before
    assert Config.objects.values_list("video_storage_path", flat=True)[0] == str(media / "videos")
    migrate(AFTER)
    assert paths() == there
    assert Upload.objects.get(pk=upload.pk).source_path.is_file()
    assert list(StorageRoot.objects.filter(name__contains="-").values_list("name", flat=True)) == [
        "videos-2"
    ]


@pytest.mark.long
def test_of_a_site_that_was_moved_before_the_rows_go_to_where_its_files_are(
    old: Old, media: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "old-place" / "media"
    old.media = elsewhere
    old.video()
    old.video(videos=elsewhere / "more")
    old.pending()
    gone = old.video()
    (elsewhere / "videos" / gone.filename).unlink()
    Config.objects.update(video_storage_path=str(elsewhere / "videos"))
    shutil.rmtree(media)
    elsewhere.rename(media)
    (tmp_path / "old-place").rmdir()
    migrate(AFTER)
    assert stored()["roots"] == {"videos", "videos-2", "thumbnails", "originals", "temp"}
    assert roots.root_path("videos-2") == media / "more"
    missing = {path for found in paths().values() for path in found if not Path(path).is_file()}
    assert missing == {str(media / "videos" / gone.filename)}
    assert roots.video_root_name(Config.objects.get()) == "videos"
    assert roots.unavailable_roots() == {}


@pytest.mark.long
def test_of_a_copy_beside_the_live_site_the_rows_go_to_the_copys_files(
    old: Old, media: Path, tmp_path: Path
) -> None:
    live = old.media = tmp_path / "live" / "media"
    old.video()
    old.video(videos=live / "more")
    old.pending()
    Config.objects.update(video_storage_path=str(live / "more"))
    shutil.copytree(live, media, dirs_exist_ok=True)
    migrate(AFTER)
    files = {Path(path) for found in paths().values() for path in found}
    assert files
    assert all(path.is_relative_to(media) and path.is_file() for path in files)
    assert roots.root_path(roots.video_root_name(Config.objects.get())) == media / "more"
    assert marked(live) == {}


@pytest.mark.long
def test_a_disk_that_is_away_during_the_upgrade_is_neither_marked_nor_taken_for_another(
    old: Old, media: Path, tmp_path: Path
) -> None:
    old.video(videos=tmp_path / "disk")
    (tmp_path / "disk").rename(tmp_path / "unplugged")
    (media / "foreign").mkdir()
    migrate(AFTER)
    assert set(roots.unavailable_roots()) == {"videos-2"}
    assert "foreign" not in marked(media)
    assert not (tmp_path / "disk").exists()
    assert StorageRoot.objects.get(name="videos-2").path == str(tmp_path / "disk")


@pytest.mark.long
def test_of_a_site_without_files_nothing_is_marked(old: Old, media: Path) -> None:
    migrate(AFTER)
    assert marked(media) == {}


@pytest.mark.long
def test_another_sites_marker_stays(old: Old, media: Path) -> None:
    old.video()
    other = json.dumps({"site": str(uuid4()), "root": "videos"})
    (media / "videos" / roots.MARKER).write_text(other)
    migrate(AFTER)
    assert (media / "videos" / roots.MARKER).read_text() == other
    assert "another Clipset site" in roots.unavailable_roots()["videos"]


@pytest.mark.long
def test_rows_that_would_lead_elsewhere_make_it_fail_and_nothing_changes(
    old: Old, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = old.video()
    monkeypatch.setattr(migration, "convert_keys", lambda *_: None)
    with pytest.raises(Exception, match=r"other files|originals"):
        migrate(AFTER)
    monkeypatch.undo()
    with connection.cursor() as cursor:
        cursor.execute("SELECT storage_root, original_path FROM videos")
        [row] = cursor.fetchall()
    assert row == (video.storage_root, video.original_path)
    assert marked(media) == {}
    migrate(AFTER)
    assert roots.unavailable_roots() == {}


@pytest.mark.long
def test_a_row_with_a_relative_folder_makes_it_fail(old: Old) -> None:
    video = old.video()
    rows = old.apps.get_model("videos", "Video").objects.filter(pk=video.pk)
    rows.update(storage_root="nowhere")
    with pytest.raises(migration.StoragePathsError, match="'nowhere'"):
        migrate(AFTER)
    rows.update(storage_root=video.storage_root)
