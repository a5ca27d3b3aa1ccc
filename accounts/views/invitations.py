"""The page of invitations, for members who may invite."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from accounts.forms import InvitationForm
from accounts.models import INVITATION_USED, Invitation, Role, User
from accounts.services.invitations import (
    TOO_MANY,
    issue_invitation,
    renew_invitation,
    revoke_invitation,
)

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from accounts.services.invitations import IssuedInvitation

MAX_SHOWN = 200


def _inviter(request: HttpRequest) -> User:
    """Returns the logged-in member if they may invite.

    Raises: Http404 for others, so that the answer does not show them that the page exists.
    """
    assert isinstance(request.user, User)
    if not request.user.has_perm("accounts.add_invitation"):
        raise Http404("No such page.")
    return request.user


def _invitation(request: HttpRequest, invitation_id: UUID) -> Invitation:
    """Returns an invitation that the logged-in member may change.

    They may change those that they see and whose role they may grant.

    Raises: Http404 for any other.
    """
    inviter = _inviter(request)
    invitation = Invitation.objects.visible_to(inviter).filter(pk=invitation_id).first()
    if invitation is None or not Role(inviter.role).may_grant(Role(invitation.role)):
        raise Http404("No such invitation.")
    return invitation


def _page(
    request: HttpRequest,
    form: InvitationForm,
    issued: IssuedInvitation | None = None,
    status: int = 200,
) -> HttpResponse:
    inviter = _inviter(request)
    visible = Invitation.objects.visible_to(inviter)
    context = {
        "form": form,
        "invitations": visible.select_related("created_by")[:MAX_SHOWN],
        "issued": issued,
        "link": issued.link if issued else None,
        "emailed": issued.emailed if issued else False,
        "mail_is_configured": settings.MAIL_IS_CONFIGURED,
    }
    return render(request, "accounts/invitations.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
def invitation_list(request: HttpRequest) -> HttpResponse:
    inviter = _inviter(request)
    if request.method != "POST":
        return _page(request, InvitationForm(granter=inviter))
    form = InvitationForm(request.POST, granter=inviter)
    if form.is_valid():
        try:
            issued = issue_invitation(
                email=form.cleaned_data["email"],
                role=Role(form.cleaned_data["role"]),
                created_by=inviter,
            )
        except ValidationError as error:
            form.add_error(None, error)
            if getattr(error, "code", "") == TOO_MANY:
                return _page(request, form, status=429)
        else:
            # The link is shown in the answer itself and not stored, not even in a message.
            return _page(request, InvitationForm(granter=inviter), issued)
    return _page(request, form, status=422)


@require_POST
def invitation_renew(request: HttpRequest, invitation_id: UUID) -> HttpResponse:
    invitation = _invitation(request, invitation_id)
    inviter = _inviter(request)
    try:
        issued = renew_invitation(invitation=invitation, renewed_by=inviter)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return redirect("invitation_list")
    return _page(request, InvitationForm(granter=inviter), issued)


@require_POST
def invitation_revoke(request: HttpRequest, invitation_id: UUID) -> HttpResponse:
    invitation = _invitation(request, invitation_id)
    if revoke_invitation(invitation=invitation):
        messages.success(request, f"Invitation for {invitation.email} revoked")
    else:
        messages.error(request, INVITATION_USED)
    return redirect("invitation_list")
