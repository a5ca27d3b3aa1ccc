"""The number of examples that Hypothesis tries."""

from __future__ import annotations

import os


def examples(number: int) -> int:
    """Returns the number with --long, a tenth of it with --quick, and a third of it otherwise.

    Hypothesis uses other seeds each time and keeps in its database what failed once.
    """
    if os.environ.get("CLIPSET_TESTS_LONG"):
        return number
    return -(-number // (10 if os.environ.get("CLIPSET_TESTS_QUICK") else 3))
