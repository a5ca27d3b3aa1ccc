"""Invitations in the admin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Q
from django.http import HttpResponseNotAllowed
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import ngettext

from accounts.admin.forms import InvitationAdminForm
from accounts.admin.shared import links_page, may_grant, me_of
from accounts.models import INVITATION_USED, Invitation, Role
from accounts.querysets import InvitationQuerySet
from accounts.services.invitations import (
    issue_invitation,
    renew_invitation,
    revoke_invitation,
)
from clipset.ui.admin import GuardedAdmin, state_word
from clipset.ui.admin_actions import Reason
from clipset.ui.template_tags import relative_time

if TYPE_CHECKING:
    from django import forms
    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.urls import URLPattern
    from django.utils.safestring import SafeString

    from accounts.services.invitations import IssuedInvitation


# Why an action leaves an invitation as it is.
ALREADY_USED: Final = Reason("has already been used", "have already been used")
ONLY_BY_ADMINS: Final = Reason(
    "is for a role that only admins grant", "are for roles that only admins grant"
)


class InvitationState(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", "Open"), ("used", "Used"), ("expired", "Expired")]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Invitation]
    ) -> QuerySet[Invitation]:
        now = timezone.now()
        conditions = {
            "open": Q(used_at=None, expires_at__gt=now),
            "used": Q(used_at__isnull=False),
            "expired": Q(used_at=None, expires_at__lte=now),
        }
        return queryset.filter(conditions.get(self.value() or "", Q()))


@admin.register(Invitation)
class InvitationAdmin(GuardedAdmin[Invitation]):
    """Invitations are created, renewed and revoked here, but never edited. A link is shown once."""

    form = InvitationAdminForm
    list_display = ["email", "role", "state", "created_by", "created_at"]
    list_filter = [InvitationState, "role"]
    list_select_related = ["created_by"]
    search_fields = ["email", "created_by__username"]
    actions = ["renew", "revoke"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Invitation]:
        queryset = super().get_queryset(request)
        assert isinstance(queryset, InvitationQuerySet)
        return queryset.visible_to(me_of(request))

    def has_change_permission(self, request: HttpRequest, obj: Invitation | None = None) -> bool:
        """Allows the action "renew", but no editing of a single invitation."""
        return obj is None and super().has_change_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Invitation | None = None) -> bool:
        if obj is not None and (obj.used_at or not may_grant(me_of(request), obj.role)):
            return False
        return super().has_delete_permission(request, obj)

    def get_fields(self, request: HttpRequest, obj: Invitation | None = None) -> list[Any]:
        facts = ["state", "created_by", "created_at", "expires_at", "used_at"]
        return ["email", "role"] if obj is None else ["email", "role", *facts]

    def get_readonly_fields(self, request: HttpRequest, obj: Invitation | None = None) -> list[str]:
        return [] if obj is None else self.get_fields(request, obj)

    def get_form(
        self,
        request: HttpRequest,
        obj: Invitation | None = None,
        change: bool = False,
        **kwargs: Any,
    ) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        form.acting = me_of(request)  # type: ignore[attr-defined] # a class made for this request
        return form

    def get_actions(self, request: HttpRequest) -> Any:
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)  # the action "revoke" replaces it
        return actions

    @admin.display(description="State", ordering="expires_at")
    def state(self, invitation: Invitation) -> SafeString:
        if invitation.used_at:
            word, moment = state_word("used", "Used", "quiet"), invitation.used_at
            return format_html("{} {}", word, relative_time(moment))
        if invitation.is_open:
            end = timezone.localtime(invitation.expires_at)
            until = f"{end.day} {end:%B %Y, %H:%M}"
            return format_html("{} until {}", state_word("open", "Open", "good"), until)
        word = state_word("expired", "Expired", "warn")
        return format_html("{} {}", word, relative_time(invitation.expires_at))

    # Issuing
    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> Any:
        context = {
            "show_save_and_add_another": False,
            "show_save_and_continue": False,
            **(extra_context or {}),
        }
        return super().add_view(request, form_url, context)

    def save_model(
        self, request: HttpRequest, obj: Invitation, form: forms.Form, change: bool
    ) -> None:
        issued = issue_invitation(email=obj.email, role=Role(obj.role), created_by=me_of(request))
        obj.pk = issued.invitation.pk
        request.issued = issued  # type: ignore[attr-defined] # for response_add

    def response_add(
        self, request: HttpRequest, obj: Invitation, post_url_continue: str | None = None
    ) -> Any:
        return self._links_page(request, [request.issued])  # type: ignore[attr-defined]

    def _links_page(self, request: HttpRequest, issued: list[IssuedInvitation]) -> TemplateResponse:
        count = len(issued)
        title = ngettext("New invitation link", "%(count)d new invitation links", count)
        links = [(one.invitation.email, one.link, one.emailed) for one in issued]
        return links_page(self, request, title=title % {"count": count}, links=links)

    # Renewing and revoking
    def _renew(self, request: HttpRequest, invitation: Invitation) -> IssuedInvitation:
        return renew_invitation(invitation=invitation, renewed_by=me_of(request))

    def _left(self, request: HttpRequest, invitation: Invitation) -> Reason | None:
        """Returns why an action leaves the invitation as it is, None if it does not."""
        if invitation.used_at:
            return ALREADY_USED
        return None if may_grant(me_of(request), invitation.role) else ONLY_BY_ADMINS

    @admin.action(description="Create new links for selected invitations", permissions=["change"])
    def renew(
        self, request: HttpRequest, queryset: QuerySet[Invitation]
    ) -> TemplateResponse | None:
        issued: list[IssuedInvitation] = []

        def act(invitation: Invitation) -> Reason | None:
            if reason := self._left(request, invitation):
                return reason
            issued.append(self._renew(request, invitation))
            return None

        self.act_on_each(
            request,
            queryset,
            act,
            done="{count} renewed.",
            not_done="renewed",
            in_transaction=False,  # it sends e-mails
        )
        return self._links_page(request, issued) if issued else None

    @admin.action(description="Revoke selected invitations", permissions=["delete"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[Invitation]) -> None:
        def act(invitation: Invitation) -> Reason | None:
            reason = self._left(request, invitation)
            if reason is None:
                self.delete_model(request, invitation)
            return reason

        self.act_on_each(request, queryset, act, done="{count} revoked.", not_done="revoked")

    def delete_model(self, request: HttpRequest, obj: Invitation) -> None:
        if not revoke_invitation(invitation=obj):
            raise ValidationError(INVITATION_USED)

    # The object tool
    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.renew_view)
        return [
            path("<uuid:invitation_id>/renew/", view, name="accounts_invitation_renew"),
            *super().get_urls(),
        ]

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Invitation | None = None,
    ) -> Any:
        context["offers_new_link"] = obj is not None and self._may_renew(request, obj)
        return super().render_change_form(request, context, add, change, form_url, obj)

    def _may_renew(self, request: HttpRequest, invitation: Invitation) -> bool:
        return (
            self.has_change_permission(request)
            and invitation.used_at is None
            and may_grant(me_of(request), invitation.role)
        )

    def renew_view(self, request: HttpRequest, invitation_id: UUID) -> Any:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_change_permission(request):
            raise PermissionDenied
        invitation = get_object_or_404(self.get_queryset(request), pk=invitation_id)
        try:
            issued = self._renew(request, invitation)
        except ValidationError as error:
            sentence = f"No new link for {invitation.email}. {' '.join(error.messages)}"
            self.message_user(request, sentence, messages.ERROR)
            return redirect("admin:accounts_invitation_change", invitation.pk)
        return self._links_page(request, [issued])
