"""What a test recorded in the audit log."""

from __future__ import annotations

from siteconfig.models import AuditEntry


def recorded() -> list[tuple[str, str, str]]:
    """Returns who, on what and which action, oldest first."""
    return list(
        AuditEntry.objects.order_by("pk").values_list("actor_name", "object_name", "action")
    )
