"""How long the trash is kept, for the admin's own pages, which get no context of ours."""

from __future__ import annotations

from django import template

from siteconfig.services.config import current_config

register = template.Library()


@register.simple_tag
def trash_days() -> int:
    """The days that deleted videos are kept; 0 if they are deleted at once. One query."""
    return current_config().trash_days
