from __future__ import annotations

import shutil
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.utils import timezone

from clipset.database.clock import database_now
from siteconfig.roots import TEMP, root_path
from tests.attention import act, rows_of, titles_of, workers_gone, workers_live
from tests.builders import count_queries, make_admin, make_moderator, make_user, make_video
from videos.attention.failed_videos import failed_videos
from videos.attention.stalled_uploads import stalled_uploads
from videos.attention.stuck_jobs import losing_jobs
from videos.models import Job, JobKind, JobState, ProcessingStatus, Upload, UploadState, Video
from videos.services.deletions import request_deletions
from videos.services.disk_forecast import disk_forecasts
from videos.services.processing.attempt import cancel_processing
from videos.services.processing.jobs import add_job
from videos.services.trash import trash_video
from videos.services.uploads.create import VideoDetails, create_upload

if TYPE_CHECKING:
    from django.test import Client
    from pytest_django import Settings

pytestmark = pytest.mark.django_db

GB = 1024**3


def make_failed(title: str = "", *, has_file: bool = True, **fields: Any) -> Video:
    fields = {"source_root": TEMP, "source_key": f"{title or 'a'}.mp4"} | fields
    video = make_video(title, status=ProcessingStatus.FAILED, **fields)
    if has_file and video.source_key:
        video.source_file.write_bytes(b"x")
    return video


def make_job(title: str = "", *, minutes: float = 0, **fields: Any) -> Job:
    """Creates a job that has been due for so many minutes, and its video."""
    video = make_video(title, status=ProcessingStatus.PENDING, source_root=TEMP, source_key="a.mp4")
    video.source_file.write_bytes(b"x")
    due = database_now() - timedelta(minutes=minutes)
    return Job.objects.create(video=video, run_after=due, created_at=due, **fields)


def trash(video: Video) -> None:
    trash_video(video=video, by=video.uploaded_by)


@pytest.fixture
def mona(client: Client) -> Any:
    """A moderator, who is logged in."""
    mona = make_moderator("mona")
    client.force_login(mona)
    return mona


# -- Failed videos --------------------------------------------------------------------------------


def test_failed_videos_appear_with_their_reason_ours_first_then_the_oldest(mona: Any) -> None:
    now = timezone.now()
    make_failed("new", created_at=now)
    make_failed("refused", created_at=now - timedelta(days=9), is_refused=True)
    make_failed("old", created_at=now - timedelta(days=2), error_message="The disk was full.")
    assert titles_of("failed-videos", mona) == ["old", "new", "refused"]
    assert rows_of("failed-videos", mona)[0].why == "The disk was full."


def test_the_time_of_the_failure_is_that_of_its_job(mona: Any) -> None:
    ended = timezone.now() - timedelta(hours=5)
    Job.objects.create(video=make_failed(), state=JobState.FAILED, finished_at=ended)
    assert rows_of("failed-videos", mona)[0].since == ended


def test_videos_that_nobody_can_retry_do_not_appear(mona: Any) -> None:
    make_failed("without source", source_key="")
    make_failed("sample", is_sample=True)
    trash(make_failed("in the trash"))
    marked = make_failed("being deleted")
    request_deletions(videos=Video.objects.filter(pk=marked.pk), requested_by=mona)
    make_video("ready")
    job = make_job("stopped")
    cancel_processing(video=job.video)
    assert titles_of("failed-videos", mona) == []


def test_a_failed_video_is_retried_stopped_and_retried(client: Client, mona: Any) -> None:
    video = make_failed("Beach", is_refused=True)
    response = act(client, "failed-videos", video.short_id, "retry")
    assert "“Beach” will be processed again." in response.text
    video.refresh_from_db()
    assert video.processing_status == ProcessingStatus.PENDING
    assert titles_of("failed-videos", mona) == []
    assert "stopped" in act(client, "failed-videos", video.short_id, "stop").text
    video.refresh_from_db()
    assert video.is_failed
    assert "processed again" in act(client, "failed-videos", video.short_id, "resume").text
    assert Job.objects.get(state=JobState.WAITING).video == video


def test_a_retry_whose_file_is_missing_keeps_the_row(client: Client, mona: Any) -> None:
    video = make_failed(has_file=False)
    response = act(client, "failed-videos", video.short_id, "retry")
    assert response.status_code == 422
    assert "The original file is missing" in response.text


def test_a_video_that_somebody_else_retried_or_deleted_is_left_alone(
    client: Client, mona: Any
) -> None:
    video = make_failed()
    act(client, "failed-videos", video.short_id, "retry")
    assert "no longer needs" in act(client, "failed-videos", video.short_id, "retry").text
    assert Job.objects.count() == 1
    video.delete()
    assert "no longer needs" in act(client, "failed-videos", video.short_id, "retry").text
    assert act(client, "failed-videos", video.short_id, "stop").status_code == 200


def test_members_retry_nothing_here(client: Client) -> None:
    video = make_failed()
    client.force_login(video.uploaded_by)
    assert act(client, "failed-videos", video.short_id, "retry").status_code == 302
    assert not Job.objects.exists()


# -- Stuck jobs -----------------------------------------------------------------------------------


def test_a_job_that_idle_workers_do_not_take_up_appears_after_ten_minutes(mona: Any) -> None:
    make_job("fresh", minutes=9)
    make_job("later", minutes=11)
    make_job("stuck", minutes=30, kind=JobKind.ENCODE)
    assert titles_of("stuck-jobs", mona) == ["stuck", "later"]
    assert "Encoding has waited for about 30 minutes" in rows_of("stuck-jobs", mona)[0].why


def test_behind_other_jobs_a_job_may_wait_for_an_hour(mona: Any) -> None:
    lease: Any = {"lease_owner": "x", "lease_until": database_now() + timedelta(minutes=1)}
    make_job("running", kind=JobKind.ENCODE, state=JobState.RUNNING, **lease)
    make_job("waiting", minutes=50, kind=JobKind.ENCODE)
    make_job("stuck", minutes=70, kind=JobKind.ENCODE)
    make_job("of the idle cluster", minutes=11, kind=JobKind.PUBLISH)
    assert titles_of("stuck-jobs", mona) == ["stuck", "of the idle cluster"]


def test_jobs_wait_for_workers_that_are_gone_without_a_row_each(
    settings: Settings, mona: Any
) -> None:
    settings.HEALTH_EXPECTS_WORKERS = True
    make_job("stuck", minutes=30)
    workers_live()
    assert titles_of("stuck-jobs", mona) == ["stuck"]
    workers_gone()
    assert titles_of("stuck-jobs", mona) == []


def test_a_job_that_loses_its_lease_again_and_again_appears_at_once(mona: Any) -> None:
    lease: Any = {"lease_owner": "x", "lease_until": database_now() + timedelta(minutes=1)}
    make_job("once", losses=1)
    make_job("thrice", losses=3, state=JobState.RUNNING, **lease)
    make_job("ended", losses=5, state=JobState.FAILED)
    [row] = rows_of("stuck-jobs", mona)
    assert row.title == "thrice"
    assert "interrupted 3 times" in row.why
    assert row.act.label == "Stop"


def test_jobs_of_the_trash_are_not_stuck_since_nobody_runs_them(mona: Any) -> None:
    for job in (make_job(minutes=30), make_job(losses=3)):
        trash(job.video)
    assert titles_of("stuck-jobs", mona) == []


def test_a_waiting_job_is_made_due_again(client: Client, mona: Any) -> None:
    job = make_job(minutes=30, losses=4)
    assert "were told" in act(client, "stuck-jobs", job.pk, "retry").text
    job.refresh_from_db()
    assert job.losses == 0
    assert database_now() - job.run_after < timedelta(minutes=1)
    assert titles_of("stuck-jobs", mona) == []


@pytest.mark.parametrize("kind", [JobKind.PUBLISH, JobKind.ENCODE])
def test_a_job_is_stopped_and_the_stop_undone(client: Client, mona: Any, kind: JobKind) -> None:
    job = make_job(minutes=30, kind=kind)
    assert "stopped" in act(client, "stuck-jobs", job.pk, "stop").text
    job.video.refresh_from_db()
    assert job.video.is_failed
    assert "processed again" in act(client, "stuck-jobs", job.pk, "start").text
    assert Job.objects.get(state=JobState.WAITING).video == job.video


def test_stopping_an_enrichment_leaves_the_video_ready(client: Client, mona: Any) -> None:
    video = make_video()
    job = add_job(video=video, kind=JobKind.ENRICH)
    Job.objects.update(run_after=database_now() - timedelta(minutes=30))
    act(client, "stuck-jobs", job.pk, "stop")
    video.refresh_from_db()
    assert video.is_ready
    act(client, "stuck-jobs", job.pk, "start")
    assert Job.objects.get(state=JobState.WAITING).kind == JobKind.ENRICH


def test_a_job_that_ended_meanwhile_is_left_alone(client: Client, mona: Any) -> None:
    job = make_job(minutes=30)
    Job.objects.update(state=JobState.DONE)
    for name in ("retry", "stop"):
        assert "no longer needs" in act(client, "stuck-jobs", job.pk, name).text
    assert "no longer needs" in act(client, "stuck-jobs", job.pk, "start").text
    assert "no longer needs" in act(client, "stuck-jobs", "nonsense", "stop").text


# -- Stalled uploads ------------------------------------------------------------------------------


def begin(*, minutes: float, **fields: Any) -> Upload:
    upload = create_upload(
        user=make_user(), size=2048, filename="a.mp4", details=VideoDetails(title="Beach")
    )
    touched = timezone.now() - timedelta(minutes=minutes)
    Upload.objects.filter(pk=upload.pk).update(touched_at=touched, **fields)
    return upload


def test_an_upload_appears_an_hour_after_its_last_byte(mona: Any) -> None:
    begin(minutes=59)
    begin(minutes=90, state=UploadState.ENDED)
    begin(minutes=90, is_resumable=False)
    upload = begin(minutes=90, offset_bytes=1024)
    [row] = rows_of("stalled-uploads", mona)
    assert row.key == str(upload.pk)
    assert row.why.startswith("1 KB of 2 KB are uploaded")
    assert [row.act.label, *(one.label for one in row.menu)] == [
        "Open",
        "Open profile",
        "End upload…",
    ]


def test_no_act_of_this_page_ends_an_upload_without_asking(client: Client, mona: Any) -> None:
    upload = begin(minutes=90)
    [row] = rows_of("stalled-uploads", mona)
    assert not any(one.name for one in (row.act, *row.menu))
    page = client.get(row.menu[-1].url)
    assert page.status_code == 200
    upload.refresh_from_db()
    assert upload.is_open


# -- Disks ----------------------------------------------------------------------------------------


@pytest.fixture
def free_bytes(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Any:
    """Sets how much space the disks have."""
    settings.MIN_FREE_DISK_BYTES = GB

    def change(free: int) -> None:
        usage = shutil._ntuple_diskusage(100 * GB, 100 * GB - free, free)
        monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage)

    return change


def test_a_disk_that_will_be_full_within_eight_weeks_is_shown_to_admins(free_bytes: Any) -> None:
    admin = make_admin()
    free_bytes(43 * GB)
    assert titles_of("disks", admin) == []
    make_video(stored_bytes=20 * GB, file_size_bytes=10 * GB, original_key="a.mov")
    [row] = rows_of("disks", admin)  # 42 GB at a GB a day
    assert "1 GB a day" in row.why
    assert "in about 6 weeks" in row.why
    assert rows_of("disks", make_moderator()) == []


def test_slow_growth_and_old_videos_do_not_worry(free_bytes: Any) -> None:
    free_bytes(43 * GB)
    make_video(stored_bytes=20 * GB)
    make_video(stored_bytes=500 * GB, created_at=timezone.now() - timedelta(days=31))
    assert titles_of("disks", make_admin()) == []


def test_a_disk_on_which_uploads_are_refused_is_shown_whatever_its_growth(free_bytes: Any) -> None:
    free_bytes(GB // 2)
    [row] = rows_of("disks", make_admin())
    assert "512 MB free. Uploads are refused below 1 GB." in row.why


def test_a_disk_that_fills_says_what_the_trash_will_free(client: Client, free_bytes: Any) -> None:
    admin = make_admin()
    client.force_login(admin)
    free_bytes(GB // 2)
    [row] = rows_of("disks", admin)
    assert "trash" not in row.why
    assert "Open trash" not in [one.label for one in row.menu]
    trash(make_video("Sea", stored_bytes=3 * GB))
    [row] = rows_of("disks", admin)
    assert "The trash frees 3 GB here within 30 days, or when you delete it" in row.why
    pages = {one.label: client.get(one.url) for one in row.menu}
    assert "Sea" in pages["Open trash"].text
    assert pages["Open statistics"].status_code == 200


def test_a_disk_that_the_trash_relieves_in_time_is_not_shown(free_bytes: Any) -> None:
    admin = make_admin()
    free_bytes(43 * GB)
    make_video(stored_bytes=30 * GB)
    deleted = make_video(stored_bytes=10 * GB, created_at=timezone.now() - timedelta(days=99))
    trash(deleted)
    [row] = rows_of("disks", admin)  # 52 GB at a GB a day
    assert "in about 7 weeks. That counts the trash, which frees 10 GB here within" in row.why
    Video.objects.filter(pk=deleted.pk).update(stored_bytes=14 * GB)
    assert titles_of("disks", admin) == []


def test_with_many_new_videos_the_time_that_they_span_counts(
    free_bytes: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    free_bytes(43 * GB)
    monkeypatch.setattr("videos.services.disk_forecast.MAX_SUMMED", 3)
    now = timezone.now()
    for days in range(6):
        make_video(stored_bytes=2 * GB, created_at=now - timedelta(days=days))
    assert disk_forecasts(now=now)[0].daily_bytes == 3 * GB


def test_a_root_that_is_away_has_a_row_of_its_own(free_bytes: Any) -> None:
    free_bytes(90 * GB)
    shutil.rmtree(root_path(TEMP))
    [row] = rows_of("disks", make_admin())
    assert row.title == "Storage root “temp” is away"
    assert "Is its disk mounted?" in row.why
    assert TEMP not in [name for disk in disk_forecasts() for name in disk.roots]


# -- What it costs --------------------------------------------------------------------------------


def test_the_page_needs_as_many_queries_for_many_rows_as_for_few(client: Client) -> None:
    client.force_login(make_admin())
    make_failed("a")
    make_job("b", minutes=30)
    begin(minutes=90)
    few = count_queries(client, "/admin/")
    for number in range(30):
        make_failed(f"a{number}")
        make_job(f"b{number}", minutes=30)
        begin(minutes=90)
    assert count_queries(client, "/admin/") == few


@pytest.mark.skipif(connection.vendor != "sqlite", reason="reads SQLite's plan")
@pytest.mark.parametrize(
    ("rows", "index"),
    [
        (failed_videos, "videos_failed"),
        (losing_jobs, "jobs_losing"),
        (stalled_uploads, "uploads_stalled"),
    ],
)
def test_rows_are_found_by_their_index(rows: Any, index: str) -> None:
    plan = rows()[:25].explain()
    assert f"USING INDEX {index}" in plan
    assert "TEMP B-TREE" not in plan
