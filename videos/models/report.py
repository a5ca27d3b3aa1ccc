"""Reports: a member tells the moderators about a video, a comment or another member."""

from __future__ import annotations

import uuid
from typing import Final

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import MAX_USERNAME_LENGTH
from clipset.lib.text import MAX_TITLE_LENGTH
from videos.enums import ReportKind, ReportReason, ReportState
from videos.models.constraints import at_most
from videos.querysets import ReportQuerySet

MAX_REPORT_TEXT: Final = 2000  # characters
MAX_MESSAGE: Final = 1000  # characters of a note or a message
REASON_MISSING: Final = "Choose a reason."
TEXT_MISSING: Final = "Tell us what is wrong."
REPORT_TOO_LONG: Final = f"Use at most {MAX_REPORT_TEXT:,} characters."
MESSAGE_TOO_LONG: Final = f"Use at most {MAX_MESSAGE:,} characters."


class Report(models.Model):
    """One member's report of one thing. OPEN -> RESOLVED or REJECTED, and back when reopened.

    `member` is whose thing it is: the uploader, the author, or the reported member. A report
    outlives its thing and everybody who is named in it, so it also holds what was reported as text.

    The reported member must never learn who reported: nothing of a report but
    `message_to_member` may reach them, and keys are random, since numbers in a row would tell them
    when somebody reported something.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=7, choices=ReportKind)
    video = models.ForeignKey(
        "videos.Video", models.SET_NULL, null=True, blank=True, related_name="reports"
    )
    comment = models.ForeignKey(
        "videos.Comment", models.SET_NULL, null=True, blank=True, related_name="reports"
    )
    member = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="reports_about",
        db_index=False,
    )
    title = models.CharField(
        max_length=MAX_TITLE_LENGTH, help_text="Of the video, as it was then; else the member."
    )
    quote = models.TextField(
        blank=True, default="", help_text="The comment or the description, as it was then."
    )
    member_name = models.CharField(max_length=MAX_USERNAME_LENGTH)
    reporter = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="reports",
        db_index=False,
    )
    reason = models.CharField(max_length=10, choices=ReportReason)
    text = models.TextField(max_length=MAX_REPORT_TEXT, blank=True, default="")
    state = models.CharField(max_length=8, choices=ReportState, default=ReportState.OPEN)
    created_at = models.DateTimeField("reported", default=timezone.now)
    handled_at = models.DateTimeField(null=True, blank=True)
    handled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    note = models.TextField(max_length=MAX_MESSAGE, blank=True, default="")
    message_to_reporter = models.TextField(max_length=MAX_MESSAGE, blank=True, default="")
    message_to_member = models.TextField(max_length=MAX_MESSAGE, blank=True, default="")

    objects = ReportQuerySet.as_manager()

    class Meta:
        db_table = "reports"
        # Open reports come first, since "OPEN" is the first state by name too.
        ordering = ["state", "created_at", "id"]
        indexes = [
            models.Index(fields=["state", "created_at", "id"], name="reports_by_state"),
            models.Index(fields=["member", "state"], name="reports_about_a_member"),
            models.Index(fields=["reporter", "-created_at", "-id"], name="reports_by_a_member"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind=ReportKind.VIDEO, comment__isnull=True)
                | Q(kind=ReportKind.COMMENT, video__isnull=True)
                | Q(kind=ReportKind.MEMBER, video__isnull=True, comment__isnull=True),
                name="reports_of_one_thing",
            ),
            models.CheckConstraint(
                condition=Q(reason__in=ReportReason.values), name="reports_reason_known"
            ),
            models.CheckConstraint(
                condition=Q(state=ReportState.OPEN, handled_at__isnull=True)
                | Q(state__in=["RESOLVED", "REJECTED"], handled_at__isnull=False),
                name="reports_handled_at_a_time",
            ),
            models.CheckConstraint(
                condition=~Q(reason=ReportReason.OTHER, text=""),
                name="reports_text_of_other_reason",
                violation_error_message=TEXT_MISSING,
            ),
            at_most("text", MAX_REPORT_TEXT, name="reports_text_length", sentence=REPORT_TOO_LONG),
            # One open report for each member and thing, however many requests come at once.
            *(
                models.UniqueConstraint(
                    fields=["reporter", thing],
                    condition=Q(kind=kind, state=ReportState.OPEN),
                    name=f"reports_one_open_{thing}",
                )
                for thing, kind in (
                    ("video", ReportKind.VIDEO),
                    ("comment", ReportKind.COMMENT),
                    ("member", ReportKind.MEMBER),
                )
            ),
        ]

    def __str__(self) -> str:
        """Does not say who reported: the audit log shows it to the reported member if that is an
        admin."""
        if self.kind == ReportKind.COMMENT:
            return f"Report of a comment by {self.member_name} on {self.title}"
        return f"Report of {self.title}"

    @property
    def is_open(self) -> bool:
        return self.state == ReportState.OPEN
