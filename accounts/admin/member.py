"""Members in the admin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Count, Subquery, Sum
from django.http import HttpResponseNotAllowed
from django.shortcuts import get_object_or_404, redirect
from django.urls import path
from django.utils.html import format_html

from accounts.admin.shared import is_out_of_reach, links_page, me_of, outranks
from accounts.forms import AddressField
from accounts.models import Role, User
from accounts.services.members import (
    activate_member,
    deactivate_member,
    delete_members,
    is_last_admin,
    set_role,
)
from accounts.services.passwords import reset_link
from accounts.services.quota import quota_state, reset_quota
from clipset.lib.units import human_bytes, plural
from clipset.ui.admin import MAX_LISTED, GuardedAdmin, state_word, with_rest
from clipset.ui.template_tags import initials, relative_time, tone
from siteconfig.forms import TB, BytesField
from siteconfig.models import Config

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.urls import URLPattern
    from django.utils.safestring import SafeString


SELF_DEACTIVATION = "You can't deactivate yourself. Ask another moderator or admin."
SELF_DELETION = "You can't delete yourself. Ask another admin."


def _last_admin(user: User) -> str:
    return f"{user.username} is the last active admin. Make somebody else an admin first."


class MemberForm(forms.ModelForm[User]):
    acting: ClassVar[User]  # whoever fills the form in

    weekly_upload_limit_bytes = BytesField(
        label="Custom weekly limit",
        required=False,
        min_bytes=0,
        max_bytes=100 * TB,
        help_text="For example 10 GB. Leave empty to use the site's limit. Admins have no limit.",
    )

    class Meta:
        model = User
        fields = ["username", "email", "role", "weekly_upload_limit_bytes", "is_active"]
        field_classes = {"email": AddressField}

    def clean_role(self) -> str:
        role = Role(self.cleaned_data["role"])
        if "role" in self.changed_data:
            if outranks(role, self.acting) or outranks(self.instance.role, self.acting):
                raise ValidationError("You can't grant or take a role above your own.")
            if is_last_admin(self.instance):
                raise ValidationError(_last_admin(self.instance))
        return role

    def clean_is_active(self) -> bool:
        active: bool = self.cleaned_data["is_active"]
        if active and self.instance.deleting_since is not None:
            raise ValidationError("This member is being deleted.")
        if "is_active" in self.changed_data and not active:
            if self.instance.pk == self.acting.pk:
                raise ValidationError(SELF_DEACTIVATION)
            if is_last_admin(self.instance):
                raise ValidationError(_last_admin(self.instance))
        return active


@admin.register(User)
class UserAdmin(GuardedAdmin[User]):
    """People come in by invitation, so nobody is added here."""

    form = MemberForm
    list_display = ["picture", "username", "email", "role", "state", "quota", "seen", "on_site"]
    list_display_links = ["username"]
    list_filter = ["role", "is_active"]
    search_fields = ["username", "email"]
    actions = ["deactivate", "activate", "reset_quotas"]
    readonly_fields = ["picture", "quota", "last_upload_reset", "last_login", "created_at"]

    # Who may what
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        if obj is not None and is_out_of_reach(obj, me_of(request)):
            return False
        return super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return request.user.is_superuser and super().has_delete_permission(request, obj)

    # What is shown. Only admins see e-mail addresses (the settings page promises it), and only
    # they search by them: whoever searches can find an address letter by letter.
    def get_list_display(self, request: HttpRequest) -> Any:
        return _without_email(super().get_list_display(request), request)

    def get_search_fields(self, request: HttpRequest) -> Any:
        return _without_email(super().get_search_fields(request), request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """With the site's limit in each row, so that the list asks for it only once."""
        site = Config.objects.filter(pk=Config.SINGLETON_ID).values("weekly_upload_limit_bytes")
        return super().get_queryset(request).annotate(site_limit=Subquery(site[:1]))

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        own_limit = (
            "weekly_upload_limit_bytes" if self.has_change_permission(request, obj) else "own_limit"
        )
        facts = _without_email(["picture", "username", "email", "role", "is_active"], request)
        return [
            (None, {"fields": facts}),
            ("Uploads", {"fields": [own_limit, "quota", "last_upload_reset"]}),
            ("Activity", {"fields": ["created_at", "last_login"]}),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> list[str]:
        """Roles are the admins'. So are addresses: a reset by e-mail would hand the account to
        whoever can change its address."""
        fields = list(self.readonly_fields)
        return fields if request.user.is_superuser else [*fields, "email", "role"]

    def get_form(
        self, request: HttpRequest, obj: User | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        form.acting = me_of(request)  # type: ignore[attr-defined] # a class made for this request
        return form

    @admin.display(description="Picture")
    def picture(self, user: User) -> SafeString:
        if user.avatar_url is None:
            css = f"avatar avatar--32 avatar--t{tone(user.username)}"
            return format_html(
                '<span class="{}" aria-hidden="true">{}</span>', css, initials(user.username)
            )
        return format_html(
            '<img class="thumb thumb--round" src="{}" width="36" height="36" alt=""'
            ' loading="lazy">',
            user.avatar_url,
        )

    @admin.display(description="State", ordering="is_active")
    def state(self, user: User) -> SafeString:
        if user.is_active:
            return state_word("active", "Active", "good")
        if user.deleting_since is not None:
            left = plural(user.videos.count(), "video")
            return state_word("deleting", f"Being deleted, {left} left", "danger")
        return state_word("inactive", "Deactivated", "danger")

    @admin.display(description="Sent this week", ordering="weekly_upload_bytes")
    def quota(self, user: User) -> str:
        site_limit = user.site_limit  # type: ignore[attr-defined] # annotated above
        state = quota_state(user, config=Config(weekly_upload_limit_bytes=site_limit))
        used = human_bytes(state.used_bytes)
        if state.limit_bytes is None:
            return f"{used}, no limit"
        return f"{used} of {human_bytes(state.limit_bytes)}"

    @admin.display(description="Custom weekly limit")
    def own_limit(self, user: User) -> str:
        limit = user.weekly_upload_limit_bytes
        return "–" if limit is None else human_bytes(limit)

    @admin.display(description="Last login", ordering="last_login")
    def seen(self, user: User) -> SafeString | str:
        return relative_time(user.last_login) if user.last_login else "Never"

    @admin.display(description="Profile")
    def on_site(self, user: User) -> SafeString:
        return format_html('<a href="{}">Profile</a>', user.get_absolute_url())

    # Changes
    def save_model(self, request: HttpRequest, obj: User, form: forms.Form, change: bool) -> None:
        """Only what was changed is stored: uploads change the counter at the same time."""
        changed = form.changed_data
        stored = User.objects.get(pk=obj.pk)
        plain = [
            name for name in ("username", "email", "weekly_upload_limit_bytes") if name in changed
        ]
        if plain:
            obj.save(update_fields=plain)
        if "role" in changed:
            set_role(user=stored, role=Role(obj.role), granted_by=me_of(request))
        if "is_active" in changed:
            (activate_member if obj.is_active else deactivate_member)(user=stored)

    def _changeable(self, request: HttpRequest, users: Iterable[User]) -> Iterator[User]:
        for user in users:
            me = me_of(request)
            if is_out_of_reach(user, me):
                rank = "ranks above you" if outranks(user.role, me) else "is a moderator like you"
                self.message_user(
                    request, f"{user.username} wasn't changed: {rank}.", messages.ERROR
                )
            else:
                yield user

    @admin.action(description="Deactivate selected members", permissions=["change"])
    def deactivate(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        done = 0
        for user in self._changeable(request, queryset.filter(is_active=True)):
            try:
                if user.pk == me_of(request).pk:
                    raise ValidationError(SELF_DEACTIVATION)
                with transaction.atomic():
                    deactivate_member(user=user)
                    self.log_change(request, user, "Deactivated.")
                done += 1
            except ValidationError as error:
                self.message_user(request, " ".join(error.messages), messages.ERROR)
        self.message_user(request, f"{plural(done, 'member')} deactivated.")

    @admin.action(description="Activate selected members", permissions=["change"])
    def activate(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        inactive = queryset.filter(is_active=False, deleting_since=None)
        users = list(self._changeable(request, inactive))
        with transaction.atomic():
            for user in users:
                activate_member(user=user)
                self.log_change(request, user, "Activated.")
        self.message_user(request, f"{plural(len(users), 'member')} activated.")

    @admin.action(description="Reset the quota of selected members", permissions=["change"])
    def reset_quotas(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        users = list(self._changeable(request, queryset))
        with transaction.atomic():
            reset_quota(users=[user.pk for user in users])
            for user in users:
                self.log_change(request, user, "Reset the weekly quota.")
        self.message_user(
            request,
            f"The quota of {plural(len(users), 'member')} Weekly quota reset for N members.",
        )

    # Deletion
    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """What really goes: members and their videos. Categories are handed to who deletes."""
        ids = {user.pk for user in objs}
        users = list(
            User.objects.filter(pk__in=ids).annotate(
                video_count=Count("videos"), video_bytes=Sum("videos__file_size_bytes")
            )[:MAX_LISTED]
        )
        listed = [
            format_html(
                "{}: {} ({} sent)",
                user.username,
                plural(user.video_count, "video"),
                human_bytes(user.video_bytes or 0),
            )
            for user in users
        ]
        lacking = set() if self.has_delete_permission(request) else {"member"}
        counts = self.deletion_counts(User.objects.filter(pk__in=ids))
        return with_rest(listed, len(ids)), counts, lacking, _kept(ids, request)

    def deletion_counts(self, queryset: QuerySet[User]) -> dict[str, int]:
        video_count = User.objects.filter(pk__in=queryset.values("pk")).aggregate(
            video_count=Count("videos")
        )
        return {"members": queryset.count(), "videos": video_count["video_count"]}

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        self._delete(request, [obj])

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        self._delete(request, queryset)

    def _delete(self, request: HttpRequest, users: Iterable[User]) -> None:
        ids = [user.pk for user in users]
        delete_members(users=users, heir=me_of(request))
        for user in User.objects.filter(pk__in=ids):
            self.message_user(
                request,
                f"Deactivated: {user.username}. All that is theirs is being deleted; this list "
                "shows how much is left.",
            )

    # The reset link
    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.reset_link_view)
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
        context["offers_reset_link"] = bool(request.user.is_superuser and obj and obj.can_log_in)
        return super().render_change_form(request, context, add, change, form_url, obj)

    def reset_link_view(self, request: HttpRequest, user_id: UUID) -> Any:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not request.user.is_superuser:
            raise PermissionDenied
        user = get_object_or_404(User, pk=user_id)
        if not user.can_log_in:
            reason = (
                "is a sample member, who can't log in while others can reach the site"
                if user.is_active
                else "is deactivated. Activate them first"
            )
            self.message_user(
                request, f"No link was created: {user.username} {reason}.", messages.ERROR
            )
            return redirect("admin:accounts_user_change", user.pk)
        self.log_change(request, user, "Made a password reset link.")
        links = [(user.username, reset_link(user), False)]
        return links_page(self, request, title="Password reset link", links=links)


def _without_email(names: Iterable[Any], request: HttpRequest) -> list[Any]:
    return [name for name in names if name != "email" or me_of(request).is_admin]


def _kept(ids: set[UUID], request: HttpRequest) -> list[str]:
    """Why these members can't be deleted; empty when they can."""
    if me_of(request).pk in ids:
        return [SELF_DELETION]
    return (
        []
        if User.objects.admins().exclude(pk__in=ids).exists()
        else ["One active admin has to stay."]
    )
