"""The audit log on the sites of `bench.pages`, and its pages."""

from __future__ import annotations

import random
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from accounts.models import User
    from videos.models import Video

ENTRIES_PER_VIDEO: Final = 10
MAX_ENTRIES: Final = 1_000_000
OF_THE_MIDDLE: Final = 60  # entries about the middle video
ACTIONS: Final = ("video.hide", "video.unhide", "video.edit", "comment.delete", "member.activate")
RARE_ACTION: Final = "video.move"
MANY: Final = 2000  # rows that are sent together


def add_audit_log(size: int, users: list[User], *, now: datetime) -> None:
    """Adds entries about the videos, ENTRIES_PER_VIDEO for each. To be called outside of
    transactions: without indexes, which are created again, it takes a sixth of the time."""
    from django.db import connection, transaction

    from siteconfig.models import AuditEntry
    from videos.models import Video

    videos = list(Video.objects.finished().outside_trash().order_by("created_at"))
    indexes = AuditEntry._meta.indexes
    with connection.schema_editor() as editor:
        for index in indexes:
            editor.remove_index(AuditEntry, index)
    with transaction.atomic():
        _insert(_entries(min(MAX_ENTRIES, size * ENTRIES_PER_VIDEO), videos, users, now))
    with connection.schema_editor() as editor:
        for index in indexes:
            editor.add_index(AuditEntry, index)


def _stored(**values: Any) -> dict[str, Any]:
    """Values as the database's driver takes them."""
    from django.db import connection

    from siteconfig.models import AuditEntry

    field: Any = AuditEntry._meta.get_field
    return {name: field(name).get_db_prep_save(it, connection) for name, it in values.items()}


def _insert(rows: Iterator[dict[str, Any]]) -> None:
    """Adds rows to the audit log by SQL, which takes a quarter of the ORM's time."""
    from django.db import connection

    first = next(rows)
    values = ", ".join(["%s"] * len(first))
    sql = f"INSERT INTO audit_entries ({', '.join(first)}) VALUES ({values})"  # noqa: S608 columns
    with connection.cursor() as cursor:
        cursor.execute(sql, [*first.values()])
        while some := [[*row.values()] for row in islice(rows, MANY)]:
            cursor.executemany(sql, some)


def _entries(
    count: int, videos: list[Video], users: list[User], now: datetime
) -> Iterator[dict[str, Any]]:
    """Rows of the audit log, each a column's value by its name."""
    from accounts.models import User
    from siteconfig.models.audit import name_key

    chance = random.Random(7)  # noqa: S311 the same entries at each run
    people: list[Any] = [User.objects.get(username="staff"), *users[:20]]
    actors = [_stored(actor_id=one.pk, actor_name=one.username) for one in people]
    things = [
        _stored(
            object_id=str(video.pk),
            object_name=video.title,
            name_key=name_key(video.title),
            member_id=video.uploaded_by_id,
        )
        for video in videos
    ]
    acts = {
        action: _stored(action=action, object_kind=action.partition(".")[0])
        for action in (*ACTIONS, RARE_ACTION)
    }
    same = _stored(source="admin", member_rank=0, address="", reason="", request_id="") | _stored(
        before={"is_hidden": False}, after={"is_hidden": True}
    )
    middle, every = things[len(things) // 2], max(1, count // OF_THE_MIDDLE)
    for number in range(count):
        thing = middle if number % every == 0 else chance.choice(things)
        action = "video.hide" if thing is middle else chance.choice(ACTIONS)
        if number % every == 1:
            action = RARE_ACTION
        # The first actor does nearly everything, the last one little.
        actor = actors[0] if number % 10 else actors[1 + number % 20]
        yield _stored(at=now - timedelta(seconds=count - number)) | {
            **actor,
            **acts[action],
            **thing,
            **same,
        }


def pages_of_the_log(middle: Video) -> dict[str, str]:
    """Addresses by their names in the table."""
    from django.urls import reverse

    from siteconfig.models import AuditEntry

    log = reverse("admin:siteconfig_auditentry_changelist")
    newest = AuditEntry.objects.values_list("pk", flat=True)[0]
    return {
        "audit log": log,
        "audit log, half-way": f"{log}?before={newest // 2}",
        "audit log, an action": f"{log}?action=video.hide",
        "audit log, a rare action": f"{log}?action={RARE_ACTION}",
        "audit log, by who": f"{log}?who=staff",
        "audit log, by who and action": f"{log}?who=member_3&action=comment.delete",
        "audit log, search": f"{log}?q=b",
        "audit log, search for a name": f"{log}?{urlencode({'q': middle.title})}",
        "audit log, days": f"{log}?since=2025-12-31&until=2026-01-01",
    }
