"""The section about videos on the admin page of a member."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.template.loader import render_to_string

from accounts.admin.sections import register_member_section
from accounts.admin.shared import may_see_log_ins
from videos.selectors.member_facts import member_facts, member_rows

if TYPE_CHECKING:
    from django.utils.safestring import SafeString

    from accounts.models import User


def member_section(member: User, viewer: User) -> SafeString:
    """Storage, newest videos and comments, guest links and log-ins of a member."""
    facts = member_facts(member, shows_sessions=may_see_log_ins(member, viewer))
    context = {"facts": facts, "rows": member_rows(member)}
    return render_to_string("admin/videos/member_section.html", context)


register_member_section("videos", member_section)
