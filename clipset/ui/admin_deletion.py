"""Deletes objects that are selected in a list of the admin, after a confirmation.

The confirmation names at most MAX_LISTED objects, and its counts are the page's own
(GuardedAdmin.deletion_counts).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

from django.contrib import messages
from django.contrib.admin.actions import delete_selected as django_delete_selected
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.template.response import TemplateResponse

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from django.db.models import QuerySet
    from django.http import HttpRequest

    from clipset.ui.admin import GuardedAdmin

_M = TypeVar("_M", bound=Model)

MAX_LISTED: Final = 20  # objects that the confirmation of a deletion names
MAX_AT_ONCE: Final = 100  # objects that are read, and deleted, together
SELECTION_CHANGED: Final = "The selection has changed in the meantime. Review it and try again."


def with_rest(listed: Sequence[str], count: int) -> list[str]:
    """Adds a line on how many of `count` objects are not listed."""
    rest = count - len(listed)
    return [*listed, f"and {rest:,} more"] if rest > 0 else list(listed)


def flat(listed: Any) -> Iterator[str]:
    """Flattens Django's nested lists of what is deleted."""
    for item in listed:
        if isinstance(item, list):
            yield from flat(item)
        else:
            yield item


def key_batches(queryset: QuerySet[_M]) -> Iterator[list[Any]]:
    """The primary keys of the rows in batches. Only keys are held in memory. One query."""
    keys = list(queryset.order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(keys), MAX_AT_ONCE):
        yield keys[start : start + MAX_AT_ONCE]


def delete_selected(
    model_admin: GuardedAdmin[Any], request: HttpRequest, queryset: QuerySet[Any]
) -> Any:
    """The action that deletes the selected objects.

    Up to MAX_AT_ONCE objects are deleted after Django's own question. For more it shows a
    confirmation that lists MAX_LISTED objects, and deletes in batches.
    """
    count = queryset.count()
    if count <= MAX_AT_ONCE:
        return _delete_few(model_admin, request, queryset, count)
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
    name = "delete_many_confirmation.html"
    own = f"admin/{model_admin.opts.app_label}/{model_admin.opts.model_name}/{name}"
    return TemplateResponse(request, [own, f"admin/{name}"], context)


def _delete_few(
    model_admin: GuardedAdmin[Any], request: HttpRequest, queryset: QuerySet[Any], count: int
) -> Any:
    """As Django's own action, which asks, but the message says what became of the objects.

    `delete_queryset` has its own transactions, short ones: a hundred members in one took 300 ms.
    """
    if not request.POST.get("post"):
        return django_delete_selected(model_admin, request, queryset)
    _, _, lacking, protected = model_admin.get_deleted_objects(queryset, request)
    if protected:
        return django_delete_selected(model_admin, request, queryset)
    if lacking:
        raise PermissionDenied
    if count:
        model_admin.delete_queryset(request, queryset)
        sentence = model_admin.deleted_sentence(count)
        model_admin.message_user(request, sentence, messages.SUCCESS)
    return None


def empty_trash_page(
    model_admin: GuardedAdmin[_M], request: HttpRequest, chosen: QuerySet[_M]
) -> TemplateResponse:
    """The question whether to delete objects in the trash for good, before the days are over."""
    count = chosen.count()
    listed, *_ = model_admin.get_deleted_objects(list(chosen[:MAX_LISTED]), request)
    opts = model_admin.opts
    context = {
        **model_admin.admin_site.each_context(request),
        "title": "Delete for good",
        "opts": opts,
        "count": count,
        "listed": with_rest(listed[:MAX_LISTED], count),
        "counts": model_admin.deletion_counts(chosen),
        "sent": [
            (name, value)
            for name in (ACTION_CHECKBOX_NAME, "action", "select_across", "index")
            for value in request.POST.getlist(name)
        ],
    }
    template = f"admin/{opts.app_label}/{opts.model_name}/empty_trash.html"
    return TemplateResponse(request, template, context)
