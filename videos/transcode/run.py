"""Runs FFmpeg under limits, so that it cannot hang, outlive its parent or use up the machine.

The limits are those of ``confine``. ``PR_SET_PDEATHSIG`` kills FFmpeg when the *thread* that
started it ends, so call this from a thread that lives as long as the run: a worker's main thread.
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

from clipset.lib.sandbox import Access, signal_of
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
from videos.transcode.inputs import check_inputs
from videos.transcode.types import Progress, Tick, no_tick

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

STDERR_TAIL_BYTES = 16 * 1024
READ_BYTES = 64 * 1024
GROUP_EXIT_SECONDS = 5.0
# Messages of FFmpeg and of libx264.
NO_MEMORY = re.compile(r"Cannot allocate memory|malloc of size \d+ failed")
# A program or one of its libraries is missing, as during an upgrade. The source is not at fault.
NOT_STARTED = frozenset({126, 127})
FFMPEG_GOT_SIGNAL = 255  # ffmpeg.c: exit status after it caught SIGINT or SIGTERM


def run(
    argv: Sequence[str],
    *,
    duration: float | None,
    limits: Limits,
    stall_limit: float,
    tick: Tick = no_tick,
    tick_interval: float = 1.0,
    access: Access | None,
) -> None:
    """Runs FFmpeg with ``-progress pipe:1``. Returns when its whole process group has ended.

    Args:
        duration: expected seconds of output, for the progress; None if unknown.
        stall_limit: seconds that FFmpeg may report the same progress.
        access: what FFmpeg may see of the site, and where it writes; None for everything, in tests.
        tick: called every ``tick_interval`` seconds, whether FFmpeg reports anything or not. If
            it raises, the process group is killed and the error is raised again.

    Raises:
        ProcessingError: or a subclass that names the cause.
    """
    meter = _Meter(duration=duration, stall_limit=stall_limit)

    def beat() -> None:
        meter.check()
        tick(meter.progress())

    _supervise(
        argv, limits=limits, beat=beat, interval=tick_interval, on_output=meter.feed, access=access
    )


def capture(
    argv: Sequence[str],
    *,
    limits: Limits,
    on_output: Callable[[bytes], None],
    tick: Tick = no_tick,
    tick_interval: float = 1.0,
    access: Access | None,
) -> str:
    """Runs a program and passes its output to ``on_output`` in parts.

    Returns the end of what it wrote to standard error. Raises: as ``run``.
    """
    return _supervise(
        argv,
        limits=limits,
        beat=lambda: tick(Progress()),
        interval=tick_interval,
        on_output=on_output,
        access=access,
    )


class _Meter:
    """Reads the key=value lines of ``-progress`` and detects when they stop changing."""

    def __init__(self, *, duration: float | None, stall_limit: float) -> None:
        self._duration = duration
        self._stall_limit = stall_limit
        self._incomplete = b""
        self._values: dict[str, str] = {}
        self._changed_at = time.monotonic()
        self._last_values: tuple[str, ...] = ()

    def feed(self, part: bytes) -> None:
        *lines, self._incomplete = (self._incomplete + part).split(b"\n")
        for line in lines:
            key, _, value = line.decode("ascii", "replace").partition("=")
            self._values[key.strip()] = value.strip()
        values = tuple(self._values.get(key, "") for key in ("frame", "out_time_us", "total_size"))
        if values != self._last_values:
            self._last_values = values
            self._changed_at = time.monotonic()

    def check(self) -> None:
        """Raises: StalledError if nothing has changed for ``stall_limit`` seconds."""
        if time.monotonic() - self._changed_at > self._stall_limit:
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
    access: Access | None,
) -> str:
    check_inputs(argv)
    tail = bytearray()
    with confined(argv, limits, access) as (command, descriptors):
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={},
            pass_fds=descriptors,
            start_new_session=True,
        )
        try:
            _pump(process, limits.wall_seconds, beat, interval, on_output, tail)
        finally:
            _end_group(process)
    messages = tail.decode("utf-8", "replace").strip()
    _raise_for(process.returncode, messages)
    return messages


def _pump(
    process: subprocess.Popen[bytes],
    wall_seconds: float,
    beat: Callable[[], None],
    interval: float,
    on_output: Callable[[bytes], None],
    tail: bytearray,
) -> None:
    """Reads both pipes and calls ``beat`` until the process ends, which a pidfd reports."""

    def keep(part: bytes) -> None:
        tail.extend(part)
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
    """Reads one part from each pipe, or everything with ``to_end``."""
    for key in keys:
        while True:
            try:
                part = os.read(key.fd, READ_BYTES)
            except BlockingIOError:  # another process still holds the other end
                break
            if not part:
                selector.unregister(key.fd)
                break
            key.data(part)
            if not to_end:
                break


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """Kills the rest of the process group and waits until it has ended.

    The leader is reaped only after the group was killed: until then the kernel cannot give the
    group's id to another process.
    """
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()
    deadline = time.monotonic() + GROUP_EXIT_SECONDS
    while time.monotonic() < deadline:
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            return
        if not _has_living(process.pid):
            return
        time.sleep(0.002)


def _has_living(group: int) -> bool:
    """Whether a process group has more than zombies. bubblewrap leaves one, for which the system's
    first process has to wait; some of those take seconds.

    Looks only at processes with higher numbers than the group: its members started later.
    """
    for place in Path("/proc").iterdir():
        if not place.name.isdecimal() or int(place.name) <= group:
            continue
        with suppress(OSError):
            stat = (place / "stat").read_text().rpartition(")")[2].split()
            if int(stat[2]) == group and stat[0] not in "ZX":
                return True
    return False


def _raise_for(status: int, stderr: str) -> None:
    """Raises the error that the exit status and stderr show. Returns if there is none."""
    # Checked first: FFmpeg 5.1 exits with 0 if only the last bytes could not be written.
    if "No space left on device" in stderr or "Disk quota exceeded" in stderr:
        raise disk_full(detail=stderr)
    if status == 0:
        return
    ended_by = signal_of(status)
    if ended_by == signal.SIGXCPU:
        raise _out_of_time("processor time used up")
    if ended_by == signal.SIGXFSZ:
        raise OutputTooLargeError(
            "The processed video became larger than allowed. Convert it on your device and upload"
            " the result.",
            detail=stderr,
        )
    if ended_by:
        raise KilledBySignalError(ended_by, detail=stderr)
    if stderr.startswith(("bwrap: ", "setpriv: ", "prlimit: ")):
        raise cannot_process(detail=stderr)
    if NO_MEMORY.search(stderr):
        raise OutOfMemoryError(
            "The video needs more memory than processing may use. Convert it to a lower resolution"
            " on your device and upload the result.",
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
