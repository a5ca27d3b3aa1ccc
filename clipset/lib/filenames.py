"""Versions in the names of stored files: `<id>-<version>[-<part>].<extension>`.

Addresses carry the version, so that browsers may keep what they have of a file.
"""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import Final

_NAME: Final = re.compile(r"[0-9a-f]{32}-(?P<version>[0-9A-Za-z]{8,12})(?:-\w+)?\.\w+")
_END_CHARACTERS: Final = 12


def version_of(filename: str) -> str:
    """The version in the name of a stored file. Of another name the last 12 characters before the
    extension, which serve as well in an address."""
    found = _NAME.fullmatch(filename)
    return found["version"] if found else PurePath(filename).stem[-_END_CHARACTERS:]
