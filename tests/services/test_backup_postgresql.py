"""A site on PostgreSQL is backed up and restored into another database."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.disks import small_disk
from tests.processes import free_port

if TYPE_CHECKING:
    from tests.projects import Databases

pytestmark = [pytest.mark.postgresql, pytest.mark.restic]
ROOT = Path(__file__).resolve().parents[2]

FILL = """
import os
from accounts.models import User
from siteconfig.roots import root_path
from videos.models import Comment, Rendition, Video
from videos.services.file_hashes import hash_stored_files
from videos.services.storage import mark_new_roots
mark_new_roots()
bob = User.objects.create_user("bob", email="bob@example.org")
video = Video.objects.create(
    title="Sea", uploaded_by=bob, filename="a.mp4", storage_root="videos", width=16, height=9,
    original_filename="a.mp4", file_size_bytes=5, processing_status="COMPLETED",
)
Rendition.objects.create(
    video=video, name="source", root="videos", filename="a.mp4", version="a", is_complete=True,
    width=16, height=9, fps=25, codecs="avc1", bandwidth=1, average_bandwidth=1,
    duration_seconds=1, size_bytes=5,
)
(root_path("videos") / "a.mp4").write_bytes(b"video")
(root_path("videos") / "large.bin").write_bytes(os.urandom(20_000_000))
Comment.objects.create(video=video, author=bob, text="Hello")
print(hash_stored_files(), video.short_id)
"""
DATABASES = """
from django.db import connection
with connection.cursor() as cursor:
    cursor.execute("SELECT datname FROM pg_database ORDER BY datname")
    print(*(name for (name,) in cursor.fetchall()))
"""
LOOK = """
from videos.models import Comment, Video
print(Video.objects.count(), Comment.objects.get().text, Video.objects.get().file_path.read_text())
"""


@pytest.mark.long
def test_a_site_on_postgresql_comes_back_whole_and_one_video_alone(
    postgresql: str, postgresql_databases: Databases, tmp_path: Path
) -> None:
    project = tmp_path / "project"
    for name in ("manage.py", "accounts", "categories", "clipset", "siteconfig", "videos"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        project.mkdir(exist_ok=True)
        copy(ROOT / name, project / name)
    (tmp_path / "password").write_text("long and random")
    url = postgresql_databases.migrated()
    name = url.rpartition("/")[2]
    environment = {
        "PATH": os.environ["PATH"],
        "SECRET_KEY": "for-tests-only-0123456789-abcdefghijklmnopqrstuvwxyz",
        "DATABASE_URL": url,
        "BACKUP_REPOSITORY": str(tmp_path / "store"),
        "BACKUP_PASSWORD_FILE": str(tmp_path / "password"),
    }

    def manage(*arguments: str, cwd: Path = project, **changed: str) -> str:
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=cwd,
            env=environment | changed,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    (project / "node_modules").mkdir()
    hashed, short_id = manage("shell", "--no-imports", "-c", FILL).split()
    assert hashed == "1"
    manage("backup")
    again = tmp_path / "again"
    said = manage("restore", "--rehearse", str(again), "--port", str(free_port()))
    assert "Files: 1. Files compared by SHA-256: 1." in said
    assert "remove the folder and the database: dropdb 'rehearsal_" in said
    env = dict(
        line.split("=", 1) for line in (again / ".env").read_text().splitlines() if "=" in line
    )
    assert env["DATABASE_URL"] not in {url, postgresql}
    seen = manage("shell", "--no-imports", "-c", LOOK, cwd=again, **env)
    assert seen.split() == ["1", "Hello", "video"]

    delete = "from videos.models import Video; Video.objects.get().delete()"
    manage("shell", "--no-imports", "-c", delete)
    # Databases that killed restores leave behind.
    left = "from siteconfig.backup.database import create_database as c"
    manage("shell", "--no-imports", "-c", f"{left}; c('restore_backup'); c('{name}_restore')")
    assert "Restored the video 'Sea'" in manage("restore", "--video", short_id)
    assert manage("shell", "--no-imports", "-c", LOOK).split() == ["1", "Hello", "video"]

    # A rehearsal that fails leaves nothing behind, and no database.
    before = manage("shell", "--no-imports", "-c", DATABASES)
    small = tmp_path / "small"
    small.mkdir()
    with small_disk(small, tmp_path / "beside", megabytes=16):
        with pytest.raises(AssertionError, match="The rehearsal failed"):
            manage("restore", "--rehearse", str(small / "again"))
        assert not (small / "again").exists()
    assert manage("shell", "--no-imports", "-c", DATABASES) == before
