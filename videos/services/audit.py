"""Writing to the audit log about videos and what belongs to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from accounts.services.audit import rank_of, record_on_thing_of
from siteconfig.services.audit import Act

if TYPE_CHECKING:
    from categories.models import Category
    from videos.models import GuestLink, Video
    from videos.querysets import VideoQuerySet


def record_on_video(action: str, video: Video, **details: Any) -> None:
    """Records an act of staff on another's video.

    Args:
        details: as for siteconfig.services.audit.record.
    """
    record_on_thing_of(video.uploaded_by_id, action, video, **details)


def record_on_guest_link(action: str, link: GuestLink, **details: Any) -> None:
    """Records an act on a guest link, whoever acts, by the title of the video that it opens."""
    owner, name = link.created_by_id, link.video.title
    record_on_thing_of(owner, action, link, by_anybody=True, name=name, **details)


def acts_on_videos(videos: VideoQuerySet, **states: Any) -> list[Act]:
    """Returns an act for each video, for `record_many_by_staff`. One query.

    Args:
        states: `before` and `after`, the same for each.
    """
    fields = videos.values_list("pk", "title", "uploaded_by", "uploaded_by__role")
    return [
        Act(id=pk, name=title, member=owner, rank=rank_of(role), **states)
        for pk, title, owner, role in fields
    ]


def placement(category: Category | None) -> dict[str, str | None]:
    """Returns a video's category for an entry: its name to read, its id for an undo."""
    if category is None:
        return {"category": None, "category_id": None}
    return {"category": category.name, "category_id": str(category.pk)}
