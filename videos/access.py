"""The video, or a 404 that does not tell whether it exists."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.shortcuts import get_object_or_404

from videos.models import Video

if TYPE_CHECKING:
    from clipset.lib.requests import MemberRequest


def visible_video(request: MemberRequest, short_id: str) -> Video:
    """One that this member may see."""
    return get_object_or_404(Video.objects.visible_to(request.user).for_cards(), short_id=short_id)


def editable_video(request: MemberRequest, short_id: str) -> Video:
    """One that this member may change."""
    return get_object_or_404(Video.objects.editable_by(request.user).for_cards(), short_id=short_id)


def captioned_video(request: MemberRequest, short_id: str) -> Video:
    """One that this member may change and that is finished: processing brings captions, too."""
    return get_object_or_404(
        Video.objects.editable_by(request.user).finished().for_cards(), short_id=short_id
    )


def playable_video(request: MemberRequest, short_id: str) -> Video:
    """One that this member may see and that is finished."""
    return get_object_or_404(Video.objects.visible_to(request.user).finished(), short_id=short_id)
