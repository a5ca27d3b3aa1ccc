"""The id of the current request, for log lines and error pages.

A middleware sets it in the web server. In a worker it is the id of the request that created the
task or the job.
"""

from __future__ import annotations

import logging
import secrets
from contextvars import ContextVar
from typing import Final

HEADER: Final = "X-Request-ID"
ID_LENGTH: Final = 16
NO_REQUEST: Final = "-"
"""Shown in log lines that belong to no request."""

_current: ContextVar[str] = ContextVar("request_id", default="")


def new_request_id() -> str:
    """16 random hexadecimal digits. Never taken from a client, who could name another request."""
    return secrets.token_hex(ID_LENGTH // 2)


def current_request_id() -> str:
    """The id of the current request; empty outside a request and outside work it created."""
    return _current.get()


def set_request_id(request_id: str) -> None:
    """Sets the id for this thread until the next call. "" means that no request is current."""
    _current.set(request_id)


class AddRequestId(logging.Filter):
    """Adds the attribute `request_id` to each record, for the formatter."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = current_request_id() or NO_REQUEST
        return True
