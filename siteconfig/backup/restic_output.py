"""What restic prints as JSON, parsed. Needs no Django."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

# While files grow, restic computes absurd times. A longer time than this counts as unknown.
MAX_SECONDS_LEFT: Final = 30 * 24 * 3600


@dataclass(frozen=True, slots=True)
class BackupProgress:
    """The progress of a backup. `seconds_left` is None while it is unknown."""

    bytes_done: int
    bytes_total: int
    seconds_left: int | None


@dataclass(frozen=True, slots=True)
class StoredSnapshot:
    """A backup in the repository."""

    id: str
    time: datetime
    paths: tuple[str, ...]
    tags: tuple[str, ...]

    @property
    def short_id(self) -> str:
        return self.id[:8]


@dataclass(frozen=True, slots=True)
class BackupSummary:
    """The result of a backup."""

    snapshot_id: str
    bytes_total: int
    bytes_added: int
    files_total: int


def parse_line(line: str) -> dict[str, Any]:
    """Parses a line of restic's output. Returns {} if it is not a JSON object."""
    try:
        message = json.loads(line)
    except ValueError:
        return {}
    return message if isinstance(message, dict) else {}


def parse_progress(message: dict[str, Any]) -> BackupProgress:
    seconds = message.get("seconds_remaining")
    done, total = message.get("bytes_done", 0), message.get("total_bytes", 0)
    return BackupProgress(
        bytes_done=done,
        bytes_total=max(done, total),
        seconds_left=seconds if seconds is not None and seconds <= MAX_SECONDS_LEFT else None,
    )


def parse_snapshot(found: dict[str, Any]) -> StoredSnapshot:
    return StoredSnapshot(
        id=found["id"],
        time=datetime.fromisoformat(found["time"]),
        paths=tuple(found["paths"]),
        tags=tuple(found.get("tags") or ()),
    )
