"""Packets in ffprobe's CSV, read into what the plan asks about them."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from videos.transcode.timing import (
    STANDARD_RATES,
    PacketReader,
    SoundReader,
    SoundTiming,
    Timing,
    TrackReader,
    nominal_rate,
    snap,
)


def timing_of(*lines: str, pieces: int = 0) -> Timing:
    reader = PacketReader()
    data = "".join(f"{line}\n" for line in lines).encode()
    step = pieces or len(data) or 1
    for start in range(0, len(data), step):
        reader.feed(data[start : start + step])
    return reader.timing()


def even(count: int, interval: float, *, digits: int = 6, gop: int = 10) -> list[str]:
    return [
        f"{n * interval:.{digits}f},{n * interval:.{digits}f},{interval:.{digits}f},"
        f"{'K_' if n % gop == 0 else '__'}"
        for n in range(count)
    ]


def test_an_even_track() -> None:
    timing = timing_of(*even(30, 0.04))
    assert timing.frames == 30
    assert timing.average_fps == pytest.approx(25)
    assert not timing.vfr
    assert timing.keyframe_spacing == pytest.approx(0.4)
    assert timing.end == pytest.approx(1.2)
    assert timing.complete
    assert not timing.hides_frames


@given(pieces=st.integers(min_value=1, max_value=60))
def test_lines_may_come_in_pieces(pieces: int) -> None:
    lines = even(5, 0.04)
    assert timing_of(*lines, pieces=pieces) == timing_of(*lines)


@given(pieces=st.integers(min_value=1, max_value=60))
def test_each_track_has_its_reader(pieces: int) -> None:
    picture, sound = PacketReader(), SoundReader()
    lines = TrackReader(10, picture, {1: sound})
    data = b"".join(
        f"{line}\n".encode()
        for n, packet in enumerate(even(5, 0.04))
        for line in (
            f"10,{packet}",
            f"1,{n},{n},0.5,K_",
            f"0,{99 + n},N/A,1,K_",
            "1,N/A,N/A,N/A,K_",
        )
    )
    for start in range(0, len(data), pieces):
        lines.feed(data[start : start + pieces])
    assert picture.timing() == timing_of(*even(5, 0.04))
    timing = sound.timing()
    assert (timing.packets, timing.start, timing.end) == (10, 0, 4.5)
    assert timing.longest_gap == pytest.approx(0.5)
    assert timing.distance_in_file == pytest.approx(4 - 4 * 0.04)


def sound_of(*lines: str) -> SoundTiming:
    reader = SoundReader()
    for line in lines:
        reader.packet(line.encode())
    return reader.timing()


def sounds(start: float, end: float, *, lasts: float = 0.02) -> list[str]:
    count = round((end - start) / lasts)
    return [f"{start + n * lasts:.6f},{start + n * lasts:.6f},{lasts:.6f},K_" for n in range(count)]


def test_sound_that_is_hidden_or_nowhere_has_no_times() -> None:
    sound = sound_of("7.0,7.0,1.0,KD", "N/A,N/A,1.0,K_", "")
    assert (sound.packets, sound.start) == (2, None)
    assert sound_of().packets == 0


def test_even_sound_has_no_holes() -> None:
    sound = sound_of("-0.02,-0.02,0.02,KD", *sounds(0, 10))
    assert (sound.packets, sound.start) == (501, 0)
    assert sound.end == pytest.approx(10)
    assert sound.longest_gap == pytest.approx(0, abs=1e-5)
    assert sound.longest_overlap == pytest.approx(0, abs=1e-5)
    assert sound.distance_in_file == pytest.approx(9.98)  # there is no picture in the file


def test_holes_and_overlaps_of_sound() -> None:
    assert sound_of(*sounds(0, 4), *sounds(6, 8)).longest_gap == pytest.approx(2)
    assert sound_of(*sounds(0, 4), *sounds(3, 8)).longest_overlap == pytest.approx(1)


def test_a_packet_that_lasts_over_a_hole_is_as_long_as_the_others() -> None:
    sound = sound_of(*sounds(0, 4), "4.0,4.0,2.0,K_", *sounds(6, 8))
    assert sound.longest_gap == pytest.approx(1.98)
    assert sound.end == pytest.approx(8)
    sound = sound_of(*sounds(0, 4), "4.0,4.0,2.0,K_")
    assert sound.longest_gap == pytest.approx(0, abs=1e-5)
    assert sound.end == pytest.approx(4.02)


def test_sound_without_durations() -> None:
    sound = sound_of(*(f"{n / 50},{n / 50},N/A,K_" for n in range(100)))
    assert sound.end == pytest.approx(2)
    assert sound.longest_gap == pytest.approx(0.02)


def test_reordered_frames_are_put_in_order() -> None:
    timing = timing_of(
        "0.0,-0.08,0.04,K_", "0.12,-0.04,0.04,__", "0.04,0.0,0.04,__", "0.08,0.04,0.04,__"
    )
    assert timing.complete
    assert not timing.vfr


def test_a_clock_in_milliseconds_is_not_an_uneven_track() -> None:
    timing = timing_of(*even(90, 1001 / 30000, digits=3))
    assert not timing.vfr
    assert nominal_rate(timing, Fraction(0)) == Fraction(30000, 1001)


def test_left_out_frames_make_it_uneven_but_keep_its_rate() -> None:
    lines = [line for n, line in enumerate(even(90, 1 / 30)) if n % 5]
    timing = timing_of(*lines)
    assert timing.vfr
    assert timing.average_fps == pytest.approx(24, abs=0.5)
    assert nominal_rate(timing, Fraction(30)) == 30


def test_the_time_after_the_last_keyframe_counts() -> None:
    assert timing_of(*even(100, 0.1, gop=1000)).keyframe_spacing == pytest.approx(10)


def test_the_first_and_last_groups_of_pictures() -> None:
    timing = timing_of("0.0,0.0,0.1,__", "0.1,0.1,0.1,K_", "0.2,0.2,0.1,__", "0.5,0.5,0.2,K_")
    assert (timing.start, timing.first_keyframe, timing.keyframes) == (0, 0.1, 2)
    assert timing.first_group == pytest.approx(0.4)
    assert timing.last_group == pytest.approx(0.2)
    assert timing.longest_interval == pytest.approx(0.3)
    assert not timing.starts_with_keyframe


def test_frames_that_are_shown_before_the_first_keyframe_need_what_is_cut_off() -> None:
    lines = ("0.2,0.0,0.1,K_", "0.1,0.1,0.1,__", "0.3,0.2,0.1,__")
    assert not timing_of(*lines).starts_with_keyframe
    assert timing_of(*even(3, 0.1)).starts_with_keyframe


def test_hidden_frames_are_told_and_not_counted() -> None:
    timing = timing_of("-0.1,-0.1,0.1,KD", *even(3, 0.1))
    assert timing.hides_frames
    assert timing.frames == 3
    assert timing.start == 0


def test_frames_after_a_hidden_keyframe_can_be_decoded() -> None:
    timing = timing_of("-0.1,-0.1,0.1,KD", "0.0,0.0,0.1,__", "0.1,0.1,0.1,__", "0.2,0.2,0.1,K_")
    assert (timing.start, timing.first_keyframe) == (0, 0)
    assert timing.keyframes == 2
    late = timing_of("-0.1,-0.1,0.1,_D", "0.0,0.0,0.1,__", "0.1,0.1,0.1,K_")
    assert (late.start, late.first_keyframe) == (0, 0.1)


@pytest.mark.parametrize(
    "lines",
    [
        ("N/A,0.0,0.04,K_", "N/A,0.04,0.04,__"),
        ("0.0,0.0,0.04,K_", "0.04,0.0,0.04,__"),
        ("0.0,0.04,0.04,K_", "0.04,0.0,0.04,__"),
    ],
)
def test_missing_or_falling_timestamps_are_told(lines: tuple[str, ...]) -> None:
    assert not timing_of(*lines).complete


def test_matroska_leaves_out_the_first_decoding_times() -> None:
    assert timing_of("0.0,N/A,0.04,K_", "0.08,N/A,0.04,__", "0.04,0.0,0.04,__").complete


def test_nothing_at_all() -> None:
    timing = timing_of()
    assert timing.frames == 0
    assert timing.start is None
    assert timing.end is None
    assert timing.keyframe_spacing == math.inf


@pytest.mark.parametrize("rate", STANDARD_RATES)
def test_a_standard_rate_stays(rate: Fraction) -> None:
    assert snap(float(rate)) == rate


@pytest.mark.parametrize(
    ("rate", "snapped"),
    [(29.9, Fraction(30000, 1001)), (59.93, Fraction(60000, 1001)), (37.5, Fraction(75, 2))],
)
def test_other_rates_go_to_the_next_standard_one_if_near(rate: float, snapped: Fraction) -> None:
    assert snap(rate) == snapped


@given(st.floats(min_value=0.01, max_value=2000))
def test_snapping_never_changes_a_rate_by_much(rate: float) -> None:
    assert float(snap(rate)) == pytest.approx(rate, rel=0.011, abs=0.01)
