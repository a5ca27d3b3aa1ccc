"""The video, or a 404 that does not tell whether it exists.

An address names a video by its `short_id`, for members; or it carries the `token` of a guest's
link, which opens one. Either way the rights of this moment decide.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from django.http import Http404
from django.shortcuts import get_object_or_404

from clipset.lib.ids import SHORT_ID_PATTERN
from videos.models import Comment, Notification, Playlist, Video
from videos.selectors.watch import for_watching

if TYPE_CHECKING:
    from django.http import HttpRequest

    from clipset.lib.requests import MemberRequest
    from videos.querysets import VideoQuerySet


def visible_video(request: HttpRequest, short_id: str = "", *, token: str = "") -> Video:
    """One that whoever asks may see."""
    return get_object_or_404(_named(request, short_id, token))


def named_video(request: MemberRequest, field: str) -> Video:
    """The one that this field of a form names, as far as the member may see it."""
    return visible_video(request, _short_id(request.POST.get(field, "")))


def watched_video(request: MemberRequest, short_id: str) -> Video:
    """One that this member may see, with what its page wants to know of it."""
    seen = for_watching(Video.objects.visible_to(request.user), request.user)
    return get_object_or_404(seen, short_id=short_id)


def playable_video(request: HttpRequest, short_id: str = "", *, token: str = "") -> Video:
    """One that whoever asks may see and that is finished."""
    return get_object_or_404(_named(request, short_id, token).finished())


def editable_video(request: MemberRequest, short_id: str) -> Video:
    """One that this member may change."""
    return get_object_or_404(Video.objects.editable_by(request.user).for_cards(), short_id=short_id)


def captioned_video(request: MemberRequest, short_id: str) -> Video:
    """One that this member may change and that is finished: processing brings captions, too."""
    return get_object_or_404(
        Video.objects.editable_by(request.user).finished().for_cards(), short_id=short_id
    )


def _named(request: HttpRequest, short_id: str, token: str) -> VideoQuerySet:
    """At most one. A log-in gives nothing more at a guest's address."""
    if token:
        return Video.objects.opened_by(token)
    return Video.objects.visible_to(request.user).filter(short_id=short_id)


def _short_id(text: str) -> str:
    """What can't be a name never reaches the database."""
    if not re.fullmatch(SHORT_ID_PATTERN, text):
        raise Http404("This is no short id.")
    return text


def own_playlist(request: MemberRequest, short_id: str) -> Playlist:
    """One that this member made: nobody else changes it."""
    mine = Playlist.objects.present().filter(made_by=request.user).select_related("made_by")
    return get_object_or_404(mine, short_id=_short_id(short_id))


def deleted_playlist(request: MemberRequest, short_id: str) -> Playlist:
    """One that this member made and deleted, and that is still kept, or that they have back
    already."""
    mine = Playlist.objects.filter(made_by=request.user)
    return get_object_or_404(mine, short_id=_short_id(short_id))


def comment_of(video: Video, comment_id: int) -> Comment:
    """One of this video, deleted or not; whoever asks may see the video."""
    found = Comment.objects.select_related("author", "parent__author")
    comment = get_object_or_404(found, video=video, pk=comment_id)
    comment.video = video
    return comment


def own_notification(request: MemberRequest, notification_id: int) -> Notification:
    """One of this member's, about what they may still see."""
    mine = Notification.objects.visible_to(request.user).select_related("video", "comment__video")
    return get_object_or_404(mine, pk=notification_id)
