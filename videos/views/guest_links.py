"""A video's guest links: its uploader makes, sees and revokes them; staff see and revoke them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from videos.access import editable_video
from videos.forms import GuestLinkForm
from videos.selectors.cards import cards
from videos.selectors.guest_links import guest_address
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

SHOWN = 200


@require_http_methods(["GET", "HEAD", "POST"])
def guest_links(request: MemberRequest, short_id: str) -> HttpResponse:
    video = editable_video(request, short_id)
    if request.method != "POST":
        return _page(request, video, GuestLinkForm())
    if not _is_own(request, video):
        raise Http404("Only its uploader makes links.")
    form = GuestLinkForm(request.POST)
    if form.is_valid():
        try:
            issued = create_guest_link(
                video=video,
                created_by=request.user,
                lifetime=timedelta(days=form.cleaned_data["days"]),
                note=form.cleaned_data["note"],
            )
        except ValidationError as error:
            form.add_error(None, error)
        else:
            # Shown in the answer itself: the link is stored nowhere, not even in a message.
            return _page(request, video, GuestLinkForm(), issued)
    return _page(request, video, form, status=422)


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
        "links": _shown(video),
        "issued": issued,
        "address": guest_address(issued.token) if issued else "",
        "is_own": _is_own(request, video),
        "opens": video.is_published and video.uploaded_by.is_active,
    }
    return render(request, "videos/guest_links/manage.html", context, status=status)


def _shown(video: Video) -> list[GuestLink]:
    """The newest first. What is open is always among them: nobody could revoke it otherwise."""
    is_open = Q(revoked_at=None, expires_at__gt=timezone.now())
    links = video.guest_links.annotate(is_open=is_open).order_by("-is_open", "-created_at", "-id")
    return sorted(links[:SHOWN], key=lambda link: (link.created_at, link.pk), reverse=True)


def _is_own(request: MemberRequest, video: Video) -> bool:
    return video.uploaded_by_id == request.user.pk


def _link(request: MemberRequest, short_id: str, link_id: UUID) -> GuestLink:
    """Of this very video, which the member may change."""
    return get_object_or_404(editable_video(request, short_id).guest_links, pk=link_id)


@require_POST
def revoke(request: MemberRequest, short_id: str, link_id: UUID) -> HttpResponse:
    link = _link(request, short_id, link_id)
    revoke_guest_link(link=link)
    return _back_to(link)


@require_POST
def restore(request: MemberRequest, short_id: str, link_id: UUID) -> HttpResponse:
    """Undoes a revocation: whoever has the link gets in again."""
    link = _link(request, short_id, link_id)
    if link.video.uploaded_by_id != request.user.pk:
        raise Http404("Only its uploader opens it to guests.")
    try:
        if not restore_guest_link(link=link):
            messages.error(request, "It's too late to undo this. Create a new link instead.")
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    return _back_to(link)


def _back_to(link: GuestLink) -> HttpResponse:
    """To its place on the page, where the keyboard goes on."""
    address = reverse("video_guest_links", args=[link.video.short_id])
    return redirect(f"{address}#link-{link.pk}")
