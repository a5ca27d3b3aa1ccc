"""/healthz and /readyz, when all is well and when each part is not."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from django.utils import timezone
from django_q.models import Schedule

from clipset.workers.pulse import BEAT_SECONDS
from clipset.workers.task_queue import ensure_schedule
from siteconfig import health
from siteconfig.health import Health, register_health_check
from siteconfig.models import ClusterHeartbeat, Config
from siteconfig.places import SETTINGS
from siteconfig.services.cluster_heartbeats import (
    FORGOTTEN_AFTER,
    STALE_SECONDS,
    beat,
    cluster_ages,
    forget_old_heartbeats,
)
from tests.builders import make_admin, make_user, make_video
from videos.services.processing.jobs import add_job
from videos.services.trash import restore_video, trash_video

if TYPE_CHECKING:
    from pytest_django import DjangoAssertNumQueries, Settings

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.both_databases,
    pytest.mark.long_on_postgresql,
]

CLUSTERS = ("clipset", "transcode")
TOKEN = "a-token-of-a-monitor-0123456789"


@pytest.fixture(autouse=True)
def with_workers(settings: Settings) -> None:
    settings.HEALTH_EXPECTS_WORKERS = True
    settings.READYZ_TOKEN = TOKEN
    for cluster in CLUSTERS:
        beat(cluster)


def healthz() -> tuple[int, str]:
    answer = Client().get("/healthz")
    return answer.status_code, answer.content.decode()


def readyz(**headers: str) -> Any:
    return Client().get("/readyz", headers={"Authorization": f"Bearer {TOKEN}"} | headers)


def set_age(cluster: str, seconds: float) -> None:
    then = timezone.now() - timedelta(seconds=seconds)
    ClusterHeartbeat.objects.filter(cluster=cluster).update(beat_at=then)


def test_a_site_that_is_well_says_so_in_five_queries(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    assert healthz() == (200, "ok")
    with django_assert_num_queries(5):
        healthz()
    answer = readyz()
    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"
    assert set(answer.json()["checks"]) >= {
        *("database", "migrations", "workers", "roots", "database_space"),
        *("space", "backup", "jobs", "schedules", "trash"),
    }


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_a_cluster_that_is_silent_for_90_seconds_is_told(cluster: str) -> None:
    assert (BEAT_SECONDS, STALE_SECONDS) == (20, 90)
    set_age(cluster, STALE_SECONDS - 5)
    assert healthz() == (200, "ok")
    set_age(cluster, STALE_SECONDS + 1)
    assert healthz() == (503, "not well")
    workers = readyz().json()["checks"]["workers"]
    assert not workers["ok"]
    assert cluster in workers["summary"]
    # A clock that was ahead proves nothing; it is not believed until then.
    set_age(cluster, -3600)
    assert healthz() == (503, "not well")
    beat(cluster)
    assert healthz() == (200, "ok")


def test_a_cluster_that_never_beat_is_told_and_one_on_another_host_counts() -> None:
    ClusterHeartbeat.objects.filter(cluster="clipset").delete()
    assert cluster_ages()["clipset"] is None
    assert healthz() == (503, "not well")
    for host, seconds in (("old", 5000), ("new", 1)):
        then = timezone.now() - timedelta(seconds=seconds)
        ClusterHeartbeat.objects.create(cluster="clipset", host=host, beat_at=then)
    assert healthz() == (200, "ok")


def test_hosts_that_are_gone_are_forgotten_and_a_beat_is_one_row() -> None:
    set_age("transcode", FORGOTTEN_AFTER.total_seconds() + 60)
    for _ in range(3):
        beat("clipset")
    forget_old_heartbeats()
    assert ClusterHeartbeat.objects.get().cluster == "clipset"


def test_a_site_that_starts_the_web_alone_says_so(settings: Settings) -> None:
    ClusterHeartbeat.objects.all().delete()
    assert healthz() == (503, "not well")
    settings.HEALTH_EXPECTS_WORKERS = False
    assert healthz() == (200, "ok")


def test_another_version_of_the_database_is_told() -> None:
    recorder = MigrationRecorder(connection)
    recorder.record_applied("videos", "9999_from_the_future")
    assert healthz() == (503, "not well")
    assert "videos.9999_from_the_future" in readyz().json()["checks"]["migrations"]["summary"]
    recorder.record_unapplied("videos", "9999_from_the_future")
    recorder.record_unapplied("accounts", "0001_initial")
    assert (
        "does not have accounts.0001_initial" in readyz().json()["checks"]["migrations"]["summary"]
    )


def test_a_folder_that_is_not_there_is_told(settings: Settings) -> None:
    shutil.rmtree(settings.ORIGINAL_STORAGE_PATH)
    assert healthz() == (503, "not well")
    assert readyz().json()["checks"]["roots"]["away"].keys() == {"originals"}


def test_a_database_that_is_not_set_up_or_does_not_answer_is_told() -> None:
    Config.objects.all().delete()
    assert healthz() == (503, "not well")
    with connection.execute_wrapper(gone):
        assert healthz() == (503, "not well")
        checks = readyz().json()["checks"]
    assert checks["database"]["summary"] == "The database does not answer."
    assert not checks["jobs"]["ok"]
    assert checks["space"]["summary"]


def gone(*_: Any) -> Any:
    from django.db import OperationalError

    raise OperationalError("the server closed the connection")


def test_what_is_late_or_scarce_is_told_and_no_reason_to_call_the_site_down(
    settings: Settings,
) -> None:
    settings.MIN_FREE_DISK_BYTES = 2**62
    ensure_schedule("look after jobs", "videos.tasks.look_after_jobs", minutes=1)
    Schedule.objects.update(next_run=timezone.now() - timedelta(minutes=10))
    job = add_job(video=make_video())
    job.run_after = timezone.now() - timedelta(hours=2)
    job.save()
    answer = readyz()
    assert answer.status_code == 200
    checks = answer.json()["checks"]
    assert {name for name, it in checks.items() if not it["ok"]} == {"space", "schedules", "jobs"}
    assert checks["jobs"]["oldest_due_seconds"] >= 7200
    assert checks["schedules"]["late_seconds"]["look after jobs"] >= 600
    assert set(checks["space"]["free_bytes"]) == set(SETTINGS)
    assert healthz() == (200, "ok")


def test_a_full_disk_is_reason_to_look_into_the_trash(settings: Settings) -> None:
    bob = make_user("bob")
    video = make_video(uploader=bob, stored_bytes=3 * 1024**3)
    trash_video(video=video, by=bob)
    assert readyz().json()["checks"]["trash"]["ok"]
    settings.MIN_FREE_DISK_BYTES = 2**62
    found = readyz().json()["checks"]["trash"]
    assert not found["ok"]
    assert found["trash_bytes"] == 3 * 1024**3
    restore_video(video=video, by=bob)
    assert readyz().json()["checks"]["trash"]["ok"]


def test_details_are_for_staff_and_for_who_has_the_token(settings: Settings) -> None:
    def status(**headers: str) -> int:
        return Client().get("/readyz", headers=headers).status_code

    assert status(Authorization=f"Bearer {TOKEN}") == 200
    assert status(Authorization=f"bearer {TOKEN}") == 200
    for wrong in (f"Bearer {TOKEN}x", "Bearer ", f"Basic {TOKEN}", TOKEN, "", "Bearer \xe9"):
        assert status(Authorization=wrong) == 401
    assert status() == 302
    assert status(Accept="application/json") == 401
    settings.READYZ_TOKEN = ""
    assert status(Authorization="Bearer ") == 401
    member, staff = Client(), Client()
    member.force_login(make_user("bob"))
    staff.force_login(make_admin())
    assert member.get("/readyz").status_code == 404
    page = staff.get("/readyz", headers={"Accept": "text/html"})
    assert page.status_code == 200
    assert "The site is well" in page.content.decode()
    set_age("clipset", 1000)
    page = staff.get("/readyz", headers={"Accept": "text/html"})
    assert page.status_code == 503
    text = page.content.decode()
    assert "The site is not well" in text
    assert text.index("<dt>Workers") < text.index("<dt>Roots"), "what is wrong comes first"


def test_an_app_registers_its_own_check_and_one_that_breaks_is_unwell(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(health, "_checks", dict(health._checks))
    register_health_check("mine", lambda: Health(is_well=True, summary="Fine."), is_vital=True)
    assert healthz() == (200, "ok")

    def broken() -> Health:
        raise PermissionError(Path("/nowhere"))

    register_health_check("mine", broken, is_vital=True)
    assert healthz() == (503, "not well")
    assert readyz().json()["checks"]["mine"]["summary"].startswith("This could not be checked")
