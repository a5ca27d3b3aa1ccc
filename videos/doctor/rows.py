"""Counters and rows that do not say what other rows say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.db.models import BigIntegerField, Count, F, IntegerField, OuterRef, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from accounts.models import Role, User
from accounts.services.quota import week_start
from clipset.lib.units import human_bytes
from siteconfig.doctor import Finding, Look
from videos.models import Job, Rendition, Upload, UploadState, Video, View
from videos.models.job import JobState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.models import QuerySet

    from siteconfig.services.doctor_log import Journal

CORRECT: Final = "Store the number that the rows give."


# -- counters -------------------------------------------------------------------------------------


def find_drifted_counters(_look: Look) -> Iterator[Finding]:
    """Bytes of a video that are not those of its renditions, and views that are not counted.

    More views than rows are right: a member's rows go when the member is deleted.
    """
    complete = Rendition.objects.filter(video=OuterRef("pk"), is_complete=True).order_by()
    total = complete.values("video").annotate(sum=Sum("size_bytes")).values("sum")
    summed = Video.objects.finished().annotate(sum=Subquery(total, BigIntegerField()))
    for video in summed.filter(sum__isnull=False).exclude(stored_bytes=F("sum")).order_by("pk"):
        had = human_bytes(video.stored_bytes or 0)
        yield Finding(
            "counters",
            f"The video {video.short_id} is said to take {had}, but its renditions take "
            f"{human_bytes(video.sum)}.",
            f"{video.short_id} stored_bytes",
            CORRECT,
            {"video": str(video.pk), "stored_bytes": video.sum},
        )
    counted = View.objects.filter(video=OuterRef("pk")).order_by().values("video")
    rows = counted.annotate(number=Count("pk")).values("number")
    seen = Video.objects.annotate(number=Coalesce(Subquery(rows, IntegerField()), 0))
    for video in seen.filter(number__gt=F("view_count")).order_by("pk"):
        yield Finding(
            "counters",
            f"The video {video.short_id} counts {video.view_count:,} views, but has "
            f"{video.number:,}.",
            f"{video.short_id} view_count",
            CORRECT,
            {"video": str(video.pk), "view_count": video.number},
        )


def mend_counter(finding: Finding, journal: Journal) -> None:
    with transaction.atomic():
        video = Video.objects.select_for_update().get(pk=finding.facts["video"])
        if "view_count" in finding.facts:
            number = View.objects.filter(video=video).count()
            journal.change_row(video, view_count=max(number, video.view_count))
            return
        complete = Rendition.objects.filter(video=video, is_complete=True)
        total = complete.aggregate(sum=Sum("size_bytes"))["sum"]
        if total is not None:
            journal.change_row(video, stored_bytes=total)


# -- renditions that nobody makes -----------------------------------------------------------------


def find_abandoned(_look: Look) -> Iterator[Finding]:
    """Rows of renditions that are not complete and that no running job makes."""
    for rendition in _abandoned().select_related("video").order_by("pk"):
        yield Finding(
            "growing_renditions",
            f"The rendition {rendition.name} of the video {rendition.video.short_id} is said to be "
            "encoded now, but no worker is at it.",
            f"{rendition.video.short_id} {rendition.name}",
            "Forget this rendition; a job makes it again.",
            {"rendition": rendition.pk},
        )


def mend_abandoned(finding: Finding, journal: Journal) -> None:
    with transaction.atomic():
        for rendition in _abandoned().filter(pk=finding.facts["rendition"]):
            journal.delete_row(rendition)


def _abandoned() -> QuerySet[Rendition]:
    running = Job.objects.filter(state=JobState.RUNNING).values("video")
    return Rendition.objects.filter(is_complete=False).exclude(video__in=running)


# -- quota ----------------------------------------------------------------------------------------


def find_wrong_quotas(_look: Look) -> Iterator[Finding]:
    """Members whose counter is below what their open uploads have reserved since the last reset.
    When those end, too much would be given back."""
    for user in _reserving():
        yield Finding(
            "quota",
            f"The member {user.username} has used {human_bytes(user.weekly_upload_bytes)} of the "
            f"quota, but open uploads reserve {human_bytes(user.reserved)}.",
            user.username,
            "Raise the counter to what is reserved.",
            {"user": str(user.pk)},
        )


def mend_quota(finding: Finding, journal: Journal) -> None:
    with transaction.atomic():
        User.objects.select_for_update().filter(pk=finding.facts["user"]).first()
        for user in _reserving().filter(pk=finding.facts["user"]):
            journal.change_row(user, weekly_upload_bytes=user.reserved)


def _reserving() -> QuerySet[User]:
    start = week_start(timezone.now())
    uploads = Upload.objects.filter(
        user=OuterRef("pk"),
        state=UploadState.OPEN,
        quota_reserved_at__gte=start,
        quota_reserved_at__gt=OuterRef("last_upload_reset"),
    ).order_by()
    total = uploads.values("user").annotate(sum=Sum("quota_bytes")).values("sum")
    members = User.objects.exclude(role=Role.ADMIN).filter(last_upload_reset__gte=start)
    reserving = members.annotate(reserved=Subquery(total, BigIntegerField()))
    return reserving.filter(reserved__gt=F("weekly_upload_bytes")).order_by("pk")
