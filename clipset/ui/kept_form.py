"""The content of a form that could not be saved, so that the member can send it again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.http import HttpRequest


@dataclass(frozen=True)
class KeptForm:
    """The address and fields of a POST.

    The fields include the CSRF token as it was received, never a new one: a form that another site
    sent is refused again.
    """

    action: str
    fields: tuple[tuple[str, str], ...]
    had_password: bool = False


def kept_form(request: HttpRequest) -> KeptForm | None:
    """The fields of a POST without passwords, which belong in no page.

    None for other requests, for a body that cannot be read, and for a form with a file, which
    cannot be kept. Does not read a multipart body that no view has read: it may be gigabytes.
    """
    if request.method != "POST":
        return None
    was_read = hasattr(request, "_post")
    if not was_read and request.content_type != "application/x-www-form-urlencoded":
        return None
    try:
        posted, files = request.POST, request.FILES
    except Exception:  # an unreadable body: there is nothing to keep
        return None
    if files or not posted:
        return None
    typed = [(name, str(value)) for name, values in posted.lists() for value in values]
    fields = tuple(field for field in typed if "password" not in field[0].lower())
    return KeptForm(request.get_full_path(), fields, had_password=len(fields) < len(typed))
