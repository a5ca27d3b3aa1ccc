"""Reads the index that a rendition contains: where its fragments are and how long they last.

FFmpeg 5.1 writes with ``commands.FRAGMENTED``::

    ftyp moov (sidx... moof mdat)... mfra

There is one ``sidx`` for each track with data in the fragment, so none for sound that has ended.
Written bytes never change, so the file can be read while it is written. Boxes are those of
ISO/IEC 14496-12; the contents of ``mdat`` are never read.
"""

from __future__ import annotations

import itertools
import math
import struct
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from videos.transcode.codec_names import codec_names
from videos.transcode.container import BoxHeader, FileReader, box_header
from videos.transcode.errors import ProcessingError
from videos.transcode.ladder import ENCODE_KEYFRAME_SECONDS
from videos.transcode.moov import video_track

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import BinaryIO

# Far above what FFmpeg writes, so that a damaged size field cannot fill memory.
MAX_START_BYTES = (
    1024**2
)  # of ftyp and moov: 1 KB and codec parameters, since the moov lists no samples
MAX_SIDX_BYTES = 4096
MAX_LEADING_BOXES = 65  # before a moof: one for each of 64 tracks, and styp
MAX_FRAGMENTS = 200_000  # 12 h in fragments of 0.2 s

# A track that ends more than this after the picture makes the fragment longer. Smaller differences
# come from where sound packets end.
SECONDS_AFTER_PICTURE = Fraction(1, 2)

Parsed = TypeVar("Parsed")

UNREADABLE = "The processed video cannot be read. Please try again."


class NotFragmentedError(ProcessingError):
    """The file does not have this layout; ``detail`` says why."""

    def __init__(self, detail: str) -> None:
        super().__init__(UNREADABLE, detail=detail)


@dataclass(frozen=True, slots=True)
class Fragment:
    """A part of the file that can be decoded with only the start of the file.

    Attributes:
        offset, size: bytes, including the boxes before its moof.
        duration: seconds from the end of the previous fragment.
    """

    offset: int
    size: int
    duration: Fraction


@dataclass(frozen=True, slots=True)
class FragmentIndex:
    """The complete parts of a file.

    Attributes:
        init_size: bytes of ftyp and moov, which are needed to decode fragments; 0 while they are
            not complete.
        video_track: number of the video track, whose duration counts for a fragment.
        fragments: in the order of the file, without gaps.
        duration: seconds of all fragments together.
        end: offset in bytes to continue from: the end of the last complete fragment or the trailer.
    """

    init_size: int
    video_track: int
    fragments: tuple[Fragment, ...]
    duration: Fraction
    end: int


EMPTY_INDEX = FragmentIndex(0, 0, (), Fraction(0), 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The facts of a finished file that a master playlist needs. Rates are in bit/s."""

    codecs: str
    bandwidth: int
    average_bandwidth: int


def read_index(source: Path | BinaryIO, *, known: FragmentIndex | None = None) -> FragmentIndex:
    """Returns the fragments that are complete in the file now.

    Needs a few short reads per fragment. Does not move the position of an open file.

    Args:
        known: the result of an earlier call for the same file, to continue from. If the file has
            become shorter, it is a different one and is read from the start.

    Raises:
        NotFragmentedError: the file does not have this layout. A cut file is not an error.
        OSError: the file cannot be read.
    """
    with _reader(source) as reader:
        index = EMPTY_INDEX if known is None or known.end > reader.size else known
        if not index.init_size:
            moov = _moov(reader)
            if moov is None:
                return EMPTY_INDEX
            end, content = moov
            index = replace(
                EMPTY_INDEX, init_size=end, end=end, video_track=_parsed(video_track, content)
            )
        return _read_fragments(reader, index)


def codecs(source: Path | BinaryIO) -> str:
    """Returns the codecs of the tracks (RFC 6381), the video first: "avc1.640028,mp4a.40.2".

    Raises:
        NotFragmentedError: the start of the file is incomplete or has no such tracks.
        OSError: the file cannot be read.
    """
    with _reader(source) as reader:
        moov = _moov(reader)
    if moov is None:
        raise NotFragmentedError("the file's moov is not whole")
    return _parsed(codec_names, moov[1])


def describe(path: Path) -> Facts:
    """Returns the facts of a finished file.

    Raises: NotFragmentedError if it is not fragmented or has no complete fragment; OSError.
    """
    with path.open("rb") as file:
        index = read_index(file)
        if not index.duration:
            raise NotFragmentedError("no whole fragment")
        return Facts(
            codecs=codecs(file),
            bandwidth=peak_bandwidth(index),
            average_bandwidth=average_bandwidth(index),
        )


def target_duration(index: FragmentIndex, *, planned: int = ENCODE_KEYFRAME_SECONDS) -> int:
    """Returns whole seconds that no fragment exceeds by 0.5 s or more (RFC 8216, 4.3.3.1).

    At least ``planned``, so that it stays the same while the file is written.
    """
    longest = max((fragment.duration for fragment in index.fragments), default=Fraction(0))
    return max(planned, math.floor(longest + Fraction(1, 2)))


def peak_bandwidth(index: FragmentIndex) -> int:
    """Returns the highest bit/s of consecutive fragments that last 0.5 to 1.5 target durations.

    See RFC 8216, section 4.1 ("peak segment bit rate"). Returns the average for a file that is too
    short for that, and 0 if there is no fragment.
    """
    target = target_duration(index)
    shortest, longest = Fraction(target, 2), Fraction(3 * target, 2)
    peak = Fraction(0)
    for first in range(len(index.fragments)):
        size, duration = 0, Fraction(0)
        for fragment in itertools.islice(index.fragments, first, None):
            size += fragment.size
            duration += fragment.duration
            if duration > longest:
                break
            if duration >= shortest:
                peak = max(peak, Fraction(8 * size) / duration)
    return max(math.ceil(peak), average_bandwidth(index))


def average_bandwidth(index: FragmentIndex) -> int:
    """Returns the bit/s of all fragments together (RFC 8216, 4.3.4.2); 0 if there is none."""
    if not index.duration:
        return 0
    return math.ceil(8 * sum(fragment.size for fragment in index.fragments) / index.duration)


# -- the file


@contextmanager
def _reader(source: Path | BinaryIO) -> Iterator[FileReader]:
    if isinstance(source, Path):
        with source.open("rb") as file:
            yield FileReader.of(file)
    else:
        yield FileReader.of(source)


def _header(reader: FileReader, offset: int) -> BoxHeader | None:
    header = box_header(reader.read(offset, 16))
    if header is not None and header.size < header.length:
        raise NotFragmentedError(f"a box of {header.size} bytes at {offset}")
    return header


def _content(reader: FileReader, offset: int, header: BoxHeader, limit: int) -> bytes | None:
    """Returns the content of a box of at most ``limit`` bytes; None if it is not complete."""
    if header.size > limit:
        raise NotFragmentedError(f"{header.kind!r} of {header.size} bytes at {offset}")
    if offset + header.size > reader.size:
        return None
    return reader.read(offset + header.length, header.size - header.length)


def _moov(reader: FileReader) -> tuple[int, bytes] | None:
    """Returns the end offset and the content of the moov; None if it is not complete."""
    offset = 0
    content: bytes | None = b""
    for kind in (b"ftyp", b"moov"):
        header = _header(reader, offset)
        if header is None:
            return None
        if header.kind != kind:
            raise NotFragmentedError(f"{header.kind!r} at {offset}, not {kind!r}")
        content = _content(reader, offset, header, MAX_START_BYTES)
        offset += header.size
    return None if content is None else (offset, content)


def _parsed(parse: Callable[[bytes], Parsed], moov: bytes) -> Parsed:
    try:
        return parse(moov)
    except ValueError as error:
        raise NotFragmentedError(str(error)) from error


def _read_fragments(reader: FileReader, index: FragmentIndex) -> FragmentIndex:
    found: list[Fragment] = []
    end, played = index.end, index.duration
    while (header := _header(reader, end)) is not None:
        if header.kind == b"mfra":  # the trailer
            if end + header.size <= reader.size:
                end += header.size
                if _header(reader, end) is not None:
                    raise NotFragmentedError(f"something follows the trailer at {end}")
            break
        fragment = _fragment(reader, end)
        if fragment is None:
            break
        size, ends = fragment
        until = max(_end(ends, index.video_track), played)
        found.append(Fragment(end, size, until - played))
        end, played = end + size, until
        if len(index.fragments) + len(found) > MAX_FRAGMENTS:
            raise NotFragmentedError(f"more than {MAX_FRAGMENTS} fragments")
    return replace(index, fragments=(*index.fragments, *found), duration=played, end=end)


def _fragment(reader: FileReader, offset: int) -> tuple[int, dict[int, Fraction]] | None:
    """Returns the size in bytes and each track's end in seconds; None if it is incomplete."""
    ends: dict[int, Fraction] = {}
    place = offset
    for _ in range(MAX_LEADING_BOXES):
        header = _header(reader, place)
        if header is None:
            return None
        if header.kind == b"moof":
            break
        if header.kind == b"sidx":
            content = _content(reader, place, header, MAX_SIDX_BYTES)
            if content is None:
                return None
            track, end = _sidx(content, place)
            ends[track] = end
        elif header.kind != b"styp":
            raise NotFragmentedError(f"{header.kind!r} at {place}, in front of a moof")
        place += header.size
    else:
        raise NotFragmentedError(f"too many boxes in front of the moof that follows {offset}")
    if not ends:
        raise NotFragmentedError(f"the moof at {place} has no sidx")
    place += header.size
    data = _header(reader, place)
    if data is None:
        return None
    if data.kind != b"mdat":
        raise NotFragmentedError(f"{data.kind!r} at {place}, not b'mdat'")
    size = place + data.size - offset
    return (size, ends) if offset + size <= reader.size else None


def _sidx(content: bytes, offset: int) -> tuple[int, Fraction]:
    """Parses a sidx (section 8.16.3): the number of the track and its end in seconds."""
    try:
        version, track, timescale = struct.unpack_from(">B3xII", content)
        times, place = (">II", 20) if version == 0 else (">QQ", 28)
        begin, _ = struct.unpack_from(times, content, 12)
        (count,) = struct.unpack_from(">2xH", content, place)
        ticks = begin
        for n in range(count):
            reference, lasts, _ = struct.unpack_from(">III", content, place + 4 + 12 * n)
            if reference >> 31:
                raise NotFragmentedError(f"the sidx at {offset} points to another one")
            ticks += lasts
        return track, Fraction(ticks, timescale)
    except (struct.error, ZeroDivisionError) as error:
        raise NotFragmentedError(f"the sidx at {offset}: {error}") from error


def _end(ends: dict[int, Fraction], video_track: int) -> Fraction:
    last = max(ends.values())
    picture = ends.get(video_track, Fraction(0))
    return last if last - picture > SECONDS_AFTER_PICTURE else picture
