"""What staff see of a video besides what everybody sees: processing, reports, history, reviews."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from categories.models import Category
from siteconfig.selectors.audit_log import history_of
from videos.models import Job
from videos.selectors.reports import reports_on
from videos.selectors.reviews import latest_request

if TYPE_CHECKING:
    from accounts.models import User
    from siteconfig.selectors.audit_log import LogRow
    from videos.models import Report, ReviewRequest, Video

MAX_ENTRIES: Final = 10
MAX_CATEGORIES: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Moderation:
    """The menu of staff on a video's page.

    `job` is the latest one. `request` is the open request for a review. `reports` are the open ones
    on the video, and `history` the newest entries of the audit log, that the viewer may read.
    """

    video: Video
    job: Job | None
    request: ReviewRequest | None
    may_retry: bool
    categories: list[Category]
    reports: list[Report]
    history: list[LogRow]


def moderation_of(video: Video, *, viewer: User) -> Moderation:
    """Six queries at most."""
    latest = latest_request(video) if video.is_hidden else None
    return Moderation(
        video=video,
        job=Job.objects.filter(video=video).order_by("-created_at", "-pk").first(),
        request=latest if latest is not None and latest.is_open else None,
        may_retry=video.may_be_retried_by(viewer),
        categories=list(Category.objects.order_by("name")[:MAX_CATEGORIES]),
        reports=reports_on(video, viewer=viewer),
        history=history_of(video, viewer, limit=MAX_ENTRIES),
    )
