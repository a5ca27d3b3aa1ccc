"""Whether the site is well, for a monitor."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError
from django.http import HttpResponse
from django.views.decorators.http import require_safe

from siteconfig.models import Config
from videos.services.storage import missing_roots

if TYPE_CHECKING:
    from django.http import HttpRequest

logger = logging.getLogger(__name__)


@login_not_required
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    """200 `ok` when the database answers and is set up and every storage root that is needed is
    available, else 503. No details for strangers."""
    try:
        well = Config.objects.filter(pk=Config.SINGLETON_ID).exists() and not missing_roots()
    except DatabaseError:
        logger.exception("the database does not answer")
        well = False
    return HttpResponse(
        "ok" if well else "not well", status=200 if well else 503, content_type="text/plain"
    )
