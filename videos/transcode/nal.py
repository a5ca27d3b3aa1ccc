"""Reads the first NAL units of each fragment of a copied H.264 picture.

Players start at fragments, so each must begin with an IDR picture: after any other keyframe (an
open group of pictures, a recovery point) pictures may refer to what the player has not loaded. The
decoder's parameters must be those of the ``avcC``, because players need not read others in between.

All copies have the layout of ``fragments``, so this works for every source container. NAL units
are those of ITU-T H.264, 7.3.1; ``avcC`` is that of ISO/IEC 14496-15, 5.3.3.1.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

from videos.transcode.boxes import Box, child, children, whole_file
from videos.transcode.container import FileReader
from videos.transcode.fragments import read_index
from videos.transcode.sample_entries import track_number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from videos.transcode.fragments import Fragment

SLICE, SLICE_A, IDR, SPS, PPS = 1, 2, 5, 7, 8
MAX_UNITS = 256  # in a picture before its first slice
MAX_PARAMETER_BYTES = 4096

NOT_IDR = "keyframes that players cannot start at"
OTHER_PARAMETERS = "decoder parameters that change"
NO_PARAMETERS = "decoder parameters only between the pictures"


class AvcParameters(NamedTuple):
    """The content of an ``avcC``.

    Attributes:
        length_size: bytes of the length in front of each NAL unit.
        sets: sequence and picture parameter sets.
    """

    length_size: int
    sets: frozenset[bytes]


def reason_against_copy(path: Path, *, tick: Callable[[], None] = lambda: None) -> str:
    """Returns why players could not play a finished copy from each fragment; "" if they can.

    Needs some twenty short reads for each fragment of the picture: a sixth of a second for two
    hours, and minutes for a hostile file.

    Args:
        tick: called for each fragment.

    Raises: NotFragmentedError, OSError.
    """
    with path.open("rb") as file:
        reader = FileReader.of(file)
        index = read_index(file)
        parameters = parse_avc_record(_avc_record(reader, index.video_track))
        if not parameters.sets:
            return NO_PARAMETERS
        for fragment in index.fragments:
            tick()
            sample = _first_sample(reader, fragment, index.video_track)
            if sample is None:  # only sound
                continue
            reason = _reason(nal_units(reader, sample, parameters.length_size), parameters)
            if reason:
                return reason
    return ""


def parse_avc_record(record: bytes) -> AvcParameters:
    """Parses an ``avcC``. Parameter sets that are cut are left out."""
    sets: set[bytes] = set()
    place = 5
    for mask in (0x1F, 0xFF):  # sequence, then picture parameter sets
        count = record[place] & mask if place < len(record) else 0
        place += 1
        for _ in range(count):
            size = int.from_bytes(record[place : place + 2])
            sets.add(record[place + 2 : place + 2 + size].rstrip(b"\0"))
            place += 2 + size
    return AvcParameters((record[4] & 3) + 1 if len(record) > 4 else 4, frozenset(sets - {b""}))


class NalUnit(NamedTuple):
    """``kind``: nal_unit_type. ``content``: the unit of a parameter set; b"" for others."""

    kind: int
    content: bytes


class Sample(NamedTuple):
    """Where the data of a picture is in the file."""

    offset: int
    size: int


def nal_units(reader: FileReader, sample: Sample, length_size: int) -> Iterator[NalUnit]:
    """Yields the NAL units of a sample, up to the first slice or damage."""
    place, end = sample.offset, sample.offset + sample.size
    for _ in range(MAX_UNITS):
        if place + length_size >= end:
            return
        start = reader.read(place, length_size + 1)
        size = int.from_bytes(start[:length_size])
        if len(start) <= length_size or place + length_size + size > end:
            return
        if size:
            kind = start[length_size] & 0x1F
            is_parameters = kind in (SPS, PPS) and size <= MAX_PARAMETER_BYTES
            content = reader.read(place + length_size, size) if is_parameters else b""
            # Zero bytes may follow a unit (7.4.1.1: trailing_zero_8bits of other writers).
            yield NalUnit(kind, content.rstrip(b"\0"))
            if kind in (SLICE, SLICE_A, IDR):
                return
        place += length_size + size


def _reason(units: Iterator[NalUnit], parameters: AvcParameters) -> str:
    for unit in units:
        if unit.kind in (SPS, PPS) and unit.content not in parameters.sets:
            return OTHER_PARAMETERS
        if unit.kind in (SLICE, SLICE_A):
            return NOT_IDR
        if unit.kind == IDR:
            return ""
    return NOT_IDR


def _avc_record(reader: FileReader, track: int) -> bytes:
    """Returns the content of the ``avcC`` of a track; b"" if there is none."""
    moov = child(reader, whole_file(reader), b"moov")
    for box in children(reader, moov, b"trak") if moov else ():
        table = child(reader, box, b"mdia", b"minf", b"stbl", b"stsd")
        if table is None or track_number(reader, box) != track:
            continue
        entry = next(children(reader, table._replace(start=table.start + 8)), None)
        if entry is not None:
            # The fields of a VisualSampleEntry have 78 bytes (ISO/IEC 14496-12, 12.1.3.2).
            record = child(reader, entry._replace(start=entry.start + 78), b"avcC")
            return reader.read(record.start, record.end - record.start) if record else b""
    return b""


def _first_sample(reader: FileReader, fragment: Fragment, track: int) -> Sample | None:
    """Returns the first sample of a track in a fragment; None if it has none."""
    whole = Box(b"", fragment.offset, fragment.offset, fragment.offset + fragment.size)
    for moof in children(reader, whole, b"moof"):
        for traf in children(reader, moof, b"traf"):
            header, run = child(reader, traf, b"tfhd"), child(reader, traf, b"trun")
            if header is not None and run is not None:
                sample = _sample(reader.read(header.start, 40), reader.read(run.start, 32), track)
                if sample is not None:
                    # Offsets count from the moof: copies are written with default_base_moof.
                    return sample._replace(offset=sample.offset + moof.begin)
    return None


def _sample(header: bytes, run: bytes, track: int) -> Sample | None:
    """Returns the first sample of a ``tfhd`` and its ``trun`` (ISO/IEC 14496-12, 8.8.7 and 8.8.8).

    None if they are of another track.
    """
    if len(header) < 8 or len(run) < 8 or int.from_bytes(header[4:8]) != track:
        return None
    flags, offset, place = int.from_bytes(run[1:4]), 0, 8
    if flags & 0x1:  # data offset
        (offset,) = struct.unpack_from(">i", run, place)
        place += 4
    place += 4 if flags & 0x4 else 0  # flags of the first sample
    place += 4 if flags & 0x100 else 0  # duration
    size = run[place : place + 4] if flags & 0x200 else _default_size(header)
    return Sample(offset, int.from_bytes(size))


def _default_size(header: bytes) -> bytes:
    """Returns the default sample size of a ``tfhd``; b"" if it has none."""
    flags = int.from_bytes(header[1:4])
    if not flags & 0x10:
        return b""
    place = 8 + (8 if flags & 0x1 else 0) + (4 if flags & 0x2 else 0) + (4 if flags & 0x8 else 0)
    return header[place : place + 4]
