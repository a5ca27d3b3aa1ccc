"""Whether the site is well, for monitors and for staff. What is looked at: siteconfig.health."""

from __future__ import annotations

import logging
import secrets
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.views.decorators.http import require_safe

from clipset.middleware import refuse_script, wants_script_answer
from siteconfig.health import is_well, site_health

if TYPE_CHECKING:
    from django.http import HttpRequest

    from siteconfig.health import Report

logger = logging.getLogger(__name__)

# Names of the checks that failed when /healthz was asked last, in this process.
_known_failures: Final[set[str]] = set()


@login_not_required
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    """200 `ok`, or 503 when a vital check fails. No details for strangers."""
    failed = [it for it in site_health(only_vital=True) if not it.finding.is_well]
    _log_change(failed)
    response = HttpResponse(
        "not well" if failed else "ok", status=503 if failed else 200, content_type="text/plain"
    )
    # Django would log each 503 as an error; scripts/run asks 20 times a second during a start.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response


def _log_change(failed: list[Report]) -> None:
    """When something else fails than before, not each time that a monitor asks."""
    names = {report.name for report in failed}
    if names == _known_failures:
        return
    _known_failures.clear()
    _known_failures.update(names)
    for report in failed:
        logger.warning("not well: %s: %s", report.name, report.finding.summary)
    if not failed:
        logger.info("well again")


@login_not_required
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """What each check found, for staff and for who has READYZ_TOKEN; 503 when a vital one fails.

    A page for browsers, else JSON: {"status": "ok" or "failing", "checks": {name: {"ok", "vital",
    "summary", …}}}.
    """
    if "Authorization" in request.headers:
        # Without a look at the session: the database may be what is missing.
        if not _has_token(request):
            return HttpResponse("This is not the token.", status=401, content_type="text/plain")
    elif not request.user.is_authenticated:
        if wants_script_answer(request):
            return refuse_script(request)
        return redirect_to_login(request.get_full_path())
    elif not request.user.is_staff:
        raise Http404
    reports = site_health()
    status = 200 if is_well(reports) else 503
    if "text/html" in request.headers.get("Accept", ""):
        # Without the request: what every page knows may be what cannot be asked.
        shown = sorted(reports, key=lambda report: report.urgency)
        page = render_to_string("readyz.html", {"reports": shown, "is_well": status == 200})
        return HttpResponse(page, status=status)
    return JsonResponse(_as_json(reports), status=status)


def _has_token(request: HttpRequest) -> bool:
    """As `Authorization: Bearer …` (RFC 6750)."""
    kind, _, token = request.headers["Authorization"].partition(" ")
    expected: str = settings.READYZ_TOKEN
    is_same = secrets.compare_digest(token.strip().encode(), expected.encode())
    return bool(expected) and kind.casefold() == "bearer" and is_same


def _as_json(reports: list[Report]) -> dict[str, object]:
    return {
        "status": "ok" if is_well(reports) else "failing",
        "checks": {
            report.name: {
                **report.finding.facts,
                "ok": report.finding.is_well,
                "vital": report.is_vital,
                "summary": report.finding.summary,
            }
            for report in reports
        },
    }
