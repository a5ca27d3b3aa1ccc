"""The admin site, which refuses malformed parameters on the pages of all apps."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast

from django.apps import apps
from django.contrib.admin import AdminSite
from django.contrib.admin.views.main import SEARCH_VAR
from django.core.exceptions import BadRequest, PermissionDenied
from django.db import DataError

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse, QueryDict


_View = TypeVar("_View", bound="Callable[..., Any]")


class GuardedSite(AdminSite):
    """Responds 400 or 403 where Django's pages would fail with 500 on parameters no form sends."""

    # The index already links the few tables, and lists need the width.
    enable_nav_sidebar = False

    def admin_view(self, view: _View, cacheable: bool = False) -> _View:
        """Wraps every page of the admin, including those of ModelAdmin subclasses.

        A value that the database cannot store (NUL in PostgreSQL's text, an integer above 64 bits)
        gets a 400. Forms check their fields, but filters, searches and keys come from the address.
        """

        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            if _holds_nul(request.GET):
                raise BadRequest("The address contains a NUL character.")
            try:
                return view(request, *args, **kwargs)
            except (DataError, OverflowError) as error:
                raise BadRequest("The database cannot store this value.") from error

        return cast("_View", super().admin_view(guarded, cacheable))

    def autocomplete_view(self, request: HttpRequest) -> HttpResponse:
        """Serves declared `autocomplete_fields` only.

        Django's own serves every relation of every model, and fails on reverse relations.
        """
        if not self._is_declared(request.GET):
            raise PermissionDenied
        return super().autocomplete_view(request)

    def _is_declared(self, asked: QueryDict) -> bool:
        try:
            model = apps.get_model(asked.get("app_label", ""), asked.get("model_name", ""))
        except LookupError:
            return False
        model_admin = self._registry.get(model)
        return model_admin is not None and asked.get("field_name") in {
            *model_admin.autocomplete_fields
        }


def _holds_nul(query: QueryDict) -> bool:
    """Whether a parameter contains NUL, except the search, whose form shows an error itself."""
    return any(
        "\x00" in text
        for name, texts in query.lists()
        if name != SEARCH_VAR
        for text in (name, *texts)
    )
