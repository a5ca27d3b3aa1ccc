"""The question before an action of the admin that changes several objects at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.template.response import TemplateResponse

from clipset.ui.admin_actions import MAX_SELECTED
from clipset.ui.admin_deletion import MAX_LISTED, SELECTION_CHANGED, with_rest

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.models import QuerySet
    from django.http import HttpRequest

    from clipset.ui.admin import GuardedAdmin

# What the form of a list sends for an action.
_SENT: Final = (ACTION_CHECKBOX_NAME, "action", "select_across", "index")


def question(
    model_admin: GuardedAdmin[Any],
    request: HttpRequest,
    queryset: QuerySet[Any],
    *,
    title: str,
    note: str,
    button: str,
    counts: Callable[[], dict[str, int | str]],
) -> TemplateResponse | None:
    """Returns the page that asks, or None if the action may go on: for one object, after a yes to
    as many objects as are selected now, and for too many, which the action refuses.

    Args:
        note: the sentence above the counts.
        button: the verb; the number of objects that change follows it: "Deactivate 3 members".
        counts: what changes, the objects themselves first.
    """
    count = queryset.order_by()[: MAX_SELECTED + 1].count()
    if count <= 1 or count > MAX_SELECTED:
        return None
    if request.POST.get("post"):
        if request.POST.get("expected") == str(count):
            return None
        model_admin.message_user(request, SELECTION_CHANGED, messages.WARNING)
    changing = counts()
    context = {
        **model_admin.admin_site.each_context(request),
        "title": title,
        "opts": model_admin.opts,
        "note": note,
        "button": button,
        "count": count,
        "counts": changing,
        "changes": next(iter(changing.values())),
        "listed": with_rest([str(thing) for thing in queryset[:MAX_LISTED]], count),
        "sent": [(name, value) for name in _SENT for value in request.POST.getlist(name)],
    }
    return TemplateResponse(request, "admin/confirm_action.html", context)
