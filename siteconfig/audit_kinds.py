"""The words of the audit log for the site as a whole."""

from __future__ import annotations

from typing import Final

from siteconfig.audit_words import Kind, register_kind

CONFIG: Final = Kind(
    plural="Configuration",
    model="siteconfig.Config",
    acts={
        "change": ("Change", "Changed the configuration"),
        "site_id": ("Change site id", "Gave the site a new id"),
    },
)
AUDIT: Final = Kind(
    plural="Audit log",
    acts={
        "export": ("Download", "Downloaded entries of the audit log"),
        "prune": ("Prune", "Deleted old entries of the audit log"),
    },
    labels={"older_than_days": "Older than (days)"},
)
BACKUPS: Final = Kind(
    plural="Backups",
    model="siteconfig.BackupRun",
    acts={
        "request": ("Request", "Requested a backup"),
        "restore": ("Restore", "Restored the site from a backup: %(name)s"),
    },
)
DOCTOR: Final = Kind(
    plural="Doctor",
    model="siteconfig.DoctorRun",
    acts={
        "repair": ("Repair", "Asked the doctor to repair findings"),
        "undo": ("Undo", "Undid changes of the doctor (run %(name)s)"),
    },
)
STORAGE_ROOTS: Final = Kind(
    plural="Storage roots",
    acts={"mark": ("Mark", "Marked the storage root “%(name)s”")},
)


def register_words() -> None:
    register_kind("config", CONFIG)
    register_kind("audit", AUDIT)
    register_kind("backup", BACKUPS)
    register_kind("doctor", DOCTOR)
    register_kind("storage_root", STORAGE_ROOTS)
