"""The health of the site, for monitors and for staff. siteconfig.health has the checks."""

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

# Names of the checks that failed at the last request for /healthz in this process.
_known_failures: Final[set[str]] = set()


@login_not_required
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    """200 `ok`, or 503 if a vital check fails. Strangers see no details."""
    failed = [it for it in site_health(only_vital=True) if not it.finding.is_well]
    _log_change(failed)
    response = HttpResponse(
        "not well" if failed else "ok", status=503 if failed else 200, content_type="text/plain"
    )
    # Django would log every 503 as an error, and scripts/run asks 20 times a second at a start.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response


def _log_change(failed: list[Report]) -> None:
    """Logs what fails when that has changed, not at each request of a monitor."""
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
    """The result of each check, for staff and for clients with READYZ_TOKEN.

    503 if a vital check fails. A page for browsers, otherwise JSON: {"status": "ok" or "failing",
    "checks": {name: {"ok", "vital", "summary", …}}}.
    """
    denied = _denied(request)
    if denied is not None:
        return denied
    reports = site_health()
    status = 200 if is_well(reports) else 503
    if "text/html" in request.headers.get("Accept", ""):
        # Without the request: a context processor could need the database that has failed.
        shown = sorted(reports, key=lambda report: report.urgency)
        page = render_to_string("readyz.html", {"reports": shown, "is_well": status == 200})
        return HttpResponse(page, status=status)
    return JsonResponse(_as_json(reports), status=status)


def _denied(request: HttpRequest) -> HttpResponse | None:
    """The answer for those who may not see the report. Raises: Http404 for members."""
    if "Authorization" in request.headers:
        # Does not look at the session: it may be the database that has failed.
        if _has_token(request):
            return None
        return HttpResponse("This is not the token.", status=401, content_type="text/plain")
    if not request.user.is_authenticated:
        if wants_script_answer(request):
            return refuse_script(request)
        return redirect_to_login(request.get_full_path())
    if not request.user.is_staff:
        raise Http404
    return None


def _has_token(request: HttpRequest) -> bool:
    """Whether the request has the token, as `Authorization: Bearer …` (RFC 6750)."""
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
