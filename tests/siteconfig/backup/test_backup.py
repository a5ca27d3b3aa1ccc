"""Backs up a running site and restores it. Every row and every byte is compared."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import select
import shutil
import struct
import subprocess
import sys
import termios
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command
from django.core.management.base import OutputWrapper
from django.test import Client
from django.utils import timezone

from siteconfig.backup import running
from siteconfig.backup.errors import BackupError
from siteconfig.backup.expected import expected_files
from siteconfig.backup.progress import ProgressLine, progress_text
from siteconfig.backup.restic import Restic
from siteconfig.backup.restic_output import BackupProgress
from siteconfig.backup.running import back_up_when_due, run_backup, site_tag
from siteconfig.backup.runs import RUN_LEASE, backup_is_running, only_one
from siteconfig.models import BackupRun, BackupState, BackupStep
from tests import clips
from tests.builders import make_admin, make_user, make_video
from tests.disks import command, mount
from tests.folders import files_below, make_root
from tests.processes import free_port
from tests.videos.live import database_url
from tests.videos.stored_videos import ready_video, sent_video
from videos.models import Comment, FileHash, Like, Video
from videos.services.details import delete_video
from videos.services.file_hashes import forget_hashes_of_removed_files, hash_stored_files
from videos.services.removing import work_off_removals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_django import Settings

    from accounts.models import User
    from siteconfig.backup.runs import RunKeeper

pytestmark = [pytest.mark.restic, pytest.mark.ffmpeg]
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def bob(transactional_db: None) -> User:
    return make_user("bob")


@pytest.fixture
def project(tmp_path: Path, settings: Settings) -> Path:
    """Returns a project folder for the site under test, with this code."""
    folder = tmp_path / "project"
    folder.mkdir()
    for name in ("manage.py", "accounts", "categories", "clipset", "siteconfig", "videos"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    settings.BASE_DIR = folder
    settings.ENV_FILE = folder / ".env"
    (folder / ".env").write_text(
        "SECRET_KEY=kept-0123456789-abcdefghijklmnopqrstuvwxyz-0123456789\n"
        "EMAIL_URL=smtp://mail.example.org\nREDIS_URL=redis://127.0.0.1:1\n"
    )
    return folder


@pytest.fixture
def store(tmp_path: Path, settings: Settings, project: Path, new_store: Path) -> Path:
    settings.BACKUP_REPOSITORY = str(tmp_path / "store")
    settings.BACKUP_PASSWORD_FILE = str(tmp_path / "password")
    settings.BACKUP_KEEP = {"daily": "7"}
    return new_store


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in files_below(folder)}


def output_of(command: str, *args: str, **options: Any) -> str:
    out = io.StringIO()
    call_command(command, *args, stdout=out, **options)
    return out.getvalue()


def test_a_site_is_backed_up_and_comes_back_as_it_was(
    bob: User, store: Path, media: Path, tmp_path: Path
) -> None:
    """With a published video, a waiting one and an unfinished upload, after a killed backup."""
    ready = [ready_video(bob, clip) for clip in (clips.h264_mp4(), clips.hevc_mp4())]
    waiting = sent_video(bob, clips.h264_mp4(seconds=3), title="Waiting")
    Comment.objects.create(video=ready[0], author=bob, text="Hello")
    (media / "temp" / "job-1").mkdir()
    (media / "temp" / "job-1" / "work.mp4").write_bytes(b"made again")
    assert hash_stored_files() == len(FileHash.objects.all()) > 4

    class KilledError(Exception):
        pass

    def kill(_progress: BackupProgress) -> None:
        raise KilledError

    with suppress(KilledError):
        run_backup(on_progress=kill)
    run = run_backup()
    assert run.state == BackupState.DONE
    assert run.bytes_total > 0
    assert not (tmp_path / "project/data/backup/staging").exists()
    assert run.snapshot_id[:8] in output_of("backups")

    # A member created after the backup is not in it. A video deleted after it is.
    before = contents(media)
    delete_video(video=ready[1])
    work_off_removals()
    make_user("late")

    output = output_of("restore", rehearse=tmp_path / "again", port=free_port())
    assert f"Files compared by SHA-256: {FileHash.objects.count()}." in output
    again = contents(tmp_path / "again" / "media")
    assert again == {name: body for name, body in before.items() if not name.startswith("temp/job")}
    assert "job-1/work.mp4" not in "".join(again)
    env = (tmp_path / "again" / ".env").read_text()
    assert "SECRET_KEY=kept-" in env
    assert "EMAIL_URL" not in env
    assert "REDIS_URL" not in env
    assert "password" not in "".join(again)
    seen = subprocess.run(
        [sys.executable, "manage.py", "shell", "--no-imports", "-c", LOOK],
        cwd=tmp_path / "again",
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert seen == ["3", "1", "bob", "0", waiting.short_id]


LOOK = """
from django_q.models import OrmQ
from accounts.models import User
from siteconfig.models import BackupRun
from videos.models import Comment, Video
assert not BackupRun.objects.filter(state="RUNNING").exists()
print(Video.objects.count(), Comment.objects.count(), *User.objects.values_list("username",
      flat=True), OrmQ.objects.count(), Video.objects.get(processing_status="PENDING").short_id)
"""


@pytest.mark.long
def test_a_second_backup_stores_what_is_new_and_the_live_site_is_not_overwritten(
    bob: User, store: Path, media: Path
) -> None:
    (media / "videos" / "large.bin").write_bytes(os.urandom(3_000_000))
    first = run_backup()
    second = run_backup()
    assert first.bytes_added > 3_000_000 > second.bytes_added
    assert backup_is_running() is False
    before = contents(media)
    with pytest.raises(CommandError, match="The database already has members"):
        output_of("restore")
    assert contents(media) == before
    # The disk of the repository is not mounted: no new one is created below the mount point.
    store.rename(store.with_name("away"))
    with pytest.raises(BackupError, match="no longer exists"):
        run_backup()
    assert not store.exists()
    assert [run.state for run in BackupRun.objects.all()] == ["FAILED", "DONE", "DONE"]


def test_what_a_backup_refuses(
    bob: User, store: Path, media: Path, settings: Settings, tmp_path: Path
) -> None:
    settings.BACKUP_REPOSITORY = str(media / "videos" / "store")
    with pytest.raises(BackupError, match="inside the storage root"):
        run_backup()
    settings.BACKUP_REPOSITORY = str(store)
    # restic skips a missing folder without an error: its files would be missing in the backup.
    (media / "originals").rename(media / "unmounted")
    with pytest.raises(BackupError, match="'originals' is not available"):
        run_backup()
    (media / "unmounted").rename(media / "originals")
    settings.BACKUP_PASSWORD_FILE = str(tmp_path / "none")
    with pytest.raises(BackupError, match="password file"):
        run_backup()
    settings.BACKUP_REPOSITORY = ""
    assert not back_up_when_due()
    with pytest.raises(CommandError, match="BACKUP_REPOSITORY is not set"):
        output_of("backup")


def test_a_backup_without_a_file_that_a_row_names_does_not_count(
    bob: User, store: Path, media: Path, tmp_path: Path
) -> None:
    """restic stores a link as a link. A file that was lost before does not make the backup fail."""
    make_user("alice", avatar="a.webp")
    assert not make_video("Lost before").file_path.exists()
    (tmp_path / "avatars").mkdir()
    (tmp_path / "avatars" / "a.webp").write_bytes(b"x")
    (media / "avatars").symlink_to(tmp_path / "avatars")
    with pytest.raises(BackupError, match=r"lacks 1 file: images/avatars/a\.webp\."):
        run_backup()
    newest = BackupRun.objects.get()
    assert newest.state == BackupState.FAILED
    assert "lacks 1 file: images/avatars/a.webp." in newest.error


@pytest.mark.long
def test_a_root_that_is_a_link_is_backed_up_and_comes_back(
    bob: User, store: Path, media: Path, tmp_path: Path
) -> None:
    (media / "videos").rename(tmp_path / "disk")
    (media / "videos").symlink_to(tmp_path / "disk")
    video = make_video()
    video.file_path.write_bytes(b"the only copy")
    run_backup()
    output_of("restore", rehearse=tmp_path / "again", port=free_port())
    again = tmp_path / "again" / "media" / "videos"
    assert (again / video.filename).read_bytes() == b"the only copy"
    assert not again.is_symlink()


@pytest.mark.long
def test_all_data_are_read_once_a_month(bob: User, store: Path) -> None:
    """The other backups check only a part of the data, which may not include the damage."""
    make_video().file_path.write_bytes(os.urandom(200_000))
    assert [run_backup().checked_all for _ in range(3)] == [False, True, False]
    pack = max((store / "data").glob("*/*"), key=lambda path: path.stat().st_size)
    content = bytearray(pack.read_bytes())
    content[1000] ^= 1
    pack.chmod(0o600)
    pack.write_bytes(content)
    month_ago = timezone.now() - running.CHECK_ALL_EVERY - timedelta(hours=1)
    BackupRun.objects.filter(checked_all=True).update(started_at=month_ago)
    with pytest.raises(BackupError):
        run_backup()
    assert BackupRun.objects.filter(state=BackupState.FAILED, checked_all=True).exists()


@pytest.mark.long
def test_a_root_outside_needs_a_place_on_the_host_that_restores(
    bob: User, store: Path, tmp_path: Path
) -> None:
    """Its old path may belong to the live site."""
    make_root("videos-2", tmp_path / "disk")
    (tmp_path / "disk" / "a.mp4").write_bytes(b"on another disk")
    run_backup()
    output_of("restore", rehearse=tmp_path / "again", port=free_port())
    assert (tmp_path / "again" / "media" / "videos-2" / "a.mp4").read_bytes() == b"on another disk"
    with pytest.raises(CommandError, match="Add its folder on this host"):
        output_of("restore")


def test_a_nightly_backup_is_taken_once(bob: User, store: Path, monkeypatch: Any) -> None:
    taken: list[int] = []

    def take() -> None:
        taken.append(1)
        BackupRun.objects.create(
            state=BackupState.DONE, repository=str(store), lease_until=timezone.now()
        )

    monkeypatch.setattr(running, "run_backup", take)
    assert back_up_when_due()
    assert not back_up_when_due()
    BackupRun.objects.update(started_at=timezone.now() - timedelta(days=1))
    assert back_up_when_due()
    assert len(taken) == 2


def test_only_one_backup_is_taken_at_a_time(bob: User, store: Path) -> None:
    with only_one(), pytest.raises(BackupError, match="is already running"):
        run_backup()
    # The files that a killed backup left do not prevent the next one.
    BackupRun.objects.create(lease_until=timezone.now() + RUN_LEASE)
    assert run_backup().state == BackupState.DONE
    assert sorted(BackupRun.objects.values_list("state", flat=True)) == ["DONE", "FAILED"]


def test_hashes_follow_the_files(bob: User) -> None:
    video = ready_video(bob, clips.h264_mp4())
    assert hash_stored_files() == len(list(expected_files()))
    assert hash_stored_files() == 0
    assert all(file.sha256 for file in expected_files())
    delete_video(video=Video.objects.get(pk=video.pk))
    assert forget_hashes_of_removed_files() > 0
    assert not FileHash.objects.exists()


def test_the_tag_names_the_site(bob: User) -> None:
    assert site_tag().startswith("clipset-")


def environment() -> dict[str, str]:
    """Returns the environment for manage.py in another process, with the test's database."""
    kept = ["PATH", "SECRET_KEY", "VIDEO_STORAGE_PATH", "THUMBNAIL_STORAGE_PATH"]
    kept += ["TEMP_STORAGE_PATH", "ORIGINAL_STORAGE_PATH"]
    return {name: os.environ[name] for name in kept} | {
        "CLIPSET_ENV_FILE": os.devnull,
        "DATABASE_URL": database_url(),
        "STORAGE_ROOTS": f"images={django_settings.MEDIA_ROOT}",
        "BACKUP_REPOSITORY": django_settings.BACKUP_REPOSITORY,
        "BACKUP_PASSWORD_FILE": django_settings.BACKUP_PASSWORD_FILE,
    }


@contextmanager
def on_terminal(
    *command: str, folder: Path, columns: int
) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Starts a process on a terminal with some columns. Yields it and the terminal's descriptor."""
    reading, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with subprocess.Popen(
        command, cwd=folder, env=environment(), stdin=terminal, stdout=terminal, stderr=terminal
    ) as process:
        os.close(terminal)
        yield process, reading
    os.close(reading)


def test_a_terminal_and_the_page_of_backups_follow_a_backup(
    bob: User, store: Path, media: Path, project: Path
) -> None:
    (media / "videos" / "large.bin").write_bytes(os.urandom(3_000_000))
    admin = Client()
    admin.force_login(make_admin())
    printed, steps = b"", set()
    command = (sys.executable, "manage.py", "backup")
    with on_terminal(*command, folder=project, columns=60) as (process, terminal):
        while True:
            if select.select([terminal], [], [], 0.2)[0]:
                try:
                    printed += os.read(terminal, 4096)
                except OSError:  # the process has ended (EIO)
                    break
                continue
            page = admin.get("/admin/siteconfig/backuprun/").content.decode()
            steps |= {step for step in BackupStep if f"<strong>{step.label}.</strong>" in page}
    assert process.returncode == 0, printed.decode()
    run = BackupRun.objects.get()
    assert BackupStep.CHECK in steps
    assert run.state == BackupState.DONE
    assert run.videos_total == 0
    assert run.bytes_done == run.bytes_total > 3_000_000
    assert run.stored is not None
    assert [each["id"][:8] for each in run.stored] == [run.snapshot_id[:8]]
    lines = [line.strip() for line in printed.decode().replace("\n", "\r").split("\r")]
    assert f"{BackupStep.CHECK.label}..." in lines
    assert max(len(line) for line in printed.decode().split("\r")[:-2]) < 60, "none wraps"
    last = next(line for line in lines if line.startswith("Backup "))
    assert last.startswith(f"Backup {run.snapshot_id[:8]}: ")
    assert lines[lines.index(last) - 1] == "", "the line of progress is cleared"
    page = admin.get("/admin/siteconfig/backuprun/").content.decode()
    assert f"scripts/restore {run.snapshot_id[:8]} --rehearse" in page
    assert "<strong>" not in page


def test_no_progress_is_printed_into_a_file(
    bob: User, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def take(_run: BackupRun, keeper: RunKeeper, heed: Callable[[BackupProgress], None]) -> None:
        keeper.begin_step(BackupStep.FILES)
        heed(BackupProgress(1, 2, 3))

    monkeypatch.setattr(running, "_take", take)
    assert output_of("backup").startswith("Backup : 0 files, 2 bytes")


def test_the_line_of_progress_tells_bytes_and_the_time_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    out = Terminal()
    line = ProgressLine(OutputWrapper(out))
    monkeypatch.setenv("COLUMNS", "50")
    line.show(progress_text(1024**3, 4 * 1024**3, 125))
    assert out.getvalue() == f"  {'1 GB of 4 GB (25%), 2 min 5 s left':47}\r"
    line.clear()
    line.clear()
    assert out.getvalue().endswith(f"\r{' ' * 49}\r")
    assert len(out.getvalue()) == 100


def restored_video(project: Path, short_id: str) -> str:
    """Restores a video in another process, since Django's tests may not open other databases."""
    done = subprocess.run(
        [sys.executable, "manage.py", "restore", "--video", short_id],
        cwd=project,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.long
def test_one_video_comes_back_with_all_that_members_did(
    bob: User, store: Path, media: Path, project: Path
) -> None:
    video = ready_video(bob, clips.hevc_mp4())
    alice, gone = make_user("alice"), make_user("gone")
    first = Comment.objects.create(video=video, author=alice, text="First")
    Comment.objects.create(video=video, author=bob, text="A reply", parent=first)
    Comment.objects.create(video=video, author=gone, text="Left out")
    Like.objects.create(video=video, member=alice)
    hash_stored_files()
    run_backup()
    before = contents(media)
    with pytest.raises(AssertionError, match="The site has this video"):
        restored_video(project, video.short_id)
    delete_video(video=Video.objects.get())
    work_off_removals()
    gone.delete()
    Comment.objects.create(video=make_video(), author=bob, text="Takes a number")
    output = restored_video(project, video.short_id)
    assert "5 rows, 1 left out since their member is gone" in output
    back = Video.objects.get(short_id=video.short_id)
    assert contents(media).items() >= before.items()
    assert back.processing_status == "COMPLETED"
    assert back.renditions.count() == 2  # and the original quality
    assert [(it.text, it.parent and it.parent.text) for it in back.comments.order_by("pk")] == [
        ("First", None),
        ("A reply", "First"),
    ]
    assert back.likes.count() == 1
    assert back.search_document.title
    with pytest.raises(AssertionError, match="has no video zzzzzzzzzz"):
        restored_video(project, "zzzzzzzzzz")


def test_a_file_that_vanishes_meanwhile_does_not_fail_the_backup(
    bob: User, store: Path, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For example, an upload is interrupted. A file that can't be read twice makes it fail."""
    folder = media / "temp" / "upload-video"
    folder.mkdir()
    (folder / "source.mp4").touch()
    mount("--bind", "/proc/self/mem", folder / "source.mp4")  # gives EIO
    forget = Restic._run

    def vanish_before(restic: Restic, *arguments: str, **options: Any) -> bytes:
        if arguments[0] == "forget" and folder.exists():
            command("umount", folder / "source.mp4")
            shutil.rmtree(folder)
        return forget(restic, *arguments, **options)

    monkeypatch.setattr(Restic, "_run", vanish_before)
    run = run_backup()
    assert not folder.exists()
    assert run.state == BackupState.DONE
