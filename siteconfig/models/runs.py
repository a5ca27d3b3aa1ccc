"""Runs of jobs for the site as a whole: backups and the doctor."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone


class BackupState(models.TextChoices):
    WAITING = "WAITING", "Waiting for a worker"
    RUNNING = "RUNNING", "Running"
    DONE = "DONE", "Done"
    FAILED = "FAILED", "Failed"


class BackupStep(models.TextChoices):
    """The steps of a backup, in their order."""

    PREPARE = "PREPARE", "Opening the backup repository"
    DATABASE = "DATABASE", "Copying the database"
    FILES = "FILES", "Storing files"
    CHECK = "CHECK", "Checking what is stored"
    TIDY = "TIDY", "Removing old backups"


class BackupRun(models.Model):
    """One backup: requested (WAITING), RUNNING, or ended (DONE, FAILED).

    As long as it is RUNNING and its lease has not expired, no file is removed. The lease is
    extended, and the progress written, every few seconds.
    """

    state = models.CharField(max_length=7, choices=BackupState, default=BackupState.RUNNING)
    step = models.CharField(max_length=8, choices=BackupStep, default=BackupStep.PREPARE)
    repository = models.CharField(max_length=500)
    lease_until = models.DateTimeField()
    started_at = models.DateTimeField(
        default=timezone.now, help_text="When it started. While it waits: when it was requested."
    )
    finished_at = models.DateTimeField(null=True, blank=True)
    snapshot_id = models.CharField(max_length=64, blank=True, default="")
    bytes_done = models.BigIntegerField(default=0)
    bytes_total = models.BigIntegerField(default=0)
    bytes_added = models.BigIntegerField(default=0, help_text="New data in the repository.")
    files_total = models.BigIntegerField(default=0)
    videos_total = models.PositiveIntegerField(null=True, blank=True)
    seconds_left = models.PositiveIntegerField(null=True, blank=True)
    checked_all = models.BooleanField(
        "checked completely",
        default=False,
        help_text="Whether all data of the repository was checked, not only a part.",
    )
    error = models.TextField(blank=True, default="")
    stored = models.JSONField(
        null=True,
        blank=True,
        help_text="The backups of this site in the repository at the end of this one, newest "
        'first: objects with "id" and "time".',
    )
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )

    class Meta:
        db_table = "backup_runs"
        ordering = ["-started_at", "-pk"]
        verbose_name = "backup"
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=BackupState.values) & Q(step__in=BackupStep.values),
                name="backup_runs_choices_known",
            ),
            models.UniqueConstraint(
                fields=["state"], condition=Q(state="RUNNING"), name="backup_runs_one_running"
            ),
            models.UniqueConstraint(
                fields=["state"], condition=Q(state="WAITING"), name="backup_runs_one_waiting"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.started_at:%Y-%m-%d %H:%M} {self.get_state_display()}"

    @property
    def took_seconds(self) -> float | None:
        """The duration in seconds, or None before the end."""
        if self.finished_at is None:
            return None
        return (self.finished_at - self.started_at).total_seconds()


class DoctorState(models.TextChoices):
    WAITING = "WAITING", "Waiting for a worker"
    RUNNING = "RUNNING", "Running"
    DONE = "DONE", "Done"
    STOPPED = "STOPPED", "Could not run"


class DoctorRun(models.Model):
    """One run of the doctor and what it found (siteconfig.services.doctor)."""

    key = models.CharField(max_length=30, unique=True, help_text="Its name in the doctor's log.")
    state = models.CharField(max_length=7, choices=DoctorState, default=DoctorState.WAITING)
    is_fix = models.BooleanField(
        "mends", default=False, help_text="Whether it mends what it finds."
    )
    wanted = models.JSONField(
        null=True,
        blank=True,
        help_text="Pairs of check and subject of the findings to mend; null for all.",
    )
    done_checks = models.PositiveSmallIntegerField(default=0)
    all_checks = models.PositiveSmallIntegerField(default=0)
    current_check = models.CharField(max_length=50, blank=True, default="")
    findings = models.JSONField(default=list, help_text="The first few hundred findings.")
    found = models.PositiveIntegerField(default=0, help_text="The number of all findings.")
    mended = models.PositiveIntegerField(default=0)
    problem = models.TextField(blank=True, default="", help_text="Why it could not run.")
    created_at = models.DateTimeField(default=timezone.now)
    touched_at = models.DateTimeField(
        default=timezone.now, help_text="When it last recorded that it was running."
    )
    finished_at = models.DateTimeField(null=True, blank=True)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )

    class Meta:
        db_table = "doctor_runs"
        ordering = ["-created_at", "-pk"]
        verbose_name = "doctor run"
        verbose_name_plural = "doctor"
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=DoctorState.values), name="doctor_runs_state_known"
            )
        ]

    def __str__(self) -> str:
        return self.key
