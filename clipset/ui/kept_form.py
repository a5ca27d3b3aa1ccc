"""What was typed into a form that could not be saved, so that it can be sent once more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.http import HttpRequest


@dataclass(frozen=True)
class KeptForm:
    """A POST's address and fields. Among them is the token against forgery as it was sent, never a
    new one: a form that another site sent is refused again."""

    action: str
    fields: tuple[tuple[str, str], ...]
    had_password: bool = False


def kept_form(request: HttpRequest) -> KeptForm | None:
    """None for what was no form, could not be read, or held a file, which cannot be kept.

    Passwords are left out: they belong in no page. Reads no body of parts that was not read
    before, since that may be gigabytes.
    """
    if request.method != "POST":
        return None
    was_read = hasattr(request, "_post")
    if not was_read and request.content_type != "application/x-www-form-urlencoded":
        return None
    try:
        posted, files = request.POST, request.FILES
    except Exception:  # whatever is wrong with the body: there is nothing to keep
        return None
    if files or not posted:
        return None
    typed = [(name, str(value)) for name, values in posted.lists() for value in values]
    fields = tuple(it for it in typed if "password" not in it[0].lower())
    return KeptForm(request.get_full_path(), fields, had_password=len(fields) < len(typed))
