"""Real files that are their own index, made with the flags that renditions are made with, and what
FFmpeg itself says of them."""

from __future__ import annotations

import functools
import json
import struct
import subprocess
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from tests import clips
from videos.transcode.commands import FRAGMENTED, MIN_FRAGMENT_MICROSECONDS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from videos.transcode.fragments import Fragment, FragmentIndex

FLAGS = ("-movflags", FRAGMENTED, "-flush_packets", "1")
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-profile:v", "high", "-pix_fmt", "yuv420p")


# As files with several sounds are made.
SEPARATE_FLAGS = ("-movflags", f"{FRAGMENTED}+separate_moof", "-flush_packets", "1")

# As version 0.2 wrote files, which began some frames late.
OLD_FLAGS = ("-movflags", "+frag_keyframe+empty_moov+default_base_moof+dash")


def every(frames: int) -> tuple[str, ...]:
    """Output options: an encoded picture with a keyframe after so many frames."""
    return (*X264, "-bf", "2", "-g", str(frames), "-keyint_min", str(frames), "-sc_threshold", "0")


def encoded(
    *, seconds: float = 10, fps: str = "30", layout: str | None = "stereo", size: str = "160x90"
) -> Path:
    """As encodes are: fragments of 4 s (at 30 frames a second)."""
    sound = (*clips.tone(seconds, layout), "-c:a", "aac") if layout else ()
    inputs, coder = sound[:4], sound[4:]
    return clips.make(
        "mp4", *clips.picture(seconds, size, fps), *inputs, *every(120), *coder, *FLAGS
    )


def copied(clip: Path) -> Path:
    """As copies are: fragments of 2 s or more."""
    least = ("-min_frag_duration", str(MIN_FRAGMENT_MICROSECONDS))
    return clips.make("mp4", "-i", str(clip), "-c", "copy", *least, *FLAGS)


def old(clip: Path) -> Path:
    """A clip as version 0.2 published copies."""
    return clips.make("mp4", "-i", str(clip), "-c", "copy", *OLD_FLAGS)


def sound_first() -> Path:
    """The sound is the first track."""
    sound_and_picture = ("-map", "1", "-map", "0")
    return clips.make(
        *("mp4", *clips.picture(5, "160x90"), *clips.tone(5), *sound_and_picture),
        *(*every(60), "-c:a", "aac", *FLAGS),
    )


def longer_sound() -> Path:
    """5 s of picture and 12 s of sound."""
    return clips.make(
        "mp4", *clips.picture(5, "160x90"), *clips.tone(12), *every(60), "-c:a", "aac", *FLAGS
    )


def shorter_sound() -> Path:
    """5 s of picture and 1 s of sound: later fragments have no sound at all."""
    return clips.make(
        "mp4", *clips.picture(5, "160x90"), *clips.tone(1), *every(60), "-c:a", "aac", *FLAGS
    )


def tiny() -> Path:
    """Three fragments in a few kilobytes."""
    return clips.make(
        *("mp4", "-f", "lavfi", "-i", "color=gray:size=32x32:rate=10:duration=3"),
        *(*clips.tone(3, "mono", 8000), *every(10), "-c:a", "aac", "-b:a", "8k", *FLAGS),
    )


def separate(*sounds: tuple[str, ...], seconds: float = 5, order: str = "") -> Path:
    """A picture with a keyframe every second, and several sounds.

    Args:
        sounds: input options; two of other lengths than each other unless given.
        order: the numbers of the inputs in the order of the tracks, the picture being 0.
    """
    sounds = sounds or (clips.tone(seconds, "mono"), clips.tone(seconds + 0.03, rate=48_000))
    inputs = [word for options in sounds for word in options]
    maps = [word for n in order or range(len(sounds) + 1) for word in ("-map", str(n))]
    coder = ("-c:a", "aac", "-b:a", "32k", "-disposition:a", "default")
    spoken = ("-metadata:s:a:1", "language=deu")
    return clips.make(
        *("mp4", *clips.picture(seconds, "160x90"), *inputs, *maps),
        *(*every(30), *coder, *spoken, *SEPARATE_FLAGS),
    )


def several_copied() -> Path:
    """A copy in which every picture is a keyframe."""
    source = clips.make(
        *("mp4", "-i", str(clips.all_intra(seconds=5)), *clips.tone(5, "mono"), *clips.tone(5)),
        *("-map", "0:v", "-map", "1", "-map", "2", "-c:v", "copy", "-c:a", "aac"),
        *("-metadata:s:a:1", "language=deu"),
    )
    least = ("-min_frag_duration", str(MIN_FRAGMENT_MICROSECONDS))
    return clips.make("mp4", "-i", str(source), "-map", "0", "-c", "copy", *least, *SEPARATE_FLAGS)


SEPARATE_MAKERS: dict[str, Callable[[], Path]] = {
    "two sounds": separate,
    "sounds first": lambda: separate(order="120"),
    "one ends early": lambda: separate(clips.tone(5), clips.tone(1.5)),
    "one goes on": lambda: separate(clips.tone(7), clips.tone(5)),
    "one begins late": lambda: separate(clips.tone(5), ("-itsoffset", "1.3", *clips.tone(3.7))),
    "sixteen": lambda: separate(*(clips.tone(2, "mono", 16_000) for _ in range(16)), seconds=2),
    "copy": several_copied,
}

MAKERS: dict[str, Callable[[], Path]] = {
    "with sound": encoded,
    "without sound": lambda: encoded(layout=None),
    "mono": lambda: encoded(layout="mono", seconds=6),
    "29.97 frames a second": lambda: encoded(fps="30000/1001"),
    "sound first": sound_first,
    "shorter sound": shorter_sound,
    "copy": lambda: copied(clips.h264_mp4(seconds=5, gop=75)),
    "copy, every frame a keyframe": lambda: copied(clips.all_intra(seconds=5)),
    "copy, uneven frames": lambda: copied(clips.vfr_mp4()),
    "copy, turned": lambda: copied(clips.phone_h264_mov(seconds=3)),
}


@dataclass(frozen=True, slots=True)
class Packet:
    """One coded picture: seconds, seconds, bytes from the start of the file."""

    shown: Fraction
    lasts: Fraction
    offset: int


@functools.cache
def packets(address: Path | str) -> tuple[Packet, ...]:
    """The picture track's, in the order in which they are shown."""
    command = ["ffprobe", "-v", "error", "-select_streams", "v:0", "-of", "json"]
    entries = ("-show_entries", "packet=pts,duration,pos:stream=time_base")
    said = json.loads(
        subprocess.run(
            [*command, *entries, str(address)], check=True, capture_output=True, timeout=60
        ).stdout
    )
    tick = Fraction(said["streams"][0]["time_base"])
    found = (
        Packet(one["pts"] * tick, one.get("duration", 0) * tick, int(one.get("pos", -1)))
        for one in said["packets"]
    )
    return tuple(sorted(found, key=lambda packet: packet.shown))


def pictures(address: Path | str) -> list[str]:
    """The hash of each decoded picture."""
    command = ["ffmpeg", "-nostdin", "-v", "error", "-i", str(address), "-map", "0:v:0"]
    lines = subprocess.run(
        [*command, "-vsync", "passthrough", "-f", "framemd5", "-"],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout.splitlines()
    return [line.rpartition(",")[2].strip() for line in lines if not line.startswith("#")]


def part(path: Path, index: FragmentIndex, fragment: Fragment) -> bytes:
    """What a player has after two requests: the start of the file and one fragment."""
    data = path.read_bytes()
    return data[: index.init_size] + data[fragment.offset : fragment.offset + fragment.size]


class Box(NamedTuple):
    """A box of a file: its four letters, and where it begins and how long it is in bytes."""

    kind: str
    start: int
    size: int


def boxes(path: Path) -> list[Box]:
    """The outermost boxes of a file."""
    data = path.read_bytes()
    return _boxes(data, 0, len(data))


def inner_boxes(path: Path) -> list[Box]:
    """The boxes in the large mdat of a finalised file: those of the old moov, then fragments."""
    large = next(box for box in boxes(path) if box.kind == "mdat")
    return _boxes(path.read_bytes(), large.start + 16, large.start + large.size)


def _boxes(data: bytes, start: int, end: int) -> list[Box]:
    found = []
    while start < end:
        size, kind = struct.unpack_from(">I4s", data, start)
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, start + 8)
        found.append(Box(kind.decode(), start, size))
        start += size
    return found


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def sidx(begin: int = 0) -> bytes:
    """Four seconds of track 1."""
    numbers = struct.pack(">B3xIIQQHHIII", 1, 1, 90_000, begin, 0, 0, 1, 1, 4 * 90_000, 0)
    return box(b"sidx", numbers)
