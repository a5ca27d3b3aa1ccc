"""Reads the sample descriptions of an MP4 or MOV, which FFmpeg does not report.

Boxes are those of ISO/IEC 14496-12. Only headers and the descriptions are read, never the sample
tables beside them, which have megabytes in long videos.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from videos.transcode.boxes import Box, child, children, whole_file
from videos.transcode.container import FIRST_BOXES, MAX_BOXES, FileReader
from videos.transcode.moov import number_in_header

if TYPE_CHECKING:
    from pathlib import Path

MAX_DESCRIPTION_BYTES = 256 * 1024  # one has some hundred bytes
MAX_DESCRIPTIONS = 64
MAX_TRACKS = 128
# Sample entries of encrypted tracks: Common Encryption (ISO/IEC 23001-7) and Apple's FairPlay.
PROTECTED_KINDS = frozenset({b"encv", b"enca", b"drmi", b"drms"})


@dataclass(frozen=True, slots=True)
class SampleDescriptions:
    """The sample descriptions of one track.

    Attributes:
        entries: kind and SHA-256 of the content of each distinct description. The contents of all
            tracks may have gigabytes in a hostile file.
    """

    entries: tuple[tuple[bytes, bytes], ...] = ()

    @property
    def is_protected(self) -> bool:
        """Whether samples are encrypted."""
        return any(kind in PROTECTED_KINDS for kind, _ in self.entries)

    @property
    def are_several(self) -> bool:
        """Whether samples need different decoder parameters, as after two files were joined."""
        return len(self.entries) > 1


def read_sample_descriptions(path: Path) -> dict[int, SampleDescriptions]:
    """Returns the sample descriptions by track number, which ffprobe reports as a stream's ``id``.

    Returns an empty dict for other containers, and leaves out what is damaged. Raises: OSError.
    """
    with path.open("rb") as file:
        reader = FileReader.of(file)
        if reader.read(4, 4) not in FIRST_BOXES:
            return {}
        moov = next(children(reader, whole_file(reader), b"moov", limit=MAX_BOXES), None)
        if moov is None:
            return {}
        found: dict[int, SampleDescriptions] = {}
        for track in children(reader, moov, b"trak", limit=MAX_TRACKS):
            number = track_number(reader, track)
            table = child(reader, track, b"mdia", b"minf", b"stbl", b"stsd")
            if number is not None and table is not None:
                found[number] = _descriptions(reader, table)
        return found


def track_number(reader: FileReader, track: Box) -> int | None:
    """Returns the number of a ``trak``; None if it has none."""
    header = child(reader, track, b"tkhd")
    return None if header is None else number_in_header(reader.read(header.start, 24))


def _descriptions(reader: FileReader, table: Box) -> SampleDescriptions:
    """Returns the distinct entries of a ``stsd`` (section 8.5.2)."""
    entries: dict[tuple[bytes, bytes], None] = {}
    after_count = table._replace(start=table.start + 8)
    for box in children(reader, after_count, limit=MAX_DESCRIPTIONS):
        size = min(box.end - box.start, MAX_DESCRIPTION_BYTES)
        entries[box.kind, hashlib.sha256(reader.read(box.start, size)).digest()] = None
    return SampleDescriptions(tuple(entries))
