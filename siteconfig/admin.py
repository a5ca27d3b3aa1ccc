"""The configuration in the admin, and what the admin pages of all apps share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.contenttypes.views import shortcut
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Model
from django.http import Http404, HttpResponseRedirect
from django.shortcuts import redirect
from django.utils.html import format_html

from siteconfig.forms import ConfigForm
from siteconfig.models import Config
from siteconfig.services.config import current_config, save_config

if TYPE_CHECKING:
    from django import forms
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.utils.safestring import SafeString

_M = TypeVar("_M", bound=Model)


def state_word(name: str, word: str, tone: str) -> SafeString:
    """A state as a coloured word. `tone` is good, warn, danger or quiet (admin.css)."""
    return format_html('<span class="state state-{} state--{}">{}</span>', name, tone, word)


def view_on_site(request: HttpRequest, content_type_id: str, object_id: str) -> Any:
    """Leads to an object's page, as Django's own view does, which fails on an id that is none."""
    try:
        return shortcut(request, content_type_id, object_id)
    except ValidationError as error:
        raise Http404("No such object.") from error


class GuardedAdmin(admin.ModelAdmin[_M]):
    """What a service or the database refuses is told on the page. It is never a 500."""

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Only the declared filters. Django lets any local field pass, and the key of whatever
        points here: a session's key or a password's hash could be asked for letter by letter."""
        declared = {
            getattr(item, "parameter_name", item[0] if isinstance(item, tuple) else item)
            for item in self.list_filter
        }
        field, _, rest = lookup.partition("__")
        if field not in declared and field not in {f.name for f in self.model._meta.get_fields()}:
            return super().lookup_allowed(lookup, value, request)  # nothing: Django ignores it
        return field in declared and rest in {"", "exact", "isnull", "gte", "lt", "id__exact"}

    def to_field_allowed(self, request: HttpRequest, to_field: str) -> bool:
        """Only columns of this table. Django's own breaks on relations that point here."""
        columns = {field.name for field in self.opts.concrete_fields}
        return to_field in columns and super().to_field_allowed(request, to_field)

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> _M | None:
        """`from_field` comes from the form of a popup, where it may be empty."""
        return super().get_object(request, object_id, from_field or None)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except ValidationError as error:
            return self._refused(request, error)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> Any:
        try:
            return super().delete_view(request, object_id, extra_context)
        except ValidationError as error:
            return self._refused(request, error)

    def response_action(self, request: HttpRequest, queryset: QuerySet[_M]) -> HttpResponse | None:
        try:
            for selected in request.POST.getlist(ACTION_CHECKBOX_NAME):
                self.opts.pk.clean(selected, None)
            return super().response_action(request, queryset)
        except ValidationError as error:
            return self._refused(request, error)

    def _refused(self, request: HttpRequest, error: ValidationError) -> HttpResponse:
        self.message_user(request, " ".join(error.messages), messages.ERROR)
        return HttpResponseRedirect(request.get_full_path())


@admin.register(Config)
class ConfigAdmin(GuardedAdmin[Config]):
    """One form, for admins only."""

    form = ConfigForm
    fieldsets = [
        (
            "Uploads",
            {"fields": ["max_file_size_bytes", "weekly_upload_limit_bytes", "video_storage_path"]},
        ),
        (
            "Videos to come",
            {
                "fields": ["quality", "max_short_side", "make_720p", "make_480p", "encoder"],
                "description": "What is stored already stays as it is.",
            },
        ),
        ("What was sent", {"fields": ["keep_originals", "keep_originals_days"]}),
        ("Last change", {"fields": ["updated_at", "updated_by"]}),
    ]
    readonly_fields = ["updated_at", "updated_by"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Config | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Config | None = None) -> bool:
        return request.user.is_superuser

    def has_view_permission(self, request: HttpRequest, obj: Config | None = None) -> bool:
        return request.user.is_superuser

    def has_module_permission(self, request: HttpRequest) -> bool:
        return request.user.is_superuser

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """There is nothing to list: leads to the form."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return redirect("admin:siteconfig_config_change", current_config().pk)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        context = {"show_save_and_continue": False, **(extra_context or {})}
        return super().change_view(request, object_id, form_url, context)

    def save_model(self, request: HttpRequest, obj: Config, form: forms.Form, change: bool) -> None:
        assert request.user.is_authenticated
        save_config(obj, changed_by=request.user)
