"""Django's `check` command with an additional check that reads the database."""

from __future__ import annotations

from typing import Any

from django.core.checks import Tags, register
from django.core.checks.registry import registry
from django.core.management.commands import check

from accounts.checks import check_sample_members


class Command(check.Command):
    def handle(self, *app_labels: Any, **options: Any) -> None:
        # Registered for this command only. If it were registered at start-up, every command would
        # run it and refuse to work, `migrate` and `remove_samples` included.
        register(Tags.security)(check_sample_members)
        try:
            super().handle(*app_labels, **options)
        finally:
            registry.registered_checks.discard(check_sample_members)
