"""Template tags for the audit log: histories, recent acts, and undo in messages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django import template
from django.urls import NoReverseMatch, reverse

from clipset.lib.request_id import current_request_id
from clipset.ui.undo_tags import marked_request
from siteconfig.audit_words import model_of
from siteconfig.selectors import audit_log
from siteconfig.services.undo import undoable_of_request

if TYPE_CHECKING:
    from django.db.models import Model

    from siteconfig.models import AuditEntry
    from siteconfig.selectors.audit_log import LogRow

register = template.Library()
RECENT = 10  # entries


@dataclass(frozen=True, slots=True)
class UndoOffer:
    """What a message offers to undo: `count` acts of a request."""

    request_id: str
    count: int


@register.simple_tag
def history_of(thing: Model, reader: Any) -> list[LogRow]:
    """The newest acts on a thing that the reader may read."""
    return audit_log.history_of(thing, reader)


@register.simple_tag
def recent_acts(reader: Any) -> list[LogRow]:
    """The newest acts, whoever did them, that the reader may read."""
    return audit_log.log_page(reader, audit_log.Wanted(), size=RECENT).rows


@register.simple_tag
def undo_offer(message: Any, reader: Any) -> UndoOffer | None:
    """What can be undone of the acts that a message is about. No query for other messages."""
    return _offer(marked_request(message.extra_tags), reader)


@register.simple_tag
def undo_offer_now(reader: Any) -> UndoOffer | None:
    """What can be undone of the acts of the present request."""
    return _offer(current_request_id(), reader)


def _offer(request_id: str, reader: Any) -> UndoOffer | None:
    if not request_id or not getattr(reader, "is_staff", False):
        return None
    found = undoable_of_request(request_id, reader)
    return UndoOffer(request_id, len(found)) if found else None


@register.simple_tag
def object_url(entry: AuditEntry) -> str:
    """The admin's page of the entry's object; "" if its kind has none."""
    model = model_of(entry.object_kind)
    if model is None or not entry.object_id:
        return ""
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}_change"
    try:
        return reverse(name, args=[entry.object_id])
    except NoReverseMatch:
        return ""
