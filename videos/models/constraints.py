"""Check constraints that several models share."""

from __future__ import annotations

from django.db.models import CheckConstraint
from django.db.models.functions import Length, Trim
from django.db.models.lookups import GreaterThanOrEqual, LessThanOrEqual


def not_blank(field: str, *, name: str, sentence: str) -> CheckConstraint:
    """The text must have more than spaces. `sentence` is shown to a person who enters none."""
    return CheckConstraint(
        condition=GreaterThanOrEqual(Length(Trim(field)), 1),
        name=name,
        violation_error_message=sentence,
    )


def at_most(field: str, characters: int, *, name: str, sentence: str) -> CheckConstraint:
    """The text must have at most so many characters. `sentence` is shown for a longer one."""
    return CheckConstraint(
        condition=LessThanOrEqual(Length(field), characters),
        name=name,
        violation_error_message=sentence,
    )
