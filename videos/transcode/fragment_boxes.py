"""Reads the boxes of which a fragment consists: sidx, moof and mdat.

Boxes are those of ISO/IEC 14496-12; the contents of ``moof`` and ``mdat`` are not read.
"""

from __future__ import annotations

import struct
from fractions import Fraction
from typing import TYPE_CHECKING

from videos.transcode.container import box_header
from videos.transcode.errors import NotFragmentedError
from videos.transcode.file_start import box_content, next_header

if TYPE_CHECKING:
    from videos.transcode.container import FileReader

# Far above what FFmpeg writes, so that a damaged size field cannot fill memory.
MAX_SIDX_BYTES = 4096
MAX_LEADING_BOXES = 65  # before a moof: one for each of 64 tracks, and styp


def trailer_end(reader: FileReader, offset: int, *, with_moov: bool = True) -> int:
    """Returns where FFmpeg's trailer and the moov of a finalised file end, if they are complete.

    Returns `offset` if neither follows there. Other bytes may follow: a process that is killed
    while it appends the moov leaves a part of it.
    """
    for kind in (b"mfra", b"moov") if with_moov else (b"mfra",):
        header = box_header(reader.read(offset, 16))
        if header and header.kind == kind and header.length <= header.size <= reader.size - offset:
            offset += header.size
    return offset


def read_fragment(reader: FileReader, offset: int) -> tuple[int, dict[int, Fraction]] | None:
    """Returns the size of a fragment in bytes, and when each of its tracks ends, in seconds.

    None if it is incomplete. Raises: NotFragmentedError.
    """
    ends: dict[int, Fraction] = {}
    place = offset
    for _ in range(MAX_LEADING_BOXES):
        header = next_header(reader, place)
        if header is None:
            return None
        if header.kind == b"moof":
            break
        if header.kind == b"sidx":
            content = box_content(reader, place, header, MAX_SIDX_BYTES)
            if content is None:
                return None
            track, end = _sidx(content, place)
            ends[track] = end
        elif header.kind != b"styp":
            raise NotFragmentedError(f"{header.kind!r} at {place}, in front of a moof")
        place += header.size
    else:
        raise NotFragmentedError(f"too many boxes in front of the moof that follows {offset}")
    if not ends:
        raise NotFragmentedError(f"the moof at {place} has no sidx")
    place += header.size
    data = next_header(reader, place)
    if data is None:
        return None
    if data.kind != b"mdat":
        raise NotFragmentedError(f"{data.kind!r} at {place}, not b'mdat'")
    size = place + data.size - offset
    return (size, ends) if offset + size <= reader.size else None


def _sidx(content: bytes, offset: int) -> tuple[int, Fraction]:
    """Parses a sidx (section 8.16.3): the number of the track and its end in seconds."""
    try:
        version, track, timescale = struct.unpack_from(">B3xII", content)
        times, place = (">II", 20) if version == 0 else (">QQ", 28)
        begin, _ = struct.unpack_from(times, content, 12)
        (count,) = struct.unpack_from(">2xH", content, place)
        ticks = begin
        for n in range(count):
            reference, lasts, _ = struct.unpack_from(">III", content, place + 4 + 12 * n)
            if reference >> 31:
                raise NotFragmentedError(f"the sidx at {offset} points to another one")
            ticks += lasts
        return track, Fraction(ticks, timescale)
    except (struct.error, ZeroDivisionError) as error:
        raise NotFragmentedError(f"the sidx at {offset}: {error}") from error
