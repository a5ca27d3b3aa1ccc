"""Context processor with the data that every page needs about the site."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    from django.http import HttpRequest


def site(request: HttpRequest) -> dict[str, object]:  # noqa: ARG001 a context processor's signature
    """Returns the context variables. Without a query, so that error pages may use them."""
    return {"mail_is_configured": settings.MAIL_IS_CONFIGURED}
