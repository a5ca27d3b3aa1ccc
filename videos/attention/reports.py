"""Open reports: the likely decision is one press, the others are in the menu and on the page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from uuid import UUID

from django.core.exceptions import ValidationError
from django.urls import reverse

from clipset.lib.units import plural
from siteconfig.attention import NO_LONGER_OPEN, Act, Asked, Done, Look, Picture, Row, Source
from videos.models import Report, ReportAct, ReportKind
from videos.selectors.reports import (
    for_staff,
    likely_act,
    open_reports,
    open_reports_count,
    picture_url,
    place_url,
    what_is_reported,
)
from videos.services.reports import reject_report, resolve_report

if TYPE_CHECKING:
    from accounts.models import User

REJECT: Final = Act(label="Reject", name="reject")
RESOLVE: Final = Act(label="Resolve", name="resolve")
# Without deactivating a member, which its page decides with everything in view.
LIKELY: Final = {
    ReportAct.HIDE_VIDEO: Act(label="Hide video", name="hide"),
    ReportAct.DELETE_COMMENT: Act(
        label="Delete comment", name="delete-comment", is_destructive=True
    ),
}


def find(look: Look) -> list[Row]:
    if not look.key:
        return [_row(report) for report in open_reports(look.staff, limit=look.limit)]
    report = _open_report(look.staff, look.key)
    return [] if report is None else [_row(report)]


def _open_report(staff: User, key: str) -> Report | None:
    try:
        return for_staff(staff).open().filter(pk=UUID(key)).first()
    except ValueError:
        return None


def _row(report: Report) -> Row:
    page = reverse("admin:videos_report_change", args=[report.pk])
    thing = place_url(report)
    opens = Act(label="Open report", url=page)
    likely = LIKELY.get(likely_act(report), opens)
    said = f"{report.get_reason_display()}: {report.text}" if report.text else ""
    is_member = report.kind == ReportKind.MEMBER
    menu = [*([] if likely is opens else [opens]), RESOLVE, REJECT]
    if thing:
        menu.append(Act(label=f"Open {ReportKind(report.kind).label.lower()}", url=thing))
    return Row(
        key=str(report.pk),
        title=what_is_reported(report),
        url=page,
        why=said or f"{report.get_reason_display()}.",
        who=f"Reported by {report.reporter.username if report.reporter else 'a former member'}",
        since=report.created_at,
        picture=Picture(
            icon="flag", url=picture_url(report), member=report.member_name if is_member else ""
        ),
        act=likely,
        menu=tuple(menu),
    )


def hide(asked: Asked) -> Done:
    return _resolve(asked, ReportAct.HIDE_VIDEO, "The video is hidden.")


def delete_comment(asked: Asked) -> Done:
    return _resolve(asked, ReportAct.DELETE_COMMENT, "The comment is deleted.")


def resolve(asked: Asked) -> Done:
    return _resolve(asked, ReportAct.NONE, "")


def reject(asked: Asked) -> Done:
    report = _asked_report(asked)
    try:
        handled = reject_report(report=report, by=asked.staff, seen_until=report.created_at)
    except Report.DoesNotExist as error:
        raise ValidationError(NO_LONGER_OPEN) from error
    return _done(report, len(handled), "rejected", "")


def _resolve(asked: Asked, act: ReportAct, sentence: str) -> Done:
    report = _asked_report(asked)
    try:
        handled = resolve_report(
            report=report, by=asked.staff, act=act, seen_until=report.created_at
        )
    except Report.DoesNotExist as error:
        raise ValidationError(NO_LONGER_OPEN) from error
    return _done(report, len(handled), "resolved", sentence)


def _asked_report(asked: Asked) -> Report:
    """Later reports of the same thing have rows of their own, so that nothing unread is decided.
    Raises: ValidationError if it is not open."""
    report = _open_report(asked.staff, asked.key)
    if report is None:
        raise ValidationError(NO_LONGER_OPEN)
    return report


def _done(report: Report, count: int, verb: str, sentence: str) -> Done:
    done = f"{plural(count, 'report')} {verb}: {what_is_reported(report)}. {sentence}"
    return Done(sentence=done.rstrip())


SOURCE = Source(
    kind="reports",
    title="Open reports",
    checked="reports",
    order=5,
    may_see=lambda staff: staff.has_perm("videos.change_report"),
    find=find,
    count=open_reports_count,
    acts={"hide": hide, "delete-comment": delete_comment, "resolve": resolve, "reject": reject},
    more=lambda: reverse("admin:videos_report_changelist"),
)
