"""Does a file end where its own structure says that it ends?

FFmpeg reads a file whose end is missing and ends with status 0. So the outermost structure is
walked here: a few bytes of every top-level box, element or chunk, never the contents.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

MAX_BOXES = 1_000_000  # 12 h in fragments of 0.2 s; a walk of so many takes about a second
RIFF_SLACK = 16  # some writers count the chunk's own header into its size

# Boxes without which a video is not whole. Trailing padding that is cut short is no loss.
NEEDED_BOXES = frozenset({b"ftyp", b"moov", b"mdat", b"moof"})
FIRST_BOXES = NEEDED_BOXES | {b"wide", b"free", b"skip", b"pnot", b"styp", b"sidx", b"uuid"}

EBML_HEADER = 0x1A45DFA3
SEGMENT = 0x18538067


def is_whole(path: Path) -> bool:
    """False when MP4/MOV, Matroska/WebM or AVI structure goes on beyond the end of the file.

    True for other containers, which don't say. Raises OSError.
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
    """A few bytes from anywhere in an open file, whose position stays where it is.

    Attributes:
        size: bytes of the file at the start; it may grow meanwhile.
    """

    descriptor: int
    size: int

    @classmethod
    def of(cls, file: BinaryIO) -> FileReader:
        return cls(file.fileno(), os.fstat(file.fileno()).st_size)

    def read(self, offset: int, length: int) -> bytes:
        """Fewer bytes than asked for, or none, at the end of the file and beyond."""
        # An offset that a file claims may be more than the system call takes.
        return os.pread(self.descriptor, length, offset) if offset < self.size else b""


class BoxHeader(NamedTuple):
    """The start of a box. ``size`` counts all of it, with the ``length`` of this header."""

    kind: bytes
    length: int
    size: int


def box_header(start: bytes) -> BoxHeader | None:
    """ISO/IEC 14496-12, section 4.2: size, type, 64-bit size when size is 1.

    Args:
        start: the first 16 bytes of the box, or what there is of them.

    Returns:
        The size as it stands there: 0 is "to the end of the file", less than ``length`` is
        nonsense. None when the header is cut short.
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
    """The top-level boxes, one after the other."""
    offset = 0
    last = b""
    has_index = False
    for _ in range(MAX_BOXES):
        header = box_header(reader.read(offset, 16))
        if header is None:  # a few bytes of a next one are as good as nothing
            break
        kind, length, size = header
        if size == 0:  # "to the end of the file"
            return has_index or kind == b"moov"
        if size < length:  # no box: something was appended that is not ours to judge
            break
        if kind in NEEDED_BOXES:
            if offset + size > reader.size:
                return False
            last = kind
            has_index = has_index or kind == b"moov"
        offset += size
    # Without moov the recording was never finished; a last moof waits for data that never came.
    return has_index and last != b"moof"


def _matroska_whole(reader: FileReader) -> bool:
    """RFC 8794 (EBML) and RFC 9559 (Matroska): the Segment's size, unless it was left open."""
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
    """Bytes of a variable-size integer by the leading zero bits of its first byte; 9 for none."""
    return 9 - first.bit_length()


def _riff_whole(reader: FileReader) -> bool:
    """RIFF chunks, several in an OpenDML AVI above 1 GB: four letters, 32-bit size, padded."""
    offset = 0
    # Each has a gigabyte, or the last one; those of a few bytes would keep us here for minutes.
    for _ in range(MAX_BOXES):
        header = reader.read(offset, 8)
        if len(header) < 8 or header[:4] != b"RIFF":
            return True
        size = struct.unpack("<I", header[4:])[0]
        if size in (0, 0xFFFFFFFF):  # never filled in by its writer
            return True
        if offset + 8 + size > reader.size + RIFF_SLACK:
            return False
        offset += 8 + size + size % 2
    return True
