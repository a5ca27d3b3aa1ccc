"""Where fragments lie and how long they last, against what FFmpeg itself finds in the files."""

from __future__ import annotations

import os
import shutil
import struct
import time
from fractions import Fraction
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import clips
from tests.examples import examples, one_in
from tests.processes import process
from tests.videos.transcode import built, fragmented
from videos.transcode.fragments import (
    EMPTY_INDEX,
    Fragment,
    FragmentIndex,
    codecs,
    describe,
    read_index,
)
from videos.transcode.rates import average_bandwidth, peak_bandwidth, target_duration

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

every_kind = pytest.mark.parametrize("make", one_in(6, fragmented.MAKERS))


# -- whole files


@pytest.mark.ffmpeg
@every_kind
def test_fragments_follow_one_another_from_the_start_to_the_trailer(
    make: Callable[[], Path],
) -> None:
    path = make()
    data = path.read_bytes()
    index = read_index(path)
    assert data[4:8] == b"ftyp"
    assert index.fragments[0].offset == index.init_size
    for one, after in pairwise(index.fragments):
        assert one.offset + one.size == after.offset
    last = index.fragments[-1]
    assert data[last.offset + last.size + 4 :][:4] == b"mfra"
    assert index.end == len(data)
    for fragment in index.fragments:
        assert data[fragment.offset + 4 :][:4] == b"sidx"


@pytest.mark.ffmpeg
@every_kind
def test_fragments_last_as_long_as_the_pictures_in_them(make: Callable[[], Path]) -> None:
    path = make()
    index = read_index(path)
    packets = fragmented.packets(path)
    starts = [
        min(
            packet.shown
            for packet in packets
            if fragment.offset <= packet.offset < fragment.offset + fragment.size
        )
        for fragment in index.fragments
    ]
    marks = [*starts, packets[-1].shown + packets[-1].lasts]
    assert [one.duration for one in index.fragments] == [b - a for a, b in pairwise(marks)]
    assert index.duration == marks[-1] - marks[0]


@pytest.mark.ffmpeg
@every_kind
def test_each_fragment_decodes_by_itself_to_its_part_of_the_pictures(
    make: Callable[[], Path], tmp_path: Path
) -> None:
    path = make()
    index = read_index(path)
    decoded: list[str] = []
    for number, fragment in enumerate(index.fragments):
        one = tmp_path / f"{number}.mp4"
        one.write_bytes(fragmented.part(path, index, fragment))
        # It says itself when it is shown.
        start = sum((before.duration for before in index.fragments[:number]), Fraction(0))
        assert fragmented.packets(one)[0].shown == start + fragmented.packets(path)[0].shown
        decoded += fragmented.pictures(one)
    assert decoded == fragmented.pictures(path)


@pytest.mark.ffmpeg
def test_an_encode_has_fragments_of_four_seconds() -> None:
    lengths = [float(one.duration) for one in read_index(fragmented.encoded()).fragments]
    assert lengths == [4.0, 4.0, 2.0]


@pytest.mark.ffmpeg
def test_sound_that_goes_on_after_the_picture_counts() -> None:
    index = read_index(fragmented.longer_sound())
    assert [float(one.duration) for one in index.fragments[:-1]] == [2.0, 2.0]
    assert float(index.duration) == pytest.approx(12, abs=0.1)


def test_an_open_file_is_read_without_moving_its_position() -> None:
    path = built.tiny()
    with path.open("rb") as file:
        file.seek(7)
        assert read_index(file) == read_index(path)
        assert codecs(file) == codecs(path)
        assert file.tell() == 7


# -- growing files


@pytest.mark.long  # a file that grows byte by byte is read in each run
@pytest.mark.ffmpeg
def test_what_is_listed_while_ffmpeg_writes_stays(tmp_path: Path) -> None:
    path = tmp_path / "growing.mp4"
    command = [
        *("ffmpeg", "-nostdin", "-v", "error", "-re", *clips.picture(6, "160x90")),
        *("-re", *clips.tone(6), *fragmented.every(30), "-c:a", "aac", *fragmented.FLAGS),
        str(path),
    ]
    seen: list[tuple[FragmentIndex, bytes]] = []
    known = EMPTY_INDEX
    with process(command, log=tmp_path / "log") as writing:
        deadline = time.monotonic() + 25
        while writing.poll() is None and time.monotonic() < deadline:
            if path.exists():
                known = read_index(path, known=known)
                listed = path.read_bytes()[: known.end]
                if not seen or seen[-1][0] != known:
                    seen.append((known, listed))
            time.sleep(0.02)
    assert writing.returncode == 0
    final, data = read_index(path), path.read_bytes()
    assert len(final.fragments) == 6
    counts = [len(index.fragments) for index, _ in seen]
    assert counts == sorted(counts)
    assert len(set(counts) - {0, 6}) >= 4  # it was seen to grow
    for index, listed in seen:
        assert final.fragments[: len(index.fragments)] == index.fragments
        assert index.init_size in (0, final.init_size)
        assert data.startswith(listed)
    assert read_index(path, known=known) == final


def test_of_a_file_cut_anywhere_only_what_is_whole_is_listed(tmp_path: Path) -> None:
    data = built.tiny().read_bytes()
    final = read_index(built.tiny())
    assert len(final.fragments) == 3
    growing = tmp_path / "growing.mp4"
    known = EMPTY_INDEX
    with growing.open("wb", buffering=0) as writing, growing.open("rb") as reading:
        for size in range(len(data) + 1):
            again = read_index(reading)
            known = read_index(reading, known=known)
            assert known == again
            whole = [one for one in final.fragments if one.offset + one.size <= size]
            assert list(known.fragments) == whole
            assert known.init_size == (final.init_size if size >= final.init_size else 0)
            assert known.end <= size
            writing.write(data[size : size + 1])
    assert read_index(growing, known=known) == final


@pytest.mark.ffmpeg
def test_media_are_never_read(monkeypatch: pytest.MonkeyPatch) -> None:
    path = fragmented.encoded(size="640x360")
    count = 0
    pread = os.pread

    def counted(descriptor: int, length: int, offset: int) -> bytes:
        nonlocal count
        found = pread(descriptor, length, offset)
        count += len(found)
        return found

    monkeypatch.setattr(os, "pread", counted)
    index = read_index(path)
    assert count < index.init_size + 300 * len(index.fragments)
    assert path.stat().st_size > 100 * count


def test_polling_a_video_of_three_hours_costs_only_what_is_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "video.mp4"
    start = built.tiny()
    init = start.read_bytes()[: read_index(start).init_size]
    count = 2_700
    with path.open("wb") as file:
        file.write(init)
        for number in range(count):
            file.write(
                fragmented.sidx(begin=4 * 90_000 * number) + fragmented.box(b"moof", b"\0" * 500)
            )
            file.write(struct.pack(">I4s", 4_000_008, b"mdat"))
            file.seek(4_000_000, os.SEEK_CUR)  # a hole
        file.truncate()
    whole = read_index(path)
    assert len(whole.fragments) == count
    assert whole.duration == 4 * count
    reads = 0
    pread = os.pread

    def counted(descriptor: int, length: int, offset: int) -> bytes:
        nonlocal reads
        reads += 1
        return pread(descriptor, length, offset)

    monkeypatch.setattr(os, "pread", counted)
    assert read_index(path, known=whole) == whole
    with path.open("ab") as file:
        file.write(
            fragmented.sidx(begin=4 * 90_000 * count)
            + fragmented.box(b"moof", b"")
            + fragmented.box(b"mdat", b"")
        )
    assert read_index(path, known=whole).duration == 4 * count + 4
    assert reads <= 6


def test_a_file_that_became_shorter_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(built.fragmented_mp4(built.picture(*[built.frames(n) for n in range(20)])))
    known = read_index(path)
    shutil.copyfile(built.tiny(), path)
    assert read_index(path, known=known) == read_index(built.tiny())


# -- rates


def test_the_peak_is_of_the_largest_run_of_about_a_target_duration() -> None:
    # 4 s at 8 Mbit/s between 4 s at 1 Mbit/s, and half a second at 100 Mbit/s that is no run.
    index = _index((500_000, 4), (4_000_000, 4), (500_000, 4), (6_250_000, Fraction(1, 2)))
    assert target_duration(index) == 4
    # Together with the fragment before it is one: 6.75 MB in 4.5 s.
    assert peak_bandwidth(index) == 12_000_000
    assert average_bandwidth(index) == 7_200_000
    assert peak_bandwidth(_index((500_000, 4), (4_000_000, 4), (500_000, 4))) == 8_000_000


def test_a_clip_shorter_than_any_run_has_its_average() -> None:
    index = _index((125_000, 1))
    assert peak_bandwidth(index) == average_bandwidth(index) == 1_000_000
    assert peak_bandwidth(EMPTY_INDEX) == average_bandwidth(EMPTY_INDEX) == 0


@settings(deadline=None, max_examples=examples(100))
@given(
    st.lists(
        st.tuples(st.integers(1, 10**7), st.fractions(Fraction(1, 60), 9, max_denominator=60)),
        min_size=1,
        max_size=8,
    )
)
def test_rates_cover_what_the_standard_says(parts: list[tuple[int, Fraction]]) -> None:
    index = _index(*parts)
    target = target_duration(index)
    runs = [parts[a:b] for a in range(len(parts)) for b in range(a + 1, len(parts) + 1)]
    rates = [
        Fraction(8 * sum(size for size, _ in run)) / sum(lasts for _, lasts in run)
        for run in runs
        if target / 2 <= sum(lasts for _, lasts in run) <= 1.5 * target
    ]
    average = Fraction(8 * sum(size for size, _ in parts)) / index.duration
    assert average <= average_bandwidth(index) < average + 1
    assert peak_bandwidth(index) - max([*rates, average]) < 1
    assert peak_bandwidth(index) >= max([*rates, average])


def test_the_target_holds_every_fragment_and_what_was_planned() -> None:
    assert target_duration(EMPTY_INDEX) == 4
    assert target_duration(_index((1, Fraction(4004, 1000)))) == 4  # 120 frames at 29.97 fps
    assert target_duration(_index((1, Fraction(449, 100)))) == 4
    assert target_duration(_index((1, Fraction(450, 100)))) == 5
    assert target_duration(_index((1, 2)), planned=3) == 3


def test_a_finished_file_is_described() -> None:
    facts = describe(built.tiny())
    index = read_index(built.tiny())
    assert facts.codecs == "avc1.4D400A,mp4a.40.2"
    assert not facts.is_finalised
    assert [one.size for one in index.fragments] == [416, 424, 480]
    # The start and the trailer are no fragments.
    assert facts.average_bandwidth == 8 * (416 + 424 + 480) / 3
    assert facts.bandwidth == 8 * (424 + 480) / 2


# -- tools


def _index(*parts: tuple[int, Fraction | int]) -> FragmentIndex:
    ends = [0, *accumulate(size for size, _ in parts)]
    found = tuple(
        Fragment(offset, size, Fraction(lasts))
        for offset, (size, lasts) in zip(ends, parts, strict=False)
    )
    duration = sum((one.duration for one in found), Fraction(0))
    return FragmentIndex(0, 1, found, duration, ends[-1])
