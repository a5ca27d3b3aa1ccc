"""The id of the request that is being worked on, for log lines and error pages.

In the web it is set by a middleware; in a worker by the task or the job that a request created.
"""

from __future__ import annotations

import logging
import secrets
from contextvars import ContextVar
from typing import Final

HEADER: Final = "X-Request-ID"
ID_LENGTH: Final = 16
NO_REQUEST: Final = "-"
"""What a log line shows that belongs to no request."""

_current: ContextVar[str] = ContextVar("request_id", default="")


def new_request_id() -> str:
    """16 hexadecimal digits. Always ours: one that a client sends could name another request."""
    return secrets.token_hex(ID_LENGTH // 2)


def current_request_id() -> str:
    """Empty outside a request and outside the work that one created."""
    return _current.get()


def set_request_id(request_id: str) -> None:
    """Holds for this thread until the next call. Empty: what follows belongs to no request."""
    _current.set(request_id)


class AddRequestId(logging.Filter):
    """Gives each record a `request_id` for the formatter."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = current_request_id() or NO_REQUEST
        return True
