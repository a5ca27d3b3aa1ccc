"""The commands of docs/operations.md, for the tests that run them.

A test runs a command by its text in the document, `run_command(clone, "scripts/upgrade")`, or takes
it with `documented("scripts/run")`. tests/test_operations.py finds these calls and fails for a
command that no test runs.
"""

from __future__ import annotations

import ast
import re
import shlex
import shutil
import subprocess
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.processes import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.scripts.conftest import Clone

DOCUMENT = ROOT / "docs" / "operations.md"
PYTHON = ".venv/bin/python"
MAX_SECONDS = 300  # of a command
# Functions whose argument is the text of a command that the calling test runs.
RUNNERS = {"documented", "run_command", "call_documented"}

_FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"\s+# .*$")
_ASSIGNMENT = re.compile(r"[A-Z_]+=")


class Block(NamedTuple):
    """A fenced block of docs/operations.md."""

    language: str
    text: str


def blocks() -> list[Block]:
    return [Block(*found) for found in _FENCED.findall(DOCUMENT.read_text())]


def commands() -> set[str]:
    """Returns each line of the `sh` blocks, without comments, and each command in a sentence."""
    lines = [
        line for block in blocks() if block.language == "sh" for line in block.text.split("\n")
    ]
    return {_COMMENT.sub("", line) for line in lines if line} | set(_commands_in_sentences())


def _commands_in_sentences() -> Iterator[str]:
    for span in re.findall(r"`([^`]+)`", _FENCED.sub("", DOCUMENT.read_text())):
        words = [word for word in span.split() if not _ASSIGNMENT.match(word)]
        if not words:
            continue
        program, *arguments = words
        is_ours = program == "manage.py" or program.startswith(("scripts/", ".venv/bin/"))
        if is_ours or (arguments and shutil.which(program)):
            manage = f"{PYTHON} " if program == "manage.py" else ""
            yield manage + " ".join(span.split())


def documented(command: str, replace: Mapping[str, str] | None = None) -> str:
    """Returns the text of a command, which the document must have.

    Values of its examples are replaced by those of the test.
    """
    assert command in commands(), f"docs/operations.md does not have the command: {command}"
    changed = command
    for example, value in (replace or {}).items():
        assert example in command, example
        changed = changed.replace(example, value)
    assert program(changed).name == program(command).name, "only values may be replaced"
    return changed


def program(command: str) -> PurePath:
    """Returns the first word of a command behind its assignments."""
    words = (word for word in shlex.split(command) if not _ASSIGNMENT.match(word))
    return PurePath(next(words))


def run_command(
    clone: Clone,
    command: str,
    replace: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Runs a command of the document in the clone to its end, with a shell.

    Standard error is part of its output.
    """
    return subprocess.run(
        ["bash", "-c", documented(command, replace)],
        cwd=clone.root,
        env={**clone.environment, **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=MAX_SECONDS,
        check=False,
    )


def commands_run_by_tests() -> dict[str, str]:
    """Returns the commands that tests run, with the test.

    These are arguments of a runner's calls in a test or in functions of its module that it calls.
    """
    found: dict[str, str] = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        text = path.read_text()
        if not any(f"{name}(" in text for name in RUNNERS):
            continue
        functions = {
            node.name: node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)
        }
        for name, function in functions.items():
            if name.startswith("test_"):
                helpers = {call.func.id for call in _calls(function)} & functions.keys() - RUNNERS
                for part in (function, *(functions[helper] for helper in helpers)):
                    found |= dict.fromkeys(_named_by(part), f"{path.relative_to(ROOT)}::{name}")
    return found


def _named_by(function: ast.FunctionDef) -> Iterator[str]:
    for call in _calls(function):
        if call.func.id in RUNNERS:
            for argument in call.args[:2]:
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    yield argument.value


def _calls(function: ast.FunctionDef) -> Iterator[Any]:
    """Returns the calls of functions by plain name."""
    return (
        node
        for node in ast.walk(function)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    )
