"""Is the site safe to start? Findings that the database decides (see siteconfig.checks)."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import Error
from django.db import DatabaseError

from accounts.models import User


def check_sample_members(**_kwargs: Any) -> list[Error]:
    """Finds sample members on a site that others can reach. One query there, none elsewhere.

    Only `manage.py check` and scripts/run ask for it (management/commands/check.py): the commands
    that mend the finding, and `migrate`, have to work in spite of it.
    """
    if not settings.EXPOSED_BY:
        return []
    try:
        names = list(User.objects.filter(is_sample=True).values_list("username", flat=True))
    except DatabaseError:
        return []  # no tables yet, so no members either
    if not names:
        return []
    return [
        Error(
            f"Others can reach this site ({', '.join(settings.EXPOSED_BY)}), and everybody knows "
            f"the passwords of its sample members: {', '.join(names)}. They can't log in here.",
            hint="Remove the sample data: .venv/bin/python manage.py remove_samples --all. If that "
            "leaves no admin, the next start prints a link to set up a new one.",
            id="clipset.E030",
        )
    ]
