"""Decisions of staff about reports, and what they do to the reported thing."""

from __future__ import annotations

from typing import Final

from django.urls import reverse

from tests.audited_acts.site import SOME, Entry, Site, covers
from tests.audited_acts.videos import HIDDEN, SHOWN
from tests.builders import make_user
from videos.models import Report, ReportAct
from videos.services.reports import report_comment, report_member, report_video

OPEN: Final = {"state": "OPEN"}


def decide(site: Site, report: Report, decision: str) -> None:
    """Somebody decides who isn't the reporter; neither texts nor the reporter are recorded."""
    site.change("videos_report", report, {"decision": decision, "note": "private"})


def of_the_video(site: Site) -> Report:
    return report_video(video=site.video, reporter=make_user(), reason="HARASSMENT")


@covers("videos_report:change", "videos_report_reopen")
def reject_and_reopen_a_report(site: Site) -> list[Entry]:
    report = of_the_video(site)
    decide(site, report, "reject")
    address = reverse("admin:videos_report_reopen", args=[report.pk])
    assert site.by_admin.post(address).status_code == 302
    rejected = {"state": "REJECTED"}
    return [
        Entry("report.reject", "Concert", OPEN, {**rejected, "reports": 1}),
        Entry("report.reopen", "Concert", rejected, {**OPEN, "reports": 1}),
    ]


def resolved(name: str, act: str = "") -> Entry:
    done = {"act": act} if act else {}
    return Entry("report.resolve", name, OPEN, {"state": "RESOLVED", "reports": 1, **done})


@covers()
def resolve_a_report(site: Site) -> list[Entry]:
    decide(site, of_the_video(site), "")
    return [resolved("Concert")]


@covers()
def hide_a_reported_video(site: Site) -> list[Entry]:
    decide(site, of_the_video(site), ReportAct.HIDE_VIDEO)
    return [
        Entry("video.hide", "Concert", SHOWN, HIDDEN),
        resolved("Concert", ReportAct.HIDE_VIDEO),
    ]


@covers()
def delete_a_reported_comment(site: Site) -> list[Entry]:
    report = report_comment(comment=site.comment, reporter=make_user(), reason="HARASSMENT")
    decide(site, report, ReportAct.DELETE_COMMENT)
    return [
        Entry("comment.delete", "Hello", {"deleted_at": None}, {"deleted_at": SOME}),
        resolved("Concert", ReportAct.DELETE_COMMENT),
    ]


@covers()
def deactivate_a_reported_member(site: Site) -> list[Entry]:
    report = report_member(member=site.bob, reporter=make_user(), reason="HARASSMENT")
    decide(site, report, ReportAct.DEACTIVATE)
    return [
        Entry("member.deactivate", "bob", {"is_active": True}, {"is_active": False}),
        resolved("bob", ReportAct.DEACTIVATE),
    ]
