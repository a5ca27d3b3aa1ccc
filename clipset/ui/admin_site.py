"""The admin site: what every page of it, of whichever app, refuses before it looks anything up."""

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
    """Answers 400 or 403 where Django's own pages would break on parameters that no form sends."""

    # The few tables are one click away on the index; lists need the width.
    enable_nav_sidebar = False

    def admin_view(self, view: _View, cacheable: bool = False) -> _View:
        """Wraps every page of the admin, also those of ModelAdmin subclasses.

        A value that the database cannot hold (NUL in PostgreSQL's text, an integer above 64 bits)
        is the request's fault. Forms check their fields; filters, searches and keys in addresses
        come from the query string.
        """

        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            if _holds_nul(request.GET):
                raise BadRequest("The address holds a NUL character.")
            try:
                return view(request, *args, **kwargs)
            except (DataError, OverflowError) as error:
                raise BadRequest("The database cannot hold this value.") from error

        return cast("_View", super().admin_view(guarded, cacheable))

    def autocomplete_view(self, request: HttpRequest) -> HttpResponse:
        """Answers for the declared `autocomplete_fields` only. Django's own answers for every
        relation of every model, and fails on those that point backwards."""
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
    """The search is left out: its form refuses a NUL with a sentence on the page."""
    return any(
        "\x00" in text
        for name, texts in query.lists()
        if name != SEARCH_VAR
        for text in (name, *texts)
    )
