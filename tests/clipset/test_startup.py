"""Checks of the migrations at the start, and loading of all code."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.template import TemplateDoesNotExist, engines
from django.template.loader import get_template

from clipset import startup
from siteconfig.schema import (
    WrongMigrationsError,
    known_migrations,
    migration_problem,
    refuse_newer_database,
    refuse_wrong_migrations,
)
from tests.processes import ROOT
from tests.videos import live

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_django import DjangoAssertNumQueries, Settings

NEWER = ("videos", "9999_from_the_future")


@pytest.mark.django_db
def test_a_database_of_this_code_is_right(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    known_migrations()
    with django_assert_num_queries(1):
        assert migration_problem() == ""
    refuse_wrong_migrations()


@pytest.mark.django_db
def test_a_newer_and_an_older_database_are_refused_in_words() -> None:
    recorder = MigrationRecorder(connection)
    recorder.record_unapplied("siteconfig", "0003_media_settings")
    assert "it does not have siteconfig.0003_media_settings. Stop the site" in migration_problem()
    refuse_newer_database()  # which only looks for what is unknown
    recorder.record_applied(*NEWER)
    with pytest.raises(WrongMigrationsError, match=r"does not know videos\.9999_from_the_future\."):
        refuse_newer_database()
    # Old names of a package's migrations, and removed packages, do not count as a newer version.
    recorder.record_unapplied(*NEWER)
    recorder.record_applied("siteconfig", "0003_media_settings")
    recorder.record_applied("django_q", "0001_squashed_away")
    recorder.record_applied("sessions", "0001_initial")
    refuse_wrong_migrations()


@pytest.mark.django_db(transaction=True)
def test_neither_web_nor_workers_start_on_a_newer_database(media: Path, tmp_path: Path) -> None:
    recorder = MigrationRecorder(connection)
    recorder.record_applied(*NEWER)
    try:
        port = str(live.free_port())
        environment = live.environment(media, tmp_path, HOST=live.HOST, PORT=port)
        for command in (
            ("-m", "gunicorn", "--config", "deploy/gunicorn.conf.py"),
            ("manage.py", "qcluster"),
        ):
            ended = subprocess.run(
                [sys.executable, *command],
                cwd=ROOT,
                env=environment,
                capture_output=True,
                text=True,
                timeout=30,
                check=False,
            )
            assert ended.returncode == 1, ended.stderr
            assert "does not know videos.9999_from_the_future" in ended.stderr
            assert "Traceback" not in ended.stderr
    finally:
        recorder.record_unapplied(*NEWER)


@pytest.fixture
def own_engine(settings: Settings, tmp_path: Path) -> Iterator[Path]:
    """The folder of a template engine for this test only."""
    [usual] = settings.TEMPLATES
    settings.TEMPLATES = [{**usual, "DIRS": [tmp_path], "OPTIONS": {}}]
    yield tmp_path
    engine: Any = engines["django"]
    engine.engine.template_loaders[0].reset()


def test_templates_stay_as_they_were_at_the_start(own_engine: Path) -> None:
    base = own_engine / "admin" / "base.html"
    base.parent.mkdir()
    base.write_text("{% extends 'admin/base.html' %}")  # Django's, of its own name
    page = own_engine / "page.html"
    page.write_text("old{% include 'part.html' %}")
    part = own_engine / "part.html"
    part.write_text(" part")
    startup.load_templates()
    part.write_text(" new")
    page.write_text("new {% nothing that this code knows %}")
    base.write_text("new")
    (own_engine / "added.html").write_text("new")
    assert get_template("page.html").render() == "old part"
    assert get_template("part.html").render() == " part"
    assert "<html" in get_template("admin/base.html").render()
    with pytest.raises(TemplateDoesNotExist):
        get_template("added.html")


def test_all_modules_of_the_project_are_loaded_at_the_start() -> None:
    startup.load_modules()
    on_disk = {
        ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for package in startup.OWN_PACKAGES
        for file in (ROOT / package).rglob("*.py")
        if "migrations" not in file.parts
    }
    assert len(on_disk) > 150
    assert on_disk - set(sys.modules) == set()
