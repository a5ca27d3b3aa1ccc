"""Makes clones git repositories with versions that scripts/upgrade can change to."""

from __future__ import annotations

import secrets
import sqlite3
import subprocess
from contextlib import closing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tests.scripts.conftest import Clone

NEW_TABLE = 'migrations.RunSQL("CREATE TABLE new_version (id integer)")'
RENAME_ALL = "migrations.RunSQL(\"UPDATE users SET username = 'nobody'\")"
FAIL = "migrations.RunPython(fail)"
CHANGES_AND_FAILS = f"{NEW_TABLE}, {RENAME_ALL}, {FAIL}"

AUTHOR = ("-c", "user.name=Alice", "-c", "user.email=alice@example.org")


def git(folder: Path, *arguments: str) -> str:
    """Runs git. Returns its output."""
    command = ["git", *AUTHOR, *arguments]
    return subprocess.check_output(command, cwd=folder, text=True).strip()


def make_repository(clone: Clone) -> str:
    """Commits the clone's files to its branch `main` and writes a .env. Returns the revision."""
    env_file = clone.root / ".env"
    env_file.write_text(f"SECRET_KEY={'k' * 30}{secrets.token_hex(30)}\nSEED=none\n")
    git(clone.root, "init", "--quiet", "--initial-branch=main")
    git(clone.root, "add", "--all")
    git(clone.root, "commit", "--quiet", "--message=Old")
    return git(clone.root, "rev-parse", "HEAD")


def make_version(clone: Clone, tag: str, files: dict[str, str]) -> str:
    """Commits other contents of files with a tag, without changing the working tree."""
    tree = clone.root.parent / tag
    git(clone.root, "worktree", "add", "--quiet", "--detach", str(tree), "main")
    for name, text in files.items():
        (tree / name).write_text(text)
    git(tree, "add", "--all")
    git(tree, "commit", "--quiet", f"--message={tag}")
    git(tree, "tag", tag)
    git(clone.root, "worktree", "remove", str(tree))
    return git(clone.root, "rev-parse", tag)


def with_text(clone: Clone, name: str, old: str, new: str) -> dict[str, str]:
    """Returns the text of a file with `old` replaced by `new`, by its name."""
    text = (clone.root / name).read_text()
    assert old in text
    return {name: text.replace(old, new)}


def migration(clone: Clone, operations: str, *, is_atomic: bool = True) -> dict[str, str]:
    """Returns one more migration of `videos`; `operations` is the inside of a list."""
    last = max(path.stem for path in (clone.root / "videos/migrations").glob("0*.py"))
    text = f"""
from django.db import migrations


def fail(apps, schema_editor):
    raise RuntimeError("this migration fails")


class Migration(migrations.Migration):
    atomic = {is_atomic}
    dependencies = [("videos", {last!r})]
    operations = [{operations}]
"""
    return {"videos/migrations/9000_of_the_new_version.py": text}


def new_version(clone: Clone) -> dict[str, str]:
    """Returns files of a working version with a new table and a new text on each page."""
    page = with_text(clone, "templates/base.html", "</body>", "<p>The new version</p></body>")
    return migration(clone, NEW_TABLE) | page


def upgrade(clone: Clone, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs scripts/upgrade to its end; standard error is part of its output."""
    return subprocess.run(
        ["scripts/upgrade", *arguments],
        cwd=clone.root,
        env=clone.environment | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )


def dump(database: Path) -> list[str]:
    """Returns an SQLite database as statements, sorted because a copy may have another order."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return sorted(connection.iterdump())


def last_upgrade(clone: Clone) -> Path:
    """Returns the folder of the newest upgrade."""
    return max((clone.root / "data/upgrades").glob("20*"))


def code_is(clone: Clone, revision: str, branch: str = "") -> bool:
    """Returns whether the files are those of the revision and HEAD is at the branch, or at none."""
    return (
        git(clone.root, "rev-parse", "HEAD") == revision
        and git(clone.root, "status", "--porcelain") == ""
        and git(clone.root, "branch", "--show-current") == branch
    )
