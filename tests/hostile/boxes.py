"""Writes valid and invalid MP4 and QuickTime files. Source: ISO/IEC 14496-12."""

from __future__ import annotations

import functools
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence

from tests import clips

MATRIX = struct.pack(">9i", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
U32 = 0xFFFFFFFF


def box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def full(kind: bytes, *parts: bytes, version: int = 0, flags: int = 0) -> bytes:
    return box(kind, struct.pack(">I", version << 24 | flags), *parts)


def u32(*numbers: int) -> bytes:
    return struct.pack(f">{len(numbers)}I", *numbers)


FTYP = box(b"ftyp", b"isom", u32(512), b"isomiso2mp41")


def parts(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Returns type and body of each box at this level of well-formed data."""
    offset = 0
    while offset + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, offset)
        yield kind, data[offset + 8 : offset + size]
        offset += size


def edited(data: bytes, path: str, change: Callable[[bytes], bytes]) -> bytes:
    """Changes the body of the first box with this path ("moov/trak/tkhd").

    Corrects the sizes of the boxes around it, but no chunk offsets: data in front of ``mdat`` must
    keep its length.
    """
    first, _, rest = path.partition("/")
    made, found = [], False
    for kind, body in parts(data):
        new = body
        if kind == first.encode() and not found:
            found = True
            new = edited(body, rest, change) if rest else change(body)
        made.append(box(kind, new))
    assert found, path
    return b"".join(made)


@functools.cache
def plain() -> bytes:
    """Returns a second of H.264 and AAC, ``moov`` at the end, the video track first."""
    return clips.h264_mp4(seconds=1, size="160x90", gop=15).read_bytes()


@functools.cache
def jpeg() -> bytes:
    return clips.make(
        "jpg", "-f", "lavfi", "-i", "testsrc2=size=64x64", "-frames:v", "1"
    ).read_bytes()


def data_reference(*entries: bytes) -> bytes:
    return full(b"dref", u32(len(entries)), *entries)


INSIDE = data_reference(full(b"url ", flags=1))


def video(
    samples: Sequence[bytes] = (),
    *,
    codec: bytes = b"jpeg",
    size: tuple[int, int] = (64, 64),
    timescale: int = 1000,
    delta: int = 100,
    dref: bytes = INSIDE,
    tables: Mapping[bytes, bytes] | None = None,
    more: bytes = b"",
    tracks: int = 1,
) -> bytes:
    """Builds a video with one kind of track, by default five JPEG frames.

    Args:
        tables: bodies of ``stbl``'s boxes, without version and flags, that replace the right ones.
        more: appended to ``moov``.
        tracks: number of tracks, all with the same samples.
    """
    samples = samples or [jpeg()] * 5
    content = box(b"mdat", *samples)
    start = len(FTYP) + 8
    entry = struct.pack(">6xH16xHHIIIH32xHh", 1, *size, 0x480000, 0x480000, 0, 1, 24, -1)
    true = {
        b"stsd": u32(1) + box(codec, entry),
        b"stts": u32(1, len(samples), delta),
        b"stsc": u32(1, 1, len(samples), 1),
        b"stsz": u32(0, len(samples), *map(len, samples)),
        b"stco": u32(1, start),
    } | dict(tables or {})
    length = len(samples) * delta
    media = box(
        b"mdia",
        full(b"mdhd", u32(0, 0, timescale, min(length, U32)), struct.pack(">HH", 0x55C4, 0)),
        full(b"hdlr", u32(0), b"vide", bytes(12), b"\0"),
        box(
            b"minf",
            full(b"vmhd", bytes(8), flags=1),
            box(b"dinf", dref),
            box(b"stbl", *(full(kind, body) for kind, body in true.items())),
        ),
    )
    traks = [
        box(
            b"trak",
            full(
                b"tkhd",
                *(u32(0, 0, number, 0, min(length, U32)), bytes(16), MATRIX),
                u32(size[0] << 16, size[1] << 16),
                flags=3,
            ),
            media,
        )
        for number in range(1, tracks + 1)
    ]
    mvhd = full(
        b"mvhd",
        *(u32(0, 0, timescale, min(length, U32), 0x10000), struct.pack(">H10x", 0x100)),
        *(MATRIX, bytes(24), u32(tracks + 1)),
    )
    return FTYP + content + box(b"moov", mvhd, *traks, more)
