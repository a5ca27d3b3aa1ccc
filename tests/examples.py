"""How many examples of a kind a run tries: of Hypothesis, and of tables of cases."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _pytest.mark import ParameterSet


def examples(number: int) -> int:
    """Returns the number with --long, a tenth of it with --quick, and a third of it otherwise.

    Hypothesis uses other seeds each time and keeps in its database what failed once.
    """
    if os.environ.get("CLIPSET_TESTS_LONG"):
        return number
    return -(-number // (10 if os.environ.get("CLIPSET_TESTS_QUICK") else 3))


def one_in(number: int, cases: Mapping[str, Any] | Iterable[Any]) -> list[ParameterSet]:
    """Parameters of a test: each `number`-th case runs always, the others with --long only.

    Tables list similar cases beside each other, so that some of each kind run always.

    Args:
        cases: values by their ids, or values; tuples are several arguments unless they have ids.
    """
    marks = [pytest.mark.long]
    if isinstance(cases, Mapping):
        return [
            pytest.param(case, id=name, marks=marks if at % number else [])
            for at, (name, case) in enumerate(cases.items())
        ]
    return [
        pytest.param(
            *(case if isinstance(case, tuple) else (case,)), marks=marks if at % number else []
        )
        for at, case in enumerate(cases)
    ]
