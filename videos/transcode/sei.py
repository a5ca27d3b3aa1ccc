"""Finds user data in H.264: SEI messages and units without a meaning (ITU-T H.264, 7.3.2.3).

FFmpeg's filter for that (``filter_units``) takes 0.4 s for 150 MB. This module reads only the
headers of the units. ``user_data`` writes the changes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Final

from videos.transcode.errors import UnfitCopyError
from videos.transcode.sei_messages import (
    CAPTIONS,
    END,
    KEPT_MESSAGES,
    REGISTERED,
    clean_messages,
)

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from videos.transcode.container import FileReader
    from videos.transcode.sample_runs import Sample

    # An offset in the file, the bytes that are there, and those that belong there.
    Change = tuple[int, bytes, bytes]

# Types of NAL units (table 7-1).
SEI, FILLER = 6, 12
PARAMETER_SETS: Final = frozenset({7, 8, 13})
# Filler, and types without a meaning, in which a camera could store anything.
UNKNOWN_UNITS: Final = frozenset({0, FILLER, *range(22, 32)})

# Real units of user data have some hundred bytes. Larger ones are removed as a whole, so that a
# hostile one cannot fill memory.
MAX_UNIT_BYTES: Final = 64 * 1024
BLOCK_BYTES: Final = 1024**2
TOO_MANY_UNITS: Final = "too many units in its pictures"

# Profiles whose avcC ends with fields of their own (ISO/IEC 14496-15, 5.3.3.1.2).
HIGH_PROFILES: Final = frozenset({100, 110, 122, 144, 244, 44})


class Cleaner(ABC):
    """Finds the user data of one codec.

    Attributes:
        box: the kind of the box with the decoder's parameters.
    """

    box: ClassVar[bytes]

    @abstractmethod
    def __init__(self, record: bytes, boxes: bytes) -> None:
        """Takes the content of that box, and all boxes of the sample entry. Raises: IndexError."""

    @abstractmethod
    def clean_record(self, record: bytes) -> bytes:
        """Returns a record of the same size without user data. Raises: IndexError if it is cut."""

    @abstractmethod
    def changes_in(
        self, reader: FileReader, sample: Sample, most: int
    ) -> Generator[Change, None, int]:
        """Yields the changes in one picture. Returns how many units it has. Raises: UnfitCopyError
        for more than ``most``."""


def filled(reader: FileReader, place: int, size: int, header: bytes) -> Iterator[Change]:
    """Yields the changes, block after block, that make filler of a large unit.

    Args:
        header: of the filler; as long as that of the unit.
    """
    for start in range(0, size, BLOCK_BYTES):
        old = reader.read(place + start, min(BLOCK_BYTES, size - start))
        new = bytearray(b"\xff" * len(old))
        if start == 0:
            new[: len(header)] = header
        if start + len(old) == size:
            new[-1:] = END
        yield place + start, old, bytes(new)


def filler(size: int, header: bytes) -> bytes:
    """Returns a unit of filler of so many bytes."""
    room = size - len(header)
    return header + b"\xff" * (room - 1) + END * (room > 0)


class NalCleaner(Cleaner):
    """Finds user data in NAL units that follow their length (ISO/IEC 14496-15)."""

    length_size: int
    header_size: ClassVar[int]

    @abstractmethod
    def is_looked_at(self, first: int) -> bool:
        """Returns whether a unit may hold user data, by its first byte."""

    @abstractmethod
    def clean_unit(self, unit: bytes) -> bytes:
        """Returns a unit of the same size without user data."""

    @abstractmethod
    def filler_header(self, header: bytes) -> bytes:
        """Returns the header of a unit of filler in place of a unit with this one."""

    def changes_in(
        self, reader: FileReader, sample: Sample, most: int
    ) -> Generator[Change, None, int]:
        units, place, end = 0, sample.offset, sample.offset + sample.size
        while place + self.length_size < end:
            start = reader.read(place, self.length_size + self.header_size)
            size, header = int.from_bytes(start[: self.length_size]), start[self.length_size :]
            place += self.length_size
            if len(header) < self.header_size or place + size > end:
                break  # the units of a damaged picture are not told apart; decoders stop here, too
            units += 1
            if units > most:
                raise UnfitCopyError(TOO_MANY_UNITS)
            if size and self.is_looked_at(header[0]):
                if size > MAX_UNIT_BYTES:
                    yield from filled(reader, place, size, self.filler_header(header))
                else:
                    unit = reader.read(place, size)
                    yield place, unit, self.clean_unit(unit)
            place += size
        return units

    def filler(self, unit: bytes) -> bytes:
        """Returns a unit of filler of the same size."""
        return filler(len(unit), self.filler_header(unit[: self.header_size]))

    def clean_units(self, record: bytearray, place: int, count: int) -> int:
        """Cleans so many units of a record, each after its size of 16 bits. Returns the offset
        after them. Raises: IndexError if they are cut."""
        for _ in range(count):
            size = record[place] << 8 | record[place + 1]
            place += 2
            unit = bytes(record[place : place + size])
            if unit and not self.is_parameter_set(unit[0]):
                record[place : place + size] = self.clean_unit(unit)
            place += size
        return place

    @abstractmethod
    def is_parameter_set(self, first: int) -> bool:
        """Returns whether a unit has parameters of the decoder, by its first byte."""


class AvcCleaner(NalCleaner):
    """Finds user data in H.264."""

    box = b"avcC"
    header_size = 1

    def __init__(self, record: bytes, boxes: bytes = b"") -> None:
        self.length_size = (record[4] & 3) + 1

    def is_looked_at(self, first: int) -> bool:
        return first & 31 == SEI or first & 31 in UNKNOWN_UNITS

    def is_parameter_set(self, first: int) -> bool:
        return first & 31 in PARAMETER_SETS

    def filler_header(self, header: bytes) -> bytes:
        return bytes([FILLER])

    def clean_unit(self, unit: bytes) -> bytes:
        """Returns an SEI with only what is kept, and filler for any other unit."""
        if unit[0] & 31 != SEI:
            return self.filler(unit)
        return unit[:1] + clean_messages(unit[1:], _is_kept)

    def clean_record(self, record: bytes) -> bytes:
        """Returns an ``avcC`` with nothing but parameter sets."""
        cleaned = bytearray(record)
        place = 5
        for mask in (31, 255):
            count = record[place] & mask
            place = self.clean_units(cleaned, place + 1, count)
        if record[1] in HIGH_PROFILES and place + 4 <= len(record):
            place = self.clean_units(cleaned, place + 4, record[place + 3])
        cleaned[place:] = bytes(len(record) - place)
        return bytes(cleaned)


def _is_kept(kind: int, payload: bytes) -> bool:
    return kind in KEPT_MESSAGES or (kind == REGISTERED and payload.startswith(CAPTIONS))
