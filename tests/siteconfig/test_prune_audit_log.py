"""Pruning the audit log, and that its triggers survive whatever happens to the database."""

from __future__ import annotations

import io
import signal
import subprocess
import sys
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.core.management import CommandError, call_command
from django.core.management.commands import flush
from django.core.management.sql import emit_post_migrate_signal, sql_flush
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from siteconfig import doctor_checks
from siteconfig.audit_triggers import are_in_place
from siteconfig.doctor import Look
from siteconfig.models import AuditEntry, DayAlive
from siteconfig.services import audit_pruning
from siteconfig.services.config import current_config
from siteconfig.services.doctor_log import Journal
from tests.builders import live_for, make_admin
from tests.processes import ROOT, Site
from tests.siteconfig.audit_log import recorded
from videos.sample_data.remove import delete_everything

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_django import Settings

    from tests.projects import Databases

pytestmark = pytest.mark.django_db


def aged(*ages: int) -> None:
    """Adds entries of these ages in days."""
    example = recorded("video.hide", None, by=make_admin(), name="Sunset")
    now = timezone.now()
    entries = [AuditEntry.objects.get(pk=example.pk) for _ in ages]
    for entry, days in zip(entries, ages, strict=True):
        entry.pk, entry.at = None, now - timedelta(days=days, minutes=1)
    AuditEntry.objects.bulk_create(entries)


def prune(*arguments: str) -> str:
    out = io.StringIO()
    call_command("prune_audit_log", *arguments, stdout=out)
    return out.getvalue()


def ages() -> list[int]:
    now = timezone.now()
    return sorted((now - at).days for at in AuditEntry.objects.values_list("at", flat=True))


# -- Pruning --------------------------------------------------------------------------------------
def test_pruning_deletes_what_is_older_than_configured_and_says_so() -> None:
    live_for(1000)
    aged(0, 729, 730, 800)
    assert "Deleted 2 entries of the audit log" in prune("--yes")
    assert ages() == [0, 0, 0, 729]
    entry = AuditEntry.objects.latest("pk")
    assert (entry.action, entry.actor_name) == ("audit.prune", "manage.py prune_audit_log")
    assert (entry.after["entries"], entry.after["older_than_days"]) == (2, 730)
    oldest = timezone.now() - timedelta(days=800)
    assert entry.after["oldest"].startswith(f"{oldest:%Y-%m}")
    assert are_in_place(connection)


def test_the_number_of_days_is_that_of_the_configuration_or_of_the_command() -> None:
    live_for(100)
    aged(5, 20, 40)
    config = current_config()
    config.audit_log_days = 30
    config.save()
    prune("--yes")
    assert ages() == [0, 0, 5, 20]
    prune("--yes", "--older-than", "10")
    assert ages() == [0, 0, 0, 5]
    assert AuditEntry.objects.filter(action="audit.prune").count() == 2


def test_only_days_on_which_the_site_ran_count() -> None:
    live_for(5)
    aged(30)
    assert prune("--yes", "--older-than", "10") == "No entry is older than 10 days.\n"
    DayAlive.objects.all().delete()
    assert prune("--yes", "--older-than", "1") == "No entry is older than 1 day.\n"
    assert ages() == [0, 30]


def test_one_entry_tells_of_all_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_pruning, "BATCH", 3)
    live_for(100)
    aged(*range(40, 48))
    prune("--yes", "--older-than", "30")
    assert ages() == [0, 0]
    assert AuditEntry.objects.latest("pk").after["entries"] == 8


@pytest.mark.parametrize(("answer", "left"), [("yes\n", 2), ("no\n", 2), ("", 2)])
def test_it_asks_first(answer: str, left: int, monkeypatch: pytest.MonkeyPatch) -> None:
    live_for(100)
    aged(50)
    monkeypatch.setattr("sys.stdin", io.StringIO(answer))
    if answer == "yes\n":
        assert "It can't be undone" in prune("--older-than", "30")
        assert ages() == [0, 0]
    else:
        with pytest.raises(CommandError, match="Nothing was deleted"):
            prune("--older-than", "30")
        assert ages() == [0, 50]
    assert AuditEntry.objects.count() == left


@pytest.mark.parametrize("days", ["0", "-1", "36501"])
def test_a_wrong_number_of_days_is_refused(days: str) -> None:
    aged(500)
    with pytest.raises(CommandError, match="from 1 to 36,500"):
        prune("--yes", "--older-than", days)
    assert AuditEntry.objects.count() == 2


KILLED = """
import time
from django.utils import timezone
from siteconfig.services import audit_pruning
from siteconfig.models import AuditEntry
from siteconfig.actors import acting, command_actor
audit_pruning.BATCH = 4
batches = []
delete = audit_pruning._delete_batch
def hold(before):
    batches.append(delete(before))
    if len(batches) == 2:
        print("deleting", flush=True)
        time.sleep(60)
    return batches[-1]
audit_pruning._delete_batch = hold
AuditEntry.objects.bulk_create(
    AuditEntry(actor_name="x", source="site", action="video.hide") for _ in range(10)
)
with acting(lambda: command_actor("prune_audit_log")):
    audit_pruning.prune_audit_log(before=timezone.now(), older_than_days=1)
"""
AFTER = """
from django.db import DatabaseError, connection, transaction
from siteconfig.audit_triggers import are_in_place
from siteconfig.models import AuditEntry
print(AuditEntry.objects.exclude(action="audit.prune").count())
print(*[entry.after["entries"] for entry in AuditEntry.objects.filter(action="audit.prune")])
print(are_in_place(connection))
try:
    AuditEntry.objects.all().delete()
except DatabaseError as error:
    print(str(error).splitlines()[0])
"""


def test_a_pruning_that_is_killed_leaves_the_triggers_and_a_true_entry(
    databases: Databases, tmp_path: Path
) -> None:
    """It is killed in its second batch, which has deleted entries but not committed."""
    site = Site(tmp_path, DATABASE_URL=databases.migrated(tmp_path / "site.db"))
    killed = subprocess.Popen(
        [sys.executable, "manage.py", "shell", "--no-imports", "-c", KILLED],
        cwd=ROOT,
        env=site.environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert killed.stdout is not None
    with killed.stdout:
        assert killed.stdout.readline() == "deleting\n"
        killed.send_signal(signal.SIGKILL)
        killed.wait(20)
    assert site.shell(AFTER).splitlines() == ["6", "4", "True", "the audit log is append-only"]


# -- The doctor -----------------------------------------------------------------------------------
def drop_a_trigger() -> None:
    on = " ON audit_entries" if connection.vendor == "postgresql" else ""
    name = "audit_no_change" if connection.vendor == "postgresql" else "audit_no_delete"
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TRIGGER {name}{on}")


def test_the_doctor_finds_missing_triggers_and_creates_them(
    settings: Settings, tmp_path: Path
) -> None:
    settings.DOCTOR_LOG = tmp_path / "doctor.log"
    assert not [*doctor_checks.find_missing_triggers(Look())]
    drop_a_trigger()
    [finding] = doctor_checks.find_missing_triggers(Look())
    journal = Journal("run")
    journal.begin(finding)
    doctor_checks.mend_triggers(finding, journal)
    assert are_in_place(connection)
    assert journal.sentences == ["audit_entries: triggers created"]
    assert not [*doctor_checks.find_missing_triggers(Look())]


# -- What else happens to a database --------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_a_flush_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Django's own, not that of the tests, which removes the triggers first."""
    aged(1)
    with monkeypatch.context() as patch:
        patch.setattr(flush, "sql_flush", sql_flush)
        with pytest.raises(CommandError, match="couldn't be flushed"):
            call_command("flush", interactive=False, verbosity=0)
    assert AuditEntry.objects.count() == 2
    assert are_in_place(connection)


def test_a_reset_of_the_sample_data_keeps_the_log() -> None:
    aged(1)
    delete_everything()
    assert AuditEntry.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_a_migration_that_rebuilds_the_table_leaves_the_triggers() -> None:
    if connection.vendor != "sqlite":
        pytest.skip("only SQLite rebuilds tables")
    aged(1)
    with connection.schema_editor() as editor:
        editor._remake_table(AuditEntry)  # type: ignore[attr-defined] # of SQLite's
    assert not are_in_place(connection)
    emit_post_migrate_signal(verbosity=0, interactive=False, db="default")
    assert are_in_place(connection)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        AuditEntry.objects.all().delete()
    assert AuditEntry.objects.count() == 2


COPIED = """
import sys
from pathlib import Path
from django.db import connection, connections
from siteconfig.audit_triggers import are_in_place
from siteconfig.backup.database import dump_database, load_database
from siteconfig.backup.other_database import opened_dump
from siteconfig.models import AuditEntry
folder = Path({folder!r})
AuditEntry.objects.create(actor_name="x", source="site", action="video.hide")
dump_database(folder)
[copy] = folder.iterdir()
load_database(copy)
with opened_dump(copy) as alias:
    print(AuditEntry.objects.using(alias).count(), are_in_place(connections[alias]))
"""


@pytest.mark.parametrize(
    "kind",
    ["sqlite", pytest.param("postgresql", marks=[pytest.mark.postgresql, pytest.mark.long])],
)
def test_a_copy_of_the_database_has_the_triggers(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """In a backup, in the copy of an upgrade, and after both were restored."""
    databases: Databases = request.getfixturevalue(f"{kind}_databases")
    site = Site(tmp_path, DATABASE_URL=databases.migrated(tmp_path / "site.db"))
    (tmp_path / "copy").mkdir()
    assert site.shell(COPIED.format(folder=str(tmp_path / "copy"))) == "1 True"
    assert site.shell(AFTER).splitlines()[2:] == ["True", "the audit log is append-only"]
