"""The password of a member who is logged in already, which they give again."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from accounts.services.throttle import allow
from clipset.lib.refusals import RateLimitedError

if TYPE_CHECKING:
    from accounts.models import User

TRIES: Final = 10
TRIES_WITHIN: Final = timedelta(minutes=15)
NOT_RIGHT: Final = "That password isn't right. Try again."
TOO_MANY: Final = "Too many tries. Wait 15 minutes, then enter your password again."


def count_try(user: User) -> None:
    """Counts that somebody in a session of this member gives their password, right or wrong.

    Every place where a logged-in member gives it calls this, so that somebody who finds an unlocked
    computer can't guess it at one place after the other.

    Raises: RateLimitedError after TRIES tries within TRIES_WITHIN.
    """
    if not allow("own password", str(user.pk), times=TRIES, within=TRIES_WITHIN):
        raise RateLimitedError(TOO_MANY, seconds=int(TRIES_WITHIN.total_seconds()))


def is_own_password(user: User, password: str) -> bool:
    """Counts a try and returns whether this is the member's password.

    Raises: RateLimitedError as `count_try`.
    """
    count_try(user)
    return user.check_password(password)
