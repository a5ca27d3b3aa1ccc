"""What follows a commit, and may fail without a word to whoever asked for the change."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from django.db import transaction

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger(__name__)


def after_commit(action: Callable[[], object], *, what: str) -> None:
    """Calls `action` once the caller's transaction is committed, or now when there is none. The
    change is made by then, so a failure is logged and not raised: `what` says what did not happen.

    In the place of `transaction.on_commit(robust=True)`, which cannot log a failing partial.
    """

    def act() -> None:
        try:
            action()
        except Exception:
            logger.exception("Committed, but %s failed.", what)

    transaction.on_commit(act)
