"""System checks of the settings, which `manage.py check` runs. Each finding says what to do.

The identifiers never change, so that they can be silenced and looked up: docs/configuration.md
lists them. The checks about videos are in videos.checks.
"""

from __future__ import annotations

import os
import zoneinfo
from itertools import combinations
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks
from django.core.checks import Error, Tags, register

from clipset.server.proxies import parse_proxies
from clipset.server.reach import is_loopback
from siteconfig.folders import one_in_the_other, why_not_for_files
from siteconfig.places import unreadable_entries
from siteconfig.security_contact import contact_address

FOLDERS = (
    "VIDEO_STORAGE_PATH",
    "THUMBNAIL_STORAGE_PATH",
    "TEMP_STORAGE_PATH",
    "ORIGINAL_STORAGE_PATH",
)
MIN_TOKEN_LENGTH = 16
BACKUP_PERIODS = ("last", "hourly", "daily", "weekly", "monthly", "yearly")
AT_LEAST_ONE = ("MAX_FILE_SIZE_BYTES", "VIDEO_PROCESSING_TIMEOUT")
AT_LEAST_ZERO = ("WEEKLY_UPLOAD_LIMIT_BYTES", "MIN_FREE_DISK_BYTES")


@register(Tags.security)
def check_secret_key(**_kwargs: Any) -> list[Error]:
    if settings.DEBUG or settings.SECRET_KEY != settings.INSECURE_SECRET_KEY:
        return []
    return [
        Error(
            "SECRET_KEY is not set, and the default is public.",
            hint="Start with scripts/run, which writes one to .env, or add a line "
            "SECRET_KEY=<50 random characters> to .env.",
            id="clipset.E001",
        )
    ]


@register
def check_queue(**_kwargs: Any) -> list[Error]:
    """Reports a retry that is not longer than the timeout: a long task would run twice at once."""
    timeout, retry = settings.Q_CLUSTER.get("timeout"), settings.Q_CLUSTER.get("retry", 60)
    if timeout is not None and retry > timeout:
        return []
    return [
        Error(
            f"In Q_CLUSTER, retry ({retry} s) is not greater than timeout ({timeout} s), so a long "
            "task would be started again while it is still running.",
            hint="Set retry in Q_CLUSTER (clipset/settings.py) to more than timeout.",
            id="clipset.E002",
        )
    ]


@register
def check_quota_reset(**_kwargs: Any) -> list[Error]:
    errors = []
    if not 0 <= settings.QUOTA_RESET_DAY <= 6:
        errors.append(
            Error(
                f"QUOTA_RESET_DAY is {settings.QUOTA_RESET_DAY}, which is not a day of the week.",
                hint="Set it to 0 (Sunday) to 6 (Saturday).",
                id="clipset.E003",
            )
        )
    if not 0 <= settings.QUOTA_RESET_HOUR <= 23:
        errors.append(
            Error(
                f"QUOTA_RESET_HOUR is {settings.QUOTA_RESET_HOUR}, which is not an hour of the "
                "day.",
                hint="Set it to 0 (midnight) to 23.",
                id="clipset.E004",
            )
        )
    if not _is_zone(settings.QUOTA_RESET_TIMEZONE):
        errors.append(
            Error(
                f"QUOTA_RESET_TIMEZONE is '{settings.QUOTA_RESET_TIMEZONE}', which is not a known "
                "time zone.",
                hint="Set it to a name such as UTC, Europe/Berlin or America/New_York.",
                id="clipset.E005",
            )
        )
    return errors


def _is_zone(name: str) -> bool:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


@register
def check_site_url(**_kwargs: Any) -> list[Error]:
    if _is_site_url(settings.SITE_URL):
        return []
    return [
        Error(
            f"SITE_URL is '{settings.SITE_URL}', which is not the address of a site.",
            hint="Set it to a scheme, host and port only, such as https://clips.example.org or "
            "http://192.168.1.5:8000, or remove it to use HOST and PORT.",
            id="clipset.E006",
        )
    ]


def _is_site_url(text: str) -> bool:
    """Returns whether a text is http or https, a host and an optional port, and nothing else."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return False
    rest = (parts.path, parts.query, parts.fragment, parts.username or "", parts.password or "")
    return (
        parts.scheme in {"http", "https"}
        and bool(parts.hostname)
        and not any(rest)
        and port != 0
        and not any(character.isspace() for character in text)
    )


@register
def check_folders(**_kwargs: Any) -> list[Error]:
    """Reports storage folders that are not writable and cannot be created."""
    return [
        Error(
            f"{name} is {folder}, where nothing can be written: {reason}.",
            hint=f"Let the user that runs Clipset write there (chown, chmod), or set {name} to "
            "another folder.",
            id="clipset.E007",
        )
        for name in FOLDERS
        if (reason := _why_not_writable(folder := Path(getattr(settings, name))))
    ]


def _why_not_writable(folder: Path) -> str:
    """Returns why no file can be created in a folder, or "" if one can.

    A folder that does not exist yet is judged by the nearest folder above it that exists.
    """
    existing = folder
    while not os.path.lexists(existing) and existing != existing.parent:
        existing = existing.parent
    if not existing.is_dir():
        return f"{existing} is not a folder"
    if not os.access(existing, os.W_OK | os.X_OK):
        return f"the user that runs Clipset has no permission to write to {existing}"
    return ""


@register
def check_folders_apart(**_kwargs: Any) -> list[Error]:
    return [
        Error(
            f"{one} ({first}) and {other} ({second}) are the same folder, or one is inside the "
            "other.",
            hint=f"Set {one} or {other} to a separate folder, and move its files there first.",
            id="clipset.E010",
        )
        for one, other in combinations(FOLDERS, 2)
        if one_in_the_other(
            first := Path(getattr(settings, one)), second := Path(getattr(settings, other))
        )
    ]


@register
def check_folders_for_files(**_kwargs: Any) -> list[Error]:
    return [
        Error(
            f"{name} is {folder}, which can't be used for members' files: {reason}.",
            hint=f"Set {name} to a folder of its own, such as one below media/.",
            id="clipset.E011",
        )
        for name in FOLDERS
        if not _why_not_writable(folder := Path(getattr(settings, name)))
        and (reason := why_not_for_files(folder))
    ]


@register
def check_storage_roots(**_kwargs: Any) -> list[Error]:
    return [
        Error(
            f"STORAGE_ROOTS has the entry '{entry}', which is neither name=path nor an absolute "
            "path.",
            hint="Write it like videos-2=/mnt/b,/mnt/disks.",
            id="clipset.E012",
        )
        for entry in unreadable_entries()
    ]


@register
def check_backup_settings(**_kwargs: Any) -> list[Error]:
    wrong = [
        f"{period}={count}"
        for period, count in settings.BACKUP_KEEP.items()
        if period not in BACKUP_PERIODS or not count.isdecimal() or int(count) < 1
    ]
    errors = [
        Error(
            f"BACKUP_KEEP has '{entry}', which is not a period with a number of backups.",
            hint="Write it like daily=7,weekly=4,monthly=6.",
            id="clipset.E014",
        )
        for entry in wrong
    ]
    if not 0 <= settings.BACKUP_HOUR <= 23:
        errors.append(
            Error(
                f"BACKUP_HOUR is {settings.BACKUP_HOUR}, which is not an hour of the day.",
                hint="Set it to 0 (midnight) to 23.",
                id="clipset.E014",
            )
        )
    return errors


@register
def check_front_end_packages(**_kwargs: Any) -> list[Error]:
    if Path(settings.NODE_MODULES).is_dir():
        return []
    return [
        Error(
            f"The front-end packages are missing: {settings.NODE_MODULES} does not exist.",
            hint="Start with scripts/run, which installs them, or run npm ci.",
            id="clipset.E008",
        )
    ]


@register
def check_limits(**_kwargs: Any) -> list[Error]:
    lowest = dict.fromkeys(AT_LEAST_ONE, 1) | dict.fromkeys(AT_LEAST_ZERO, 0)
    return [
        Error(
            f"{name} is {getattr(settings, name)}, which is too small.",
            hint=f"Set it to {least} or more, or remove it to use the default.",
            id="clipset.E009",
        )
        for name, least in lowest.items()
        if getattr(settings, name) < least
    ]


@register(Tags.security)
def check_security_contact(**_kwargs: Any) -> list[Error]:
    if not settings.SECURITY_CONTACT or contact_address():
        return []
    return [
        Error(
            f"SECURITY_CONTACT is '{settings.SECURITY_CONTACT}', which is no address.",
            hint="Set it to an e-mail address or to an address that begins with https://, or "
            "remove it: then there is no /.well-known/security.txt.",
            id="clipset.E015",
        )
    ]


@register(Tags.security)
def check_readyz_token(**_kwargs: Any) -> list[Error]:
    """Reports a READYZ_TOKEN that could be guessed. It lets its holder read /readyz."""
    if not settings.READYZ_TOKEN or len(settings.READYZ_TOKEN) >= MIN_TOKEN_LENGTH:
        return []
    return [
        Error(
            f"READYZ_TOKEN has fewer than {MIN_TOKEN_LENGTH} characters.",
            hint="Set it to a long random text, or remove it: then only staff can open /readyz.",
            id="clipset.E013",
        )
    ]


@register(Tags.security)
def check_proxies(**_kwargs: Any) -> list[checks.CheckMessage]:
    """Reports proxies that are not believed although they should be, or the other way round."""
    entries = settings.FORWARDED_ALLOW_IPS
    proxies, is_changed = parse_proxies(tuple(entries)), entries != settings.OWN_PROXIES
    found: list[checks.CheckMessage] = [
        Error(
            f"FORWARDED_ALLOW_IPS has the entry '{entry}', which is neither an address nor a "
            "network.",
            hint="Set it to addresses such as 10.0.0.5 or fd00::5 and networks such as "
            "10.0.0.0/24, separated by commas. Names of hosts don't work.",
            id="clipset.E040",
        )
        for entry in proxies.wrong
    ]
    return found + _ill_chosen_proxies(proxies.is_anybody, is_changed=is_changed)


def _ill_chosen_proxies(is_anybody: bool, *, is_changed: bool) -> list[checks.CheckMessage]:
    if not settings.BEHIND_PROXY:
        sentence = "FORWARDED_ALLOW_IPS has no effect, since BEHIND_PROXY is off."
        hint = "Set BEHIND_PROXY=on if there is a proxy in front, else remove FORWARDED_ALLOW_IPS."
        return [checks.Warning(sentence, hint=hint, id="clipset.W041")] if is_changed else []
    if is_loopback(settings.HOST):
        return []
    if is_anybody:
        sentence = (
            "FORWARDED_ALLOW_IPS is '*', so whoever reaches the port can pretend to have any "
            "address."
        )
        hint = "Set it to the addresses of your proxies."
        return [checks.Warning(sentence, hint=hint, id="clipset.W042")]
    sentence = (
        "X-Forwarded-For and X-Forwarded-Proto are believed from this machine only, but HOST "
        f"({settings.HOST}) lets a proxy on another machine connect."
    )
    hint = (
        "Set FORWARDED_ALLOW_IPS to the address of your proxy. If it runs on this machine, set "
        "HOST=127.0.0.1."
    )
    return [] if is_changed else [checks.Warning(sentence, hint=hint, id="clipset.W043")]
