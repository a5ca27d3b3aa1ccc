"""What a hostile program in FFmpeg's place can reach: each attack is run from inside."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from clipset.lib import sandbox
from clipset.lib.sandbox import Access, sandboxed, signal_of, why_not
from clipset.lib.sandbox_identity import OWN_UID, find_program
from tests.videos.live import descendants

if TYPE_CHECKING:
    from collections.abc import Iterator

USER: Final = 12_345
pytestmark = pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed")

# Perl is in every Debian, and needs no other process for any of this.
PROGRAM = r"""
use Socket; use Fcntl;
my ($input, $other, $env, $out, $port, $pid) = @ARGV;
sub says { my ($name, $is_done) = @_; print "$name ", ($is_done ? "DONE" : "refused"), "\n" }
sub reads { my $file; open($file, "<", $_[0]) && defined(readline($file)) }
sub writes { my $file; open($file, ">>", $_[0]) }
says("input", reads($input));
says("work", writes("$out/result"));
says("env", reads($env));
says("other-video", reads($other));
opendir(my $folder, $input =~ s{/[^/]*$}{}r);
says("list", (() = grep { !/^\./ } readdir($folder)) > 1);
says("proc", -e "/proc/1" || reads("/proc/self/environ"));
says("passwords", reads("/etc/passwd") || reads("/etc/shadow"));
says("home", -e "/root/.profile" || -e "/home" || -e "/var" || -e "/srv");
says("input-change", writes($input) || unlink($input) || truncate($input, 0));
says("other-write", writes("$other.new"));
says("root-write", writes("/x") || mkdir("/y"));
says("tmp-write", writes("/tmp/x") || writes("/dev/shm/x") || writes("/dev/x"));
says("system-write", writes("/usr/bin/x") || writes("/etc/x"));
says("network", socket(NET, PF_INET, SOCK_STREAM, 0)
    && connect(NET, sockaddr_in($port, inet_aton("127.0.0.1"))));
says("signal", kill(9, $pid));
says("root", ($< == 0 || $> == 0) || do { $> = 0; $> == 0 } || chown(0, 0, "$out/result"));
says("chroot", chroot($out));
says("device", syscall(259, -100, "$out/null", 0020666, 0x103) == 0);
"""
# What only the filter refuses.
FILTERED = r"""
says("fork", defined(fork()));
says("link", symlink($env, "$out/link") || link("$out/result", "$out/second"));
says("setuid-bit", chmod(04755, "$out/result"));
says("inet-socket", socket(UDP, PF_INET, SOCK_DGRAM, 0));
"""
GRANTED = {"input", "work"}


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that every user reaches, with what a site has; pytest's is for its user alone."""
    folder = Path(tempfile.mkdtemp(prefix="clipset-sandbox-"))
    folder.chmod(0o755)
    for name in ("media", "work"):
        (folder / name).mkdir()
    for name in ("media/input.mp4", "media/other.mp4", "env"):
        (folder / name).write_text("SECRET_KEY=x\n")
        (folder / name).chmod(0o640)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(params=["root", "user"])
def as_user(
    request: pytest.FixtureRequest, place: Path, monkeypatch: pytest.MonkeyPatch
) -> list[str]:
    """The command that starts another as root or as a normal user, who then owns the files."""
    if os.geteuid() != 0:
        if request.param == "root":
            pytest.skip("only root can be root")
        return []
    if request.param == "root":
        (place / "media").chmod(0o700)  # the folders above the input are closed
        return []
    for path in (place, *place.rglob("*")):
        os.chown(path, USER, USER)
    monkeypatch.setattr(os, "geteuid", lambda: USER)
    return ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "--"]


def run(place: Path, as_user: list[str], argv: list[str]) -> subprocess.CompletedProcess[str]:
    access = Access(reads=(place / "media/input.mp4",), folder=place / "work")
    with sandboxed(argv, access) as (command, descriptors):
        return subprocess.run(
            [*as_user, *command],
            check=False,
            capture_output=True,
            text=True,
            pass_fds=descriptors,
            env={},
            timeout=20,
        )


def attack(place: Path, as_user: list[str], program: str) -> dict[str, bool]:
    """Runs the program. Returns whether it could do each thing."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        subprocess.Popen(["sleep", "30"]) as victim,
    ):
        try:
            words = [str(place / name) for name in ("media/input.mp4", "media/other.mp4", "env")]
            words += [str(place / "work"), str(server.getsockname()[1]), str(victim.pid)]
            answer = run(place, as_user, ["/usr/bin/perl", "-e", program, "--", *words])
            assert victim.poll() is None
        finally:
            victim.kill()
    assert answer.returncode == 0, answer.stderr
    lines = [line.split() for line in answer.stdout.splitlines()]
    return {name: result == "DONE" for name, result in lines}


def test_a_hostile_program_reaches_nothing_but_its_input_and_its_folder(
    place: Path, as_user: list[str]
) -> None:
    assert why_not() == ""
    could = attack(place, as_user, PROGRAM + FILTERED)
    assert {name for name, done in could.items() if done} == GRANTED
    assert len(could) == len(GRANTED) + 20


def test_without_a_filter_all_else_holds(
    place: Path, as_user: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "_program", lambda **_: None)
    could = attack(place, as_user, PROGRAM)
    assert {name for name, done in could.items() if done} == GRANTED


BOMB = r"""
import os, threading
threading.stack_size(65536)
stop, count = threading.Event(), 0
try:
    while count < 2000:
        threading.Thread(target=stop.wait, daemon=True).start()
        count += 1
except (RuntimeError, MemoryError):
    pass
processes = 0
try:
    os.fork()
    processes += 1
except OSError:
    pass
print(count, processes, flush=True)
os._exit(0)
"""


@pytest.mark.skipif(
    os.geteuid() != 0 or not Path("/usr/bin/python3").exists(),
    reason="the limit counts all processes of a user; the program is in Python",
)
def test_bombs_of_threads_and_of_processes_end_at_the_limit(place: Path) -> None:
    """Other programs can be started meanwhile: the limit counts the program's own id."""
    most = 200
    limits = [find_program("prlimit"), f"--nproc={most}:{most}"]
    argv = ["/usr/bin/python3", "-I", "-S", "-c", BOMB]
    access = Access(folder=place / "work")
    with sandboxed(argv, access, limits=[*limits, "--"]) as (command, descriptors):
        answer = subprocess.run(
            command, check=False, capture_output=True, text=True, pass_fds=descriptors, env={}
        )
    assert answer.returncode == 0, answer.stderr
    threads, processes = map(int, answer.stdout.split())
    assert most / 2 < threads < most
    assert processes == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="a user has no other id to give")
def test_started_by_root_it_has_an_id_of_its_own_and_leaves_files_of_the_site(place: Path) -> None:
    answer = run(
        place,
        [],
        [
            "/usr/bin/perl",
            "-e",
            'chdir(shift); print "$<"; open(F, ">", "made")',
            str(place / "work"),
        ],
    )
    assert answer.stdout == str(OWN_UID)
    for path in (place / "work", place / "work/made", place / "media/input.mp4"):
        assert path.stat().st_uid == 0
    assert stat.S_IMODE((place / "media/input.mp4").stat().st_mode) == 0o640


@pytest.mark.skipif(os.geteuid() != 0, reason="a user needs one")
def test_started_by_root_it_needs_no_user_namespace(place: Path) -> None:
    """Which some kernels refuse."""
    argv = ["/usr/bin/perl", "-e", "$| = 1; print 1; sleep 20"]
    with (
        sandboxed(argv, Access(folder=place / "work")) as (command, descriptors),
        subprocess.Popen(command, stdout=subprocess.PIPE, pass_fds=descriptors, env={}) as process,
    ):
        assert process.stdout is not None
        assert process.stdout.read(1) == b"1"
        found = {Path(f"/proc/{pid}/ns/user").readlink() for pid in descendants(process.pid)}
        process.kill()
    assert found == {Path("/proc/self/ns/user").readlink()}


@pytest.mark.skipif(os.geteuid() != 0, reason="a user has no other id to give")
@pytest.mark.parametrize(("owner", "mode"), [(0, 0o600), (USER, 0o600), (USER, 0o440)])
def test_a_file_that_only_its_owner_reads_is_read_without_any_capability(
    place: Path, owner: int, mode: int
) -> None:
    os.chown(place / "media/input.mp4", owner, owner)
    (place / "media/input.mp4").chmod(mode)
    could = attack(place, [], PROGRAM)
    assert could["input"]
    assert could["work"]
    assert not any(could[name] for name in ("env", "other-video", "chroot", "device", "signal"))


def test_what_it_leaves_beside_files_and_folders_is_removed(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there is no filter, a link could lead the site's own processes to other files."""
    monkeypatch.setattr(sandbox, "_program", lambda **_: None)
    script = 'chdir(shift); mkdir "sub"; open(F, ">", "made"); '
    script += 'symlink("/etc/passwd", "sub/1080p.mp4") or die'
    argv = ["/usr/bin/perl", "-e", script, str(place / "work")]
    assert run(place, [], argv).returncode == 0
    assert [path.name for path in (place / "work").rglob("*")] == ["made"]


def test_input_in_the_work_folder_cannot_be_changed(place: Path) -> None:
    video = place / "work/top.mp4"
    video.write_text("content")
    script = 'my $v = shift; open(F, ">>", $v) || unlink($v) || rename($v, "$v.x") and die'
    access = Access(reads=(video,), folder=place / "work")
    with sandboxed(["/usr/bin/perl", "-e", script, str(video)], access) as (command, descriptors):
        subprocess.run(command, check=True, pass_fds=descriptors, env={})
    assert video.read_text() == "content"


@pytest.mark.parametrize("name", ["SIGKILL", "SIGXFSZ", "SIGXCPU", "SIGSEGV", "SIGTERM"])
def test_a_signal_that_ended_it_is_told(place: Path, name: str) -> None:
    number = signal.Signals[name]
    answer = run(place, [], ["/usr/bin/perl", "-e", f"kill {int(number)}, $$; sleep 9"])
    assert signal_of(answer.returncode) == number


def test_statuses_of_ffmpeg_are_no_signals() -> None:
    assert [signal_of(status) for status in (0, 1, 69, 183, 234, 254, 255)] == [0] * 7
    assert signal_of(-9) == 9


def test_a_missing_bubblewrap_is_told_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert "apt-get install bubblewrap" in why_not()


def test_a_bubblewrap_that_may_not_is_told_and_asked_again_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes = tmp_path / "notes"
    (tmp_path / "bwrap").write_text(
        f"#!/bin/sh\necho x >>{notes}\necho not permitted >&2; exit 1\n"
    )
    (tmp_path / "bwrap").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(sandbox, "_last", sandbox.Trial())
    assert "(not permitted)" in why_not()
    assert "docs/operations.md" in why_not()
    assert notes.read_text() == "x\n"
    sandbox._last.until = 0
    why_not()
    assert notes.read_text() == "x\nx\n"
