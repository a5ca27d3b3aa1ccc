"""The object that a request names, or a 404 that does not tell whether it exists.

An address names a video by its `short_id`, for members, or carries the `token` of a guest link,
which opens one video. In both cases the rights at this moment decide.
"""

from __future__ import annotations

import re
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING

from django.core.exceptions import ObjectDoesNotExist
from django.http import Http404
from django.shortcuts import get_object_or_404

from accounts.admin.shared import may_moderate
from accounts.models import User
from clipset.lib.ids import SHORT_ID_PATTERN
from videos.models import Comment, Notification, Playlist, Upload, UploadState, Video
from videos.selectors.watch import for_watching
from videos.tus import answers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.http import HttpRequest

    from clipset.lib.requests import MemberRequest
    from videos.querysets import VideoQuerySet


@contextmanager
def deleted_is_404() -> Iterator[None]:
    """Turns the `DoesNotExist` of a service into a 404.

    The view has just fetched the object, so that someone else deleted it in between.
    """
    try:
        yield
    except ObjectDoesNotExist as error:
        raise Http404("It was deleted in the meantime.") from error


# -- videos ---------------------------------------------------------------------------------------


def visible_video(request: HttpRequest, short_id: str = "", *, token: str = "") -> Video:
    """A video that the visitor may see and that is not in the trash."""
    return get_object_or_404(_named(request, short_id, token).outside_trash())


def viewable_video(request: HttpRequest, short_id: str = "", *, token: str = "") -> Video:
    """A video that the visitor may see; its uploader and staff also in the trash."""
    return get_object_or_404(_named(request, short_id, token))


def named_video(request: MemberRequest, field: str) -> Video:
    """The video whose short id this form field holds, if the member may see it."""
    return visible_video(request, _short_id(request.POST.get(field, "")))


def watched_video(request: MemberRequest, short_id: str) -> Video:
    """A video that the member may see, annotated for the watch page. Its uploader and staff see it
    in the trash, too."""
    seen = for_watching(Video.objects.viewable_by(request.user), request.user)
    return get_object_or_404(seen, short_id=short_id)


def playable_video(request: HttpRequest, short_id: str = "", *, token: str = "") -> Video:
    """A finished video that the visitor may see; its uploader and staff also in the trash."""
    return get_object_or_404(_named(request, short_id, token).finished())


def editable_video(request: MemberRequest, short_id: str) -> Video:
    """A video that the member may change."""
    return get_object_or_404(Video.objects.editable_by(request.user).for_cards(), short_id=short_id)


def trashed_video(request: MemberRequest, short_id: str) -> Video:
    """A video in the trash that the member may restore."""
    found = Video.objects.restorable_by(request.user).for_cards()
    return get_object_or_404(found, short_id=short_id)


def own_or_trashed_video(request: MemberRequest, short_id: str) -> Video:
    """A video that the member may restore, or that is restored already."""
    return get_object_or_404(Video.objects.owned_by(request.user), short_id=short_id)


def video_hidden_by_others(request: MemberRequest, short_id: str) -> Video:
    """A video of the member that somebody else hid. Raises: Http404."""
    own = Video.objects.filter(uploaded_by=request.user, is_hidden=True).for_cards()
    video = get_object_or_404(own, short_id=short_id)
    if not video.is_hidden_by_staff:
        raise Http404("The uploader hid it.")
    return video


def moderated_video(request: MemberRequest, short_id: str) -> Video:
    """Any video, for staff. Raises: Http404 for everybody else."""
    if not request.user.is_staff:
        raise Http404("Only staff moderate videos.")
    every = Video.objects.editable_by(request.user).for_cards().select_related("hidden_by")
    return get_object_or_404(every, short_id=short_id)


def moderated_comment(request: MemberRequest, short_id: str, comment_id: int) -> Comment:
    """A comment of another member, for staff. Raises: Http404 for everybody else, and if it was
    deleted."""
    comment = comment_of(moderated_video(request, short_id), comment_id)
    if not comment.can_be_hidden_by(request.user):
        raise Http404("The comment was deleted, or is the moderator's own.")
    return comment


def moderated_member(request: MemberRequest, username: str) -> User:
    """Another member, for staff who may change them. Raises: Http404 for everybody else, and for
    members in the trash."""
    if not request.user.is_staff:
        raise Http404("Only staff moderate members.")
    member = get_object_or_404(User.objects.named(username), trashed_at=None)
    if not may_moderate(member, request.user):
        raise Http404("This member is out of reach.")
    return member


def captioned_video(request: MemberRequest, short_id: str) -> Video:
    """A finished video that the member may change: processing can still add captions to others."""
    return get_object_or_404(
        Video.objects.editable_by(request.user).finished().for_cards(), short_id=short_id
    )


def _named(request: HttpRequest, short_id: str, token: str) -> VideoQuerySet:
    """At most one video. Being logged in gives no further rights at a guest's address."""
    if token:
        return Video.objects.opened_by(token)
    return Video.objects.viewable_by(request.user).filter(short_id=short_id)


def _short_id(text: str) -> str:
    """Keeps texts that cannot be a short id from the database. Raises: Http404."""
    if not re.fullmatch(SHORT_ID_PATTERN, text):
        raise Http404("Not a short id.")
    return text


# -- playlists, comments, notifications -----------------------------------------------------------


def own_playlist(request: MemberRequest, short_id: str) -> Playlist:
    """A playlist that the member made: nobody else changes it."""
    own = Playlist.objects.present().filter(made_by=request.user).select_related("made_by")
    return get_object_or_404(own, short_id=_short_id(short_id))


def deleted_playlist(request: MemberRequest, short_id: str) -> Playlist:
    """A playlist that the member made and deleted, and that is still kept or already restored."""
    own = Playlist.objects.filter(made_by=request.user)
    return get_object_or_404(own, short_id=_short_id(short_id))


def comment_of(video: Video, comment_id: int) -> Comment:
    """A comment on this video, deleted or not. The caller has checked the rights to the video."""
    found = Comment.objects.select_related("author", "parent__author")
    comment = get_object_or_404(found, video=video, pk=comment_id)
    comment.video = video
    return comment


def own_notification(request: MemberRequest, notification_id: int) -> Notification:
    """A notification of the member, about something that they may still see."""
    own = Notification.objects.visible_to(request.user).select_related(
        "video", "comment__video", "report__video", "report__comment__video", "report__member"
    )
    return get_object_or_404(own, pk=notification_id)


# -- uploads --------------------------------------------------------------------------------------


def own_upload(request: MemberRequest, upload_id: str) -> Upload:
    """A resumable upload of the member that is open or has become a video.

    Raises: TusError: 404 for any other upload, 410 for one that is over.
    """
    try:
        key = uuid.UUID(upload_id)
    except ValueError:
        raise answers.unknown() from None
    own = Upload.objects.select_related("video", "user")
    upload = own.filter(pk=key, user=request.user.pk, is_resumable=True).first()
    if upload is None:
        raise answers.unknown()
    has_video = upload.state == UploadState.FINISHED and upload.video is not None
    if upload.has_expired or not (upload.is_open or has_video):
        raise answers.gone()
    return upload
