"""Marks messages about acts that can be undone.

The mark is the request's id: the page that shows the message looks for entries of that request in
the audit log (the template tag `undo_offer`).
"""

from __future__ import annotations

import re
from typing import Final

from clipset.lib.request_id import current_request_id

# The `extra_tags` of a message that gets the focus when its page appears.
TAKES_FOCUS: Final = "takes-focus"

_MARK: Final = re.compile(r"(?:^|\s)undo-([0-9a-f]{16})(?:\s|$)")


def undo_tag() -> str:
    """Returns the `extra_tags` of a message about what the present request did."""
    request_id = current_request_id()
    return f"undo-{request_id}" if re.fullmatch("[0-9a-f]{16}", request_id) else ""


def marked_request(tags: str) -> str:
    """Returns the id of the request that a message's tags name; "" if there is none."""
    found = _MARK.search(tags or "")
    return found[1] if found else ""
