"""A backup says where its files lie; nothing outside of the backup may be named."""

from __future__ import annotations

import json
from typing import Any

import pytest

from siteconfig.backup.manifest import Manifest, read_manifest
from siteconfig.backup.restic import BackupError

GOOD = Manifest(
    site="1",
    taken_at="2026-01-31T00:00:00+00:00",
    database="clipset.db",
    roots={"videos": "/srv/clipset/media/videos", "videos-2": "/mnt/big"},
    rows={},
    migrations=[],
)


def test_what_was_written_is_read() -> None:
    assert read_manifest(GOOD.to_json()) == GOOD


@pytest.mark.parametrize(
    "changes",
    [
        {"database": "../../clipset.db"},
        {"database": "/srv/live/data/clipset.db"},
        {"roots": {"videos": "/srv/../etc"}},
        {"roots": {"videos": "etc"}},
        {"roots": {"videos": "/"}},
        {"roots": {"../videos": "/srv/videos"}},
        {"roots": {"a=b,c": "/srv/videos"}},
        {"roots": {"videos": 5}},
        {"roots": []},
        {"unknown": 1},
    ],
)
def test_a_manifest_that_names_other_places_is_refused(changes: dict[str, Any]) -> None:
    facts = json.loads(GOOD.to_json()) | changes
    with pytest.raises(BackupError, match="cannot be read"):
        read_manifest(json.dumps(facts).encode())
