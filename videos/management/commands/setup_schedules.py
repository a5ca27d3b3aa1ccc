"""Creates or updates the schedules. Safe to run again."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from videos.services.schedules import set_up_schedules


class Command(BaseCommand):
    help = "Creates the schedules that the workers run, or updates them."

    def handle(self, *_args: Any, **_options: Any) -> None:
        self.stdout.write(f"{set_up_schedules()} schedules are set up.")
