"""Hides e-mail addresses that somebody typed into a reason from moderators who read the entry."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from siteconfig.audit_words import Change, changes_of

if TYPE_CHECKING:
    from siteconfig.models import AuditEntry

MASK: Final = "[e-mail address]"
_ADDRESS: Final = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+")


def shown_reason(entry: AuditEntry, reader: Any) -> str:
    """Returns why something was done, as this reader may read it."""
    return entry.reason if _reads_as_typed(entry, reader) else _masked(entry.reason)


def shown_changes(entry: AuditEntry, reader: Any) -> list[Change]:
    """Returns what changed, as this reader may read it."""
    changes = changes_of(entry)
    if _reads_as_typed(entry, reader):
        return changes
    return [
        replace(change, before=_masked(change.before), after=_masked(change.after))
        for change in changes
    ]


def _reads_as_typed(entry: AuditEntry, reader: Any) -> bool:
    """Admins see all addresses, and moderators know what they have typed themselves."""
    return bool(reader.is_superuser or entry.actor_id == reader.pk)


def _masked(text: str) -> str:
    return _ADDRESS.sub(MASK, text)
