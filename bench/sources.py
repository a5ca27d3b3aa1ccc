"""Videos for the benchmarks, generated identically on each run."""

from __future__ import annotations

import random
import subprocess
from typing import TYPE_CHECKING

from PIL import Image, ImageMath

if TYPE_CHECKING:
    from pathlib import Path

SECONDS = 60
COPY_BYTES = 150 * 1000**2
STILL = (2560, 1440)


def ffmpeg(*arguments: str | Path) -> None:
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", *arguments], check=True)


def h264_source(folder: Path) -> Path:
    """Generates 60 s of H.264 and AAC in 1080p, about 150 MB. Returns the file."""
    path = folder / "h264.mp4"
    rate = f"{COPY_BYTES * 8 // SECONDS}"
    ffmpeg(
        *("-f", "lavfi", "-i", f"testsrc2=size=1920x1080:rate=30:duration={SECONDS}"),
        *_tone(),
        *("-vf", "noise=alls=12:allf=t,format=yuv420p"),
        *("-c:v", "libx264", "-preset", "ultrafast", "-b:v", rate, "-minrate", rate),
        *("-maxrate", rate, "-bufsize", rate, "-x264-params", "nal-hrd=cbr", "-g", "60"),
        *("-c:a", "aac", "-ac", "2", path),
    )
    return path


def hevc_source(folder: Path) -> Path:
    """Generates 60 s of HEVC and AAC in 1080p, similar to a phone's video. Returns the file.

    It has 11 Mbit/s, of which x264 veryfast leaves 5.7 at CRF 21. It shows a scene with the
    spectrum of a photograph, from a handheld camera, with the noise of a sensor. A test card would
    be far too easy to encode, and strong noise far too hard.
    """
    return _hevc(folder / "hevc.mp4", SECONDS, "-crf", "20")


def heavy_hevc_source(folder: Path) -> Path:
    """Generates 60 s of HEVC and AAC in 1080p, about 150 MB. Returns the file.

    Six seconds are repeated, because encoding so many bits takes minutes.
    """
    path = folder / "heavy.mp4"
    part = _hevc(folder / "part.mp4", SECONDS // 10, "-b:v", f"{COPY_BYTES * 8 // SECONDS}")
    repeated = ("-stream_loop", "9", "-i", part)
    streams = ("-map", "0:v", "-map", "1:a", "-c:v", "copy", "-c:a", "aac", "-ac", "2")
    ffmpeg(*repeated, *_tone(), *streams, "-tag:v", "hvc1", "-t", str(SECONDS), path)
    return path


def _hevc(path: Path, seconds: int, *rate: str) -> Path:
    still = path.with_name("still.png")
    _scene().save(still)
    ffmpeg(
        *("-loop", "1", "-framerate", "30", "-i", still),
        *_tone(),
        *("-t", str(seconds), "-vf"),
        "crop=2200:1238:x='180+170*sin(t)':y='100+90*cos(t*1.3)',"
        "rotate=0.03*sin(t*0.9):ow=1920:oh=1080,noise=alls=6:allf=t,format=yuv420p",
        *("-c:v", "libx265", "-preset", "ultrafast", *rate, "-tag:v", "hvc1"),
        *("-x265-params", "log-level=error", "-c:a", "aac", "-ac", "2", path),
    )
    return path


def _tone() -> tuple[str, ...]:
    return ("-f", "lavfi", "-i", f"sine=frequency=330:duration={SECONDS}")


def _scene() -> Image.Image:
    """An image of octaves of noise, the finer the fainter, as in a photograph."""
    chances = [random.Random(seed) for seed in range(3)]  # noqa: S311 no secret
    return Image.merge("RGB", [_channel(chance) for chance in chances])


def _channel(chance: random.Random) -> Image.Image:
    width, height = STILL
    total, across = Image.new("F", STILL, 128.0), 4
    while across <= width:
        down = max(2, across * height // width)
        octave = Image.frombytes("L", (across, down), chance.randbytes(across * down))
        total = ImageMath.lambda_eval(
            lambda it: it["total"] + (it["octave"] - 128) * it["faint"],
            total=total,
            octave=octave.resize(STILL, Image.Resampling.BICUBIC).convert("F"),
            faint=1.6 / across**0.3,
        )
        across *= 2
    return total.convert("L")
