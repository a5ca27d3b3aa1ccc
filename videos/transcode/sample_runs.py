"""Reads where the samples of a track are in the fragments that FFmpeg writes.

Boxes are those of ISO/IEC 14496-12, section 8.8. Every function raises ValueError for contents that
are damaged or that renditions never have.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

from videos.transcode.container import box_header
from videos.transcode.moov import boxes_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from videos.transcode.container import FileReader

MAX_BOX_BYTES = 64 * 1024**2  # of a moov or moof, as a guard against damaged sizes

# Flags of a tfhd (8.8.7) and the bytes of their fields before the default sample size.
DEFAULT_SIZE = 0x10
FIELDS_BEFORE_SIZE = ((0x1, 8), (0x2, 4), (0x8, 4))
# Flags of a trun (8.8.8). Fields of each sample have 4 bytes, in this order.
DATA_OFFSET, FIRST_FLAGS, SAMPLE_SIZE = 0x1, 0x4, 0x200
SAMPLE_FIELDS = (0x100, SAMPLE_SIZE, 0x400, 0x800)


class SampleBox(NamedTuple):
    """A moov or moof. ``offset``: of its header in the file; ``start``: of its content."""

    kind: bytes
    offset: int
    start: int
    content: bytes


class Sample(NamedTuple):
    """Where a sample is in the file, in bytes."""

    offset: int
    size: int


def boxes_with_samples(reader: FileReader) -> Iterator[SampleBox]:
    """Yields each moov and moof of a file, in its order."""
    place = 0
    while (header := box_header(reader.read(place, 16))) is not None:
        if header.size < header.length:
            raise ValueError(f"a box of {header.size} bytes at {place}")
        if header.kind in (b"moov", b"moof"):
            if header.size > MAX_BOX_BYTES:
                raise ValueError(f"{header.kind!r} of {header.size} bytes")
            start = place + header.length
            content = reader.read(start, header.size - header.length)
            yield SampleBox(header.kind, place, start, content)
        place += header.size


def tracks_in(moof: bytes) -> set[int]:
    """Returns the numbers of the tracks that have samples in a fragment."""
    headers = (next(boxes_in(traf, b"tfhd"), b"") for traf in boxes_in(moof, b"traf"))
    return {int.from_bytes(header[4:8]) for header in headers}


def samples_of(moof: bytes, offset: int, track: int) -> Iterator[Sample]:
    """Yields the samples of a track in a fragment.

    Args:
        moof: the content of the box.
        offset: of the box in the file; what the data offsets of its runs count from.
        track: number of the track.
    """
    for fragment in boxes_in(moof, b"traf"):
        header = next(boxes_in(fragment, b"tfhd"), b"")
        if int.from_bytes(header[4:8]) == track:
            default = _default_size(header)
            for run in boxes_in(fragment, b"trun"):
                yield from _run(run, offset, default)


def _default_size(header: bytes) -> int:
    flags = int.from_bytes(header[1:4])
    if not flags & DEFAULT_SIZE:
        return 0
    place = 8 + sum(size for flag, size in FIELDS_BEFORE_SIZE if flags & flag)
    return int.from_bytes(header[place : place + 4])


def _run(run: bytes, offset: int, default: int) -> Iterator[Sample]:
    flags, count = int.from_bytes(run[1:4]), int.from_bytes(run[4:8])
    if not flags & DATA_OFFSET:
        raise ValueError("a run without an offset")
    (data,) = struct.unpack_from(">i", run, 8)
    place = 16 if flags & FIRST_FLAGS else 12
    width = 4 * sum(bool(flags & field) for field in SAMPLE_FIELDS)
    if place + width * count > len(run):
        raise ValueError("a run that is cut")
    at = offset + data
    for number in range(count):
        size = default
        if flags & SAMPLE_SIZE:
            field = place + width * number + (4 if flags & SAMPLE_FIELDS[0] else 0)
            size = int.from_bytes(run[field : field + 4])
        if not size:
            raise ValueError("samples of unknown size")
        yield Sample(at, size)
        at += size
