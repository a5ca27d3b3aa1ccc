"""Fixtures with an empty restic repository, which is created only once."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from siteconfig.backup.restic import Restic
from tests.quick_repository import make_quick

if TYPE_CHECKING:
    from pathlib import Path

PASSWORD = "long and random\n"


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("restic")
    (folder / "password").write_text(PASSWORD)
    Restic(
        repository=str(folder / "store"),
        password_file=folder / "password",
        cache=folder / "cache",
    ).create()
    make_quick(folder / "store", folder / "password")
    return folder / "store"


@pytest.fixture
def password(tmp_path: Path) -> Path:
    file = tmp_path / "password"
    file.write_text(PASSWORD)
    return file


@pytest.fixture
def new_store(empty_store: Path, tmp_path: Path, password: Path) -> Path:
    return shutil.copytree(empty_store, tmp_path / "store")


@pytest.fixture
def backed_up(new_store: Path, password: Path) -> dict[str, str]:
    """Returns the settings of a site with an empty repository."""
    return {"BACKUP_REPOSITORY": str(new_store), "BACKUP_PASSWORD_FILE": str(password)}
