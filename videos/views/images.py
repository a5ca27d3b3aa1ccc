"""Avatars of members and covers of categories.

They are served here because imports go from videos to accounts and categories.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import Http404
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from accounts.models import User
from accounts.services.avatars import avatar_path
from categories.models import Category
from categories.services import cover_path
from videos.file_responses import CACHE_FOR_A_DAY, file_response

if TYPE_CHECKING:
    from pathlib import Path

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from clipset.lib.requests import MemberRequest


@require_safe
def avatar(request: MemberRequest, username: str) -> HttpResponseBase:
    """Of members in the trash only staff see avatars, in the admin."""
    named = User.objects.named(username)
    shown = named if request.user.is_staff else named.filter(trashed_at=None)
    return _image(request, avatar_path(get_object_or_404(shown)))


@require_safe
def cover(request: HttpRequest, slug: str) -> HttpResponseBase:
    return _image(request, cover_path(get_object_or_404(Category, slug=slug)))


def _image(request: HttpRequest, path: Path | None) -> HttpResponseBase:
    """Lets browsers keep the image for a day: its address contains its version."""
    if path is None:
        raise Http404("No picture.")
    return file_response(request, path, content_type="image/webp", cache_control=CACHE_FOR_A_DAY)
