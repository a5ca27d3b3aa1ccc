"""The doctor's table: each fault is found, named rightly, mended, and the mend taken back."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import pytest
from django.db import connection

from siteconfig import doctor
from siteconfig.services.doctor import Result, run_doctor
from siteconfig.services.doctor_log import take_back
from tests.builders import make_video
from tests.examples import one_in
from tests.videos.doctor.faults import FAULTS, Fault, Site, healthy_site, state_of_the_site
from tests.videos.stored_videos import run_queue
from videos.doctor import files

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_django import Settings

pytestmark = pytest.mark.django_db

# Each asks programs or packages for a while; they have tests of their own.
SLOW = ("settings", "versions", "ffmpeg")


@pytest.fixture
def site(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    settings.DOCTOR_LOG = tmp_path / "doctor.log"
    monkeypatch.setattr(files, "MIN_AGE_SECONDS", -1)  # nobody can change when a file was made
    for name in SLOW:
        monkeypatch.delitem(doctor._checks, name)
    return healthy_site()


def named(result: Result) -> list[tuple[str, str]]:
    assert result.problem == ""
    return [(finding.check, finding.sentence) for finding in result.findings]


@pytest.mark.both_databases
def test_a_healthy_site_has_no_findings(site: Site) -> None:
    assert named(run_doctor()) == []
    assert named(run_doctor(is_fix=True, is_deep=True)) == []


def test_samples_that_only_show_processing_are_no_findings(site: Site) -> None:
    for status in ("PENDING", "PROCESSING", "FAILED"):
        make_video(status=status, is_sample=True)
    assert named(run_doctor()) == []


# What files have to do with is the same on both databases.
OF_FILES = {"missing_files", "unknown_files", "images", "small_thumbnails", "permissions"}


def marks_of(fault: Fault) -> list[pytest.MarkDecorator]:
    """Of each check one fault runs on PostgreSQL too, of the search, which has SQL of its own, all;
    the others with --long."""
    if fault.check in OF_FILES:
        return []
    first = next(other for other in FAULTS if other.check == fault.check)
    if fault is first or fault.check == "search":
        return [pytest.mark.both_databases]
    return [pytest.mark.both_databases, pytest.mark.long_on_postgresql]


@pytest.mark.parametrize(
    "fault", [pytest.param(fault, id=fault.name, marks=marks_of(fault)) for fault in FAULTS]
)
def test_a_fault_is_found_mended_and_the_mend_taken_back(site: Site, fault: Fault) -> None:
    go_through(site, [fault])


PAIRS = [
    ("thumbnail gone", "storyboard gone"),
    ("job put off", "rendition of nobody"),
    ("unknown file", "quota below what is reserved"),
    ("schedule missing", "job put off"),
    ("avatar gone", "files open to all"),
    ("original set aside", "unknown upload"),
    ("search lacks a video", "views not counted"),
]


@pytest.mark.parametrize("names", one_in(2, {" and ".join(pair): pair for pair in PAIRS}))
def test_two_faults_do_not_hide_each_other(site: Site, names: tuple[str, str]) -> None:
    go_through(site, [fault for fault in FAULTS if fault.name in names])


# Faults of the same row or file. The site's video is none that a worker could take a thumbnail of.
APART = [
    {"jobs"},
    {"schedules"},
    {"search"},
    {"jobs", "growing_renditions"},
    {"thumbnails", "small_thumbnails"},
    {"thumbnails", "removals"},
]
ALL_PAIRS = [
    (one, other)
    for one, other in combinations(FAULTS, 2)
    if {one.check, other.check} not in APART
    and not {"video gone", "long set aside"} & {one.name, other.name}
]


@pytest.mark.long
@pytest.mark.parametrize("faults", ALL_PAIRS, ids=lambda two: f"{two[0]}, {two[1]}")
def test_every_pair_of_faults(site: Site, faults: tuple[Fault, Fault]) -> None:
    go_through(site, list(faults))


def test_looking_changes_nothing(site: Site) -> None:
    for fault in FAULTS:
        if fault.name in {"unknown file", "job lost", "schedule missing", "views not counted"}:
            fault.inject(site)
    before = state_of_the_site()
    assert len(run_doctor().findings) == 4
    assert state_of_the_site() == before


def go_through(site: Site, faults: list[Fault]) -> None:
    if any(fault.only_on not in {"", connection.vendor} for fault in faults):
        pytest.skip("another database")
    for fault in faults:
        fault.inject(site)
    before = state_of_the_site()
    result = run_doctor(is_fix=True)
    found = named(result)
    for fault in faults:
        assert any(it[0] == fault.check and fault.said in it[1] for it in found), found
    assert {check for check, _ in found} == {fault.check for fault in faults}
    assert result.failed == {}
    by_hand = {fault.check for fault in faults if not fault.is_mended}
    assert {finding.check for finding in result.findings if finding.mend is None} == by_hand
    assert len(result.mended) == len([it for it in result.findings if it.mend])
    if not result.mended:
        assert state_of_the_site() == before
        return
    assert any(result.mended.values())
    said = take_back(result.key)
    assert not [line for line in said if line.startswith("Not undone")], said
    if all(fault.is_undone for fault in faults):
        assert state_of_the_site() == before
    if any(fault.is_undone for fault in faults):
        run_doctor(is_fix=True)
    if any(fault.needs_worker for fault in faults):
        run_queue()
    assert {finding.check for finding in run_doctor().findings} == by_hand
