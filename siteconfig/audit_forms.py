"""The filters of the audit log's page."""

from __future__ import annotations

from datetime import date
from typing import Any, Final
from urllib.parse import urlencode

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator

from siteconfig.enums import Source
from siteconfig.selectors.audit_log import Wanted, actor_names, shown_actions, shown_kinds

MAX_SEARCH: Final = 200  # characters
# Days that every database and every time zone has.
YEARS: Final = (
    MinValueValidator(date(2000, 1, 1), "Enter a day after 1999."),
    MaxValueValidator(date(2199, 12, 31), "Enter a day before 2200."),
)


class LogFilterForm(forms.Form):
    """A value that makes no sense counts as missing, and the form shows an error for it."""

    q = forms.CharField(label="Search", required=False, max_length=MAX_SEARCH)
    kind = forms.ChoiceField(required=False)
    action = forms.ChoiceField(required=False)
    who = forms.ChoiceField(required=False)
    source = forms.ChoiceField(
        label="From", required=False, choices=[("", "Anywhere"), *Source.choices]
    )
    since = forms.DateField(
        label="First day",
        required=False,
        validators=YEARS,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    until = forms.DateField(
        label="Last day",
        required=False,
        validators=YEARS,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )

    def __init__(self, data: Any, *, reader: Any) -> None:
        super().__init__(data)
        self._choose("kind", "All", [*shown_kinds(reader).items()])
        self._choose(
            "action",
            "All",
            [(heading, [*acts.items()]) for heading, acts in shown_actions(reader).items()],
        )
        names = actor_names()
        asked = data.get("who", "")
        if asked and asked not in names and "\x00" not in asked:  # there are more than are listed
            names = [asked, *names]
        self._choose("who", "Anybody", [(name, name) for name in names])
        self.is_valid()

    def _choose(self, name: str, everything: str, choices: list[Any]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", everything), *choices]

    @property
    def wanted(self) -> Wanted:
        values = self.cleaned_data
        return Wanted(
            search=values.get("q", ""),
            kind=values.get("kind", ""),
            action=values.get("action", ""),
            who=values.get("who", ""),
            source=values.get("source", ""),
            since=values.get("since"),
            until=values.get("until"),
        )

    def parameters(self) -> dict[str, str]:
        """Returns the filters that are set, as the parameters of an address."""
        return {name: str(value) for name, value in self.cleaned_data.items() if value}

    def query(self) -> str:
        return urlencode(self.parameters())

    def in_words(self) -> str:
        """Returns the filters that are set, for the entry about a download."""
        found = (f"{self[name].label}: {value}" for name, value in self.parameters().items())
        return "; ".join(found) or "None"
