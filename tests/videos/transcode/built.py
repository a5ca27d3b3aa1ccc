"""MP4 files that are built here byte by byte, so that tests need no FFmpeg and know every sample.

`fragmented_mp4` has the layout that FFmpeg writes with ``commands.FRAGMENTED``: ``ftyp moov``, for
each fragment a ``sidx`` for each of its tracks, ``moof`` and ``mdat``, and ``mfra`` at the end.
`separate_mp4` has the one with ``separate_moof``: each track has fragments of its own. Their
pictures are real H.264, made with x264: 32x32 pixels of grey, five to the second. Their sound is
real AAC, mono at 8,000 Hz. Boxes are those of ISO/IEC 14496-12.
"""

from __future__ import annotations

import functools
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from tests import clips

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SPS = bytes.fromhex("674d400aeca4b6022000000300200000030141e244b2c001")
PPS = bytes.fromhex("68ce0fc8")
# Two following IDR pictures must have different numbers.
IDR = (
    bytes.fromhex("65888200042898a000201b275d78"),
    bytes.fromhex("6588840011a2628000808c9d75e0"),
)
# The four frames after each IDR, in the order in which they are decoded: P, B, B and P.
OTHERS = tuple(
    bytes.fromhex(unit)
    for unit in ("419a2300428b", "419e41403e8b", "019e62407516", "419a643440234580")
)
# Ticks from the time at which each of five frames is decoded to the time at which it is shown.
SHOWN_AFTER = (4096, 8192, 2048, 2048, 4096)
FRAME_TICKS, PICTURE_SCALE = 2048, 10_240
SILENCE = bytes.fromhex("01182007")
PACKET_TICKS, SOUND_SCALE = 1024, 8000

SYNC, NOT_SYNC = 0x02000000, 0x01010000
MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
FTYP = struct.pack(">I4s4sI4s4s4s", 28, b"ftyp", b"iso5", 512, b"iso5", b"iso6", b"mp41")


class Sample(NamedTuple):
    """A frame or a packet of sound.

    Attributes:
        lasts: ticks.
        shown_after: ticks from when it is decoded to when it is shown.
    """

    data: bytes
    lasts: int
    shown_after: int = 0
    is_sync: bool = True


@dataclass(frozen=True)
class Track:
    """A track and its samples.

    Attributes:
        scale: ticks per second.
        entry: the sample entry, a whole box.
        media_time: the tick that is shown first, which the edit list says.
        fragments: the samples of each fragment; none for a fragment without this track.
        start: the tick at which the first sample is decoded.
    """

    number: int
    handler: bytes
    scale: int
    entry: bytes
    media_time: int
    fragments: tuple[tuple[Sample, ...], ...]
    start: int = 0

    @property
    def samples(self) -> list[Sample]:
        return [sample for fragment in self.fragments for sample in fragment]

    @property
    def duration(self) -> int:
        return sum(sample.lasts for sample in self.samples)

    def begins(self, fragment: int) -> int:
        """The tick at which the first sample of a fragment is decoded."""
        earlier = self.fragments[:fragment]
        return self.start + sum(sample.lasts for samples in earlier for sample in samples)


def box(kind: bytes, *contents: bytes) -> bytes:
    content = b"".join(contents)
    return struct.pack(">I4s", 8 + len(content), kind) + content


def full(kind: bytes, *contents: bytes, version: int = 0, flags: int = 0) -> bytes:
    """A box with version and flags."""
    return box(kind, struct.pack(">I", version << 24 | flags), *contents)


def numbers(*values: int) -> bytes:
    return struct.pack(f">{len(values)}I", *values)


# -- tracks


def unit(content: bytes) -> bytes:
    """A NAL unit after its length, as MP4 stores it."""
    return struct.pack(">I", len(content)) + content


def avc_record(sps: Sequence[bytes] = (SPS,), pps: Sequence[bytes] = (PPS,)) -> bytes:
    """The content of an avcC. The lengths in front of NAL units have four bytes."""
    parts = [b"\1" + SPS[1:4] + b"\xff", bytes([0xE0 | len(sps)])]
    parts += [struct.pack(">H", len(one)) + one for one in sps]
    parts += [bytes([len(pps)]), *(struct.pack(">H", len(one)) + one for one in pps)]
    return b"".join(parts)


def picture_entry(kind: bytes, *boxes: bytes, size: tuple[int, int] = (32, 32)) -> bytes:
    """A VisualSampleEntry."""
    fields = struct.pack(">6xH16xHHIIIH32xHh", 1, *size, 72 << 16, 72 << 16, 0, 1, 24, -1)
    return box(kind, fields, *boxes)


def sound_entry(kind: bytes, *boxes: bytes) -> bytes:
    """An AudioSampleEntry."""
    return box(kind, struct.pack(">6xH8xHH4xI", 1, 1, 16, SOUND_SCALE << 16), *boxes)


def descriptor(tag: int, content: bytes) -> bytes:
    """A descriptor of ISO/IEC 14496-1. Its size has four bytes, as FFmpeg writes it."""
    return bytes([tag, 0x80, 0x80, 0x80, len(content)]) + content


def esds(configuration: bytes = bytes.fromhex("158856e500"), object_type: int = 0x40) -> bytes:
    decoder = bytes([object_type, 0x15]) + bytes(3) + struct.pack(">II", 8000, 8000)
    decoder += descriptor(5, configuration)
    stream = struct.pack(">HB", 2, 0) + descriptor(4, decoder) + descriptor(6, b"\2")
    return box(b"esds", bytes(4), descriptor(3, stream))


def frames(number: int, *, first: bytes = b"", idr: bytes = b"") -> tuple[Sample, ...]:
    """The five frames of a fragment, which last a second.

    Args:
        first: NAL units, with their lengths, in front of the first frame.
        idr: the first frame, if it is to be another.
    """
    units = (idr or IDR[number % 2], *OTHERS)
    return tuple(
        Sample((first if n == 0 else b"") + unit(one), FRAME_TICKS, SHOWN_AFTER[n], n == 0)
        for n, one in enumerate(units)
    )


def picture(*fragments: tuple[Sample, ...], entry: bytes = b"", number: int = 1) -> Track:
    """A picture track, of three seconds unless fragments are given."""
    return Track(
        number=number,
        handler=b"vide",
        scale=PICTURE_SCALE,
        entry=entry or picture_entry(b"avc1", box(b"avcC", avc_record())),
        media_time=SHOWN_AFTER[0],
        fragments=fragments or tuple(frames(n) for n in range(3)),
    )


def sound(*packets: int, start: int = 0, entry: bytes = b"", number: int = 2) -> Track:
    """A sound track with so many packets in each fragment. The very last one is short."""
    counts = packets or (6, 8, 11)
    fragments = [(Sample(SILENCE, PACKET_TICKS),) * count for count in counts]
    last = max(n for n, count in enumerate(counts) if count)
    fragments[last] = (*fragments[last][:-1], Sample(SILENCE, 384))
    return Track(
        number=number,
        handler=b"soun",
        scale=SOUND_SCALE,
        entry=entry or sound_entry(b"mp4a", esds()),
        media_time=PACKET_TICKS,
        fragments=tuple(fragments),
        start=start,
    )


# -- the start


def moov(tracks: Sequence[Track], tables: Sequence[bytes] = ()) -> bytes:
    """The moov of a fragmented file; with the tables of each track that of an ordinary one."""
    last = struct.pack(">IH10x36s24xI", 0x10000, 0x100, MATRIX, len(tracks) + 1)
    header = full(b"mvhd", numbers(0, 0, 1000, 0), last)
    lists = tables or [_no_tables()] * len(tracks)
    traks = [
        _trak(track, its, duration=track.duration if tables else 0)
        for track, its in zip(tracks, lists, strict=True)
    ]
    extends = [full(b"trex", numbers(track.number, 1, 0, 0, 0)) for track in tracks]
    handler = full(b"hdlr", struct.pack(">4x4s4s9x", b"mdir", b"appl"))
    rest = box(b"udta", full(b"meta", handler, box(b"ilst")))
    return box(b"moov", header, *traks, *([] if tables else [box(b"mvex", *extends)]), rest)


def _trak(track: Track, tables: bytes, *, duration: int) -> bytes:
    """``duration``: ticks of the track; 0 where only fragments tell."""
    in_movie = duration * 1000 // track.scale
    is_sound = track.handler == b"soun"
    width = height = 0 if is_sound else 32 << 16
    shown = struct.pack(">8xHHH2x36sII", 0, is_sound, is_sound << 8, MATRIX, width, height)
    media_header = full(b"smhd", bytes(4)) if is_sound else full(b"vmhd", bytes(8), flags=1)
    references = full(b"dref", numbers(1), full(b"url ", flags=1))
    table = box(b"stbl", full(b"stsd", numbers(1), track.entry), tables)
    return box(
        b"trak",
        full(b"tkhd", numbers(0, 0, track.number, 0, in_movie), shown, flags=3),
        box(b"edts", full(b"elst", numbers(1, in_movie, track.media_time, 0x10000))),
        box(
            b"mdia",
            full(b"mdhd", numbers(0, 0, track.scale, duration), b"\x55\xc4\0\0"),
            full(b"hdlr", struct.pack(">4x4s12x6s", track.handler, b"Media")),
            box(b"minf", media_header, box(b"dinf", references), table),
        ),
    )


def _no_tables() -> bytes:
    lists = (full(kind, numbers(0)) for kind in (b"stts", b"stsc", b"stco"))
    return b"".join([*lists, full(b"stsz", numbers(0, 0))])


# -- fragments


def fragmented_mp4(*tracks: Track, ftyp: bytes = FTYP) -> bytes:
    """Returns a whole file. Without arguments: three seconds with picture and sound."""
    tracks = tracks or (picture(), sound())
    data = ftyp + moov(tracks)
    for number in range(max(len(track.fragments) for track in tracks)):
        data += fragment([one for one in tracks if number < len(one.fragments)], number)
    return data + _trailer(tracks)


def separate_mp4(*tracks: Track) -> bytes:
    """Returns a whole file with a moof for each track. Without arguments: a picture, two sounds."""
    tracks = tracks or (picture(), sound(), sound(number=3))
    data = FTYP + moov(tracks)
    for number in range(max(len(track.fragments) for track in tracks)):
        present = [one for one in tracks if number < len(one.fragments) and one.fragments[number]]
        data += b"".join(fragment([one], number) for one in present)
    return data + _trailer(tracks)


def _trailer(tracks: Sequence[Track]) -> bytes:
    trailer = b"".join(full(b"tfra", numbers(one.number, 0, 0)) for one in tracks)
    return box(b"mfra", trailer, full(b"mfro", numbers(24 + len(trailer))))


def fragment(tracks: Sequence[Track], number: int) -> bytes:
    """Returns the fragment of this number, from 0 on: sidx boxes, moof and mdat."""
    present = [track for track in tracks if track.fragments[number]]
    size = len(_moof(present, number, 0))
    moof = _moof(present, number, size + 8)
    data = (sample.data for track in present for sample in track.fragments[number])
    rest = moof + box(b"mdat", *data)
    indexes = [
        _sidx(track, number, after=len(present) - n - 1, size=len(rest))
        for n, track in enumerate(present)
    ]
    return b"".join(indexes) + rest


def _moof(tracks: Sequence[Track], number: int, offset: int) -> bytes:
    boxes = []
    for track in tracks:
        boxes.append(_traf(track, number, offset))
        offset += sum(len(sample.data) for sample in track.fragments[number])
    return box(b"moof", full(b"mfhd", numbers(number + 1)), *boxes)


def _traf(track: Track, number: int, offset: int) -> bytes:
    """As FFmpeg writes it: a column only where samples differ from the first one."""
    samples = track.fragments[number]
    first = samples[0]
    is_picture = track.handler == b"vide"
    defaults = numbers(first.lasts, len(first.data), NOT_SYNC if is_picture else SYNC)
    columns = {
        0x100: [sample.lasts for sample in samples],
        0x200: [len(sample.data) for sample in samples],
        0x800: [sample.shown_after for sample in samples],
    }
    written = {flag: values for flag, values in columns.items() if len(set(values)) > 1}
    if any(columns[0x800]):
        written[0x800] = columns[0x800]
    flags = sum(written) | 0x1 | (0x4 if is_picture else 0)
    start = [len(samples), offset, *([SYNC] if is_picture else [])]
    values = [column[n] for n in range(len(samples)) for column in written.values()]
    return box(
        b"traf",
        full(b"tfhd", numbers(track.number), defaults, flags=0x020038),
        full(b"tfdt", struct.pack(">Q", track.begins(number)), version=1),
        full(b"trun", numbers(*start, *values), flags=flags),
    )


def _sidx(track: Track, number: int, *, after: int, size: int) -> bytes:
    """``after``: how many sidx follow. ``size``: of the moof and the mdat behind them, in bytes."""
    lasts = sum(sample.lasts for sample in track.fragments[number])
    times = struct.pack(">QQHH", track.begins(number), 52 * after, 0, 1)
    reference = numbers(52 * after + size, lasts, 0x80000000)
    return full(b"sidx", numbers(track.number, track.scale), times, reference, version=1)


# -- ordinary files


def plain_mp4(*tracks: Track, moov_first: bool = False) -> bytes:
    """Returns an ordinary MP4 of the same samples, with one chunk for each fragment."""
    tracks = tracks or (picture(), sound())
    ftyp = box(b"ftyp", b"isom", numbers(512), b"isommp41")
    size = len(moov(tracks, [_tables(track, track.number) for track in tracks]))
    place = len(ftyp) + (size if moov_first else 0) + 8
    media, tables = b"", []
    for track in tracks:
        tables.append(_tables(track, place + len(media)))
        media += b"".join(sample.data for sample in track.samples)
    parts = [box(b"mdat", media), moov(tracks, tables)]
    return b"".join([ftyp, *(reversed(parts) if moov_first else parts)])


def _tables(track: Track, offset: int) -> bytes:
    samples, filled = track.samples, [one for one in track.fragments if one]
    offsets = []
    for one in filled:
        offsets.append(offset)
        offset += sum(len(sample.data) for sample in one)
    sync = [n for n, sample in enumerate(samples, 1) if sample.is_sync]
    # Lists of one entry for each sample or chunk: other writers put equal ones together.
    chunks = [number for n, one in enumerate(filled, 1) for number in (n, len(one), 1)]
    times = [number for one in samples for number in (1, one.lasts)]
    shown = [number for one in samples for number in (1, one.shown_after)]
    return b"".join(
        [
            full(b"stts", numbers(len(samples), *times)),
            full(b"ctts", numbers(len(samples), *shown)),
            full(b"stss", numbers(len(sync), *sync)),
            full(b"stsc", numbers(len(filled), *chunks)),
            full(b"stsz", numbers(0, len(samples), *(len(one.data) for one in samples))),
            full(b"stco", numbers(len(offsets), *offsets)),
        ]
    )


# -- files


@functools.cache
def tiny() -> Path:
    """Three fragments in 3 KB, with picture and sound."""
    return stored(fragmented_mp4())


def stored(data: bytes) -> Path:
    path = clips.new_path("mp4", "built")
    path.write_bytes(data)
    return path
