"""Members in the admin."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Count, Subquery, Sum
from django.http import HttpResponseNotAllowed
from django.shortcuts import get_object_or_404, redirect
from django.urls import path
from django.utils.html import format_html
from django.utils.translation import ngettext

from accounts.admin.forms import MemberForm
from accounts.admin.shared import is_out_of_reach, links_page, me_of, outranks
from accounts.admin.trash import TrashedMembers
from accounts.models import Role, User
from accounts.services.members import (
    NO_ADMIN_LEFT,
    SELF_DEACTIVATION,
    SELF_DELETION,
    activate_member,
    change_email,
    deactivate_member,
    rename_member,
    set_role,
)
from accounts.services.passwords import create_reset_link
from accounts.services.quota import quota_state, reset_quota, set_weekly_limit
from clipset.lib.units import human_bytes, plural
from clipset.ui.admin import MAX_LISTED, GuardedAdmin, TrashFilter, state_word, with_rest
from clipset.ui.template_tags import initials, relative_time, tone
from siteconfig.models import Config

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from django import forms
    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.urls import URLPattern
    from django.utils.safestring import SafeString


RANKS_ABOVE = "Couldn't change %(username)s: they rank above you. Ask an admin."
IS_A_MODERATOR = "Couldn't change %(username)s: they are a moderator like you. Ask an admin."
NO_LINK_FOR_SAMPLE = (
    "Can't create a link: %(username)s is a sample member, and sample members can't log in to a "
    "site that others can reach."
)
NO_LINK_FOR_INACTIVE = (
    "Can't create a link: %(username)s is deactivated. Activate them first, then try again."
)


@admin.register(User)
class UserAdmin(TrashedMembers, GuardedAdmin[User]):
    """Members are changed and deleted here, but not added: people register by invitation."""

    form = MemberForm
    list_display = ["picture", "username", "email", "role", "state", "quota", "seen", "on_site"]
    list_display_links = ["username"]
    list_filter = ["role", "is_active", TrashFilter]
    search_fields = ["username", "email"]
    actions = ["deactivate", "activate", "reset_quotas", "restore", "empty"]
    readonly_fields = ["picture", "state", "quota", "last_upload_reset", "last_login", "created_at"]

    # Permissions
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        if obj is not None and is_out_of_reach(obj, me_of(request)):
            return False
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
        """Annotates each row with the site's limits, so that the list needs one query for them."""
        site = Config.objects.filter(pk=Config.SINGLETON_ID)
        limit, days = site.values("weekly_upload_limit_bytes"), site.values("trash_days")
        members = super().get_queryset(request)
        return members.annotate(site_limit=Subquery(limit[:1]), trash_days=Subquery(days[:1]))

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        own_limit = (
            "weekly_upload_limit_bytes" if self.has_change_permission(request, obj) else "own_limit"
        )
        facts = _without_email(["picture", "username", "email", "role", "is_active"], request)
        return [
            (None, {"fields": facts}),
            ("Uploads", {"fields": [own_limit, "quota", "last_upload_reset"]}),
            ("Activity", {"fields": ["state", "created_at", "last_login"]}),
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
        if user.deleting_since is None and user.trashed_at is not None:
            days = timedelta(days=user.trash_days or 0)  # type: ignore[attr-defined] # annotated
            until = f"In the trash until {user.trashed_at + days:%-d %B}"
            return state_word("trashed", until, "warn")
        if user.deleting_since is not None:
            videos = user.videos.count()
            sentence = ngettext(
                "Being deleted, %(count)d video left",
                "Being deleted, %(count)d videos left",
                videos,
            )
            return state_word("deleting", sentence % {"count": videos}, "danger")
        return state_word("inactive", "Deactivated", "danger")

    @admin.display(description="Uploaded this week", ordering="weekly_upload_bytes")
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
    def on_site(self, user: User) -> SafeString | str:
        if user.is_trashed:
            return "–"
        return format_html('<a href="{}">Profile</a>', user.get_absolute_url())

    # Changes
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
        if "role" in changed:
            set_role(user=stored, role=Role(obj.role), granted_by=me_of(request))
        if "is_active" in changed:
            (activate_member if obj.is_active else deactivate_member)(user=stored)

    def _changeable(self, request: HttpRequest, users: Iterable[User]) -> Iterator[User]:
        """Yields the members that the request's user may change; names the others in messages."""
        me = me_of(request)
        for user in users:
            if is_out_of_reach(user, me):
                sentence = RANKS_ABOVE if outranks(user.role, me) else IS_A_MODERATOR
                self.message_user(request, sentence % {"username": user.username}, messages.ERROR)
            else:
                yield user

    @admin.action(description="Deactivate selected members", permissions=["change"])
    def deactivate(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        done = 0
        for user in self._changeable(request, queryset.filter(is_active=True)):
            try:
                if user.pk == me_of(request).pk:
                    raise ValidationError(SELF_DEACTIVATION)
                deactivate_member(user=user)
                done += 1
            except ValidationError as error:
                self.message_user(request, " ".join(error.messages), messages.ERROR)
        sentence = ngettext("%(count)d member deactivated.", "%(count)d members deactivated.", done)
        self.message_user(request, sentence % {"count": done})

    @admin.action(description="Activate selected members", permissions=["change"])
    def activate(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        inactive = queryset.filter(is_active=False, deleting_since=None, trashed_at=None)
        users = list(self._changeable(request, inactive))
        with transaction.atomic():
            for user in users:
                activate_member(user=user)
        done = len(users)
        sentence = ngettext("%(count)d member activated.", "%(count)d members activated.", done)
        self.message_user(request, sentence % {"count": done})

    @admin.action(description="Reset weekly quota of selected members", permissions=["change"])
    def reset_quotas(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        users = list(self._changeable(request, queryset))
        reset_quota(users=[user.pk for user in users])
        done = len(users)
        sentence = ngettext(
            "Weekly quota reset for %(count)d member.",
            "Weekly quota reset for %(count)d members.",
            done,
        )
        self.message_user(request, sentence % {"count": done})

    # Deletion
    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Lists the members with their videos. Categories stay, and go to the deleting admin."""
        ids = {user.pk for user in objs}
        users = list(
            User.objects.filter(pk__in=ids).annotate(
                video_count=Count("videos"), video_bytes=Sum("videos__file_size_bytes")
            )[:MAX_LISTED]
        )
        listed = [
            format_html(
                "{}: {} ({})",
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
            sentence = NO_LINK_FOR_SAMPLE if user.is_active else NO_LINK_FOR_INACTIVE
            self.message_user(request, sentence % {"username": user.username}, messages.ERROR)
            return redirect("admin:accounts_user_change", user.pk)
        links = [(user.username, create_reset_link(user=user), False)]
        return links_page(self, request, title="Password reset link", links=links)


def _without_email(names: Iterable[Any], request: HttpRequest) -> list[Any]:
    return [name for name in names if name != "email" or me_of(request).is_admin]


def _kept(ids: set[UUID], request: HttpRequest) -> list[str]:
    """Returns why these members can't be deleted; empty if they can."""
    if me_of(request).pk in ids:
        return [SELF_DELETION]
    return [] if User.objects.admins().exclude(pk__in=ids).exists() else [NO_ADMIN_LEFT]
