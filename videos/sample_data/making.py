"""The files of the samples, made in a work folder by the code that handles real uploads."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from django.conf import settings

from videos.sample_data.clips import CLIPS, Clip, make_clip
from videos.transcode.errors import CancelledError
from videos.transcode.pipeline import transcode
from videos.transcode.run import find_program
from videos.transcode.types import Options, Progress, Result

Say = Callable[[str], None]
AT_ONCE = 2  # clips


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A processed clip. `source_bytes` is what would have been sent; `digest` tells contents
    apart in file names."""

    result: Result
    source_bytes: int
    digest: str


def make_clips(folder: Path, *, say: Say) -> Mapping[str, Made]:
    """Makes the ten clips and processes them, two at a time. Errors as of `transcode`."""
    find_program(settings.FFMPEG_PATH)  # before anything is painted
    stop = Event()

    def tick(_: Progress) -> None:
        if stop.is_set():
            raise CancelledError

    def make(number: int, clip: Clip) -> Made:
        tick(Progress())
        say(f"Making clip {number} of {len(CLIPS)} …")
        own = folder / clip.name
        own.mkdir()
        source = make_clip(clip, own, options=_options(), tick=tick)
        result = transcode(source, own / "done", options=_options(), tick=tick)
        return _made(result, source.stat().st_size)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        futures = {clip.name: pool.submit(make, n, clip) for n, clip in enumerate(CLIPS, start=1)}
        try:
            _wait(futures)
        except BaseException:
            # The pool waits for its threads, and each ends with its FFmpeg within a second.
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return {name: future.result() for name, future in futures.items()}


def _wait(futures: Mapping[str, Future[Made]]) -> None:
    done, _ = wait(futures.values(), return_when=FIRST_EXCEPTION)
    for future in done:
        future.result()


def copy_source(source: Path, folder: Path, *, say: Say) -> Mapping[str, Made]:
    """Processes one clip and gives it ten times. Errors as of `transcode`."""
    say(f"Processing {source.name} …")
    made = _made(transcode(source, folder / "done", options=_options()), source.stat().st_size)
    return {clip.name: made for clip in CLIPS}


def second_name(file: Path, name: Path) -> Path:
    """The same file under another name; a copy where the file system knows no hard links."""
    try:
        os.link(file, name)
    except OSError:
        shutil.copyfile(file, name)
    return name


def _made(result: Result, source_bytes: int) -> Made:
    with result.renditions[0].path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Made(result=result, source_bytes=source_bytes, digest=digest)


def _options() -> Options:
    # Somebody waits for it, so it does not step back behind other processes.
    return Options(
        ffmpeg=settings.FFMPEG_PATH,
        ladder=(),
        wall_clock_floor_seconds=settings.VIDEO_PROCESSING_TIMEOUT,
        nice=0,
    )
