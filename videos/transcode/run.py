"""Running FFmpeg so that it can neither hang, nor outlive us, nor take the machine.

The process is started through a chain of small programs that each set one thing and ``exec`` the
next, so that the process we started *is* FFmpeg in the end:

    nice, unshare (no network), setpriv (dies with its parent), prlimit, ffmpeg

That instead of ``preexec_fn``, which runs Python in a forked child and may deadlock.

``PR_SET_PDEATHSIG`` fires when the *thread* that started the process ends, so call this from a
thread that lives at least as long as the run: a worker's main thread.
"""

from __future__ import annotations

import math
import os
import re
import selectors
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from videos.transcode.confine import Limits, cannot_process, confined
from videos.transcode.errors import (
    DiskFullError,
    FfmpegFailedError,
    KilledBySignalError,
    OutOfMemoryError,
    OutOfTimeError,
    OutputTooLargeError,
    StalledError,
)
from videos.transcode.types import Progress, Tick, no_tick

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

STDERR_TAIL_BYTES = 16 * 1024
READ_BYTES = 64 * 1024
GROUP_EXIT_SECONDS = 5.0
# FFmpeg's own words, and libx264's.
NO_MEMORY = re.compile(r"Cannot allocate memory|malloc of size \d+ failed")
# A program or a library of it is missing, as in the middle of an upgrade: no word on the source.
NOT_STARTED = frozenset({126, 127})
FFMPEG_GOT_SIGNAL = 255  # ffmpeg.c: exit status after SIGINT or SIGTERM, which it catches


def run(
    argv: Sequence[str],
    *,
    duration: float | None,
    limits: Limits,
    stall_limit: float,
    tick: Tick = no_tick,
    tick_interval: float = 1.0,
    cwd: Path | None = None,
) -> None:
    """Run an FFmpeg that was asked for ``-progress pipe:1``; return when all of it is gone.

    Args:
        duration: seconds of output to come, for the fraction; None when not known.
        stall_limit: seconds without any change in what FFmpeg reports.
        tick: called every ``tick_interval`` seconds whether FFmpeg reports anything or not.
            What it raises kills the process group and is raised again.

    Raises:
        ProcessingError: or the subclass that says what happened.
    """
    meter = _Meter(duration=duration, stall_limit=stall_limit)

    def beat() -> None:
        meter.check()
        tick(meter.progress())

    _supervise(
        argv, limits=limits, beat=beat, interval=tick_interval, on_output=meter.feed, cwd=cwd
    )


def capture(
    argv: Sequence[str],
    *,
    limits: Limits,
    on_output: Callable[[bytes], None],
    tick: Tick = no_tick,
    tick_interval: float = 1.0,
    cwd: Path | None = None,
) -> None:
    """Run a program and hand over what it prints, piece by piece. Errors as for ``run``."""
    _supervise(
        argv,
        limits=limits,
        beat=lambda: tick(Progress()),
        interval=tick_interval,
        on_output=on_output,
        cwd=cwd,
    )


class _Meter:
    """Reads the key=value lines of ``-progress`` and watches whether they move."""

    def __init__(self, *, duration: float | None, stall_limit: float) -> None:
        self._duration = duration
        self._stall_limit = stall_limit
        self._rest = b""
        self._values: dict[str, str] = {}
        self._moved_at = time.monotonic()
        self._mark: tuple[str, ...] = ()

    def feed(self, piece: bytes) -> None:
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            key, _, value = line.decode("ascii", "replace").partition("=")
            self._values[key.strip()] = value.strip()
        mark = tuple(self._values.get(key, "") for key in ("frame", "out_time_us", "total_size"))
        if mark != self._mark:
            self._mark = mark
            self._moved_at = time.monotonic()

    def check(self) -> None:
        """Raise Stalled when nothing has moved for too long."""
        if time.monotonic() - self._moved_at > self._stall_limit:
            raise StalledError(
                "Processing got stuck. Try again; if it fails"
                " again, convert the video to an MP4 file on your device and upload that.",
                detail=f"no progress for {self._stall_limit:g} s at {self._values}",
            )

    def progress(self) -> Progress:
        done = self._seconds_done()
        speed = _number(self._values.get("speed", "").removesuffix("x"))
        if done is None or not self._duration:
            return Progress(speed=speed)
        fraction = min(1.0, done / self._duration)
        left = max(0.0, self._duration - done) / speed if speed else None
        return Progress(fraction=fraction, speed=speed, seconds_left=left)

    def _seconds_done(self) -> float | None:
        # Before the first packet, FFmpeg reports AV_NOPTS_VALUE, a large negative number.
        microseconds = _number(self._values.get("out_time_us", ""))
        if microseconds is None or microseconds < 0:
            return None
        return microseconds / 1_000_000


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _supervise(
    argv: Sequence[str],
    *,
    limits: Limits,
    beat: Callable[[], None],
    interval: float,
    on_output: Callable[[bytes], None],
    cwd: Path | None,
) -> None:
    process = subprocess.Popen(
        confined(argv, limits),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={},
        cwd=cwd,
        start_new_session=True,
    )
    tail = bytearray()
    try:
        _pump(process, limits.wall_seconds, beat, interval, on_output, tail)
    finally:
        _end_group(process)
    _judge(process.returncode, tail.decode("utf-8", "replace").strip())


def _pump(
    process: subprocess.Popen[bytes],
    wall_seconds: float,
    beat: Callable[[], None],
    interval: float,
    on_output: Callable[[bytes], None],
    tail: bytearray,
) -> None:
    """Read both pipes and call ``beat`` until the process ends, which a pidfd tells."""

    def keep(piece: bytes) -> None:
        tail.extend(piece)
        del tail[:-STDERR_TAIL_BYTES]

    assert process.stdout is not None
    assert process.stderr is not None
    deadline = time.monotonic() + wall_seconds
    next_beat = time.monotonic()
    ended = os.pidfd_open(process.pid)
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(ended, selectors.EVENT_READ)
            for pipe, sink in ((process.stdout, on_output), (process.stderr, keep)):
                os.set_blocking(pipe.fileno(), False)
                selector.register(pipe.fileno(), selectors.EVENT_READ, sink)
            running = True
            while running:
                now = time.monotonic()
                if now >= deadline:
                    raise _out_of_time(f"more than {wall_seconds:g} s")
                if now >= next_beat:
                    beat()
                    next_beat = now + interval
                events = selector.select(max(0.0, min(next_beat, deadline) - time.monotonic()))
                running = all(key.fd != ended for key, _ in events)
                _drain(selector, [key for key, _ in events if key.fd != ended])
            _drain(selector, [key for key in selector.get_map().values() if key.fd != ended], True)
    finally:
        os.close(ended)


def _drain(
    selector: selectors.BaseSelector, keys: Sequence[selectors.SelectorKey], to_end: bool = False
) -> None:
    """Read one piece from each pipe, or with ``to_end`` all that is in it."""
    for key in keys:
        while True:
            try:
                piece = os.read(key.fd, READ_BYTES)
            except BlockingIOError:  # something else still holds the other end
                break
            if not piece:
                selector.unregister(key.fd)
                break
            key.data(piece)
            if not to_end:
                break


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """Kill what is left of the process group and wait until it is gone.

    The leader is reaped only after the group was killed: until then its number, which is the
    group's, cannot be given to a stranger.
    """
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()
    give_up = time.monotonic() + GROUP_EXIT_SECONDS
    while time.monotonic() < give_up:
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.005)


def _judge(status: int, stderr: str) -> None:
    """Tell from the exit status and the last words what happened; return when all is well."""
    # First, whatever the status: FFmpeg 5.1 ends with 0 when only the last bytes find no space.
    if "No space left on device" in stderr or "Disk quota exceeded" in stderr:
        raise disk_full(detail=stderr)
    if status == 0:
        return
    if status == -signal.SIGXCPU:
        raise _out_of_time("processor time used up")
    if status == -signal.SIGXFSZ:
        raise OutputTooLargeError(
            "The processed video became larger than it may. Convert it on your device and upload"
            " that.",
            detail=stderr,
        )
    if status < 0:
        raise KilledBySignalError(-status, detail=stderr)
    if NO_MEMORY.search(stderr):
        raise OutOfMemoryError(
            "The video needs more memory than processing may use. Convert it to a smaller picture"
            " on your device and upload that.",
            detail=stderr,
        )
    if status == FFMPEG_GOT_SIGNAL:
        raise KilledBySignalError(signal.SIGTERM, detail=stderr)
    if status in NOT_STARTED:
        raise cannot_process(detail=stderr)
    raise FfmpegFailedError(status, detail=stderr)


def disk_full(*, detail: str = "") -> DiskFullError:
    return DiskFullError(
        "The server is out of disk space. Your video is safe; try again once there's room.",
        detail=detail,
    )


def _out_of_time(detail: str) -> OutOfTimeError:
    return OutOfTimeError(
        "Processing took too long. Try a shorter or smaller video.",
        detail=detail,
    )
