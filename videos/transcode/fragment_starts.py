"""Checks that players can start at each fragment of a picture in original quality.

``nal`` does that for H.264. HEVC is ITU-T H.265, AV1 its Bitstream Specification, VP9 the one of
its bitstream (uncompressed header, 6.2).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final

from videos.transcode.av1_metadata import (
    MAX_HEADER_BYTES,
    RECORD_BYTES,
    SEQUENCE_HEADER,
    parse_unit,
)
from videos.transcode.boxes import Box, children
from videos.transcode.codec_names import Bits
from videos.transcode.container import FileReader
from videos.transcode.errors import NotFragmentedError, UnfitCopyError
from videos.transcode.file_start import read_start
from videos.transcode.fragments import read_index
from videos.transcode.hevc_sei import ARRAYS_OFFSET, LENGTH_SIZE_OFFSET, PARAMETER_SETS, unit_kind
from videos.transcode.moov import decoder_record
from videos.transcode.nal import (
    MAX_PARAMETER_BYTES,
    MAX_UNITS,
    NO_PARAMETERS,
    NOT_IDR,
    OTHER_PARAMETERS,
    reason_against_copy,
)
from videos.transcode.sample_runs import MAX_BOX_BYTES, samples_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from videos.transcode.fragments import Fragment
    from videos.transcode.sample_runs import Sample

# HEVC (table 7-1): slices have types below 32; pictures at which decoders can start 16 to 21.
HEVC_SLICES: Final = range(32)
HEVC_STARTS: Final = range(16, 22)
HEVC_OPEN_START: Final = 21  # CRA: pictures that are shown before it may need earlier ones
HEVC_LEADING: Final = range(6, 10)
HEVC_NEEDS_EARLIER: Final = frozenset({8, 9})  # RASL
MAX_LEADING: Final = 16

AV1_FRAME_HEADER, AV1_FRAME = 3, 6
VP9_HEADER_BYTES: Final = 12
VP9_MARKER, VP9_SYNC, VP9_RGB = 2, 0x498342, 7


@dataclass(slots=True)
class _Track:
    """The picture's track.

    Attributes:
        record: the decoder's parameters.
        sets: the parameter sets in it: NAL units of HEVC, the sequence header of AV1.
        sequence: the sequence header of the first picture of AV1.
    """

    reader: FileReader
    record: bytes
    sets: frozenset[bytes] = frozenset()
    sequence: bytes = b""


def has_independent_fragments(
    path: Path, codec: str, *, tick: Callable[[], None] = lambda: None
) -> bool:
    """Returns whether each fragment can be decoded whole without the one in front of it.

    Otherwise its first pictures, which are shown before its keyframe, need the fragment before
    (open groups of pictures); players that start there leave them out. Works for finalised files,
    too. Needs a few short reads for each fragment.

    Args:
        codec: of the picture, in FFmpeg's name.
        tick: called for each fragment.

    Raises:
        UnfitCopyError: players cannot start at each fragment.
        NotFragmentedError: the file has another layout.
        OSError: the file cannot be read.
    """
    if codec not in _CODECS:
        if reason := reason_against_copy(path, tick=tick):
            raise UnfitCopyError(reason)
        return True
    box, sets_of, is_independent = _CODECS[codec]
    with path.open("rb") as file:
        reader = FileReader.of(file)
        index, start = read_index(file), read_start(reader)
        try:
            if start is None:
                raise ValueError("the start of the file is incomplete")
            record = decoder_record(start.moov, box)[1]
            track, are_all = _Track(reader, record, sets_of(record)), True
            for fragment in index.fragments:
                tick()
                samples = list(_samples(reader, fragment, index.video_track))
                # All are looked at, since each may raise.
                are_all = (not samples or is_independent(track, samples)) and are_all
        except (ValueError, IndexError) as error:
            raise NotFragmentedError(str(error)) from error
    return are_all


def _samples(reader: FileReader, fragment: Fragment, track: int) -> Iterator[Sample]:
    """Yields the first pictures of a fragment. Raises: ValueError."""
    whole = Box(b"", fragment.offset, fragment.offset, fragment.offset + fragment.size)
    for moof in children(reader, whole, b"moof"):
        if moof.end - moof.start > MAX_BOX_BYTES:
            raise ValueError(f"a moof of {moof.end - moof.start} bytes")
        content = reader.read(moof.start, moof.end - moof.start)
        yield from islice(samples_of(content, moof.begin, track), 1 + MAX_LEADING)


# -- HEVC


def _hevc(track: _Track, samples: list[Sample]) -> bool:
    kinds = (_hevc_picture(track, sample) for sample in samples)
    first = next(kinds)
    if first not in HEVC_STARTS:
        raise UnfitCopyError(NOT_IDR)
    if first != HEVC_OPEN_START:
        return True
    for kind in kinds:
        if kind in HEVC_NEEDS_EARLIER:
            return False
        if kind not in HEVC_LEADING:
            break
    return True


def _hevc_picture(track: _Track, sample: Sample) -> int:
    """Returns the type of a picture's first slice; -1 if it has none. Raises: UnfitCopyError."""
    length_size = (track.record[LENGTH_SIZE_OFFSET] & 3) + 1
    place, end = sample.offset, sample.offset + sample.size
    for _ in range(MAX_UNITS):
        start = track.reader.read(place, length_size + 1)
        size = int.from_bytes(start[:length_size])
        place += length_size
        if len(start) <= length_size or place + size > end:
            break
        kind = unit_kind(start[-1])
        if size and kind in HEVC_SLICES:
            return kind
        if size and kind in PARAMETER_SETS:
            unit = track.reader.read(place, min(size, MAX_PARAMETER_BYTES))
            if unit.rstrip(b"\0") not in track.sets:
                raise UnfitCopyError(OTHER_PARAMETERS)
        place += size
    return -1


def _hevc_sets(record: bytes) -> frozenset[bytes]:
    """Returns the parameter sets of an ``hvcC`` (ISO/IEC 14496-15, 8.3.3.1). Raises: UnfitCopyError
    if one kind is missing."""
    sets: set[bytes] = set()
    place = ARRAYS_OFFSET + 1
    for _ in range(record[ARRAYS_OFFSET]):
        count = int.from_bytes(record[place + 1 : place + 3])
        place += 3
        for _ in range(count):
            size = int.from_bytes(record[place : place + 2])
            sets.add(record[place + 2 : place + 2 + size].rstrip(b"\0"))
            place += 2 + size
    sets.discard(b"")
    if not {unit_kind(one[0]) for one in sets} >= PARAMETER_SETS:
        raise UnfitCopyError(NO_PARAMETERS)
    return frozenset(sets)


# -- AV1


def _av1(track: _Track, samples: list[Sample]) -> bool:
    """The parameters are in each keyframe. Encoders write others into the record (SVT-AV1 1.4)."""
    sample = samples[0]
    content = track.reader.read(sample.offset, min(sample.size, MAX_PARAMETER_BYTES))
    for kind, unit in _av1_units(content, sample.size):
        if kind == SEQUENCE_HEADER:
            track.sequence = track.sequence or unit
            if unit != track.sequence:
                raise UnfitCopyError(OTHER_PARAMETERS)
        if kind in (AV1_FRAME_HEADER, AV1_FRAME):
            # Neither a picture that exists, nor another type than a keyframe; and it is shown.
            if unit[:1] and unit[0] >> 4 == 0b0001:
                return True
            break
    raise UnfitCopyError(NOT_IDR)


def _av1_units(content: bytes, size: int | None = None) -> Iterator[tuple[int, bytes]]:
    """Yields type and content of the units; that of the last one may be cut."""
    place, end = 0, len(content) if size is None else size
    while unit := parse_unit(content[place : place + MAX_HEADER_BYTES], end - place):
        yield unit.kind, content[place + len(unit.header) : place + unit.size]
        place += unit.size


def _av1_sets(record: bytes) -> frozenset[bytes]:
    """Returns the sequence header of an ``av1C``. Raises: UnfitCopyError if there is none."""
    header = dict(_av1_units(record[RECORD_BYTES:])).get(SEQUENCE_HEADER)
    if not header:
        raise UnfitCopyError(NO_PARAMETERS)
    return frozenset({header})


# -- VP9


def _vp9(track: _Track, samples: list[Sample]) -> bool:
    bits = Bits(track.reader.read(samples[0].offset, VP9_HEADER_BYTES))
    marker, low, high, exists, is_inter = (bits.take(count) for count in (2, 1, 1, 1, 1))
    bits.take(2)
    if marker != VP9_MARKER or exists or is_inter or bits.take(24) != VP9_SYNC or low:
        raise UnfitCopyError(NOT_IDR)
    if high:
        bits.take(1)
    if bits.take(3) == VP9_RGB:
        raise UnfitCopyError(OTHER_PARAMETERS)
    return True


# The box with the decoder's record, its parameter sets, and whether a fragment is independent.
_CODECS: Mapping[
    str,
    tuple[bytes, Callable[[bytes], frozenset[bytes]], Callable[[_Track, list[Sample]], bool]],
] = {
    "hevc": (b"hvcC", _hevc_sets, _hevc),
    "av1": (b"av1C", _av1_sets, _av1),
    "vp9": (b"vpcC", lambda _: frozenset(), _vp9),
}
