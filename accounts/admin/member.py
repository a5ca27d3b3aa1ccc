"""Members in the admin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponseNotAllowed
from django.shortcuts import get_object_or_404, redirect
from django.urls import path
from django.utils.html import format_html

from accounts.admin.forms import MemberForm
from accounts.admin.member_columns import MemberColumns, counts_of_deactivation, with_facts
from accounts.admin.second_factor import ResetsSecondFactor
from accounts.admin.sections import member_sections
from accounts.admin.shared import is_out_of_reach, links_page, me_of, sensitive_for_oneself
from accounts.admin.trash import TrashedMembers
from accounts.confirming import needs_confirmation
from accounts.models import Role, User, normalize_email
from accounts.selectors import counts_of_members
from accounts.services.members import (
    NO_ADMIN_LEFT,
    SELF_DELETION,
    activate_member,
    change_email,
    deactivate_member,
    rename_member,
    set_role,
)
from accounts.services.passwords import create_reset_link
from accounts.services.quota import reset_quota, set_weekly_limit
from accounts.services.stored_limit import set_stored_limit
from clipset.database.limited import counted
from clipset.lib.refusals import RateLimitedError
from clipset.lib.units import human_bytes
from clipset.ui.admin import GuardedAdmin, TrashFilter
from clipset.ui.admin_actions import Reason
from clipset.ui.admin_confirmation import question
from clipset.ui.admin_deletion import MAX_LISTED, with_rest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django import forms
    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.template.response import TemplateResponse
    from django.urls import URLPattern


NO_LINK_FOR_SAMPLE = (
    "Can't create a link: %(username)s is a sample member, and sample members can't log in to a "
    "site that others can reach."
)
NO_LINK_FOR_INACTIVE = (
    "Can't create a link: %(username)s is deactivated. Activate them first, then try again."
)

# Why an action leaves a member as they are.
YOURSELF: Final = Reason("is your own account", "are your own account")
RANKS_ABOVE: Final = Reason("is an admin", "are admins")
IS_A_MODERATOR: Final = Reason("is a moderator like you", "are moderators like you")
NOT_ACTIVE: Final = Reason("is not active", "are not active")
ALREADY_ACTIVE: Final = Reason("is already active", "are already active")
IS_IN_TRASH: Final = Reason("is in the trash", "are in the trash")
IS_BEING_DELETED: Final = Reason("is being deleted", "are being deleted")


@admin.register(User)
class UserAdmin(MemberColumns, TrashedMembers, ResetsSecondFactor, GuardedAdmin[User]):
    """Members are changed and deleted here, but not added: people register by invitation."""

    form = MemberForm
    list_display = [
        "picture",
        "username",
        "email",
        "role",
        "state",
        "quota",
        "stored",
        "seen",
        "on_site",
    ]
    list_display_links = ["username"]
    list_filter = ["role", "is_active", TrashFilter]
    search_fields = ["username", "email"]
    actions = ["deactivate", "activate", "reset_quotas", "restore", "empty"]
    readonly_fields = [
        "picture",
        "state",
        "quota",
        "stored",
        "last_upload_reset",
        "last_login",
        "seen",
        "created_at",
        "second_factor",
    ]

    # Permissions
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        me = me_of(request)
        if obj is not None and (is_out_of_reach(obj, me) or (obj.is_trashed and not me.is_admin)):
            return False  # the name of a member in the trash stays reserved for them
        return super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return request.user.is_superuser and super().has_delete_permission(request, obj)

    # Pages. Only admins see e-mail addresses (the settings page says so), and only admins search
    # by them: a search would let moderators find out an address letter by letter.
    def get_list_display(self, request: HttpRequest) -> Any:
        return _without_email(super().get_list_display(request), request)

    def get_search_fields(self, request: HttpRequest) -> Any:
        return _without_email(super().get_search_fields(request), request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return with_facts(super().get_queryset(request))

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        limits = ["weekly_upload_limit_bytes", "stored_limit_bytes"]
        if not self.has_change_permission(request, obj):
            limits = ["own_limit", "own_stored_limit"]
        activity = ["state", "created_at", "last_login", "seen"]
        if request.user.is_superuser:
            activity.append("second_factor")
        facts = _without_email(["picture", "username", "email", "role", "is_active"], request)
        return [
            (None, {"fields": facts}),
            ("Uploads", {"fields": [*limits, "quota", "last_upload_reset", "stored"]}),
            ("Activity", {"fields": activity}),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> list[str]:
        """Lets only admins change roles and e-mail addresses.

        A person who can change the address of an account can take it over by a password reset.
        """
        fields = list(self.readonly_fields)
        return fields if request.user.is_superuser else [*fields, "email", "role"]

    def get_form(
        self, request: HttpRequest, obj: User | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        form.acting = me_of(request)  # type: ignore[attr-defined] # a class made for this request
        return form

    # Changes
    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        view = super().change_view
        me = me_of(request)
        is_mine = object_id == str(me.pk) and self.has_change_permission(request, me)
        if is_mine and "email" in request.POST:
            is_new = normalize_email(request.POST["email"]) != me.email
            if is_new:
                return needs_confirmation(view)(request, object_id, form_url, extra_context)
        return view(request, object_id, form_url, extra_context)

    def save_model(self, request: HttpRequest, obj: User, form: forms.Form, change: bool) -> None:
        """Saves only the changed fields, since uploads change the counter at the same time."""
        changed = form.changed_data
        stored = User.objects.get(pk=obj.pk)
        if "username" in changed:
            rename_member(user=stored, username=obj.username)
        if "email" in changed:
            change_email(user=stored, email=obj.email)
        if "weekly_upload_limit_bytes" in changed:
            set_weekly_limit(user=stored, limit_bytes=obj.weekly_upload_limit_bytes)
        if "stored_limit_bytes" in changed:
            set_stored_limit(user=stored, limit_bytes=obj.stored_limit_bytes)
        if "role" in changed:
            set_role(user=stored, role=Role(obj.role), granted_by=me_of(request))
        if "is_active" in changed:
            (activate_member if obj.is_active else deactivate_member)(user=stored)

    @admin.action(description="Deactivate selected members", permissions=["change"])
    def deactivate(self, request: HttpRequest, queryset: QuerySet[User]) -> TemplateResponse | None:
        page = question(
            self,
            request,
            queryset,
            title="Deactivate many members",
            note="Deactivate these members? They are logged out everywhere and can't log in until "
            "they are activated again. Those you may not change are left as they are.",
            button="Deactivate",
            counts=lambda: counts_of_deactivation(queryset, me_of(request)),
        )
        if page is not None:
            return page

        def act(user: User) -> Reason | None:
            if user.pk == me_of(request).pk:
                return YOURSELF
            if reason := _left(request, user):
                return reason
            if not user.is_active:
                return NOT_ACTIVE
            deactivate_member(user=user)
            return None

        self.act_on_each(
            request, queryset, act, done="{count} deactivated.", not_done="deactivated"
        )
        return None

    @admin.action(description="Activate selected members", permissions=["change"])
    def activate(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        def act(user: User) -> Reason | None:
            if reason := _left(request, user):
                return reason
            if user.is_active:
                return ALREADY_ACTIVE
            if user.is_trashed:
                return IS_IN_TRASH
            if user.deleting_since is not None:
                return IS_BEING_DELETED
            activate_member(user=user)
            return None

        self.act_on_each(request, queryset, act, done="{count} activated.", not_done="activated")

    @admin.action(description="Reset weekly quota of selected members", permissions=["change"])
    def reset_quotas(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        def act(user: User) -> Reason | None:
            if reason := _left(request, user):
                return reason
            reset_quota(users=[user.pk])
            return None

        self.act_on_each(
            request, queryset, act, done="Weekly quota reset for {count}.", not_done="reset"
        )

    # Deletion
    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Lists the members with their videos. Categories stay, and go to the deleting admin."""
        ids = {user.pk for user in objs}
        users = self.get_queryset(request).filter(pk__in=ids)[:MAX_LISTED]
        listed = [
            format_html(
                "{}: {} ({})",
                user.username,
                counted(user.video_total, "video"),  # type: ignore[attr-defined] # annotated
                human_bytes(user.stored_bytes),
            )
            for user in users
        ]
        lacking = set() if self.has_delete_permission(request) else {"member"}
        counts = self.deletion_counts(User.objects.filter(pk__in=ids))
        return with_rest(listed, len(ids)), counts, lacking, _kept(ids, request)

    def deletion_counts(self, queryset: QuerySet[User]) -> dict[str, int | str]:
        return counts_of_members(queryset)

    # The reset link
    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(sensitive_for_oneself(self.reset_link_view))
        return [
            path("<uuid:user_id>/reset-link/", view, name="accounts_user_reset_link"),
            *super().get_urls(),
        ]

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: User | None = None,
    ) -> Any:
        context["member_sections"] = member_sections(obj, me_of(request)) if obj else []
        context["offers_second_factor_reset"] = self.offers_second_factor_reset(request, obj)
        context["offers_reset_link"] = bool(request.user.is_superuser and obj and obj.can_log_in)
        return super().render_change_form(request, context, add, change, form_url, obj)

    def reset_link_view(self, request: HttpRequest, user_id: UUID) -> Any:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not request.user.is_superuser:
            raise PermissionDenied
        user = get_object_or_404(User, pk=user_id)
        if not user.can_log_in:
            sentence = NO_LINK_FOR_SAMPLE if user.is_active else NO_LINK_FOR_INACTIVE
            self.message_user(request, sentence % {"username": user.username}, messages.ERROR)
            return redirect("admin:accounts_user_change", user.pk)
        try:
            link = create_reset_link(user=user, created_by=me_of(request))
        except RateLimitedError as refusal:
            self.message_user(request, refusal.sentence, messages.ERROR)
            return redirect("admin:accounts_user_change", user.pk)
        links = [(user.username, link, False)]
        return links_page(self, request, title="Password reset link", links=links)


def _without_email(names: Iterable[Any], request: HttpRequest) -> list[Any]:
    return [name for name in names if name != "email" or me_of(request).is_admin]


def _left(request: HttpRequest, user: User) -> Reason | None:
    """Returns why the request's user may not change the member, None if they may."""
    me = me_of(request)
    if not is_out_of_reach(user, me):
        return None
    if user.pk == me.pk:
        return YOURSELF
    return RANKS_ABOVE if user.is_admin else IS_A_MODERATOR


def _kept(ids: set[UUID], request: HttpRequest) -> list[str]:
    """Returns why these members can't be deleted; empty if they can."""
    if me_of(request).pk in ids:
        return [SELF_DELETION]
    return [] if User.objects.admins().exclude(pk__in=ids).exists() else [NO_ADMIN_LEFT]
