"""What jobs may store: a member passes their limit by no more than the size of one file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.test import Client

from accounts.models import Role, User
from siteconfig.models import Config
from tests import clips
from tests.builders import make_user, make_video
from tests.videos.stored_videos import enrich, sent_video, work
from tests.videos.transcode.test_budget import grey
from tests.videos.transcode.test_caps import noise
from videos.models import Job, JobKind, Rendition, Video
from videos.services.processing import budget
from videos.services.processing.attempt import retry_enrichment, retry_processing
from videos.services.processing.budget import (
    LEAST_BYTES,
    LEFT_OUT_NOTE,
    STORAGE_NOTE,
    Budget,
    budget_of,
    with_left_out,
)
from videos.services.stored_total import count_stored, stored_of
from videos.transcode.budget import GROWTH_BYTES

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.django_db

MB, GB = 1024**2, 1024**3


@pytest.fixture
def bob() -> User:
    Config.objects.update(stored_limit_bytes=10 * GB)
    return make_user("bob")


def job(user: User, size: int, kind: JobKind = JobKind.ENCODE, *, made: int = 0) -> Job:
    video = make_video(uploader=user, file_size_bytes=size, status="PENDING")
    if made:
        row = Rendition(video=video, name="source", filename=video.filename, version="a")
        row.codecs, row.size_bytes, row.is_complete = "avc1.4D400A", made, True
        row.width = row.height = row.bandwidth = row.average_bandwidth = 2
        row.fps = row.duration_seconds = 1.0
        row.save()
    return Job(video=video, kind=kind)


def stored(user: User, size: int) -> None:
    User.objects.filter(pk=user.pk).update(stored_bytes=size)


@pytest.mark.parametrize(
    ("used", "size", "result"),
    [
        (0, 100 * MB, Budget(bytes=GROWTH_BYTES + 2000 * MB, is_storage=False)),
        (9 * GB, 100 * MB, Budget(bytes=GB, is_storage=True)),
        (10 * GB, 2 * GB, Budget(bytes=2 * GB, is_storage=True)),
        (99 * GB, 2 * GB, Budget(bytes=2 * GB, is_storage=True)),
        (99 * GB, 1, Budget(bytes=LEAST_BYTES, is_storage=True)),
    ],
)
def test_a_job_may_store_what_is_left_or_as_much_as_its_source(
    bob: User, used: int, size: int, result: Budget
) -> None:
    stored(bob, used)
    assert budget_of(job(bob, size)) == result


def test_smaller_renditions_count_what_was_made_before(bob: User) -> None:
    stored(bob, 10 * GB)
    assert budget_of(job(bob, 2 * GB, JobKind.ENRICH, made=GB)).bytes == GB
    assert budget_of(job(bob, 2 * GB, JobKind.ENRICH, made=2 * GB)).bytes == 0
    stored(bob, 9 * GB)
    assert budget_of(job(bob, 2 * GB, JobKind.ENRICH, made=2 * GB)).bytes == GB
    Config.objects.update(stored_limit_bytes=None)
    grown = budget_of(job(bob, 1, JobKind.ENRICH, made=4 * GB))
    assert grown == Budget(bytes=0, is_storage=False)


def test_admins_have_the_bound_of_growth_alone(bob: User) -> None:
    admin = make_user("ada", role=Role.ADMIN, stored_bytes=99 * GB)
    assert not budget_of(job(admin, GB)).is_storage


def test_the_sentence_about_smaller_renditions_comes_and_goes_alone() -> None:
    lost = "Only the first sound track could be kept."
    both = with_left_out(lost, is_left_out=True)
    assert both == f"{lost} {LEFT_OUT_NOTE}"
    assert with_left_out(both, is_left_out=True) == both
    assert with_left_out(both, is_left_out=False) == lost
    assert with_left_out("", is_left_out=True) == LEFT_OUT_NOTE


# -- with real files ------------------------------------------------------------------------------


@pytest.fixture
def strict(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short clips have no bytes of their own, so that they show what long ones do."""
    monkeypatch.setattr(budget, "LEAST_BYTES", 0)


def full_member(clip: Path) -> tuple[User, Video]:
    """A member whose last upload took what was left."""
    bob = make_user("bob")
    video = sent_video(bob, clip)
    User.objects.filter(pk=bob.pk).update(stored_limit_bytes=clip.stat().st_size)
    return bob, video


def seen(video: Video) -> Video:
    count_stored([video.uploaded_by_id])
    return Video.objects.get(pk=video.pk)


@pytest.mark.ffmpeg
@pytest.mark.usefixtures("strict")
def test_a_member_without_room_gets_no_smaller_renditions_until_there_is_some() -> None:
    bob, video = full_member(clips.h264_mp4(seconds=1, size="1920x1080", fps="5"))
    assert [work(), enrich()] == ["completed", "completed"]
    video = seen(video)
    assert list(video.renditions.values_list("name", flat=True)) == ["source"]
    assert video.processing_note == LEFT_OUT_NOTE
    assert video.storyboard_filename
    client = Client()
    client.force_login(bob)
    assert "smaller versions for slow connections" in client.get(video.get_absolute_url()).text

    User.objects.filter(pk=bob.pk).update(stored_limit_bytes=GB)
    retry_enrichment(video=video)
    assert enrich() == "completed"
    assert seen(video).renditions.count() == 3
    assert seen(video).processing_note == ""


@pytest.mark.ffmpeg
@pytest.mark.usefixtures("strict")
def test_a_video_that_was_held_back_says_so_keeps_its_original_and_bounds_the_total() -> None:
    Config.objects.update(keep_originals=False)
    bob, video = full_member(noise("640x360", seconds=2))
    limit = 300_000  # as if the source were as small as film grain makes it
    User.objects.filter(pk=bob.pk).update(stored_limit_bytes=limit)
    Video.objects.filter(pk=video.pk).update(file_size_bytes=limit)
    assert [work(), enrich()] == ["completed", "completed"]
    video = seen(video)
    assert video.processing_note.startswith(STORAGE_NOTE)
    assert video.original_file.is_file()
    assert stored_of(video.pk) <= 2 * limit


@pytest.mark.ffmpeg
@pytest.mark.usefixtures("strict")
def test_original_quality_is_made_where_all_of_the_source_fits_once_more() -> None:
    clip = clips.hevc_mp4(seconds=1, size="640x360", fps="5")
    bob, video = full_member(clip)
    User.objects.filter(pk=bob.pk).update(stored_limit_bytes=2 * clip.stat().st_size - 1)
    Video.objects.filter(pk=video.pk).update(file_size_bytes=clip.stat().st_size)
    assert not budget.has_room_for_original(Job.objects.get())
    User.objects.filter(pk=bob.pk).update(stored_limit_bytes=2 * clip.stat().st_size)
    assert budget.has_room_for_original(Job.objects.get())


@pytest.mark.ffmpeg
@pytest.mark.usefixtures("strict")
def test_a_video_without_any_room_fails_at_once_and_its_file_is_kept_for_later() -> None:
    bob, video = full_member(grey("640x360"))
    assert work() == "given up"
    video = seen(video)
    assert video.is_failed
    assert not video.is_refused
    assert "There isn't enough storage to process this video" in str(video.error_message)
    assert video.source_file.is_file()

    User.objects.filter(pk=bob.pk).update(stored_limit_bytes=GB)
    retry_processing(video=video)
    assert work() == "completed"
    assert seen(video).is_ready
