"""The storage limit: how many bytes the files of a member's videos may take.

`User.stored_bytes` is a running total, so that a check costs the same however many videos a member
has. videos.services.stored_total keeps it and decides about an upload; this shows it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import transaction

from accounts.models import User
from accounts.services.audit import record_about
from siteconfig.services.config import current_config

if TYPE_CHECKING:
    from siteconfig.models import Config


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredState:
    """What a member has stored. `limit_bytes` and `left_bytes` are None without a limit."""

    limit_bytes: int | None
    used_bytes: int
    left_bytes: int | None


def stored_state(user: User, *, config: Config | None = None) -> StoredState:
    """Returns what a member has stored, for display.

    Args:
        config: the configuration, for a page that lists many members, so that it is read once.
    """
    limit = None
    if not user.is_admin:
        limit = user.stored_limit_bytes
        if limit is None:
            limit = (config or current_config()).stored_limit_bytes
    return StoredState(
        limit_bytes=limit,
        used_bytes=user.stored_bytes,
        left_bytes=None if limit is None else max(0, limit - user.stored_bytes),
    )


@transaction.atomic
def set_stored_limit(*, user: User, limit_bytes: int | None) -> User:
    """Stores a member's own storage limit in bytes; None for the site's limit."""
    current = User.objects.select_for_update(no_key=True).get(pk=user.pk)
    before, user.stored_limit_bytes = current.stored_limit_bytes, limit_bytes
    User.objects.filter(pk=user.pk).update(stored_limit_bytes=limit_bytes)
    if before != limit_bytes:
        record_about(
            current,
            "member.storage",
            before={"stored_limit_bytes": before},
            after={"stored_limit_bytes": limit_bytes},
        )
    return user
