"""Makes what runs regularly. Harmless when it is there already."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from videos.services.schedules import set_up_schedules


class Command(BaseCommand):
    help = "Makes the schedules that the workers run, or brings them up to date."

    def handle(self, *_args: Any, **_options: Any) -> None:
        self.stdout.write(f"{set_up_schedules()} schedules stand.")
