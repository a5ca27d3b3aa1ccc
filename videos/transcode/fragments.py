"""Reads the index that a rendition contains: where its fragments are and how long they last.

FFmpeg 5.1 writes with ``commands.FRAGMENTED``::

    ftyp moov (sidx... moof mdat)... mfra

There is one ``sidx`` for each track with data in the fragment, so none for sound that has ended.
Bytes of fragments never change, so the file can be read while it is written, and while it is
finalised, which only changes its start (``file_start``) and appends a ``moov``. Boxes are those of
ISO/IEC 14496-12; the contents of ``mdat`` are never read.
"""

from __future__ import annotations

import itertools
import math
import struct
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, TypeVar

from videos.transcode.codec_names import codec_names
from videos.transcode.container import box_header
from videos.transcode.errors import NotFragmentedError
from videos.transcode.file_start import (
    box_content,
    is_finalised,
    next_header,
    opened,
    read_start,
)
from videos.transcode.ladder import ENCODE_KEYFRAME_SECONDS
from videos.transcode.moov import video_track

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import BinaryIO

    from videos.transcode.container import FileReader

# Far above what FFmpeg writes, so that a damaged size field cannot fill memory.
MAX_SIDX_BYTES = 4096
MAX_LEADING_BOXES = 65  # before a moof: one for each of 64 tracks, and styp
MAX_TRACKS = 2
MAX_FRAGMENTS = 200_000  # 12 h in fragments of 0.2 s

# A track that ends more than this after the picture makes the fragment longer. Smaller differences
# come from where sound packets end.
SECONDS_AFTER_PICTURE = Fraction(1, 2)

Parsed = TypeVar("Parsed")


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
        init_size: bytes in front of the first fragment; 0 while they are not complete. For what
            players need of them see ``file_start.initialisation_segment``.
        video_track: number of the video track, whose duration counts for a fragment.
        fragments: in the order of the file, without gaps.
        duration: seconds of all fragments together.
        end: where the last complete fragment ends, or the trailer and the moov behind it.
    """

    init_size: int
    video_track: int
    fragments: tuple[Fragment, ...]
    duration: Fraction
    end: int


EMPTY_INDEX = FragmentIndex(0, 0, (), Fraction(0), 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The facts of a complete file that its row needs. Rates are in bit/s.

    Attributes:
        is_finalised: whether it is an ordinary MP4 (``finalise``).
    """

    codecs: str
    bandwidth: int
    average_bandwidth: int
    is_finalised: bool


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
    with opened(source) as reader:
        index = EMPTY_INDEX if known is None or known.end > reader.size else known
        if not index.init_size:
            start = read_start(reader)
            if start is None:
                return EMPTY_INDEX
            track = _parsed(video_track, start.moov)
            index = replace(EMPTY_INDEX, init_size=start.end, end=start.end, video_track=track)
        return _read_fragments(reader, index)


def track_ends(path: Path, index: FragmentIndex) -> dict[int, Fraction]:
    """Returns when each track ends, in seconds, by its number.

    The first packets of AAC, which are not heard, count as well.

    Raises: NotFragmentedError; OSError.
    """
    ends: dict[int, Fraction] = {}
    with opened(path) as reader:
        for fragment in reversed(index.fragments):
            found = _fragment(reader, fragment.offset)
            ends = {**(found[1] if found else {}), **ends}
            if len(ends) == MAX_TRACKS:
                break
    return ends


def codecs(source: Path | BinaryIO) -> str:
    """Returns the codecs of the tracks (RFC 6381), the video first: "avc1.640028,mp4a.40.2".

    Raises:
        NotFragmentedError: the start of the file is incomplete or has no such tracks.
        OSError: the file cannot be read.
    """
    with opened(source) as reader:
        start = read_start(reader)
    if start is None:
        raise NotFragmentedError("the start of the file is incomplete")
    return _parsed(codec_names, start.moov)


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
            is_finalised=is_finalised(file),
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


def _parsed(parse: Callable[[bytes], Parsed], moov: bytes) -> Parsed:
    try:
        return parse(moov)
    except ValueError as error:
        raise NotFragmentedError(str(error)) from error


def _read_fragments(reader: FileReader, index: FragmentIndex) -> FragmentIndex:
    found: list[Fragment] = []
    end, played = index.init_size, index.duration
    if index.fragments:
        end = index.fragments[-1].offset + index.fragments[-1].size
    while (header := next_header(reader, end)) is not None:
        if header.kind in (b"mfra", b"moov"):
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
    end = trailer_end(reader, end)
    return replace(index, fragments=(*index.fragments, *found), duration=played, end=end)


def trailer_end(reader: FileReader, offset: int, *, with_moov: bool = True) -> int:
    """Returns where FFmpeg's trailer and the moov of a finalised file end, if they are complete.

    Returns `offset` if neither follows there. Other bytes may follow: a process that is killed
    while it appends the moov leaves a part of it.
    """
    for kind in (b"mfra", b"moov") if with_moov else (b"mfra",):
        header = box_header(reader.read(offset, 16))
        if header and header.kind == kind and header.length <= header.size <= reader.size - offset:
            offset += header.size
    return offset


def _fragment(reader: FileReader, offset: int) -> tuple[int, dict[int, Fraction]] | None:
    """Returns the size in bytes and each track's end in seconds; None if it is incomplete."""
    ends: dict[int, Fraction] = {}
    place = offset
    for _ in range(MAX_LEADING_BOXES):
        header = next_header(reader, place)
        if header is None:
            return None
        if header.kind == b"moof":
            break
        if header.kind == b"sidx":
            content = box_content(reader, place, header, MAX_SIDX_BYTES)
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
    data = next_header(reader, place)
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
