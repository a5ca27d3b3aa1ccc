from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from clipset.ui.form_fields import LineField, TextField

GROWS = "\ufb2c"  # three characters once it is normalised


@pytest.mark.parametrize("kind", [LineField, TextField])
def test_the_length_counts_as_typed_and_as_stored(kind: type[LineField] | type[TextField]) -> None:
    field = kind(max_length=9, error_messages={"max_length": "Too long."})
    assert len(field.clean(GROWS * 3)) == 9
    for typed in (GROWS * 4, "a" * 10, "a" + "\u200b" * 9):
        with pytest.raises(ValidationError) as refused:
            field.clean(typed)
        assert refused.value.messages == ["Too long."]


def test_a_line_is_cleaned_and_more_than_spaces() -> None:
    field = LineField(error_messages={"blank": "Only spaces."})
    assert field.clean("  Board \u200b games ") == "Board games"
    for typed in (" ", "\u200b", "\t\n"):
        with pytest.raises(ValidationError, match="Only spaces"):
            field.clean(typed)
    with pytest.raises(ValidationError, match="required"):
        field.clean("")
    assert LineField(required=False).clean("") == ""


def test_a_text_keeps_its_lines() -> None:
    field = TextField(required=False)
    assert field.clean(" one \r\n\r\n two\u200b ") == "one\n\ntwo"
    assert field.clean(" \u200b ") == ""
    assert TextField(required=False, empty_value=None).clean(" ") is None
