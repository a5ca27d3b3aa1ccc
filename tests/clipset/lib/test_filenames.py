"""Versions in the names of stored files."""

from __future__ import annotations

import pytest

from clipset.lib.filenames import version_of

ID = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    ("filename", "version"),
    [
        (f"{ID}-0a1b2c3d4e5f-source.mp4", "0a1b2c3d4e5f"),
        (f"{ID}-0a1b2c3d4e5f-1080p.mp4", "0a1b2c3d4e5f"),
        (f"{ID}-0a1b2c3d4e5f-storyboard.jpg", "0a1b2c3d4e5f"),
        (f"{ID}-0a1b2c3d4e5f.jpg", "0a1b2c3d4e5f"),
        (f"{ID}-aZ3kQ9bT0x.webp", "aZ3kQ9bT0x"),
        ("abc-123.mp4", "abc-123"),
        (f"{ID}.mp4", "456789abcdef"),
        ("", ""),
    ],
)
def test_each_name_has_a_version(filename: str, version: str) -> None:
    assert version_of(filename) == version
