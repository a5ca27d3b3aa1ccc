"""Renditions that are missing, damaged or of another size than their rows say."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from siteconfig.backup.runs import RUN_LEASE
from siteconfig.models import BackupRun
from siteconfig.services.doctor import Result, run_doctor
from siteconfig.services.doctor_log import take_back
from tests import clips
from tests.builders import make_user
from tests.videos.doctor.faults import make_private, state_of_the_site
from tests.videos.stored_videos import enrich, kept_video, ready_video, set_aside_files
from videos.doctor import mending, renditions
from videos.models import Job, JobKind, Rendition, Video
from videos.services.file_hashes import hash_stored_files
from videos.services.schedules import set_up_schedules
from videos.services.search_index import index_video

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_django import Settings

pytestmark = [pytest.mark.django_db, pytest.mark.ffmpeg]


@pytest.fixture
def video(settings: Settings, tmp_path: Path) -> Video:
    """In 720p and in 480p, with thumbnail and storyboard."""
    settings.DOCTOR_LOG = tmp_path / "doctor.log"
    video = kept_video(
        make_user("bob"), clips.h264_mp4(size="1280x720", seconds=2, fps="10", gop=20)
    )
    assert video.renditions.count() == 2
    index_video(video.pk)
    set_up_schedules()
    make_private()
    return video


def smaller(video: Video) -> Rendition:
    return video.renditions.exclude(filename=video.filename).get()


def found(result: Result, check: str) -> list[str]:
    assert result.problem == ""
    return [finding.sentence for finding in result.findings if finding.check == check]


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def overwrite(path: Path) -> None:
    path.write_bytes(b"\0" * path.stat().st_size)


FAULTS: list[tuple[str, Callable[[Path], None], str]] = [
    ("missing_files", lambda path: path.unlink(), "The rendition 480p of the video"),
    ("sizes", cut, "It is damaged."),
    ("renditions", overwrite, "cannot be played: it has no fragment index"),
]


@pytest.mark.parametrize(("check", "harm", "said"), FAULTS, ids=[it[0] for it in FAULTS])
def test_a_smaller_rendition_is_made_again(
    video: Video, check: str, harm: Callable[[Path], None], said: str
) -> None:
    lost = smaller(video)
    harm(lost.path)
    before = state_of_the_site()
    result = run_doctor(is_fix=True)
    assert [it for it in found(result, check) if said in it], result.findings
    assert {finding.check for finding in result.findings} <= {check, "small_thumbnails"}
    assert not Rendition.objects.filter(pk=lost.pk).exists()
    assert Job.objects.filter(video=video, kind=JobKind.ENRICH, state="WAITING").count() == 1
    assert not lost.path.exists()
    assert set_aside_files() == ([] if check == "missing_files" else [f"videos/{lost.filename}"])
    assert all(line.startswith(("Undone", "Nothing")) for line in take_back(result.key))
    assert state_of_the_site() == before


@pytest.mark.parametrize("harm", [cut, overwrite])
def test_a_rendition_that_is_whole_again_stays(
    video: Video, harm: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody has brought it back from a backup while others were looked at."""
    path = smaller(video).path
    whole = path.read_bytes()
    harm(path)
    move = mending.refuse_during_backup

    def bring_back() -> None:
        move()
        path.write_bytes(whole)

    monkeypatch.setattr(renditions, "refuse_during_backup", bring_back)
    result = run_doctor(is_fix=True)
    assert found(result, "sizes") + found(result, "renditions")
    assert path.read_bytes() == whole
    assert smaller(video).path == path
    assert set_aside_files() == []


def test_a_worker_makes_what_was_mended(video: Video) -> None:
    cut(smaller(video).path)
    run_doctor(is_fix=True)
    assert enrich() == "completed"
    assert smaller(video).path.is_file()
    result = run_doctor()
    assert (
        found(result, "sizes") == found(result, "counters") == found(result, "missing_files") == []
    )


def test_a_flipped_byte_is_found_by_its_hash_when_everything_is_looked_at(video: Video) -> None:
    hash_stored_files()
    assert found(run_doctor(is_deep=True), "hashes") == []
    with video.file_path.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        last = file.read(1)
        file.seek(-1, os.SEEK_END)
        file.write(bytes([last[0] ^ 1]))
    assert found(run_doctor(), "hashes") == []
    [sentence] = found(run_doctor(is_deep=True), "hashes")
    assert sentence.startswith(f"The file videos/{video.filename} has changed since it was stored")


def test_no_file_is_moved_while_a_backup_runs(video: Video) -> None:
    cut(smaller(video).path)
    before = state_of_the_site()
    BackupRun.objects.create(lease_until=timezone.now() + RUN_LEASE)
    result = run_doctor(is_fix=True)
    assert "A backup is running." in str(result.failed)
    assert state_of_the_site() == before


def test_the_video_itself_is_left_to_a_person(video: Video) -> None:
    cut(video.file_path)
    before = state_of_the_site()
    result = run_doctor(is_fix=True)
    (sentence,) = found(result, "sizes")
    assert sentence.endswith("Restore the file from a backup.")
    assert state_of_the_site() == before


def test_a_wrong_size_of_a_whole_file_is_corrected(video: Video) -> None:
    smaller_one = smaller(video)
    Rendition.objects.filter(pk=smaller_one.pk).update(size_bytes=7)
    before = state_of_the_site()
    result = run_doctor(is_fix=True)
    assert len(found(result, "sizes")) == 1
    assert smaller(video).size_bytes == smaller_one.size_bytes
    assert smaller_one.path.is_file()
    take_back(result.key)
    assert state_of_the_site() == before


def test_drifted_bytes_of_a_video_are_corrected(video: Video) -> None:
    Video.objects.filter(pk=video.pk).update(stored_bytes=7)
    before = state_of_the_site()
    result = run_doctor(is_fix=True)
    assert len(found(result, "counters")) == 1
    video.refresh_from_db()
    assert video.stored_bytes == sum(it.size_bytes for it in video.renditions.all())
    take_back(result.key)
    assert state_of_the_site() == before


def test_a_missing_one_in_original_quality_is_made_again_from_the_upload(
    settings: Settings, tmp_path: Path
) -> None:
    settings.DOCTOR_LOG = tmp_path / "doctor.log"
    video = ready_video(make_user("bob"), clips.hevc_mp4(seconds=1))
    assert enrich() == "completed"
    set_up_schedules()
    make_private()
    lost = video.renditions.get(name="original")
    lost.path.unlink()
    sentence = f"The rendition original of the video {video.short_id} is missing"
    assert [one for one in found(run_doctor(), "missing_files") if one.startswith(sentence)]
    run_doctor(is_fix=True)
    assert not video.renditions.filter(pk=lost.pk).exists()
    assert enrich() == "completed"
    again = video.renditions.get(name="original")
    assert again.path.is_file()
    assert found(run_doctor(is_deep=True), "renditions") == []
