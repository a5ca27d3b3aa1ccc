"""Sizes that keep the code readable: modules, functions and views (CONTRIBUTING.md)."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = (
    "accounts",
    "bench",
    "categories",
    "clipset",
    "deploy",
    "scripts",
    "siteconfig",
    "videos",
)
MAX_MODULE_LINES = 350
MAX_FUNCTION_LINES = 40
MAX_VIEW_STATEMENTS = 12
# Fixed tables without logic, which are easier to read in one piece.
DATA_TABLES = {"videos/sample_data/data.py"}

MODULES = sorted(
    path.relative_to(ROOT).as_posix()
    for folder in FOLDERS
    for path in (ROOT / folder).rglob("*.py")
    if "migrations" not in path.parts
)


def functions(tree: ast.AST) -> list[ast.FunctionDef]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]


def statements(function: ast.FunctionDef) -> int:
    """Counts all statements, nested ones too, but not the docstring."""
    inner = sum(isinstance(node, ast.stmt) for node in ast.walk(function)) - 1
    return inner - (ast.get_docstring(function) is not None)


def is_view(function: ast.FunctionDef) -> bool:
    arguments = function.args.args
    return bool(arguments) and arguments[0].arg == "request" and not function.name.startswith("_")


def test_modules_are_found() -> None:
    assert {"videos/querysets.py", "clipset/settings.py", "videos/views/watch.py"} <= set(MODULES)


@pytest.mark.parametrize("module", [name for name in MODULES if name not in DATA_TABLES])
def test_modules_and_functions_stay_small(module: str) -> None:
    text = (ROOT / module).read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MAX_MODULE_LINES
    long = {
        function.name: function.end_lineno - function.lineno + 1
        for function in functions(ast.parse(text))
        if function.end_lineno and function.end_lineno - function.lineno >= MAX_FUNCTION_LINES
    }
    assert not long


@pytest.mark.parametrize("module", [name for name in MODULES if "/views/" in name])
def test_views_parse_call_and_render(module: str) -> None:
    tree = ast.parse((ROOT / module).read_text(encoding="utf-8"))
    large = {f.name: statements(f) for f in functions(tree) if is_view(f)}
    assert not {name: count for name, count in large.items() if count > MAX_VIEW_STATEMENTS}
