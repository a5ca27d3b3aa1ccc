"""What an action of the admin did to the selected objects, in one line for each half."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final

from clipset.lib.units import plural

MAX_SELECTED: Final = 1_000  # objects that one action changes: more would take too long
MAX_REASONS: Final = 5  # that one line names


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an action leaves objects as they are, for one of them and for several.

    Both follow a number or "it" and "they": "is not failed", "are not failed".
    """

    one: str
    many: str

    def of(self, count: int) -> str:
        return self.one if count == 1 else self.many


class Outcome:
    """Counts what an action changed, and groups what it did not change by reason."""

    def __init__(self) -> None:
        self.done = 0
        self.left: Counter[Reason | str] = Counter()

    def add(self, reason: Reason | str | None) -> None:
        """Counts one object. `reason` is None if it was changed, or the sentence of a refusal."""
        if reason is None:
            self.done += 1
        else:
            self.left[reason] += 1

    def done_sentence(self, template: str, noun: str, many: str) -> str:
        """Returns a sentence such as "12 videos hidden.", or "" if nothing was changed.

        Args:
            template: contains "{count}": "{count} hidden."
        """
        return template.format(count=plural(self.done, noun, many)) if self.done else ""

    def left_sentence(self, not_done: str) -> str:
        """Returns a sentence such as "3 were not retried: 2 are not failed, 1 has no source.".

        It is "" if nothing was left as it was. `not_done` is the participle, such as "retried".
        """
        total = self.left.total()
        if not total:
            return ""
        head = f"{total:,} {'was' if total == 1 else 'were'} not {not_done}"
        if len(self.left) == 1:
            (reason,) = self.left
            if isinstance(reason, str):
                return f"{head}. {reason}"
            return f"{head}: {'it' if total == 1 else 'they'} {reason.of(total)}."
        parts_by_count = [(-count, _part(reason, count)) for reason, count in self.left.items()]
        named = sorted(parts_by_count)[:MAX_REASONS]
        parts = [part for _, part in named]
        rest = total + sum(count for count, _ in named)
        if rest:
            parts.append(f"{rest:,} for other reasons")
        return f"{head}: {', '.join(parts)}."


def _part(reason: Reason | str, count: int) -> str:
    if isinstance(reason, str):
        return f"{count:,} (“{reason}”)"
    return f"{count:,} {reason.of(count)}"


def too_many_sentence(many: str) -> str:
    return f"Nothing was changed. Select at most {MAX_SELECTED:,} {many} at once."
