"""manage.py doctor: exit codes, what stops it, its log, and its page in the admin."""

from __future__ import annotations

import io
import json
import os
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings as django_settings
from django.core.management import call_command
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from django.utils import timezone

from categories.models import Category
from siteconfig import doctor, doctor_checks
from siteconfig.doctor import Finding, register_doctor_check
from siteconfig.models import DoctorRun, DoctorState
from siteconfig.roots import MARKER
from siteconfig.services.doctor import KEPT_RUNS, MAX_OF_A_CHECK, run_doctor, run_requested
from siteconfig.services.doctor_log import Journal, take_back
from siteconfig.tasks import run_doctor as run_doctor_task
from tests.builders import make_admin, make_category, make_video
from tests.disks import small_disk
from tests.videos.doctor.faults import make_private
from tests.videos.stored_videos import run_queue
from videos.models import Video

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django import Settings

    from siteconfig.doctor import Look

pytestmark = pytest.mark.django_db
PAGE = "/admin/siteconfig/doctorrun/"


@pytest.fixture(autouse=True)
def quiet_site(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, media: Path
) -> None:
    settings.DOCTOR_LOG = tmp_path / "doctor.log"
    call_command("setup_schedules", stdout=io.StringIO())
    make_private()
    monkeypatch.setattr(doctor, "_checks", dict(doctor._checks))


def ask(*arguments: str) -> tuple[int, str]:
    """Runs the command. Returns the exit code and the output."""
    out = io.StringIO()
    code: Any = 0
    try:
        call_command("doctor", *arguments, stdout=out, stderr=out)
    except SystemExit as error:
        code = error.code
    return code, out.getvalue()


def only(*names: str) -> None:
    """Registers only some checks, since all of them take a second."""
    for check in doctor.doctor_checks():
        if check.name not in names:
            del doctor._checks[check.name]


@contextmanager
def monkeypatched_age() -> Iterator[None]:
    """Treats all files as old enough for the doctor."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("videos.doctor.files.MIN_AGE_SECONDS", -60)
        yield


def test_nothing_found_is_exit_code_0() -> None:
    assert ask() == (0, "Nothing found.\n")


def test_a_finding_is_exit_code_1_and_told_as_json() -> None:
    only("counters", "thumbnails")
    video = make_video()
    code, output = ask("--json")
    assert code == 1
    result_json = json.loads(output)
    (finding,) = result_json["findings"]
    assert result_json["found"] == 1
    assert result_json["problem"] is None
    assert finding["check"] == "thumbnails"
    assert finding["subject"] == video.short_id
    assert (finding["mended"], finding["mend"]) == (None, None), "its file is gone, too"


def test_a_mend_is_printed_logged_and_taken_back_by_its_run(media: Path) -> None:
    only("thumbnails")
    video = make_video()
    video.file_path.write_bytes(b"x")
    code, output = ask("--fix")
    assert code == 1
    assert f"thumbnails: The video {video.short_id} has no thumbnail." in output
    assert f"  videos {video.pk}: thumbnail_wanted_at None -> 1.0" in output
    run = DoctorRun.objects.get()
    assert f"manage.py doctor --undo {run.key}" in output
    (line,) = Path(django_settings.DOCTOR_LOG).read_text().splitlines()
    entry = json.loads(line)
    assert (entry["run"], entry["check"], entry["kind"]) == (run.key, "thumbnails", "row_changed")
    assert entry["old"] == {"thumbnail_wanted_at": None}
    code, output = ask("--undo", run.key)
    assert (code, output.startswith("Undone: videos")) == (0, True)
    video.refresh_from_db()
    assert video.thumbnail_wanted_at is None
    assert "has changed since" in ask("--undo", run.key)[1], "twice does nothing"


def test_an_unknown_run_cannot_be_taken_back() -> None:
    assert ask("--undo", "x") == (2, "The doctor's log has no changes of a run x.\n")


def test_what_changed_since_is_not_taken_back() -> None:
    video = make_video()
    Journal("run").change_row(video, view_count=5)
    Video.objects.filter(pk=video.pk).update(view_count=6)
    assert "has changed since" in take_back("run")[0]
    video.refresh_from_db()
    assert video.view_count == 6


def test_what_changed_meanwhile_is_not_mended() -> None:
    video = make_video()
    Video.objects.filter(pk=video.pk).update(view_count=6)
    Journal("run").change_row(video, view_count=5)
    video.refresh_from_db()
    assert video.view_count == 6
    assert not Path(django_settings.DOCTOR_LOG).exists()


def test_a_log_that_cannot_be_written_prevents_the_change(settings: Settings) -> None:
    settings.DOCTOR_LOG = "/proc/nowhere/doctor.log"
    video = make_video()
    with pytest.raises(OSError, match="nowhere"):
        Journal("run").change_row(video, view_count=5)
    video.refresh_from_db()
    assert video.view_count == 0


def test_a_log_that_has_no_room_for_the_whole_line_prevents_the_change(
    settings: Settings, tmp_path: Path
) -> None:
    """The disk takes a part of the line. The next entry begins on a new line."""
    video = make_video()
    settings.DOCTOR_LOG = tmp_path / "small" / "doctor.log"
    (tmp_path / "small").mkdir()
    with small_disk(tmp_path / "small", tmp_path / "beside") as disk:
        Path(settings.DOCTOR_LOG).write_bytes(b"\n" * (4096 - 10))
        with disk.full(), pytest.raises(OSError, match="No space"):
            Journal("run").change_row(video, view_count=5)
        video.refresh_from_db()
        assert video.view_count == 0
        Journal("run").change_row(video, view_count=6)
        assert take_back("run")[0].startswith("Undone")


def test_every_change_can_be_taken_back_whatever_a_name_holds() -> None:
    """For example characters that count as line ends, and bytes that are not valid UTF-8."""
    video = make_video()
    for title in ("a\u2028b", "a\x85b", "a\x0cb\x1c", "a\r\nb\udcff"):
        journal = Journal(f"run {title!a}")
        journal.log("woken", f"woken: {title}")
        journal.change_row(video, view_count=7)
        first, second = take_back(journal.run)
        assert first.startswith("Undone")
        assert "Nothing to undo" in second
        video.refresh_from_db()


def test_an_entry_that_cannot_be_taken_back_does_not_stop_the_others() -> None:
    """The log may have been edited or cut off, or may be older than the code."""
    video = make_video()
    Journal("run").change_row(video, view_count=5)
    log = Path(django_settings.DOCTOR_LOG)
    good = log.read_bytes()
    entry = json.loads(good)
    broken: list[Any] = [
        entry | changes
        for changes in (
            {"new": None},
            {"old": {"view_count": "many"}},
            {"old": {"nothing": 1}, "new": {}},
            {"pk": "x"},
            {"model": "videos.Nothing"},
            {"model": 5},
            {"kind": "set_aside", "root": "nowhere", "key": "a", "at": "2026-01-31T00:00:00+00:00"},
            {"kind": "set_aside", "root": "videos", "key": "../a", "at": "yesterday"},
            {"kind": "put_back", "root": "videos", "key": "../a"},
            {"kind": "mode", "path": None},
            {"kind": ["mode"]},
        )
    ]
    lines = b"".join(json.dumps(it).encode() + b"\n" for it in broken)
    log.write_bytes(b"\xff\n[]\n" + good + lines + good[:-20])
    output = take_back("run")
    assert len(output) == 12
    assert output[-1].startswith("Undone")
    video.refresh_from_db()
    assert video.view_count == 0


def test_a_root_without_its_marker_stops_the_doctor(media: Path) -> None:
    video = make_video()
    (media / "videos" / MARKER).unlink()
    for arguments in ([], ["--fix"], ["--json"]):
        code, output = ask(*arguments)
        assert code == 2
        assert f"The storage root 'videos' is not available: {media}/videos has no marker" in output
    assert Video.objects.filter(pk=video.pk).exists()
    run = DoctorRun.objects.first()
    assert run is not None
    assert (run.state, run.findings) == (DoctorState.STOPPED, [])


def test_a_root_that_goes_away_meanwhile_stops_it_too(media: Path) -> None:
    make_video()

    def find(_look: Look) -> Iterator[Finding]:
        (media / "videos").rename(media / "unmounted")
        yield from ()

    missing = doctor._checks["missing_files"]
    only()
    register_doctor_check("first", find)
    doctor._checks["missing_files"] = missing
    code, output = ask("--fix")
    assert code == 2
    assert "'videos' is not available" in output


def test_another_versions_database_is_the_only_finding() -> None:
    MigrationRecorder.Migration.objects.create(app="videos", name="9999_future")
    code, output = ask("--fix")
    assert code == 1
    assert output.startswith("migrations: The database belongs to a newer version of Clipset")
    assert not DoctorRun.objects.exists()


def test_settings_versions_tools_space_and_workers_are_looked_at(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.READYZ_TOKEN = "short"
    settings.FFMPEG_PATH = "no-ffmpeg"
    settings.MIN_FREE_DISK_BYTES = 2**60
    settings.HEALTH_EXPECTS_WORKERS = True
    monkeypatch.setattr(doctor_checks, "MIN_FREE_INODES", 2**62)
    monkeypatch.setattr(doctor_checks, "_pinned_versions", lambda: [("django", "1.0")])
    found = {finding.check: finding.sentence for finding in run_doctor().findings}
    assert set(found) == {"settings", "ffmpeg", "space", "workers", "inodes", "versions"}
    assert found["settings"].startswith("READYZ_TOKEN has fewer than")
    assert "no-ffmpeg was not found" in found["ffmpeg"] or "ffprobe" in found["ffmpeg"]
    assert "but requirements.txt pins 1.0." in found["versions"]


def test_a_check_that_fails_is_a_finding_and_the_others_go_on() -> None:
    def fail(_look: Look) -> Iterator[Finding]:
        yield Finding("odd", "One.")
        raise ValueError("no idea")

    only("thumbnails")
    register_doctor_check("odd", fail)
    make_video()
    found = [(it.check, it.sentence) for it in run_doctor().findings]
    assert ("odd", "This could not be checked: no idea") in found
    assert "thumbnails" in {check for check, _ in found}


def test_of_many_findings_the_first_are_kept_and_all_are_counted() -> None:
    only()
    many = MAX_OF_A_CHECK + 5
    register_doctor_check("odd", lambda _: (Finding("odd", "x", str(n)) for n in range(many)))
    result = run_doctor()
    assert (len(result.findings), result.found) == (MAX_OF_A_CHECK, many)
    assert "... and 5 more of the same kinds." in ask()[1]


def test_findings_that_cannot_be_mended_do_not_keep_others_from_their_turn() -> None:
    only()
    mended: list[str] = []
    many = [Finding("odd", "x", str(n)) for n in range(MAX_OF_A_CHECK + 5)]
    many.append(Finding("odd", "x", "mendable", "Mend it."))
    register_doctor_check("odd", lambda _: many, lambda it, _: mended.append(it.subject))
    result = run_doctor(is_fix=True)
    assert mended == ["mendable"]
    assert (len(result.findings), result.found) == (MAX_OF_A_CHECK + 1, len(many))


def test_two_do_not_run_at_once_and_a_dead_one_does_not_block() -> None:
    only()
    run = DoctorRun.objects.create(key="other", state=DoctorState.RUNNING)
    assert ask()[0] == 2
    DoctorRun.objects.filter(pk=run.pk).update(touched_at=timezone.now() - timedelta(hours=1))
    assert ask()[0] == 0
    run.refresh_from_db()
    assert (run.state, run.problem) == (
        DoctorState.STOPPED,
        "It was interrupted. Run the doctor again.",
    )


def test_a_requested_run_does_not_begin_beside_another(admin: Client) -> None:
    """The other run was started by hand while the request waited for a worker."""
    only()
    press(admin, "run")
    DoctorRun.objects.create(key="by hand", is_fix=True, state=DoctorState.RUNNING)
    run_queue()
    run = DoctorRun.objects.get(requested_by__isnull=False)
    assert run.state == DoctorState.STOPPED
    assert "The doctor is already running" in run.problem


def test_names_cannot_command_a_terminal_or_break_the_page(admin: Client, media: Path) -> None:
    """The names of categories and files may contain any characters."""
    only("unknown_files", "images")
    Category.objects.filter(pk=make_category().pk).update(
        name="\x1b]0;owned\x07\u202e<b>bold</b>", image="gone.webp"
    )
    folder = os.fsencode(media / "videos")
    ours = b"0" * 32
    for name in (b"\x1b[2Jfile\xff.mp4", ours + b"-\x1b[2J.mp4", ours + b"-\xff.mp4"):
        Path(os.fsdecode(folder + b"/" + name)).write_bytes(b"x")
    with monkeypatched_age():
        code, output = ask()
        fixed = ask("--fix")[1]
    assert code == 1
    assert "4 findings" in output
    assert "\\x1b[2Jfile" in output
    output = output.replace("\n", "")
    assert output.isprintable()
    assert fixed.replace("\n", "").isprintable()
    shown = page(admin)
    assert "\x1b" not in shown
    assert "&lt;b&gt;" in shown
    json.loads(ask("--json")[1])
    listed = io.StringIO()
    call_command("restore_set_aside", stdout=listed)
    assert listed.getvalue().replace("\n", "").isprintable()


def test_only_the_last_runs_are_kept() -> None:
    only()
    for number in range(KEPT_RUNS + 3):
        DoctorRun.objects.create(key=str(number), state=DoctorState.DONE)
    assert run_doctor_task() == 0
    assert DoctorRun.objects.count() == KEPT_RUNS


# -- the page -------------------------------------------------------------------------------------


@pytest.fixture
def admin() -> Client:
    client = Client()
    client.force_login(make_admin("root_"))
    return client


def page(client: Client) -> str:
    return client.get(PAGE).content.decode()


def press(client: Client, name: str, **data: Any) -> str:
    return client.post(f"{PAGE}{name}/", data, follow=True).content.decode()


def test_an_admin_runs_it_and_mends_what_it_found(admin: Client, media: Path) -> None:
    only("thumbnails", "counters")
    video, other = make_video("Harvest"), make_video("Winter")
    for it in (video, other):
        it.file_path.write_bytes(b"x")
    assert "The doctor has not run yet." in page(admin)
    output = press(admin, "run")
    assert "Waiting for a worker." in output
    assert f'<clip-status data-state="processing" hx-get="{PAGE}" hx-trigger="every 3s' in output
    assert '<noscript><meta http-equiv="refresh" content="5"></noscript>' in output
    assert "The doctor is already running" in press(admin, "run")
    assert "siteconfig.tasks.run_requested_doctor" in run_queue()
    output = page(admin)
    assert "2 findings" in output
    assert f"The video {video.short_id} has no thumbnail." in output
    run = DoctorRun.objects.get()

    assert "None of the selected findings can be repaired." in press(admin, "mend", run=run.pk)
    number = next(i for i, it in enumerate(run.findings) if it["subject"] == video.short_id)
    output = press(admin, "mend", run=run.pk, finding=number)
    assert ">Repair</button>" in output
    assert "Repair 1 finding" in output
    assert DoctorRun.objects.count() == 1, "it asks first"
    press(admin, "mend", run=run.pk, finding=number, confirmed="yes")
    run_queue()
    video.refresh_from_db()
    other.refresh_from_db()
    assert other.thumbnail_wanted_at is None, "only what was selected"
    output = page(admin)
    assert "1 repaired" in output
    assert "thumbnail_wanted_at None -&gt; 1.0" in output
    assert "has run again in the meantime" in press(admin, "mend", run=run.pk, all="yes")
    last = DoctorRun.objects.first()
    assert last is not None
    assert "Let a worker make one." in press(admin, "mend", run=last.pk, all="yes")


def test_a_run_that_no_worker_takes_up_does_not_stay_in_the_way(admin: Client) -> None:
    only()
    press(admin, "run")
    DoctorRun.objects.update(touched_at=timezone.now() - timedelta(minutes=6))
    assert "no worker took it up" in page(admin)
    assert "Waiting for a worker." in press(admin, "run")
    assert len(run_queue()) == 2
    assert [run.state for run in DoctorRun.objects.all()] == [DoctorState.DONE, DoctorState.STOPPED]


def test_the_page_says_why_it_could_not_run(admin: Client, media: Path) -> None:
    press(admin, "run")
    (media / "videos" / MARKER).unlink()
    run_queue()
    output = page(admin)
    assert "Could not run" in output
    assert "has no marker of this site" in output


def test_a_request_is_carried_out_once(admin: Client) -> None:
    only()
    press(admin, "run")
    run = DoctorRun.objects.get()
    run_queue()
    assert run_requested(run.pk) is None
