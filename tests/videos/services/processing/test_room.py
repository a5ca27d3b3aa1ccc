"""Jobs wait until a disk has room, and say so. On a real disk of a few megabytes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from siteconfig.attention import Look
from tests import clips
from tests.builders import make_admin, make_user
from tests.disks import MIB, small_disk
from tests.folders import files_below, make_roots
from tests.videos.stored_videos import sent_video, work
from videos.attention import stuck_jobs
from videos.models import Job, JobKind, JobState
from videos.services.processing import room

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_django.fixtures import Settings

    from tests.disks import Disk
    from videos.models import Video

pytestmark = pytest.mark.django_db

KEPT = 8 * MIB


@pytest.fixture
def disk(media: Path, tmp_path: Path, settings: Settings) -> Iterator[Disk]:
    """A disk with all files of the site, on which 8 MiB are to stay free."""
    settings.MIN_FREE_DISK_BYTES = KEPT
    with small_disk(media, tmp_path / "kept", megabytes=32) as small:
        make_roots(media)
        yield small


@pytest.fixture
def video(disk: Disk) -> Video:
    return sent_video(make_user("bob"), clips.hevc_mp4())


def fill(disk: Disk, *, left: int) -> Path:
    """Fills the disk but for `left` bytes."""
    filler = disk.folder / "filler"
    with filler.open("wb") as file:
        while room._free("temp") > left + MIB:
            file.write(bytes(MIB))
    return filler


def due_again() -> None:
    Job.objects.update(run_after=timezone.now())


def test_a_job_waits_before_its_first_attempt_says_why_and_goes_on(
    disk: Disk, video: Video
) -> None:
    filler = fill(disk, left=KEPT - MIB)
    for _ in range(6):  # more than the failures and losses after which a job is given up
        assert work() == "waits for room"
        due_again()
    job = Job.objects.get()
    assert (job.state, job.waits_for_room, job.failures, job.losses) == (
        JobState.WAITING,
        True,
        0,
        0,
    )
    assert [path for path in files_below(disk.folder) if "job-" in str(path)] == []

    client = Client()
    client.force_login(video.uploaded_by)
    assert "Waiting for disk space" in client.get(video.get_absolute_url()).text
    assert "Waiting for disk space" in client.get(reverse("profile", args=["bob"])).text
    admin = make_admin()
    client.force_login(admin)
    assert "Waiting for disk space" in client.get("/admin/videos/job/").text
    [row] = stuck_jobs.find(Look(staff=admin))
    assert "until a disk has room" in row.why

    filler.unlink()
    assert work() == "completed"
    assert not Job.objects.filter(waits_for_room=True).exists()


def test_an_encode_stops_when_the_disk_fills_up_meanwhile(
    disk: Disk, video: Video, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "CHECK_SECONDS", 0.0)
    filled: list[Path] = []
    checked = room.check_room

    def fill_after(job: Job) -> None:
        checked(job)
        if job.kind == JobKind.ENCODE:
            filled.append(fill(disk, left=KEPT // 2 - MIB))

    monkeypatch.setattr("videos.services.processing.attempt.check_room", fill_after)
    assert work() == "waits for room"
    job = Job.objects.get()
    assert (job.kind, job.waits_for_room, job.failures) == (JobKind.ENCODE, True, 0)
    assert [path for path in files_below(disk.folder) if "job-" in str(path)] == []

    filled[0].unlink()
    monkeypatch.setattr("videos.services.processing.attempt.check_room", checked)
    due_again()
    assert work() == "completed"


def test_a_running_job_may_use_a_part_of_the_reserve(
    disk: Disk, video: Video, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "CHECK_SECONDS", 0.0)
    check = room.room_check()
    filler = fill(disk, left=KEPT - 2 * MIB)
    check()
    filler.unlink()
    fill(disk, left=KEPT // 2 - MIB)
    with pytest.raises(room.NoRoomError):
        check()


def test_free_space_is_asked_for_now_and_then(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def free(root: str) -> float:
        asked.append(root)
        return float("inf")

    monkeypatch.setattr(room, "_free", free)
    check, began = room.room_check(), time.monotonic()
    for _ in range(1000):
        check()
    assert len(asked) <= 2 * (1 + (time.monotonic() - began) / room.CHECK_SECONDS)


def test_a_file_too_large_for_its_file_system_is_no_want_of_room() -> None:
    assert room.is_for_want_of_room(OSError(28, "No space left on device"))
    assert room.is_for_want_of_room(OSError(122, "Disk quota exceeded"))
    assert not room.is_for_want_of_room(OSError(27, "File too large"))
    assert not room.is_for_want_of_room(ValueError())
