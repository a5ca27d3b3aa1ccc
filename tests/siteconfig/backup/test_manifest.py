"""The paths in a manifest must not lead outside the backup."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from siteconfig.backup.errors import BackupError
from siteconfig.backup.manifest import Manifest, read_manifest
from siteconfig.backup.restic_output import StoredSnapshot
from siteconfig.backup.restoring import staging_of

STAGING = "/srv/clipset/data/backup/staging"
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
    with pytest.raises(BackupError, match="can't be read"):
        read_manifest(json.dumps(facts).encode())


@pytest.mark.parametrize(
    "path",
    [
        "--password-command=touch /tmp/owned #/data/backup/staging",
        "../../data/backup/staging",
        "/srv/../../data/backup/staging",
    ],
)
def test_a_snapshot_whose_path_is_none_is_none_of_ours(path: str) -> None:
    """The path becomes an argument of restic, and a folder in the restore's target."""

    def snapshot(path: str) -> StoredSnapshot:
        return StoredSnapshot(id="1", time=datetime.now(UTC), paths=("/srv", path), tags=())

    assert staging_of(snapshot(path)) == ""
    assert staging_of(snapshot(STAGING)) == STAGING
