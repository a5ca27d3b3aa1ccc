"""django-q2's cluster, of which no part outlives the one that started it."""

from __future__ import annotations

from typing import Any

from django_q.management.commands.qcluster import Command as Cluster

from clipset.lib.process import bind_forks_to_parent


class Command(Cluster):  # type: ignore[misc]
    help = (
        "Starts the workers. Each of their processes ends with the one that started it: otherwise "
        "those of a killed sentinel would go on taking tasks beside the new ones."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        bind_forks_to_parent()
        super().handle(*args, **options)
