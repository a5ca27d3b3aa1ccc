"""Checks whether this machine's FFmpeg has what the plans need."""

from __future__ import annotations

import shutil
import subprocess

from videos.transcode.types import Options

TRIAL_SECONDS = 20
# The programs that confine.py puts in front of FFmpeg, from Debian's coreutils and util-linux.
HELPERS = ("nice", "setpriv", "prlimit")
ENCODERS = {"libx264": "H.264 video", "aac": "AAC sound", "mjpeg": "thumbnails"}
FILTERS = {
    "zscale": "high dynamic range",
    "tonemap": "high dynamic range",
    "bwdif": "interlaced video",
    "signalstats": "thumbnails",
}


def check_ffmpeg(ffmpeg: str) -> list[str]:
    """Returns one sentence for each problem, with what to do; an empty list if there is none.

    Args:
        ffmpeg: name or path of FFmpeg, as in ``Options.ffmpeg``.
    """
    ffprobe = Options(ffmpeg=ffmpeg).ffprobe
    problems = [
        f"{name} is missing: install util-linux and coreutils."
        for name in HELPERS
        if shutil.which(name) is None
    ]
    problems += [
        f"{name} was not found or is not executable: install FFmpeg (apt-get install ffmpeg) or"
        " set FFMPEG_PATH."
        for name in (ffmpeg, ffprobe)
        if shutil.which(name) is None
    ]
    if shutil.which(ffmpeg) is not None:
        problems += _missing(ffmpeg, "-encoders", ENCODERS) + _missing(ffmpeg, "-filters", FILTERS)
    return problems


def _missing(ffmpeg: str, listing: str, wanted: dict[str, str]) -> list[str]:
    """Compares what FFmpeg lists (lines of flags, name and description) with what is needed."""
    try:
        answer = subprocess.run(
            [ffmpeg, "-hide_banner", listing],
            check=True,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            text=True,
            errors="replace",
            timeout=TRIAL_SECONDS,
        )
    except (OSError, subprocess.SubprocessError) as error:
        return [f"{ffmpeg} could not be run ({type(error).__name__}): install FFmpeg again."]
    names = {words[1] for line in answer.stdout.splitlines() if len(words := line.split()) > 1}
    kind = listing.strip("-").removesuffix("s")
    return [
        f"{ffmpeg} has no {kind} {name}, which is needed for {purpose}: install an FFmpeg that has"
        " it, such as Debian's."
        for name, purpose in wanted.items()
        if name not in names
    ]
