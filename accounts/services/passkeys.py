"""Passkeys as a second factor (WebAuthn, level 2), verified by py_webauthn.

Browsers offer them only on HTTPS with a name, or on localhost, and only on the site for which they
were made (WebAuthn, section 5.1.2, "relying party identifier").
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final

import webauthn
from cryptography.exceptions import UnsupportedAlgorithm
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from accounts.models import Passkey
from accounts.services.members import lock_member
from accounts.services.second_factor import MAX_OF_EACH_KIND, TOO_MANY, note_added

if TYPE_CHECKING:
    from django.http import HttpRequest

    from accounts.models import User

NOT_VERIFIED: Final = "Your passkey couldn't be verified. Try again."
TAKEN: Final = "This passkey is already set up."
# What py_webauthn raises at bytes that no browser sends: it parses them before it verifies them.
_BROKEN: Final = (
    WebAuthnException,
    UnsupportedAlgorithm,
    struct.error,
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a browser is: the host that passkeys belong to, and the origin that it signs."""

    host: str
    origin: str

    @property
    def takes_passkeys(self) -> bool:
        if self.host == "localhost":
            return True
        return self.origin.startswith("https://") and not _is_address(self.host)


def place_of(request: HttpRequest) -> Place:
    """Returns the place of a request, whose Host header ALLOWED_HOSTS has checked.

    A site that pretends to be this one gets nowhere by sending its Host: the browser signs its own.
    """
    named = request.get_host()
    host = named.rpartition(":")[0] if named.rpartition(":")[2].isdigit() else named
    return Place(host.strip("[]").lower(), f"{request.scheme}://{named.lower()}")


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


# -- Setting up -----------------------------------------------------------------------------------
def registration_options(user: User, *, place: Place) -> tuple[dict[str, Any], str]:
    """Returns options for navigator.credentials.create, and their challenge for the session."""
    options = webauthn.generate_registration_options(
        rp_id=place.host,
        rp_name="Clipset",
        user_name=user.username,
        user_id=user.pk.bytes,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED,
            user_verification=UserVerificationRequirement.PREFERRED,
        ),
        exclude_credentials=_descriptors(user, place),
    )
    return json.loads(webauthn.options_to_json(options)), bytes_to_base64url(options.challenge)


@transaction.atomic
def add_passkey(*, user: User, name: str, answer: str, challenge: str, place: Place) -> list[str]:
    """Stores a passkey that a browser made. Returns new recovery codes if there are none yet.

    Args:
        answer: the browser's PublicKeyCredential as JSON.
        challenge: that of the options, in base64url.

    Raises: ValidationError.
    """
    lock_member(user.pk)
    credential = _parsed(answer)
    try:
        made = webauthn.verify_registration_response(
            credential=credential,
            expected_challenge=base64url_to_bytes(challenge),
            expected_rp_id=place.host,
            expected_origin=place.origin,
        )
    except _BROKEN as error:
        raise ValidationError(NOT_VERIFIED) from error
    if user.passkeys.count() >= MAX_OF_EACH_KIND:
        raise ValidationError(TOO_MANY)
    credential_id = bytes_to_base64url(made.credential_id)
    _, is_new = Passkey.objects.get_or_create(
        credential_id=credential_id,
        defaults={
            "user": user,
            "name": name,
            "host": place.host,
            "public_key": made.credential_public_key,
            "sign_count": made.sign_count,
        },
    )
    if not is_new:
        raise ValidationError(TAKEN)
    return note_added(user)


# -- Log-in ---------------------------------------------------------------------------------------
def usable_passkeys(user: User, *, place: Place) -> list[Passkey]:
    """Returns the passkeys that this member can use in this place. At most one query."""
    return list(user.passkeys.filter(host=place.host)) if place.takes_passkeys else []


def log_in_options(passkeys: list[Passkey], *, place: Place) -> tuple[dict[str, Any], str]:
    """Returns options for navigator.credentials.get, and their challenge for the session."""
    options = webauthn.generate_authentication_options(
        rp_id=place.host,
        allow_credentials=[_descriptor(it) for it in passkeys],
        user_verification=UserVerificationRequirement.PREFERRED,
    )
    return json.loads(webauthn.options_to_json(options)), bytes_to_base64url(options.challenge)


def use_passkey(*, user: User, answer: str, challenge: str, place: Place) -> bool:
    """Returns whether a browser's answer is signed by a passkey of this very member.

    The signature counter is stored under the condition that it has not changed since: if the
    authenticator counts, one of two simultaneous requests with the same answer is refused.
    """
    try:
        credential = _parsed(answer)
    except ValidationError:
        return False
    # Compared here: JSON can hold characters that no database takes.
    usable = usable_passkeys(user, place=place)
    known = next((it for it in usable if it.credential_id == credential.get("id")), None)
    if known is None:
        return False
    try:
        used = webauthn.verify_authentication_response(
            credential=credential,
            expected_challenge=base64url_to_bytes(challenge),
            expected_rp_id=place.host,
            expected_origin=place.origin,
            credential_public_key=bytes(known.public_key),
            credential_current_sign_count=known.sign_count,
        )
    except _BROKEN:
        return False
    unchanged = Passkey.objects.filter(pk=known.pk, sign_count=known.sign_count)
    return bool(unchanged.update(sign_count=used.new_sign_count, last_used_at=timezone.now()))


def _descriptors(user: User, place: Place) -> list[PublicKeyCredentialDescriptor]:
    return [_descriptor(it) for it in user.passkeys.filter(host=place.host)]


def _descriptor(passkey: Passkey) -> PublicKeyCredentialDescriptor:
    # Without transports, so that the browser asks all authenticators.
    return PublicKeyCredentialDescriptor(id=base64url_to_bytes(passkey.credential_id))


def _parsed(answer: str) -> dict[str, Any]:
    """Returns the JSON object of an answer with its inner object. Raises: ValidationError."""
    try:
        parsed = json.loads(answer)
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, dict) or not isinstance(parsed.get("response"), dict):
        raise ValidationError(NOT_VERIFIED)
    return parsed
