"""Checks for stuck uploads, jobs, schedules and removals, and for the clock and tools."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from clipset.database.clock import LEASE_SLACK, database_now
from clipset.lib.units import plural
from clipset.workers.task_queue import (
    ensure_schedule,
    schedule_columns,
    schedules_named,
    waiting_task_count,
)
from siteconfig.doctor import Finding, Look
from siteconfig.services.heartbeat import alive_before
from videos.doctor.mending import add_job, each_of, has_open_job, is_missing, log_rerun
from videos.models import (
    Job,
    JobKind,
    JobState,
    ProcessingStatus,
    Removal,
    RemovalReason,
    Upload,
    UploadState,
    Video,
)
from videos.querysets import outside_trash_q
from videos.services import removals
from videos.services.clock import clock_warning
from videos.services.processing import jobs
from videos.services.processing.adopt import may_be_adopted
from videos.services.processing.enqueue import QUICK, SLOW, enqueue_worker
from videos.services.schedules import SCHEDULES
from videos.services.stored_files import StoredFile
from videos.transcode.capabilities import check_ffmpeg
from videos.transcode.confine import weaknesses

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from django.db.models import QuerySet

    from siteconfig.services.doctor_log import Journal

# A sweep runs every minute; findings are older than this.
PATIENCE: Final = timedelta(minutes=5)
OVERDUE: Final = timedelta(hours=1)
MAX_CLOCK_SECONDS: Final = 10
CLUSTERS: Final = (("queue", QUICK, None), ("encodes", SLOW, settings.TRANSCODE_CLUSTER))


# -- uploads --------------------------------------------------------------------------------------


def find_stale_uploads(_look: Look) -> Iterator[Finding]:
    """Finds uploads that expired and were not closed, and leases of requests that ended."""
    now = timezone.now()
    uploads = Upload.objects.filter(state=UploadState.OPEN).select_related("user").order_by("pk")
    for upload in uploads.filter(expires_at__lt=now - PATIENCE):
        yield Finding(
            "uploads",
            f"The upload {upload.pk} of {upload.user} has expired but was not closed. The workers "
            "do that every minute: start them.",
            f"{upload.pk} expired",
        )
    for upload in uploads.filter(writer_until__lt=now - PATIENCE):
        yield Finding(
            "uploads",
            f"The upload {upload.pk} of {upload.user} is locked by a request that has ended.",
            f"{upload.pk} lease",
            "Release the lock.",
            {"upload": str(upload.pk)},
        )


def mend_upload(finding: Finding, journal: Journal) -> None:
    before = timezone.now() - PATIENCE
    for upload in Upload.objects.filter(pk=finding.facts["upload"], writer_until__lt=before):
        journal.change_row(upload, writer_token="", writer_until=None)


# -- jobs -----------------------------------------------------------------------------------------


def find_stuck_jobs(_look: Look) -> Iterator[Finding]:
    """Finds jobs with expired or too long leases, jobs postponed for too long, and idle queues.

    A queue is idle if it has due jobs but no task to run them.
    """
    now = database_now()
    for job in _lost(now).select_related("video"):
        sentence = f"The worker of the job of the video {job.video.short_id} has stopped."
        yield _of_job(job, "lost", sentence, "Queue the job for another worker.")
    for job in _held_too_long(now).select_related("video"):
        sentence = f"The lease of the job of the video {job.video.short_id} is too long."
        yield _of_job(job, "held", sentence, "Shorten the lease to the usual length.")
    for job in _put_off(now).select_related("video"):
        sentence = f"The job of the video {job.video.short_id} is postponed for too long."
        yield _of_job(job, "put off", sentence, "Let it run now.")
    for name, kinds, cluster in CLUSTERS:
        due = Job.objects.filter(
            outside_trash_q("video__"),
            kind__in=kinds,
            state=JobState.WAITING,
            run_after__lt=now - PATIENCE,
        ).count()
        if due and not waiting_task_count(cluster):
            sentence = f"{plural(due, 'job')} due, but the task queue has no task for it."
            facts = {"kind": str(kinds[0])}
            yield Finding("jobs", sentence, name, "Enqueue a task.", facts)


def _of_job(job: Job, what: str, sentence: str, mend: str) -> Finding:
    return Finding("jobs", sentence, f"{job.pk} {what}", mend, {"job": job.pk})


def _lost(now: datetime) -> QuerySet[Job]:
    return Job.objects.filter(state=JobState.RUNNING, lease_until__lt=now - PATIENCE).order_by("pk")


def _held_too_long(now: datetime) -> QuerySet[Job]:
    latest = now + jobs.LEASE + LEASE_SLACK
    return Job.objects.filter(state=JobState.RUNNING, lease_until__gt=latest).order_by("pk")


def _put_off(now: datetime) -> QuerySet[Job]:
    latest = now + max(*jobs.BACKOFF, jobs.STORAGE_PAUSE) + LEASE_SLACK
    return Job.objects.filter(state=JobState.WAITING, run_after__gt=latest).order_by("pk")


def mend_job(finding: Finding, journal: Journal) -> None:
    now = database_now()
    if "kind" in finding.facts:
        log_rerun(f"a task was enqueued for {finding.subject}", journal)
        enqueue_worker(finding.facts["kind"])
        return
    key = finding.facts["job"]
    for job in _lost(now).filter(pk=key):
        journal.change_row(
            job,
            state=JobState.WAITING.value,
            lease_owner="",
            lease_until=None,
            long_slot=None,
            seconds_left=None,
            progress=None,
        )
    for job in _held_too_long(now).filter(pk=key):
        journal.change_row(job, lease_until=now + jobs.LEASE)
    for job in _put_off(now).filter(pk=key):
        journal.change_row(job, run_after=now)


# -- videos without a job -------------------------------------------------------------------------


def find_idle_videos(_look: Look) -> Iterator[Finding]:
    """Finds videos that are queued or processing according to their status but have no job."""
    for video in each_of(_idle()):
        sentence = f"The video {video.short_id} is waiting to be processed but has no job."
        mend = "Add a job." if _can_be_processed(video) else None
        if mend is None:
            sentence += " Its source file is missing: upload it again or restore it from a backup."
        facts = {"video": str(video.pk)}
        yield Finding("unfinished_videos", sentence, video.short_id, mend, facts)


def mend_idle_video(finding: Finding, journal: Journal) -> None:
    with transaction.atomic():
        idle = _idle().select_for_update().filter(pk=finding.facts["video"])
        for video in idle:
            journal.change_row(video, processing_status=ProcessingStatus.PENDING.value)
            add_job(video, JobKind.PUBLISH, journal)


def _idle() -> QuerySet[Video]:
    """Returns videos without a job. Sample data are left out: some only look like processing."""
    waiting = [ProcessingStatus.PENDING, ProcessingStatus.PROCESSING]
    videos = Video.objects.filter(processing_status__in=waiting, is_sample=False)
    return videos.exclude(pk__in=has_open_job())


def _can_be_processed(video: Video) -> bool:
    source = StoredFile(video.source_root, video.source_key) if video.source_key else None
    return (source is not None and not is_missing(source)) or may_be_adopted(video.pk)


# -- schedules ------------------------------------------------------------------------------------


def find_wrong_schedules(_look: Look) -> Iterator[Finding]:
    """Finds schedules that are missing, duplicated, changed, postponed too long or late."""
    now = database_now()
    for name, function, minutes, cluster in SCHEDULES:
        rows = schedules_named(name)
        if not rows:
            sentence = f"The schedule '{name}' is missing, so its task never runs."
            yield Finding("schedules", sentence, name, "Create it.")
            continue
        (row, *doubles) = rows
        wanted = schedule_columns(function, minutes, cluster)
        next_run = row.next_run or now
        latest = now + timedelta(minutes=minutes) + LEASE_SLACK
        if doubles or any(getattr(row, field) != value for field, value in wanted.items()):
            sentence = f"The schedule '{name}' differs from how the site creates it."
            yield Finding("schedules", sentence, name, "Create it again.")
        elif next_run > latest:
            sentence = f"The schedule '{name}' is postponed until {next_run:%Y-%m-%d %H:%M} UTC."
            yield Finding("schedules", sentence, name, "Let it run now.")
        elif next_run < now - PATIENCE:
            minutes_late = round((now - next_run).total_seconds() / 60)
            sentence = f"The schedule '{name}' is {minutes_late:,} min late. Start the workers."
            yield Finding("schedules", sentence, name)


def mend_schedule(finding: Finding, journal: Journal) -> None:
    now = database_now()
    for name, function, minutes, cluster in SCHEDULES:
        if name != finding.subject:
            continue
        with transaction.atomic():
            rows = schedules_named(name)
            if not rows:
                ensure_schedule(name, function, minutes=minutes, cluster=cluster)
                journal.note_new_row(schedules_named(name)[0])
                return
            for double in rows[1:]:
                journal.delete_row(double)
            changes = schedule_columns(function, minutes, cluster)
            if rows[0].next_run and rows[0].next_run > now + timedelta(minutes=minutes):
                changes["next_run"] = now
            journal.change_row(rows[0], **changes)


# -- removals -------------------------------------------------------------------------------------


def find_overdue_removals(_look: Look) -> Iterator[Finding]:
    """Finds files whose removal is an hour late, with the error. Not while a backup runs."""
    if removals.removals_are_paused():
        return
    for removal in _overdue():
        why = f": {removal.last_error}" if removal.last_error else "; the workers are not running"
        sentence = f"{removal.root}/{removal.key} could not be removed ({removal.tries} tries){why}"
        facts = {"removal": removal.pk}
        subject = f"{removal.root}/{removal.key}"
        yield Finding("removals", sentence, subject, "Try again now.", facts)


def mend_removal(finding: Finding, journal: Journal) -> None:
    for removal in _overdue().filter(pk=finding.facts["removal"]):
        journal.change_row(removal, next_try_at=timezone.now())
    removals.enqueue_removals()


def _overdue() -> QuerySet[Removal]:
    young = Q(
        reason=RemovalReason.FAILED,
        created_at__gte=alive_before(days=removals.KEEP_FAILED_DAYS),
    )
    due = Removal.objects.filter(due_at__lt=timezone.now() - OVERDUE)
    return due.exclude(young).order_by("due_at", "pk")


# -- clock and tools ------------------------------------------------------------------------------


def find_wrong_clock(_look: Look) -> Iterator[Finding]:
    """Finds a difference between the clocks of host and database, and rows from the future."""
    apart = abs((timezone.now() - database_now()).total_seconds())
    if apart > MAX_CLOCK_SECONDS:
        sentence = (
            f"The clocks of this host and of the database differ by {apart:.0f} s. Check both with "
            "timedatectl."
        )
        yield Finding("clock", sentence, "host")
    if warning := clock_warning():
        yield Finding("clock", warning, "newest")


def find_lacking_tools(_look: Look) -> Iterator[Finding]:
    """Finds what FFmpeg lacks for processing videos, and what is missing to confine it."""
    for problem in check_ffmpeg(settings.FFMPEG_PATH):
        yield Finding("ffmpeg", problem, problem)
    for weakness in weaknesses():
        yield Finding("ffmpeg", weakness, weakness)
