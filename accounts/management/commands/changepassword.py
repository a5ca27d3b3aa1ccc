"""Django's command that sets a password, which also records whose, tells them, and ends their
sessions."""

from __future__ import annotations

import getpass
from typing import Any

from django.contrib.auth.management.commands import changepassword
from django.db import transaction

from accounts.models import User
from accounts.services.audit import record_about
from accounts.services.members import end_other_sessions
from accounts.services.passwords import PASSWORD_CHANGED, PASSWORD_CHANGED_TEXT
from accounts.services.security_notifications import tell_member


class Command(changepassword.Command):
    def handle(self, *args: Any, **options: Any) -> str | None:
        said: str | None = super().handle(*args, **options)
        # Django's own default name, too.
        member = User.objects.get_by_natural_key(options["username"] or getpass.getuser())
        with transaction.atomic():
            record_about(member, "member.password")
            tell_member(user=member, subject=PASSWORD_CHANGED, text=PASSWORD_CHANGED_TEXT)
        end_other_sessions(user=member, keep=None)  # ended by the new password; now their rows go
        return said
