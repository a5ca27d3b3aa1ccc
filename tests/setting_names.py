"""The names that clipset/settings.py reads from the environment, found in its source."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SETTINGS = ROOT / "clipset" / "settings.py"
# settings.py hands these a name that they pass on to django-environ.
HELPERS = {"_folder"}


def setting_names() -> set[str]:
    """First arguments of `env.<kind>("NAME", …)`, `env("NAME")` and of the helpers."""
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
