"""Jobs: the processing of videos. Tasks of the queue only tell a worker to look at this table."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone

from videos.enums import JobKind, JobState


class Job(models.Model):
    """One job of processing a video (videos.services.processing.jobs).

    A running job is leased to a worker, whose token is in `lease_owner` until `lease_until`. Each
    change that the worker makes is on condition of that token, so that a worker which lost its
    lease changes nothing.
    """

    video = models.ForeignKey("videos.Video", models.CASCADE, related_name="jobs")
    kind = models.CharField(max_length=7, choices=JobKind, default=JobKind.PUBLISH)
    state = models.CharField(max_length=7, choices=JobState, default=JobState.WAITING)
    run_after = models.DateTimeField(default=timezone.now)
    failures = models.PositiveSmallIntegerField(default=0, help_text="Failed attempts.")
    losses = models.PositiveSmallIntegerField(
        default=0, help_text="Attempts lost because a worker stopped."
    )
    attempts = models.PositiveIntegerField(
        default=0, help_text="All attempts, so that each has its own number."
    )
    furthest = models.PositiveSmallIntegerField(
        default=0, help_text="The highest percentage of any attempt."
    )
    source_seconds = models.FloatField(
        null=True, blank=True, help_text="Length of the video in seconds, once known."
    )
    media_info = models.TextField(
        blank=True,
        default="",
        help_text="What was probed before the job was handed to the other cluster, as JSON.",
    )
    waits_for_room = models.BooleanField(
        default=False, help_text="It waits until a disk has room for its result."
    )
    long_slot = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="The slot for long jobs that it takes."
    )
    lease_owner = models.CharField(max_length=32, blank=True, default="")
    lease_until = models.DateTimeField(null=True, blank=True)
    progress = models.PositiveSmallIntegerField(null=True, blank=True, help_text="Percent.")
    seconds_left = models.PositiveIntegerField(null=True, blank=True)
    request_id = models.CharField(
        max_length=16,
        blank=True,
        default="",
        help_text="The request that created the job, for the logs.",
    )
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "jobs"
        ordering = ["-created_at"]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="jobs_by_time"),
            models.Index(fields=["state", "-created_at", "-id"], name="jobs_of_a_state"),
            models.Index(fields=["kind", "-created_at", "-id"], name="jobs_of_a_kind"),
            models.Index(
                fields=["run_after", "id"], condition=Q(state="WAITING"), name="jobs_waiting"
            ),
            models.Index(fields=["lease_until"], condition=Q(state="RUNNING"), name="jobs_leases"),
            # For the statistics, which count the failures of a day.
            models.Index(
                fields=["finished_at"], condition=Q(state="FAILED"), name="jobs_failed_by_time"
            ),
            models.Index(
                fields=["run_after", "id"],
                # SQLite does not recognize `state IN` of a query as this condition.
                condition=Q(losses__gte=2) & ~Q(state="DONE") & ~Q(state="FAILED"),
                name="jobs_losing",
            ),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=JobState.values), name="jobs_state_known"),
            models.CheckConstraint(condition=Q(kind__in=JobKind.values), name="jobs_kind_known"),
            models.UniqueConstraint(
                fields=["long_slot"],
                condition=Q(state="RUNNING", long_slot__isnull=False),
                name="jobs_one_in_a_long_slot",
            ),
            models.UniqueConstraint(
                fields=["video"],
                condition=Q(state__in=["WAITING", "RUNNING"]),
                name="jobs_one_open_a_video",
            ),
            models.CheckConstraint(
                condition=(Q(state="RUNNING", lease_until__isnull=False) & ~Q(lease_owner=""))
                | (~Q(state="RUNNING") & Q(lease_owner="", lease_until__isnull=True)),
                name="jobs_running_has_a_lease",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_state_display()}: {self.video}"
