"""Measures the bytes of stored videos, and how members and categories share them."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from django.db.models import BigIntegerField, Case, Count, F, Q, Sum, Value, When
from django.db.models.functions import Coalesce

from videos.models import Video
from videos.models.daily_statistics import OtherShares, Share, Shares

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.db.models.expressions import Combinable

SHOWN: Final = 10  # members, and categories; the others are added up


def bytes_on_disk() -> Combinable:
    """The bytes of a video's renditions and of the uploaded file, while that is kept."""
    is_kept = ~Q(source_key="") | ~Q(original_key="")
    uploaded = Case(When(is_kept, then=F("file_size_bytes")), default=Value(0))
    stored = Coalesce(F("stored_bytes"), Value(0), output_field=BigIntegerField())
    return stored + uploaded


def measure_stored_bytes() -> tuple[int, Shares]:
    """Returns the bytes of all videos, and their shares.

    One query, which reads all videos: about a second among a million. It needs no transaction.
    """
    groups = (
        Video.objects.order_by()
        .values_list("uploaded_by", "category")
        .annotate(videos=Count("pk"), bytes=Sum(bytes_on_disk()))
    )
    members: dict[str, Share] = defaultdict(lambda: Share(key="", videos=0, bytes=0))
    categories: dict[str, Share] = defaultdict(lambda: Share(key="", videos=0, bytes=0))
    total = 0
    for member, category, videos, size in groups.iterator():
        total += size
        _add(members, str(member), videos, size)
        _add(categories, str(category or ""), videos, size)
    largest_members, other_members = _largest(members)
    largest_categories, other_categories = _largest(categories)
    shares = Shares(
        members=largest_members,
        other_members=other_members,
        categories=largest_categories,
        other_categories=other_categories,
    )
    return total, shares


def _add(shares: dict[str, Share], key: str, videos: int, size: int) -> None:
    share = shares[key]
    share["key"] = key
    share["videos"] += videos
    share["bytes"] += size


def _largest(shares: Mapping[str, Share]) -> tuple[list[Share], OtherShares]:
    """Returns the SHOWN largest shares, and the sum of the others."""
    by_size = sorted(shares.values(), key=lambda share: (-share["bytes"], share["key"]))
    others = by_size[SHOWN:]
    return by_size[:SHOWN], OtherShares(
        count=len(others),
        videos=sum(share["videos"] for share in others),
        bytes=sum(share["bytes"] for share in others),
    )
