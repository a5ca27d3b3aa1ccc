"""Reads facts about the tracks from the moov of an MP4, given as bytes.

Boxes are those of ISO/IEC 14496-12. Every function raises ValueError with the reason for contents
that are damaged or that renditions never have.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from videos.transcode.container import box_header

if TYPE_CHECKING:
    from collections.abc import Iterator


def video_track(moov: bytes) -> int:
    """Returns the number of the first video track."""
    for track in boxes_in(moov, b"trak"):
        if handler(track) == b"vide":
            return track_number(track)
    raise ValueError("no picture track")


def avc_record(moov: bytes) -> tuple[int, bytes]:
    """Returns the offset in the moov and the content of the first video track's ``avcC``."""
    for track in boxes_in(moov, b"trak"):
        if handler(track) == b"vide":
            record = child(sample_entry(track)[1][78:], b"avcC")
            return moov.index(b"avcC" + record) + 4, record
    raise ValueError("no picture track")


def boxes_in(content: bytes, kind: bytes) -> Iterator[bytes]:
    """Yields the content of each box of this kind on the top level of `content`."""
    return (box for found, box in all_boxes(content) if found == kind)


def all_boxes(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yields kind and content of each box on the top level of `content`."""
    place = 0
    while (header := box_header(content[place : place + 16])) is not None:
        end = place + header.size
        if header.size < header.length or end > len(content):
            raise ValueError(f"a box of {header.size} bytes in the moov")
        yield header.kind, content[place + header.length : end]
        place = end


def child(content: bytes, *path: bytes) -> bytes:
    """Returns the content of the first box at this path."""
    for kind in path:
        found = next(boxes_in(content, kind), None)
        if found is None:
            raise ValueError(f"no {kind!r} where one belongs in the moov")
        content = found
    return content


def track_number(track: bytes) -> int:
    """Returns the number of a track."""
    header = child(track, b"tkhd")
    place = 20 if header[:1] == b"\1" else 12  # after two times of 64 or 32 bits
    return int.from_bytes(header[place : place + 4])


def handler(track: bytes) -> bytes:
    """Returns the kind of a track: b"vide", b"soun" or another."""
    return child(track, b"mdia", b"hdlr")[8:12]


def sample_entry(track: bytes) -> tuple[str, bytes]:
    """Returns the kind and the content of the first sample entry (ISO/IEC 14496-12, 8.5.2)."""
    entries = child(track, b"mdia", b"minf", b"stbl", b"stsd")[8:]
    header = box_header(entries)
    if header is None:
        raise ValueError("an empty stsd")
    return header.kind.decode("latin-1"), child(entries, header.kind)
