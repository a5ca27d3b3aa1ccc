"""Benchmark: what processing costs, compared with a bare FFmpeg command that does the same.

The two take turns several times. The smallest wall time of each counts, since other work on the
machine can only make it longer. Processing covers everything from taking the job to the published
video: probing, checking, thumbnail and database.
"""

from __future__ import annotations

import os
import resource
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.sources import SECONDS, ffmpeg, h264_source, hevc_source
from bench.table import print_table, verdict

if TYPE_CHECKING:
    from accounts.models import User
    from videos.models import Video

ROUNDS = 3
# Least ratio of a video's length to the time of its encoding: default preset, two idle cores.
REAL_TIME = 1.2


@dataclass(frozen=True)
class Cost:
    """Seconds of one run, by the clock and of the processor."""

    wall: float
    cpu: float


def measured(work: Callable[[], object]) -> Cost:
    """Runs `work` and measures it, with the processor time of child processes."""
    cpu, wall = _cpu(), time.monotonic()
    work()
    return Cost(time.monotonic() - wall, _cpu() - cpu)


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def side_by_side(*works: Callable[[], object], rounds: int = ROUNDS) -> list[Cost]:
    """Runs the works in turns and returns the lowest costs of each."""
    runs = [[measured(work) for work in works] for _ in range(rounds)]
    return [
        Cost(min(run[n].wall for run in runs), min(run[n].cpu for run in runs))
        for n in range(len(works))
    ]


# -- Clipset --------------------------------------------------------------------------------------


def start_django(folder: Path) -> User:
    """Sets up Django with an empty database and storage in `folder`. Returns its only member."""
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "clipset.settings",
        "SECRET_KEY": "bench",
        "DEBUG": "on",
        "DATABASE_URL": f"sqlite:///{folder / 'bench.db'}",
        "VIDEO_STORAGE_PATH": str(folder / "videos"),
        "THUMBNAIL_STORAGE_PATH": str(folder / "thumbnails"),
        "TEMP_STORAGE_PATH": str(folder / "temp"),
        "ORIGINAL_STORAGE_PATH": str(folder / "originals"),
    }
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    from videos.services.storage import mark_new_roots

    mark_new_roots()
    from accounts.models import Role, User

    return User.objects.create_user("bench", "bench@example.org", "bench", role=Role.ADMIN)


def add_video(user: User, source: Path) -> Video:
    """Adds a video as a finished upload does. The file is linked, not copied."""
    from videos.services.uploads.create import VideoDetails, begin_upload
    from videos.services.uploads.finish import finish_upload

    size = source.stat().st_size
    upload = begin_upload(user=user, content_length=size)
    upload.folder_path.mkdir()
    path = upload.folder_path / f"source{source.suffix}"
    os.link(source, path)
    return finish_upload(
        upload=upload,
        path=path,
        size=size,
        original_filename=source.name,
        details=VideoDetails(title="Bench"),
    )


def process(kinds: tuple[str, ...]) -> None:
    """Runs the next job of each of these kinds in this process. Raises: SystemExit if one fails."""
    from videos.models import JobKind
    from videos.services.processing.attempt import process_next_job

    for kind in kinds:
        outcome = process_next_job((JobKind(kind),))
        if outcome not in {"completed", "to be encoded"}:
            raise SystemExit(f"Processing failed: {outcome}")


def delete_jobs() -> None:
    from videos.models import Job

    Job.objects.all().delete()


# -- the benchmarks -------------------------------------------------------------------------------


def copied(user: User, folder: Path) -> list[str]:
    """Publishes an H.264 video whose streams are copied. One row."""
    source, bare = h264_source(folder), folder / "bare-copy.mp4"

    def clipset() -> None:
        add_video(user, source)
        process(("PUBLISH",))
        delete_jobs()

    ours, reference = side_by_side(
        clipset, lambda: ffmpeg("-i", source, "-c", "copy", "-map_metadata", "-1", bare)
    )
    above = ours.wall - reference.wall
    return [
        f"(a) copy of {source.stat().st_size / 1e6:.0f} MB, wall",
        f"{ours.wall:.2f} s",
        f"{reference.wall:.2f} s",
        f"{above:+.2f} s",
        "at most +1.00 s",
        verdict(above <= 1.0),
        f"(processor {ours.cpu:.2f} s against {reference.cpu:.2f} s)",
    ]


LADDER = (
    ("1080p", 1920, 1080, 7_464_960),
    ("720p", 1280, 720, 3_317_760),
    ("480p", 852, 480, 1_472_256),
)


def bare_ladder(source: Path, folder: Path) -> list[str | Path]:
    """FFmpeg's arguments for the renditions that the pipeline plans, with the same settings."""
    split = "".join(f"[v{n}]" for n in range(len(LADDER)))
    scaled = ";".join(
        f"[v{n}]scale={width}:{height}:flags=bicubic+accurate_rnd+full_chroma_int,format=yuv420p,setsar=1[o{n}]"
        for n, (_, width, height, _) in enumerate(LADDER)
    )
    command: list[str | Path] = ["-i", source, "-filter_complex"]
    command.append(f"[0:v]fps=30,split={len(LADDER)}{split};{scaled}")
    for n, (name, _, _, rate) in enumerate(LADDER):
        command += ["-map", f"[o{n}]", "-map", "0:a", "-c:v", "libx264", "-preset", "veryfast"]
        command += ["-crf", "21", "-maxrate", str(rate), "-bufsize", str(2 * rate)]
        command += ["-profile:v", "high", "-sc_threshold", "0", "-g", "240"]
        command += ["-force_key_frames", "expr:gte(n,n_forced*120)"]
        command += ["-c:a", "aac", "-b:a", "160000", "-ac", "2", "-map_metadata", "-1"]
        command += ["-movflags", "+frag_keyframe+delay_moov+default_base_moof+dash"]
        command += [folder / f"bare-{name}.mp4"]
    return command


def encoded(user: User, folder: Path) -> list[list[str]]:
    """Encodes an HEVC video to three renditions. Four rows: wall, processor, real time, bytes."""
    from videos.filenames import ORIGINAL_QUALITY
    from videos.models import Rendition

    source = hevc_source(folder)

    def clipset() -> None:
        add_video(user, source)
        process(("PUBLISH", "ENCODE"))
        delete_jobs()

    bare = bare_ladder(source, folder)
    ours, reference = side_by_side(clipset, lambda: ffmpeg(*bare), rounds=2)
    encoded_ones = Rendition.objects.exclude(name=ORIGINAL_QUALITY)
    newest = encoded_ones.order_by("-pk")[: len(LADDER)]
    stored = sum(rendition.path.stat().st_size for rendition in newest)
    by_hand = sum((folder / f"bare-{name}.mp4").stat().st_size for name, *_ in LADDER)
    return [
        seconds_row("(b) HEVC to 1080p+720p+480p, wall", ours.wall, reference.wall),
        seconds_row("(b) the same, processor time", ours.cpu, reference.cpu),
        [
            "the same, against real time",
            f"{SECONDS / ours.wall:.2f} x",
            f"{SECONDS / reference.wall:.2f} x",
            "",
            f"at least {REAL_TIME} x",
            verdict(SECONDS / ours.wall >= REAL_TIME),
            "(on two idle cores)",
        ],
        [
            "(c) bytes on disk",
            f"{stored / 1e6:.2f} MB",
            f"{by_hand / 1e6:.2f} MB",
            f"{stored / by_hand:.3f} x",
            "at most 1.02 x",
            verdict(stored / by_hand <= 1.02),
            "(without originals)",
        ],
    ]


def seconds_row(name: str, ours: float, reference: float) -> list[str]:
    """A row of seconds, of which Clipset may take 1.05 times as many as bare FFmpeg."""
    ratio = ours / reference
    times = [f"{ours:.1f} s", f"{reference:.1f} s", f"{ratio:.3f} x"]
    return [name, *times, "at most 1.05 x", verdict(ratio <= 1.05), ""]


def main() -> int:
    """Prints the table. Returns 1 when a promise does not hold."""
    folder = Path(tempfile.mkdtemp(prefix="clipset-bench-"))
    try:
        user = start_django(folder)
        rows = [copied(user, folder), *encoded(user, folder)]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return print_table([["", "Clipset", "bare FFmpeg", "ratio", "promised", "", ""], *rows])
