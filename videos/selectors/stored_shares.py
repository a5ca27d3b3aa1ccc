"""How members and categories share the stored bytes, as measured last."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.urls import reverse

from accounts.models import User
from categories.models import Category
from clipset.lib.units import human_bytes, plural
from videos.models import DailyStatistics

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from videos.models.daily_statistics import OtherShares, Share, Shares


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedShare:
    label: str
    url: str  # of its page in the admin; "" for what has none
    videos: int
    value: int  # bytes
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredShares:
    """The largest first, then the sum of the others."""

    name: str
    title: str
    head: str  # "Member" or "Category"
    shares: list[NamedShare]


def stored_shares(last: date) -> list[StoredShares]:
    """The shares of members and of categories, as measured on the day `last` or before; [] if
    there are no videos. At most three queries."""
    measured = DailyStatistics.objects.filter(day__lte=last, shares__isnull=False).order_by("-day")
    shares: Shares | None = measured.values_list("shares", flat=True).first()
    if not shares or not shares["members"]:
        return []
    members = _names(User, "username", shares["members"])
    categories = {"": "No category"} | _names(Category, "name", shares["categories"])
    return [
        StoredShares(
            name="members",
            title="Storage by member",
            head="Member",
            shares=[
                *(_named(it, members, "member", "accounts_user") for it in shares["members"]),
                *_others(shares["other_members"], "member", "members"),
            ],
        ),
        StoredShares(
            name="categories",
            title="Storage by category",
            head="Category",
            shares=[
                *(
                    _named(it, categories, "category", "categories_category")
                    for it in shares["categories"]
                ),
                *_others(shares["other_categories"], "category", "categories"),
            ],
        ),
    ]


def _names(model: type[Any], field: str, shares: Sequence[Share]) -> dict[str, str]:
    """The names of those that are still there, by their keys. One query."""
    keys = [share["key"] for share in shares if share["key"]]
    found = model.objects.filter(pk__in=keys).values_list("pk", field)
    return {str(pk): name for pk, name in found}


def _named(share: Share, names: Mapping[str, str], noun: str, page: str) -> NamedShare:
    key = share["key"]
    is_there = key in names
    return NamedShare(
        label=names[key] if is_there else f"Deleted {noun}",
        url=reverse(f"admin:{page}_change", args=[key]) if key and is_there else "",
        videos=share["videos"],
        value=share["bytes"],
        text=human_bytes(share["bytes"]),
    )


def _others(others: OtherShares, noun: str, nouns: str) -> list[NamedShare]:
    if not others["count"]:
        return []
    return [
        NamedShare(
            label=plural(others["count"], f"other {noun}", f"other {nouns}"),
            url="",
            videos=others["videos"],
            value=others["bytes"],
            text=human_bytes(others["bytes"]),
        )
    ]
