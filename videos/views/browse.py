"""Finding videos: home, categories, profiles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from accounts.models import User
from categories.models import Category
from videos.models import Video
from videos.selectors.categories import category_cards
from videos.selectors.continue_watching import begun_by
from videos.selectors.feed import feed_page, known_sort, unfinished_of
from videos.selectors.playlists import playlist_cards
from videos.selectors.processing_cards import asking_of, news_of
from videos.views.search import search, text_parameter
from videos.views.watch import moment_parameter

if TYPE_CHECKING:
    from django.http import HttpResponse

    from clipset.lib.requests import MemberRequest
    from videos.querysets import VideoQuerySet


def _list_page(
    request: MemberRequest,
    template: str,
    videos: VideoQuerySet,
    context: dict[str, Any],
    *,
    parameters: dict[str, str] | None = None,
) -> HttpResponse:
    """A page with a list of videos, or for htmx only the cards that follow."""
    sort = known_sort(request.GET.get("sort", ""))
    kept = {"sort": "" if sort == "newest" else sort, **(parameters or {})}
    after = request.GET.get("after", "")
    page = feed_page(videos, sort=sort, after=after, parameters=kept, viewer=request.user)
    if getattr(request, "htmx", False) and after:
        return render(request, "components/video_grid_page.html", {"page": page})
    asking = asking_of([*context.get("own_unfinished", ()), *page.cards])
    return render(request, template, {"page": page, "sort": sort, "asking": asking, **context})


@require_safe
def home(request: MemberRequest) -> HttpResponse:
    query, slug = text_parameter(request, "q"), text_parameter(request, "category")
    if query:
        return search(request, query=query, slug=slug)
    videos = Video.objects.published()
    category = None
    if slug:
        category = get_object_or_404(Category, slug=slug)
        videos = videos.filter(category=category)
    first_page = not (slug or request.GET.get("after"))
    context = {
        "category": category,
        "categories": Category.objects.all(),
        "own_unfinished": unfinished_of(request.user) if first_page else [],
        "begun": begun_by(request.user) if first_page else [],
    }
    return _list_page(
        request, "videos/browse/home.html", videos, context, parameters={"category": slug}
    )


@require_safe
def unfinished(request: MemberRequest) -> HttpResponse:
    """For pages with cards of `video`s that are not ready yet: what has changed on them."""
    since = moment_parameter(request, "since")
    news = news_of(request.GET.getlist("video"), viewer=request.user, since=since)
    return render(
        request, "videos/processing/cards_update.html", {"news": news, "asking": news.asking}
    )


@require_safe
def category_list(request: MemberRequest) -> HttpResponse:
    return render(request, "videos/browse/categories.html", {"categories": category_cards()})


@require_safe
def category(request: MemberRequest, slug: str) -> HttpResponse:
    found = get_object_or_404(Category, slug=slug)
    videos = Video.objects.published().filter(category=found)
    return _list_page(request, "videos/browse/category.html", videos, {"category": found})


@require_safe
def profile(request: MemberRequest, username: str) -> HttpResponse:
    """The owner and staff see here what is unfinished or hidden, too. `?tab=playlists` shows the
    member's playlists instead."""
    member = get_object_or_404(User.objects.named(username))
    context: dict[str, Any] = {"profile": member, "is_own": member.pk == request.user.pk}
    if request.GET.get("tab") == "playlists":
        return _profile_playlists(request, member, context)
    videos = Video.objects.visible_to(request.user).filter(uploaded_by=member)
    return _list_page(request, "videos/browse/profile.html", videos, context)


def _profile_playlists(
    request: MemberRequest, member: User, context: dict[str, Any]
) -> HttpResponse:
    after, parameters = request.GET.get("after", ""), {"tab": "playlists"}
    page = playlist_cards(member, viewer=request.user, after=after, parameters=parameters)
    if getattr(request, "htmx", False) and after:
        return render(request, "components/playlist_cards.html", {"page": page})
    return render(
        request, "videos/browse/profile.html", {"page": page, "tab": "playlists", **context}
    )
