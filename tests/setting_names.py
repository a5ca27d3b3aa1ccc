"""Finds the names that clipset/settings.py reads from the environment, in its source."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SETTINGS = ROOT / "clipset" / "settings.py"
# Functions of settings.py that pass a name on to django-environ.
HELPERS = {"_folder"}


def setting_names() -> set[str]:
    """Returns the first arguments of `env.<kind>("NAME", …)`, `env("NAME")` and the helpers."""
    names = set()
    for node in ast.walk(ast.parse(SETTINGS.read_text())):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        function, first = node.func, node.args[0]
        reads = (
            isinstance(function, ast.Attribute)
            and isinstance(function.value, ast.Name)
            and function.value.id == "env"
        ) or (isinstance(function, ast.Name) and function.id in {"env", *HELPERS})
        if reads and isinstance(first, ast.Constant) and isinstance(first.value, str):
            names.add(first.value)
    return names
