"""A rendition is its own index: where its fragments lie and how long they last.

What FFmpeg 5.1 writes with ``commands.FRAGMENTED``::

    ftyp moov (sidx... moof mdat)... mfra

There is one ``sidx`` for each track that has something in the fragment, so none for sound that
has ended. Nothing is changed after it was written, so the file can be read while it grows. Boxes
are those of ISO/IEC 14496-12; ``mdat`` is stepped over, never read.
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

from videos.transcode.container import BoxHeader, FileReader, box_header
from videos.transcode.errors import ProcessingError
from videos.transcode.ladder import ENCODE_KEYFRAME_SECONDS
from videos.transcode.moov import codec_names, video_track

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import BinaryIO

# Far above what FFmpeg writes, so that a damaged size cannot fill memory.
MAX_START_BYTES = 1024**2  # of ftyp and of moov, which is empty: 1 KB and a codec's parameters
MAX_SIDX_BYTES = 4096
MAX_LEADING_BOXES = 65  # of a fragment: one for each of 64 tracks, and styp
MAX_FRAGMENTS = 200_000  # 12 h in pieces of 0.2 s

# A track that goes on for longer than this after the picture counts in the length of a fragment:
# below, it is only how sound happens to be cut.
SECONDS_AFTER_PICTURE = Fraction(1, 2)

Parsed = TypeVar("Parsed")

UNREADABLE = "The processed video cannot be read. Please try again."


class NotFragmentedError(ProcessingError):
    """The file is not of the layout that is its own index; ``detail`` says why."""

    def __init__(self, detail: str) -> None:
        super().__init__(UNREADABLE, detail=detail)


@dataclass(frozen=True, slots=True)
class Fragment:
    """One part of the file that can be decoded after the file's start and nothing else.

    Attributes:
        offset, size: bytes, with the boxes that stand in front of its moof.
        duration: seconds from the end of the fragment before.
    """

    offset: int
    size: int
    duration: Fraction


@dataclass(frozen=True, slots=True)
class FragmentIndex:
    """What is whole of a file; of one that has hardly begun, nothing is.

    Attributes:
        init_size: bytes of ftyp and moov, with which every fragment is decoded; 0 when they are
            not whole yet.
        video_track: number of the picture track; the length of a fragment is the picture's.
        fragments: in the order of the file, without gaps.
        duration: seconds, sum of the fragments'.
        end: where to read on, in bytes: the end of the last whole fragment or of the trailer.
    """

    init_size: int
    video_track: int
    fragments: tuple[Fragment, ...]
    duration: Fraction
    end: int


NOTHING_YET = FragmentIndex(0, 0, (), Fraction(0), 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a master playlist says of a finished file. Rates are bit/s."""

    codecs: str
    bandwidth: int
    average_bandwidth: int


def read_index(source: Path | BinaryIO, *, known: FragmentIndex | None = None) -> FragmentIndex:
    """The fragments that are wholly in the file now.

    Costs a few short reads a fragment. The position of an open file stays where it is.

    Args:
        known: what an earlier call gave for the same file; it is read on from there. Where the
            file has become shorter it is another one and is read again.

    Raises:
        NotFragmentedError: the file is not of this layout. Being cut short is no reason.
        OSError: it cannot be read.
    """
    with _reader(source) as reader:
        index = NOTHING_YET if known is None or known.end > reader.size else known
        if not index.init_size:
            moov = _moov(reader)
            if moov is None:
                return NOTHING_YET
            end, content = moov
            index = replace(
                NOTHING_YET, init_size=end, end=end, video_track=_parsed(video_track, content)
            )
        return _read_on(reader, index)


def codecs(source: Path | BinaryIO) -> str:
    """The tracks' codecs as RFC 6381 names them, the picture's first: "avc1.640028,mp4a.40.2".

    Raises:
        NotFragmentedError: the start of the file is not whole or has no such tracks.
        OSError: it cannot be read.
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
    """Whole seconds that no fragment exceeds by half a second or more (RFC 8216, 4.3.3.1).

    At least what was planned, so that it stays the same while the file grows.
    """
    longest = max((fragment.duration for fragment in index.fragments), default=Fraction(0))
    return max(planned, math.floor(longest + Fraction(1, 2)))


def peak_bandwidth(index: FragmentIndex) -> int:
    """Bit/s of the largest run of fragments that lasts 0.5 to 1.5 target durations.

    RFC 8216, section 4.1 ("peak segment bit rate"). A file too short for such a run has its
    average. 0 when there is no fragment.
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
    """Bit/s of all fragments together (RFC 8216, 4.3.4.2); 0 when there is none."""
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
    """What is in a box of at most ``limit`` bytes; None when it is not whole."""
    if header.size > limit:
        raise NotFragmentedError(f"{header.kind!r} of {header.size} bytes at {offset}")
    if offset + header.size > reader.size:
        return None
    return reader.read(offset + header.length, header.size - header.length)


def _moov(reader: FileReader) -> tuple[int, bytes] | None:
    """Where the moov ends, and what is in it."""
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


def _read_on(reader: FileReader, index: FragmentIndex) -> FragmentIndex:
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
    """The size in bytes and the end of each track in seconds; None when it is not whole."""
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
    """Section 8.16.3: the track's number and until when it lasts, in seconds."""
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
