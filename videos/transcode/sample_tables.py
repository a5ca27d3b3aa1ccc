"""Turns the sample lists of fragments into the sample tables of one ordinary MP4.

A fragment lists its samples in its ``moof``: one ``traf`` for each track, with ``trun`` boxes. An
ordinary file has one set of tables for each track (``stbl``). Each ``trun`` becomes one chunk.
Sections are those of ISO/IEC 14496-12. Every function raises ValueError with the reason for
contents that are damaged or that FFmpeg's fragments never have.
"""

from __future__ import annotations

import itertools
import struct
import sys
from array import array
from dataclasses import dataclass, field
from operator import add
from typing import TYPE_CHECKING, NamedTuple

from videos.transcode.moov import boxes_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAX_SAMPLES = 50_000_000  # of a track; 12 h have 5 million frames, or 2 million sound packets

# tfhd (8.8.7)
BASE_DATA_OFFSET, DESCRIPTION_INDEX = 0x000001, 0x000002
DEFAULT_DURATION, DEFAULT_SIZE, DEFAULT_FLAGS = 0x000008, 0x000010, 0x000020
DEFAULT_BASE_IS_MOOF = 0x020000
# trun (8.8.8)
DATA_OFFSET, FIRST_FLAGS = 0x000001, 0x000004
# The columns of a trun, in this order.
DURATION, SIZE, FLAGS, COMPOSITION = 0x000100, 0x000200, 0x000400, 0x000800
COLUMNS = (DURATION, SIZE, FLAGS, COMPOSITION)

NOT_SYNC = 0x00010000  # sample_is_non_sync_sample (8.8.3.1)


class Defaults(NamedTuple):
    """The values of samples for which a fragment states none (trex, tfhd)."""

    description: int
    duration: int
    size: int
    flags: int


class Runs:
    """A list of numbers as pairs of a count and a value, which is how stts and ctts store it."""

    def __init__(self) -> None:
        self.counts = array("I")
        self.values = array("q")

    def append(self, count: int, value: int) -> None:
        if self.values and self.values[-1] == value:
            self.counts[-1] += count
        else:
            self.counts.append(count)
            self.values.append(value)

    def extend(self, numbers: Iterable[int]) -> None:
        for value, group in itertools.groupby(numbers):
            self.append(sum(1 for _ in group), value)

    def change_last(self, by: int) -> None:
        """Adds to the last number. Raises: ValueError if it would become negative."""
        value = self.values[-1] + by
        if value < 0:
            raise ValueError("a fragment begins before the previous one ends")
        self.counts[-1] -= 1
        if not self.counts[-1]:
            self.counts.pop()
            self.values.pop()
        self.append(1, value)


class _Columns(NamedTuple):
    """What a trun says of its samples. None stands for the default value, or for no offset."""

    samples: int
    durations: array[int] | None
    sizes: array[int] | None
    flags: array[int] | None
    compositions: array[int] | None


@dataclass(slots=True)
class SampleTables:
    """The samples of one track, in the order of the file. Times are in ticks of the track.

    Attributes:
        defaults: of the track (trex).
        start: the decode time of the first sample; None while there is none.
        end: the decode time at which the last sample ends.
        shown_until: the latest time at which a sample ends to be shown, from `start`.
        all_sync: whether all samples are keyframes, as those of sound are.
        sync: the numbers of keyframes; empty while all are, since sound has millions.
    """

    defaults: Defaults
    start: int | None = None
    end: int = 0
    shown_until: int = 0
    durations: Runs = field(default_factory=Runs)
    compositions: Runs = field(default_factory=Runs)
    has_compositions: bool = False
    sizes: array[int] = field(default_factory=lambda: array("I"))
    all_sync: bool = True
    sync: array[int] = field(default_factory=lambda: array("I"))
    chunks: array[int] = field(default_factory=lambda: array("Q"))
    # Samples and sample description of each chunk, as runs of equal ones.
    in_chunks: list[tuple[int, int, int]] = field(default_factory=list)

    @property
    def duration(self) -> int:
        return self.end - (self.start or 0)

    def add_chunk(self, offset: int, columns: _Columns, defaults: Defaults) -> None:
        """Adds the samples of one trun, which lie at `offset` in the file."""
        count, first = columns.samples, len(self.sizes)
        if first + count > MAX_SAMPLES:
            raise ValueError(f"more than {MAX_SAMPLES} samples")
        last = self.in_chunks[-1][1:] if self.in_chunks else None
        if last != (count, defaults.description):
            self.in_chunks.append((len(self.chunks) + 1, count, defaults.description))
        self.chunks.append(offset)
        self.sizes.extend(columns.sizes or itertools.repeat(defaults.size, count))
        self._add_sync(first, count, columns.flags or itertools.repeat(defaults.flags, count))
        self._add_times(columns, defaults)

    def _add_sync(self, first: int, count: int, flags: Iterable[int]) -> None:
        """Adds the keyframes of samples, of which `first` is the number of those before."""
        numbers = range(first + 1, first + count + 1)
        sync = [n for n, flag in zip(numbers, flags, strict=True) if not flag & NOT_SYNC]
        if self.all_sync and len(sync) < count:
            self.all_sync = False
            self.sync.extend(range(1, first + 1))
        if not self.all_sync:
            self.sync.extend(sync)

    def _add_times(self, columns: _Columns, defaults: Defaults) -> None:
        begin = self.duration
        lasts: Iterable[int]
        if columns.durations is None:
            self.durations.append(columns.samples, defaults.duration)
            lasts = itertools.repeat(defaults.duration, columns.samples)
            self.end += defaults.duration * columns.samples
        else:
            self.durations.extend(columns.durations)
            lasts = columns.durations
            self.end += sum(columns.durations)
        if columns.compositions is None:
            self.compositions.append(columns.samples, 0)
            self.shown_until = max(self.shown_until, self.duration)
            return
        self.has_compositions = True
        self.compositions.extend(columns.compositions)
        ends = itertools.accumulate(lasts)
        self.shown_until = max(self.shown_until, begin + max(map(add, ends, columns.compositions)))


def read_defaults(moov: bytes) -> dict[int, Defaults]:
    """Returns the default values of each track by its number (trex, 8.8.3)."""
    found = {}
    for mvex in boxes_in(moov, b"mvex"):
        for trex in boxes_in(mvex, b"trex"):
            track, *values = _unpacked(">4xIIIII", trex, 0)
            found[track] = Defaults(*values)
    return found


def add_fragment(
    tables: dict[int, SampleTables], moof: bytes, *, moof_offset: int, data: range
) -> None:
    """Adds the samples of one fragment.

    Args:
        tables: of the tracks by their numbers.
        moof: the content of the moof.
        moof_offset: where it begins in the file, with its header.
        data: the offsets of the content of its mdat.
    """
    for traf in boxes_in(moof, b"traf"):
        header = next(boxes_in(traf, b"tfhd"), b"")
        (track,) = _unpacked(">4xI", header, 0)
        if track not in tables:
            raise ValueError(f"a fragment of track {track}, which the moov does not have")
        table = tables[track]
        defaults = _fragment_defaults(header, table.defaults)
        for time in boxes_in(traf, b"tfdt"):
            _continue_at(table, _decode_time(time))
        if table.start is None:
            table.start = 0
        place = moof_offset
        for trun in boxes_in(traf, b"trun"):
            place = _add_run(table, trun, defaults, place, moof_offset=moof_offset, data=data)


def _fragment_defaults(header: bytes, defaults: Defaults) -> Defaults:
    """Returns the default values of a traf: those of its tfhd, else those of the track."""
    flags = int.from_bytes(header[1:4])
    if flags & BASE_DATA_OFFSET or not flags & DEFAULT_BASE_IS_MOOF:
        raise ValueError("a fragment whose offsets do not count from its moof")
    place, found = 8, []
    masks = (DESCRIPTION_INDEX, DEFAULT_DURATION, DEFAULT_SIZE, DEFAULT_FLAGS)
    for mask, default in zip(masks, defaults, strict=True):
        value = default
        if flags & mask:
            (value,) = _unpacked(">I", header, place)
            place += 4
        found.append(value)
    return Defaults(*found)


def _decode_time(time: bytes) -> int:
    """Parses a tfdt (8.8.12)."""
    layout = ">4xQ" if time[:1] == b"\1" else ">4xI"
    (ticks,) = _unpacked(layout, time, 0)
    return ticks


def _continue_at(table: SampleTables, ticks: int) -> None:
    """Makes the next sample begin at a decode time: the previous one lasts until then."""
    if table.start is None:
        table.start = table.end = ticks
    elif ticks != table.end:
        if not table.sizes:
            raise ValueError("a fragment without samples in front of others")
        table.durations.change_last(ticks - table.end)
        table.end = ticks


def _add_run(
    table: SampleTables,
    trun: bytes,
    defaults: Defaults,
    place: int,
    *,
    moof_offset: int,
    data: range,
) -> int:
    """Adds the samples of a trun. Returns where the next one's lie if it does not say so itself."""
    flags, count = _unpacked(">II", trun, 0)
    at = 8
    if flags & DATA_OFFSET:
        (offset,) = _unpacked(">i", trun, at)
        place, at = moof_offset + offset, at + 4
    first_flags = None
    if flags & FIRST_FLAGS:
        (first_flags,) = _unpacked(">I", trun, at)
        at += 4
    columns = _columns(trun, at, flags, count, limit=len(data))
    if not count:
        return place
    if first_flags is not None:
        given = columns.flags or array("I", [defaults.flags]) * count
        given[0] = first_flags
        columns = columns._replace(flags=given)
    size = sum(columns.sizes) if columns.sizes else defaults.size * count
    if place < data.start or place + size > data.stop:
        raise ValueError(f"samples at {place} that do not lie in the data of their fragment")
    table.add_chunk(place, columns, defaults)
    return place + size


def _columns(trun: bytes, at: int, flags: int, count: int, *, limit: int) -> _Columns:
    """Returns the columns of the list that begins `at` in a trun. Its samples are in `limit` bytes
    of data, so there are no more of them than that."""
    present = [mask for mask in COLUMNS if flags & mask]
    width = len(present)
    if count > limit or at + 4 * width * count > len(trun):
        raise ValueError(f"{count} samples in a list of {len(trun)} bytes")
    numbers = array("I")
    numbers.frombytes(trun[at : at + 4 * width * count])
    if sys.byteorder == "little":
        numbers.byteswap()
    column = {mask: numbers[n::width] for n, mask in enumerate(present)}
    composition = column.get(COMPOSITION)
    if composition is not None and flags >> 24:  # version 1: with a sign
        composition = array("i", composition.tobytes())
    return _Columns(count, column.get(DURATION), column.get(SIZE), column.get(FLAGS), composition)


def _unpacked(layout: str, content: bytes, offset: int) -> tuple[int, ...]:
    try:
        return struct.unpack_from(layout, content, offset)
    except struct.error as error:
        raise ValueError(str(error)) from error


# -- the tables as boxes


def table_boxes(table: SampleTables) -> Iterator[tuple[bytes, bytes]]:
    """Yields kind and content of the boxes of an stbl that list the samples."""
    yield b"stts", _pairs(table.durations)
    if table.has_compositions:
        is_signed = any(value < 0 for value in table.compositions.values)
        version = b"\1" if is_signed else b"\0"
        yield b"ctts", version + _pairs(table.compositions)[1:]
    if not table.all_sync:
        yield b"stss", bytes(4) + struct.pack(">I", len(table.sync)) + _big_endian(table.sync)
    runs = b"".join(struct.pack(">III", *run) for run in table.in_chunks)
    yield b"stsc", bytes(4) + struct.pack(">I", len(table.in_chunks)) + runs
    yield b"stsz", bytes(8) + struct.pack(">I", len(table.sizes)) + _big_endian(table.sizes)
    yield b"co64", bytes(4) + struct.pack(">I", len(table.chunks)) + _big_endian(table.chunks)


def _pairs(runs: Runs) -> bytes:
    """Raises: OverflowError for values that do not fit into 32 bits."""
    numbers = array("I", bytes(8 * len(runs.counts)))
    numbers[0::2] = runs.counts
    numbers[1::2] = array("I", (value if value >= 0 else value + 2**32 for value in runs.values))
    return bytes(4) + struct.pack(">I", len(runs.counts)) + _big_endian(numbers)


def _big_endian(numbers: array[int]) -> bytes:
    if sys.byteorder == "little":
        numbers = numbers[:]
        numbers.byteswap()
    return numbers.tobytes()
