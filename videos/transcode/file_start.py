"""Reads the start of a rendition: what a player needs before it can decode fragments.

FFmpeg writes ``ftyp moov`` in front of the first fragment. ``finalise`` overwrites the end of the
``ftyp`` and the header of this ``moov`` with the header of one large ``mdat``, in which everything
up to the new ``moov`` lies::

    before:  ftyp        moov(mvhd trak... mvex udta) sidx moof mdat ... mfra
    after:   ftyp mdat ( mvhd trak... mvex udta       sidx moof mdat ... mfra ) moov

So the old ``moov`` can be rebuilt at any time from the boxes that it contained. Boxes are those of
ISO/IEC 14496-12.
"""

from __future__ import annotations

import struct
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from videos.transcode.container import BoxHeader, FileReader, box_header
from videos.transcode.errors import NotFragmentedError
from videos.transcode.moov import as_box, with_only_track

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import BinaryIO

Parsed = TypeVar("Parsed")

# Far above what FFmpeg writes, so that a damaged size field cannot fill memory. The start has 1 KB
# and codec parameters, since its moov lists no samples.
MAX_START_BYTES = 1024**2
# The header of the large mdat has 16 bytes: it replaces 8 bytes of the ftyp, of which at least 20
# must remain, and the 8 bytes of the header of the moov.
MIN_FTYP_BYTES = 28
OVERWRITTEN_BYTES = 8
LARGE_HEADER_BYTES = 16

FRAGMENT_BOXES = frozenset({b"sidx", b"styp", b"moof"})
# The ftyp of every initialisation segment, whatever the file has.
INITIALISATION_FTYP = struct.pack(
    ">I4s4sI4s4s4s", 28, b"ftyp", b"iso5", 512, b"iso5", b"iso6", b"mp41"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileStart:
    """The start of a file, without its ``ftyp``.

    Attributes:
        ftyp_size: bytes of the ftyp as FFmpeg wrote it.
        moov: the content of FFmpeg's moov.
        end: offset of the first fragment.
        media_end: where the large mdat of a finalised file ends; None for other files.
    """

    ftyp_size: int
    moov: bytes
    end: int
    media_end: int | None


def initialisation_segment(source: Path | BinaryIO, *, track: int | None = None) -> bytes:
    """Returns the bytes that a player needs in front of fragments (RFC 8216, 3.3).

    They are the same while the file is written, when it is complete, and when it is finalised.

    Args:
        track: number of the track whose fragments follow, for a file in which each track has its
            own (``FragmentIndex.is_separate``); None for fragments of all tracks.

    Raises:
        NotFragmentedError: the start of the file is incomplete, the file has another layout, or it
            has no such track.
        OSError: the file cannot be read.
    """
    with opened(source) as reader:
        start = read_start(reader)
    if start is None:
        raise NotFragmentedError("the start of the file is incomplete")
    if track is None:
        return INITIALISATION_FTYP + as_box(b"moov", start.moov)
    moov = parsed(partial(with_only_track, number=track), start.moov)
    return INITIALISATION_FTYP + as_box(b"moov", moov)


def is_finalised(source: Path | BinaryIO) -> bool:
    """Returns whether the file is an ordinary MP4 that ends with its moov.

    Raises: NotFragmentedError, OSError.
    """
    with opened(source) as reader:
        start = read_start(reader)
        if start is None or start.media_end is None:
            return False
        header = next_header(reader, start.media_end)
        if header is None or header.kind != b"moov":
            return False
        return start.media_end + header.size == reader.size


def read_start(reader: FileReader) -> FileStart | None:
    """Returns the start of the file; None while it is incomplete. Raises: NotFragmentedError."""
    ftyp = next_header(reader, 0)
    if ftyp is None:
        return None
    if ftyp.kind != b"ftyp":
        raise NotFragmentedError(f"{ftyp.kind!r} at 0, not b'ftyp'")
    header = next_header(reader, ftyp.size)
    if header is None:
        return None
    if header.kind == b"mdat" and header.length == LARGE_HEADER_BYTES:
        return _finalised_start(reader, ftyp.size, header)
    if header.kind != b"moov":
        raise NotFragmentedError(f"{header.kind!r} at {ftyp.size}, not b'moov'")
    moov = box_content(reader, ftyp.size, header, MAX_START_BYTES)
    if moov is None:
        return None
    end = ftyp.size + header.size
    return FileStart(ftyp_size=ftyp.size, moov=moov, end=end, media_end=None)


def _finalised_start(reader: FileReader, offset: int, large: BoxHeader) -> FileStart | None:
    """Returns the start of a finalised file, whose large mdat is at `offset`."""
    first = place = offset + LARGE_HEADER_BYTES
    while (header := next_header(reader, place)) is not None and header.kind not in FRAGMENT_BOXES:
        if place == first and header.kind != b"mvhd":
            raise NotFragmentedError(f"{header.kind!r} at {place}: it was not finalised here")
        place += header.size
        if place - first > MAX_START_BYTES:
            raise NotFragmentedError(f"no fragment in the first {MAX_START_BYTES} bytes")
    if header is None:
        return None
    return FileStart(
        ftyp_size=offset + OVERWRITTEN_BYTES,
        moov=reader.read(first, place - first),
        end=place,
        media_end=offset + large.size,
    )


# -- boxes of a file


def parsed(parse: Callable[[bytes], Parsed], moov: bytes) -> Parsed:
    """Returns what a function of ``moov`` returns. Raises: NotFragmentedError, not ValueError."""
    try:
        return parse(moov)
    except ValueError as error:
        raise NotFragmentedError(str(error)) from error


@contextmanager
def opened(source: Path | BinaryIO) -> Iterator[FileReader]:
    """Gives a reader of a file that is opened here, or that is open already."""
    if isinstance(source, Path):
        with source.open("rb") as file:
            yield FileReader.of(file)
    else:
        yield FileReader.of(source)


def next_header(reader: FileReader, offset: int) -> BoxHeader | None:
    """Returns the header of the box at `offset`; None if it is not complete. Raises:
    NotFragmentedError for a size that no box has."""
    header = box_header(reader.read(offset, 16))
    if header is not None and header.size < header.length:
        raise NotFragmentedError(f"a box of {header.size} bytes at {offset}")
    return header


def box_content(reader: FileReader, offset: int, header: BoxHeader, limit: int) -> bytes | None:
    """Returns the content of a box of at most ``limit`` bytes; None if it is not complete.

    Raises: NotFragmentedError for a larger box.
    """
    if header.size > limit:
        raise NotFragmentedError(f"{header.kind!r} of {header.size} bytes at {offset}")
    if offset + header.size > reader.size:
        return None
    return reader.read(offset + header.length, header.size - header.length)
