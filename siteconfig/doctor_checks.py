"""The doctor's checks of the site itself: health, settings, versions, inodes, permissions.

The other apps register their own in siteconfig.doctor.
"""

from __future__ import annotations

import os
import re
import stat
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.core import checks
from django.db import connection

from clipset.lib.permissions import UMASK, is_open, look_through
from clipset.lib.units import plural
from siteconfig.audit_triggers import are_in_place, create_triggers
from siteconfig.doctor import Finding, Look, register_doctor_check
from siteconfig.health import health_report
from siteconfig.places import SETTINGS
from siteconfig.roots import MARKER, is_available, root_names, root_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from siteconfig.services.doctor_log import Journal

# Health checks that the doctor repeats. For the others it has more detailed checks.
FROM_HEALTH: Final = ("workers", "database_space", "space", "backup")
# System checks that a check of the doctor repeats.
FOUND_ELSEWHERE: Final = frozenset({"clipset.E020", "clipset.W023"})
MIN_FREE_INODES: Final = 1000
FILES: Final = "files or folders"
WRONG_VERSION: Final = (
    "%(name)s is installed in version %(installed)s, but requirements.txt pins %(pinned)s. Start "
    "the site with scripts/run, which installs the pinned versions."
)
MISSING_PACKAGE: Final = (
    "%(name)s %(pinned)s is not installed. Start the site with scripts/run, which installs it."
)
_PINNED: Final = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;]+)")


def findings_of_health(name: str) -> Callable[[Look], Iterator[Finding]]:
    """Returns a `find` function that reports what the health check of this name finds."""

    def find(_look: Look) -> Iterator[Finding]:
        found = health_report(name).finding
        if not found.is_well:
            yield Finding(name, found.summary)

    return find


def find_wrong_settings(_look: Look) -> Iterator[Finding]:
    """Reports the warnings and errors of `manage.py check`."""
    for message in checks.run_checks():
        if message.is_silenced() or message.level < checks.WARNING or message.id in FOUND_ELSEWHERE:
            continue
        hint = f" {message.hint}" if message.hint else ""
        yield Finding("settings", f"{message.msg}{hint}", subject=f"{message.id} {message.msg}")


def find_wrong_versions(_look: Look) -> Iterator[Finding]:
    """Reports packages that are not installed in the version that requirements.txt pins."""
    for name, pinned in _pinned_versions():
        try:
            installed = metadata.version(name)
        except metadata.PackageNotFoundError:
            installed = ""
        if installed != pinned:
            sentence = WRONG_VERSION if installed else MISSING_PACKAGE
            sentence %= {"name": name, "installed": installed, "pinned": pinned}
            yield Finding("versions", sentence, subject=name)


def _pinned_versions() -> list[tuple[str, str]]:
    text = (Path(settings.BASE_DIR) / "requirements.txt").read_text()
    found = (_PINNED.match(line) for line in text.splitlines())
    return [(match["name"], match["version"]) for match in found if match]


def find_few_inodes(_look: Look) -> Iterator[Finding]:
    """Reports disks that run out of inodes: no file can be created then, even with free space."""
    for name in SETTINGS:
        if not is_available(name):
            continue
        disk = os.statvfs(root_path(name))
        if disk.f_files and disk.f_favail < MIN_FREE_INODES:
            yield Finding(
                "inodes",
                f"The disk of the storage root '{name}' has room for only {disk.f_favail:,} more "
                "files. Remove small files from it, or move the storage root to another disk.",
                subject=name,
            )


# -- the audit log --------------------------------------------------------------------------------


def find_missing_triggers(_look: Look) -> Iterator[Finding]:
    """Reports that the database would let somebody change or delete entries of the audit log."""
    if not are_in_place(connection):
        yield Finding(
            "audit_log",
            "The database doesn't protect the audit log: triggers that refuse to change or delete "
            "entries are missing.",
            mend="Create the triggers again.",
        )


def mend_triggers(_finding: Finding, journal: Journal) -> None:
    if not are_in_place(connection):
        journal.log("triggers", "audit_entries: triggers created")
        create_triggers(connection.alias)


# -- permissions ----------------------------------------------------------------------------------


def find_wrong_permissions(look: Look) -> Iterator[Finding]:
    """Reports files that other users of the host can read, or that belong to another user."""
    for name in root_names():
        if is_available(name):
            yield from _find_in_root(name, look)
    for path in _own_files():
        if is_open(path.stat()):
            yield Finding(
                "permissions",
                f"Other users of this host can read {path}.",
                subject=str(path),
                mend="Make it private (mode 0640).",
            )


def _find_in_root(name: str, look: Look) -> Iterator[Finding]:
    folder = root_path(name)
    owner = (folder / MARKER).stat().st_uid
    opened = foreign = 0
    for _, found in _inside(name):
        look.tick()
        opened += is_open(found)
        foreign += found.st_uid != owner
    if opened:
        yield Finding(
            "permissions",
            f"Other users of this host can read {plural(opened, 'file or folder', FILES)} in the "
            f"storage root '{name}' ({folder}).",
            subject=name,
            mend="Make them private (files 0640, folders 0750).",
            facts={"root": name},
        )
    if foreign:
        yield Finding(
            "permissions",
            f"In the storage root '{name}', {plural(foreign, 'file or folder', FILES)} and its "
            "marker belong to different users, so the site may be unable to read or remove them. "
            f"Change their owner to user {owner} (chown).",
            subject=f"{name} owner",
        )


def mend_permissions(finding: Finding, journal: Journal) -> None:
    name = finding.facts.get("root")
    if name is None:
        path = Path(finding.subject)
        _make_private(path, path.stat(), journal)
        return
    for path, found in _inside(name):
        if is_open(found):
            _make_private(path, found, journal)


def _make_private(path: Path, found: os.stat_result, journal: Journal) -> None:
    try:
        journal.change_mode(path, stat.S_IMODE(found.st_mode) & ~UMASK)
    except OSError as error:  # another user's file, or deleted meanwhile
        journal.sentences.append(f"{path} was not changed: {error.strerror}")


def _inside(name: str) -> Iterator[tuple[Path, os.stat_result]]:
    """Yields the files and folders of a root, without those of other roots inside it."""
    folder = root_path(name)
    others = [root_path(other) for other in root_names() if other != name]
    others = [other for other in others if other.is_relative_to(folder)]
    for path, found in look_through(folder):
        if not any(path.is_relative_to(other) for other in others):
            yield path, found


def _own_files() -> list[Path]:
    """Returns the files outside the storage roots that contain secrets or members' data."""
    found = [Path(settings.BASE_DIR) / ".env"]
    database = settings.DATABASES["default"]
    if database["ENGINE"] == "django.db.backends.sqlite3":
        found += [Path(f"{database['NAME']}{suffix}") for suffix in ("", "-wal", "-shm")]
    return [path for path in found if path.is_file()]


def register_checks() -> None:
    for name in FROM_HEALTH:
        register_doctor_check(name, findings_of_health(name))
    register_doctor_check("settings", find_wrong_settings)
    register_doctor_check("versions", find_wrong_versions)
    register_doctor_check("inodes", find_few_inodes)
    register_doctor_check("audit_log", find_missing_triggers, mend_triggers)
    register_doctor_check("permissions", find_wrong_permissions, mend_permissions)
