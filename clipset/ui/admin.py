"""Base classes and helpers that the admin pages of all apps share."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Final, TypeVar

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import unquote
from django.contrib.contenttypes.views import shortcut
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Model
from django.http import Http404, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.text import capfirst

from clipset.lib.units import plural
from clipset.ui.admin_actions import MAX_SELECTED, Outcome, too_many_sentence
from clipset.ui.admin_columns import with_ages
from clipset.ui.admin_deletion import (
    MAX_LISTED,
    delete_selected,
    flat,
    key_batches,
    with_rest,
)
from clipset.ui.admin_pages import LimitedPaginator, UnjoinedChangeList
from clipset.ui.undo_tags import undo_tag

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.contrib.admin.views.main import ChangeList
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.utils.safestring import SafeString

    from clipset.ui.admin_actions import Reason

_M = TypeVar("_M", bound=Model)

IN_TRASH: Final = "yes"  # the value of TrashFilter's parameter


def state_word(name: str, word: str, tone: str) -> SafeString:
    """A state as a colored word. `tone` is good, warn, danger or quiet (admin.css)."""
    return format_html('<span class="state state-{} state--{}">{}</span>', name, tone, word)


def view_on_site(request: HttpRequest, content_type_id: str, object_id: str) -> Any:
    """Redirects to an object's page, as Django's view does, with 404 for a malformed id."""
    try:
        return shortcut(request, content_type_id, object_id)
    except ValidationError as error:
        raise Http404("No such object.") from error


class TrashFilter(admin.SimpleListFilter):
    """Lists what is outside the trash, or what is in it. For models with `trashed_at`."""

    title = "trash"
    parameter_name = "trash"

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]
    ) -> list[tuple[str, str]]:
        return [(IN_TRASH, "In the trash")]

    def choices(self, changelist: Any) -> Iterator[Any]:
        found = list(super().choices(changelist))
        found[0]["display"] = "Not in the trash"
        yield from found

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(trashed_at__isnull=self.value() != IN_TRASH)


class GuardedAdmin(admin.ModelAdmin[_M]):
    """Base of all admin pages. Shows what a service or the database refuses, never a 500.

    The confirmation of a deletion lists at most MAX_LISTED objects, and memory does not grow with
    the number of deleted objects. A list costs the same whatever the size of its table.
    """

    paginator = LimitedPaginator
    empty_value_display = "–"
    list_per_page = 50
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # they count whole tables

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return UnjoinedChangeList

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """Shows all dates as ages."""
        return with_ages(self.model, super().get_list_display(request))

    def message_user(
        self,
        request: HttpRequest,
        message: Any,
        level: int | str = messages.INFO,
        extra_tags: str = "",
        fail_silently: bool = False,
    ) -> None:
        """As Django's. A message about success gets a button that undoes what the request did."""
        if level in {messages.INFO, messages.SUCCESS} and not extra_tags:
            extra_tags = undo_tag()
        super().message_user(request, message, level, extra_tags, fail_silently)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """The acts on an object that are in the audit log, which the template reads."""
        found = self.get_object(request, unquote(object_id))
        if found is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[attr-defined] # Django's own pages use it
        if not self.has_view_or_change_permission(request, found):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "title": f"History: {found}",
            "module_name": capfirst(self.opts.verbose_name_plural),
            "object": found,
            "opts": self.opts,
            "preserved_filters": self.get_preserved_filters(request),
            **(extra_context or {}),
        }
        return TemplateResponse(request, "admin/object_history.html", context)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions: dict[str, Any] = super().get_actions(request)
        if "delete_selected" in actions:
            _, name, description = actions["delete_selected"]
            actions["delete_selected"] = (delete_selected, name, description)
        return actions

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Django's result for the first MAX_LISTED objects, in at most as many lines."""
        count = len(objs)
        listed, counts, lacking, protected = super().get_deleted_objects(objs[:MAX_LISTED], request)
        lines = list(flat(listed))
        if count > MAX_LISTED:
            counts = {str(self.opts.verbose_name_plural): count}
        hidden = max(0, count - MAX_LISTED)
        return with_rest(lines[:MAX_LISTED], len(lines) + hidden), counts, lacking, protected

    def deletion_counts(self, queryset: QuerySet[_M]) -> dict[str, int | str]:
        """What is deleted, by kind, for the confirmation: numbers, or words such as "1.2 GB".

        It costs the same whatever is selected, but for the number of the selected objects.
        """
        return {str(self.opts.verbose_name_plural): queryset.count()}

    def deleted_sentence(self, count: int) -> str:
        """The message after several objects were deleted."""
        many = str(self.opts.verbose_name_plural)
        return f"{plural(count, str(self.opts.verbose_name), many)} deleted."

    def delete_many(self, request: HttpRequest, queryset: QuerySet[_M]) -> None:
        """Deletes many objects in batches, and says so."""
        count = queryset.count()
        for keys in key_batches(queryset):
            self.delete_queryset(request, self.model._default_manager.filter(pk__in=keys))
        self.message_user(request, self.deleted_sentence(count), messages.SUCCESS)

    # Services record what they change in the audit log. Nothing is written to Django's own log.
    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> None:  # type: ignore[override] # no entry
        pass

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> None:  # type: ignore[override] # no entry
        pass

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[_M]) -> None:  # type: ignore[override] # no entries
        pass

    def act_on_each(
        self,
        request: HttpRequest,
        queryset: QuerySet[_M],
        act: Callable[[_M], Reason | None],
        *,
        done: str,
        not_done: str,
        in_transaction: bool = True,
    ) -> None:
        """Calls `act` for each selected object, and says in two lines what became of them.

        Nothing happens if more than MAX_SELECTED objects are selected.

        Args:
            act: changes the object and returns None, or returns why it leaves it as it is. A
                ValidationError counts as such a reason.
            done: the sentence on the changed objects: "{count} hidden."
            not_done: the participle in the line on the others: "hidden".
            in_transaction: whether each call gets a transaction of its own. Others can write in
                between. False for what takes long, such as sending an e-mail.
        """
        many = str(self.opts.verbose_name_plural)
        if queryset.order_by()[: MAX_SELECTED + 1].count() > MAX_SELECTED:
            self.message_user(request, too_many_sentence(many), messages.WARNING)
            return
        outcome = Outcome()
        for keys in key_batches(queryset):
            for thing in queryset.filter(pk__in=keys):
                try:
                    with transaction.atomic() if in_transaction else nullcontext():
                        outcome.add(act(thing))
                except ValidationError as error:
                    outcome.add(" ".join(error.messages))
        if sentence := outcome.done_sentence(done, str(self.opts.verbose_name), many):
            self.message_user(request, sentence, messages.SUCCESS)
        if sentence := outcome.left_sentence(not_done):
            self.message_user(request, sentence, messages.WARNING)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Allows declared filters only.

        Django allows every local field and the keys of related tables. With those, a session key or
        a password hash could be guessed letter by letter.
        """
        declared = {
            getattr(item, "parameter_name", item[0] if isinstance(item, tuple) else item)
            for item in self.list_filter
        }
        field, _, rest = lookup.partition("__")
        if field not in declared and field not in self._names(request):
            return super().lookup_allowed(lookup, value, request)  # no field: Django ignores it
        return field in declared and rest in {"", "exact", "isnull", "gte", "lt", "id__exact"}

    def _names(self, request: HttpRequest | None) -> set[str]:
        """All names that a query on this model may begin with."""
        fields = self.model._meta.get_fields()
        columns = {getattr(field, "attname", field.name) for field in fields}
        annotations = self.get_queryset(request).query.annotations if request else {}
        return {"pk", *columns, *annotations, *(field.name for field in fields)}

    def to_field_allowed(self, request: HttpRequest, to_field: str) -> bool:
        """Allows columns of this table only. Django's own fails on reverse relations."""
        columns = {field.name for field in self.opts.concrete_fields}
        return to_field in columns and super().to_field_allowed(request, to_field)

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> _M | None:
        """As Django's, for an empty `from_field`, which the form of a popup may send."""
        return super().get_object(request, object_id, from_field or None)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """Titles the list by what it lists; Django's "Select … to view" misleads if it is empty."""
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

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: _M | None = None,
    ) -> HttpResponse:
        """As Django's, with what is stored beside the fields of a form that was refused.

        The form has put the typed values into the object, and no address can be made of some names.
        """
        form = context["adminform"].form
        if obj is not None and form.errors:
            for field in obj._meta.concrete_fields:
                if field.name in form.initial:
                    setattr(obj, field.attname, form.initial[field.name])
        return super().render_change_form(request, context, add, change, form_url, obj)

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
