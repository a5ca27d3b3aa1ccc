"""Path converters: what can't be a name never reaches the database."""

from __future__ import annotations

from django.urls import register_converter
from django.urls.converters import StringConverter

from clipset.lib.ids import SHORT_ID_PATTERN, TOKEN_PATTERN


class ShortIdConverter(StringConverter):
    regex = SHORT_ID_PATTERN


class UsernameConverter(StringConverter):
    regex = "[A-Za-z0-9_]{3,50}"


class RenditionConverter(StringConverter):
    regex = "source|[1-9][0-9]{0,3}p"


class TokenConverter(StringConverter):
    regex = TOKEN_PATTERN


def register_converters() -> None:
    """Makes `<short_id:…>`, `<username:…>`, `<rendition:…>` and `<token:…>` known to the site."""
    register_converter(ShortIdConverter, "short_id")
    register_converter(UsernameConverter, "username")
    register_converter(RenditionConverter, "rendition")
    register_converter(TokenConverter, "token")
