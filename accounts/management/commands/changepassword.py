"""Django's command that sets a password, which also records whose."""

from __future__ import annotations

import getpass
from typing import Any

from django.contrib.auth.management.commands import changepassword

from accounts.models import User
from accounts.services.audit import record_about


class Command(changepassword.Command):
    def handle(self, *args: Any, **options: Any) -> str | None:
        said: str | None = super().handle(*args, **options)
        # Django's own default name, too.
        member = User.objects.get_by_natural_key(options["username"] or getpass.getuser())
        record_about(member, "member.password")
        return said
