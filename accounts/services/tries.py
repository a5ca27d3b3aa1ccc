"""Limits for guessing: how often passwords and codes of a second factor may be tried.

Every place that takes one calls `begin_try` before it compares, and `note_right_try` if it was
right. A try is counted as wrong when it begins, so that no number of simultaneous tries passes a
limit, and one whose process dies stays counted. After some free tries, each further one has to wait
for longer.

Who comes with the cookie of a known device, or is logged in, has their own count. Everybody else
shares that of the account, and is counted by network besides.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.utils import timezone

from accounts.models import MAX_EMAIL_LENGTH, TryCount
from accounts.services.devices import known_device
from clipset.lib.ids import hash_token
from clipset.lib.refusals import RateLimitedError
from clipset.lib.units import plural
from clipset.server.proxies import networks_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.http import HttpRequest

    from accounts.models import User

FORGOTTEN_AFTER: Final = timedelta(days=1)  # without a further try
FIRST_DELAY_SECONDS: Final = 30  # doubles with each further try
LONGEST_DELAY: Final = timedelta(hours=1)
# Long ago rather than the moment of a try: a simultaneous request may have read the clock before.
NO_DELAY: Final = datetime(1970, 1, 1, tzinfo=UTC)
BATCH: Final = 500  # counts that are deleted in one transaction


class Kind(enum.StrEnum):
    """What is tried. Each kind has counts of its own."""

    PASSWORD = "password"  # noqa: S105 a word
    SECOND_FACTOR = "code"
    RECOVERY_CODE = "recovery code"


@dataclass(frozen=True, slots=True)
class Limit:
    """How many tries are free, and the longest time between two of those that follow."""

    free: int
    longest: timedelta = LONGEST_DELAY

    def delay(self, tries: int) -> timedelta:
        """Returns for how long further tries are refused after so many."""
        if tries < self.free:
            return timedelta(0)
        doubled = timedelta(seconds=FIRST_DELAY_SECONDS * 2 ** min(tries - self.free, 16))
        return min(doubled, self.longest)


ACCOUNT: Final = Limit(8)
ALL_DEVICES: Final = Limit(40)  # the known devices of one member together
# By the bits that all addresses of a network share. People behind one address share its count.
_QUARTER: Final = timedelta(minutes=15)
NETWORKS: Final = {
    32: Limit(20, _QUARTER),  # IPv4
    64: Limit(20, _QUARTER),  # IPv6: what one client usually has,
    56: Limit(40, _QUARTER),  # what one household gets,
    48: Limit(160, _QUARTER),  # and what anybody can rent
}


@dataclass(frozen=True, slots=True)
class Try:
    """A try that has begun. A right one ends the `own` counts and is taken off the shared ones."""

    own: tuple[str, ...]
    shared: tuple[str, ...]
    next_at: dict[str, datetime]  # when the next one is allowed, because of this one
    is_refused: bool = False  # by a silent count, so it is to be answered like a wrong one


class TooManyTriesError(RateLimitedError):
    """There were too many wrong tries. `retry_after` says when the next one is allowed."""

    def __init__(self, kind: Kind, *, seconds: int) -> None:
        another = ", or reset your password" if kind is Kind.PASSWORD else ""
        sentence = f"Too many wrong {kind}s. Try again in {_in_words(seconds)}{another}."
        super().__init__(sentence, seconds=seconds)


def begin_try(*, account: User, request: HttpRequest, kind: Kind = Kind.PASSWORD) -> Try:
    """Counts a try of a member's password or code, before it is compared.

    Must not be called in a transaction that is rolled back when the try is wrong.

    Raises: TooManyTriesError if another try is not allowed yet. That is not counted.
    """
    if request.user.is_authenticated and request.user.pk == account.pk:
        return _begin(kind, own={f"session:{_counted(account, kind)}": ACCOUNT})
    device = known_device(request, account)
    if device is not None:
        return _begin_on_device(kind, account, device)
    own = {f"account:{_counted(account, kind)}": ACCOUNT}
    return _begin(kind, own=own, shared=_networks(request))


def begin_log_in(*, name: str, account: User | None, request: HttpRequest) -> Try | None:
    """Counts a log-in, before the password is compared.

    What an account's count refuses is to be answered like a wrong password (None). Otherwise tries
    under a username and under an e-mail address would show that both belong to the same member, and
    so who is a member. Tries under one name are refused openly, whether it exists or not.

    Args:
        name: what was typed.
        account: the member whose username or e-mail address that is, if there is one.

    Raises: TooManyTriesError if another try under this name, from this network or on this device is
    not allowed yet.
    """
    device = known_device(request, account)
    if account is not None and device is not None:
        return _begin_on_device(Kind.PASSWORD, account, device)
    folded = name.strip().casefold()[:MAX_EMAIL_LENGTH]
    who = f"nobody:{folded}" if account is None else _counted(account, Kind.PASSWORD)
    this = _begin(
        Kind.PASSWORD,
        own={f"name:{folded}": ACCOUNT},
        shared=_networks(request),
        silent={f"account:{who}": ACCOUNT},
    )
    return None if this.is_refused else this


def note_right_try(this: Try) -> None:
    """Takes back what `begin_try` or `begin_log_in` counted, since the password or code was right.

    The counts of the account or device end. Those of networks only lose this one try, so that
    nobody resets them by logging in to an account of their own.
    """
    with transaction.atomic():
        counts = _locked(this.own + this.shared)
        TryCount.objects.filter(key__in=this.own).delete()
        for count in counts:
            if count.key in this.own:
                continue
            count.tries = max(0, count.tries - 1)
            if count.next_at == this.next_at[count.key]:
                count.next_at = NO_DELAY
            count.save(update_fields=["tries", "next_at"])


def forget_tries(*, now: datetime) -> int:
    """Deletes the counts that no try was added to for FORGOTTEN_AFTER. Returns how many.

    In short transactions, and without waiting for rows that a log-in uses.
    """
    old = TryCount.objects.filter(last_at__lt=now - FORGOTTEN_AFTER)
    deleted = 0
    while True:
        with transaction.atomic():
            keys = list(
                old.select_for_update(skip_locked=True).values_list("key", flat=True)[:BATCH]
            )
            TryCount.objects.filter(key__in=keys).delete()
        deleted += len(keys)
        if len(keys) < BATCH:
            return deleted


def _begin_on_device(kind: Kind, account: User, device: str) -> Try:
    who = _counted(account, kind)
    return _begin(
        kind,
        own={f"device:{who}:{device}": ACCOUNT},
        shared={f"devices:{who}": ALL_DEVICES},
    )


def _counted(account: User, kind: Kind) -> str:
    """Returns what an account's counts are kept under. (A hash of it is stored.)

    Each password has counts of its own: guesses of the old one say nothing about the next one, so a
    reset lets in a member who forgot theirs, or for whom somebody guesses. Codes of a second factor
    don't begin again, since whoever reads the member's mail could reset the password for more.
    """
    return f"{account.pk}:{account.password}" if kind is Kind.PASSWORD else str(account.pk)


def _networks(request: HttpRequest) -> dict[str, Limit]:
    networks = networks_of(request.META.get("REMOTE_ADDR", ""))
    return {f"network:{network}": NETWORKS[bits] for bits, network in networks.items()}


def _begin(
    kind: Kind,
    *,
    own: dict[str, Limit],
    shared: dict[str, Limit] | None = None,
    silent: dict[str, Limit] | None = None,
) -> Try:
    """Adds a try to all counts, or to none of them if one refuses it.

    A silent count refuses it for itself alone. One transaction of three queries; what is refused
    takes no lock, unless another try has just begun.
    """
    own_limits, shared_limits = _by_key(kind, own), _by_key(kind, shared or {})
    silent_limits = _by_key(kind, silent or {})
    limits = own_limits | shared_limits | silent_limits
    openly = own_limits.keys() | shared_limits.keys()
    begun = timezone.now()
    _refuse(kind, TryCount.objects.filter(key__in=openly, next_at__gt=begun), begun)
    with transaction.atomic():
        blank = [TryCount(key=key, last_at=begun, next_at=NO_DELAY) for key in sorted(limits)]
        TryCount.objects.bulk_create(blank, ignore_conflicts=True)
        counts = _locked(limits)
        now = timezone.now()  # others may have had the lock meanwhile
        _refuse(kind, [count for count in counts if count.key in openly], now)
        is_refused = any(count.next_at > now for count in counts if count.key in silent_limits)
        counts = [count for count in counts if count.key in openly or not is_refused]
        _store(counts, limits, now)
    return Try(
        own=(*own_limits, *silent_limits),
        shared=tuple(shared_limits),
        next_at={count.key: count.next_at for count in counts},
        is_refused=is_refused,
    )


def _store(counts: list[TryCount], limits: dict[str, Limit], now: datetime) -> None:
    """Adds one try to each of these counts, in one query."""
    for count in counts:
        is_old = count.last_at < now - FORGOTTEN_AFTER
        count.tries = 1 if is_old else count.tries + 1
        count.last_at = now
        if delay := limits[count.key].delay(count.tries):
            count.next_at = now + delay
    TryCount.objects.bulk_create(
        counts,
        update_conflicts=True,
        unique_fields=["key"],
        update_fields=["tries", "last_at", "next_at"],
    )


def _by_key(kind: Kind, limits: dict[str, Limit]) -> dict[str, Limit]:
    return {hash_token(f"try:{kind}:{who}"): limit for who, limit in limits.items()}


def _refuse(kind: Kind, counts: Iterable[TryCount], now: datetime) -> None:
    """Raises: TooManyTriesError if one of these counts refuses a try now."""
    wait = max((count.next_at - now for count in counts), default=timedelta(0))
    if wait > timedelta(0):
        raise TooManyTriesError(kind, seconds=math.ceil(wait.total_seconds()))


def _locked(keys: Iterable[str]) -> list[TryCount]:
    """Locks rows in the order of their keys, so that no two requests wait for each other."""
    return list(TryCount.objects.select_for_update().filter(key__in=list(keys)).order_by("key"))


def _in_words(seconds: int) -> str:
    """A time to wait, rounded up: "30 seconds", "4 minutes", "1 hour"."""
    if seconds <= 60:
        return plural(seconds, "second")
    minutes = math.ceil(seconds / 60)
    return plural(minutes, "minute") if minutes < 60 else plural(math.ceil(minutes / 60), "hour")
