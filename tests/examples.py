"""How many examples Hypothesis tries."""

from __future__ import annotations

import os


def examples(number: int) -> int:
    """This many with --long, a third of it otherwise: its database keeps what failed once, and
    its seeds are other ones each time."""
    return number if os.environ.get("CLIPSET_TESTS_LONG") else -(-number // 3)
