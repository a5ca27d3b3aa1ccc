"""The second factor: authenticator apps and recovery codes.

Passkeys, the other second factor, are in accounts.services.passkeys. Recovery codes are no factor
of their own: they come with the first one and go with the last one.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from accounts.models import AuthenticatorApp, Passkey, RecoveryCode, User
from accounts.services.audit import record_about
from accounts.services.members import lock_member
from accounts.services.second_factor_dates import has_second_factor, set_due_date
from accounts.services.security_notifications import tell_member
from accounts.services.tries import Kind, begin_try, note_right_try
from clipset.database.clock import LEASE_SLACK
from clipset.lib.ids import hash_token
from clipset.lib.totp import STEP_SECONDS, matching_step
from siteconfig.services.config import current_config

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpRequest

RECOVERY_CODES: Final = 10
# 31 characters that nobody confuses; 16 of them have 79 bits, so that a plain hash protects them.
_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"
_CODE_LENGTH: Final = 16
MAX_OF_EACH_KIND: Final = 10

WRONG_CODE: Final = "That code isn't right. Wait for the next one and try again."
WRONG_RECOVERY_CODE: Final = "That recovery code isn't right, or it has been used. Try another one."
TOO_MANY: Final = f"You can have at most {MAX_OF_EACH_KIND} of them. Remove one first."
TAKEN: Final = "This authenticator app is already set up."
RESET: Final = (
    "An admin removed the second factor of your account and its recovery codes. Your password "
    "alone is enough to log in now, until you set up a new second factor in your settings."
)
NEEDED_BY_STAFF: Final = (
    "Moderators and admins need a second factor on this site. Add another one before you remove "
    "this one."
)


# -- Setting up -----------------------------------------------------------------------------------
@transaction.atomic
def add_authenticator_app(*, user: User, name: str, secret: str, code: str) -> list[str]:
    """Adds an app that has shown the right code. Returns new recovery codes if there are none yet.

    Raises: ValidationError.
    """
    lock_member(user.pk)
    step = matching_step(secret, code, now=timezone.now().timestamp())
    if step is None:
        raise ValidationError({"code": WRONG_CODE})
    if user.authenticator_apps.count() >= MAX_OF_EACH_KIND:
        raise ValidationError(TOO_MANY)
    if user.authenticator_apps.filter(secret=secret).exists():
        # The form was sent twice at once. Each of two rows would accept a code once.
        raise ValidationError(TAKEN)
    AuthenticatorApp.objects.create(user=user, name=name, secret=secret, last_step=step)
    return note_added(user)


def note_added(user: User) -> list[str]:
    """Does what follows from a factor that was just added. Returns recovery codes if they are new.

    The caller has a transaction and the member's lock.
    """
    set_due_date(user, None)
    _record(user, "member.second_factor_add")
    tell_member(
        user=user,
        subject="A second factor was added",
        text="An authenticator app or a passkey was added to your account.",
    )
    if user.recovery_codes.exists():
        return []
    return _new_recovery_codes(user)


@transaction.atomic
def create_recovery_codes(*, user: User) -> list[str]:
    """Replaces the member's recovery codes. Returns the new ones, which are not stored.

    Raises: ValidationError without a second factor.
    """
    lock_member(user.pk)
    if not has_second_factor(user):
        raise ValidationError("Add an authenticator app or a passkey first.")
    _record(user, "member.recovery_codes")
    tell_member(
        user=user,
        subject="New recovery codes",
        text="New recovery codes were created for your account. The old ones no longer work.",
    )
    return _new_recovery_codes(user)


def _new_recovery_codes(user: User) -> list[str]:
    user.recovery_codes.all().delete()
    codes = [_new_code() for _ in range(RECOVERY_CODES)]
    RecoveryCode.objects.bulk_create(
        RecoveryCode(user=user, hash=_hash(user, code)) for code in codes
    )
    return codes


def _new_code() -> str:
    letters = "".join(secrets.choice(_ALPHABET) for _ in range(_CODE_LENGTH))
    return "-".join(letters[start : start + 4] for start in range(0, _CODE_LENGTH, 4))


def _hash(user: User, code: str) -> str:
    letters = "".join(letter for letter in code.lower() if letter.isalnum())
    return hash_token(f"{user.pk}:{letters}")


def rename_factor(*, factor: AuthenticatorApp | Passkey, name: str) -> None:
    type(factor)._base_manager.filter(pk=factor.pk).update(name=name)


@transaction.atomic
def remove_factor(*, user: User, factor: AuthenticatorApp | Passkey) -> None:
    """Removes an app or a passkey. The last one takes the recovery codes with it.

    Raises: ValidationError if it is the last one of a member who needs one.
    """
    lock_member(user.pk)
    deleted, _ = type(factor)._base_manager.filter(pk=factor.pk, user=user).delete()
    if not deleted:
        return
    if not has_second_factor(user):
        if needs_second_factor(user):
            raise ValidationError(NEEDED_BY_STAFF)
        user.recovery_codes.all().delete()
    _record(user, "member.second_factor_remove")
    tell_member(
        user=user,
        subject="A second factor was removed",
        text="An authenticator app or a passkey was removed from your account.",
    )


@transaction.atomic
def reset_second_factor(*, user: User) -> bool:
    """Removes everything that a member has set up, for a member who lost it, and mails them.

    Where staff need a second factor, they have to set up a new one at once. Returns whether there
    was something to remove.
    """
    lock_member(user.pk)
    found = [user.authenticator_apps.all(), user.passkeys.all(), user.recovery_codes.all()]
    if not sum(rows.delete()[0] for rows in found):
        return False
    user.refresh_from_db(fields=["role", "is_staff"])
    if needs_second_factor(user):
        set_due_date(user, timezone.now())
    record_about(user, "member.second_factor_reset")
    tell_member(user=user, subject="Your second factor was reset", text=RESET)
    return True


def _record(user: User, action: str) -> None:
    """Records what staff do with their own second factor; that of members is nobody's business."""
    if user.is_staff:
        record_about(user, action)


# -- Log-in ---------------------------------------------------------------------------------------
def use_code(*, user: User, code: str, request: HttpRequest) -> bool:
    """Returns whether an app of the member shows this code now. Each code is accepted once.

    Raises: TooManyTriesError.
    """
    attempt = begin_try(account=user, request=request, kind=Kind.SECOND_FACTOR)
    now = timezone.now()
    for app in user.authenticator_apps.all():
        # A step far ahead is from a time when the clock was wrong. It must not lock the member out.
        is_ahead = app.last_step * STEP_SECONDS > now.timestamp() + LEASE_SLACK.total_seconds()
        after = -1 if is_ahead else app.last_step
        step = matching_step(app.secret, code, now=now.timestamp(), after=after)
        if step is None:
            continue
        # Conditional, so that of two simultaneous requests with the same code one is refused.
        unused = AuthenticatorApp.objects.filter(pk=app.pk, last_step=app.last_step)
        if unused.update(last_step=step, last_used_at=now):
            note_right_try(attempt)
            return True
    return False


def use_recovery_code(*, user: User, code: str, request: HttpRequest) -> bool:
    """Returns whether this is an unused recovery code of the member, which is used then.

    Raises: TooManyTriesError.
    """
    attempt = begin_try(account=user, request=request, kind=Kind.RECOVERY_CODE)
    found = user.recovery_codes.filter(hash=_hash(user, code), used_at=None)
    if not found.update(used_at=timezone.now()):
        return False
    note_right_try(attempt)
    return True


def needs_second_factor(user: User) -> bool:
    """Returns whether this member has a role that needs one on this site."""
    return user.is_staff and current_config().staff_need_second_factor


def is_last_factor(user: User) -> bool:
    """Returns whether the member would have no second factor without one of theirs. Two queries."""
    return user.authenticator_apps.count() + user.passkeys.count() <= 1


def find_factor(user: User, factor_id: UUID) -> AuthenticatorApp | Passkey | None:
    """Returns one of the member's own apps and passkeys."""
    app = user.authenticator_apps.filter(pk=factor_id).first()
    return app or user.passkeys.filter(pk=factor_id).first()
