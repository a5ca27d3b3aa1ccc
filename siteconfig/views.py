"""Pages about the site itself."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from siteconfig.security_contact import contact_address
from siteconfig.services.address import site_url

if TYPE_CHECKING:
    from django.http import HttpRequest

# The RFC wants less than a year. The site answers itself, so the contact is right until then.
VALID: Final = timedelta(days=180)


@login_not_required
@require_safe
def security_txt(request: HttpRequest) -> HttpResponse:
    """Whom to tell about a vulnerability (RFC 9116). 404 if no contact is set."""
    contact = contact_address()
    if not contact:
        raise Http404("No contact is set.")
    expires = (timezone.now() + VALID).replace(hour=0, minute=0, second=0, microsecond=0)
    lines = [
        f"Contact: {contact}",
        f"Expires: {expires:%Y-%m-%dT%H:%M:%SZ}",
        f"Canonical: {site_url()}{request.path}",
        "Preferred-Languages: en",
    ]
    text = "".join(f"{line}\n" for line in lines)
    return HttpResponse(text, content_type="text/plain; charset=utf-8")
