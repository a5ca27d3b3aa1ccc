"""docs/operations.md: every command in it is run by a test, and its examples are valid."""

from __future__ import annotations

import configparser
import io
import os
import pwd
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.core import mail
from django.core.management import call_command

from accounts.models import AuthenticatorApp, User
from siteconfig import doctor
from siteconfig.models import Config, DoctorRun
from siteconfig.roots import MARKER, unavailable_roots
from tests import operations
from tests.accounts.second_factors import make_app
from tests.builders import make_admin, make_video
from tests.operations import (
    PYTHON,
    blocks,
    commands,
    commands_run_by_tests,
    documented,
)
from tests.parts import require
from tests.processes import ROOT, free_port
from tests.setting_names import setting_names
from tests.test_settings_documented import ELSEWHERE
from tests.videos.stored_videos import set_aside_files
from videos.models import Video
from videos.services.set_aside import set_aside
from videos.services.stored_files import StoredFile

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_django import Settings

LANGUAGES = {"sh", "env", "nginx", "ini"}


def test_every_command_is_run_by_a_test() -> None:
    run = commands_run_by_tests()
    assert commands() - run.keys() == set(), "no test runs these"
    assert run.keys() - commands() == set(), "the document does not have these any more"


DOCUMENT = """
Say `scripts/run` or `manage.py doctor --deep`, but not `PORT`, `SEED=none` or `temp/`.

```sh
PORT=8001 scripts/run      # with a comment
curl "http://127.0.0.1#a"
```
```env
HOST=0.0.0.0
```
"""
TESTS = """
def helper(clone):
    run_command(clone, "by a helper")
    run(clone, "not by a runner")

def test_it(clone):
    helper(clone)
    documented("by a test")
    # documented("in a comment")

def nobody_calls_it(clone):
    run_command(clone, "by nobody")
"""


def test_commands_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operations, "DOCUMENT", tmp_path / "operations.md")
    operations.DOCUMENT.write_text(DOCUMENT)
    assert commands() == {
        "scripts/run",
        ".venv/bin/python manage.py doctor --deep",
        "PORT=8001 scripts/run",
        'curl "http://127.0.0.1#a"',
    }
    monkeypatch.setattr(operations, "ROOT", tmp_path)
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/test_it.py").write_text(TESTS)
    test = "tests/test_it.py::test_it"
    assert commands_run_by_tests() == {"by a helper": test, "by a test": test}


def test_no_command_hides_in_another_kind_of_block() -> None:
    assert {block.language for block in blocks()} == LANGUAGES


def test_examples_of_settings_name_settings() -> None:
    lines = [line for block in blocks() if block.language == "env" for line in block.text.split()]
    assert lines
    assert {line.partition("=")[0] for line in lines} <= setting_names() | ELSEWHERE


@pytest.mark.parametrize("document", ["README.md", "docs/operations.md", "docs/configuration.md"])
def test_links_lead_somewhere(document: str) -> None:
    path = ROOT / document
    for target, anchor in re.findall(r"\]\(([^)#:]*)(#[^)]+)?\)", path.read_text()):
        file = path.parent / target if target else path
        assert file.exists(), target
        if anchor:
            assert anchor in anchors(file), f"{target}{anchor}"


def anchors(document: Path) -> set[str]:
    """Of its headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {
        "#" + re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings
    }


# -- commands of manage.py -------------------------------------------------------------------------


def call_documented(command: str, replace: Mapping[str, str] | None = None) -> str:
    """What a command of manage.py prints, run in this process with its arguments as in a shell."""
    python, manage, name, *arguments = shlex.split(documented(command, replace))
    assert (python, manage) == (PYTHON, "manage.py")
    out = io.StringIO()
    call_command(name, *arguments, stdout=out, stderr=out)
    return out.getvalue()


@pytest.mark.django_db
def test_the_second_factor_of_the_only_admin_is_reset() -> None:
    make_app(make_admin("root"))
    said = call_documented(".venv/bin/python manage.py reset_second_factor NAME", {"NAME": "root"})
    assert "of root reset" in said
    assert not AuthenticatorApp.objects.exists()


@pytest.mark.django_db
def test_commands_for_the_first_admin_and_for_demo_content() -> None:
    call_documented(".venv/bin/python manage.py migrate")
    assert "/register/" in call_documented(".venv/bin/python manage.py setup_link")
    admin = make_admin(is_sample=True)
    make_video(uploader=admin, is_sample=True)
    assert "1 video" in call_documented(".venv/bin/python manage.py remove_samples")
    assert not Video.objects.exists()
    assert User.objects.get() == admin, "the only one"
    assert "1 member" in call_documented(".venv/bin/python manage.py remove_samples --all")
    assert not User.objects.exists()
    assert "no issues" in call_documented(".venv/bin/python manage.py check")


@pytest.mark.django_db
def test_commands_for_storage_roots(media: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (media / "temp" / MARKER).unlink()
    said = call_documented(".venv/bin/python manage.py mark_root")
    assert said.startswith(f"temp: {media}/temp has no marker")
    call_documented(".venv/bin/python manage.py mark_root temp")
    assert unavailable_roots() == {}
    before = Config.objects.get().site_id
    monkeypatch.setattr("sys.stdin", io.StringIO("yes\n"))
    call_documented(".venv/bin/python manage.py new_site_id")
    assert Config.objects.get().site_id != before


@pytest.mark.django_db
def test_commands_for_files_that_were_set_aside(media: Path) -> None:
    path = media / "videos" / "stray.mp4"
    path.write_bytes(b"video")
    stray = StoredFile("videos", path.name)
    assert set_aside(stray, why="No row names it.")
    assert path.name in call_documented(".venv/bin/python manage.py restore_set_aside")
    call_documented(".venv/bin/python manage.py restore_set_aside NAME", {"NAME": path.name})
    assert path.is_file()
    assert set_aside(stray, why="No row names it.")
    said = call_documented(".venv/bin/python manage.py prune_set_aside --older-than 30")
    assert "Deleted 0 files" in said
    assert len(set_aside_files()) == 1


@pytest.mark.django_db
def test_the_command_that_prunes_the_audit_log() -> None:
    said = call_documented(".venv/bin/python manage.py prune_audit_log --yes")
    assert said == "No entry is older than 730 days.\n"


@pytest.mark.django_db
def test_commands_of_the_doctor(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DOCTOR_LOG = tmp_path / "doctor.log"
    video = make_video()
    video.file_path.write_bytes(b"video")
    no_thumbnail = f"The video {video.short_id} has no thumbnail."
    with pytest.raises(SystemExit, match="1"):
        call_documented(".venv/bin/python manage.py doctor")
    assert no_thumbnail in str(DoctorRun.objects.get().findings)
    only = {"thumbnails": doctor._checks["thumbnails"]}  # all of them take a second
    monkeypatch.setattr(doctor, "_checks", only)
    with pytest.raises(SystemExit, match="1"):
        call_documented(".venv/bin/python manage.py doctor --fix")
    video.refresh_from_db()
    assert video.thumbnail_wanted_at is not None
    run = DoctorRun.objects.latest("pk").key
    said = call_documented(".venv/bin/python manage.py doctor --undo RUN", {"RUN": run})
    assert said.startswith("Undone: ")


@pytest.mark.django_db
def test_commands_for_search_and_mail() -> None:
    make_video("Holidays")
    assert "1 video" in call_documented(".venv/bin/python manage.py rebuild_search")
    call_documented(".venv/bin/python manage.py sendtestemail you@example.org")
    assert [message.to for message in mail.outbox] == [["you@example.org"]]


# -- nginx and systemd -----------------------------------------------------------------------------


@pytest.mark.nginx
def test_nginx_accepts_its_configuration(tmp_path: Path) -> None:
    """All of it, with TLS. For answers through it see tests/videos/nginx.py."""
    server, files = (block.text for block in blocks() if block.language == "nginx")
    certificate, key = make_certificate(tmp_path)
    for old, new in {
        "    location / {": f"{files}\n    location / {{",
        "/etc/letsencrypt/live/clips.example.org/fullchain.pem": certificate,
        "/etc/letsencrypt/live/clips.example.org/privkey.pem": key,
        # Testing a configuration binds its addresses.
        "listen 443 ssl;": f"listen 127.0.0.1:{free_port()} ssl;",
        "listen 80;": f"listen 127.0.0.1:{free_port()};",
    }.items():
        assert server.count(old) == 1, old
        server = server.replace(old, str(new))
    (tmp_path / "nginx.conf").write_text(
        f"pid {tmp_path}/pid; events {{}} http {{ access_log off; {server} }}"
    )
    command = [require("nginx"), "-t", "-e", "stderr", "-c", str(tmp_path / "nginx.conf")]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "[warn]" not in done.stderr


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate that nobody trusts, and its key."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    command = [require("openssl"), "req", "-x509", "-newkey", "ec", "-nodes", "-days", "1"]
    options = ["-pkeyopt", "ec_paramgen_curve:prime256v1", "-subj", "/CN=clips.example.org"]
    subprocess.run(
        [*command, *options, "-keyout", key, "-out", certificate], check=True, capture_output=True
    )
    return certificate, key


def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    """Where systemd is not installed, the unit is only parsed."""
    [unit] = (block.text for block in blocks() if block.language == "ini")
    parser = configparser.ConfigParser(strict=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(unit)
    assert parser.sections() == ["Unit", "Service", "Install"]
    service = parser["Service"]
    script = Path(service["ExecStart"]).relative_to(service["WorkingDirectory"])
    assert str(script) == documented("scripts/run")
    assert os.access(ROOT / script, os.X_OK)
    # 10 s are what a stop may take.
    assert int(service["TimeoutStopSec"]) > 10

    # In a folder that is the root of a system, so that nothing of this machine changes.
    units = tmp_path / "etc" / "systemd" / "system"
    units.mkdir(parents=True)
    file = units / "clipset.service"
    user = pwd.getpwuid(os.getuid()).pw_name
    unit = unit.replace("/srv/clipset", str(ROOT)).replace("User=clipset", f"User={user}")
    file.write_text(unit)
    if shutil.which("systemctl") is None:
        return
    enable = documented("systemctl enable --now clipset", {"--now": f"--root={tmp_path}"})
    subprocess.run(shlex.split(enable), check=True, capture_output=True)
    assert (units / "multi-user.target.wants" / file.name).is_symlink()
    read = documented("journalctl -u clipset", {"-u": f"--root={tmp_path} -u"})
    subprocess.run(shlex.split(read), check=True, capture_output=True)
    verify = ["systemd-analyze", "verify", "--man=no", str(file)]
    done = subprocess.run(verify, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert file.name not in done.stderr, "a warning"
