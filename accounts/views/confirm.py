"""The page on which a logged-in member confirms who they are (accounts.confirming)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.shortcuts import redirect
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts.confirming import address_behind, confirm_page, is_answered, is_confirmed
from accounts.forms import ConfirmForm

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


@sensitive_post_parameters(ConfirmForm.FIELD)
@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: HttpRequest) -> HttpResponse:
    """Asks for the password and leads to `next`, an address within this site."""
    if is_confirmed(request):
        return redirect(address_behind(request))
    form = ConfirmForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and is_answered(request, form):
        return redirect(address_behind(request))
    return confirm_page(request, form)
