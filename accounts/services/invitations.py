"""Letting people in."""

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

from accounts.models import Invitation, Role, User, normalize_email
from clipset.lib.ids import hash_token, new_token
from siteconfig.models import Config
from siteconfig.services.address import site_url
from siteconfig.services.config import current_config

if TYPE_CHECKING:
    from datetime import datetime

logger = logging.getLogger(__name__)

LIFETIME = timedelta(days=7)
SETUP_SALT = "clipset.first-admin"
SETUP_LIFETIME = 3600  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedInvitation:
    """An invitation with its link, which cannot be had again."""

    invitation: Invitation
    link: str
    emailed: bool


def register_link(token: str) -> str:
    return f"{site_url()}{reverse('register', args=[token])}"


def issue_invitation(*, email: str, role: Role, created_by: User) -> IssuedInvitation:
    """A new invitation, e-mailed where mail is configured.

    Raises ValidationError (keys email, role) when somebody with this address is a member, or the
    role ranks above the inviter's own. Earlier open invitations of that address end.
    """
    email = normalize_email(email)
    _check_role(role, created_by)
    if User.objects.filter(email=email).exists():
        raise ValidationError({"email": "A member has this e-mail address already."})
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
    """A new link in the place of the old one, for another seven days, from who renews it.

    Raises ValidationError when it was used, or its role ranks above the renewer's.
    """
    _check_role(Role(invitation.role), renewed_by)
    token = new_token()
    changed = Invitation.objects.filter(pk=invitation.pk, used_at=None).update(
        token_hash=hash_token(token),
        expires_at=timezone.now() + LIFETIME,
        created_by=renewed_by,
    )
    if not changed:
        raise ValidationError("This invitation was used: its person is a member now.")
    invitation.refresh_from_db()
    return _deliver(invitation, token)


def revoke_invitation(*, invitation: Invitation) -> bool:
    """Ends an unused invitation; False when it was used before."""
    deleted, _ = Invitation.objects.filter(pk=invitation.pk, used_at=None).delete()
    return bool(deleted)


def find_invitation(token: str) -> Invitation | None:
    return (
        Invitation.objects.select_related("created_by").filter(token_hash=hash_token(token)).first()
    )


def may_be_redeemed(invitation: Invitation) -> bool:
    """Whether it lets somebody in now: it is open, and its inviter can log in and has its role."""
    inviter = invitation.created_by
    may_grant = Role(invitation.role).rank <= Role(inviter.role).rank
    return invitation.is_open and inviter.can_log_in and may_grant


def redeem_invitation(*, invitation: Invitation, username: str, password: str) -> User:
    """Makes the member. Raises ValidationError when the invitation was used or ran out meanwhile,
    or when a member has its name or address."""
    hashed = make_password(password)  # takes long: nobody could write in the meantime
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
            raise ValidationError(
                "This invitation has been used or has expired. Ask for a new one."
            )
        return _create_member(username, invitation.email, hashed, Role(invitation.role))


def setup_link() -> str:
    """A link that makes the first admin: works for an hour, while no admin can log in."""
    return register_link(signing.dumps("first-admin", salt=SETUP_SALT))


def is_setup_token(token: str) -> bool:
    """Whether the token sets up the first admin, now."""
    try:
        signing.loads(token, salt=SETUP_SALT, max_age=SETUP_LIFETIME)
    except signing.BadSignature:
        return False
    return not User.objects.admins().exists()


def create_first_admin(*, username: str, email: str, password: str) -> User:
    """Raises ValidationError when somebody was faster."""
    hashed = make_password(password)
    with transaction.atomic():
        # One after the other: two at once would not see each other's admin (PostgreSQL).
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
        # Somebody took the name or the address meanwhile; looking again says which.
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
        # The invitation is stored by now, and its link is shown either way.
        logger.exception("The mail of invitation %s could not be sent.", invitation.pk)
        return False
    return bool(sent)


def expired_before(moment: datetime) -> int:
    """Removes invitations that ran out unused before `moment`; returns how many."""
    deleted, _ = Invitation.objects.filter(used_at=None, expires_at__lt=moment).delete()
    return deleted
