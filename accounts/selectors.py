"""Data for the pages about members."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from django.contrib.auth import HASH_SESSION_KEY
from django.utils import timezone

from accounts.models import User, stored_key
from clipset.database.limited import MAX_COUNTED, counted, limited_count, related_rows
from clipset.lib.ids import hash_token

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from django.db.models import ForeignObjectRel, QuerySet


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRow:
    """A session as its member's settings page lists it.

    `id` is a hash of what the database stores for the session's key: it opens nothing.
    """

    id: str
    device: str
    address: str
    started_at: datetime
    last_seen_at: datetime
    is_current: bool


def session_rows(user: User, *, current: str | None) -> list[SessionRow]:
    """Returns the member's live sessions: `current` (a session key) first, then by last use.

    Those that a change of the password has ended are left out, whoever changed it in which way.
    One query.
    """
    live = user.sessions.filter(expire_date__gt=timezone.now()).order_by("-last_seen_at")
    valid = {user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()}
    stored = None if current is None else stored_key(current)
    rows = [
        SessionRow(
            id=hash_token(session.session_key),
            device=device_name(session.user_agent),
            address=session.address,
            started_at=session.started_at,
            last_seen_at=session.last_seen_at,
            is_current=session.session_key == stored,
        )
        for session in live
        if session.get_decoded().get(HASH_SESSION_KEY) in valid
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


def counts_of_members(users: QuerySet[User]) -> dict[str, int | str]:
    """What goes with members who are deleted: of the first MAX_COUNTED if there are more."""
    total = users.count()
    ids = list(users.order_by("pk").values_list("pk", flat=True)[:MAX_COUNTED])
    counts: dict[str, int | str] = {"members": total}
    for relation in ("videos", "comments", "playlists", "likes", "guest_links", "invitations"):
        field = cast("ForeignObjectRel", User._meta.get_field(relation)).field.name
        rows = related_rows(User, relation).filter(**{f"{field}__in": ids})
        counts[relation.replace("_", " ")] = counted(limited_count(rows))
    return counts


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
