"""Reads the cropping of Matroska's picture tracks, which FFmpeg ignores before version 7.1.

Elements are those of RFC 9559, their coding that of RFC 8794 (EBML).
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from videos.transcode.container import EBML_HEADER, SEGMENT, FileReader
from videos.transcode.media import Crop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TRACKS, TRACK_ENTRY, TRACK_TYPE, VIDEO = 0x1654AE6B, 0xAE, 0x83, 0xE0
CLUSTER = 0x1F43B675
PIXEL_WIDTH, PIXEL_HEIGHT, DISPLAY_WIDTH, DISPLAY_HEIGHT = 0xB0, 0xBA, 0x54B0, 0x54BA
CROP_BOTTOM, CROP_TOP, CROP_LEFT, CROP_RIGHT = 0x54AA, 0x54BB, 0x54CC, 0x54DD
PICTURE = 1  # the TrackType of pictures

MAX_TRACKS_BYTES = 1024 * 1024
MAX_ELEMENTS = 1024
MAX_NUMBER_BYTES = 8  # RFC 8794, section 7.2


class CroppedTrack(NamedTuple):
    """The cropping of a picture track.

    Attributes:
        crop: what remains of the stored picture; None if nothing is cropped.
        sar: width of a pixel divided by its height.
        stored: width and height of the stored picture.
    """

    crop: Crop | None
    sar: Fraction
    stored: tuple[int, int]


NOT_CROPPED = CroppedTrack(None, Fraction(1), (0, 0))


def read_cropping(path: Path) -> tuple[CroppedTrack, ...]:
    """Returns the cropping of the picture tracks, in the file's order.

    Returns an empty tuple for other containers and damaged files. Raises: OSError.
    """
    with path.open("rb") as file:
        reader = FileReader.of(file)
        tracks = _tracks(reader)
    try:
        return tuple(
            _cropped(dict(_elements(video)))
            for entry in _all(tracks, TRACK_ENTRY)
            if _number(next(_all(entry, TRACK_TYPE), b"")) == PICTURE
            for video in _all(entry, VIDEO)
        )
    except ValueError:
        return ()


def _cropped(values: dict[int, bytes]) -> CroppedTrack:
    def value(element: int) -> int:
        return _number(values.get(element, b""))

    left, top = value(CROP_LEFT), value(CROP_TOP)
    width = value(PIXEL_WIDTH) - left - value(CROP_RIGHT)
    height = value(PIXEL_HEIGHT) - top - value(CROP_BOTTOM)
    stored = (value(PIXEL_WIDTH), value(PIXEL_HEIGHT))
    if (width, height) == stored or width <= 0 or height <= 0:
        return NOT_CROPPED
    # Display sizes are those of what remains; without them pixels are square (RFC 9559).
    # mkvmerge writes the stored size when it is told to crop, and means square pixels, too.
    shown = value(DISPLAY_WIDTH) or width, value(DISPLAY_HEIGHT) or height
    sar = Fraction(1) if shown == stored else Fraction(shown[0] * height, shown[1] * width)
    return CroppedTrack(Crop(left, top, width, height), sar, stored)


def _number(content: bytes) -> int:
    """Parses an unsigned integer. Raises: ValueError for one that is longer than any may be."""
    if len(content) > MAX_NUMBER_BYTES:
        raise ValueError(f"a number of {len(content)} bytes")
    return int.from_bytes(content)


def _tracks(reader: FileReader) -> bytes:
    """Returns the content of the Tracks element; b"" if it does not precede the first cluster."""
    place = 0
    if reader.read(0, 4) != EBML_HEADER.to_bytes(4):
        return b""
    for _ in range(MAX_ELEMENTS):
        header = _header(reader.read(place, 12))
        if header is None or header.identifier == CLUSTER:
            return b""
        place += header.length
        if header.identifier == TRACKS:
            return reader.read(place, min(header.size or 0, MAX_TRACKS_BYTES))
        if header.identifier != SEGMENT:  # the segment's elements come next
            if header.size is None:
                return b""
            place += header.size
    return b""


class _Header(NamedTuple):
    """The start of an element. ``size``: bytes of the content; None if unknown."""

    identifier: int
    length: int
    size: int | None


def _header(start: bytes) -> _Header | None:
    if len(start) < 2 or not start[0]:
        return None
    id_length = 9 - start[0].bit_length()
    if id_length > 4 or len(start) <= id_length or not start[id_length]:
        return None
    length = 9 - start[id_length].bit_length()
    end = id_length + length
    mask = (1 << (7 * length)) - 1
    size = int.from_bytes(start[id_length:end]) & mask
    return _Header(int.from_bytes(start[:id_length]), end, None if size == mask else size)


def _elements(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Yields identifier and content of each element. Raises: ValueError for damaged content."""
    place = 0
    while place < len(content):
        header = _header(content[place : place + 12])
        if header is None or header.size is None:
            raise ValueError(f"no element at {place}")
        place += header.length
        yield header.identifier, content[place : place + header.size]
        place += header.size


def _all(content: bytes, identifier: int) -> Iterator[bytes]:
    return (value for found, value in _elements(content) if found == identifier)
