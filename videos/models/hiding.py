"""What staff can hide: videos and comments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.db import models
from django.db.models import Q

from videos.enums import HiddenReason
from videos.models.constraints import at_most

if TYPE_CHECKING:
    from django.db.models import CheckConstraint

MAX_REASON: Final = 500  # characters
REASON_TOO_LONG: Final = f"Use at most {MAX_REASON} characters."


class HideableModel(models.Model):
    """A model whose rows staff can hide with a reason. All of these are empty otherwise."""

    hidden_at = models.DateTimeField(null=True, blank=True, editable=False)
    hidden_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
    )
    hidden_reason = models.CharField(
        "reason",
        max_length=13,
        choices=HiddenReason,
        blank=True,
        default="",
        help_text="The member whose it is can read it, but not who chose it.",
    )
    hidden_text = models.TextField(
        "in your own words",
        max_length=MAX_REASON,
        blank=True,
        default="",
        help_text="They can read this as well.",
    )

    class Meta:
        abstract = True

    @property
    def hidden_sentence(self) -> str:
        """The reason in words; "" if there is none."""
        return reason_in_words(self.hidden_reason, self.hidden_text)


def reason_in_words(reason: str, text: str) -> str:
    """A reason and what a moderator added to it, as one text: "Harassment: see line 3"."""
    label = HiddenReason(reason).label if reason and reason != HiddenReason.OTHER else ""
    return ": ".join(filter(None, [label, text]))


def hiding_constraints(table: str, *, is_hidden: Q) -> list[CheckConstraint]:
    """The constraints of a HideableModel. `is_hidden` tells hidden rows from others."""
    empty = Q(hidden_at__isnull=True, hidden_reason="", hidden_text="")
    return [
        models.CheckConstraint(condition=is_hidden | empty, name=f"{table}_reason_if_hidden"),
        models.CheckConstraint(
            condition=Q(hidden_reason__in=["", *HiddenReason.values]),
            name=f"{table}_reason_known",
        ),
        at_most("hidden_text", MAX_REASON, name=f"{table}_reason_length", sentence=REASON_TOO_LONG),
    ]
