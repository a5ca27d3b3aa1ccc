"""Reports by members: opening them, and what moderators decide."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import Role, User
from accounts.services.members import deactivate_member, lock_with_admins
from accounts.services.throttle import allow
from clipset.lib.refusals import RateLimitedError
from clipset.lib.text import clean_text
from clipset.ui.template_tags import age_in_words
from siteconfig.services.audit import record
from videos.models import (
    Comment,
    HiddenReason,
    Report,
    ReportAct,
    ReportKind,
    ReportReason,
    ReportState,
    Video,
)
from videos.models.hiding import MAX_REASON as MAX_HIDDEN_TEXT
from videos.models.hiding import REASON_TOO_LONG as HIDDEN_TEXT_TOO_LONG
from videos.models.report import (
    MAX_MESSAGE,
    MAX_REPORT_TEXT,
    MESSAGE_TOO_LONG,
    REASON_MISSING,
    REPORT_TOO_LONG,
    TEXT_MISSING,
)
from videos.selectors.reports import can_be_handled, open_report_on
from videos.services.comments import delete_comment
from videos.services.hiding import hide_video
from videos.services.notifications import notify_of_decision, withdraw_decision

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.models import QuerySet

MAX_REPORTS: Final = 10
WITHIN: Final = timedelta(hours=1)

# How many decisions with a message a moderator sends.
MAX_ANSWERS: Final = 60
TOO_MANY_ANSWERS: Final = "You've sent many messages. Leave them empty, or try again in an hour."
TOO_MANY: Final = "You've sent many reports in a short time. Try again in an hour."
NOBODY_ELSE: Final = (
    "{} is the only admin, so nobody else could handle your report. Write to them directly."
)
OWN_THING: Final = "You can't report yourself or what is yours."
STILL_OPEN: Final = "This report is open already."
REPORTED_AGAIN: Final = (
    "Its reporter has reported the same thing again. Handle that report instead."
)
REPORTED: Final = "Members reported this video."
NOT_POSSIBLE: Final = "That can't be done any more. Look at the report again."

# What the uploader reads as the reason why a reported video is hidden.
_HIDDEN_FOR: Final = {
    ReportReason.UNFIT: HiddenReason.NOT_FOR_GROUP,
    ReportReason.RIGHTS: HiddenReason.PRIVACY,
    ReportReason.PICTURED: HiddenReason.PERSON,
    ReportReason.HARASSMENT: HiddenReason.HARASSMENT,
    ReportReason.OTHER: HiddenReason.OTHER,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a moderator writes when handling reports. Empty messages are not sent."""

    note: str = ""
    message_to_reporter: str = ""
    message_to_member: str = ""


# -- by members ------------------------------------------------------------------------------------


def report_video(*, video: Video, reporter: User, reason: str, text: str = "") -> Report:
    """Reports a video, with its title and description as they are now. The caller has checked that
    the reporter may see it.

    Returns the report, or the one that the reporter has open on it already. Raises: ValidationError
    for a wrong reason, a missing or too long text, one's own video, and if there is nobody who
    could handle it; RateLimitedError; Video.DoesNotExist when it was deleted meanwhile.
    """
    text = _checked(reason, text)
    with transaction.atomic():
        # The lock lets one request at a time look for an open report.
        now = Video.objects.select_for_update(no_key=True, of=("self",)).select_related(
            "uploaded_by"
        )
        current = now.get(pk=video.pk)
        thing = {"kind": ReportKind.VIDEO, "video": current, "member": current.uploaded_by}
        about = {"title": current.title, "quote": current.description or ""}
        return _open(reporter, {**thing, **about, "reason": reason, "text": text})


def report_comment(*, comment: Comment, reporter: User, reason: str, text: str = "") -> Report:
    """Reports a comment, with its text as it is now. Otherwise as `report_video`.

    Raises: also Comment.DoesNotExist when it was deleted meanwhile.
    """
    text = _checked(reason, text)
    with transaction.atomic():
        now = Comment.objects.present().select_for_update(no_key=True, of=("self",))
        current = now.select_related("author", "video").get(pk=comment.pk)
        thing = {"kind": ReportKind.COMMENT, "comment": current, "member": current.author}
        about = {"title": current.video.title, "quote": current.text}
        return _open(reporter, {**thing, **about, "reason": reason, "text": text})


def report_member(*, member: User, reporter: User, reason: str, text: str = "") -> Report:
    """Reports a member. Otherwise as `report_video`. Raises: also User.DoesNotExist."""
    text = _checked(reason, text)
    with transaction.atomic():
        current = User.objects.select_for_update(no_key=True).get(pk=member.pk)
        thing = {"kind": ReportKind.MEMBER, "member": current, "title": current.username}
        return _open(reporter, {**thing, "reason": reason, "text": text})


def _checked(reason: str, text: str) -> str:
    """The cleaned text. Raises: ValidationError."""
    text = clean_text(text)
    if reason not in ReportReason.values:
        raise ValidationError(REASON_MISSING)
    if reason == ReportReason.OTHER and not text:
        raise ValidationError(TEXT_MISSING)
    if len(text) > MAX_REPORT_TEXT:
        raise ValidationError(REPORT_TOO_LONG)
    return text


def _open(reporter: User, fields: dict[str, Any]) -> Report:
    """Stores a report of a thing that the caller has locked."""
    member: User = fields["member"]
    if member.pk == reporter.pk:
        raise ValidationError(OWN_THING)
    if not can_be_handled(member):
        raise ValidationError(NOBODY_ELSE.format(member.username))
    report = Report(reporter=reporter, member_name=member.username, **fields)
    if (same := open_report_on(report)) is not None:
        return same
    if not allow("report", str(reporter.pk), times=MAX_REPORTS, within=WITHIN):
        raise RateLimitedError(TOO_MANY, seconds=int(WITHIN.total_seconds()))
    report.save(force_insert=True)
    return report


# -- by moderators ---------------------------------------------------------------------------------


def resolve_report(
    *,
    report: Report,
    by: User,
    act: ReportAct = ReportAct.NONE,
    answer: Answer = Answer(),
    seen_until: datetime | None = None,
) -> list[Report]:
    """Acts on the reported thing and resolves all open reports of it, in one transaction.

    Args:
        seen_until: when the newest report was made that the moderator has seen. Later ones stay
            open; without it there are none.

    Returns the resolved reports. Raises: ValidationError if another moderator was faster, if the
    act is impossible (the thing is gone, the member is the last admin), or if a text is too long;
    Report.DoesNotExist if `by` may not handle it.
    """
    return _handle(report, by, ReportState.RESOLVED, act, answer, seen_until)


def reject_report(
    *,
    report: Report,
    by: User,
    answer: Answer = Answer(),
    seen_until: datetime | None = None,
) -> list[Report]:
    """Rejects all open reports of a thing: nothing is wrong with it. Otherwise as
    `resolve_report`."""
    return _handle(report, by, ReportState.REJECTED, ReportAct.NONE, answer, seen_until)


def reopen_report(*, report: Report, by: User) -> list[Report]:
    """Opens a report again, with all that were handled by the same decision. Notifications about
    the decision are withdrawn; what was done to the thing stays as it is.

    Returns the open reports. Raises: ValidationError if it is open already or its reporter has
    another open report of the same thing; Report.DoesNotExist if `by` may not handle it.
    """
    try:
        with transaction.atomic():
            _lock_thing(report)
            current = _locked(Report.objects.handled_by_staff(by)).get(pk=report.pk)
            if current.is_open:
                raise ValidationError(STILL_OPEN)
            same = Report.objects.of_same_thing(current)
            again = set(same.open().values_list("reporter", flat=True)) - {None}
            together = _locked(same.filter(handled_at=current.handled_at))
            back = [each for each in together if each.reporter_id not in again]
            if current not in back:
                raise ValidationError(REPORTED_AGAIN)
            withdraw_decision(reports=back)
            _store(back, state=ReportState.OPEN, handled_at=None, handled_by=None)
            states = (ReportState(current.state), ReportState.OPEN)
            _record("report.reopen", current, states, reports=len(back))
    except IntegrityError as error:  # the reporter was faster
        raise ValidationError(REPORTED_AGAIN) from error
    return back


def _handle(
    report: Report,
    by: User,
    state: ReportState,
    act: ReportAct,
    answer: Answer,
    seen_until: datetime | None,
) -> list[Report]:
    texts = _checked_answer(answer, act)
    with transaction.atomic():
        _count_messages(by, answer)
        _lock_thing(report)
        current = _locked(Report.objects.handled_by_staff(by)).get(pk=report.pk)
        if not current.is_open:
            raise ValidationError(handled_sentence(current))
        together = Report.objects.open().of_same_thing(current)
        if seen_until is not None:
            together = together.filter(created_at__lte=max(seen_until, current.created_at))
        reports = list(_locked(together))
        is_told = _act(current, by, act, texts["message_to_member"])
        _store(reports, state=state, handled_at=timezone.now(), handled_by=by, **texts)
        notify_of_decision(reports=reports, by=by, is_member_told=is_told)
        verb = "resolve" if state == ReportState.RESOLVED else "reject"
        after = {"act": act.value} if act else {}
        states = (ReportState.OPEN, state)
        _record(f"report.{verb}", current, states, reports=len(reports), **after)
    return reports


def _count_messages(by: User, answer: Answer) -> None:
    """Counts a decision that sends a message. Raises: ValidationError after too many."""
    if by.is_admin or not (answer.message_to_reporter or answer.message_to_member):
        return
    if not allow("report answer", str(by.pk), times=MAX_ANSWERS, within=WITHIN):
        raise ValidationError(TOO_MANY_ANSWERS)


def handled_sentence(report: Report) -> str:
    """Tells a moderator who was first: "This report was resolved by mona 2 minutes ago." """
    who = report.handled_by.username if report.handled_by else "a former member"
    assert report.handled_at is not None
    when = age_in_words(report.handled_at, timezone.now())
    return f"This report was {ReportState(report.state).label.lower()} by {who} {when}."


def _checked_answer(answer: Answer, act: ReportAct) -> dict[str, str]:
    """The cleaned texts. Raises: ValidationError, by field."""
    texts = {name: clean_text(getattr(answer, name)) for name in Answer.__slots__}
    errors = {name: MESSAGE_TOO_LONG for name, text in texts.items() if len(text) > MAX_MESSAGE}
    if act is ReportAct.HIDE_VIDEO and len(texts["message_to_member"]) > MAX_HIDDEN_TEXT:
        errors["message_to_member"] = HIDDEN_TEXT_TOO_LONG
    if errors:
        raise ValidationError(errors)
    return texts


def _lock_thing(report: Report) -> None:
    """Locks what is reported, before its reports (videos.services.locks)."""
    if report.kind == ReportKind.MEMBER:
        # They may be deactivated.
        lock_with_admins(*[report.member_id] if report.member_id else [])
        return
    is_video = report.kind == ReportKind.VIDEO
    things: QuerySet[Any] = Video.objects.all() if is_video else Comment.objects.all()
    key = report.video_id if is_video else report.comment_id
    list(things.select_for_update(no_key=True).filter(pk=key).values_list("pk"))


def _locked(reports: QuerySet[Report]) -> QuerySet[Report]:
    found = reports.select_for_update(of=("self",)).order_by("created_at", "id")
    return found.select_related("video", "comment", "member", "handled_by")


def _store(reports: list[Report], **changes: Any) -> None:
    Report.objects.filter(pk__in=[report.pk for report in reports]).update(**changes)
    for report in reports:
        for name, value in changes.items():
            setattr(report, name, value)


def _act(report: Report, by: User, act: ReportAct, message: str) -> bool:
    """Does what the moderator chose. Nothing happens if it is done already.

    Returns whether the member has heard of it, with the message.

    Args:
        message: to the uploader, who reads it as the reason why the video is hidden.

    Moderators have no reports about members of their rank or above (ReportQuerySet), so that their
    ranks need no check here. Raises: ValidationError if the thing is gone.
    """
    thing = {
        ReportAct.HIDE_VIDEO: report.video,
        ReportAct.DELETE_COMMENT: report.comment,
        ReportAct.DEACTIVATE: report.member,
    }.get(act)
    if act and thing is None:
        raise ValidationError(NOT_POSSIBLE)
    if isinstance(thing, Video):
        if not thing.is_hidden:
            reason = _HIDDEN_FOR[ReportReason(report.reason)]
            text = message or (REPORTED if reason is HiddenReason.OTHER else "")
            hide_video(video=thing, by=by, reason=reason, text=text)
            return True
    elif isinstance(thing, Comment):
        delete_comment(comment=thing, by=by)
    elif thing is not None and thing.is_active:
        deactivate_member(user=thing)
    return False


def _record(
    action: str, report: Report, states: tuple[ReportState, ReportState], **after: Any
) -> None:
    """Writes to the audit log, with the states before and after. Neither the reporter nor the note
    is in it, since an admin who was reported may read it."""
    member = report.member
    record(
        action,
        report,
        name=report.title,
        member=report.member_id,
        rank=None if member is None else Role(member.role).rank,
        before={"state": states[0].value},
        after={"state": states[1].value, **after},
    )
