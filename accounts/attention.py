"""The sources of "Needs attention" about members: used-up quotas and expiring invitations."""

from __future__ import annotations

from datetime import timedelta
from typing import Final
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone

from accounts.admin.shared import is_out_of_reach
from accounts.models import Invitation, Role, User
from accounts.services.invitations import LIFETIME, renew_invitation
from accounts.services.quota import reset_quota, set_weekly_limit
from accounts.services.quota_refusals import members_over_quota
from clipset.lib.units import human_bytes
from clipset.ui.template_tags import age_in_words
from siteconfig.attention import (
    NO_LONGER_OPEN,
    Act,
    Asked,
    Done,
    Look,
    Picture,
    Row,
    Source,
    bounded_count,
    register_source,
)
from siteconfig.models import MAX_WEEKLY_LIMIT_BYTES

EXPIRES_SOON: Final = timedelta(days=2)
LIMIT_CHANGED: Final = "The limit can't be raised like this any more. Look at the member first."


def _key(text: str) -> UUID:
    """Returns the primary key of this text; one that no row has if it is malformed."""
    try:
        return UUID(text)
    except ValueError:
        return UUID(int=0)


# -- Members who tried to upload more than their quota allows -------------------------------------


def find_members(look: Look) -> list[Row]:
    members = members_over_quota(look.staff)
    if look.key:
        members = members.filter(pk=_key(look.key))
    return [_member_row(member, look.staff) for member in members[: look.limit]]


def _member_row(member: User, staff: User) -> Row:
    used: int = member.used  # type: ignore[attr-defined] # annotated by members_over_quota
    allowed: int = member.allowed  # type: ignore[attr-defined] # as above
    change = reverse("admin:accounts_user_change", args=[member.pk])
    limit = Act(label="Change limit", url=f"{change}#id_weekly_upload_limit_bytes")
    reset = Act(label="Reset quota", name="reset")
    wanted = member.quota_refused_bytes
    doubled = _doubled_limit(member, staff)
    # A reset does not help with a file that is larger than the whole quota.
    helps = wanted <= allowed
    what = f"upload {human_bytes(wanted)}" if wanted > 1 else "upload"
    return Row(
        key=str(member.pk),
        title=member.username,
        url=change,
        why=f"Tried to {what} with {human_bytes(used)} of {human_bytes(allowed)} used this week.",
        since=member.quota_refused_at,
        picture=Picture(url=member.avatar_url, member=member.username),
        act=reset if helps else limit,
        beside=_raise(doubled) if doubled else None,
        menu=(limit if helps else reset, Act(label="Open profile", url=member.get_absolute_url())),
    )


def _doubled_limit(member: User, staff: User) -> int:
    """Twice the member's weekly limit in bytes, if `staff` may set it and the upload would fit.

    Else 0. A limit of nothing is meant so, and is not raised by a click.
    """
    used: int = member.used  # type: ignore[attr-defined] # annotated by members_over_quota
    doubled: int = 2 * member.allowed  # type: ignore[attr-defined] # as above
    fits = used + member.quota_refused_bytes <= doubled <= MAX_WEEKLY_LIMIT_BYTES
    return doubled if fits and not is_out_of_reach(member, staff) else 0


def _raise(limit: int) -> Act:
    # The limit is sent with it, so that a second press does not double it again.
    return Act(label=f"Raise limit to {human_bytes(limit)}", name="raise", value=str(limit))


def raise_limit(asked: Asked) -> Done:
    member = members_over_quota(asked.staff).filter(pk=_key(asked.key)).first()
    limit = 0 if member is None else _doubled_limit(member, asked.staff)
    if member is None or not limit or str(limit) != asked.value:
        raise ValidationError(LIMIT_CHANGED)
    set_weekly_limit(user=member, limit_bytes=limit)
    return Done(sentence=f"{member.username} has a limit of {human_bytes(limit)} a week now.")


def reset(asked: Asked) -> Done:
    member = members_over_quota(asked.staff).filter(pk=_key(asked.key)).first()
    if member is None:
        raise ValidationError(NO_LONGER_OPEN)
    reset_quota(users=[member.pk])
    return Done(sentence=f"Weekly quota of {member.username} reset.")


# -- Invitations that expire soon -----------------------------------------------------------------


def expiring(staff: User) -> QuerySet[Invitation]:
    """Unused invitations that `staff` may renew and that expire within two days."""
    now = timezone.now()
    roles = [role for role in Role if Role(staff.role).may_grant(role)]
    return (
        Invitation.objects.visible_to(staff)
        .filter(used_at=None, expires_at__gt=now, expires_at__lte=now + EXPIRES_SOON)
        .filter(role__in=roles)
        .select_related("created_by")
        .order_by("expires_at", "pk")
    )


def find_invitations(look: Look) -> list[Row]:
    invitations = expiring(look.staff)
    if look.key:
        invitations = invitations.filter(pk=_key(look.key))
    return [_invitation_row(invitation) for invitation in invitations[: look.limit]]


def _invitation_row(invitation: Invitation) -> Row:
    page = reverse("admin:accounts_invitation_change", args=[invitation.pk])
    end = age_in_words(invitation.expires_at, timezone.now())
    when = "in a moment" if end == "just now" else end
    return Row(
        key=str(invitation.pk),
        title=invitation.email,
        url=page,
        why=f"Has not registered yet, and the link expires {when}.",
        who=invitation.created_by.username,
        since=invitation.created_at,
        picture=Picture(icon="mail"),
        act=Act(label="Create new link", name="renew"),
        menu=(
            Act(label="Open invitation", url=page),
            Act(
                label="Revoke…",
                url=reverse("admin:accounts_invitation_delete", args=[invitation.pk]),
                is_destructive=True,
            ),
        ),
    )


def renew(asked: Asked) -> Done:
    invitation = expiring(asked.staff).filter(pk=_key(asked.key)).first()
    if invitation is None:
        raise ValidationError(NO_LONGER_OPEN)
    issued = renew_invitation(invitation=invitation, renewed_by=asked.staff)
    emailed = " It was e-mailed, too." if issued.emailed else ""
    return Done(
        sentence=f"New link for {invitation.email}. It works for {LIFETIME.days} days and is shown "
        f"only now.{emailed}",
        link=issued.link,
    )


def register_sources() -> None:
    register_source(
        Source(
            kind="quotas",
            title="Used-up quotas",
            checked="quotas",
            order=80,
            may_see=lambda staff: staff.has_perm("accounts.change_user"),
            find=find_members,
            count=lambda staff: bounded_count(members_over_quota(staff)),
            acts={"reset": reset, "raise": raise_limit},
        )
    )
    register_source(
        Source(
            kind="invitations",
            title="Expiring invitations",
            checked="invitations",
            order=90,
            may_see=lambda staff: staff.has_perm("accounts.change_invitation"),
            find=find_invitations,
            count=lambda staff: bounded_count(expiring(staff)),
            acts={"renew": renew},
            more=lambda: f"{reverse('admin:accounts_invitation_changelist')}?state=open",
        )
    )
