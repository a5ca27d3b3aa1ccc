"""Changes to invitations, and the creation of members from them."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

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
    ALREADY_A_MEMBER,
    INVITATION_CLOSED,
    INVITATION_USED,
    Invitation,
    Role,
    User,
    normalize_email,
)
from clipset.lib.ids import hash_token, new_token
from siteconfig.models import Config
from siteconfig.services.address import site_url
from siteconfig.services.config import current_config

if TYPE_CHECKING:
    from datetime import datetime

logger = logging.getLogger(__name__)

LIFETIME = timedelta(days=7)
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
        ValidationError: with key `email` if a member has this address, with key `role` if the role
            is above the inviter's own.
    """
    email = normalize_email(email)
    _check_role(role, created_by)
    if User.objects.filter(email=email).exists():
        raise ValidationError({"email": ALREADY_A_MEMBER})
    now = timezone.now()
    token = new_token()
    with transaction.atomic():
        Invitation.objects.filter(email=email, used_at=None, expires_at__gt=now).update(
            expires_at=now
        )
        invitation = Invitation.objects.create(
            email=email,
            role=role,
            created_by=created_by,
            token_hash=hash_token(token),
            created_at=now,
            expires_at=now + LIFETIME,
        )
    return _deliver(invitation, token)


def renew_invitation(*, invitation: Invitation, renewed_by: User) -> IssuedInvitation:
    """Replaces the link of an invitation. The new one works for LIFETIME.

    The member who renews it becomes the inviter.

    Raises:
        ValidationError: if the invitation has been used, or its role is above `renewed_by`'s own.
    """
    _check_role(Role(invitation.role), renewed_by)
    token = new_token()
    changed = Invitation.objects.filter(pk=invitation.pk, used_at=None).update(
        token_hash=hash_token(token),
        expires_at=timezone.now() + LIFETIME,
        created_by=renewed_by,
    )
    if not changed:
        raise ValidationError(INVITATION_USED)
    invitation.refresh_from_db()
    return _deliver(invitation, token)


def revoke_invitation(*, invitation: Invitation) -> bool:
    """Deletes an unused invitation. Returns False if it has been used."""
    deleted, _ = Invitation.objects.filter(pk=invitation.pk, used_at=None).delete()
    return bool(deleted)


def find_invitation(token: str) -> Invitation | None:
    return (
        Invitation.objects.select_related("created_by").filter(token_hash=hash_token(token)).first()
    )


def may_be_redeemed(invitation: Invitation) -> bool:
    """Returns whether somebody can register with it now.

    It must be open, and its inviter must be able to log in and to grant its role.
    """
    inviter = invitation.created_by
    may_grant = Role(invitation.role).rank <= Role(inviter.role).rank
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
                role__in=[r for r in Role if r.rank >= Role(invitation.role).rank]
            ),
        ).update(used_at=now)
        if not claimed:
            raise ValidationError(INVITATION_CLOSED)
        return _create_member(username, invitation.email, hashed, Role(invitation.role))


def setup_link() -> str:
    """Returns a link for creating the first admin.

    It works for SETUP_LIFETIME_SECONDS, and only as long as no admin can log in.
    """
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
    return user


def _check_role(role: Role, granter: User) -> None:
    if role.rank > Role(granter.role).rank:
        raise ValidationError({"role": "You can't invite someone to a role above yours."})


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
