"""The sample tables of finalised files list exactly the samples that the files were built from."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests import boxes
from tests.videos.transcode import built
from tests.videos.transcode.built import Sample
from videos.transcode.errors import NotFragmentedError
from videos.transcode.file_start import initialisation_segment, is_finalised
from videos.transcode.finalise import finalise
from videos.transcode.fragments import codecs, read_index, track_ends
from videos.transcode.ordinary_moov import empty_tables, ordinary_moov
from videos.transcode.sample_tables import Runs, add_fragment

if TYPE_CHECKING:
    from pathlib import Path

    from tests.videos.transcode.built import Track

PLAIN = built.FTYP + built.moov([built.picture()])


def uneven() -> Track:
    """A picture of frames that last differently, of which the second fragment is one frame."""
    first = (
        Sample(built.unit(built.IDR[0]), 100, 300),
        Sample(built.unit(b"\x41one"), 250, 50, is_sync=False),
        Sample(built.unit(b"\x41two"), 150, 0, is_sync=False),
    )
    return built.picture(first, (Sample(built.unit(built.IDR[1]), 100),), built.frames(0))


ORDINARY: dict[str, tuple[Track, ...]] = {
    "picture and sound": (built.picture(), built.sound()),
    "no sound": (built.picture(),),
    "sound first": (built.sound(number=1), built.picture(number=2)),
    "sound that ends early": (built.picture(), built.sound(8, 3, 0)),
    "sound that goes on": (built.picture(), built.sound(8, 8, 40)),
    "uneven frames": (uneven(),),
    "one frame": (built.picture((Sample(built.unit(built.IDR[0]), 2048),)),),
    "late sound": (built.picture(), built.sound(0, 4, 8, start=8000)),
}
SEPARATE: dict[str, tuple[Track, ...]] = {
    "two sounds": (built.picture(), built.sound(), built.sound(number=3)),
    "sounds first": (built.sound(number=1), built.sound(number=2), built.picture(number=3)),
    "one ends early": (uneven(), built.sound(), built.sound(8, 3, 0, number=3)),
    "one begins late": (built.picture(), built.sound(), built.sound(0, 4, 8, start=8000, number=3)),
    "one goes on": (built.picture(), built.sound(number=9), built.sound(8, 8, 40, number=3)),
    "sixteen": (built.picture(), *(built.sound(number=n) for n in range(2, 18))),
}
Write = Callable[..., bytes]
CASES: dict[str, tuple[Write, tuple[Track, ...]]] = {
    **{name: (built.fragmented_mp4, tracks) for name, tracks in ORDINARY.items()},
    **{f"separate, {name}": (built.separate_mp4, tracks) for name, tracks in SEPARATE.items()},
    "several sounds in each fragment": (built.fragmented_mp4, SEPARATE["two sounds"]),
}
every_case = pytest.mark.parametrize(("write", "tracks"), CASES.values(), ids=CASES)


def finalised(*tracks: Track, write: Write = built.fragmented_mp4) -> Path:
    path = built.stored(write(*tracks))
    finalise(path)
    return path


def column(table: boxes.Box, kind: bytes, layout: str) -> list[tuple[int, ...]]:
    """The entries of a list that has a count and then entries of this layout."""
    content = table.find(kind).content
    (count,) = struct.unpack_from(">I", content, 4)
    assert len(content) == 8 + count * struct.calcsize(layout)
    return list(struct.iter_unpack(layout, content[8:]))


def spread(pairs: list[tuple[int, ...]]) -> list[int]:
    """Counts and values as one value for each sample."""
    return [value for count, value in pairs for _ in range(count)]


def listed(path: Path, table: boxes.Box) -> list[Sample]:
    """The samples that the tables list, with the bytes that lie where the tables say."""
    sizes_box = table.find(b"stsz").content
    count = int.from_bytes(sizes_box[8:12])
    sizes = struct.unpack(f">{count}I", sizes_box[12:])
    lasts = spread(column(table, b"stts", ">II"))
    shown = spread(column(table, b"ctts", ">Ii")) if table.all(b"ctts") else [0] * count
    sync = set(range(1, count + 1))
    if table.all(b"stss"):
        sync = {number for (number,) in column(table, b"stss", ">I")}
    offsets = [offset for (offset,) in column(table, b"co64", ">Q")]
    runs = column(table, b"stsc", ">III")
    ends = [first for first, _, _ in runs[1:]] + [len(offsets) + 1]
    in_chunks = [
        each for (first, each, _), end in zip(runs, ends, strict=True) for _ in range(first, end)
    ]
    data, found, number = path.read_bytes(), [], 0
    for offset, each in zip(offsets, in_chunks, strict=True):
        place = offset
        for _ in range(each):
            content = data[place : place + sizes[number]]
            found.append(Sample(content, lasts[number], shown[number], number + 1 in sync))
            place += sizes[number]
            number += 1
    assert number == count == len(lasts) == len(shown)
    return found


@every_case
def test_the_tables_list_the_samples(write: Write, tracks: tuple[Track, ...]) -> None:
    path = finalised(*tracks, write=write)
    traks = boxes.tracks(boxes.load(path))
    for track, trak in zip(tracks, traks, strict=True):
        assert listed(path, boxes.sample_table(trak)) == track.samples


@every_case
def test_the_headers_say_how_long_it_is(write: Write, tracks: tuple[Track, ...]) -> None:
    moov = boxes.load(finalised(*tracks, write=write)).find(b"moov")
    scale = moov.find(b"mvhd").number(12)
    assert scale == max(1000, *(track.scale for track in tracks))
    longest = 0
    for track, trak in zip(tracks, moov.all(b"trak"), strict=True):
        times = shown_until = 0
        for sample in track.samples:
            times += sample.lasts
            shown_until = max(shown_until, times + sample.shown_after)
        header = trak.find(b"mdia", b"mdhd")
        assert (header.number(12), header.number(16)) == (track.scale, track.duration)
        late = round(track.start * scale / track.scale)
        shown = ((shown_until - track.media_time) * scale + track.scale // 2) // track.scale
        edits = column(trak.find(b"edts"), b"elst", ">IiI")
        empty = [(late, -1, 0x10000)] if late else []
        shown = max(0, shown)
        assert edits == [*empty, (shown, track.media_time, 0x10000)]
        assert trak.find(b"tkhd").number(20) == late + shown
        longest = max(longest, late + shown)
    assert moov.find(b"mvhd").number(16) == longest


@every_case
def test_fragments_and_the_start_stay(write: Write, tracks: tuple[Track, ...]) -> None:
    before = built.stored(write(*tracks))
    after = finalised(*tracks, write=write)
    data, done = before.read_bytes(), after.read_bytes()
    assert done[36 : len(data)] == data[36:]
    assert [box.kind for box in boxes.load(after).boxes] == [b"ftyp", b"mdat", b"moov"]
    assert is_finalised(after)
    index, now = read_index(before), read_index(after)
    assert now == replace(index, end=len(done))
    assert read_index(after, known=index) == now
    for track in tracks:
        segment = initialisation_segment(before, track=track.number)
        assert initialisation_segment(after, track=track.number) == segment
    assert initialisation_segment(after) == initialisation_segment(before)
    assert initialisation_segment(before) == built.FTYP + built.moov(tracks)
    assert codecs(after) == codecs(before)
    assert track_ends(after, read_index(after)) == track_ends(before, read_index(before))


@every_case
def test_only_the_first_of_several_sounds_is_enabled(
    write: Write, tracks: tuple[Track, ...]
) -> None:
    traks = boxes.tracks(boxes.load(finalised(*tracks, write=write)))
    sounds = [track.number for track in tracks if track.handler == b"soun"]
    for track, trak in zip(tracks, traks, strict=True):
        header = trak.find(b"tkhd")
        is_other = track.number in sounds[1:]
        assert header.number(0) == (2 if is_other else 3)  # in the movie, and enabled
        assert header.number(34, ">H") == (track.number in sounds)  # of one alternate_group


def test_sounds_of_one_file_become_alternatives() -> None:
    """Some writers enable all of them, and give them no group."""
    data = built.separate_mp4()
    old = built.moov(SEPARATE["two sounds"])
    moov = boxes.load(built.stored(old)).find(b"moov")
    for trak, group in zip(moov.all(b"trak"), (0, 0, 7), strict=True):
        trak.find(b"tkhd").patch(34, ">H", group)
    path = built.stored(data.replace(old, moov.as_bytes()))
    assert path.read_bytes() != data
    finalise(path)
    headers = [trak.find(b"tkhd") for trak in boxes.tracks(boxes.load(path))]
    assert [header.number(34, ">H") for header in headers] == [0, 1, 1]


def test_a_file_that_is_cut_in_the_appended_part_is_finalised_again() -> None:
    data, done = built.fragmented_mp4(), finalised().read_bytes()
    path = built.stored(b"")
    for size in range(len(data), len(done), 61):  # each waits for the disk
        path.write_bytes(data + done[len(data) : size])
        assert finalise(path) == len(done)
        assert path.read_bytes() == done


def test_a_finalised_file_that_lost_its_end_is_not_changed() -> None:
    done = finalised().read_bytes()
    path = built.stored(done[:-1])
    assert not is_finalised(path)
    assert read_index(path).fragments == read_index(built.tiny()).fragments
    finalise(path)  # its media are whole, so its moov is built again
    assert path.read_bytes() == done


# -- damage


def rewritten(*changes: tuple[bytes, int, bytes]) -> bytes:
    """Three seconds of picture and sound, with other bytes.

    Args:
        changes: a kind, the offset in the content of its last box, and the bytes there.
    """
    data = bytearray(built.fragmented_mp4())
    for kind, offset, content in changes:
        place = data.rindex(kind) + 4 + offset
        data[place : place + len(content)] = content
    return bytes(data)


def number(value: int) -> bytes:
    return struct.pack(">I", value)


DAMAGE: dict[str, tuple[bytes, str]] = {
    "another track": (rewritten((b"tfhd", 4, number(9))), "track 9, which the moov does not have"),
    "a base offset": (rewritten((b"tfhd", 0, number(0x020039))), "do not count from its moof"),
    "offsets of the file": (rewritten((b"tfhd", 0, number(0x000038))), "do not count from its"),
    "a cut tfhd": (rewritten((b"tfhd", 0, number(0x02003A))), "unpack_from"),
    "too many samples": (rewritten((b"trun", 4, number(10**6))), "1000000 samples in a list"),
    "too many of no bytes": (rewritten((b"trun", 4, number(60))), "60 samples in a list of"),
    "data elsewhere": (rewritten((b"trun", 8, number(4))), "do not lie in the data"),
    "data in front": (rewritten((b"trun", 8, b"\xff\xff\xff\0")), "do not lie in the data"),
    "sizes that are too large": (rewritten((b"tfhd", 12, number(500))), "do not lie in the data"),
    "time that goes back": (rewritten((b"tfdt", 4, bytes(8))), "before the previous one ends"),
    "a box in a traf": (rewritten((b"tfdt", -8, number(4))), "a box of 4 bytes"),
    "no defaults": (rewritten((b"mvex", -4, b"free")), "track 1, which the moov does not have"),
    "no timescale": (rewritten((b"mdhd", 12, number(0))), "a header without a timescale"),
    "no media header": (rewritten((b"mdhd", -4, b"free")), "a track without mdhd"),
    "more edits than there are": (rewritten((b"elst", 4, number(9))), "9 edits in 20 bytes"),
}


@pytest.mark.parametrize(("data", "reason"), DAMAGE.values(), ids=DAMAGE)
def test_damage_is_told_and_changes_nothing(data: bytes, reason: str) -> None:
    path = built.stored(data)
    with pytest.raises(NotFragmentedError) as caught:
        finalise(path)
    assert reason in caught.value.detail
    assert path.read_bytes() == data


def test_a_track_without_defaults_is_told() -> None:
    with pytest.raises(ValueError, match="a track without default values in mvex"):
        ordinary_moov(built.moov([built.picture()])[8:], {})


# -- what FFmpeg writes in other cases


def moof(*trafs: bytes) -> bytes:
    return built.full(b"mfhd", built.numbers(1)) + b"".join(trafs)


def tables_of(*moofs: bytes, data: range = range(1000, 3000)) -> list[Sample]:
    """The samples of fragments, in a file of zeros, by the tables. Each moof is at offset 900."""
    content = built.moov([built.picture()])[8:]
    tables = empty_tables(content)
    for one in moofs:
        add_fragment(tables, one, moof_offset=900, data=data)
    moov = boxes.load(built.stored(ordinary_moov(content, tables)))
    return listed(built.stored(bytes(4000)), boxes.sample_table(boxes.tracks(moov)[0]))


def traf(flags: int, *rest: bytes, defaults: tuple[int, ...] = ()) -> bytes:
    header = built.full(b"tfhd", built.numbers(1, *defaults), flags=0x020000 | flags)
    return built.box(b"traf", header, *rest)


def trun(flags: int, *values: int, version: int = 0) -> bytes:
    return built.full(b"trun", built.numbers(*values), flags=flags, version=version)


def test_each_run_without_an_offset_follows_the_one_before() -> None:
    first = trun(0x1 | 0x200, 2, 100, 7, 9)
    found = tables_of(moof(traf(0x8, first, trun(0x200, 1, 5), defaults=(10,))))
    assert [(len(one.data), one.lasts) for one in found] == [(7, 10), (9, 10), (5, 10)]


def test_flags_of_each_sample_tell_keyframes() -> None:
    columns = trun(0x1 | 0x400, 3, 100, 0x02000000, 0x01010000, 0x02000000)
    found = tables_of(moof(traf(0x18, columns, defaults=(10, 4))))
    assert [one.is_sync for one in found] == [True, False, True]


def test_offsets_of_the_time_shown_may_be_negative() -> None:
    run = trun(0x1 | 0x800, 2, 100, 5, 2**32 - 3, version=1)
    found = tables_of(moof(traf(0x18, run, defaults=(10, 4))))
    assert [one.shown_after for one in found] == [5, -3]


def test_a_sample_lasts_until_the_next_fragment_begins() -> None:
    def at(ticks: int) -> bytes:
        time = built.full(b"tfdt", built.numbers(ticks))
        return moof(traf(0x18, time, trun(0x1, 2, 100), defaults=(10, 4)))

    assert [one.lasts for one in tables_of(at(0), at(25), at(45))] == [10, 15, 10, 10, 10, 10]
    assert [one.lasts for one in tables_of(at(0), at(15))] == [10, 5, 10, 10]
    with pytest.raises(ValueError, match="before the previous one ends"):
        tables_of(at(0), at(9))


def test_runs_without_samples_are_nothing() -> None:
    run = trun(0x1, 1, 100)
    found = tables_of(moof(traf(0x18, trun(0x1, 0, 100), run, defaults=(10, 4))))
    assert len(found) == 1
    empty = moof(traf(0x18, built.full(b"tfdt", built.numbers(5)), defaults=(10, 4)))
    late = moof(traf(0x18, built.full(b"tfdt", built.numbers(9)), run, defaults=(10, 4)))
    with pytest.raises(ValueError, match="without samples in front of others"):
        tables_of(empty, late)


def test_numbers_are_kept_as_runs() -> None:
    runs = Runs()
    runs.extend([3, 3, 4])
    runs.append(2, 4)
    assert (list(runs.counts), list(runs.values)) == ([2, 3], [3, 4])
    runs.change_last(-1)
    assert (list(runs.counts), list(runs.values)) == ([2, 2, 1], [3, 4, 3])
    runs.change_last(1)
    assert (list(runs.counts), list(runs.values)) == ([2, 3], [3, 4])


def test_headers_of_64_bits_are_understood() -> None:
    """No version of FFmpeg here writes them for such short files."""
    moov = boxes.load(built.stored(PLAIN)).find(b"moov")
    mvhd = moov.find(b"mvhd")
    mvhd.content = b"\1\0\0\0" + struct.pack(">QQIQ", 1, 2, 1000, 0) + mvhd.content[20:]
    tkhd = moov.find(b"trak").boxes[0]
    tkhd.content = (
        b"\1" + tkhd.content[1:4] + struct.pack(">QQIIQ", 1, 2, 1, 0, 0) + (tkhd.content[24:])
    )
    mdhd = moov.find(b"trak", b"mdia", b"mdhd")
    mdhd.content = b"\1\0\0\0" + struct.pack(">QQIQ", 1, 2, 10_240, 0) + mdhd.content[20:]
    elst = moov.find(b"trak", b"edts", b"elst")
    elst.content = b"\1\0\0\0" + struct.pack(">IQqI", 1, 0, 4096, 0x10000)
    data = built.fragmented_mp4(built.picture())
    path = built.stored(built.FTYP + moov.as_bytes() + data[len(PLAIN) :])
    finalise(path)
    done = boxes.load(path).find(b"moov")
    assert done.find(b"mvhd").number(24, ">Q") == 3 * 10_240
    assert done.find(b"trak", b"tkhd").number(28, ">Q") == 3 * 10_240
    assert done.find(b"trak", b"mdia", b"mdhd").number(24, ">Q") == 3 * 10_240
    assert listed(path, boxes.sample_table(boxes.tracks(boxes.load(path))[0])) == (
        built.picture().samples
    )
