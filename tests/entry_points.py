"""Where staff can change something: found in the code, so that a new one is found too."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.test import RequestFactory
from django.urls import get_resolver
from django.urls.resolvers import URLPattern, URLResolver

from clipset.ui.admin import IN_TRASH, TrashFilter
from siteconfig.attention import NOT_NOW, SHOW_AGAIN, sources_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from accounts.models import User

# Django's own pages of each model. Whether they change something is asked by permission instead.
_PAGES = {"changelist", "add", "history", "delete", "change"}


def entry_points(admin_user: User) -> set[str]:
    """Returns the names of the addresses that accept a POST, and the admin's forms and actions as
    "app_model:add|change|delete" and "app_model:action:name", and the acts of "Needs attention" as
    "attention:kind:name"."""
    # First the addresses: loading them removes Django's own models from the admin.
    of_patterns = set(_of_patterns(get_resolver().url_patterns, ""))
    return {*of_patterns, *_of_models(admin_user), *_of_attention(admin_user)}


def _of_attention(admin_user: User) -> Iterator[str]:
    for source in sources_for(admin_user):
        # To put a row away changes only what the member of staff sees.
        for act in {*source.acts, *source.undos} - {NOT_NOW, SHOW_AGAIN}:
            yield f"attention:{source.kind}:{act}"


def _of_models(admin_user: User) -> Iterator[str]:
    request = RequestFactory().get("/admin/")
    of_trash = RequestFactory().get("/admin/", {TrashFilter.parameter_name: IN_TRASH})
    request.user = of_trash.user = admin_user
    for model, model_admin in admin.site._registry.items():
        label = f"{model._meta.app_label}_{model._meta.model_name}"
        for action in {**model_admin.get_actions(request), **model_admin.get_actions(of_trash)}:
            yield f"{label}:action:{action}"
        if model_admin.has_add_permission(request):
            yield f"{label}:add"
        for verb in ("change", "delete"):
            if getattr(model_admin, f"has_{verb}_permission")(request, model()):
                yield f"{label}:{verb}"


def _of_patterns(patterns: list[Any], namespace: str) -> Iterator[str]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from _of_patterns(pattern.url_patterns, pattern.namespace or namespace)
        elif isinstance(pattern, URLPattern) and pattern.name:
            if namespace == "admin":
                yield from _of_admin(pattern.name)
            elif _accepts_post(pattern.callback):
                yield pattern.name


def _of_admin(name: str) -> Iterator[str]:
    """Yields a page of the admin itself with its namespace, and one that a ModelAdmin adds."""
    labels = [f"{it._meta.app_label}_{it._meta.model_name}_" for it in admin.site._registry]
    label = next((it for it in labels if name.startswith(it)), None)
    if label is None:
        yield f"admin:{name}"
    elif name.removeprefix(label) not in _PAGES:
        yield name


def _accepts_post(view: Any) -> bool:
    """Returns whether no decorator of a view refuses a POST."""
    while view is not None:
        if (cls := getattr(view, "view_class", None)) is not None:
            return "post" in cls.http_method_names and hasattr(cls, "post")
        names = inspect.getclosurevars(view).nonlocals if inspect.isfunction(view) else {}
        if "request_method_list" in names:
            return "POST" in names["request_method_list"]
        view = getattr(view, "__wrapped__", None)
    return True
