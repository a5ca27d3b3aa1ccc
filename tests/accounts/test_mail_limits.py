"""How many e-mails and messages somebody can cause."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.core import mail
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Invitation, Role, Throttle, User
from accounts.services import passwords
from accounts.services.invitations import MAILS, TOO_MANY_MAILS, issue_invitation, renew_invitation
from siteconfig.models import AuditEntry
from tests.builders import make_admin, make_moderator, make_user

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db


@pytest.fixture
def with_mail(settings: Settings) -> None:
    settings.MAIL_IS_CONFIGURED = True
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"


def logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def invite_many(inviter: User, count: int = MAILS) -> Invitation:
    for number in range(count):
        issued = issue_invitation(
            email=f"guest{number}@example.org", role=Role.USER, created_by=inviter
        )
    return issued.invitation


def test_a_moderator_mails_ten_invitations_in_an_hour(with_mail: None) -> None:
    mona = make_moderator("mona")
    last = invite_many(mona)
    client = logged_in(mona)
    answer = client.post("/invitations/", {"email": "eve@example.org", "role": Role.USER})
    assert answer.status_code == 429
    assert TOO_MANY_MAILS in answer.context["form"].non_field_errors()
    with pytest.raises(ValidationError):
        renew_invitation(invitation=last, renewed_by=mona)
    form = {"email": "eve@example.org", "role": Role.USER}
    answer = client.post(reverse("admin:accounts_invitation_add"), form, follow=True)
    assert "e-mailed 10 invitations" in answer.text
    assert (len(mail.outbox), Invitation.objects.count()) == (MAILS, MAILS)
    hour_ago = timezone.now() - timedelta(minutes=61)
    Throttle.objects.update(started_at=hour_ago)
    renew_invitation(invitation=last, renewed_by=mona)
    assert len(mail.outbox) == MAILS + 1


def test_renewing_many_stops_at_the_limit(with_mail: None) -> None:
    mona = make_moderator("mona")
    invite_many(mona, MAILS - 2)
    rows = [str(pk) for pk in Invitation.objects.values_list("pk", flat=True)]
    form = {"action": "renew", "index": "0", "_selected_action": rows}
    answer = logged_in(mona).post(reverse("admin:accounts_invitation_changelist"), form)
    assert answer.status_code == 200
    assert len(mail.outbox) == MAILS


def test_admins_and_sites_without_mail_have_no_limit(settings: Settings) -> None:
    invite_many(make_moderator("mona"), MAILS + 1)
    settings.MAIL_IS_CONFIGURED = True
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    invite_many(make_admin("root_"), MAILS + 1)
    assert len(mail.outbox) == MAILS + 1


def test_a_stranger_causes_ten_reset_links_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Any] = []
    monkeypatch.setattr(passwords, "enqueue", lambda *arguments: sent.append(arguments))
    monkeypatch.setattr(passwords, "MAIL_EVERY", timedelta(0))
    for number in range(passwords.MAILS + 5):
        passwords.request_reset("bob@example.org", client=f"192.0.2.{number}")
    assert len(sent) == passwords.MAILS
    passwords.request_reset("alice@example.org", client="192.0.2.1")
    assert len(sent) == passwords.MAILS + 1


def test_an_admin_creates_ten_reset_links_in_an_hour() -> None:
    root, ada = make_admin("root"), make_admin("ada")
    bob = make_user("bob")
    page = reverse("admin:accounts_user_reset_link", args=[bob.pk])
    client = logged_in(root)
    answers = [client.post(page).status_code for _ in range(passwords.LINKS)]
    assert answers == [200] * passwords.LINKS
    refused = client.post(page, follow=True)
    assert refused.redirect_chain == [(reverse("admin:accounts_user_change", args=[bob.pk]), 302)]
    assert "10 password reset links in an hour" in refused.text
    assert AuditEntry.objects.filter(action="member.reset_link").count() == passwords.LINKS
    assert logged_in(ada).post(page).status_code == 200, "another admin may"
    Throttle.objects.update(started_at=timezone.now() - passwords.LINKS_WITHIN)
    assert client.post(page).status_code == 200
