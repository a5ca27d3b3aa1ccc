"""What a hostile image, which runs its own code in the decoder's place, can reach."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from clipset.lib import image_process, sandbox
from clipset.lib.image_process import run_child, why_not_python
from clipset.lib.sandbox_identity import OWN_UID
from tests.processes import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

needs_bubblewrap = pytest.mark.skipif(
    shutil.which("bwrap") is None, reason="bubblewrap is not installed"
)

HOSTILE = r"""
import ctypes, os, resource, socket, sys, threading
sys.path.append(sys.argv[-1])
secret, port, pid, site = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
def says(name, act):
    try:
        is_done = bool(act())
    except (OSError, RuntimeError, ValueError):
        is_done = False
    print(name, "DONE" if is_done else "refused")
def text(path):
    with open(path, "rb") as file:
        return file.read(1)
def make(path):
    with open(path, "wb") as file:
        return file.write(b"x")
def connected():
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as it:
        it.connect(("127.0.0.1", port))
        return True
def image():
    from PIL import Image
    return Image.new("RGB", (4, 4)).tobytes()
def thread():
    it = threading.Thread(target=lambda: None)
    it.start()
    return True
def forked():
    child = os.fork()
    if child == 0:
        os._exit(0)
    return True
def raised():
    resource.setrlimit(resource.RLIMIT_NPROC, (99, 99))
    return True
resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
says("input", lambda: sys.stdin.buffer.read() == b"picture")
says("pillow", image)
says("secret", lambda: text(secret))
says("site", lambda: set(os.listdir(site)) - {".venv", "clipset"})
says("settings", lambda: text(site + "/clipset/settings.py"))
says("packages", lambda: set(os.listdir(sys.argv[-1])) - {"PIL", "pillow.libs"})
says("passwords", lambda: text("/etc/passwd"))
says("proc", lambda: os.listdir("/proc"))
says("home", lambda: os.path.exists("/home") or os.path.exists("/var"))
says("write", lambda: make("/tmp/x"))
says("own-folder", lambda: make(os.path.dirname(sys.argv[0]) + "/x"))
says("python", lambda: make(os.path.dirname(os.__file__) + "/x.py"))
says("pillow-write", lambda: make(sys.argv[-1] + "/PIL/x.py"))
says("input-change", lambda: os.pwrite(0, b"x", 0) or os.ftruncate(0, 0))
says("network", connected)
says("signal", lambda: os.kill(pid, 9) is None)
says("root", lambda: os.getuid() == 0 or os.setuid(0) is None)
says("thread", thread)
says("limit", raised)
"""
FILTERED = """
says("fork", forked)
says("program", lambda: os.posix_spawn("/bin/true", ["true"], {}))
says("socket", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
"""
GRANTED = {"input", "pillow"}


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that every user reaches."""
    folder = Path(tempfile.mkdtemp(prefix="clipset-image-"))
    folder.chmod(0o755)
    (folder / "secret").write_text("SECRET_KEY=x")
    yield folder
    shutil.rmtree(folder)


def attack(place: Path, monkeypatch: pytest.MonkeyPatch, program: str) -> dict[str, bool]:
    """Runs a program in the decoder's place. Returns whether it could do each thing."""
    script = place / "hostile.py"
    script.write_text(program)
    monkeypatch.setattr(image_process, "CHILD", script)
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        subprocess.Popen(["sleep", "30"]) as victim,
    ):
        words = [place / "secret", server.getsockname()[1], victim.pid, ROOT]
        try:
            ended = run_child(b"picture", [str(word) for word in words], seconds=20)
            assert victim.poll() is None
        finally:
            victim.kill()
    assert ended.status == 0, ended.words
    lines = [line.split() for line in ended.result.decode().splitlines()]
    return {name: result == "DONE" for name, result in lines}


@needs_bubblewrap
def test_a_hostile_image_reaches_nothing_but_itself_and_a_decoder(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert why_not_python() == ""
    could = attack(place, monkeypatch, HOSTILE + FILTERED)
    assert {name for name, done in could.items() if done} == GRANTED
    assert len(could) == len(GRANTED) + 20


@needs_bubblewrap
def test_without_a_filter_all_else_holds(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "_program", lambda **_: None)
    could = attack(place, monkeypatch, HOSTILE)
    assert {name for name, done in could.items() if done} == GRANTED


@needs_bubblewrap
@pytest.mark.skipif(os.geteuid() != 0, reason="a user has no other id to give")
def test_started_by_root_it_has_an_id_of_its_own(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = place / "id.py"
    script.write_text("import os; print(os.getuid())")
    monkeypatch.setattr(image_process, "CHILD", script)
    assert run_child(b"", [], seconds=20).result.decode().strip() == str(OWN_UID)


def test_without_bubblewrap_it_has_no_capability_and_cannot_get_one(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = place / "status.py"
    script.write_text("print(open('/proc/self/status').read())")
    monkeypatch.setattr(image_process, "CHILD", script)
    monkeypatch.setattr(image_process, "why_not", lambda: "a test")
    lines = run_child(b"", [], seconds=20).result.decode().splitlines()
    facts = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    read_search = 1 << 2 if os.geteuid() == 0 else 0
    assert int(facts["CapEff"], 16) | int(facts["CapPrm"], 16) == read_search
    assert facts["NoNewPrivs"] == "1"


def test_a_python_that_bubblewrap_cannot_run_is_told_and_images_are_decoded_all_the_same(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_process, "why_it_ends", lambda *_: "bwrap: no such file")
    monkeypatch.setattr(image_process, "_last", sandbox.Trial())
    script = place / "fine.py"
    script.write_text("print('fine')")
    monkeypatch.setattr(image_process, "CHILD", script)
    assert run_child(b"", [], seconds=20).result == b"fine\n"
    assert "(bwrap: no such file)" in why_not_python()


WHERE_NAMESPACES_ARE_REFUSED = """
import io
from PIL import Image
from clipset.lib.pictures import fitted_webp
from clipset.lib.sandbox import why_not
sent = io.BytesIO()
Image.new("RGB", (40, 40)).save(sent, "PNG")
print(why_not(), len(fitted_webp(sent, (16, 16))) > 40)
"""


@needs_bubblewrap
@pytest.mark.parametrize("refused", ["all", "other ids"])
def test_where_the_kernel_refuses_bubblewrap_that_is_told_and_images_are_decoded(
    refused: str,
) -> None:
    """For real: in a user namespace that may have none below it, or that has one id only."""
    who = ["-r"] if refused == "other ids" else ["--map-user=1000", "--keep-caps"]
    if subprocess.run(["unshare", "-U", *who, "true"], check=False).returncode != 0:
        pytest.skip("user namespaces are refused here in any case")
    refuse = 'echo 0 >/proc/sys/user/max_user_namespaces; exec "$@"'
    python = [sys.executable, "-c", WHERE_NAMESPACES_ARE_REFUSED]
    caps = [] if refused == "other ids" else ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]
    answer = subprocess.run(
        ["unshare", "-U", *who, "sh", "-c", refuse, "sh", *caps, *python],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
    ).stdout
    assert answer.startswith("bubblewrap can't be used here (")
    assert answer.strip().endswith("in docs/operations.md. True")


def test_no_other_process_of_the_site_decodes_images() -> None:
    """The sample data are painted, not decoded from anybody's file."""
    apps = ("accounts", "categories", "clipset", "siteconfig", "videos")
    found = {
        path.relative_to(ROOT)
        for app in apps
        for path in (ROOT / app).rglob("*.py")
        if re.search(r"^\s*(from|import) PIL\b", path.read_text(), re.MULTILINE)
    }
    painted = {Path("videos/sample_data/painting.py"), Path("videos/sample_data/scenes.py")}
    assert found - painted == {Path("clipset/lib/image_child.py")}
