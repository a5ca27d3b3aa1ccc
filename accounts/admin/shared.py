"""What the admin pages of members and of invitations share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.template.response import TemplateResponse

from accounts.models import Role, User

if TYPE_CHECKING:
    from django.http import HttpRequest


def me_of(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user


def outranks(role: str, me: User) -> bool:
    return Role(role).rank > Role(me.role).rank


def is_out_of_reach(user: User, me: User) -> bool:
    """Whether `me` may not change this member: moderators change only themselves and members."""
    return not me.is_admin and user.pk != me.pk and Role(user.role).rank >= Role(me.role).rank


def links_page(
    model_admin: admin.ModelAdmin[Any],
    request: HttpRequest,
    *,
    title: str,
    links: list[tuple[str, str, bool]],
) -> TemplateResponse:
    """Shows links this once: they are stored nowhere, not even in a message.

    Each is (whom it is for, the link, whether it went out by e-mail).
    """
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "title": title,
        "links": links,
    }
    response = TemplateResponse(request, "admin/accounts/links.html", context)
    response["Cache-Control"] = "no-store"
    return response
