"""The trash of members in the admin: restoring, and deleting for good."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.admin.options import IS_POPUP_VAR
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpResponseNotAllowed
from django.shortcuts import get_object_or_404, redirect
from django.urls import path

from accounts.admin.shared import me_of
from accounts.models import User
from accounts.services.members import delete_members
from accounts.services.trash import restore_member, trash_members
from clipset.lib.units import plural
from clipset.ui.admin import IN_TRASH, GuardedAdmin, TrashFilter
from clipset.ui.admin_deletion import empty_trash_page
from siteconfig.services.config import current_config

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern

    _Base = GuardedAdmin[User]
else:
    _Base = object

BEING_DELETED_NOW = (
    "%(username)s is deactivated and is being deleted. With many videos this takes a while; this "
    "list shows how many are left."
)


class TrashedMembers(_Base):
    """What UserAdmin does with the trash. Only admins delete members and restore them."""

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Those of the trash in the list of the trash, all others elsewhere."""
        actions: dict[str, Any] = super().get_actions(request)
        names = ("restore", "empty")
        of_trash = {name: actions.pop(name) for name in names if name in actions}
        return of_trash if request.GET.get(TrashFilter.parameter_name) == IN_TRASH else actions

    @admin.action(description="Restore selected members", permissions=["delete"])
    def restore(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        done = 0
        for user in queryset.filter(trashed_at__isnull=False):
            done += self._restore(request, user)
        if done:
            self.message_user(request, f"{plural(done, 'member')} restored.")

    def _restore(self, request: HttpRequest, user: User) -> bool:
        try:
            restore_member(user=user, by=me_of(request))
        except User.DoesNotExist:
            return False  # deleted for good meanwhile
        except ValidationError as error:
            self.message_user(
                request, f"{user.username}: {' '.join(error.messages)}", messages.ERROR
            )
            return False
        return True

    @admin.action(description="Delete selected members for good…", permissions=["delete"])
    def empty(self, request: HttpRequest, queryset: QuerySet[User]) -> HttpResponse | None:
        """Asks, and then deletes; members with much are deleted by a worker."""
        chosen = User.objects.filter(pk__in=queryset.values("pk"), trashed_at__isnull=False)
        if request.POST.get("post"):
            count = chosen.count()
            delete_members(users=list(chosen), heir=me_of(request))
            self.message_user(request, f"{plural(count, 'member')} deleted for good.")
            return None
        return empty_trash_page(self, request, chosen)

    def deleted_sentence(self, count: int) -> str:
        done = "moved to the trash" if current_config().trash_days else "deleted"
        return f"{plural(count, 'member')} {done}."

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        """Into the trash; for good who is in it."""
        if obj.is_trashed:
            self._delete_for_good(request, [obj])
        else:
            self._trash(request, [obj])

    def response_delete(self, request: HttpRequest, obj_display: str, obj_id: Any) -> HttpResponse:
        """As Django's, but says what happened to a member who is in the trash now."""
        found = User.objects.filter(pk=obj_id, deleting_since=None).exclude(trashed_at=None)
        if IS_POPUP_VAR in request.POST or not found.exists():
            return super().response_delete(request, obj_display, obj_id)
        self.message_user(request, f"{obj_display} moved to the trash.", messages.SUCCESS)
        return redirect("admin:accounts_user_changelist")

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        self._trash(request, queryset.filter(trashed_at=None))

    def _trash(self, request: HttpRequest, users: Iterable[User]) -> None:
        users = list(users)
        trash_members(users=users, by=me_of(request))
        if not current_config().trash_days:
            self._tell_of_the_rest(request, users)

    def _delete_for_good(self, request: HttpRequest, users: list[User]) -> None:
        delete_members(users=users, heir=me_of(request))
        self._tell_of_the_rest(request, users)

    def _tell_of_the_rest(self, request: HttpRequest, users: list[User]) -> None:
        for user in User.objects.filter(pk__in=[user.pk for user in users]):
            self.message_user(request, BEING_DELETED_NOW % {"username": user.username})

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.restore_view)
        return [
            path("<uuid:user_id>/restore/", view, name="accounts_user_restore"),
            *super().get_urls(),
        ]

    def restore_view(self, request: HttpRequest, user_id: UUID) -> Any:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not request.user.is_superuser:
            raise PermissionDenied
        user = get_object_or_404(User, pk=user_id)
        if self._restore(request, user):
            self.message_user(request, f"{user.username} restored.")
        return redirect("admin:accounts_user_change", user.pk)
