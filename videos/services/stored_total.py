"""Each member's running total of stored bytes, and the limit on it.

The total is `User.stored_bytes`. A new video and a new caption track add their bytes in their own
transaction. What workers change later (renditions, removed sources and originals, deletions) is
added up again afterwards by `count_stored`, and once an hour for every member.

A recount corrects the total by the difference to what one statement has read, so that it loses
nothing that is added meanwhile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.db.models import BigIntegerField, F, OuterRef, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from accounts.models import User
from accounts.services.stored_limit import stored_state
from clipset.lib.refusals import RefusedError
from clipset.lib.units import human_bytes
from videos.models import Caption, Video
from videos.selectors.uploads import promised_bytes
from videos.services.stored_bytes import bytes_on_disk

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from uuid import UUID

    from django.db.models.expressions import Combinable

MEMBERS_AT_ONCE: Final = 500


class OverStorageError(RefusedError):
    """The refusal of bytes that do not fit the member's storage limit."""


def add_stored(*, member: UUID, size: int) -> None:
    """Adds `size` bytes to the member's total, in the transaction that stores them."""
    User.objects.filter(pk=member).update(stored_bytes=F("stored_bytes") + size)


def check_storage(user: User, size: int, *, counts_uploads: bool = True) -> None:
    """Checks that the member's storage limit has room for `size` more bytes. Three queries.

    The caller has changed or locked the member's row in this transaction, so that no second request
    of theirs decides on the same bytes.

    Args:
        counts_uploads: also counts what the member's unfinished uploads will store. An upload that
            ends is among these itself.

    Raises: OverStorageError (413).
    """
    user.refresh_from_db(fields=["role", "stored_bytes", "stored_limit_bytes"])
    state = stored_state(user)
    if state.limit_bytes is None:
        return
    used = state.used_bytes
    if counts_uploads:
        used += promised_bytes(user)
    if used + size > state.limit_bytes:
        raise over_storage(used=used, limit=state.limit_bytes)


def over_storage(*, used: int, limit: int) -> OverStorageError:
    """The refusal of bytes that do not fit."""
    return OverStorageError(
        f"Not enough storage: your videos take {human_bytes(used)} of {human_bytes(limit)}, with "
        "the trash and unfinished uploads. Delete videos you no longer need, and ask an admin to "
        "empty the trash or to raise your limit.",
        status=413,
    )


def stored_of(video: UUID) -> int:
    """The bytes of one video, with its captions. Two queries."""
    size = Video.objects.filter(pk=video).values_list(bytes_on_disk(), flat=True).first() or 0
    captions = Caption.objects.filter(video=video).aggregate(bytes=Sum("size_bytes", default=0))
    return int(size + captions["bytes"])


def count_stored(members: Iterable[UUID]) -> int:
    """Adds up the stored bytes of some members again. Returns how many totals were wrong.

    It reads all videos of these members, so only workers call it.
    """
    corrected = 0
    found = User.objects.filter(pk__in=list(members)).annotate(right=_of_videos() + _of_captions())
    for row in found.values_list("pk", "stored_bytes", "stored_counted_at", "right"):
        corrected += _correct(*row)
    return corrected


def count_all_stored() -> int:
    """Adds up the stored bytes of every member again. Returns how many totals were wrong."""
    members = list(User.objects.order_by("pk").values_list("pk", flat=True))
    return sum(
        count_stored(members[first : first + MEMBERS_AT_ONCE])
        for first in range(0, len(members), MEMBERS_AT_ONCE)
    )


def _correct(member: UUID, was: int, counted_at: datetime | None, right: int) -> int:
    """Corrects a total by the difference, unless another worker has done so meanwhile."""
    if was == right:
        return 0
    same = User.objects.filter(pk=member, stored_counted_at=counted_at)
    changes: dict[str, Any] = {"stored_counted_at": timezone.now()}
    return int(same.update(stored_bytes=F("stored_bytes") + (right - was), **changes))


def _of_videos() -> Combinable:
    rows = Video.objects.order_by().filter(uploaded_by=OuterRef("pk")).values("uploaded_by")
    return _sum(rows.annotate(total=Sum(bytes_on_disk())))


def _of_captions() -> Combinable:
    rows = Caption.objects.order_by().filter(video__uploaded_by=OuterRef("pk"))
    return _sum(rows.values("video__uploaded_by").annotate(total=Sum("size_bytes")))


def _sum(rows: Any) -> Combinable:
    return Coalesce(Subquery(rows.values("total")[:1]), 0, output_field=BigIntegerField())
