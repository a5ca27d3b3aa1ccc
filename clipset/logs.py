"""Logs that say what happened without the tokens that addresses carry."""

from __future__ import annotations

import logging
import re

from clipset.server.redact import redact_path

# Not the quotes that a log puts around an address.
_WORD = re.compile(r'[^\s"]+')
_formatter = logging.Formatter()


def redact(text: str) -> str:
    """The text with every address in it redacted; an address is a word without spaces.

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
