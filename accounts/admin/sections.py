"""Registry of sections on the page of a member: other apps add what they know about them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from django.utils.safestring import SafeString

from accounts.models import User

# Takes the member and the member of staff who reads the page, and returns HTML without forms.
MemberSection = Callable[[User, User], SafeString]

_sections: Final[dict[str, MemberSection]] = {}


def register_member_section(name: str, section: MemberSection) -> None:
    """Registers a section. It replaces an earlier one with the same name."""
    _sections[name] = section


def member_sections(member: User, viewer: User) -> list[SafeString]:
    """Returns the sections in the order in which they were registered."""
    return [section(member, viewer) for section in _sections.values()]
