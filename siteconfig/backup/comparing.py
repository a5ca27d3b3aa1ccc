"""Comparison of a restored site with its backup: the number of rows, and every file."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from siteconfig import roots
from siteconfig.backup.database import count_rows

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from siteconfig.backup.expected import ExpectedFile
    from siteconfig.backup.manifest import Manifest


def compare_rows(manifest: Manifest) -> list[str]:
    """Compares the number of rows of each table with the backup. To be called before migrations.

    Returns a sentence for each table that differs.
    """
    now = count_rows()
    return [
        f"The table {table} has {now.get(table, 0)} rows; the backup had {expected}."
        for table, expected in sorted(manifest.rows.items())
        if now.get(table, 0) != expected
    ]


def compare_files(files: Iterable[ExpectedFile]) -> tuple[int, int, list[str]]:
    """Compares stored files with the data in their rows.

    Returns the number of files, the number of those that were compared by SHA-256, and a sentence
    for each file that differs.
    """
    count = hashed = 0
    problems: list[str] = []
    for file in files:
        count += 1
        path = roots.root_path(file.root) / file.key
        try:
            size = path.stat().st_size
        except FileNotFoundError:
            problems.append(f"{file.root}/{file.key} is missing.")
            continue
        expected = file.min_bytes if file.size_bytes is None else file.size_bytes
        if size < expected or (size > expected and file.size_bytes is not None):
            problems.append(f"{file.root}/{file.key} has {size} bytes instead of {expected}.")
        elif file.sha256 is not None:
            hashed += 1
            if sha256_of(path) != file.sha256:
                problems.append(f"{file.root}/{file.key} differs from what was stored (SHA-256).")
    return count, hashed, problems


def sha256_of(path: Path) -> str:
    """Returns the SHA-256 of a file in hexadecimal. Raises: OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
