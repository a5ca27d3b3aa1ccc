"""Words for the entries of the audit log: each app registers those of its kinds of object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist
from django.db.models import DateTimeField
from django.utils.dateparse import parse_datetime
from django.utils.formats import date_format
from django.utils.text import capfirst
from django.utils.timezone import is_aware, localtime

from clipset.lib.units import human_bytes

if TYPE_CHECKING:
    from django.db.models import Field, Model

    from siteconfig.models import AuditEntry

NOTHING: Final = "–"
MAX_VALUE: Final = 300  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """Words for one kind of object.

    Args:
        plural: heading of its acts in the filter, such as "Videos".
        model: label of its model, such as "videos.Video"; "" if there is none.
        acts: for each verb the name of the act ("Hide") and a sentence about it. The sentence may
            have a placeholder for the object's name: "Hid the video “%(name)s”".
        labels: names of stored values, where they are not those of the model's fields.
        values: words for the stored values of these names, where no field of the model has them.
        unseen: stored values that only an undo needs, such as ids.
    """

    plural: str
    model: str = ""
    acts: Mapping[str, tuple[str, str]]
    labels: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    unseen: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Change:
    """One line of "before → after"."""

    label: str
    before: str
    after: str


_kinds: Final[dict[str, Kind]] = {}


def register_kind(name: str, kind: Kind) -> None:
    """Registers the words of a kind: the part of an action before the dot."""
    _kinds[name] = kind


def kinds() -> dict[str, Kind]:
    """Returns all kinds, sorted by their plural."""
    return dict(sorted(_kinds.items(), key=lambda item: item[1].plural))


def kind_of(thing: Model) -> str:
    """Returns the kind of a thing; "" if its model is registered for none."""
    label = thing._meta.label
    return next((name for name, kind in _kinds.items() if kind.model == label), "")


def model_of(kind: str) -> type[Model] | None:
    found = _kinds.get(kind)
    try:
        return apps.get_model(found.model) if found and found.model else None
    except LookupError:
        return None


def sentence_of(entry: AuditEntry) -> str:
    """Returns what was done: "Hid the video “Sunset”"."""
    verb = entry.action.partition(".")[2]
    kind = _kinds.get(entry.object_kind)
    if kind is None or verb not in kind.acts:
        return f"{entry.action} {entry.object_name}".strip()
    return kind.acts[verb][1] % {"name": entry.object_name}


def changes_of(entry: AuditEntry) -> list[Change]:
    """Returns what changed, in words. Values that are the same before and after are left out."""
    kind = _kinds.get(entry.object_kind) or Kind(plural="", acts={})
    model = model_of(entry.object_kind)
    before, after = _values(entry.before), _values(entry.after)
    names = dict.fromkeys([*before, *after])
    changes = []
    for name in names:
        if name in kind.unseen or (name in before and before.get(name) == after.get(name)):
            continue
        stored = _field(model, name)
        label = kind.labels.get(name) or _label(stored, name)
        words = kind.values.get(name)
        old, new = (_said(values.get(name), name, stored, words) for values in (before, after))
        changes.append(Change(label, old, new))
    return changes


def _values(stored: Any) -> Mapping[str, Any]:
    return stored if isinstance(stored, dict) else {}


def _field(model: type[Model] | None, name: str) -> Field[Any, Any] | None:
    try:
        found: Any = model._meta.get_field(name) if model else None
    except FieldDoesNotExist:
        return None
    return found if getattr(found, "concrete", False) else None


def _label(stored: Field[Any, Any] | None, name: str) -> str:
    return str(capfirst(stored.verbose_name if stored else name.replace("_", " ")))


def _said(
    value: Any, name: str, stored: Field[Any, Any] | None, words: Mapping[str, str] | None
) -> str:
    """Returns a stored value in words."""
    if value is None or value == "":
        return NOTHING
    if words is not None and isinstance(value, str):
        value = words.get(value, value)
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if stored is not None and not isinstance(value, (dict, list)):
        value = dict(stored.flatchoices).get(value, value)
    if name.endswith("_bytes") and isinstance(value, int) and value >= 0:
        return human_bytes(value)
    if (name.endswith("_at") or isinstance(stored, DateTimeField)) and isinstance(value, str):
        value = _moment(value)
    if isinstance(value, list):
        value = ", ".join(map(str, value))
    text = str(value)
    return text if len(text) <= MAX_VALUE else f"{text[: MAX_VALUE - 1]}…"


def _moment(text: str) -> str:
    """Returns a stored moment as the admin's pages write it; a text that is none as it is."""
    try:
        moment = parse_datetime(text)
    except ValueError:  # as a moment, but of no day
        return text
    return date_format(localtime(moment), "j F Y, H:i T") if moment and is_aware(moment) else text
