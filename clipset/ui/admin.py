"""Base classes and helpers that the admin pages of all apps share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

from django.contrib import admin, messages
from django.contrib.admin.actions import delete_selected as django_delete_selected
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.contenttypes.views import shortcut
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Model
from django.http import Http404, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.text import capfirst

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.utils.safestring import SafeString

_M = TypeVar("_M", bound=Model)

MAX_LISTED: Final = 20  # objects that a page which asks for a deletion names
MAX_AT_ONCE: Final = 100  # objects that are deleted in one transaction
SELECTION_CHANGED: Final = "The selection has changed meanwhile. Look at it again."


def state_word(name: str, word: str, tone: str) -> SafeString:
    """A state as a coloured word. `tone` is good, warn, danger or quiet (admin.css)."""
    return format_html('<span class="state state-{} state--{}">{}</span>', name, tone, word)


def view_on_site(request: HttpRequest, content_type_id: str, object_id: str) -> Any:
    """Leads to an object's page, as Django's own view does, which fails on an id that is none."""
    try:
        return shortcut(request, content_type_id, object_id)
    except ValidationError as error:
        raise Http404("No such object.") from error


def with_rest(listed: Sequence[str], count: int) -> list[str]:
    """The first few of `count` objects and a line on how many more there are."""
    rest = count - len(listed)
    return [*listed, f"and {rest:,} more"] if rest > 0 else list(listed)


def _lines(listed: Any) -> Iterator[str]:
    """Django's nested lists one by one."""
    for item in listed:
        if isinstance(item, list):
            yield from _lines(item)
        else:
            yield item


class GuardedAdmin(admin.ModelAdmin[_M]):
    """What a service or the database refuses is told on the page. It is never a 500.

    However much is deleted at once, the page that asks lists at most twenty, and memory does not
    grow with the number.
    """

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions: dict[str, Any] = super().get_actions(request)
        if "delete_selected" in actions:
            _, name, description = actions["delete_selected"]
            actions["delete_selected"] = (_delete_selected, name, description)
        return actions

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """What Django finds for the first twenty, in twenty lines."""
        count = len(objs)
        listed, counts, lacking, protected = super().get_deleted_objects(objs[:MAX_LISTED], request)
        lines = list(_lines(listed))
        if count > MAX_LISTED:
            counts = {str(self.opts.verbose_name_plural): count}
        hidden = max(0, count - MAX_LISTED)
        return with_rest(lines[:MAX_LISTED], len(lines) + hidden), counts, lacking, protected

    def deletion_counts(self, queryset: QuerySet[_M]) -> dict[str, int]:
        """How many of what kind would go, for the page that asks."""
        return {str(self.opts.verbose_name_plural): queryset.count()}

    def delete_many(self, request: HttpRequest, queryset: QuerySet[_M]) -> None:
        """Deletes more than a page of objects, in batches of a transaction each."""
        for keys in key_batches(queryset):
            batch = self.model._default_manager.filter(pk__in=keys)
            with transaction.atomic():
                self.log_deletions(request, batch)
                self.delete_queryset(request, batch)

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

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """Named by what it lists. Django's "Select … to view" says nothing where there is none."""
        title = {"title": capfirst(self.opts.verbose_name_plural)}
        return super().changelist_view(request, title | (extra_context or {}))

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


def key_batches(queryset: QuerySet[_M], size: int = MAX_AT_ONCE) -> Iterator[list[Any]]:
    """The keys of what a query finds now, in parts. Nothing else is held in memory."""
    keys = list(queryset.order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(keys), size):
        yield keys[start : start + size]


def _delete_selected(
    model_admin: GuardedAdmin[Any], request: HttpRequest, queryset: QuerySet[Any]
) -> Any:
    """Django's own for up to a page of objects, in one transaction: what it logs goes if the
    deletion is refused. For more a page that lists twenty, and batches."""
    count = queryset.count()
    if count <= MAX_AT_ONCE:
        with transaction.atomic():
            return django_delete_selected(model_admin, request, queryset)
    few = queryset.filter(pk__in=list(queryset.values_list("pk", flat=True)[:MAX_LISTED]))
    listed, _, lacking, protected = model_admin.get_deleted_objects(few, request)
    if lacking:
        raise PermissionDenied
    if request.POST.get("post") and not protected:
        if request.POST.get("expected") == str(count):
            model_admin.delete_many(request, queryset)
            return None
        model_admin.message_user(request, SELECTION_CHANGED, messages.WARNING)
    context = {
        **model_admin.admin_site.each_context(request),
        "title": "Delete many objects",
        "opts": model_admin.opts,
        "listed": with_rest(listed[:MAX_LISTED], count),
        "counts": model_admin.deletion_counts(queryset),
        "protected": protected,
        "count": count,
        "first": request.POST.get(ACTION_CHECKBOX_NAME, ""),
        "action_checkbox_name": ACTION_CHECKBOX_NAME,
        "media": model_admin.media,
    }
    return TemplateResponse(request, "admin/delete_many_confirmation.html", context)
