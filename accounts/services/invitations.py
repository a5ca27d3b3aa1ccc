"""Changes to invitations, and the creation of members from them."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.core import signing
from django.core.exceptions import ValidationError
from django.core.mail import send_mail
from django.db import IntegrityError, transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from accounts.models import (
    ADDRESS_IN_TRASH,
    ALREADY_A_MEMBER,
    INVITATION_CLOSED,
    INVITATION_USED,
    Invitation,
    Role,
    User,
    normalize_email,
)
from accounts.services.audit import rank_of, record_join
from accounts.services.second_factor_dates import require_of_new_staff
from accounts.services.throttle import allow
from clipset.lib.ids import hash_token, new_token
from siteconfig.models import Config
from siteconfig.services.address import site_url
from siteconfig.services.audit import record
from siteconfig.services.config import current_config

if TYPE_CHECKING:
    from datetime import datetime

logger = logging.getLogger(__name__)

LIFETIME = timedelta(days=7)
# How many invitations a moderator sends by e-mail.
MAILS, MAILS_WITHIN = 10, timedelta(hours=1)
TOO_MANY_MAILS = (
    "You've e-mailed 10 invitations in an hour. Try again later, or ask an admin to invite this "
    "person."
)
TOO_MANY = "too_many"  # the error's code
SETUP_SALT = "clipset.first-admin"
SETUP_LIFETIME_SECONDS = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedInvitation:
    """An invitation with its link, which is known only now: the database has a hash of its token.

    `emailed` is whether the mail server accepted the e-mail.
    """

    invitation: Invitation
    link: str
    emailed: bool


def register_link(token: str) -> str:
    return f"{site_url()}{reverse('register', args=[token])}"


def issue_invitation(*, email: str, role: Role, created_by: User) -> IssuedInvitation:
    """Creates an invitation and e-mails its link if mail is configured.

    Open invitations for the same address expire.

    Raises:
        ValidationError: with key `email` if a member has this address, with key `role` if the
            inviter may not grant the role; with code TOO_MANY if a moderator has e-mailed MAILS
            invitations within MAILS_WITHIN.
    """
    email = normalize_email(email)
    _check_role(role, created_by)
    if sentence := taken_address(email):
        raise ValidationError({"email": sentence})
    _count_mail(created_by)
    now = timezone.now()
    token = new_token()
    with transaction.atomic():
        _expire_open(email, now)
        invitation = Invitation.objects.create(
            email=email,
            role=role,
            created_by=created_by,
            token_hash=hash_token(token),
            created_at=now,
            expires_at=now + LIFETIME,
        )
        _record("create", invitation, after=_facts(invitation))
    return _deliver(invitation, token)


def _expire_open(email: str, now: datetime) -> None:
    """Lets the open invitations for an address expire. In the caller's transaction."""
    found = Invitation.objects.filter(email=email, used_at=None, expires_at__gt=now)
    for replaced in found.select_related("created_by").select_for_update(of=("self",)):
        _record("expire", replaced, before=_facts(replaced), after={"expires_at": now.isoformat()})
    found.update(expires_at=now)


def taken_address(email: str) -> str:
    """Returns why nobody can be invited to this normalized address; "" if somebody can.

    The address of a member in the trash is reserved for them.
    """
    member = User.objects.filter(email=email).first()
    if member is None:
        return ""
    return ADDRESS_IN_TRASH if member.is_trashed else ALREADY_A_MEMBER


def renew_invitation(*, invitation: Invitation, renewed_by: User) -> IssuedInvitation:
    """Replaces the link of an invitation. The new one works for LIFETIME.

    The member who renews it becomes the inviter.

    Raises:
        ValidationError: if the invitation has been used, or `renewed_by` may not grant its role; as
            `issue_invitation` after many e-mails.
    """
    _check_role(Role(invitation.role), renewed_by)
    token = new_token()
    with transaction.atomic():
        before = _unused(invitation)
        if before is None:
            raise ValidationError(INVITATION_USED)
        _count_mail(renewed_by)
        Invitation.objects.filter(pk=invitation.pk).update(
            token_hash=hash_token(token),
            expires_at=timezone.now() + LIFETIME,
            created_by=renewed_by,
        )
        invitation.refresh_from_db()
        _record("renew", invitation, before=_facts(before), after=_facts(invitation))
    return _deliver(invitation, token)


def revoke_invitation(*, invitation: Invitation) -> bool:
    """Deletes an unused invitation. Returns False if it has been used."""
    with transaction.atomic():
        found = _unused(invitation)
        if found is None:
            return False
        _record("revoke", found, before=_facts(found))
        found.delete()
    return True


def _unused(invitation: Invitation) -> Invitation | None:
    """Returns the invitation as stored, locked; None if it was used or revoked."""
    found = Invitation.objects.select_related("created_by").select_for_update(of=("self",))
    return found.filter(pk=invitation.pk, used_at=None).first()


def _record(verb: str, invitation: Invitation, **details: Any) -> None:
    """Records an act by the role that is granted: an entry never names the address."""
    inviter = invitation.created_by
    name, rank = invitation.get_role_display(), rank_of(inviter.role)
    record(f"invitation.{verb}", invitation, name=name, member=inviter.pk, rank=rank, **details)


def _facts(invitation: Invitation) -> dict[str, Any]:
    return {
        "role": invitation.role,
        "expires_at": invitation.expires_at.isoformat(),
        "inviter": invitation.created_by.username,
    }


def find_invitation(token: str) -> Invitation | None:
    return (
        Invitation.objects.select_related("created_by").filter(token_hash=hash_token(token)).first()
    )


def may_be_redeemed(invitation: Invitation) -> bool:
    """Returns whether somebody can register with it now.

    It must be open, and its inviter must be able to log in and to grant its role.
    """
    inviter = invitation.created_by
    may_grant = Role(inviter.role).may_grant(Role(invitation.role))
    return invitation.is_open and inviter.can_log_in and may_grant


def redeem_invitation(*, invitation: Invitation, username: str, password: str) -> User:
    """Creates the invited member and marks the invitation as used.

    Raises:
        ValidationError: if the invitation has been used or has expired meanwhile, or if another
            member has its name or address.
    """
    # Hashing takes long. In the transaction it would hold SQLite's write lock.
    hashed = make_password(password)
    now = timezone.now()
    with transaction.atomic():
        claimed = Invitation.objects.filter(
            pk=invitation.pk,
            used_at=None,
            expires_at__gt=now,
            created_by__in=User.objects.able_to_log_in().filter(
                role__in=[role for role in Role if role.may_grant(Role(invitation.role))]
            ),
        ).update(used_at=now)
        if not claimed:
            raise ValidationError(INVITATION_CLOSED)
        user = _create_member(username, invitation.email, hashed, Role(invitation.role))
        record_join(user, invitation=invitation.pk)
        return user


def setup_link() -> str:
    """Returns a link for creating the first admin.

    It works for SETUP_LIFETIME_SECONDS, and only as long as no admin can log in.
    """
    record("setup_link.create", None, name="Link for creating the first admin")
    return register_link(signing.dumps("first-admin", salt=SETUP_SALT))


def is_setup_token(token: str) -> bool:
    """Returns whether the first admin can be created with this token now."""
    try:
        signing.loads(token, salt=SETUP_SALT, max_age=SETUP_LIFETIME_SECONDS)
    except signing.BadSignature:
        return False
    return not User.objects.admins().exists()


def create_first_admin(*, username: str, email: str, password: str) -> User:
    """Creates the first admin of the site.

    Raises:
        ValidationError: if there is an admin by now, or a member has this name or address.
    """
    hashed = make_password(password)
    with transaction.atomic():
        # The lock makes two simultaneous calls wait for each other. On PostgreSQL neither would
        # see the other's admin otherwise.
        Config.objects.select_for_update().get(pk=current_config().pk)
        admin = _create_member(username, email, hashed, Role.ADMIN)
        if User.objects.admins().exclude(pk=admin.pk).exists():
            raise ValidationError("This site already has an admin. Log in instead.")
        record_join(admin)
        return admin


def _create_member(username: str, email: str, hashed: str, role: Role) -> User:
    candidate = User(username=username, email=normalize_email(email), password=hashed)
    candidate.full_clean()
    try:
        with transaction.atomic():
            user = User.objects.create_user(username, email, role=role)
    except IntegrityError:
        # Another member took the name or the address meanwhile. full_clean raises the right error.
        candidate.full_clean()
        raise
    user.password = hashed
    user.save(update_fields=["password"])
    require_of_new_staff(user=user)
    return user


def _check_role(role: Role, granter: User) -> None:
    if not Role(granter.role).may_grant(role):
        raise ValidationError({"role": "Only admins can invite moderators and admins."})


def _count_mail(inviter: User) -> None:
    """Counts an e-mail that a moderator causes. Raises: ValidationError after too many."""
    if inviter.is_admin or not settings.MAIL_IS_CONFIGURED:
        return
    if not allow("invitation", str(inviter.pk), times=MAILS, within=MAILS_WITHIN):
        raise ValidationError(TOO_MANY_MAILS, code=TOO_MANY)


def _deliver(invitation: Invitation, token: str) -> IssuedInvitation:
    link = register_link(token)
    emailed = settings.MAIL_IS_CONFIGURED and _send(invitation, link)
    return IssuedInvitation(invitation=invitation, link=link, emailed=emailed)


def _send(invitation: Invitation, link: str) -> bool:
    context = {"invitation": invitation, "link": link, "site_url": site_url()}
    try:
        sent = send_mail(
            render_to_string("accounts/email/invitation_subject.txt", context).strip(),
            render_to_string("accounts/email/invitation.txt", context),
            None,
            [invitation.email],
        )
    except Exception:
        # The invitation is already stored, and the page shows its link in any case.
        logger.exception("The e-mail of invitation %s could not be sent.", invitation.pk)
        return False
    return bool(sent)


def delete_expired_invitations(*, before: datetime) -> int:
    """Deletes unused invitations that expired before a moment. Returns how many."""
    deleted, _ = Invitation.objects.filter(used_at=None, expires_at__lt=before).delete()
    return deleted
