"""The most bytes that one video takes, whatever its source is made of."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import clips
from tests.videos.transcode.test_caps import film_grain, noise
from tests.videos.transcode.test_plan import OPTIONS, audio, hevc, info, sized
from videos.transcode.budget import GROWTH_BYTES, LOWEST_SOUND, most_grown, was_held_back
from videos.transcode.caps import most_bytes
from videos.transcode.errors import NoStorageError
from videos.transcode.ladder import LOWEST_MAXRATE
from videos.transcode.original import plan_original
from videos.transcode.pipeline import transcode
from videos.transcode.plan import make_plan, plan_lower
from videos.transcode.timeline import Timeline
from videos.transcode.types import Options

if TYPE_CHECKING:
    from pathlib import Path

    from videos.transcode.media import MediaInfo
    from videos.transcode.types import Plan

HOUR = 3600
MB, GB = 1024**2, 1024**3


def long(hours: float, size_bytes: int, **changes: Any) -> MediaInfo:
    timeline = Timeline(start=0.0, end=hours * HOUR)
    return info(hevc(), timeline=timeline, size_bytes=size_bytes, **changes)


def grey(size: str) -> Path:
    source = f"color=gray:size={size}:rate=30:duration=2"
    return clips.make("mp4", "-f", "lavfi", "-i", source, "-pix_fmt", "yuv444p")


def planned(source: MediaInfo, **changes: Any) -> Plan:
    given = {"most_bytes": most_grown(source.size_bytes), "at_once_pixel_rate": 10**12, **changes}
    return make_plan(source, replace(OPTIONS, **given))


def bytes_of(plan: Plan) -> int:
    return sum(most_bytes(one, plan) for one in plan.renditions)


def names_of(plan: Plan) -> list[str]:
    return [one.name for one in plan.renditions]


def cap_of(plan: Plan) -> int:
    assert plan.top.encoding is not None
    return plan.top.encoding.maxrate


def test_twelve_hours_of_almost_nothing_become_three_gigabytes_at_most() -> None:
    """Film grain costs nothing in AV1. The caps alone would allow 70 GB, and 100 GB at 60 fps."""
    source = long(12, 55 * 1024)
    assert bytes_of(planned(source, most_bytes=None)) > 60 * GB
    plan = planned(source)
    assert names_of(plan) == ["1080p"]
    assert plan.later == ("720p", "480p")
    assert plan.is_limited
    assert cap_of(plan) >= LOWEST_MAXRATE
    assert bytes_of(plan) <= GROWTH_BYTES + MB + 20 * source.size_bytes


def test_all_together_have_no_more_after_the_second_run() -> None:
    source = long(12, 40 * MB)
    plan = planned(source)
    top = most_bytes(plan.top, plan)
    published = info(timeline=source.timeline, size_bytes=top)
    left = replace(OPTIONS, most_bytes=most_grown(source.size_bytes) - top)
    lower = plan_lower(published, left)
    assert lower is not None
    assert top + bytes_of(lower) <= most_grown(40 * MB) == GROWTH_BYTES + 800 * MB
    assert lower.later == ("720p", "480p")


@pytest.mark.parametrize(
    ("hours", "size_bytes"),
    [(0.4, 0), (2, 450 * MB), (12, 4 * GB)],  # 12 hours at 800 kbit/s
)
def test_videos_as_people_make_them_keep_all_renditions(hours: float, size_bytes: int) -> None:
    source = long(hours, size_bytes)
    assert planned(source) == planned(source, most_bytes=None)


def test_smaller_renditions_give_way_first_and_the_smallest_stays_longest() -> None:
    source = long(1, GB)
    sizes = [most_bytes(one, plan) for plan in [planned(source)] for one in plan.renditions]
    assert names_of(planned(source, most_bytes=sum(sizes))) == ["1080p", "720p", "480p"]
    less = planned(source, most_bytes=sum(sizes) - 1)
    assert (names_of(less), less.later) == (["1080p", "480p"], ("720p",))
    assert not less.is_limited
    alone = planned(source, most_bytes=sizes[0])
    assert (names_of(alone), alone.later) == (["1080p"], ("720p", "480p"))
    assert not alone.is_limited
    assert planned(source, most_bytes=sizes[0] - MB).is_limited


def test_the_second_run_says_what_it_leaves_out() -> None:
    plan = plan_lower(info(), replace(OPTIONS, most_bytes=0))
    assert plan is not None
    assert (plan.renditions, plan.later) == ((), ("720p", "480p"))


def test_a_video_without_room_for_the_lowest_rate_says_what_it_takes() -> None:
    source = long(12, MB)
    with pytest.raises(NoStorageError, match=r"which may take 2\.5 GB") as raised:
        planned(source, most_bytes=GB)
    assert "ask an admin to raise your limit" in raised.value.sentence


def test_eight_sounds_made_of_silence_are_made_smaller() -> None:
    sounds = tuple(audio(index=n, codec="opus", title=str(n)) for n in range(1, 9))
    source = long(12, MB, sounds=sounds)
    plan = planned(source)
    assert {sound.bitrate for sound in plan.sounds} == {LOWEST_SOUND}
    assert bytes_of(plan) <= most_grown(MB)
    beside = plan_original(source, replace(OPTIONS, most_bytes=most_grown(MB)))
    assert beside is not None
    assert [one.bitrate for one in beside.sounds] == [one.bitrate for one in plan.sounds]


def test_a_copied_picture_needs_room_for_its_encoded_sounds_only() -> None:
    flac = audio(codec="flac")
    source = info(sound=flac, timeline=Timeline(start=0.0, end=12 * HOUR), size_bytes=10 * GB)
    assert make_plan(source, replace(OPTIONS, most_bytes=3 * GB)).sounds[0].bitrate == 160_000
    assert make_plan(source, replace(OPTIONS, most_bytes=GB)).sounds[0].bitrate < 160_000
    with pytest.raises(NoStorageError):
        make_plan(source, replace(OPTIONS, most_bytes=MB))


@given(
    width=st.integers(2, 4000),
    height=st.integers(2, 4000),
    fps=st.sampled_from([Fraction(24), Fraction(60), Fraction(240)]),
    hours=st.floats(0.0001, 12),
    size_bytes=st.integers(0, 10 * GB),
    sounds=st.integers(0, 8),
    most=st.none() | st.integers(0, 20 * GB),
)
def test_no_plan_passes_its_budget_and_growth_alone_refuses_nothing(
    width: int,
    height: int,
    fps: Fraction,
    hours: float,
    size_bytes: int,
    sounds: int,
    most: int | None,
) -> None:
    picture = sized(width, height, codec="hevc", fps=fps, average_fps=float(fps))
    tracks = tuple(audio(index=n, codec="opus", title=str(n)) for n in range(1, sounds + 1))
    times = Timeline(start=0.0, end=hours * HOUR)
    source = info(picture, timeline=times, size_bytes=size_bytes, sounds=tracks)
    grown = most_grown(size_bytes)
    try:
        plan = planned(source, most_bytes=grown if most is None else min(most, grown))
    except NoStorageError:
        assert most is not None
        return
    assert bytes_of(plan) <= (grown if most is None else most)


@pytest.mark.parametrize("is_held_back", [True, False])
def test_a_lowered_cap_holds_and_is_told_of_where_it_was_reached(
    tmp_path: Path, is_held_back: bool
) -> None:
    source = noise("640x360", seconds=4) if is_held_back else grey("1280x720")
    options = Options(ladder=(), most_bytes=400_000)
    result = transcode(source, tmp_path, options=options)
    assert result.plan.is_limited
    assert result.top.size_bytes <= 400_000
    assert was_held_back(result) == is_held_back


@pytest.mark.long
@pytest.mark.parametrize("make", [noise, film_grain])
def test_the_lowest_cap_holds_for_noise_in_full_size(tmp_path: Path, make: Any) -> None:
    source = make("1920x1080", seconds=12)
    plan = make_plan(info(hevc(), timeline=Timeline(start=0.0, end=12.0)), OPTIONS)
    assert plan.top.encoding is not None
    lowest = replace(plan.top, encoding=replace(plan.top.encoding, maxrate=LOWEST_MAXRATE))
    most = most_bytes(lowest, replace(plan, renditions=(lowest,), sounds=()))
    result = transcode(source, tmp_path, options=Options(ladder=(), most_bytes=most))
    assert result.top.size_bytes <= most
