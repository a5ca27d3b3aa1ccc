"""Reads facts about the tracks from the moov of an MP4, given as bytes, and rewrites its boxes.

Boxes are those of ISO/IEC 14496-12. Every function raises ValueError with the reason for contents
that are damaged or that renditions never have.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from videos.transcode.container import box_header

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAX_TRACKS = 64
MAX_32_BITS = 2**32 - 1
# Flag of a tkhd (8.3.2): players use the track unless the viewer chooses otherwise.
TRACK_ENABLED = 1

PICTURE_ENTRY_BYTES = 78  # before the boxes of a VisualSampleEntry (ISO/IEC 14496-12, 12.1.3)


def video_track(moov: bytes) -> int:
    """Returns the number of the first video track."""
    for track in boxes_in(moov, b"trak"):
        if handler(track) == b"vide":
            return track_number(track)
    raise ValueError("no picture track")


def track_numbers(moov: bytes) -> tuple[int, ...]:
    """Returns the numbers of all tracks, in their order. Raises: ValueError for too many."""
    numbers: list[int] = []
    for track in boxes_in(moov, b"trak"):
        if len(numbers) == MAX_TRACKS:
            raise ValueError(f"more than {MAX_TRACKS} tracks")
        numbers.append(track_number(track))
    return tuple(numbers)


def sound_tracks(moov: bytes) -> tuple[int, ...]:
    """Returns the numbers of the sound tracks, in their order."""
    tracks = boxes_in(moov, b"trak")
    return tuple(track_number(track) for track in tracks if handler(track) == b"soun")


def with_only_track(moov: bytes, number: int) -> bytes:
    """Returns the content of a moov without the other tracks and their default values (trex).

    The track is enabled, because it is the only one.
    """
    boxes: list[tuple[bytes, bytes]] = []
    for kind, content in all_boxes(moov):
        if kind == b"mvex":
            kept = [
                (name, box)
                for name, box in all_boxes(content)
                if name != b"trex" or int.from_bytes(box[4:8]) == number
            ]
            boxes.append((kind, joined(kept)))
        elif kind != b"trak":
            boxes.append((kind, content))
        elif track_number(content) == number:
            boxes.append((kind, with_enabled(content, is_enabled=True)))
    if not any(kind == b"trak" for kind, _ in boxes):
        raise ValueError(f"no track {number}")
    return joined(boxes)


def with_enabled(track: bytes, *, is_enabled: bool, group: int | None = None) -> bytes:
    """Returns the content of a trak that says whether the track is enabled.

    Args:
        group: its alternate_group, for tracks of which players use one at a time; None to keep it.
    """
    boxes = [
        (kind, _header(content, is_enabled, group) if kind == b"tkhd" else content)
        for kind, content in all_boxes(track)
    ]
    return joined(boxes)


def _header(tkhd: bytes, is_enabled: bool, group: int | None) -> bytes:
    """Returns a tkhd with another flag and group (8.3.2)."""
    place = 46 if tkhd[:1] == b"\1" else 34  # of the group, after the layer
    if len(tkhd) < place + 2:
        raise ValueError(f"a tkhd of {len(tkhd)} bytes")
    flags = int.from_bytes(tkhd[1:4]) & ~TRACK_ENABLED | is_enabled * TRACK_ENABLED
    told = tkhd[place : place + 2] if group is None else group.to_bytes(2)
    return tkhd[:1] + flags.to_bytes(3) + tkhd[4:place] + told + tkhd[place + 2 :]


def decoder_record(moov: bytes, kind: bytes) -> tuple[int, bytes]:
    """Returns the offset in the moov and the content of the box of this kind (``avcC``, ``hvcC``)
    in the sample entry of the first video track."""
    record = child(picture_boxes(moov), kind)
    return moov.index(kind + record) + len(kind), record


def picture_boxes(moov: bytes) -> bytes:
    """Returns the boxes in the sample entry of the first video track."""
    for track in boxes_in(moov, b"trak"):
        if handler(track) == b"vide":
            return sample_entry(track)[1][PICTURE_ENTRY_BYTES:]
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
    return number_in_header(child(track, b"tkhd"))


def number_in_header(tkhd: bytes) -> int:
    """Returns the number of the track from the first 24 bytes of its tkhd (8.3.2)."""
    place = 20 if tkhd[:1] == b"\1" else 12  # after two times of 64 or 32 bits
    return int.from_bytes(tkhd[place : place + 4])


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


def as_box(kind: bytes, *contents: bytes) -> bytes:
    """Returns a whole box. Raises: ValueError if it needs a size of 64 bits."""
    size = 8 + sum(map(len, contents))
    if size > MAX_32_BITS:
        raise ValueError(f"a {kind!r} of {size} bytes")
    return b"".join([struct.pack(">I4s", size, kind), *contents])


def joined(boxes: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Returns boxes, given by kind and content, one after another."""
    return b"".join(as_box(kind, content) for kind, content in boxes)
