"""Acts on the rows of the page "Needs attention"."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from django.urls import reverse
from django.utils import timezone

from accounts.models import Invitation, User
from accounts.services.quota_refusals import note_refusal
from clipset.database.clock import database_now
from tests.audited_acts.invitations import invited
from tests.audited_acts.reports import OPEN, of_the_video, resolved
from tests.audited_acts.site import GB, SOME, Entry, Site, covers
from tests.audited_acts.videos import HIDDEN, SHOWN
from tests.builders import make_user
from videos.models import Job, JobState, ReportAct
from videos.services.hiding import hide_video
from videos.services.reports import report_comment
from videos.services.reviews import ask_for_review


def act(site: Site, kind: str, key: object, name: str, **sent: str) -> str:
    """A moderator acts, as htmx does."""
    address = reverse("admin:attention_act", args=[kind, key, name])
    answer = site.by_mod.post(address, sent, headers={"HX-Request": "true"})
    assert answer.status_code == 200, answer.text
    return answer.text


# -- Members ------------------------------------------------------------------------------------
USED: Final = "weekly_upload_bytes"


@covers("admin:attention_act", "attention:quotas:reset")
def reset_a_quota_and_undo_it(site: Site) -> list[Entry]:
    limits: dict[str, Any] = {USED: GB, "weekly_upload_limit_bytes": GB}
    User.objects.filter(pk=site.bob.pk).update(**limits)
    note_refusal(user=User.objects.get(pk=site.bob.pk), size=10)
    done = act(site, "quotas", site.bob.pk, "reset")
    request_id = done.partition('name="request" value="')[2].partition('"')[0]
    act(site, "quotas", site.bob.pk, "undo", request=request_id)
    used, unused = ({USED: size, "last_upload_reset": SOME} for size in (GB, 0))
    return [
        Entry("member.quota", "bob", used, unused),
        Entry("member.quota", "bob", unused, used),
    ]


@covers("attention:quotas:raise")
def raise_a_limit(site: Site) -> list[Entry]:
    limit = "weekly_upload_limit_bytes"
    User.objects.filter(pk=site.bob.pk).update(**{USED: GB, limit: GB})
    note_refusal(user=User.objects.get(pk=site.bob.pk), size=10)
    act(site, "quotas", site.bob.pk, "raise", value=str(2 * GB))
    return [Entry("member.quota", "bob", {limit: GB}, {limit: 2 * GB})]


@covers("attention:storage:raise")
def raise_a_storage_limit(site: Site) -> list[Entry]:
    limit = "stored_limit_bytes"
    User.objects.filter(pk=site.bob.pk).update(stored_bytes=GB, **{limit: GB})
    note_refusal(user=User.objects.get(pk=site.bob.pk), size=10)
    act(site, "storage", site.bob.pk, "raise", value=str(2 * GB))
    return [Entry("member.storage", "bob", {limit: GB}, {limit: 2 * GB})]


@covers("attention:invitations:renew")
def renew_an_expiring_invitation(site: Site) -> list[Entry]:
    soon = timezone.now() + timedelta(hours=1)
    Invitation.objects.filter(pk=site.invitation.pk).update(expires_at=soon)
    act(site, "invitations", site.invitation.pk, "renew")
    return [Entry("invitation.renew", "Member", invited("mod"), invited("mod"))]


# -- Reports and reviews --------------------------------------------------------------------------
@covers("attention:reports:hide")
def hide_a_reported_video_from_the_list(site: Site) -> list[Entry]:
    act(site, "reports", of_the_video(site).pk, "hide")
    return [
        Entry("video.hide", "Concert", SHOWN, HIDDEN),
        resolved("Concert", ReportAct.HIDE_VIDEO),
    ]


@covers("attention:reports:delete-comment")
def delete_a_reported_comment_from_the_list(site: Site) -> list[Entry]:
    report = report_comment(comment=site.comment, reporter=make_user(), reason="HARASSMENT")
    act(site, "reports", report.pk, "delete-comment")
    return [
        Entry("comment.delete", "Hello", {"deleted_at": None}, {"deleted_at": SOME}),
        resolved("Concert", ReportAct.DELETE_COMMENT),
    ]


@covers("attention:reports:resolve", "attention:reports:reject")
def decide_on_reports_from_the_list(site: Site) -> list[Entry]:
    for name in ("resolve", "reject"):
        act(site, "reports", of_the_video(site).pk, name)
    rejected = {"state": "REJECTED", "reports": 1}
    return [resolved("Concert"), Entry("report.reject", "Concert", OPEN, rejected)]


@covers("attention:reviews:unhide")
def unhide_after_a_review(site: Site) -> list[Entry]:
    hide_video(video=site.video, by=site.admin, reason="HARASSMENT")
    asked = ask_for_review(video=site.video, by=site.bob, text="Please look again.")
    act(site, "reviews", asked.pk, "unhide")
    return [Entry("video.unhide", "Concert", HIDDEN, SHOWN)]


# -- Videos -------------------------------------------------------------------------------------
def status(action: str, before: str, after: str) -> Entry:
    name = "processing_status"
    return Entry(action, "Concert", {name: before}, {name: after})


RETRIED: Final = status("video.retry", "FAILED", "PENDING")
STOPPED: Final = status("video.cancel", "PENDING", "FAILED")


@covers(
    "attention:failed-videos:retry",
    "attention:failed-videos:stop",
    "attention:failed-videos:resume",
)
def retry_a_failed_video_stop_and_resume(site: Site) -> list[Entry]:
    for name in ("retry", "stop", "resume"):
        act(site, "failed-videos", site.failed.short_id, name)
    return [RETRIED, STOPPED, RETRIED]


def stuck_job(site: Site) -> Job:
    site.failed.processing_status = "PENDING"
    site.failed.save()
    long_ago = database_now() - timedelta(hours=3)
    return Job.objects.create(video=site.failed, run_after=long_ago, created_at=long_ago)


@covers("attention:stuck-jobs:stop", "attention:stuck-jobs:start")
def stop_a_stuck_job_and_start_it(site: Site) -> list[Entry]:
    job = stuck_job(site)
    act(site, "stuck-jobs", job.pk, "stop")
    act(site, "stuck-jobs", job.pk, "start")
    return [STOPPED, RETRIED]


@covers("attention:stuck-jobs:retry", "attention:stuck-jobs:cancel")
def retry_a_stuck_job_and_stop_it(site: Site) -> list[Entry]:
    job = stuck_job(site)
    act(site, "stuck-jobs", job.pk, "retry")
    act(site, "stuck-jobs", job.pk, "cancel")
    assert Job.objects.get(pk=job.pk).state == JobState.FAILED
    return [Entry("video.retry", "Concert"), STOPPED]
