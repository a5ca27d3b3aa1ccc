"""Captures what the site writes to its log."""

from __future__ import annotations

import io
import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

from clipset.logs import RedactSecrets

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def logged() -> Iterator[io.StringIO]:
    """Returns the lines of the log, after the filter in the settings."""
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    handler.addFilter(RedactSecrets())
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield text
    finally:
        root.removeHandler(handler)
