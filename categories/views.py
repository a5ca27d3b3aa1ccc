"""Pictures of categories."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import FileResponse, Http404
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from categories.models import Category
from categories.services import cover_path

if TYPE_CHECKING:
    from django.http import HttpRequest


@require_safe
def cover(request: HttpRequest, slug: str) -> FileResponse:  # noqa: ARG001
    """Its address carries a version, so browsers keep it for a day."""
    path = cover_path(get_object_or_404(Category, slug=slug))
    if path is None or not path.is_file():
        raise Http404("No picture.")
    response = FileResponse(path.open("rb"), content_type="image/webp")
    response["Cache-Control"] = "private, max-age=86400"
    return response
