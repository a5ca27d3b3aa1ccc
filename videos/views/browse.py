"""Lists of videos: home, search, categories, profiles, liked videos."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.admin.shared import may_moderate, may_see_log_ins
from accounts.models import User
from categories.models import Category
from clipset.lib.query_parameters import short_id_parameter, text_parameter, time_parameter
from clipset.lib.requests import is_next_page
from videos.models import Video
from videos.moderation_forms import LimitForm
from videos.querysets import UNDO_WITHIN
from videos.selectors.categories import category_cards
from videos.selectors.continue_watching import continue_watching
from videos.selectors.feed import feed_page, recent_uploads
from videos.selectors.liked_videos import liked_page
from videos.selectors.member_facts import member_facts
from videos.selectors.playlists import playlist_cards
from videos.selectors.processing_cards import card_changes, poll_of
from videos.selectors.search import SEARCH_SORTS, search_page
from videos.selectors.sort_orders import SORTS, known_sort, sort_parameter

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
    """A page with a list of videos, or only the next cards for htmx.

    `parameters` are those of the address besides `sort`; the next page keeps them.
    """
    sort = known_sort(request.GET.get("sort", ""), SORTS)
    kept = {"sort": sort_parameter(sort, SORTS), **(parameters or {})}
    after = request.GET.get("after", "")
    page = feed_page(videos, sort=sort, after=after, parameters=kept, viewer=request.user)
    if is_next_page(request):
        return render(request, "components/video_grid_page.html", {"page": page})
    poll = poll_of([*context.get("own_uploads", ()), *page.cards])
    shown = {"page": page, "orders": SORTS, "sort": sort, "poll": poll}
    return render(request, template, {**shown, **context})


@require_safe
def home(request: MemberRequest) -> HttpResponse:
    """All videos; `?category=` narrows the list, `?q=` searches."""
    query, slug = text_parameter(request.GET, "q"), text_parameter(request.GET, "category")
    if query:
        return _search(request, query=query, slug=slug)
    videos = Video.objects.published()
    category = get_object_or_404(Category, slug=slug) if slug else None
    if category is not None:
        videos = videos.filter(category=category)
    is_first_page = not (slug or request.GET.get("after"))
    context = {
        "category": category,
        "categories": Category.objects.all(),
        "own_uploads": recent_uploads(request.user) if is_first_page else [],
        "continue_watching": continue_watching(request.user) if is_first_page else [],
    }
    return _list_page(
        request, "videos/browse/home.html", videos, context, parameters={"category": slug}
    )


def _search(request: MemberRequest, *, query: str, slug: str) -> HttpResponse:
    """The results for `?q=`. Raises: Http404 for an unknown category."""
    categories = list(Category.objects.all())
    category = next((one for one in categories if one.slug == slug), None)
    if slug and category is None:
        raise Http404("No such category.")
    sort = known_sort(request.GET.get("sort", ""), SEARCH_SORTS)
    page = search_page(
        query,
        category=category,
        categories=categories,
        sort=sort,
        after=request.GET.get("after", ""),
        parameters={"q": query, "category": slug, "sort": sort_parameter(sort, SEARCH_SORTS)},
        viewer=request.user,
    )
    if is_next_page(request):
        return render(request, "components/search_results_page.html", {"page": page})
    context = {
        "page": page,
        "query": query,
        "orders": SEARCH_SORTS,
        "sort": sort,
        "category": category,
        "categories": categories,
    }
    return render(request, "videos/browse/search.html", context)


@require_safe
def processing_cards(request: MemberRequest) -> HttpResponse:
    """The cards that changed since `?since=`, for a page that shows videos in processing.

    Each `?video=` names a card and what it shows, as `poll_of` writes it.
    """
    since = time_parameter(request.GET, "since")
    changes = card_changes(request.GET.getlist("video"), viewer=request.user, since=since)
    return render(
        request, "videos/processing/cards_update.html", {"changes": changes, "poll": changes.poll}
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
    """A member's videos, or with `?tab=playlists` their playlists.

    The member and staff also see videos that are hidden or not ready. A member in the trash has no
    profile; staff are led to their page in the admin.
    """
    member = get_object_or_404(User.objects.named(username))
    if member.is_trashed:
        return _profile_in_trash(request, member)
    context: dict[str, Any] = {"profile": member, "is_own": member.pk == request.user.pk}
    if request.user.is_staff and not is_next_page(request):
        context |= _moderation(member, request.user)
    if request.GET.get("tab") == "playlists":
        return _profile_playlists(request, member, context)
    context["trashed"] = _trashed(request)
    videos = Video.objects.visible_to(request.user).filter(uploaded_by=member)
    return _list_page(request, "videos/browse/profile.html", videos, context)


def _profile_in_trash(request: MemberRequest, member: User) -> HttpResponse:
    if not request.user.is_staff:
        raise Http404("The member is in the trash.")
    return redirect("admin:accounts_user_change", member.pk)


def _moderation(member: User, staff: User) -> dict[str, Any]:
    """What staff see of a member on their profile: facts, and forms for those whom they may
    change."""
    sees_log_ins = may_see_log_ins(member, staff)
    found: dict[str, Any] = {"facts": member_facts(member, shows_sessions=sees_log_ins)}
    if may_moderate(member, staff):
        found["limit_form"] = LimitForm(initial={"limit": member.weekly_upload_limit_bytes})
    return found


def _trashed(request: MemberRequest) -> Video | None:
    """The video of `?trashed=`, if the member put it into the trash a moment ago. No query
    without."""
    short_id = short_id_parameter(request.GET, "trashed")
    lately = Video.objects.restorable_by(request.user).filter(
        trashed_at__gt=timezone.now() - UNDO_WITHIN
    )
    return lately.filter(short_id=short_id).first() if short_id else None


def _profile_playlists(
    request: MemberRequest, member: User, context: dict[str, Any]
) -> HttpResponse:
    after, parameters = request.GET.get("after", ""), {"tab": "playlists"}
    page = playlist_cards(member, viewer=request.user, after=after, parameters=parameters)
    if is_next_page(request):
        return render(request, "components/playlist_cards.html", {"page": page})
    return render(
        request, "videos/browse/profile.html", {"page": page, "tab": "playlists", **context}
    )


@require_safe
def liked(request: MemberRequest) -> HttpResponse:
    """The videos that the member likes. Nobody else can see this list."""
    page = liked_page(request.user, after=request.GET.get("after", ""))
    template = (
        "components/video_grid_page.html"
        if is_next_page(request)
        else "videos/browse/liked_videos.html"
    )
    return render(request, template, {"page": page})
