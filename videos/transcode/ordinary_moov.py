"""Builds the moov of an ordinary MP4 from that of a fragmented one and the samples of fragments.

Everything that the moov of the fragmented file says of its tracks is kept (codecs, display matrix,
language), except which of several sounds is enabled. What it could not know is filled in: durations
and sample tables. Sections are those of ISO/IEC 14496-12. Every function raises ValueError with the
reason for contents that are damaged.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

from videos.transcode.moov import (
    MAX_32_BITS,
    all_boxes,
    as_box,
    boxes_in,
    handler,
    joined,
    track_number,
    with_enabled,
)
from videos.transcode.sample_tables import SampleTables, read_defaults, table_boxes

if TYPE_CHECKING:
    from collections.abc import Iterable

MEDIA_RATE = 0x00010000  # 1.0
SOUND_GROUP = 1  # the alternate_group that FFmpeg, too, gives sounds
NO_MEDIA = -1  # the media time of an empty edit, in which nothing is shown
# Boxes of an stbl that list samples. The others are kept.
LISTS = frozenset(
    {b"stts", b"ctts", b"cslg", b"stss", b"stsc", b"stsz", b"stz2", b"stco", b"co64", b"sbgp"}
)


class Edit(NamedTuple):
    """One entry of an edit list (8.6.6): ticks of the movie, ticks of the track."""

    duration: int
    media_time: int


class _Track(NamedTuple):
    """A trak with the facts of it that the moov needs. Durations are in ticks of the movie.

    Attributes:
        edits: the edit list; empty if the whole track is shown from the start on.
        duration: how long the track lasts with its edits.
    """

    content: bytes
    tables: SampleTables
    edits: tuple[Edit, ...]
    duration: int


def empty_tables(moov: bytes) -> dict[int, SampleTables]:
    """Returns tables without samples for the tracks of a fragmented file, by their numbers."""
    defaults = read_defaults(moov)
    return {number: SampleTables(values) for number, values in defaults.items()}


def ordinary_moov(moov: bytes, tables: dict[int, SampleTables]) -> bytes:
    """Returns the whole moov box.

    Args:
        moov: the content of the moov of the fragmented file.
        tables: of every track, with the offsets that the samples have in the finished file. They
            are removed as they are used: together they may have a hundred megabytes.
    """
    tracks = _with_default_sound(list(boxes_in(moov, b"trak")))
    header = next(boxes_in(moov, b"mvhd"), b"")
    old_scale = timescale(header)
    # Fine enough to say when a track begins without rounding.
    scale = max([old_scale, *(timescale(_media_header(track)) for track in tracks)])
    parts = [_track(track, tables, scale=scale, old_scale=old_scale) for track in tracks]
    duration = max((part.duration for part in parts), default=0)
    boxes: list[bytes] = []
    for kind, content in all_boxes(moov):
        if kind == b"mvhd":
            boxes.append(as_box(kind, _with_duration(kind, content, duration, scale=scale)))
        elif kind == b"trak":
            boxes.append(as_box(kind, _finished_track(parts.pop(0))))
        elif kind != b"mvex":
            boxes.append(as_box(kind, content))
    return as_box(b"moov", *boxes)


def _with_default_sound(tracks: list[bytes]) -> list[bytes]:
    """Returns the traks, of whose sounds only the first is enabled if there are several.

    Players play it unless the viewer chooses another one of the same group.
    """
    sounds = [number for number, track in enumerate(tracks) if handler(track) == b"soun"]
    if len(sounds) > 1:
        for number in sounds:
            is_first = number == sounds[0]
            tracks[number] = with_enabled(tracks[number], is_enabled=is_first, group=SOUND_GROUP)
    return tracks


def _track(track: bytes, tables: dict[int, SampleTables], *, scale: int, old_scale: int) -> _Track:
    table = tables.pop(track_number(track), None)
    if table is None:
        raise ValueError("a track without default values in mvex")
    media_scale = timescale(_media_header(track))

    def in_movie(ticks: int, per_second: int) -> int:
        return (ticks * scale + per_second // 2) // per_second

    late = in_movie(table.start or 0, media_scale)
    edits = [
        Edit(in_movie(edit.duration, old_scale), edit.media_time) for edit in _edit_list(track)
    ]
    if late:  # nothing until its first sample
        edits = [Edit(late, NO_MEDIA), *(edits or [Edit(0, 0)])]
    if edits and edits[-1].media_time != NO_MEDIA and not edits[-1].duration:
        # In a fragmented file, 0 stands for the rest of the track.
        rest = max(0, table.shown_until - edits[-1].media_time)
        edits[-1] = edits[-1]._replace(duration=in_movie(rest, media_scale))
    duration = sum(edit.duration for edit in edits)
    if not edits:
        duration = in_movie(table.duration, media_scale)
    return _Track(track, table, tuple(edits), duration)


def _finished_track(track: _Track) -> bytes:
    boxes: list[tuple[bytes, bytes]] = []
    for kind, content in all_boxes(track.content):
        if kind == b"tkhd":
            boxes.append((kind, _with_duration(kind, content, track.duration)))
            if track.edits:
                boxes.append((b"edts", as_box(b"elst", _edit_entries(track.edits))))
        elif kind == b"mdia":
            boxes.append((kind, _finished_media(content, track.tables)))
        elif kind != b"edts":
            boxes.append((kind, content))
    return joined(boxes)


def _finished_media(media: bytes, tables: SampleTables) -> bytes:
    boxes: list[tuple[bytes, bytes]] = []
    for kind, content in all_boxes(media):
        if kind == b"mdhd":
            boxes.append((kind, _with_duration(kind, content, tables.duration)))
        elif kind == b"minf":
            inner = [
                (name, _sample_table(box, tables) if name == b"stbl" else box)
                for name, box in all_boxes(content)
            ]
            boxes.append((kind, joined(inner)))
        else:
            boxes.append((kind, content))
    return joined(boxes)


def _sample_table(stbl: bytes, tables: SampleTables) -> bytes:
    kept = [(kind, content) for kind, content in all_boxes(stbl) if kind not in LISTS]
    # FFmpeg says of AAC that each packet needs the one before it (8.9.2, 10.1).
    groups = [content[4:8] for kind, content in kept if kind == b"sgpd"]
    count = len(tables.sizes)
    every = [
        (b"sbgp", struct.pack(">4x4sIII", group, 1, count, 1))
        for group in groups
        if group == b"roll"
    ]
    first = [entry for entry in kept if entry[0] == b"stsd"]
    rest = [entry for entry in kept if entry[0] != b"stsd"]
    return joined([*first, *table_boxes(tables), *rest, *(every if count else ())])


# -- edit lists


def _edit_list(track: bytes) -> list[Edit]:
    """Returns the edits of a trak."""
    for edts in boxes_in(track, b"edts"):
        for elst in boxes_in(edts, b"elst"):
            return read_edits(elst)
    return []


def read_edits(elst: bytes) -> list[Edit]:
    """Returns the edits of an ``elst``, given by its content, which more bytes may follow."""
    layout = ">Qqi" if elst[:1] == b"\1" else ">Iii"
    size = struct.calcsize(layout)
    count = int.from_bytes(elst[4:8])
    if len(elst) < 8 + size * count:
        raise ValueError(f"{count} edits in {len(elst)} bytes")
    entries = struct.iter_unpack(layout, elst[8 : 8 + size * count])
    return [Edit(duration, media_time) for duration, media_time, _ in entries]


def _edit_entries(edits: Iterable[Edit]) -> bytes:
    edits = list(edits)
    is_long = any(max(edit) > MAX_32_BITS // 2 for edit in edits)
    layout = ">QqI" if is_long else ">IiI"
    start = struct.pack(">B3xI", is_long, len(edits))
    return start + b"".join(struct.pack(layout, *edit, MEDIA_RATE) for edit in edits)


# -- headers with durations


def _media_header(track: bytes) -> bytes:
    for mdia in boxes_in(track, b"mdia"):
        for header in boxes_in(mdia, b"mdhd"):
            return header
    raise ValueError("a track without mdhd")


def timescale(header: bytes) -> int:
    """Returns the ticks per second that an mvhd or mdhd states."""
    place = 20 if header[:1] == b"\1" else 12
    scale = int.from_bytes(header[place : place + 4])
    if not scale:
        raise ValueError("a header without a timescale")
    return scale


def _with_duration(kind: bytes, header: bytes, duration: int, *, scale: int = 0) -> bytes:
    """Returns an mvhd, mdhd or tkhd with another duration, and timescale if one is given.

    All three have two times, then two numbers of which the last is the duration (a tkhd has four
    bytes of nothing in between). In version 1, times and duration have 64 bits.
    """
    is_long, is_track = header[:1] == b"\1", kind == b"tkhd"
    layout = ">QQI" if is_long else ">III"
    created, modified, number = struct.unpack_from(layout, header, 4)
    rest = header[4 + struct.calcsize(layout) + 4 * is_track + (8 if is_long else 4) :]
    needs_long = is_long or duration > MAX_32_BITS
    start = struct.pack(">B3s", needs_long, header[1:4])
    times = struct.pack(">QQI" if needs_long else ">III", created, modified, scale or number)
    length = struct.pack(">Q" if needs_long else ">I", duration)
    return start + times + bytes(4 * is_track) + length + rest
