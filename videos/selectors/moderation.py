"""What staff see of a video besides what everybody sees: processing, history, reviews."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from categories.models import Category
from siteconfig.models import AuditEntry
from videos.models import Job
from videos.selectors.reviews import latest_request

if TYPE_CHECKING:
    from accounts.models import User
    from videos.models import ReviewRequest, Video

MAX_ENTRIES: Final = 10
MAX_CATEGORIES: Final = 200

# What was done, by the action of the audit log; others are named by their verb.
_WORDS: Final = {
    "video.hide": "Hidden",
    "video.unhide": "Unhidden",
    "video.keep_hidden": "Kept hidden after a review",
    "video.edit": "Edited",
    "video.move": "Moved",
    "video.trash": "Moved to the trash",
    "video.restore": "Restored",
    "video.reset_thumbnail": "Thumbnail reset",
    "video.retry": "Processing retried",
    "video.cancel": "Processing stopped",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryRow:
    entry: AuditEntry
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Moderation:
    """The menu of staff on a video's page.

    `job` is the latest one. `request` is the open request for a review.
    """

    video: Video
    job: Job | None
    request: ReviewRequest | None
    may_retry: bool
    categories: list[Category]
    history: list[HistoryRow]


def moderation_of(video: Video, *, viewer: User) -> Moderation:
    """Four queries at most."""
    latest = latest_request(video) if video.is_hidden else None
    return Moderation(
        video=video,
        job=Job.objects.filter(video=video).order_by("-created_at", "-pk").first(),
        request=latest if latest is not None and latest.is_open else None,
        may_retry=video.may_be_retried_by(viewer),
        categories=list(Category.objects.order_by("name")[:MAX_CATEGORIES]),
        history=video_history(video),
    )


def video_history(video: Video) -> list[HistoryRow]:
    """The newest entries of the audit log about a video. One query."""
    found = AuditEntry.objects.filter(object_kind="video", object_id=str(video.pk))
    return [
        HistoryRow(entry=entry, words=_WORDS.get(entry.action) or _verb(entry.action))
        for entry in found.order_by("-pk")[:MAX_ENTRIES]
    ]


def _verb(action: str) -> str:
    return action.partition(".")[2].replace("_", " ").capitalize()
