"""Context processors with the data that every page needs about the site."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from django.conf import settings

from siteconfig.attention import number
from siteconfig.attention_counts import kept_total

if TYPE_CHECKING:
    from django.http import HttpRequest


def site(request: HttpRequest) -> dict[str, object]:  # noqa: ARG001 a context processor's signature
    """Returns the context variables. Without a query, so that error pages may use them."""
    return {"mail_is_configured": settings.MAIL_IS_CONFIGURED}


def attention(request: HttpRequest) -> dict[str, object]:
    """Adds `attention_count`: "", or how much needs attention, "1" to "99+".

    For staff only, and at most a minute old (siteconfig.attention_counts.kept_total). One query, on
    pages that show it only.
    """

    @cache
    def attention_count() -> str:
        if not request.user.is_staff:
            return ""
        total = kept_total(request.user)
        return number(total) if total else ""

    return {"attention_count": attention_count}
