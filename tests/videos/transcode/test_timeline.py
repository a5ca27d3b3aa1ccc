"""The common timeline of picture and sound, by the times of their packets alone."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from videos.transcode.timeline import (
    MAX_FRAME_SECONDS,
    MAX_LENGTHENED_SECONDS,
    MAX_SOUND_DELAY_SECONDS,
    SoundNeed,
    Span,
    TimedSound,
    Timeline,
    common_timeline,
    frame_seconds,
    keyframe_spacing,
)
from videos.transcode.timing import PacketReader, SoundReader, SoundTiming, Timing

FPS = 25
DECLARED = Span(0.0, 0.0)


def picture(start: float = 0, end: float = 10, *, fps: float = FPS, gop: int = 50) -> Timing:
    """A picture with a keyframe in each ``gop`` frames."""
    reader = PacketReader()
    for n in range(round((end - start) * fps)):
        at, flags = start + n / fps, "K_" if n % gop == 0 else "__"
        reader.packet(f"{at:.6f},{at:.6f},{1 / fps:.6f},{flags}".encode())
    return reader.timing()


def sound(*spans: tuple[float, float], lasts: float = 0.02) -> SoundTiming:
    """Sound with packets in these spans only."""
    reader = SoundReader()
    for start, end in spans or ((0, 10),):
        for n in range(round((end - start) / lasts)):
            at = start + n * lasts
            reader.packet(f"{at:.6f},{at:.6f},{lasts:.6f},K_".encode(), at)
    return reader.timing()


def of(seen: Timing, heard: SoundTiming | None) -> Timeline:
    return common_timeline(seen, [heard] if heard else [], declared=DECLARED)


class Case(NamedTuple):
    """Tracks, and what becomes of them."""

    picture: tuple[float, float]
    sound: tuple[tuple[float, float], ...]
    video: tuple[float, float]
    before: float = 0
    after: float = 0
    need: SoundNeed = "nothing"
    apart: bool = False


CASES = {
    "even": Case((0, 10), ((0, 10),), (0, 10)),
    "no sound": Case((0, 10), (), (0, 10)),
    "both late": Case((7, 17), ((7, 17),), (7, 17)),
    "both early": Case((-3, 7), ((-3, 7),), (-3, 7)),
    "differences within a frame": Case((0, 10), ((0.02, 9.98),), (0, 10)),
    "sound longer within a frame": Case((0, 10), ((-0.02, 10.02),), (0, 10)),
    "sound longer": Case((0, 10), ((0, 11.5),), (0, 11.5), after=1.5, apart=True),
    "sound a little longer": Case((0, 10), ((0, 10.2),), (0, 10.2), after=0.2),
    "sound a little shorter": Case((0, 10), ((0, 9.9),), (0, 10), need="lengthen"),
    "sound shorter": Case((0, 10), ((0, 9.5),), (0, 10), need="fill"),
    "sound much shorter": Case((0, 10), ((0, 3),), (0, 10), need="fill", apart=True),
    "one packet": Case((0, 10), ((0, 0.02),), (0, 10), need="fill", apart=True),
    "sound late": Case((0, 10), ((0.5, 10),), (0, 10), need="fill"),
    "sound very late": Case((0, 80), ((76, 79),), (0, 80), need="fill", apart=True),
    "sound a little late": Case((0, 10), ((0.06, 10),), (0, 10)),
    "hole": Case((0, 24), ((0, 6), (16, 24)), (0, 24), need="fill", apart=True),
    "small hole": Case((0, 24), ((0, 6), (6.3, 24)), (0, 24), need="fill"),
    "tiny hole": Case((0, 24), ((0, 6), (6.06, 24)), (0, 24)),
    "overlap": Case((0, 10), ((0, 6), (5, 10)), (0, 10), need="fill"),
    "sound earlier": Case((0.3, 10.3), ((0, 10.3),), (0, 10.3), before=0.3),
    "picture late": Case((12, 20), ((0, 20),), (0, 20), before=12, apart=True),
    "picture within the sound": Case((4, 6), ((0, 20),), (0, 20), before=4, after=14, apart=True),
    "sound within the picture": Case((0, 20), ((4, 6),), (0, 20), need="fill", apart=True),
    "one after the other": Case((0, 5), ((7, 9),), (0, 9), after=4, need="fill", apart=True),
    "other way round": Case((7, 9), ((0, 5),), (0, 9), before=7, need="fill", apart=True),
    "a still": Case((0, 0.04), ((0, 600),), (0, 600), after=599.96, apart=True),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_the_rules(case: Case) -> None:
    timeline = of(picture(*case.picture), sound(*case.sound) if case.sound else None)
    assert (timeline.start, timeline.end) == pytest.approx(case.video, abs=0.001)
    assert timeline.duration == pytest.approx(case.video[1] - case.video[0], abs=0.001)
    assert timeline.stands_before == pytest.approx(case.before, abs=0.001)
    assert timeline.stands_after == pytest.approx(case.after, abs=0.001)
    assert [one.need for one in timeline.sounds] == [case.need] * bool(case.sound)
    assert timeline.is_apart == case.apart
    assert timeline.picture is not None
    seen = (timeline.picture.start, timeline.picture.end)
    assert seen == pytest.approx(case.picture, abs=0.001)


@settings(deadline=None)
@given(
    seen=st.tuples(st.integers(-50, 500), st.integers(1, 500)),
    heard=st.tuples(st.integers(-50, 500), st.integers(1, 500)),
    fps=st.sampled_from([1, 10, 25, 60]),
)
def test_both_tracks_fill_the_video(
    seen: tuple[int, int], heard: tuple[int, int], fps: int
) -> None:
    shown = picture(seen[0] / 10, seen[0] / 10 + max(1 / fps, seen[1] / 10), fps=fps)
    sounding = sound((heard[0] / 10, (heard[0] + heard[1]) / 10))
    timeline, frame = of(shown, sounding), frame_seconds(shown) + 0.001
    assert timeline.picture is not None
    [timed] = timeline.sounds
    assert timed.span is not None
    starts = timeline.picture.start - timeline.stands_before
    ends = timeline.picture.end + timeline.stands_after
    assert starts == pytest.approx(timeline.start, abs=frame)
    assert ends == pytest.approx(timeline.end, abs=frame)
    assert timeline.picture_end == pytest.approx(timeline.duration, abs=frame)
    assert timeline.start <= timed.span.start + frame
    assert timeline.end >= timed.span.end - frame
    if timed.need != "fill":
        assert timed.span.start - timeline.start <= MAX_SOUND_DELAY_SECONDS + 0.001
        assert timeline.end - timed.span.end <= MAX_LENGTHENED_SECONDS + 0.001


def test_a_picture_starts_with_its_first_keyframe() -> None:
    reader = PacketReader()
    for n in range(500):
        flags = "K_" if n == 250 else "__"
        reader.packet(f"{2 + n / FPS},{2 + n / FPS},{1 / FPS},{flags}".encode())
    timeline = of(reader.timing(), sound((0, 22)))
    assert timeline.picture == Span(12, 22)
    assert timeline.start == pytest.approx(0)
    assert timeline.stands_before == pytest.approx(12)
    assert of(reader.timing(), None).start == 12


def test_tracks_that_are_apart_in_the_file_are_read_apart() -> None:
    reader = SoundReader()
    for n in range(500):  # after all of the picture
        reader.packet(f"{n / 50},{n / 50},0.02,K_".encode(), 10.0)
    assert of(picture(), reader.timing()).is_apart
    assert of(picture(), sound()).is_apart is False


def test_a_picture_with_a_long_hole_is_read_apart() -> None:
    reader = PacketReader()
    for at in (0, 1, 21, 22):
        reader.packet(f"{at},{at},0.04,K_".encode())
    assert of(reader.timing(), sound((0, 22.04))).is_apart


def test_without_timestamps_the_header_counts_and_sound_is_decoded() -> None:
    nothing = PacketReader()
    nothing.packet(b"N/A,N/A,N/A,K_")
    timeline = common_timeline(nothing.timing(), [sound((0, 12))], declared=Span(1.0, 8.0))
    assert (timeline.start, [one.need for one in timeline.sounds]) == (1, ["fill"])
    assert timeline.end == pytest.approx(12)
    timeline = common_timeline(nothing.timing(), [], declared=Span(1.0, 8.0))
    assert (timeline.start, timeline.end, timeline.sounds) == (1, 8, ())
    silent = SoundReader()
    silent.packet(b"N/A,N/A,N/A,K_")
    timeline = common_timeline(picture(), [silent.timing()], declared=Span(1.0, 8.0))
    assert timeline.sounds == (TimedSound(None, "fill"),)
    assert timeline.end == pytest.approx(10)


@pytest.mark.parametrize(
    ("fps", "seconds"), [(60, 0.025), (30, 1 / 30), (25, 0.04), (10, 0.1), (1, MAX_FRAME_SECONDS)]
)
def test_a_frame_is_what_times_may_differ_by(fps: float, seconds: float) -> None:
    assert frame_seconds(picture(fps=fps)) == pytest.approx(seconds, abs=0.0001)


def test_keyframes_are_counted_from_start_to_end_of_the_video() -> None:
    seen = picture(0, 10)  # a keyframe each 2 s
    assert keyframe_spacing(seen, of(seen, None)) == pytest.approx(2, abs=0.001)
    assert keyframe_spacing(seen, of(seen, sound((0, 13)))) == pytest.approx(5, abs=0.001)
    assert keyframe_spacing(seen, of(seen, sound((-3.5, 10)))) == pytest.approx(5.5, abs=0.001)
    once = picture(0, 2)
    assert keyframe_spacing(once, of(once, sound((-1, 4)))) == pytest.approx(5, abs=0.001)
