"""Data for the pages about members."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils import timezone

from clipset.lib.ids import hash_token

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from accounts.models import User


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRow:
    """A session as its member's settings page lists it.

    `id` is a hash of the session key: with the key itself a reader could use the session.
    """

    id: str
    device: str
    started_at: datetime
    last_seen_at: datetime
    is_current: bool


def session_rows(user: User, *, current: str | None) -> list[SessionRow]:
    """Returns the member's live sessions: `current` (a session key) first, then by last use.

    One query.
    """
    rows = [
        SessionRow(
            id=hash_token(session.session_key),
            device=device_name(session.user_agent),
            started_at=session.started_at,
            last_seen_at=session.last_seen_at,
            is_current=session.session_key == current,
        )
        for session in user.sessions.filter(expire_date__gt=timezone.now()).order_by(
            "-last_seen_at"
        )
    ]
    return sorted(rows, key=lambda row: not row.is_current)


BROWSERS = (
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS", "Firefox"),
    ("CriOS", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
)
SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "Mac"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def device_name(user_agent: str) -> str:
    """Returns a name such as "Firefox on Windows" for a User-Agent header."""
    browser = next((name for mark, name in BROWSERS if mark in user_agent), "")
    system = next((name for mark, name in SYSTEMS if mark in user_agent), "")
    return " on ".join(filter(None, [browser, system])) or "Unknown device"


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorRow:
    """An authenticator app or a passkey.

    `elsewhere` is the host that a passkey belongs to, if the page has another one.
    """

    id: UUID
    name: str
    is_passkey: bool
    created_at: datetime
    last_used_at: datetime | None
    elsewhere: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondFactorState:
    factors: list[FactorRow]
    codes_left: int
    takes_passkeys: bool


def second_factor_state(user: User, *, host: str, takes_passkeys: bool) -> SecondFactorState:
    """Returns what a member has set up, without any secret. Three queries.

    Args:
        host: that of the page.
        takes_passkeys: whether browsers make passkeys there.
    """
    apps = [
        FactorRow(
            id=app.pk,
            name=app.name,
            is_passkey=False,
            created_at=app.created_at,
            last_used_at=app.last_used_at,
        )
        for app in user.authenticator_apps.all()
    ]
    passkeys = [
        FactorRow(
            id=passkey.pk,
            name=passkey.name,
            is_passkey=True,
            created_at=passkey.created_at,
            last_used_at=passkey.last_used_at,
            elsewhere="" if passkey.host == host else passkey.host,
        )
        for passkey in user.passkeys.all()
    ]
    return SecondFactorState(
        factors=[*apps, *passkeys],
        codes_left=user.recovery_codes.filter(used_at=None).count(),
        takes_passkeys=takes_passkeys,
    )
