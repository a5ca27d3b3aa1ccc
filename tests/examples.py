"""The number of examples that Hypothesis tries."""

from __future__ import annotations

import os


def examples(number: int) -> int:
    """Returns the number with --long, and a third of it otherwise.

    Hypothesis uses other seeds each time and keeps in its database what failed once.
    """
    return number if os.environ.get("CLIPSET_TESTS_LONG") else -(-number // 3)
