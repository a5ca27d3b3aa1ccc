"""What requests of some members may not change, read before and after."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from django.apps import apps
from django.db import IntegrityError, connection
from django.db.models import Q

from accounts.models import Role, User
from siteconfig.models import AuditEntry

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    Rows = dict[tuple[str, Any], dict[str, Any]]  # by model and primary key

# Model -> the way to the member whose row it is, and to the video it belongs to, if any: on their
# own videos, uploaders may delete comments of others.
OWNED: Final[dict[str, tuple[str, str]]] = {
    "accounts.User": ("pk", ""),
    "accounts.Session": ("user", ""),
    "accounts.Invitation": ("created_by", ""),
    "accounts.EmailChange": ("member", ""),
    "accounts.Leaving": ("member", ""),
    "videos.Video": ("uploaded_by", ""),
    "videos.Caption": ("video__uploaded_by", ""),
    "videos.Rendition": ("video__uploaded_by", ""),
    "videos.Job": ("video__uploaded_by", ""),
    "videos.GuestLink": ("video__uploaded_by", ""),
    "videos.ReviewRequest": ("video__uploaded_by", ""),
    "videos.Comment": ("author", "video"),
    "videos.Notification": ("member", "video"),
    "videos.Like": ("member", "video"),
    "videos.View": ("member", "video"),
    "videos.WatchProgress": ("member", "video"),
    "videos.Playlist": ("made_by", ""),
    "videos.PlaylistEntry": ("playlist__made_by", "video"),
    "videos.Report": ("reporter", "video"),
    "videos.Upload": ("user", ""),
}
# Others may cause these: views are counted, and comments are told.
COUNTED: Final = {"view_count"}
CAUSED: Final = {"videos.Notification"}
HIDING: Final = ("hidden_at", "hidden_by_id", "hidden_reason", "hidden_text")
# What says that a thing is gone, hidden or settled. The rest stays as requests left it: a video
# that was tried once more has another job than one that failed.
KEPT: Final[dict[str, tuple[str, ...]]] = {
    "videos.Video": (
        *("trashed_at", "trashed_by_id", "was_trashed_with_member", "is_hidden"),
        *HIDING,
    ),
    "videos.Comment": ("deleted_at", "deleted_by_id", *HIDING),
    "videos.Playlist": ("deleted_at",),
    "videos.Caption": ("deleted_at",),
    "videos.Report": ("state", "handled_at", "handled_by_id"),
    "videos.GuestLink": ("revoked_at", "expires_at"),
    "accounts.Invitation": ("used_at", "expires_at"),
}
# Of the site as a whole.
OF_STAFF: Final = ("siteconfig.Config", "siteconfig.StorageRoot", "categories.Category")


def rows_of_others(*, than: Iterable[UUID]) -> Rows:
    """Rows that belong to other members than these, and those of the site."""
    members = list(than)
    found: Rows = {}
    for label, (owner, video) in OWNED.items():
        theirs = Q(**{f"{owner}__in": members})
        if video:
            theirs |= Q(**{f"{video}__uploaded_by__in": members})
        manager = apps.get_model(label)._base_manager
        keys = manager.filter(theirs).values("pk")
        _add(found, label, manager.exclude(pk__in=keys))
    for label in OF_STAFF:
        _add(found, label, apps.get_model(label)._base_manager.all())
    return found


class Keeper:
    """Puts rows back as they were, so that what was deleted can be asked for again.

    Otherwise the first of many requests would put all videos into the trash.
    """

    def __init__(self, members: Iterable[UUID]) -> None:
        """Keeps the rows of these members, or without any those of everybody."""
        self.rows: list[tuple[Any, dict[str, Any]]] = []
        for label, fields in KEPT.items():
            rows = apps.get_model(label)._base_manager
            owner = OWNED[label][0]
            found = rows.filter(**{f"{owner}__in": members}) if members else rows.all()
            self.rows += [(rows.filter(pk=it.pop("pk")), it) for it in found.values("pk", *fields)]

    def put_back(self) -> None:
        for row, values in self.rows:
            with suppress(IntegrityError):
                row.update(**values)


def rows_of_staff(*, but: UUID) -> Rows:
    """Accounts of moderators and admins, but for one, and the configuration."""
    found: Rows = {}
    _add(found, "accounts.User", User.objects.exclude(role=Role.USER).exclude(pk=but))
    for row in found.values():
        row.pop("stored_bytes")  # moderators add captions to their videos
    _add(found, "siteconfig.Config", apps.get_model("siteconfig.Config").objects.all())
    return found


def _add(found: Rows, label: str, rows: Any) -> None:
    for row in rows.values():
        key = row.get("session_key") or row.get("id") or next(iter(row.values()))
        found[label, key] = {name: it for name, it in row.items() if name not in COUNTED}


def changes(before: Rows, after: Rows) -> list[str]:
    """What differs, in words."""
    found = []
    for key in before.keys() | after.keys():
        had, has = before.get(key), after.get(key)
        if had is None:
            if key[0] not in CAUSED:
                found.append(f"new {key}: {has}")
        elif has is None:
            found.append(f"gone {key}: {had}")
        elif had != has:
            differ = {name: (it, has.get(name)) for name, it in had.items() if has.get(name) != it}
            found.append(f"changed {key}: {differ}")
    return found


def roles() -> dict[Any, str]:
    """The role of each member by primary key. A new member has that of a plain one."""
    return dict(User.objects.exclude(role=Role.USER).values_list("pk", "role"))


def granted_in_log() -> set[str]:
    """Members whose role somebody changed by the admin's form, by the audit log."""
    return set(AuditEntry.objects.filter(action="member.role").values_list("object_id", flat=True))


def database_faults() -> list[str]:
    """What the database itself finds wrong."""
    found = []
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            for check in ("integrity_check", "foreign_key_check"):
                cursor.execute(f"PRAGMA {check}")
                found += [str(row) for row in cursor.fetchall() if row != ("ok",)]
        else:
            cursor.execute(
                "SELECT conname FROM pg_constraint WHERE NOT convalidated"
                " UNION ALL SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid"
            )
            found += [str(row) for row in cursor.fetchall()]
    connection.check_constraints()
    return found
