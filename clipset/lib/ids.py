"""Short ids for addresses, and secret tokens."""

from __future__ import annotations

import hashlib
import secrets
import string
from typing import Final

SHORT_ID_LENGTH: Final = 10
SHORT_ID_ALPHABET: Final = string.ascii_letters + string.digits
# For path converters and re.fullmatch, so without anchors.
SHORT_ID_PATTERN: Final = r"[A-Za-z0-9]{10}"

TOKEN_BYTES: Final = 32
TOKEN_PATTERN: Final = r"[A-Za-z0-9_-]{43}"  # noqa: S105 the shape of one


def new_short_id() -> str:
    """10 random characters of A-Za-z0-9 (59.5 bits): hard to guess, but not secret.

    A constraint of the database ensures that it is unique.
    """
    return "".join(secrets.choice(SHORT_ID_ALPHABET) for _ in range(SHORT_ID_LENGTH))


def new_token() -> str:
    """A secret of 256 random bits as 43 characters of A-Za-z0-9_-. Store only its `hash_token`."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def hash_token(token: str) -> str:
    """SHA-256 of the token in UTF-8 as 64 hex digits.

    It needs no salt and no stretching, since 256 random bits cannot be guessed. Every text from an
    address has a hash: lone surrogates, which UTF-8 cannot encode, are escaped first.
    """
    return hashlib.sha256(token.encode("utf-8", "backslashreplace")).hexdigest()
