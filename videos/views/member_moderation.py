"""What staff do with a member on the profile: deactivate, activate, set the quota. Each is a POST.

The profile follows, with a message that offers to undo it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from accounts.services.members import activate_member, deactivate_member
from accounts.services.quota import reset_quota, set_weekly_limit
from clipset.lib.units import human_bytes
from clipset.ui.refusals import errors_as_messages
from clipset.ui.undo_tags import undo_tag
from videos.access import deleted_is_404, moderated_member
from videos.moderation_forms import LimitForm

if TYPE_CHECKING:
    from django.http import HttpResponse

    from clipset.lib.requests import MemberRequest


@require_POST
def deactivate(request: MemberRequest, username: str) -> HttpResponse:
    """Blocks the member's log-in; has no effect on one who is deactivated."""
    member = moderated_member(request, username)
    with errors_as_messages(request), deleted_is_404():
        deactivate_member(user=member)
        _say(request, f"{member.username} deactivated")
    return redirect(member)


@require_POST
def activate(request: MemberRequest, username: str) -> HttpResponse:
    """Allows the member to log in again; has no effect on one who is active."""
    member = moderated_member(request, username)
    with errors_as_messages(request):
        activate_member(user=member)
        _say(request, f"{member.username} activated")
    return redirect(member)


@require_POST
def limit(request: MemberRequest, username: str) -> HttpResponse:
    """Sets the member's own weekly limit to `limit`, such as "10 GB"; empty for the site's."""
    member = moderated_member(request, username)
    form = LimitForm(request.POST)
    if not form.is_valid():
        context = {"member": member, "limit_form": form}
        return render(request, "videos/moderation/quota_page.html", context, status=422)
    size = form.cleaned_data["limit"]
    with deleted_is_404():
        set_weekly_limit(user=member, limit_bytes=size)
    what = "the site's limit" if size is None else f"a limit of {human_bytes(size)} a week"
    _say(request, f"{member.username} has {what} now")
    return redirect(member)


@require_POST
def reset(request: MemberRequest, username: str) -> HttpResponse:
    """Sets what the member has used of this week's quota to zero."""
    member = moderated_member(request, username)
    reset_quota(users=[member.pk])
    _say(request, f"Weekly quota of {member.username} reset")
    return redirect(member)


def _say(request: MemberRequest, sentence: str) -> None:
    messages.success(request, sentence, extra_tags=undo_tag())
