"""A video's guest links: its uploader creates, sees and revokes them; staff see and revoke them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from clipset.ui.refusals import errors_as_messages
from videos.access import editable_video
from videos.forms import GuestLinkForm
from videos.selectors.cards import cards
from videos.selectors.guest_links import guest_address, listed_guest_links
from videos.services.guest_links import (
    IssuedGuestLink,
    create_guest_link,
    restore_guest_link,
    revoke_guest_link,
)

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpResponse

    from clipset.lib.requests import MemberRequest
    from videos.models import GuestLink, Video


@require_http_methods(["GET", "HEAD", "POST"])
def guest_links(request: MemberRequest, short_id: str) -> HttpResponse:
    """The links of a video; a POST creates one and shows its address once."""
    video = editable_video(request, short_id)
    if request.method != "POST":
        return _page(request, video, GuestLinkForm())
    if not _is_own(request, video):
        raise Http404("Only the uploader creates links.")
    form = GuestLinkForm(request.POST)
    issued = _created(request, video, form) if form.is_valid() else None
    if issued is None:
        return _page(request, video, form, status=422)
    # Shown in this response itself: the link is stored nowhere, not even in a message.
    return _page(request, video, GuestLinkForm(), issued)


def _created(request: MemberRequest, video: Video, form: GuestLinkForm) -> IssuedGuestLink | None:
    """The new link; None if the form now says what is wrong."""
    try:
        return create_guest_link(
            video=video,
            created_by=request.user,
            lifetime=timedelta(days=form.cleaned_data["days"]),
            note=form.cleaned_data["note"],
        )
    except ValidationError as error:
        form.add_error(None, error)
        return None


def _page(
    request: MemberRequest,
    video: Video,
    form: GuestLinkForm,
    issued: IssuedGuestLink | None = None,
    status: int = 200,
) -> HttpResponse:
    context = {
        "video": video,
        "card": cards([video])[0],
        "form": form,
        "links": listed_guest_links(video),
        "issued": issued,
        "address": guest_address(issued.token) if issued else "",
        "is_own": _is_own(request, video),
        "opens": video.is_published and video.uploaded_by.is_active,
    }
    return render(request, "videos/guest_links/manage.html", context, status=status)


def _is_own(request: MemberRequest, video: Video) -> bool:
    return video.uploaded_by_id == request.user.pk


def _link(request: MemberRequest, short_id: str, link_id: UUID) -> GuestLink:
    """A link of this video, which the member may change."""
    return get_object_or_404(editable_video(request, short_id).guest_links, pk=link_id)


@require_POST
def revoke(request: MemberRequest, short_id: str, link_id: UUID) -> HttpResponse:
    link = _link(request, short_id, link_id)
    revoke_guest_link(link=link)
    return _redirect_to(link)


@require_POST
def restore(request: MemberRequest, short_id: str, link_id: UUID) -> HttpResponse:
    """Undoes a revocation: everyone who has the link can watch again."""
    link = _link(request, short_id, link_id)
    if not _is_own(request, link.video):
        raise Http404("Only the uploader opens a video to guests.")
    with errors_as_messages(request):
        if not restore_guest_link(link=link):
            messages.error(request, "It's too late to undo this. Create a new link instead.")
    return _redirect_to(link)


def _redirect_to(link: GuestLink) -> HttpResponse:
    """Back to the link's place on the page, so that the keyboard focus is there."""
    address = reverse("video_guest_links", args=[link.video.short_id])
    return redirect(f"{address}#link-{link.pk}")
