"""Short ids for addresses, and tokens that open something."""

from __future__ import annotations

import hashlib
import secrets
import string
from typing import Final

SHORT_ID_LENGTH: Final = 10
SHORT_ID_ALPHABET: Final = string.ascii_letters + string.digits
# For path converters and re.fullmatch: it carries no anchors of its own.
SHORT_ID_PATTERN: Final = r"[A-Za-z0-9]{10}"

TOKEN_BYTES: Final = 32
TOKEN_PATTERN: Final = r"[A-Za-z0-9_-]{43}"  # noqa: S105 the shape of one


def new_short_id() -> str:
    """10 of A-Za-z0-9 (59.5 bits): hard to guess, but no secret. The database keeps it unique."""
    return "".join(secrets.choice(SHORT_ID_ALPHABET) for _ in range(SHORT_ID_LENGTH))


def new_token() -> str:
    """A secret of 256 bits as 43 characters of A-Za-z0-9_-. Store `hash_token` of it only."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def hash_token(token: str) -> str:
    """SHA-256 of the token in UTF-8 as 64 hex digits.

    Without salt or stretching, since a token of 256 random bits cannot be tried out. Any text
    from an address has a hash: what UTF-8 cannot hold (lone surrogates) is escaped first.
    """
    return hashlib.sha256(token.encode("utf-8", "backslashreplace")).hexdigest()
