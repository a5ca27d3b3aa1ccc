"""Processes that stall, die, fill the disk or lose their parent; none of them stays behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from clipset.lib.sandbox import Access
from videos.transcode.confine import Limits, confined
from videos.transcode.errors import (
    CancelledError,
    DiskFullError,
    FfmpegFailedError,
    KilledBySignalError,
    OutOfMemoryError,
    OutOfTimeError,
    OutputTooLargeError,
    ProcessingError,
    StalledError,
)
from videos.transcode.run import capture, run
from videos.transcode.types import GIB, Progress, no_tick

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.ffmpeg

LIMITS = Limits(wall_seconds=30)
# An endless encode that reports its progress as the real ones do.
ENDLESS = (
    *("ffmpeg", "-nostdin", "-v", "warning", "-progress", "pipe:1", "-stats_period", "0.1"),
    *("-re", "-f", "lavfi", "-i", "testsrc2=size=64x64:rate=10", "-f", "null", "-"),
)


bubblewrapped = pytest.mark.skipif(
    shutil.which("bwrap") is None, reason="bubblewrap is not installed"
)


def shell(script: str) -> list[str]:
    return ["/bin/sh", "-c", script]


def run_it(
    argv: list[str] | tuple[str, ...],
    *,
    limits: Limits = LIMITS,
    duration: float | None = 10,
    stall_limit: float = 20,
    tick: Callable[[Progress], None] = no_tick,
    tick_interval: float = 0.05,
    access: Access | None = None,
) -> None:
    run(
        argv,
        duration=duration,
        limits=limits,
        stall_limit=stall_limit,
        tick=tick,
        tick_interval=tick_interval,
        access=access,
    )


def is_running(pid: int) -> bool:
    """A zombie, which waits for whoever has to reap it, is not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def comes_true(condition: Callable[[], bool], within: float = 5.0) -> bool:
    give_up = time.monotonic() + within
    while time.monotonic() < give_up:
        if condition():
            return True
        time.sleep(0.01)
    return condition()


def pids_in(path: Path, count: int) -> list[int]:
    """Process numbers that a script writes, one a line, once there are so many."""
    assert comes_true(lambda: path.exists() and len(path.read_text().split()) >= count)
    return [int(word) for word in path.read_text().split()]


def family(path: Path) -> list[str]:
    """A process with a child that both sleep for ever and say who they are."""
    return shell(f"sleep 600 & echo $! >>{path}; echo $$ >>{path}; wait")


# -- going well


def test_progress_is_told_while_it_runs() -> None:
    seen: list[Progress] = []
    source = "testsrc2=size=64x64:rate=10:duration=1"
    run_it(
        [
            *("ffmpeg", "-nostdin", "-v", "error", "-progress", "pipe:1", "-stats_period", "0.1"),
            *("-re", "-f", "lavfi", "-i", source, "-f", "null", "-"),
        ],
        duration=1,
        tick=seen.append,
    )
    fractions = [one.fraction for one in seen if one.fraction is not None]
    assert fractions == sorted(fractions)
    assert any(0.1 < one < 0.95 for one in fractions)
    assert any(one.speed and one.seconds_left for one in seen)


def test_the_tick_comes_even_if_nothing_is_printed() -> None:
    seen: list[Progress] = []
    run_it(shell("sleep 0.5"), tick=seen.append)
    assert len(seen) >= 5
    assert set(seen) == {Progress()}


def test_a_flood_on_both_pipes_blocks_nothing() -> None:
    pieces: list[int] = []
    capture(
        shell("head -c 3000000 /dev/zero; head -c 3000000 /dev/zero >&2"),
        limits=LIMITS,
        on_output=lambda piece: pieces.append(len(piece)),
        access=None,
    )
    assert sum(pieces) == 3_000_000


def test_a_child_that_keeps_the_pipes_open_holds_nothing_up(tmp_path: Path) -> None:
    started = time.monotonic()
    run_it(shell(f"sleep 600 & echo $! >{tmp_path}/pid"))
    assert time.monotonic() - started < 5
    assert not is_running(pids_in(tmp_path / "pid", 1)[0])


def test_the_environment_is_empty_and_the_niceness_ours() -> None:
    pieces: list[bytes] = []
    capture(["/usr/bin/env"], limits=LIMITS, on_output=pieces.append, access=None)
    assert b"".join(pieces) == b""
    pieces.clear()
    capture(["nice"], limits=Limits(wall_seconds=9, nice=3), on_output=pieces.append, access=None)
    assert int(b"".join(pieces)) == min(19, os.nice(0) + 3)


def test_there_is_no_network_where_the_kernel_lets_us() -> None:
    pieces: list[bytes] = []
    capture(
        shell("tail -n +3 /proc/net/dev | cut -d: -f1"),
        limits=LIMITS,
        on_output=pieces.append,
        access=None,
    )
    # The new name space has nothing but a loopback that is down.
    alone = b"".join(pieces).split() == [b"lo"]
    with confined(["true"], LIMITS, None) as (command, _):
        assert alone or "unshare" not in " ".join(command)


def test_no_core_file_and_the_limits_hold() -> None:
    pieces: list[bytes] = []
    capture(
        shell("ulimit -c; ulimit -d; ulimit -f"),
        limits=Limits(wall_seconds=9, memory_bytes=GIB, file_bytes=1_048_576),
        on_output=pieces.append,
        access=None,
    )
    core, memory, file = b"".join(pieces).split()
    assert (core, memory, file) == (b"0", b"1048576", b"2048")


@pytest.mark.usefixtures("without_bubblewrap")
def test_without_bubblewrap_it_keeps_no_capability_but_root_reads_files_of_others() -> None:
    pieces: list[bytes] = []
    script = shell("grep -E '^Cap(Prm|Eff|Bnd)|^NoNewPrivs' /proc/self/status")
    capture(script, limits=LIMITS, on_output=pieces.append, access=Access())
    permitted, effective, bounding, privileges = b"".join(pieces).split()[1::2]
    dac_override = 1 << 1
    assert int(permitted, 16) | int(effective, 16) <= (dac_override if os.geteuid() == 0 else 0)
    assert privileges == b"1"
    if os.geteuid() == 0:
        assert int(bounding, 16) == dac_override


def test_all_runs_of_the_site_say_what_they_may_see() -> None:
    root = Path(__file__).resolve().parents[3]
    assert not [it for it in (root / "videos").rglob("*.py") if "access=None" in it.read_text()]


# -- being ended by us


def test_the_wall_clock_ends_it(tmp_path: Path) -> None:
    with pytest.raises(OutOfTimeError):
        run_it(family(tmp_path / "pids"), limits=Limits(wall_seconds=0.5))
    assert not [pid for pid in pids_in(tmp_path / "pids", 2) if is_running(pid)]


def test_the_watchdog_ends_what_reports_nothing(tmp_path: Path) -> None:
    with pytest.raises(StalledError):
        run_it(family(tmp_path / "pids"), stall_limit=0.4)
    assert not [pid for pid in pids_in(tmp_path / "pids", 2) if is_running(pid)]


def test_the_watchdog_ends_an_ffmpeg_that_was_stopped() -> None:
    stopped: list[int] = []

    def tick(progress: Progress) -> None:
        if progress.speed is not None and not stopped:
            stopped.append(only_child())
            os.kill(stopped[0], signal.SIGSTOP)

    with pytest.raises(StalledError):
        run_it(ENDLESS, stall_limit=2.5, tick=tick)
    assert not is_running(stopped[0])


def test_the_watchdog_lets_what_moves_go_on() -> None:
    script = "n=0; while :; do echo frame=$n; n=$((n + 1)); sleep 0.1; done"
    with pytest.raises(OutOfTimeError):
        run_it(shell(script), stall_limit=1.5, limits=Limits(wall_seconds=3))


def test_what_a_tick_raises_ends_it_and_comes_out(tmp_path: Path) -> None:
    def tick(_: Progress) -> None:
        if (tmp_path / "pids").exists() and len((tmp_path / "pids").read_text().split()) == 2:
            raise CancelledError

    with pytest.raises(CancelledError):
        run_it(family(tmp_path / "pids"), tick=tick)
    assert not [pid for pid in pids_in(tmp_path / "pids", 2) if is_running(pid)]


def test_an_exit_of_the_worker_ends_it(tmp_path: Path) -> None:
    """A worker's SIGTERM handler raises SystemExit wherever it is."""

    def tick(_: Progress) -> None:
        if (tmp_path / "pids").exists() and len((tmp_path / "pids").read_text().split()) == 2:
            raise SystemExit(0)

    with pytest.raises(SystemExit):
        run_it(family(tmp_path / "pids"), tick=tick)
    assert not [pid for pid in pids_in(tmp_path / "pids", 2) if is_running(pid)]


@pytest.mark.parametrize("access", ["None", "Access()"])
def test_it_dies_with_its_parent(access: str) -> None:
    script = (
        "from videos.transcode.run import *\n"
        f"run({ENDLESS!r}, duration=None, limits=Limits(wall_seconds=60), stall_limit=60,"
        f" access={access})\n"
    )
    with subprocess.Popen([sys.executable, "-c", script]) as parent:
        assert comes_true(lambda: bool(ffmpegs_below(parent.pid)))
        [child] = ffmpegs_below(parent.pid)
        parent.kill()
    assert comes_true(lambda: not is_running(child))


@bubblewrapped
def test_all_of_it_is_ended_behind_bubblewrap() -> None:
    """Its three processes are one group, also where FFmpeg has another user id."""
    before = set(everybody_below(os.getpid()))  # such as a server of other tests
    seen: list[int] = []

    def tick(progress: Progress) -> None:
        if progress.speed is not None:
            seen.extend(set(everybody_below(os.getpid())) - before)
            raise CancelledError

    with pytest.raises(CancelledError):
        run_it(ENDLESS, tick=tick, access=Access())
    assert len(seen) == 3
    assert comes_true(lambda: not any(is_running(pid) for pid in seen))


@bubblewrapped
def test_a_stopped_ffmpeg_behind_bubblewrap_is_ended() -> None:
    stopped: list[int] = []

    def tick(progress: Progress) -> None:
        if progress.speed is not None and not stopped:
            stopped.append(only_child())
            os.kill(stopped[0], signal.SIGSTOP)

    with pytest.raises(StalledError):
        run_it(ENDLESS, stall_limit=2.5, tick=tick, access=Access())
    assert comes_true(lambda: not is_running(stopped[0]))


# -- ending by itself


@bubblewrapped
@pytest.mark.parametrize("name", ["SIGKILL", "SIGSEGV"])
def test_a_signal_behind_bubblewrap(name: str) -> None:
    with pytest.raises(KilledBySignalError) as caught:
        run_it(shell(f"kill -{int(signal.Signals[name])} $$"), access=Access())
    assert caught.value.signal == signal.Signals[name]


@bubblewrapped
def test_limits_hold_behind_bubblewrap(tmp_path: Path) -> None:
    source = "testsrc2=size=640x360:duration=5"
    argv = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", source, "-f", "rawvideo"]
    with pytest.raises(OutputTooLargeError):
        run_it(
            [*argv, str(tmp_path / "large.yuv")],
            limits=Limits(wall_seconds=30, file_bytes=1_000_000),
            access=Access(folder=tmp_path),
        )
    assert (tmp_path / "large.yuv").stat().st_size <= 1_000_000


def test_a_signal_that_we_did_not_send() -> None:
    with pytest.raises(KilledBySignalError) as caught:
        run_it(shell("kill -9 $$"))
    assert caught.value.signal == signal.SIGKILL
    assert "SIGKILL" in caught.value.detail


def test_ffmpeg_that_caught_a_signal_counts_as_ended_by_it() -> None:
    def tick(progress: Progress) -> None:
        if progress.speed is not None:
            os.kill(only_child(), signal.SIGTERM)

    with pytest.raises(KilledBySignalError) as caught:
        run_it(ENDLESS, tick=tick)
    assert caught.value.signal == signal.SIGTERM


@pytest.mark.parametrize("container", ["mp4", "mpegts"])
def test_a_full_disk_is_told(container: str) -> None:
    """The second ends with status 0: FFmpeg finds out only while it closes the file."""
    source = "testsrc2=size=320x180:rate=10:duration=3"
    made = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", source, "-c:v", "libx264"]
    argv = [*made, "-f", container, "-y", "/dev/full"]
    with pytest.raises(DiskFullError) as caught:
        run_it(argv)
    assert "out of disk space" in caught.value.sentence
    assert "/dev/full" not in caught.value.sentence


def test_an_output_beyond_its_limit_is_told(tmp_path: Path) -> None:
    output = tmp_path / "large.yuv"
    source = "testsrc2=size=640x360:duration=5"
    with pytest.raises(OutputTooLargeError):
        run_it(
            ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", source, "-f", "rawvideo", str(output)],
            limits=Limits(wall_seconds=30, file_bytes=1_000_000),
        )
    assert output.stat().st_size <= 1_000_000


def test_too_little_memory_is_told() -> None:
    source = "color=size=3840x2160:rate=10:duration=1"
    with pytest.raises(OutOfMemoryError):
        run_it(
            [
                "ffmpeg",
                "-v",
                "error",
                "-f",
                "lavfi",
                "-i",
                source,
                "-c:v",
                "libx264",
                "-f",
                "null",
                "-",
            ],
            limits=Limits(wall_seconds=30, memory_bytes=200_000_000),
        )


def test_used_up_processor_time_is_told() -> None:
    with pytest.raises(OutOfTimeError):
        run_it(
            shell("ulimit -S -t 1; while :; do :; done"),
            limits=Limits(wall_seconds=30),
        )


def test_any_other_failure_keeps_the_last_words() -> None:
    with pytest.raises(FfmpegFailedError) as caught:
        run_it(shell("head -c 100000 /dev/zero >&2; echo last words >&2; exit 3"))
    assert caught.value.status == 3
    assert caught.value.detail.endswith("last words")
    assert len(caught.value.detail) < 20_000
    assert "last words" not in caught.value.sentence


def test_a_program_that_is_not_there() -> None:
    with pytest.raises(ProcessingError) as caught:
        run_it(["ffmpeg-of-another-machine"])
    assert "ffmpeg-of-another-machine" in caught.value.detail


def test_nothing_is_left_open() -> None:
    before = open_files()
    run_it(shell("true"))
    run_it(shell("true"), access=Access())
    with pytest.raises(FfmpegFailedError):
        run_it(shell("false"))
    with pytest.raises(OutOfTimeError):
        run_it(shell("sleep 9"), limits=Limits(wall_seconds=0.1))
    assert open_files() == before


def open_files() -> set[str]:
    return {one.name for one in Path("/proc/self/fd").iterdir()}


def children(pid: int) -> list[tuple[int, str]]:
    """Numbers and names of the processes that a process started."""
    numbers = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [(int(number), Path(f"/proc/{number}/comm").read_text().strip()) for number in numbers]


def everybody_below(pid: int) -> list[int]:
    return [one for child, _ in children(pid) for one in (child, *everybody_below(child))]


def ffmpegs_below(pid: int) -> list[int]:
    """Also behind bubblewrap's two processes."""
    found = children(pid)
    below = [one for child, name in found if name == "bwrap" for one in ffmpegs_below(child)]
    return [child for child, name in found if name == "ffmpeg"] + below


def only_child() -> int:
    [pid] = ffmpegs_below(os.getpid())
    return pid
