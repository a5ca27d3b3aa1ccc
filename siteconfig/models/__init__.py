"""The tables of the site as a whole."""

from siteconfig.models.audit import AuditEntry
from siteconfig.models.config import (
    MAX_DAYS,
    MAX_FILE_LIMIT_BYTES,
    MAX_GRACE_DAYS,
    MAX_STORED_LIMIT_BYTES,
    MAX_TRASH_DAYS,
    MAX_WEEKLY_LIMIT_BYTES,
    MIN_FILE_LIMIT_BYTES,
    STORED_LIMIT_WEEKS,
    ClusterHeartbeat,
    Config,
    DayAlive,
    Encoder,
    Quality,
    RootKind,
    ShortSide,
    StorageRoot,
    _default_max_file_size,
    _default_video_storage_path,
    _default_weekly_limit,
)
from siteconfig.models.put_away import PutAwayRow
from siteconfig.models.runs import BackupRun, BackupState, BackupStep, DoctorRun, DoctorState

# What migrations name stays here, too.
__all__ = [
    "MAX_DAYS",
    "MAX_FILE_LIMIT_BYTES",
    "MAX_GRACE_DAYS",
    "MAX_STORED_LIMIT_BYTES",
    "MAX_TRASH_DAYS",
    "MAX_WEEKLY_LIMIT_BYTES",
    "MIN_FILE_LIMIT_BYTES",
    "STORED_LIMIT_WEEKS",
    "AuditEntry",
    "BackupRun",
    "BackupState",
    "BackupStep",
    "ClusterHeartbeat",
    "Config",
    "DayAlive",
    "DoctorRun",
    "DoctorState",
    "Encoder",
    "PutAwayRow",
    "Quality",
    "RootKind",
    "ShortSide",
    "StorageRoot",
    "_default_max_file_size",
    "_default_video_storage_path",
    "_default_weekly_limit",
]
