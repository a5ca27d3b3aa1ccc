"""Finds user data in AV1: metadata and units without a meaning (AV1 Bitstream Specification, 5.3).

A picture is a sequence of units (OBUs), each with a header of one or two bytes and usually its
size.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from videos.transcode.codec_names import DOLBY_BOXES
from videos.transcode.errors import UnfitCopyError
from videos.transcode.hevc_sei import HDR10_PLUS
from videos.transcode.moov import all_boxes
from videos.transcode.sei import MAX_UNIT_BYTES, TOO_MANY_UNITS, Cleaner, filled, filler
from videos.transcode.sei_messages import CAPTIONS

if TYPE_CHECKING:
    from collections.abc import Generator

    from videos.transcode.container import FileReader
    from videos.transcode.sample_runs import Sample
    from videos.transcode.sei import Change

# Types of units (6.2.2).
SEQUENCE_HEADER, METADATA, PADDING = 1, 5, 15
# Padding, and types without a meaning, in which a camera could store anything.
UNKNOWN_UNITS: Final = frozenset({0, *range(9, 15), PADDING})
# Types of metadata (6.7.1): light level, mastering display, scalability; ITU-T T.35. Not the time
# of day, nor what is private.
KEPT_METADATA: Final = frozenset({1, 2, 3})
REGISTERED: Final = 4
# Dolby Vision's metadata, which only files with its box have.
DOLBY: Final = b"\xb5\x00\x3b\x00\x00\x08\x00"

MAX_HEADER_BYTES: Final = 10  # two, and a size of up to eight
RECORD_BYTES: Final = 4  # of an av1C before its units


class Unit(NamedTuple):
    """``header``: bytes of header and size; ``size``: of the whole unit."""

    kind: int
    header: bytes
    size: int


def parse_unit(start: bytes, room: int) -> Unit | None:
    """Returns the unit at a place; None if it is damaged.

    Args:
        start: its first bytes, ``MAX_HEADER_BYTES`` if there are so many.
        room: bytes to the end of the picture, where a unit without a size ends.
    """
    if not start or start[0] & 0x80:
        return None
    length = 2 if start[0] & 4 else 1
    size = room - length
    if start[0] & 2:
        size, shift = 0, 0
        while True:
            if length >= len(start) or shift > 49:
                return None
            byte = start[length]
            size |= (byte & 0x7F) << shift
            length, shift = length + 1, shift + 7
            if not byte & 0x80:
                break
    if size < 0 or length + size > room:
        return None
    return Unit(start[0] >> 3 & 15, start[:length], length + size)


class Av1Cleaner(Cleaner):
    """Finds user data in AV1."""

    box = b"av1C"

    def __init__(self, record: bytes, boxes: bytes = b"") -> None:
        has_dolby = any(kind in DOLBY_BOXES for kind, _ in all_boxes(boxes))
        self.kept = (CAPTIONS, HDR10_PLUS, DOLBY) if has_dolby else (CAPTIONS, HDR10_PLUS)

    def changes_in(
        self, reader: FileReader, sample: Sample, most: int
    ) -> Generator[Change, None, int]:
        units, place, end = 0, sample.offset, sample.offset + sample.size
        while place < end:
            unit = parse_unit(reader.read(place, min(MAX_HEADER_BYTES, end - place)), end - place)
            if unit is None:
                break
            units += 1
            if units > most:
                raise UnfitCopyError(TOO_MANY_UNITS)
            if unit.kind == METADATA or unit.kind in UNKNOWN_UNITS:
                if unit.size > MAX_UNIT_BYTES:
                    yield from filled(reader, place, unit.size, _padding_header(unit))
                else:
                    content = reader.read(place, unit.size)
                    yield place, content, self.clean_unit(content)
            place += unit.size
        return units

    def clean_unit(self, content: bytes) -> bytes:
        """Returns a unit of the same size: metadata that are kept, and padding for any other."""
        unit = parse_unit(content, len(content))
        if unit is None or (unit.kind == METADATA and self._is_kept(content[len(unit.header) :])):
            return content
        return filler(len(content), _padding_header(unit))

    def clean_record(self, record: bytes) -> bytes:
        """Returns an ``av1C`` with nothing but the sequence header and metadata that are kept."""
        cleaned = bytearray(record)
        place = RECORD_BYTES
        while unit := parse_unit(record[place : place + MAX_HEADER_BYTES], len(record) - place):
            end = place + unit.size
            if unit.kind != SEQUENCE_HEADER:
                cleaned[place:end] = self.clean_unit(record[place:end])
            place = end
        cleaned[place:] = bytes(max(0, len(record) - place))
        return bytes(cleaned)

    def _is_kept(self, metadata: bytes) -> bool:
        kind = metadata[0] if metadata else 0  # a number below 128 has one byte
        return kind in KEPT_METADATA or (kind == REGISTERED and metadata[1:].startswith(self.kept))


def _padding_header(unit: Unit) -> bytes:
    """Returns the header of a unit of padding that is as long as another one."""
    return bytes([unit.header[0] & ~(15 << 3) | PADDING << 3]) + unit.header[1:]
