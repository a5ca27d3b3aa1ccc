"""Actions after a commit whose failure is only logged."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from django.db import transaction

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger(__name__)


def after_commit(action: Callable[[], object], *, what: str) -> None:
    """Calls `action` after the caller's transaction commits, or now if there is none.

    The change is permanent by then, so a failure is logged and not raised. `what` names the action
    in the log. Replaces `transaction.on_commit(robust=True)`, which cannot log a failing partial.
    """

    def act() -> None:
        try:
            action()
        except Exception:
            logger.exception("Committed, but %s failed.", what)

    transaction.on_commit(act)
