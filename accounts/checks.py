"""System check that needs the database (siteconfig.checks has those that do not)."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import Error
from django.db import DatabaseError

from accounts.models import User


def check_sample_members(**_kwargs: Any) -> list[Error]:
    """Reports sample members on a site that others can reach.

    One query on such a site, none on another. Only `manage.py check` and scripts/run run this
    check (management/commands/check.py): `migrate` and the commands that solve the problem must
    work in spite of it.
    """
    if not settings.EXPOSED_BY:
        return []
    try:
        names = list(User.objects.filter(is_sample=True).values_list("username", flat=True))
    except DatabaseError:
        return []  # there are no tables yet, so there are no members
    if not names:
        return []
    return [
        Error(
            f"Others can reach this site ({', '.join(settings.EXPOSED_BY)}), and the passwords of "
            f"its sample members are public: {', '.join(names)}. They can't log in here.",
            hint="Remove the sample data: .venv/bin/python manage.py remove_samples --all. If the "
            "site has no admin after that, the next start prints a link for creating one.",
            id="clipset.E030",
        )
    ]
