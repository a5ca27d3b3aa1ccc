"""The list of members."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.shortcuts import render
from django.views.decorators.http import require_safe

from clipset.lib.query_parameters import text_parameter
from clipset.lib.requests import is_next_page
from videos.selectors.directory import directory_page

if TYPE_CHECKING:
    from django.http import HttpResponse

    from clipset.lib.requests import MemberRequest


@require_safe
def directory(request: MemberRequest) -> HttpResponse:
    """All active members by name; `?q=` narrows the list."""
    query = text_parameter(request.GET, "q")
    page = directory_page(query, after=request.GET.get("after", ""))
    template = (
        "components/members_page.html" if is_next_page(request) else "videos/browse/members.html"
    )
    return render(request, template, {"page": page, "member_query": query})
