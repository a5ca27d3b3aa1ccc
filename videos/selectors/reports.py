"""Reports: a member's own ones, those that wait for staff, and the page of one for moderators."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from accounts.models import User
from clipset.lib.keyset import next_address
from videos.models import Report, ReportAct, ReportKind, ReportState, Video
from videos.selectors.cards import small_thumbnail_url
from videos.selectors.sort_orders import TIME, Descending

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from uuid import UUID

    from django.contrib.auth.models import AnonymousUser

    from videos.querysets import ReportQuerySet

PAGE_SIZE: Final = 30
MAX_COUNTED: Final = 99
MAX_TOGETHER: Final = 50  # open reports of one thing that a page lists

NEWEST_FIRST: Final = Descending(column="created_at", value=TIME)
THINGS: Final = ("video", "comment__video", "member")


# -- for members -----------------------------------------------------------------------------------


def can_be_handled(member: User) -> bool:
    """Whether somebody else may handle reports about this member: another admin, if it is one.

    One query for an admin, else none.
    """
    return not member.is_admin or User.objects.admins().exclude(pk=member.pk).exists()


def open_report_on(report: Report) -> Report | None:
    """The report that the reporter of `report`, which need not be stored, has open on its thing.
    One query."""
    same = Report.objects.open().of_same_thing(report)
    return same.filter(reporter=report.reporter_id).first()


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnReport:
    """A report as its reporter sees it. `url` leads to its thing; "" if they can't see that now."""

    report: Report
    what: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnReports:
    """A page of a member's reports; `next_url` is None on the last page."""

    rows: list[OwnReport]
    next_url: str | None


def own_reports(viewer: User, *, after: str = "") -> OwnReports:
    """The member's reports behind the cursor `after`, newest first. Two queries."""
    mine = Report.objects.filter(reporter=viewer).select_related(*THINGS)
    position = NEWEST_FIRST.position(after)
    if position is not None:
        mine = mine.filter(NEWEST_FIRST.behind(position))
    rows = list(mine.order_by(*NEWEST_FIRST.order_by)[: PAGE_SIZE + 1])
    next_url = None
    if len(rows) > PAGE_SIZE:
        rows.pop()
        next_url = next_address(NEWEST_FIRST.cursor(rows[-1]))
    seen = _seen_videos(rows, viewer)
    return OwnReports(
        rows=[
            OwnReport(report=row, what=what_is_reported(row), url=_url_of(row, seen))
            for row in rows
        ],
        next_url=next_url,
    )


def what_is_reported(report: Report) -> str:
    """The reported thing by its name at that time, in words."""
    sentence = {
        ReportKind.VIDEO: "“{title}”",
        ReportKind.COMMENT: "A comment by {member} on “{title}”",
        ReportKind.MEMBER: "{member}",
    }[ReportKind(report.kind)]
    return sentence.format(title=report.title, member=report.member_name)


def _seen_videos(reports: Iterable[Report], viewer: User) -> set[UUID]:
    """Those of the reports' videos that the viewer may see. One query."""
    videos = {video.pk for report in reports if (video := video_of(report)) is not None}
    return set(Video.objects.visible_to(viewer).filter(pk__in=videos).values_list("pk", flat=True))


def video_of(report: Report) -> Video | None:
    """The reported video, or that of the reported comment; None if it is gone."""
    return report.comment.video if report.comment is not None else report.video


def thing_url(report: Report, viewer: User) -> str:
    """The address of the reported thing; "" if it is gone or the viewer can't see it. One query if
    the report was fetched with its thing."""
    return _url_of(report, _seen_videos([report], viewer))


def _url_of(report: Report, seen: set[UUID]) -> str:
    member = report.member
    if report.kind == ReportKind.MEMBER:
        return "" if member is None or member.is_trashed else member.get_absolute_url()
    video, comment = video_of(report), report.comment
    if video is None or video.pk not in seen or (comment is not None and comment.is_deleted):
        return ""
    return (comment or video).get_absolute_url()


# -- for staff -------------------------------------------------------------------------------------


def open_reports_count(user: User | AnonymousUser) -> int:
    """How many open reports this member of staff may handle; MAX_COUNTED + 1 means more than
    MAX_COUNTED. One query for staff, else none."""
    if not user.is_staff:
        return 0
    # Without the empty order_by, all of them would be sorted first.
    found = Report.objects.open().handled_by_staff(user).order_by()
    return found[: MAX_COUNTED + 1].count()


def open_reports(user: User, *, limit: int) -> list[Report]:
    """The oldest open reports that this member of staff may handle. One query."""
    return list(for_staff(user).open().order_by("created_at", "id")[:limit])


def reports_on(video: Video, *, viewer: User) -> list[Report]:
    """At most MAX_TOGETHER open reports of a video, oldest first, for its page. One query for
    staff, else none."""
    if not viewer.is_staff:
        return []
    found = for_staff(viewer).open().filter(kind=ReportKind.VIDEO, video=video)
    return list(found.order_by("created_at", "id")[:MAX_TOGETHER])


def for_staff(user: User) -> ReportQuerySet:
    """Reports that this member of staff may handle, with everything that lists of them show."""
    return Report.objects.handled_by_staff(user).select_related("reporter", "handled_by", *THINGS)


def picture_url(report: Report) -> str | None:
    """The address of the thumbnail, or of the avatar of a reported member."""
    if report.kind == ReportKind.MEMBER:
        return report.member.avatar_url if report.member is not None else None
    video = video_of(report)
    return None if video is None else small_thumbnail_url(video)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportCase:
    """A report with what a moderator needs to decide about it.

    `together` are all open reports of the same thing, at most MAX_TOGETHER, this one too unless it
    is handled. `place_url` leads to the thing, or is "". `state` says what has become of the thing:
    "", "hidden", "deleted", "deactivated" or "gone". `earlier` counts the handled reports about the
    same member, `earlier_resolved` those of them with a reason.
    """

    report: Report
    what: str
    picture_url: str | None
    place_url: str
    state: str
    together: list[Report]
    earlier: int
    earlier_resolved: int
    acts: list[ReportAct]

    @property
    def seen_until(self) -> datetime:
        """When the newest of the listed reports was made."""
        return max(one.created_at for one in [self.report, *self.together])


def report_case(report: Report, *, viewer: User) -> ReportCase:
    """The case of a report that was fetched by `for_staff`. Two queries."""
    same = for_staff(viewer).open().of_same_thing(report).order_by("created_at", "id")
    earlier = _earlier_states(report)
    state = _state_of(report)
    return ReportCase(
        report=report,
        what=what_is_reported(report),
        picture_url=picture_url(report),
        place_url=place_url(report),
        state=state,
        together=list(same[:MAX_TOGETHER]),
        earlier=len(earlier),
        earlier_resolved=earlier.count(ReportState.RESOLVED),
        acts=_acts(report, state) if report.is_open else [],
    )


def _earlier_states(report: Report) -> list[str]:
    """The states of handled reports about the same member, without those that were handled with
    this one; at most MAX_COUNTED + 1. One query, or none if the member is gone."""
    if report.member_id is None:
        return []
    handled = [ReportState.RESOLVED, ReportState.REJECTED]
    others = Report.objects.filter(member=report.member_id, state__in=handled).order_by()
    if report.handled_at is not None:
        others = others.exclude(handled_at=report.handled_at)
    return list(others.values_list("state", flat=True)[: MAX_COUNTED + 1])


def _state_of(report: Report) -> str:
    video, comment, member = report.video, report.comment, report.member
    if report.kind == ReportKind.VIDEO and video is not None:
        if video.is_trashed:
            return "deleted"
        return "hidden" if video.is_hidden else ""
    if report.kind == ReportKind.COMMENT and comment is not None:
        return "deleted" if comment.is_deleted or comment.video.is_trashed else ""
    if report.kind == ReportKind.MEMBER and member is not None:
        if member.is_trashed:
            return "deleted"
        return "" if member.is_active else "deactivated"
    return "gone"


def likely_act(report: Report) -> ReportAct:
    """The likely act about the thing; NONE if nothing is left to do about it."""
    return next(iter(_acts(report, _state_of(report))), ReportAct.NONE)


def place_url(report: Report) -> str:
    """Where staff see the thing, "" if it is gone. A deleted comment leads to its video."""
    state = _state_of(report)
    if state == "gone":
        return ""
    if report.kind == ReportKind.MEMBER:
        return report.member.get_absolute_url() if report.member is not None else ""
    thing = video_of(report) if state == "deleted" else report.comment or report.video
    return "" if thing is None else thing.get_absolute_url()


def _acts(report: Report, state: str) -> list[ReportAct]:
    """What can be done about the thing, the likely act first."""
    acts = []
    if not state and report.kind == ReportKind.VIDEO:
        acts.append(ReportAct.HIDE_VIDEO)
    if not state and report.kind == ReportKind.COMMENT:
        acts.append(ReportAct.DELETE_COMMENT)
    if report.member is not None and report.member.is_active:
        acts.append(ReportAct.DEACTIVATE)
    return acts
