"""Clips with several sounds, each a tone of its own, and what sounds in a result."""

from __future__ import annotations

import cmath
import functools
import subprocess
from array import array
from typing import TYPE_CHECKING, NamedTuple

from tests import clips

if TYPE_CHECKING:
    from pathlib import Path

SIZE = "160x90"
TONES = (440, 660, 880, 1320)
RATE = 8000
AUDIBLE = 0.02  # FFmpeg's sine has 0.125
SECONDS = 2.0


class Tone(NamedTuple):
    """A sound track of a clip. The languages are those of ISO 639-2."""

    hertz: int
    coder: str = "aac"
    channels: int = 2
    language: str = ""
    title: str = ""
    seconds: float = SECONDS
    start: float = 0.0
    is_empty: bool = False


@functools.cache
def clip_with(
    *tones: Tone,
    suffix: str = "mkv",
    codec: str = "libx264",
    size: str = SIZE,
    seconds: float = SECONDS,
    b_frames: int = 2,
) -> Path:
    """A clip with these sounds, the first of which is the default one."""
    inputs: list[str] = []
    words: list[str] = []
    for place, tone in enumerate(tones):
        wave = f"sine=frequency={tone.hertz}:duration={tone.seconds}:sample_rate=48000"
        inputs += ["-itsoffset", str(tone.start), "-f", "lavfi", "-i", wave]
        words += ["-map", f"{place + 1}", f"-c:a:{place}", tone.coder]
        words += [f"-ac:a:{place}", str(tone.channels)]
        words += [f"-disposition:a:{place}", "0" if place else "default"]
        for name in ("language", "title"):
            words += [f"-metadata:s:a:{place}", f"{name}={getattr(tone, name)}"]
        if tone.is_empty:
            words += [f"-bsf:a:{place}", "noise=drop=1"]
    coder = {
        "libx264": clips.x264(20, b_frames=b_frames),
        "libx265": ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none"),
    }[codec]
    return clips.make(
        suffix, *clips.picture(seconds, size, "10"), *inputs, "-map", "0", *words, *coder
    )


def heard(path: Path, place: int, *, start: float = 0.4, channel: int = 0) -> set[int]:
    """Returns which of the usual tones sound in a track for 0.4 s from this time on."""
    words = ["-ss", str(start), "-t", "0.4", "-i", str(path), "-map", f"0:a:{place}"]
    words += ["-af", f"pan=mono|c0=c{channel}", "-ar", str(RATE), "-f", "f32le", "-"]
    done = subprocess.run(
        ["ffmpeg", "-nostdin", "-v", "error", *words],
        check=True,
        capture_output=True,
        timeout=60,
    )
    samples = array("f", done.stdout)
    return {hertz for hertz in TONES if _strength(samples, hertz) > AUDIBLE}


def _strength(samples: array[float], hertz: int) -> float:
    """Returns the amplitude of a frequency."""
    step = -2j * cmath.pi * hertz / RATE
    return 2 * abs(sum(one * cmath.exp(step * n) for n, one in enumerate(samples))) / len(samples)
