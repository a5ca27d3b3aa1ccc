"""Time-based one-time passwords (RFC 6238).

With what all authenticator apps know: SHA-1, six digits, steps of 30 seconds.
"""

from __future__ import annotations

import base64
import hmac
import secrets
from typing import Final
from urllib.parse import quote, urlencode

DIGITS: Final = 6
STEP_SECONDS: Final = 30
SECRET_BYTES: Final = 20  # as long as the hash (RFC 4226, section 4, R6)
# A code of the previous or the next step is accepted, since clocks differ and typing takes time.
DRIFT: Final = 1


def new_secret() -> str:
    """160 random bits in Base32: 32 characters without padding."""
    return base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode()


def code_at(secret: str, step: int) -> str:
    """Returns the code of a time step (RFC 4226, section 5.3)."""
    digest = hmac.digest(base64.b32decode(secret), step.to_bytes(8, "big"), "sha1")
    offset = digest[-1] & 0x0F
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return f"{number % 10**DIGITS:0{DIGITS}d}"


def matching_step(secret: str, code: str, *, now: float, after: int = -1) -> int | None:
    """Returns the time step of a code that is valid now and later than `after`, else None.

    Args:
        now: seconds since 1970.
        after: the step of the last code that was used.
    """
    current = int(now) // STEP_SECONDS
    found = None
    for step in range(max(current - DRIFT, 0), current + DRIFT + 1):
        if hmac.compare_digest(code_at(secret, step).encode(), code.encode()) and step > after:
            found = step
    return found


def setup_uri(secret: str, *, account: str, issuer: str) -> str:
    """Returns the address that a QR code contains (Google Authenticator's "Key URI format")."""
    label = quote(f"{issuer}:{account}")
    parameters = {"secret": secret, "issuer": issuer}
    return f"otpauth://totp/{label}?{urlencode(parameters, quote_via=quote)}"
