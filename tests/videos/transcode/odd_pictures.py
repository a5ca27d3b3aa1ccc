"""Clips whose headers say less, or something else, than their pictures show.

Small, made on the spot by FFmpeg and by rewriting what it wrote. As in tests/clips.py, every path
is used by others too.
"""

from __future__ import annotations

import functools
import random
import struct
import subprocess
from typing import TYPE_CHECKING

from tests import boxes, clips

if TYPE_CHECKING:
    from pathlib import Path

AAC = ("-c:a", "aac", "-b:a", "64k")
KEY = "0123456789abcdef0123456789abcdef"
LETTERBOX = 22  # rows of bars above and below in `cropped_mkv`
ENTRY_BYTES = 78  # of a VisualSampleEntry before its boxes (ISO/IEC 14496-12, 12.1.3.2)


def h264(
    seconds: float = 4,
    *params: str,
    suffix: str = "mp4",
    size: str = "160x90",
    fps: str = "25",
    sound: bool = True,
    b_frames: int = 3,
    options: tuple[str, ...] = (),
) -> Path:
    """H.264 with a keyframe every second, and parameters of x264."""
    settings = ":".join(("keyint=25:min-keyint=25:scenecut=0", *params))
    tone = clips.tone(seconds) if sound else ()
    return clips.make(
        suffix,
        *clips.picture(seconds, size, fps),
        *tone,
        *("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"),
        *("-bf", str(b_frames), "-x264-params", settings),
        *(AAC if sound else ()),
        *options,
    )


def open_gop(seconds: float = 4, suffix: str = "mp4", size: str = "160x90") -> Path:
    """Keyframes are recovery points: frames before them in time refer to the group before."""
    return h264(seconds, "open-gop=1:bframes=3", suffix=suffix, size=size)


def intra_refresh(seconds: float = 4, suffix: str = "mp4", size: str = "160x90") -> Path:
    """No keyframe but the first: a column of intra blocks moves through the picture."""
    return h264(seconds, "intra-refresh=1", suffix=suffix, size=size, b_frames=0)


def changing_size(suffix: str = "mp4", second: str = "160x120") -> Path:
    """Two seconds of 160 x 90, then two of another size. The header tells of the first only."""
    raw = clips.new_path("h264", "joined")
    parts = [
        h264(2, size=size, suffix="h264", sound=False, b_frames=0) for size in ("160x90", second)
    ]
    raw.write_bytes(b"".join(part.read_bytes() for part in parts))
    return clips.make(suffix, "-r", "25", "-i", str(raw), *clips.tone(4), "-c:v", "copy", *AAC)


def vp8_changing_size() -> Path:
    """A call's recording: the picture becomes larger when the network allows it."""
    vp8 = ("-c:v", "libvpx", "-deadline", "realtime", "-b:v", "300k", "-g", "25")
    parts = [
        clips.make("ivf", *clips.picture(2, size, "25"), *vp8) for size in ("160x90", "96x160")
    ]
    joined = clips.new_path("ivf", "joined")
    first, second = (part.read_bytes() for part in parts)
    shifted = bytearray()
    place = 32
    while place < len(second):  # IVF: size and time in front of each frame
        size, time = struct.unpack_from("<IQ", second, place)
        shifted += struct.pack("<IQ", size, time + 50) + second[place + 12 : place + 12 + size]
        place += 12 + size
    joined.write_bytes(first + shifted)
    return clips.make("webm", "-i", str(joined), "-c", "copy")


@functools.cache
def two_descriptions(seconds: float = 2, size: str = "160x90", fps: str = "25") -> Path:
    """Two clips in one track with a sample description each, as cameras and joins write them."""
    parts = [
        h264(*(seconds, settings), size=size, fps=fps, sound=False, b_frames=0, options=options)
        for settings, options in (
            ("cabac=1:8x8dct=1:ref=3", ("-profile:v", "high")),
            ("cabac=0:ref=1", ("-profile:v", "baseline")),
        )
    ]
    first, second = (boxes.load(part) for part in parts)
    tables = [boxes.sample_table(boxes.tracks(file)[0]) for file in (first, second)]
    sizes = [_sizes(table) for table in tables]
    data = [file.find(b"mdat").content for file in (first, second)]
    _join(first, tables, sizes, data)
    return boxes.save(first, clips.new_path("mp4", "descriptions"))


def _sizes(table: boxes.Box) -> list[int]:
    content = table.find(b"stsz").content
    return [number for (number,) in struct.iter_unpack(">I", content[12:])]


def _join(
    file: boxes.Box, tables: list[boxes.Box], sizes: list[list[int]], data: list[bytes]
) -> None:
    """Makes the first file one track of two chunks, one for each description."""
    table, counts = tables[0], [len(one) for one in sizes]
    total = sum(counts)
    delta = table.find(b"stts").number(12)
    keys = [1 + n for n in range(0, counts[0], 25)]
    keys += [1 + counts[0] + n for n in range(0, counts[1], 25)]
    entries = [one.find(b"stsd").content[8:] for one in tables]
    table.find(b"stsd").content = struct.pack(">II", 0, 2) + b"".join(entries)
    table.find(b"stsz").content = struct.pack(f">III{total}I", 0, 0, total, *sizes[0], *sizes[1])
    table.find(b"stss").content = struct.pack(f">II{len(keys)}I", 0, len(keys), *keys)
    table.find(b"stts").content = struct.pack(">IIII", 0, 1, total, delta)
    chunks = (1, counts[0], 1, 2, counts[1], 2)
    table.find(b"stsc").content = struct.pack(">II6I", 0, 2, *chunks)
    table.remove(b"ctts", b"sgpd", b"sbgp")
    moov = file.find(b"moov")
    track = boxes.tracks(file)[0]
    track.remove(b"edts")
    media, movie = track.find(b"mdia", b"mdhd"), moov.find(b"mvhd")
    media.patch(16, ">I", total * delta)
    shown = total * delta * movie.number(12) // media.number(12)
    movie.patch(16, ">I", shown)
    track.find(b"tkhd").patch(20, ">I", shown)
    ftyp = file.find(b"ftyp")
    start = len(ftyp.as_bytes()) + 8
    table.find(b"stco").content = struct.pack(">IIII", 0, 2, start, start + len(data[0]))
    mdat = boxes.Box(b"mdat", b"".join(data))
    file.boxes = [ftyp, mdat, moov]


@functools.cache
def same_description_twice() -> Path:
    """One clip joined to itself by a program that repeats the description."""
    file = boxes.load(h264(sound=False))
    table = boxes.sample_table(boxes.tracks(file)[0]).find(b"stsd")
    table.content = struct.pack(">II", 0, 2) + table.content[8:] * 2
    return boxes.save(file, clips.new_path("mp4", "twice"))


@functools.cache
def parameters_in_band() -> Path:
    """avc3: the decoder's parameters only in front of the pictures."""
    raw = h264(suffix="h264", sound=False, b_frames=0)
    path = clips.make("mp4", "-r", "25", "-i", str(raw), *clips.tone(4), "-c:v", "copy", *AAC)
    file = boxes.load(path)
    table = boxes.sample_table(boxes.tracks(file, b"vide")[0]).find(b"stsd")
    entry = table.content[16 : 16 + ENTRY_BYTES]
    record = table.content[table.content.index(b"avcC") + 4 :][:4] + b"\xff\xe0\x00"
    content = entry + struct.pack(">I4s", len(record) + 8, b"avcC") + record
    table.content = struct.pack(">III4s", 0, 1, len(content) + 8, b"avc3") + content
    return boxes.save(file, clips.new_path("mp4", "avc3"))


def encrypted(seconds: float = 2) -> Path:
    """Common Encryption, picture and sound."""
    return h264(
        seconds,
        options=(
            *("-encryption_scheme", "cenc-aes-ctr", "-encryption_key", KEY),
            *("-encryption_kid", KEY[::-1]),
        ),
    )


def encrypted_as(kind: bytes) -> Path:
    """An encrypted clip whose picture has another kind of sample entry, such as FairPlay's."""
    return with_tag(encrypted(), b"encv", kind)


@functools.cache
def with_tag(clip: Path, old: bytes, new: bytes) -> Path:
    """Renames the first codec of this name in the sample descriptions of an MP4 or MOV."""
    data = bytearray(clip.read_bytes())
    at = data.index(old, data.index(b"stsd"))
    data[at : at + 4] = new
    path = clips.new_path(clip.suffix.lstrip("."), "tagged")
    path.write_bytes(data)
    return path


def moving_bar(
    suffix: str,
    *coder: str,
    seconds: float = 1.6,
    bottom_first: bool = False,
    size: str = "240x64",
) -> Path:
    """A white bar that moves by two pixels a field, 50 fields a second."""
    height = size.split("x")[1]
    mode, order = ("interleave_bottom", "bff") if bottom_first else ("interleave_top", "tff")
    return clips.make(
        suffix,
        *("-f", "lavfi", "-i", f"color=black:s={size}:r=50:d={seconds}"),
        *("-f", "lavfi", "-i", f"color=white:s=24x{height}:r=50:d={seconds}"),
        "-filter_complex",
        f"[0][1]overlay=x=8+2*n,tinterlace={mode},setfield={order}",
        *("-flags", "+ilme+ildct"),
        *coder,
    )


def bar_places(video: Path, width: int = 240) -> list[float]:
    """Returns where the bar is in each frame of a video of this width, in pixels."""
    filters = f"scale={width}:1:flags=area,format=gray"
    command = ["ffmpeg", "-v", "error", "-i", str(video), "-vf", filters, "-vsync", "passthrough"]
    raw = subprocess.run([*command, "-f", "rawvideo", "-"], check=True, capture_output=True).stdout
    rows = [raw[at : at + width] for at in range(0, len(raw), width)]
    lights = [[max(0, value - 60) for value in row] for row in rows]
    return [sum(x * v for x, v in enumerate(row)) / max(1, sum(row)) for row in lights]


@functools.cache
def cropped_mkv(*, display: tuple[int, int] | None = (320, 136)) -> Path:
    """White between black bars, which the container crops.

    FFmpeg does not write such elements. They take the place of the colours that it wrote.

    Args:
        display: the display size, which is that of what remains; None for no such elements.
    """
    bars = ",".join(f"drawbox=y={y}:h={LETTERBOX}:c=black:t=fill" for y in (0, 180 - LETTERBOX))
    clip = clips.make(
        "mkv",
        *("-f", "lavfi", "-i", "color=white:s=320x180:r=25:d=2"),
        *("-vf", bars, *clips.x264(25), "-write_crc32", "0"),
        *("-color_range", "tv", "-colorspace", "bt709"),
        *("-color_primaries", "bt709", "-color_trc", "bt709"),
    )
    data = clip.read_bytes()
    at = data.index(b"\x55\xb0", data.index(b"\xe0"))  # Colour, in Video
    length = 3 + (data[at + 2] & 0x7F)
    elements = _element(0x54AA, LETTERBOX) + _element(0x54BB, LETTERBOX)
    if display is not None:
        elements += _element(0x54B0, display[0]) + _element(0x54BA, display[1])
    room = length - len(elements) - 2
    path = clips.new_path("mkv", "cropped")
    void = bytes((0xEC, 0x80 | room)) + bytes(room)
    path.write_bytes(data[:at] + elements + void + data[at + length :])
    return path


def _element(identifier: int, value: int) -> bytes:
    """Returns an unsigned element of EBML."""
    length = max(1, (value.bit_length() + 7) // 8)
    return identifier.to_bytes(2) + bytes((0x80 | length,)) + value.to_bytes(length)


@functools.cache
def scrambled(first: float = 0.0, last: float = 1.0) -> Path:
    """Right tables, but noise in place of the data between two shares of it."""
    clip = h264(8, sound=False)
    data = bytearray(clip.read_bytes())
    mdat, moov = data.index(b"mdat") + 4, data.index(b"moov") - 4
    start, end = (mdat + int((moov - mdat) * share) for share in (first, last))
    data[start:end] = random.Random(1).randbytes(end - start)
    path = clips.new_path("mp4", "scrambled")
    path.write_bytes(data)
    return path
