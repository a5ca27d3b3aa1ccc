"""Functions that the admin pages of members and of invitations share."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.template.response import TemplateResponse

from accounts.confirming import needs_confirmation
from accounts.models import Role, User

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from django.http import HttpRequest


def me_of(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user


def may_grant(me: User, role: str) -> bool:
    return Role(me.role).may_grant(Role(role))


def is_out_of_reach(user: User, me: User) -> bool:
    """Returns whether `me` may not change this member.

    Moderators change ordinary members only: not admins, not each other, and not themselves, since
    that would be their own quota. Their settings page has what is theirs to change.
    """
    return not me.is_admin and Role(user.role).rank >= Role(me.role).rank


def may_see_log_ins(user: User, me: User) -> bool:
    """Returns whether `me` may see where this member is logged in: their own, and those below."""
    return user.pk == me.pk or not is_out_of_reach(user, me)


def may_moderate(user: User, me: User) -> bool:
    """Returns whether `me` is offered on the site to deactivate this member or set their quota."""
    return me.is_staff and user.pk != me.pk and not is_out_of_reach(user, me)


def sensitive_for_oneself(
    view: Callable[[HttpRequest, UUID], Any],
) -> Callable[[HttpRequest, UUID], Any]:
    """Decorator of pages about a member. About one's own account they need the password, as the
    settings do: a session that was left open, or stolen, must not be enough to take it."""
    confirmed = needs_confirmation(view)

    @wraps(view)
    def guarded(request: HttpRequest, user_id: UUID) -> Any:
        me = me_of(request)
        takes = me.is_superuser and me.pk == user_id and request.method == "POST"
        return (confirmed if takes else view)(request, user_id)

    return guarded


def links_page(
    model_admin: admin.ModelAdmin[Any],
    request: HttpRequest,
    *,
    title: str,
    links: list[tuple[str, str, bool]],
) -> TemplateResponse:
    """Returns a page with links. It is the only time they are shown, since they are not stored.

    Args:
        links: for each link its recipient, the link, and whether it has been e-mailed.
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
