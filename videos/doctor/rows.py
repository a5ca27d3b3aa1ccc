"""Checks for counters and rows that contradict other rows."""

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
from videos.models import Job, JobState, Rendition, Upload, UploadState, Video, View

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from django.db.models import QuerySet

    from siteconfig.services.doctor_log import Journal

CORRECT: Final = "Store the number counted from the rows."


# -- counters -------------------------------------------------------------------------------------


def find_drifted_counters(_look: Look) -> Iterator[Finding]:
    """Finds videos whose stored bytes or view count is wrong.

    A view count above the number of rows is right: a member's rows are deleted with the member.
    """
    complete = Rendition.objects.filter(video=OuterRef("pk"), is_complete=True).order_by()
    total = complete.values("video").annotate(sum=Sum("size_bytes")).values("sum")
    summed = Video.objects.finished().annotate(sum=Subquery(total, BigIntegerField()))
    drifted = summed.filter(sum__isnull=False).exclude(stored_bytes=F("sum")).order_by("pk")
    for pk, short_id, stored, right in drifted.values_list("pk", "short_id", "stored_bytes", "sum"):
        yield Finding(
            "counters",
            f"The video {short_id} is stored with {stored or 0:,} bytes, but its renditions have "
            f"{right:,}.",
            f"{short_id} stored_bytes",
            CORRECT,
            {"video": str(pk), "stored_bytes": right},
        )
    counted = View.objects.filter(video=OuterRef("pk")).order_by().values("video")
    rows = counted.annotate(number=Count("pk")).values("number")
    seen = Video.objects.annotate(number=Coalesce(Subquery(rows, IntegerField()), 0))
    low = seen.filter(number__gt=F("view_count")).order_by("pk")
    for pk, short_id, count, right in low.values_list("pk", "short_id", "view_count", "number"):
        yield Finding(
            "counters",
            f"The video {short_id} shows {count:,} views, but has {right:,}.",
            f"{short_id} view_count",
            CORRECT,
            {"video": str(pk), "view_count": right},
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


# -- abandoned renditions -------------------------------------------------------------------------


def find_abandoned(_look: Look) -> Iterator[Finding]:
    """Finds rows of incomplete renditions that no running job makes."""
    for rendition in _abandoned().select_related("video").order_by("pk"):
        yield Finding(
            "growing_renditions",
            f"The rendition {rendition.name} of the video {rendition.video.short_id} is marked as "
            "being encoded, but no worker is encoding it.",
            f"{rendition.video.short_id} {rendition.name}",
            "Delete this rendition; a job makes it again.",
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
    """Finds members whose quota counter is below what their open uploads have reserved.

    When these uploads end, too much would be released.
    """
    for pk, username, used, reserved in _reserving(User.objects.all()):
        yield Finding(
            "quota",
            f"The member {username} has used {human_bytes(used)} of the quota, but open uploads "
            f"have reserved {human_bytes(reserved)}.",
            username,
            "Raise the counter to the reserved bytes.",
            {"user": str(pk)},
        )


def mend_quota(finding: Finding, journal: Journal) -> None:
    with transaction.atomic():
        user = User.objects.select_for_update(no_key=True).get(pk=finding.facts["user"])
        for _, _, _, reserved in _reserving(User.objects.filter(pk=user.pk)):
            journal.change_row(user, weekly_upload_bytes=reserved)


def _reserving(users: QuerySet[User]) -> list[tuple[UUID, str, int, int]]:
    """Returns id, name, counted bytes and reserved bytes of users whose counter is too low.

    Makes one query.
    """
    start = week_start(timezone.now())
    uploads = Upload.objects.filter(
        user=OuterRef("pk"),
        state=UploadState.OPEN,
        quota_reserved_at__gte=start,
        quota_reserved_at__gt=OuterRef("last_upload_reset"),
    ).order_by()
    total = uploads.values("user").annotate(sum=Sum("quota_bytes")).values("sum")
    members = users.exclude(role=Role.ADMIN).filter(last_upload_reset__gte=start)
    reserving = members.annotate(reserved=Subquery(total, BigIntegerField()))
    low = reserving.filter(reserved__gt=F("weekly_upload_bytes")).order_by("pk")
    return list(low.values_list("pk", "username", "weekly_upload_bytes", "reserved"))
