"""Django's command that creates an admin, which also records it."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.management.commands import createsuperuser

from accounts.models import Role, User
from accounts.services.audit import record_about
from accounts.services.second_factor_dates import require_of_new_staff


class Command(createsuperuser.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        admins = User.objects.filter(role=Role.ADMIN)
        known = list(admins.values_list("pk", flat=True))
        super().handle(*args, **options)
        for admin in admins.exclude(pk__in=known):
            record_about(admin, "member.join", after={"role": admin.role, "invitation": None})
            require_of_new_staff(user=admin)
