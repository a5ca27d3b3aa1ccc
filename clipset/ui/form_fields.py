"""Form fields that clean and normalize the text that people type.

Normalizing can make a text longer (U+FB2C becomes three characters). So its length is checked
before cleaning, to bound the work, and again after it.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from clipset.lib.text import clean_line, clean_text


class LineField(forms.CharField):
    """One line, cleaned by `clean_line`. Spaces alone are an error, `blank`."""

    default_error_messages = {"blank": "This field can't be blank."}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "strip": False})

    def clean(self, value: Any) -> Any:
        typed = super().clean(value)
        line = clean_line(typed)
        if typed and not line:
            raise ValidationError(self.error_messages["blank"], code="blank")
        self.run_validators(line)
        return line


class TextField(forms.CharField):
    """Several lines, cleaned by `clean_text`."""

    def clean(self, value: Any) -> Any:
        text = clean_text(super().clean(value) or "")
        self.run_validators(text)
        return text or self.empty_value
