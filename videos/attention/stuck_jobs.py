"""Jobs that don't progress: nobody takes them up, their leases are lost again and again, or a disk
has no room for their results."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.urls import reverse

from clipset.database.clock import database_now
from clipset.lib.units import human_duration, plural
from siteconfig.attention import (
    MAX_COUNTED,
    NO_LONGER_OPEN,
    Act,
    Asked,
    Done,
    Look,
    Picture,
    Row,
    Source,
    bounded_count,
)
from siteconfig.services.cluster_heartbeats import late_clusters
from videos.attention.failed_videos import video_links
from videos.models import Job, JobKind, JobState
from videos.querysets import outside_trash_q
from videos.selectors.cards import small_thumbnail_url
from videos.services.processing.attempt import (
    cancel_processing,
    retry_enrichment,
    retry_processing,
)
from videos.services.processing.enqueue import QUICK, SLOW
from videos.services.processing.jobs import UNFINISHED, requeue_job

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.models import QuerySet

    from accounts.models import User

# A due job that nobody takes up although its cluster has nothing else to do.
IDLE_MINUTES: Final = timedelta(minutes=10)
# A due job behind others. A few encodes may take that long (videos.health).
BUSY_TIME: Final = timedelta(hours=1)
MIN_LOSSES: Final = 2  # lost attempts without more progress in between


def waiting_jobs(now: datetime) -> QuerySet[Job]:
    """Jobs that wait for too long, the oldest first. Without those of clusters whose workers are
    gone, which are a row of their own, and those of the trash. Two queries besides."""
    late = late_clusters()
    slow_is_gone = settings.TRANSCODE_CLUSTER in late
    quick_is_gone = bool(set(late) - {settings.TRANSCODE_CLUSTER})
    running = set(Job.objects.filter(state=JobState.RUNNING).values_list("kind", flat=True))
    too_long = Q(pk__in=[])
    for kinds, is_gone in ((QUICK, quick_is_gone), (SLOW, slow_is_gone)):
        if not is_gone:
            patience = BUSY_TIME if running & set(kinds) else IDLE_MINUTES
            too_long |= Q(kind__in=kinds, run_after__lt=now - patience)
    return (
        Job.objects.filter(too_long, state=JobState.WAITING, run_after__lt=now - IDLE_MINUTES)
        .filter(outside_trash_q("video__"))
        .exclude(losses__gte=MIN_LOSSES)
        .exclude(waits_for_room=True)
        .order_by("run_after", "pk")
    )


def roomless_jobs() -> QuerySet[Job]:
    """Jobs that wait until a disk has room, the oldest first. Without those of the trash."""
    waiting = Job.objects.filter(state=JobState.WAITING, waits_for_room=True)
    return (
        waiting.filter(outside_trash_q("video__"))
        .exclude(losses__gte=MIN_LOSSES)
        .order_by("run_after", "pk")
    )


def losing_jobs() -> QuerySet[Job]:
    """Jobs that lost their lease again and again, the oldest first. Without those of the trash."""
    losing = Job.objects.filter(outside_trash_q("video__"), losses__gte=MIN_LOSSES)
    unfinished = losing.exclude(state=JobState.DONE).exclude(state=JobState.FAILED)
    return unfinished.order_by("run_after", "pk")


def find(look: Look) -> list[Row]:
    now = database_now()
    found = [losing_jobs(), waiting_jobs(now), roomless_jobs()]
    if look.key:
        found = [jobs.filter(pk=_pk(look.key)) for jobs in found]
    jobs = [
        job for some in found for job in some.select_related("video__uploaded_by")[: look.limit]
    ]
    return [_row(job, now) for job in jobs[: look.limit]]


def count(_staff: User) -> int:
    waiting = bounded_count(waiting_jobs(database_now()))
    waiting += bounded_count(roomless_jobs())
    return min(MAX_COUNTED + 1, waiting + bounded_count(losing_jobs()))


def _row(job: Job, now: datetime) -> Row:
    video = job.video
    what = JobKind(job.kind).label
    if job.losses >= MIN_LOSSES:
        why = f"{what} was interrupted {plural(job.losses, 'time')} without getting further."
    elif job.waits_for_room:
        why = f"{what} waits until a disk has room: free some, or add a larger disk."
    else:
        waited = human_duration((now - job.run_after).total_seconds())
        why = f"{what} has waited for {waited}, and no worker takes it up."
    stop = Act(label="Stop", name="stop")
    retry = Act(label="Retry", name="retry")
    is_waiting = job.state == JobState.WAITING
    return Row(
        key=str(job.pk),
        title=video.title,
        url=video.get_absolute_url(),
        why=why,
        who=video.uploaded_by.username,
        since=job.created_at,
        picture=Picture(icon="hourglass", url=small_thumbnail_url(video)),
        act=retry if is_waiting else stop,
        menu=(*((stop,) if is_waiting else ()), *video_links(video)),
    )


def _pk(key: str) -> int:
    """Returns the primary key of this text; one that no row has if it is malformed."""
    return int(key) if key.isdecimal() else 0


def _open_job(key: str) -> Job:
    """Raises: ValidationError if the job has ended."""
    jobs = Job.objects.filter(pk=_pk(key), state__in=UNFINISHED)
    job = jobs.select_related("video__uploaded_by").first()
    if job is None:
        raise ValidationError(NO_LONGER_OPEN)
    return job


def retry(asked: Asked) -> Done:
    job = _open_job(asked.key)
    requeue_job(job=job)
    return Done(
        sentence=f"The workers were told to process “{job.video.title}”.",
        undo=Act(label="Stop", name="cancel"),
    )


def stop(asked: Asked) -> Done:
    job = _open_job(asked.key)
    cancel_processing(video=job.video)
    return Done(
        sentence=f"Processing of “{job.video.title}” stopped.",
        undo=Act(label="Undo", name="start"),
    )


def start(asked: Asked) -> Done:
    """Adds a job like the one that was stopped."""
    jobs = Job.objects.filter(pk=_pk(asked.key), state=JobState.FAILED)
    stopped = jobs.select_related("video__uploaded_by").first()
    if stopped is None:
        raise ValidationError(NO_LONGER_OPEN)
    if stopped.kind == JobKind.ENRICH:
        retry_enrichment(video=stopped.video)
    else:
        retry_processing(video=stopped.video, by_staff=True)
    return Done(sentence=f"“{stopped.video.title}” will be processed again.")


SOURCE = Source(
    kind="stuck-jobs",
    title="Stuck jobs",
    checked="stuck jobs",
    order=60,
    may_see=lambda staff: staff.has_perm("videos.change_video"),
    find=find,
    count=count,
    acts={"retry": retry, "stop": stop},
    undos={"start": start, "cancel": stop},
    more=lambda: f"{reverse('admin:videos_job_changelist')}?state__exact=WAITING",
)
