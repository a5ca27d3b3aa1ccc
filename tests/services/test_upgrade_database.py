"""How scripts/upgrade copies a PostgreSQL database and goes back to the copy."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.processes import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.processes import Site
    from tests.projects import Databases

# Upgrades are tested with --long.
pytestmark = [pytest.mark.postgresql, pytest.mark.long]

NAMES = "from accounts.models import User; print(*User.objects.values_list('username', flat=True))"
MAKE = "from accounts.models import User; User.objects.create_user('bob', 'bob@example.org', 'x')"
CHANGE = """
from django.db import connection
with connection.cursor() as cursor:
    cursor.execute("UPDATE users SET username = 'nobody'")
    cursor.execute("CREATE TABLE new_version (id integer)")
"""
TABLES = "from django.db import connection; print(*connection.introspection.table_names())"


def test_a_database_goes_back_to_its_copy_and_the_failed_one_is_kept(
    tmp_path: Path, make_site: Callable[..., Site], postgresql_databases: Databases
) -> None:
    site = make_site(DATABASE_URL=postgresql_databases.migrated())

    def upgrade_database(*arguments: str | Path) -> str:
        command = [sys.executable, "scripts/upgrade_database.py", *arguments]
        return subprocess.check_output(
            command, cwd=ROOT, env=os.environ | site.environment, text=True
        )

    assert "videos/migrations/0001_initial.py" in upgrade_database("check").splitlines()
    site.shell(MAKE)
    tables = site.shell(TABLES)
    upgrade_database("dump", tmp_path / "database")
    site.shell(CHANGE)
    for _ in range(2):  # as when the first try was cut off
        upgrade_database("back", tmp_path / "database", tmp_path / "failed")
    assert site.shell(NAMES) == "bob"
    assert site.shell(TABLES) == tables
    assert (tmp_path / "failed/clipset.pgdump").stat().st_size
    assert (tmp_path / "failed-2/clipset.pgdump").stat().st_size
