"""Members whose uploads do not fit the limit on what they have stored."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import BigIntegerField, F, OuterRef, Subquery, Sum, Value
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils import timezone

from accounts.admin.shared import is_out_of_reach
from accounts.models import Role, User
from accounts.services.stored_limit import set_stored_limit
from clipset.lib.units import human_bytes
from siteconfig.attention import Act, Asked, Done, Look, Picture, Row, Source, bounded_count
from siteconfig.models import MAX_STORED_LIMIT_BYTES
from siteconfig.services.config import current_config
from videos.models import Upload, UploadState

if TYPE_CHECKING:
    from django.db.models import QuerySet

LIMIT_CHANGED: Final = "The limit can't be raised like this any more. Look at the member first."
# Nothing resets what is stored, so a row ends by itself when the member has not tried for so long.
STAYS: Final = timedelta(days=7)


def members_over_storage(by: User) -> QuerySet[User]:
    """Active members whose last refused upload would still not fit, the earliest first.

    Only those whose limit `by` may change. Annotates `used`, which includes unfinished uploads, and
    `allowed`, in bytes. One query besides. An index leads to the members of whom an upload was
    refused (accounts.services.quota_refusals), so it costs the same however many there are.
    """
    now = timezone.now()
    refused = User.objects.filter(
        is_active=True, quota_refused_at__range=(now - STAYS, now)
    ).exclude(role=Role.ADMIN)
    if not by.is_admin:
        refused = refused.filter(role=Role.USER)
    site = Value(current_config().stored_limit_bytes, output_field=BigIntegerField())
    return (
        refused.annotate(
            used=F("stored_bytes") + _promised(), allowed=Coalesce("stored_limit_bytes", site)
        )
        .filter(allowed__lt=F("used") + F("quota_refused_bytes"))
        .order_by("quota_refused_at", "pk")
    )


def _promised() -> Coalesce:
    """What the member's unfinished uploads will store; there are a hundred at most."""
    rows = Upload.objects.order_by().filter(user=OuterRef("pk"), state=UploadState.OPEN)
    size = rows.values("user").annotate(total=Sum("size_bytes")).values("total")
    return Coalesce(Subquery(size), 0, output_field=BigIntegerField())


def find(look: Look) -> list[Row]:
    members = members_over_storage(look.staff)
    if look.key:
        try:
            members = members.filter(pk=UUID(look.key))
        except ValueError:
            return []
    return [_row(member, look.staff) for member in members[: look.limit]]


def _row(member: User, staff: User) -> Row:
    used: int = member.used  # type: ignore[attr-defined] # annotated by members_over_storage
    allowed: int = member.allowed  # type: ignore[attr-defined] # as above
    change = reverse("admin:accounts_user_change", args=[member.pk])
    limit = Act(label="Change limit", url=f"{change}#id_stored_limit_bytes")
    profile = Act(label="Open profile", url=member.get_absolute_url())
    wanted, doubled = member.quota_refused_bytes, _doubled_limit(member, staff)
    what = f"upload {human_bytes(wanted)}" if wanted > 1 else "upload"
    return Row(
        key=str(member.pk),
        title=member.username,
        url=change,
        why=f"Tried to {what} with {human_bytes(used)} of {human_bytes(allowed)} stored.",
        since=member.quota_refused_at,
        picture=Picture(url=member.avatar_url, member=member.username),
        act=_raise(doubled) if doubled else limit,
        menu=(limit, profile) if doubled else (profile,),
    )


def _doubled_limit(member: User, staff: User) -> int:
    """Twice the member's limit in bytes, if `staff` may set it and the upload would fit; else 0. A
    limit of nothing is meant so, and is not raised by a click."""
    used: int = member.used  # type: ignore[attr-defined] # annotated by members_over_storage
    doubled: int = 2 * member.allowed  # type: ignore[attr-defined] # as above
    fits = used + member.quota_refused_bytes <= doubled <= MAX_STORED_LIMIT_BYTES
    return doubled if fits and not is_out_of_reach(member, staff) else 0


def _raise(limit: int) -> Act:
    # The limit is sent with it, so that a second press does not double it again.
    return Act(label=f"Raise limit to {human_bytes(limit)}", name="raise", value=str(limit))


def raise_limit(asked: Asked) -> Done:
    # The source has looked for the row, so the key is one.
    member = members_over_storage(asked.staff).filter(pk=UUID(asked.key)).first()
    limit = 0 if member is None else _doubled_limit(member, asked.staff)
    if member is None or not limit or str(limit) != asked.value:
        raise ValidationError(LIMIT_CHANGED)
    set_stored_limit(user=member, limit_bytes=limit)
    return Done(sentence=f"{member.username} may store {human_bytes(limit)} now.")


SOURCE: Final = Source(
    kind="storage",
    title="Full storage",
    checked="storage limits",
    order=85,
    may_see=lambda staff: staff.has_perm("accounts.change_user"),
    find=find,
    count=lambda staff: bounded_count(members_over_storage(staff)),
    acts={"raise": raise_limit},
)
