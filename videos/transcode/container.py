"""Checks that a file does not end before the end of its own structure.

FFmpeg exits with status 0 for a file whose end is missing. So this module reads the headers of the
top-level boxes, elements or chunks: a few bytes each, never the contents.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

MAX_BOXES = 1_000_000  # 12 h in fragments of 0.2 s; reading so many headers takes about a second
RIFF_SLACK = 16  # bytes: some writers include the chunk's own header in its size

# Boxes that must be complete. Trailing padding may be cut.
NEEDED_BOXES = frozenset({b"ftyp", b"moov", b"mdat", b"moof"})
FIRST_BOXES = NEEDED_BOXES | {b"wide", b"free", b"skip", b"pnot", b"styp", b"sidx", b"uuid"}

EBML_HEADER = 0x1A45DFA3
SEGMENT = 0x18538067


def is_whole(path: Path) -> bool:
    """Returns False if an MP4/MOV, Matroska/WebM or AVI file ends before its structure does.

    Returns True for other containers, whose structure does not tell. Raises: OSError.
    """
    with path.open("rb") as file:
        reader = FileReader.of(file)
        head = reader.read(0, 12)
        if head[4:8] in FIRST_BOXES:
            return _boxes_whole(reader)
        if head[:4] == EBML_HEADER.to_bytes(4):
            return _matroska_whole(reader)
        if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
            return _riff_whole(reader)
    return True


@dataclass(frozen=True, slots=True)
class FileReader:
    """Reads bytes at any offset of an open file without moving its position.

    Attributes:
        size: bytes of the file when it was opened; the file may grow meanwhile.
    """

    descriptor: int
    size: int

    @classmethod
    def of(cls, file: BinaryIO) -> FileReader:
        return cls(file.fileno(), os.fstat(file.fileno()).st_size)

    def read(self, offset: int, length: int) -> bytes:
        """Returns fewer bytes than requested, or none, at and after the end of the file."""
        # An offset from a damaged file may be too large for the system call.
        return os.pread(self.descriptor, length, offset) if offset < self.size else b""


class BoxHeader(NamedTuple):
    """The header of a box. ``size``: bytes of the whole box; ``length``: bytes of the header."""

    kind: bytes
    length: int
    size: int


def box_header(start: bytes) -> BoxHeader | None:
    """Parses a box header (ISO/IEC 14496-12, section 4.2): size, type, 64-bit size if size is 1.

    Args:
        start: the first 16 bytes of the box, or as many as there are.

    Returns:
        The header with the size as stored: 0 means "to the end of the file", a size below
        ``length`` is invalid. None if the header is cut.
    """
    if len(start) < 8:
        return None
    size, kind = struct.unpack(">I4s", start[:8])
    if size != 1:
        return BoxHeader(kind, 8, size)
    if len(start) < 16:
        return None
    return BoxHeader(kind, 16, struct.unpack(">Q", start[8:16])[0])


def _boxes_whole(reader: FileReader) -> bool:
    """Checks the top-level boxes of MP4 and MOV."""
    offset = 0
    last = b""
    has_index = False
    for _ in range(MAX_BOXES):
        header = box_header(reader.read(offset, 16))
        if header is None:  # a few bytes of a next box are ignored
            break
        kind, length, size = header
        if size == 0:  # "to the end of the file"
            return has_index or kind == b"moov"
        if size < length:  # no box: other data was appended, which is ignored
            break
        if kind in NEEDED_BOXES:
            if offset + size > reader.size:
                return False
            last = kind
            has_index = has_index or kind == b"moov"
        offset += size
    # Without a moov the recording was not finished; a moof must be followed by its data.
    return has_index and last != b"moof"


def _matroska_whole(reader: FileReader) -> bool:
    """Checks the size of the Segment, if known (RFC 8794 for EBML, RFC 9559 for Matroska)."""
    offset = 0
    for _ in range(16):
        header = reader.read(offset, 12)
        if len(header) < 5:
            return True
        id_length = _vint_length(header[0])
        if id_length > 4:
            return True
        identifier = int.from_bytes(header[:id_length])
        length = _vint_length(header[id_length])
        raw = int.from_bytes(header[id_length : id_length + length])
        mask = (1 << (7 * length)) - 1
        size = raw & mask
        unknown = size == mask
        if identifier == SEGMENT:
            return unknown or offset + id_length + length + size <= reader.size
        if unknown:
            return True
        offset += id_length + length + size
    return True


def _vint_length(first: int) -> int:
    """Returns the bytes of an EBML integer, from the zero bits that its first byte starts with.

    9 for a first byte of 0.
    """
    return 9 - first.bit_length()


def _riff_whole(reader: FileReader) -> bool:
    """Checks the RIFF chunks (four letters, 32-bit size, padded); OpenDML AVIs have several."""
    offset = 0
    # A real chunk has about 1 GB. The limit ends files with millions of tiny chunks.
    for _ in range(MAX_BOXES):
        header = reader.read(offset, 8)
        if len(header) < 8 or header[:4] != b"RIFF":
            return True
        size = struct.unpack("<I", header[4:])[0]
        if size in (0, 0xFFFFFFFF):  # not filled in by the writer
            return True
        if offset + 8 + size > reader.size + RIFF_SLACK:
            return False
        offset += 8 + size + size % 2
    return True
