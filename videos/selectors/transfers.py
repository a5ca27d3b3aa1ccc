"""Running transfers and the rights that they depend on: of a member's session or a guest link."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from django.db.models import Q

from accounts.models import Session, stored_key
from accounts.sessions import SessionStore
from clipset.database.lock_waits import waiting_at_most
from clipset.lib.ids import hash_token
from clipset.server.sockets import connection_of
from clipset.server.transfers import Transfer, Transfers
from videos.models import Video

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

# How long a look may wait for the database. The next one comes soon.
MAX_WAIT_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class MemberRight:
    """That of a member's session. It ends with the session and with the member's role, and when
    the member is deactivated.

    Attributes:
        started_at: when the session began, which stays when it gets another key.
    """

    user: UUID
    role: str
    key: str
    started_at: datetime | None


@dataclass(frozen=True, slots=True)
class GuestRight:
    """That of a guest link, by the hash of its token. It ends when the link opens its video no
    more."""

    token_hash: str


Right = MemberRight | GuestRight


def right_of(request: HttpRequest) -> Right | None:
    """The right by which a request may read or send. None for one that needs none."""
    match = request.resolver_match
    token = match.kwargs.get("token") if match is not None else None
    if token:
        return GuestRight(hash_token(token))
    user, session = request.user, request.session
    if not user.is_authenticated or session.session_key is None:
        return None
    started = session.get(SessionStore.STARTED_AT)
    began = datetime.fromisoformat(started) if started else None
    return MemberRight(user.pk, user.role, stored_key(session.session_key), began)


def find_lost(rights: set[Right]) -> set[Right]:
    """Those of the rights that have ended. A query for all members and one for all guests."""
    members = {right for right in rights if isinstance(right, MemberRight)}
    guests = {right for right in rights if isinstance(right, GuestRight)}
    with waiting_at_most(MAX_WAIT_SECONDS):
        return _lost_by_members(members) | _lost_by_guests(guests)


def _lost_by_members(rights: set[MemberRight]) -> set[Right]:
    if not rights:
        return set()
    begun = {right.started_at for right in rights if right.started_at is not None}
    sessions = Session.objects.filter(
        Q(session_key__in={right.key for right in rights}) | Q(started_at__in=begun),
        user__in={right.user for right in rights},
        user__is_active=True,
    )
    held: set[tuple[UUID | None, str, str | datetime]] = set()
    for user, role, key, began in sessions.values_list(
        "user", "user__role", "session_key", "started_at"
    ):
        held |= {(user, role, key), (user, role, began)}
    return {
        right
        for right in rights
        if (right.user, right.role, right.key) not in held
        and (right.user, right.role, right.started_at) not in held
    }


def _lost_by_guests(rights: set[GuestRight]) -> set[Right]:
    if not rights:
        return set()
    hashes = {right.token_hash for right in rights}
    opened = Video.objects.opened_by_any(hashes).values_list("guest_links__token_hash", flat=True)
    held = set(opened)
    return {right for right in rights if right.token_hash not in held}


transfers: Final = Transfers(find_lost)


@contextmanager
def running_transfer(request: HttpRequest, *, cut: bool) -> Iterator[Transfer]:
    """Context manager in which the request's body is read.

    Args:
        cut: whether the connection is cut when the right is lost. If not, `is_stopped` says it.
    """
    connection, right = connection_of(request), right_of(request)
    stop = connection.cut if cut and connection is not None else _do_nothing
    transfer = Transfer(right, stop)
    if connection is None or right is None:  # as in development
        yield transfer
        return
    transfers.begin(transfer)
    try:
        yield transfer
    finally:
        transfers.end(transfer)


def _do_nothing() -> None:
    """For transfers that look at `is_stopped`."""


def cut_when_lost(request: HttpRequest, response: HttpResponseBase) -> None:
    """Has the connection cut if the right is lost while the response is sent."""
    connection, right = connection_of(request), right_of(request)
    if connection is None or right is None:
        return
    transfer = Transfer(right, connection.cut)
    transfers.begin(transfer)
    close = response.close

    def close_and_end() -> None:
        transfers.end(transfer)
        close()

    response.close = close_and_end  # type: ignore[method-assign]
