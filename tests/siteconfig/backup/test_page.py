"""The page Backups in the admin: permissions, the text in each state, and the button."""

from __future__ import annotations

import re
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client
from django.utils import timezone
from django_q.models import OrmQ

from siteconfig.backup import running
from siteconfig.backup.errors import BackupError
from siteconfig.backup.runs import KILLED, MAX_SILENCE, RUN_LEASE, begin_run, only_one
from siteconfig.health_checks import check_backup
from siteconfig.models import AuditEntry, BackupRun, BackupState, BackupStep
from siteconfig.services import backups
from siteconfig.services.cluster_heartbeats import beat, cluster_names
from siteconfig.tasks import take_nightly_backup, take_requested_backup
from tests.builders import make_admin, make_moderator, make_user
from tests.videos.stored_videos import run_queue

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_django import DjangoAssertNumQueries, Settings

pytestmark = pytest.mark.django_db
PAGE = "/admin/siteconfig/backuprun/"
GB = 1024**3


@pytest.fixture
def set_up(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sets up backups, with running workers."""
    (tmp_path / "password").write_text("long and random")
    settings.BASE_DIR = tmp_path
    settings.BACKUP_REPOSITORY = "rest:https://bob:sec@ret@example.org/clipset"
    settings.BACKUP_PASSWORD_FILE = str(tmp_path / "password")
    # Only there: others look for other programs.
    found = SimpleNamespace(which=lambda _: "/usr/bin/restic")
    monkeypatch.setattr("siteconfig.backup.restic.shutil", found)
    for name in cluster_names():
        beat(name)


@pytest.fixture
def admin() -> Client:
    return logged_in(make_admin("root_"))


def logged_in(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def page(client: Client, query: str = "") -> str:
    return text_of(client.get(PAGE + query))


def press(client: Client) -> str:
    return text_of(client.post(f"{PAGE}run/", follow=True))


def text_of(answer: Any) -> str:
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", answer.content.decode())


def make_run(state: BackupState = BackupState.DONE, *, ago: float = 0, **fields: Any) -> BackupRun:
    """Creates a run that began `ago` hours ago."""
    at = timezone.now() - timedelta(hours=ago)
    fields = {
        "started_at": at,
        "lease_until": at + RUN_LEASE,
        "finished_at": at + timedelta(minutes=2),
    } | fields
    return BackupRun.objects.create(state=state, **fields)


def make_done(snapshot: str, *, ago: float = 0, **fields: Any) -> BackupRun:
    stored = {"bytes_total": 4 * GB, "bytes_added": GB, "files_total": 99, "videos_total": 12}
    return make_run(ago=ago, **({"snapshot_id": snapshot * 8} | stored | fields))


@pytest.mark.parametrize("method", ["get", "post"])
def test_it_is_for_admins_alone(set_up: None, method: str) -> None:
    path = PAGE if method == "get" else f"{PAGE}run/"
    for user, status in (
        (None, 302),
        (make_user(), 302),
        (make_moderator(), 403),
        (make_admin(), 200 if method == "get" else 302),
    ):
        client = logged_in(user) if user else Client()
        answer = getattr(client, method)(path)
        assert answer.status_code == status
        assert BackupRun.objects.exists() is (answer.headers.get("Location") == PAGE)
    assert Client().get(PAGE)["Location"].startswith(("/login/", "/admin/login/"))


def test_the_button_needs_a_token(set_up: None) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(make_admin())
    assert client.post(f"{PAGE}run/").status_code == 403
    assert client.get(f"{PAGE}run/").status_code == 405
    assert not BackupRun.objects.exists()


def test_not_set_up_says_what_to_do(admin: Client, settings: Settings) -> None:
    settings.BACKUP_REPOSITORY = ""
    text = page(admin)
    assert "Backups are not set up." in text
    assert "BACKUP_REPOSITORY=/mnt/backup/clipset BACKUP_PASSWORD_FILE=" in text
    assert "docs/operations.md" in text
    assert "Back up now" not in text
    assert "BACKUP_REPOSITORY is not set" in press(admin)
    assert not BackupRun.objects.exists()


def test_a_missing_password_file_takes_the_place_of_the_button(
    set_up: None, admin: Client, settings: Settings
) -> None:
    settings.BACKUP_PASSWORD_FILE = "/nowhere/password"
    text = page(admin)
    assert "password file /nowhere/password does not exist. Create it" in text
    assert "Back up now" not in text
    assert "password file /nowhere/password does not exist" in press(admin)


def test_none_yet(set_up: None, admin: Client) -> None:
    text = page(admin)
    assert "There is no backup yet." in text
    assert "It is due and begins within the hour." in text
    assert "Back up now" in text
    assert "clip-status" not in text


def test_the_last_one_the_list_and_the_commands(
    set_up: None, admin: Client, settings: Settings
) -> None:
    """Two backups are stored and have rows, one is from another database, one was removed."""
    settings.BACKUP_HOUR = 0
    make_done("dddddddd", ago=72)
    old = make_done("cccccccc", ago=50, videos_total=7, snapshot_id="cccccccc")  # restic 0.14
    new = make_done("bbbbbbbb")
    found = [(new.snapshot_id, new), ("aaaaaaaa" * 8, old), ("cccccccc" * 8, old)]
    new.stored = [{"id": each, "time": run.started_at.isoformat()} for each, run in found]
    new.save()
    text = page(admin)
    assert "4 GB in 12 videos and 99 files, 1 GB of it new. It took 2 minutes" in text
    assert re.findall(r"<code>([a-d]{8})</code>", text) == ["bbbbbbbb", "aaaaaaaa", "cccccccc"]
    assert re.findall(r"<td>(\d+|–)</td>\s*<td>", text) == ["12", "–", "–", "7"]
    assert "scripts/restore bbbbbbbb --video SHORT_ID" in text
    assert "ret@example" not in text
    assert "rest:https://bob:***@example.org/clipset" in text
    assert "scripts/restore cccccccc --rehearse" in page(admin, "?backup=cccccccc")
    assert "scripts/restore bbbbbbbb --rehearse" in page(admin, "?backup=dddddddd")


def test_what_was_stored_since_the_last_list_is_listed(set_up: None, admin: Client) -> None:
    """One backup's check failed, and a restored site knows only the id of its own."""
    make_done("aaaaaaaa", ago=30, stored=[{"id": "a" * 64, "time": "2026-01-01T00:00:00+00:00"}])
    make_run(ago=20, snapshot_id="b" * 64)
    make_run(BackupState.FAILED, ago=10, snapshot_id="c" * 64, error="The check found damage.")
    text = page(admin)
    assert re.findall(r"<code>([a-d]{8})</code>", text) == ["cccccccc", "bbbbbbbb", "aaaaaaaa"]
    assert "The check found damage. The backup itself was stored." in text


def test_the_last_failure_says_whether_it_worked_since(set_up: None, admin: Client) -> None:
    make_run(BackupState.FAILED, ago=5, error="The disk is away. Mount it.")
    assert "Last attempt" in page(admin)
    assert "The disk is away. Mount it." in page(admin)
    make_done("aaaaaaaa", ago=1)
    text = page(admin)
    assert "Last attempt" not in text
    assert "The disk is away. Mount it. Later backups succeeded." in text


def test_health_names_a_failure_only_where_it_came_last(set_up: None) -> None:
    assert (
        check_backup().summary
        == "There is no backup yet. Take one on the page Backups in the admin."
    )
    make_run(BackupState.FAILED, ago=90, error="The disk is away.")
    assert check_backup().summary.endswith("The last attempt failed: The disk is away.")
    make_done("aaaaaaaa", ago=40)
    assert check_backup().summary.endswith("UTC. Take one on the page Backups in the admin.")
    assert not check_backup().is_well


def make_running(*, silent: timedelta = timedelta(0), **fields: Any) -> BackupRun:
    lease = timezone.now() - silent + RUN_LEASE
    return make_run(
        BackupState.RUNNING,
        lease_until=lease,
        finished_at=None,
        bytes_done=GB,
        bytes_total=4 * GB,
        **{"step": BackupStep.FILES, **fields},
    )


def test_a_running_one_shows_its_progress_and_is_asked_again(set_up: None, admin: Client) -> None:
    make_running(seconds_left=300)
    text = page(admin)
    assert f'max="{4 * GB}" value="{GB}"' in text
    assert "Storing files.</strong> 1 GB of 4 GB, about 5 minutes left." in text
    poll = f'hx-get="{PAGE}" hx-trigger="every 3s, refresh"'
    assert f'<clip-status data-state="processing" {poll}' in text
    assert '<noscript><meta http-equiv="refresh" content="5"></noscript>' in text
    assert "Back up now" not in text
    BackupRun.objects.update(step=BackupStep.CHECK)
    assert "Checking what is stored." in page(admin)
    assert "1 GB of 4 GB" not in page(admin)
    assert "A backup is already running." in press(admin)
    assert BackupRun.objects.count() == 1


@pytest.mark.parametrize(
    ("silent", "step", "is_alive"),
    [
        (MAX_SILENCE - timedelta(seconds=9), BackupStep.FILES, True),
        (MAX_SILENCE + timedelta(seconds=1), BackupStep.FILES, False),
        # The row is not written while the database is copied.
        (MAX_SILENCE + timedelta(seconds=9), BackupStep.DATABASE, True),
        (RUN_LEASE + timedelta(seconds=1), BackupStep.DATABASE, False),
        # The clock was ahead.
        (-timedelta(days=1), BackupStep.FILES, False),
    ],
)
def test_a_killed_one_is_not_shown_as_running(
    set_up: None, admin: Client, silent: timedelta, step: BackupStep, is_alive: bool
) -> None:
    make_running(silent=silent, step=step)
    text = page(admin)
    assert ("Backup running" in text) is is_alive
    assert ("was interrupted" in text) is not is_alive
    assert ("Back up now" in text) is not is_alive
    assert ("It begins as soon as a worker is free" in press(admin)) is not is_alive


def taking(monkeypatch: pytest.MonkeyPatch, take: Callable[[], object]) -> None:
    """Replaces the steps of a backup by a function."""
    monkeypatch.setattr(running, "_take", lambda *_: take())


def test_an_admin_backs_up_now(
    set_up: None, admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    taking(monkeypatch, lambda: None)
    assert "It begins as soon as a worker is free" in press(admin)
    [task] = OrmQ.objects.all()
    assert task.key == "transcode"
    assert "A backup is already waiting for a worker." in press(admin)
    assert OrmQ.objects.count() == 1
    run = BackupRun.objects.get()
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.object_id) == ("backup.request", str(run.pk))
    assert run_queue() == [backups.TASK]
    run.refresh_from_db()
    assert run.state == BackupState.DONE
    assert run.requested_by is not None
    assert run.requested_by.username == "root_"
    assert take_requested_backup() is False, "once"
    assert "Back up now" in page(admin)


def test_a_request_whose_wake_up_was_lost_is_met_by_the_next_backup(
    set_up: None, admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    taking(monkeypatch, lambda: None)
    make_done("aaaaaaaa")  # the nightly one has been taken
    assert take_nightly_backup() is False
    press(admin)
    OrmQ.objects.all().delete()
    assert take_nightly_backup() is True
    assert not BackupRun.objects.filter(state=BackupState.WAITING).exists()
    assert take_nightly_backup() is False


def test_a_request_waits_on_while_another_backup_is_taken(set_up: None, admin: Client) -> None:
    """The other process has not written its row for so long that it counted as killed."""
    press(admin)
    with only_one():
        assert take_requested_backup() is False
        assert take_nightly_backup() is False
    assert BackupRun.objects.get().state == BackupState.WAITING


def test_a_request_that_fails_says_why(
    set_up: None, admin: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise BackupError("The repository is full. Make room in it.")

    taking(monkeypatch, fail)
    press(admin)
    run_queue()
    assert "The repository is full. Make room in it." in page(admin)
    # Backups are no longer set up when the worker runs the task.
    press(admin)
    settings.BACKUP_REPOSITORY = ""
    run_queue()
    assert not BackupRun.objects.filter(state=BackupState.WAITING).exists()


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (
            OSError(28, "No space left on device"),
            "There is not enough space for the copy of the database",
        ),
        (KeyboardInterrupt(), "The backup was stopped by hand."),
        (OSError(5, "Input/output error"), "The backup failed (Input/output error). See the logs"),
        (ValueError("x"), "The backup failed (ValueError). See the logs in data/log"),
    ],
)
def test_each_failure_says_what_to_do(
    set_up: None,
    admin: Client,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    sentence: str,
) -> None:
    def fail() -> None:
        raise error

    taking(monkeypatch, fail)
    with pytest.raises(type(error)):
        running.run_backup()
    assert sentence in page(admin)


def test_waiting_without_workers_says_so(
    set_up: None, admin: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "siteconfig.backup.overview.cluster_ages", lambda: dict.fromkeys(cluster_names())
    )
    assert "It is due, but no worker is running." in page(admin)
    assert "No worker is running." in press(admin)


def test_the_next_one_ends_what_was_killed_and_says_so(set_up: None, admin: Client) -> None:
    killed = make_running(silent=RUN_LEASE)
    begin_run()
    killed.refresh_from_db()
    assert (killed.state, killed.error) == (BackupState.FAILED, KILLED)


def test_the_number_of_queries_does_not_grow(
    set_up: None, admin: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    runs = [make_done(f"{number:08}", ago=24 * number) for number in range(40, 0, -1)]
    runs[-1].stored = [
        {"id": run.snapshot_id, "time": run.started_at.isoformat()} for run in reversed(runs)
    ]
    runs[-1].save()
    with django_assert_max_num_queries(14):
        page(admin)
