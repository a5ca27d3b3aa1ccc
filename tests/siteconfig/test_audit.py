"""The audit log: what is recorded, and that the database refuses to change it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import RequestFactory

from clipset.middleware import NameActor
from siteconfig.actors import Actor, acting, acting_as_command, current_actor
from siteconfig.audit_triggers import are_in_place, create_triggers, without_triggers
from siteconfig.enums import Source
from siteconfig.models import AuditEntry
from siteconfig.services.audit import record, record_by_staff
from siteconfig.services.config import current_config
from tests.builders import make_admin, make_user

if TYPE_CHECKING:
    from django.http import HttpRequest

pytestmark = pytest.mark.django_db

COPY = "INSERT INTO audit_entries SELECT * FROM audit_entries WHERE true"
NEW_ID = "INTO audit_entries (id, COLUMNS) SELECT id + 1, COLUMNS FROM audit_entries WHERE true"

MODERATOR = Actor(uuid4(), "carol", Source.SITE, is_staff=True, address="192.0.2.7")


def entry() -> AuditEntry:
    with acting(lambda: MODERATOR):
        made = record("config.change", current_config(), before={"a": 1}, after={"a": 2})
    assert made is not None
    return made


def refused(sql: str) -> None:
    """Asserts that the database refuses a statement because of the triggers."""
    with (
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql)


def test_an_entry_says_who_what_and_from_where() -> None:
    made = AuditEntry.objects.get(pk=entry().pk)
    assert (made.actor_name, made.actor_id, made.address) == ("carol", MODERATOR.id, "192.0.2.7")
    assert (made.source, made.action, made.object_kind) == ("site", "config.change", "config")
    assert (made.object_id, made.object_name) == ("1", "Configuration")
    assert (made.before, made.after) == ({"a": 1}, {"a": 2})


def test_nothing_is_recorded_without_an_actor() -> None:
    assert record("config.change", current_config()) is None
    assert not AuditEntry.objects.exists()


def test_acts_of_staff_on_their_own_things_are_not_recorded() -> None:
    with acting(lambda: MODERATOR):
        assert record_by_staff("video.edit", current_config(), owner=MODERATOR.id) is None
        assert record_by_staff("video.edit", current_config(), owner=uuid4(), rank=0) is not None


def test_acts_of_members_are_not_recorded_as_those_of_staff() -> None:
    member = Actor(uuid4(), "alice", Source.SITE, is_staff=False)
    with acting(lambda: member):
        assert record_by_staff("comment.delete", current_config(), owner=uuid4(), rank=0) is None


@pytest.mark.parametrize(
    ("address", "source"), [("/v/abc/", Source.SITE), ("/admin/videos/video/", Source.ADMIN)]
)
def test_the_member_of_a_request_acts(address: str, source: Source) -> None:
    admin = make_admin()
    seen: list[Actor | None] = []

    def view(_request: HttpRequest) -> None:
        seen.append(current_actor())

    request = RequestFactory().get(address)
    request.user = admin
    NameActor(view)(request)  # type: ignore[arg-type] # the response is not looked at
    assert seen == [Actor(admin.pk, admin.username, source, is_staff=True, address="127.0.0.1")]
    assert current_actor() is None


def test_a_command_acts_but_a_worker_does_not() -> None:
    with acting_as_command(["manage.py", "seed_clipset"]):
        actor = current_actor()
        assert actor is not None
        assert (actor.name, actor.source) == ("manage.py seed_clipset", Source.COMMAND)
    with acting_as_command(["manage.py", "qcluster"]):
        assert current_actor() is None


def test_the_orm_cannot_change_or_delete_entries() -> None:
    made = entry()
    for change in (
        lambda: AuditEntry.objects.update(reason="another"),
        lambda: AuditEntry.objects.all().delete(),
        made.delete,
        made.save,
        lambda: AuditEntry.objects.bulk_create(
            [AuditEntry(pk=made.pk, actor_name="x", source="site")],
            update_conflicts=True,
            update_fields=["actor_name"],
            unique_fields=["id"],
        ),
    ):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            change()
    assert AuditEntry.objects.get().reason == ""


def test_sql_cannot_change_or_delete_entries() -> None:
    entry()
    refused("UPDATE audit_entries SET reason = 'another'")
    refused("DELETE FROM audit_entries")
    refused(f"{COPY} ON CONFLICT (id) DO UPDATE SET reason = 'another'")
    if connection.vendor == "postgresql":
        refused("TRUNCATE audit_entries")
    else:
        refused(COPY.replace("INSERT", "INSERT OR REPLACE"))
        refused(COPY.replace("INSERT", "REPLACE"))
    assert AuditEntry.objects.get().reason == ""


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL knows no REPLACE")
@pytest.mark.parametrize("recursive_triggers", [0, 1])
@pytest.mark.parametrize(
    "sql",
    [
        COPY.replace("INSERT", "REPLACE"),
        COPY.replace("INSERT", "INSERT OR REPLACE"),
        f"{COPY} ON CONFLICT (id) DO UPDATE SET reason = 'another'",
        "UPDATE OR REPLACE audit_entries SET undoes = 7",
        # A new id, but the undo of the same entry, which is unique as well.
        f"REPLACE {NEW_ID}",
        f"INSERT OR REPLACE {NEW_ID}",
        f"INSERT {NEW_ID} ON CONFLICT (undoes) WHERE undoes IS NOT NULL DO UPDATE SET reason = 'x'",
    ],
)
def test_a_plain_connection_to_sqlite_cannot_replace_entries(
    sql: str, recursive_triggers: int
) -> None:
    with acting(lambda: MODERATOR):
        record("config.change", current_config(), undoes=7)
    columns = [field.column for field in AuditEntry._meta.concrete_fields if field.name != "id"]
    with closing(sqlite3.connect(":memory:")) as plain:
        copy_log_to(plain)
        plain.execute(f"PRAGMA recursive_triggers = {recursive_triggers}")
        log = plain.execute("SELECT * FROM audit_entries").fetchall()
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            plain.execute(sql.replace("COLUMNS", ", ".join(columns)))
        assert plain.execute("SELECT * FROM audit_entries").fetchall() == log


def copy_log_to(plain: sqlite3.Connection) -> None:
    """Copies the table with its indexes, triggers and rows."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sql FROM sqlite_master WHERE tbl_name = 'audit_entries' AND sql IS NOT NULL"
            " ORDER BY type = 'table' DESC"
        )
        for (sql,) in cursor.fetchall():
            plain.execute(sql)
        cursor.execute("SELECT * FROM audit_entries")
        for row in cursor.fetchall():
            places = ", ".join("?" * len(row))
            plain.execute(f"INSERT INTO audit_entries VALUES ({places})", row)  # noqa: S608 no input


@pytest.mark.skipif(connection.vendor != "postgresql", reason="for SQLite see above")
def test_a_plain_connection_to_postgresql_cannot_change_entries() -> None:
    with closing(connection.get_new_connection(connection.get_connection_params())) as plain:
        for sql in (
            f"{COPY} ON CONFLICT (id) DO UPDATE SET reason = 'another'",
            "UPDATE audit_entries SET reason = 'another'",
            "DELETE FROM audit_entries",
            "TRUNCATE audit_entries",
        ):
            with pytest.raises(Exception, match="append-only"):
                plain.execute(sql)
            plain.rollback()


def prune_and_fail() -> None:
    with without_triggers():
        AuditEntry.objects.all().delete()
        raise ZeroDivisionError


def test_triggers_are_restored_after_pruning_and_after_a_crash_of_it() -> None:
    entry()
    with without_triggers():
        AuditEntry.objects.all().delete()
    assert are_in_place(connection)
    entry()
    with pytest.raises(ZeroDivisionError):
        prune_and_fail()
    assert AuditEntry.objects.count() == 1
    assert are_in_place(connection)


def test_migrate_creates_triggers_that_are_missing() -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("DROP TRIGGER audit_no_change ON audit_entries")
        else:
            cursor.execute("DROP TRIGGER audit_no_delete")
    assert not are_in_place(connection)
    create_triggers()
    assert are_in_place(connection)


def test_a_visitor_is_no_actor() -> None:
    make_user()
    assert current_actor() is None
