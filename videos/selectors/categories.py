"""The list of categories."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import OuterRef, Subquery
from django.urls import reverse

from categories.models import Category
from clipset.lib.filenames import version_of
from videos.models import Video
from videos.selectors.cards import small_thumbnail_url


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryCard:
    """A category. `cover_url` is its own cover or the thumbnail of its newest video; None without
    both.
    """

    name: str
    url: str
    description: str
    cover_url: str | None


def category_cards() -> list[CategoryCard]:
    """All categories by name. Two queries."""
    newest = (
        Video.objects.published()
        .filter(category=OuterRef("pk"), thumbnail_filename__isnull=False)
        .order_by("-created_at", "-pk")
    )
    categories = list(Category.objects.annotate(newest=Subquery(newest.values("pk")[:1])))
    videos = Video.objects.in_bulk([category.newest for category in categories if category.newest])
    return [
        CategoryCard(
            name=category.name,
            url=category.get_absolute_url(),
            description=category.description,
            cover_url=_cover(category, videos.get(category.newest)),
        )
        for category in categories
    ]


def _cover(category: Category, video: Video | None) -> str | None:
    if category.image:
        address = reverse("category_cover", args=[category.slug])
        return f"{address}?v={version_of(category.image)}"
    return small_thumbnail_url(video) if video else None
