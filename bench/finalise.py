"""Benchmark: what it costs to make a rendition an ordinary MP4.

A 60 s video of 150 MB is copied into the layout that FFmpeg writes for renditions, and finalised in
place. A bare copy by FFmpeg into an ordinary MP4 is the reference, since that is the other way to
get one. The two take turns.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

from bench.sources import ffmpeg, h264_source
from bench.table import print_table, verdict
from videos.transcode.commands import FRAGMENTED, MIN_FRAGMENT_MICROSECONDS
from videos.transcode.finalise import finalise

ROUNDS = 5
# Of what a bare copy takes; and of the bytes on the disk.
MAX_TIME_RATIO = 1.0
MAX_DISK_RATIO = 1.02


def main() -> int:
    """Prints the table. Returns 1 if a promise does not hold."""
    with tempfile.TemporaryDirectory(prefix="clipset-bench-") as name:
        folder = Path(name)
        source, path = h264_source(folder), folder / "rendition.mp4"
        finalised, copied = [], []
        for _ in range(ROUNDS):
            fragmented = (
                "-movflags",
                FRAGMENTED,
                "-min_frag_duration",
                str(MIN_FRAGMENT_MICROSECONDS),
            )
            ffmpeg("-i", source, "-c", "copy", *fragmented, path)
            before = path.stat().st_size
            finalised.append(_seconds(lambda: finalise(path)))
            copied.append(_seconds(lambda: ffmpeg("-i", source, "-c", "copy", folder / "bare.mp4")))
        after = path.stat().st_size
    ours, bare = statistics.median(finalised), statistics.median(copied)
    time_ratio, disk_ratio = ours / bare, after / before
    return print_table(
        [
            ["an ordinary MP4", "measured", "promised", ""],
            [
                f"finalised in place, compared with a bare copy ({bare:.2f} s)",
                f"{ours:.3f} s, {time_ratio:.2f} x",
                f"at most {MAX_TIME_RATIO:.2f} x",
                verdict(time_ratio <= MAX_TIME_RATIO),
            ],
            [
                f"bytes of a file of {before / 1e6:.0f} MB",
                f"{disk_ratio:.4f} x",
                f"at most {MAX_DISK_RATIO:.2f} x",
                verdict(disk_ratio <= MAX_DISK_RATIO),
            ],
        ]
    )


def _seconds(work: object) -> float:
    assert callable(work)
    since = time.monotonic()
    work()
    return time.monotonic() - since
