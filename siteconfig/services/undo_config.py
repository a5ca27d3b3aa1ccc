"""Undoing a change of the configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from clipset.lib.refusals import RefusedError
from siteconfig.models import AuditEntry, Config
from siteconfig.services.config import save_config
from siteconfig.undo import CHANGED_SINCE, refuse_if_changed, register_undo

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

# Fields that no form changes, so that no undo may either.
NOT_EDITED: Final = frozenset({"id", "site_id", "updated_at", "updated_by"})


def _may(entry: AuditEntry, by: Any) -> bool:
    return bool(by.is_superuser and entry.before and set(entry.before) == set(entry.after))


def _undo_change(entry: AuditEntry, by: AbstractBaseUser) -> None:
    """Stores the previous values of the fields that the act changed; others keep theirs."""
    config = Config.objects.select_for_update().get(pk=Config.SINGLETON_ID)
    edited = {field.name for field in Config._meta.concrete_fields} - NOT_EDITED
    if not set(entry.before) <= edited:  # an older version's field
        raise RefusedError(CHANGED_SINCE)
    refuse_if_changed(config, entry)
    for name, value in entry.before.items():
        setattr(config, name, value)
    save_config(config, changed_by=by)


def register_undos() -> None:
    register_undo("config.change", _undo_change, may=_may, counter_action="config.change")
