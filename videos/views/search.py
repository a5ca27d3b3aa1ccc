"""Finding videos and members by words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import Http404
from django.shortcuts import render
from django.views.decorators.http import require_safe

from categories.models import Category
from videos.selectors.directory import directory_page
from videos.selectors.search import known_search_sort, search_page

if TYPE_CHECKING:
    from django.http import HttpResponse

    from clipset.lib.requests import MemberRequest

MAX_QUERY: int = 200  # characters


def text_parameter(request: MemberRequest, name: str) -> str:
    """A query parameter, without what no database takes."""
    return request.GET.get(name, "").replace("\x00", "").strip()[:MAX_QUERY]


def search(request: MemberRequest, *, query: str, slug: str) -> HttpResponse:
    """The home page with `?q=`. Raises Http404 for a category that there is not."""
    categories = list(Category.objects.all())
    category = next((one for one in categories if one.slug == slug), None)
    if slug and category is None:
        raise Http404
    sort = known_search_sort(request.GET.get("sort", ""))
    page = search_page(
        query,
        category=category,
        categories=categories,
        sort=sort,
        after=request.GET.get("after", ""),
        parameters={
            "q": query,
            "category": slug,
            "sort": "" if sort == "relevance" else sort,
        },
        viewer=request.user,
    )
    if getattr(request, "htmx", False) and request.GET.get("after"):
        return render(request, "components/found_page.html", {"page": page})
    context = {
        "page": page,
        "query": query,
        "sort": sort,
        "category": category,
        "categories": categories,
    }
    return render(request, "videos/browse/search.html", context)


@require_safe
def directory(request: MemberRequest) -> HttpResponse:
    """All members, by name."""
    query = text_parameter(request, "q")
    page = directory_page(query, after=request.GET.get("after", ""))
    context = {"page": page, "member_query": query}
    if getattr(request, "htmx", False) and request.GET.get("after"):
        return render(request, "components/member_page.html", context)
    return render(request, "videos/browse/members.html", context)
