"""Path converters. Addresses with malformed names get a 404 without a query."""

from __future__ import annotations

from django.urls import register_converter
from django.urls.converters import StringConverter

from clipset.lib.ids import SHORT_ID_PATTERN, TOKEN_PATTERN


class ShortIdConverter(StringConverter):
    regex = SHORT_ID_PATTERN


class UsernameConverter(StringConverter):
    regex = "[A-Za-z0-9_]{3,50}"


class RenditionConverter(StringConverter):
    regex = "source|original|[1-9][0-9]{0,3}p"


class TokenConverter(StringConverter):
    regex = TOKEN_PATTERN


def register_converters() -> None:
    """Registers `<short_id:…>`, `<username:…>`, `<rendition:…>` and `<token:…>`."""
    register_converter(ShortIdConverter, "short_id")
    register_converter(UsernameConverter, "username")
    register_converter(RenditionConverter, "rendition")
    register_converter(TokenConverter, "token")
