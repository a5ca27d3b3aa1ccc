"""The lists of tests/selection.py name files that exist, and --quick needs no other program."""

from __future__ import annotations

import pytest

from tests.processes import ROOT
from tests.selection import (
    NOT_QUICK,
    ON_BOTH_DATABASES,
    ON_POSTGRESQL_WITH_LONG,
    is_left_out,
    is_never_quick,
)


@pytest.mark.parametrize("start", [*NOT_QUICK, *ON_BOTH_DATABASES, *ON_POSTGRESQL_WITH_LONG])
def test_each_entry_names_files(start: str) -> None:
    tests = ROOT / "tests"
    below = (path.relative_to(tests).as_posix() for path in tests.rglob("test_*.py"))
    assert any(path.startswith(start) for path in below)


def test_what_runs_on_postgresql_with_long_only_belongs_on_both() -> None:
    assert all(start.startswith(ON_BOTH_DATABASES) for start in ON_POSTGRESQL_WITH_LONG)


@pytest.mark.parametrize(
    ("path", "is_left"),
    [
        ("tests/browser", True),
        ("tests/videos/views/test_media_live.py", True),
        ("tests/videos/test_write_lock.py", True),
        ("tests/videos/views/test_media.py", False),
        ("tests/videos", False),
        ("tests", False),
        ("scripts", False),
    ],
)
def test_quick_collects_no_servers_and_browsers(path: str, is_left: bool) -> None:
    assert is_never_quick(ROOT / path, ROOT) is is_left


@pytest.mark.parametrize("marker", ["long", "slow", "ffmpeg", "redis"])
def test_quick_leaves_out_what_needs_a_program_or_long(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, marker: str
) -> None:
    item = request.node
    monkeypatch.setattr(item.config.option, "quick", True)
    assert not is_left_out(item, item.config)
    item.add_marker(marker)
    assert is_left_out(item, item.config)
