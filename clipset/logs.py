"""Configuration of the logs, which never contain the secret tokens of addresses."""

from __future__ import annotations

import logging
import re
from typing import Any, Final

from clipset.server.redact import redact_path

# Without quotes, since log messages put them around addresses.
_WORD = re.compile(r'[^\s"]+')
_formatter = logging.Formatter()


def redact(text: str) -> str:
    """Redacts every address in a text; an address is a word without spaces.

    "Not Found: /s/abc (alice)" becomes "Not Found: /s/… (alice)".
    """
    return _WORD.sub(lambda word: redact_path(word[0]), text)


class RedactSecrets(logging.Filter):
    """Redacts a record's message with its arguments, and the text of its exception."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redact(record.getMessage()), None
        if record.exc_info and not record.exc_text:
            record.exc_text = _formatter.formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = redact(record.exc_text)
        return True


class OneLineForBadRequests(logging.Filter):
    """Replaces the trace of a request that was the client's fault by the exception's name.

    Django logs a trace for each broken form and each wrong Host header, so that a client could fill
    the log. Records of a response have its `status_code`.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info and getattr(record, "status_code", 500) < 500:
            error = record.exc_info[1]
            text = " ".join(str(error).split())
            message, name = record.getMessage(), type(error).__name__
            reason = name if text in message else f"{name}: {text}"
            record.msg, record.args = f"{message} ({reason})", None
            record.exc_info = record.exc_text = None
        return True


# The setting of this name (clipset.settings).
LOGGING: Final[dict[str, Any]] = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        "one_line": {"()": "clipset.logs.OneLineForBadRequests"},
        "redact": {"()": "clipset.logs.RedactSecrets"},
        "request_id": {"()": "clipset.lib.request_id.AddRequestId"},
    },
    "formatters": {
        "line": {
            "format": "{asctime} {levelname} [{request_id}] {name}: {message}",
            "style": "{",
        }
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": "line",
            "filters": ["one_line", "redact", "request_id"],
        }
    },
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        "django.server": {"handlers": [], "propagate": True},
        "django-q": {"handlers": [], "level": "WARNING", "propagate": True},
    },
}
