"""Which actions the code records in the audit log: read from the calls, so that none is missed."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).parent.parent
APPS: Final = ("accounts", "categories", "clipset", "siteconfig", "videos")
ACTION: Final = re.compile(r"[a-z_]+\.[a-z_]+")
VERB: Final = re.compile(r"[a-z_]+")


def recorded_actions() -> dict[str, str]:
    """Returns the actions, such as "video.hide", each with a module that records it."""
    return {
        action: path.relative_to(ROOT).as_posix()
        for app in APPS
        for path in sorted((ROOT / app).rglob("*.py"))
        for action in actions_in(ast.parse(path.read_text(encoding="utf-8")))
    }


def actions_in(module: ast.Module) -> Iterator[str]:
    """Yields the actions that a module names in calls of `record`, `record_by_staff`, `_record`.

    For f"video.{verb}" the verbs are those that its function assigns to `verb`, and those that the
    module passes to this function.
    """
    for call in _calls_of(module, re.compile(r"_?record(_\w+)?")):
        yield from (text for text in _texts(call.args) if ACTION.fullmatch(text))
    for function in (node for node in ast.walk(module) if isinstance(node, ast.FunctionDef)):
        for call in _calls_of(function, re.compile(r"_?record(_\w+)?")):
            for kind, name in filter(None, map(_template, call.args)):
                verbs = {*_assigned(function, name), *_passed(module, function.name)}
                assert verbs, f"{function.name}: no verb of {kind}.{{{name}}} is known"
                yield from (f"{kind}.{verb}" for verb in verbs)


def _calls_of(tree: ast.AST, name: re.Pattern[str]) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if name.fullmatch(called):
                yield node


def _texts(nodes: list[ast.expr]) -> Iterator[str]:
    for node in nodes:
        for part in ast.walk(node):
            if isinstance(part, ast.Constant) and isinstance(part.value, str):
                yield part.value


def _template(node: ast.expr) -> tuple[str, str] | None:
    """Returns "video" and "verb" for f"video.{verb}"."""
    match node:
        case ast.JoinedStr(
            values=[ast.Constant(value=str(kind)), ast.FormattedValue(value=ast.Name(id=name))]
        ):
            return kind.removesuffix("."), name
    return None


def _assigned(function: ast.FunctionDef, name: str) -> Iterator[str]:
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and any(
            getattr(target, "id", "") == name for target in node.targets
        ):
            value = node.value
            chosen = [value.body, value.orelse] if isinstance(value, ast.IfExp) else [value]
            yield from _texts(chosen)


def _passed(module: ast.Module, function: str) -> Iterator[str]:
    for call in _calls_of(module, re.compile(re.escape(function))):
        constants = [node for node in call.args if isinstance(node, ast.Constant)]
        yield from (text for text in _texts([*constants]) if VERB.fullmatch(text))
