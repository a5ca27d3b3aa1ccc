"""Every rule of what is copied, what is encoded and how, without a single real file."""

from __future__ import annotations

import itertools
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from videos.transcode.errors import SourceError
from videos.transcode.ladder import fit, maxrate, pixel_rate
from videos.transcode.media import AudioStream, Crop, MediaInfo, VideoStream
from videos.transcode.plan import make_plan, plan_lower, reasons_to_encode
from videos.transcode.timeline import SoundNeed, Span, TimedSound, Timeline
from videos.transcode.types import QUALITIES, Encoding, Options, Plan, PlannedRendition

OPTIONS = Options()


def video(**changes: Any) -> VideoStream:
    """A 1080p clip that browsers play as it is, with changes."""
    plain = VideoStream(
        index=0,
        codec="h264",
        profile="High",
        pix_fmt="yuv420p",
        bit_depth=8,
        coded_width=1920,
        coded_height=1080,
        width=1920,
        height=1080,
        rotation=0,
        plain_turn=True,
        sar=Fraction(1),
        fps=Fraction(30),
        average_fps=30.0,
        vfr=False,
        field_order="progressive",
        color_range="tv",
        color_matrix="bt709",
        color_primaries="bt709",
        color_transfer="bt709",
        hdr="",
        keyframe_spacing=2.0,
        starts_with_keyframe=True,
        complete_timestamps=True,
        has_cutting_edit_list=False,
        frames=300,
        bitrate=8_000_000,
    )
    return replace(plain, **changes)


def sized(width: int, height: int, **changes: Any) -> VideoStream:
    return video(coded_width=width, coded_height=height, width=width, height=height, **changes)


def audio(**changes: Any) -> AudioStream:
    plain = AudioStream(
        index=1,
        codec="aac",
        profile="LC",
        channels=2,
        layout="stereo",
        sample_rate=48_000,
        bitrate=128_000,
        packets=470,
    )
    return replace(plain, **changes)


def timeline_with(*sounds: TimedSound) -> Timeline:
    return Timeline(start=0.0, end=10.0, sounds=sounds)


def info(
    picture: VideoStream | None = None, sound: AudioStream | None = None, **changes: Any
) -> MediaInfo:
    plain = MediaInfo(
        container="mov,mp4,m4a,3gp,3g2,mj2",
        timeline=Timeline(start=0.0, end=10.0),
        shift_seconds=0.0,
        size_bytes=10_000_000,
        whole=True,
        video=picture or video(),
        sounds=(sound or audio(),),
    )
    return replace(plain, **changes)


def plan(
    picture: VideoStream | None = None, sound: AudioStream | None = None, **changes: Any
) -> Plan:
    return make_plan(info(picture, sound, **changes), OPTIONS)


def hevc(**changes: Any) -> VideoStream:
    return video(codec="hevc", profile="Main", **changes)


def encoding_of(made: Plan) -> Encoding:
    assert made.top.encoding is not None
    return made.top.encoding


# -- what is copied


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"profile": "Main"},
        {"profile": "Constrained Baseline"},
        {"rotation": 90, "width": 1080, "height": 1920},
        {"rotation": 180},
        {"vfr": True, "average_fps": 28.4},
        {"vfr": True, "fps": Fraction(120), "average_fps": 59.0},
        {"fps": Fraction(60), "average_fps": 60.02},
        {"color_matrix": "", "color_primaries": "", "color_transfer": "", "color_range": ""},
        {"color_matrix": "smpte170m", "color_primaries": "smpte170m"},
        {"pix_fmt": "yuvj420p", "color_range": "pc"},
        {"color_primaries": "smpte432"},
        {"keyframe_spacing": 6.0},
        {"sar": Fraction(4319, 4320)},
        {"coded_width": 1280, "coded_height": 720, "width": 1280, "height": 720},
        {"coded_width": 2560, "coded_height": 1080, "width": 2560, "height": 1080},
    ],
)
def test_what_browsers_play_is_copied(changes: dict[str, Any]) -> None:
    made = plan(video(**changes))
    assert made.reasons == ()
    assert made.copied
    assert made.treatment is None
    assert made.top.encoding is None
    assert made.top.name == "source"


def test_a_copied_quarter_turn_has_the_size_that_is_shown() -> None:
    made = plan(video(rotation=90, width=1080, height=1920))
    assert (made.top.width, made.top.height) == (1080, 1920)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"codec": "hevc", "profile": "Main"}, "codec hevc"),
        ({"codec": "vp9", "profile": "Profile 0"}, "codec vp9"),
        ({"profile": "High 10", "pix_fmt": "yuv420p10le"}, "pixel format yuv420p10le"),
        ({"profile": "High 4:2:2"}, "profile High 4:2:2"),
        ({"pix_fmt": "yuv444p"}, "pixel format yuv444p"),
        ({"field_order": "tff"}, "interlaced"),
        ({"size_changes": True}, "size that changes"),
        ({"parameters_change": True}, "decoder parameters that change"),
        ({"is_damaged": True}, "frames that cannot be decoded"),
        ({"crop": Crop(0, 140, 1920, 800), "height": 800}, "cropped by the container"),
        ({"sar": Fraction(4, 3)}, "pixels are not square"),
        ({"width": 1919}, "odd size"),
        ({"width": 3840, "height": 2160}, "larger than 1080p"),
        ({"width": 1440, "height": 1920}, "larger than 1080p"),
        ({"width": 8192, "height": 512}, "larger than 1080p"),
        ({"average_fps": 119.9}, "more than 60 frames a second"),
        ({"plain_turn": False}, "mirrored or turned by no quarter"),
        ({"keyframe_spacing": 6.1}, "keyframes too far apart"),
        ({"starts_with_keyframe": False}, "it does not start with a keyframe"),
        ({"has_cutting_edit_list": True}, "the container hides frames"),
        ({"complete_timestamps": False}, "incomplete timestamps"),
        ({"hdr": "hlg"}, "high dynamic range"),
        ({"color_matrix": "bt2020nc"}, "colours that browsers show differently"),
        ({"color_primaries": "bt2020"}, "colours that browsers show differently"),
        (
            {"pix_fmt": "yuvj420p", "color_range": "pc", "color_matrix": ""},
            "colours that browsers show differently",
        ),
    ],
)
def test_what_they_do_not_is_encoded_and_says_why(changes: dict[str, Any], reason: str) -> None:
    made = plan(video(**changes))
    assert reason in made.reasons
    assert not made.copied
    assert made.treatment is not None
    assert made.top.encoding is not None


def test_what_a_copy_shows_is_a_reason_too() -> None:
    made = make_plan(info(copy_problem="keyframes that players cannot start at"), Options())
    assert made.reasons == ("keyframes that players cannot start at",)
    assert not made.copied


def test_frames_are_expected_as_they_are_turned() -> None:
    treatment = plan(video(codec="hevc", rotation=90, width=1080, height=1920)).treatment
    assert treatment is not None
    assert treatment.stored_size == (1080, 1920)


def test_the_operators_limit_decides_what_is_too_large() -> None:
    options = Options(max_short_side=720)
    assert reasons_to_encode(video(), options) == ("larger than 720p",)
    assert reasons_to_encode(sized(1280, 720), options) == ()


# -- the size


@pytest.mark.parametrize(
    ("source", "result"),
    [
        ((3840, 2160), (1920, 1080)),
        ((2160, 3840), (1080, 1920)),
        ((1080, 1920), (1080, 1920)),
        ((640, 360), (640, 360)),
        ((3840, 1634), (2538, 1080)),
        ((1919, 1079), (1918, 1078)),
        ((161, 121), (160, 120)),
        ((1, 1), (2, 2)),
        ((7680, 1080), (4096, 576)),
        ((4096, 2160), (2048, 1080)),
    ],
)
def test_the_short_side_is_capped_and_both_are_even(
    source: tuple[int, int], result: tuple[int, int]
) -> None:
    assert fit(*source, short=1080, long=4096) == result


@given(
    st.integers(min_value=2, max_value=9000),
    st.integers(min_value=2, max_value=9000),
    st.sampled_from([240, 480, 720, 1080, 2160]),
)
def test_no_size_is_odd_or_too_large_or_larger_than_the_source(
    width: int, height: int, short: int
) -> None:
    made = fit(width, height, short=short, long=4096)
    assert made[0] % 2 == made[1] % 2 == 0
    assert 2 <= made[0] <= width
    assert 2 <= made[1] <= height
    assert min(made) <= short
    assert max(made) <= 4096


@given(
    st.integers(min_value=300, max_value=9000),
    st.integers(min_value=300, max_value=9000),
)
def test_the_shape_stays(width: int, height: int) -> None:
    made = fit(width, height, short=1080, long=4096)
    # Each side is rounded by less than two pixels.
    shrink = max(made[0] / width, made[1] / height)
    assert abs(made[0] - width * shrink) < 2 + 2 * width / height
    assert abs(made[1] - height * shrink) < 2 + 2 * height / width


@pytest.mark.parametrize(
    ("picture", "name"),
    [(sized(3840, 2160, codec="hevc"), "1080p"), (sized(480, 854, codec="vp9"), "480p")],
)
def test_an_encoded_rendition_is_called_by_its_short_side(picture: VideoStream, name: str) -> None:
    assert plan(picture).top.name == name


# -- the ladder


def sizes(renditions: tuple[PlannedRendition, ...]) -> list[tuple[str, int, int]]:
    return [(one.name, one.width, one.height) for one in renditions]


@pytest.mark.parametrize(
    ("source", "ladder", "result"),
    [
        (
            (1920, 1080),
            (720, 480),
            [("1080p", 1920, 1080), ("720p", 1280, 720), ("480p", 852, 480)],
        ),
        (
            (1080, 1920),
            (720, 480),
            [("1080p", 1080, 1920), ("720p", 720, 1280), ("480p", 480, 852)],
        ),
        ((1280, 720), (720, 480), [("720p", 1280, 720), ("480p", 852, 480)]),
        # Hardly smaller is no rung: 720 of 800, 480 of 576.
        ((1422, 800), (720, 480), [("800p", 1422, 800), ("480p", 852, 480)]),
        ((1024, 576), (720, 480), [("576p", 1024, 576)]),
        ((1066, 600), (720, 480), [("600p", 1066, 600), ("480p", 852, 480)]),
        ((854, 480), (720, 480), [("480p", 854, 480)]),
        ((320, 180), (720, 480), [("180p", 320, 180)]),
        # In any order, twice, nearly the same, odd, of no size.
        (
            (1280, 720),
            (361, 480, 360, 480, 470, 0, -3),
            [("720p", 1280, 720), ("480p", 852, 480), ("360p", 640, 360)],
        ),
        ((1920, 1080), (), [("1080p", 1920, 1080)]),
        ((1920, 1080), (2160, 1080), [("1080p", 1920, 1080)]),
        ((2, 2), (1,), [("2p", 2, 2)]),
    ],
)
def test_the_ladder_goes_down_in_clear_steps(
    source: tuple[int, int], ladder: tuple[int, ...], result: list[tuple[str, int, int]]
) -> None:
    options = Options(ladder=ladder, at_once_pixel_rate=10**12)
    made = make_plan(info(sized(*source, codec="hevc")), options)
    assert sizes(made.renditions) == result
    assert made.later == ()


def test_each_rendition_has_a_cap_of_its_own() -> None:
    made = plan(hevc())
    caps = [one.encoding.maxrate for one in made.renditions if one.encoding]
    assert caps == [maxrate(one.width, one.height, Fraction(30)) for one in made.renditions]
    assert caps == sorted(caps, reverse=True)
    assert len(caps) == 3


def test_a_copy_is_published_first_and_the_rest_follows() -> None:
    made = plan()
    assert [one.name for one in made.renditions] == ["source"]
    assert made.later == ("720p", "480p")


@pytest.mark.parametrize(
    ("picture", "names", "later"),
    [
        # What two cores do in time,
        (hevc(), ["1080p", "720p", "480p"], ()),
        (sized(1080, 1920, codec="vp9"), ["1080p", "720p", "480p"], ()),
        (sized(1280, 720, codec="hevc", fps=Fraction(60), average_fps=60), ["720p", "480p"], ()),
        # and what they don't: twice the pictures, four times the pixels to decode, a wider
        # picture, and the way through linear light.
        (hevc(fps=Fraction(60), average_fps=60), ["1080p"], ("720p", "480p")),
        (sized(3840, 2160, codec="hevc"), ["1080p"], ("720p", "480p")),
        (sized(2560, 1080, codec="hevc"), ["1080p"], ("720p", "480p")),
        (hevc(hdr="hlg", color_primaries="bt2020"), ["1080p"], ("720p", "480p")),
        (hevc(color_primaries="smpte432"), ["1080p"], ("720p", "480p")),
    ],
)
def test_what_is_slow_to_make_is_made_in_two_runs(
    picture: VideoStream, names: list[str], later: tuple[str, ...]
) -> None:
    made = plan(picture)
    assert [one.name for one in made.renditions] == names
    assert made.later == later


def test_a_slow_preset_is_slow() -> None:
    made = make_plan(info(hevc()), Options(preset="medium"))
    assert made.later == ("720p", "480p")


def test_the_work_is_counted_in_pixels() -> None:
    made = plan(hevc())
    assert made.treatment is not None
    rate = pixel_rate(video(), made.treatment, made.renditions, preset="veryfast")
    assert rate == pytest.approx(30 * (1920 * 1080 * 1.25 + 1280 * 720 + 852 * 480))


def test_nothing_below_is_no_second_run() -> None:
    made = plan(sized(854, 480))
    assert made.later == ()
    assert plan_lower(info(sized(854, 480)), OPTIONS) is None


def test_the_second_run_makes_what_is_below() -> None:
    made = plan_lower(info(), OPTIONS)
    assert made is not None
    assert sizes(made.renditions) == [("720p", 1280, 720), ("480p", 852, 480)]
    assert made.later == ()
    assert not made.copied
    assert made.treatment is not None
    [kept] = made.sounds
    assert kept.copied


def test_the_second_run_leaves_out_what_is_there() -> None:
    made = plan_lower(info(), OPTIONS, there={"720p"})
    assert made is not None
    assert [one.name for one in made.renditions] == ["480p"]
    assert plan_lower(info(), OPTIONS, there={"720p", "480p"}) is None


@pytest.mark.parametrize("sound", [audio(channels=6), audio(profile="HE-AAC"), audio(channels=1)])
def test_the_second_run_keeps_the_sound_of_the_first(sound: AudioStream) -> None:
    made = plan_lower(info(video(), sound), OPTIONS)
    assert made is not None
    [kept] = made.sounds
    assert kept.copied


def test_the_second_run_over_a_turned_copy_stands() -> None:
    made = plan_lower(info(video(rotation=90, width=1080, height=1920)), OPTIONS)
    assert made is not None
    assert sizes(made.renditions) == [("720p", 720, 1280), ("480p", 480, 852)]


LADDERS = st.lists(st.integers(min_value=-10, max_value=3000), max_size=6).map(tuple)
SIDES = st.integers(min_value=2, max_value=5000)
RATES = st.sampled_from([Fraction(24000, 1001), Fraction(25), Fraction(60), Fraction(120)])


@given(SIDES, SIDES, RATES, LADDERS, st.integers(min_value=0, max_value=4 * 10**8))
def test_whatever_is_asked_for_no_rendition_is_odd_enlarged_or_there_twice(
    width: int, height: int, fps: Fraction, ladder: tuple[int, ...], at_once: int
) -> None:
    options = Options(ladder=ladder, at_once_pixel_rate=at_once)
    picture = sized(width, height, codec="hevc", fps=fps, average_fps=float(fps))
    made = make_plan(info(picture), options)
    names = [*(one.name for one in made.renditions), *made.later]
    assert len(set(names)) == len(names)
    assert not made.later or len(made.renditions) == 1
    for one in made.renditions:
        assert one.width % 2 == one.height % 2 == 0
        assert 2 <= one.width <= max(2, width)
        assert 2 <= one.height <= max(2, height)
        assert one.name == f"{min(one.width, one.height)}p"
    for above, below in itertools.pairwise(made.renditions):
        assert min(below.width, below.height) <= 0.8 * min(above.width, above.height)


@given(SIDES, SIDES, RATES, LADDERS)
def test_one_run_or_two_make_the_same(
    width: int, height: int, fps: Fraction, ladder: tuple[int, ...]
) -> None:
    picture = sized(width, height, codec="hevc", fps=fps, average_fps=float(fps))
    at_once = make_plan(info(picture), Options(ladder=ladder, at_once_pixel_rate=10**12))
    options = Options(ladder=ladder, at_once_pixel_rate=0)
    first = make_plan(info(picture), options)
    assert first.renditions == at_once.renditions[:1]
    assert at_once.treatment is not None
    published = sized(
        first.top.width,
        first.top.height,
        fps=at_once.treatment.fps,
        average_fps=float(at_once.treatment.fps),
    )
    second = plan_lower(info(published), options)
    made = second.renditions if second else ()
    assert made == at_once.renditions[1:]
    assert tuple(one.name for one in made) == first.later


# -- the rate


@pytest.mark.parametrize(
    ("fps", "result"),
    [
        (Fraction(24000, 1001), Fraction(24000, 1001)),
        (Fraction(30), Fraction(30)),
        (Fraction(60), Fraction(60)),
        (Fraction(120), Fraction(60)),
        (Fraction(120000, 1001), Fraction(60000, 1001)),
        (Fraction(100), Fraction(50)),
        (Fraction(144), Fraction(48)),
        (Fraction(240), Fraction(60)),
        (Fraction(1), Fraction(1)),
        (Fraction(1, 50), Fraction(1)),
    ],
)
def test_the_rate_is_kept_or_divided_evenly(fps: Fraction, result: Fraction) -> None:
    treatment = plan(hevc(fps=fps, average_fps=float(fps))).treatment
    assert treatment is not None
    assert treatment.fps == result


@given(st.fractions(min_value=Fraction(1, 10), max_value=1000, max_denominator=1001))
def test_no_rate_is_above_the_limit(fps: Fraction) -> None:
    treatment = plan(hevc(fps=fps)).treatment
    assert treatment is not None
    assert 1 <= treatment.fps <= 60


@pytest.mark.parametrize(
    ("fps", "field_rate", "result"),
    [(25, True, 50), (30, True, 60), (50, False, 50)],
)
def test_fields_become_pictures_where_the_limit_allows(
    fps: int, field_rate: bool, result: int
) -> None:
    treatment = plan(video(field_order="bff", fps=Fraction(fps))).treatment
    assert treatment is not None
    assert treatment.field_order == "bff"
    assert treatment.field_rate is field_rate
    assert treatment.fps == result


def test_a_still_is_encoded_with_few_frames() -> None:
    for seconds, fps in ((600.0, 10), (0.04, 30)):
        treatment = plan(hevc(frames=1, keyframe_spacing=seconds)).treatment
        assert treatment is not None
        assert treatment.fps == fps


def test_the_cap_grows_with_the_picture_and_less_above_30() -> None:
    assert maxrate(1920, 1080, Fraction(30)) == pytest.approx(7_500_000, rel=0.01)
    assert maxrate(1920, 1080, Fraction(60)) == pytest.approx(11_200_000, rel=0.01)
    assert maxrate(160, 90, Fraction(30)) == 300_000
    assert encoding_of(plan(hevc())).maxrate == maxrate(1920, 1080, Fraction(30))


def test_what_a_rendition_may_need_is_its_cap_and_its_sound() -> None:
    assert plan(hevc()).top.bandwidth == encoding_of(plan(hevc())).maxrate + 160_000
    # 10 MB in 10 s.
    assert plan().top.bandwidth == 8_000_000


def test_balanced_is_what_is_used_unless_told_otherwise() -> None:
    assert QUALITIES["balanced"] == (OPTIONS.crf, OPTIONS.preset)
    crfs = [QUALITIES[name].crf for name in ("small", "balanced", "high")]
    assert crfs == sorted(crfs, reverse=True)


def test_the_operators_quality_is_used() -> None:
    made = make_plan(info(hevc()), Options(crf=18, preset="slow"))
    assert (encoding_of(made).crf, encoding_of(made).preset) == (18, "slow")
    assert encoding_of(made).keyframe_seconds == 4


# -- the colours


@pytest.mark.parametrize(
    ("changes", "colours"),
    [
        ({}, ("tv", "bt709", "bt709", "bt709")),
        ({"pix_fmt": "yuvj420p", "color_range": "pc"}, ("pc", "bt709", "bt709", "bt709")),
        (
            {"color_matrix": "", "color_primaries": "", "color_transfer": "", "color_range": ""},
            ("tv", "bt709", "bt709", "bt709"),
        ),
        (
            {
                "color_matrix": "",
                "color_primaries": "",
                "color_transfer": "",
                "coded_width": 720,
                "coded_height": 576,
            },
            ("tv", "smpte170m", "smpte170m", "bt709"),
        ),
        (
            {"color_matrix": "", "color_primaries": "", "hdr": "pq", "color_transfer": "smpte2084"},
            ("tv", "bt2020nc", "bt2020", "smpte2084"),
        ),
        ({"pix_fmt": "gbrp", "color_matrix": "gbr"}, ("pc", "gbr", "bt709", "bt709")),
        ({"pix_fmt": "yuv444p", "color_matrix": "gbr"}, ("tv", "bt709", "bt709", "bt709")),
    ],
)
def test_what_the_file_does_not_say_is_filled_in(
    changes: dict[str, Any], colours: tuple[str, str, str, str]
) -> None:
    treatment = plan(hevc(**changes)).treatment
    assert treatment is not None
    assert (
        treatment.color_range,
        treatment.color_matrix,
        treatment.color_primaries,
        treatment.color_transfer,
    ) == colours


@pytest.mark.parametrize(
    ("changes", "hdr", "wide"),
    [
        ({"hdr": "hlg", "color_primaries": "bt2020"}, "hlg", False),
        ({"hdr": "pq", "color_primaries": "bt2020"}, "pq", False),
        ({"color_primaries": "bt2020"}, "", True),
        ({"color_primaries": "smpte432"}, "", True),
        ({}, "", False),
    ],
)
def test_hdr_and_wide_colours_are_brought_to_bt709(
    changes: dict[str, Any], hdr: str, wide: bool
) -> None:
    treatment = plan(hevc(**changes)).treatment
    assert treatment is not None
    assert (treatment.hdr, treatment.wide_gamut) == (hdr, wide)


# -- the sound


@pytest.mark.parametrize(
    "sound",
    [
        audio(),
        audio(channels=1),
        audio(channels=6),
        audio(profile="HE-AAC"),
        audio(sample_rate=22_050),
    ],
)
def test_aac_is_copied_beside_a_copied_picture(sound: AudioStream) -> None:
    made = plan(video(), sound)
    [kept] = made.sounds
    assert kept.copied


@pytest.mark.parametrize(
    "sound",
    [
        audio(codec="mp3", profile=""),
        audio(codec="opus", profile=""),
        audio(codec="pcm_s16le", profile=""),
        audio(profile="Main"),
        audio(channels=8),
        audio(sample_rate=96_000),
    ],
)
def test_other_sound_is_encoded_while_the_picture_is_still_copied(sound: AudioStream) -> None:
    made = plan(video(), sound)
    assert made.copied
    [kept] = made.sounds
    assert not kept.copied


@pytest.mark.parametrize(
    ("need", "copied"), [("nothing", True), ("lengthen", True), ("fill", False)]
)
@pytest.mark.parametrize("picture", [video(), hevc()], ids=["copied", "encoded"])
def test_sound_with_holes_is_encoded(picture: VideoStream, need: SoundNeed, copied: bool) -> None:
    made = plan(picture, timeline=timeline_with(TimedSound(None, need)))
    assert made.copied == (picture.codec == "h264")
    [kept] = made.sounds
    assert kept.copied is copied


def test_a_copy_that_failed_is_encoded() -> None:
    made = make_plan(info(copy_problem="the picture ends at 9 s, not 10 s"), OPTIONS)
    assert not made.copied
    assert made.reasons == ("the picture ends at 9 s, not 10 s",)


def test_the_timeline_is_that_of_the_source() -> None:
    timeline = Timeline(start=3.0, end=13.0, stands_after=1.0)
    made = plan(timeline=timeline, shift_seconds=-3.0)
    assert (made.timeline, made.shift_seconds, made.frames) == (timeline, -3.0, 300)
    assert made.duration_seconds == 10
    lower = plan_lower(info(timeline=timeline), OPTIONS)
    assert lower is not None
    assert lower.timeline == timeline


@pytest.mark.parametrize(("channels", "copied"), [(1, True), (2, True), (6, False)])
def test_beside_an_encoded_picture_only_stereo_is_copied(channels: int, copied: bool) -> None:
    made = plan(hevc(), audio(channels=channels))
    [kept] = made.sounds
    assert kept.copied is copied


@pytest.mark.parametrize(
    "changes",
    [{"has_cutting_edit_list": True}, {"complete_timestamps": False}, {"is_damaged": True}],
)
def test_sound_is_not_copied_from_what_is_cut_or_damaged_or_has_no_clock(
    changes: dict[str, Any],
) -> None:
    made = plan(video(**changes))
    [kept] = made.sounds
    assert not kept.copied


@pytest.mark.parametrize(
    ("source", "result"), [(44_100, 44_100), (48_000, 48_000), (96_000, 48_000), (8_000, 48_000)]
)
def test_the_sample_rate(source: int, result: int) -> None:
    made = plan(video(), audio(codec="flac", sample_rate=source))
    [kept] = made.sounds
    assert kept.sample_rate == result


def test_no_sound_is_no_sound() -> None:
    assert make_plan(replace(info(), sounds=()), OPTIONS).sounds == ()


def several(*sounds: AudioStream, **changes: Any) -> MediaInfo:
    numbered = tuple(replace(one, index=1 + n) for n, one in enumerate(sounds))
    timed = tuple(TimedSound(Span(0.0, 10.0)) for _ in sounds)
    return info(**{"timeline": timeline_with(*timed), "sounds": numbered, **changes})


def test_each_sound_is_copied_or_encoded_by_itself() -> None:
    opus = audio(codec="opus", profile="", language="de", title="Mikrofon")
    made = make_plan(several(audio(channels=6, language="en"), opus), OPTIONS)
    assert made.is_separate
    assert [(one.index, one.copied, one.channels) for one in made.sounds] == [
        (1, True, 6),
        (2, False, 2),
    ]
    assert [(one.language, one.title) for one in made.sounds] == [("en", ""), ("de", "Mikrofon")]
    assert not plan().is_separate


def test_of_several_sounds_smaller_renditions_get_none() -> None:
    source = several(audio(), audio(language="de"))
    made = make_plan(replace(source, video=hevc()), OPTIONS)
    assert [len(made.sounds_of(one)) for one in made.renditions] == [2, 0, 0]
    lower = plan_lower(source, OPTIONS)
    assert lower is not None
    assert lower.sounds == ()


MONO = audio(channels=1, layout="mono")


def test_two_microphones_are_mixed_into_one_sound() -> None:
    made = make_plan(several(MONO, MONO), OPTIONS)
    assert made.copied
    assert not made.is_separate
    [mixed] = made.sounds
    assert not mixed.copied
    assert [part.index for part in mixed.parts] == [1, 2]


@pytest.mark.parametrize(
    "source",
    [
        several(MONO, MONO, MONO),
        several(MONO, audio()),
        several(replace(MONO, language="en"), MONO),
        several(replace(MONO, title="Guest"), MONO),
        several(MONO, MONO, timeline=timeline_with(*map(TimedSound, (Span(0, 10), Span(0, 9))))),
        several(MONO, MONO, timeline=timeline_with(*map(TimedSound, (Span(0, 10), Span(1, 10))))),
        several(MONO, MONO, timeline=timeline_with(TimedSound(Span(0, 10)), TimedSound(None))),
    ],
    ids=["three", "stereo", "language", "title", "ends", "starts", "no times"],
)
def test_sounds_that_something_tells_apart_are_not_mixed(source: MediaInfo) -> None:
    assert len(make_plan(source, OPTIONS).sounds) == len(source.sounds)


# -- what is refused


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"whole": False}, "This file is incomplete"),
        ({"video": None}, "only sound"),
        ({"video": None, "sounds": ()}, "no video track"),
        ({"video": video(frames=0)}, "couldn't find a video track"),
        ({"video": video(pix_fmt="")}, "picture of this video can't be read"),
        ({"video": video(codec="", tag="aprn", pix_fmt="")}, "records in ProRes RAW"),
        ({"video": video(is_protected=True)}, "protected (DRM)"),
        ({"video": video(coded_width=16_000, coded_height=16_000)}, "too high (16000 × 16000)"),
        ({"video": video(dolby_profile=5)}, "Dolby Vision profile 5"),
        ({"timeline": Timeline(start=0.0, end=12 * 3600 + 1.0)}, "longer than the 12-hour limit"),
    ],
)
def test_what_cannot_become_a_video_is_refused_in_words(
    changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(SourceError) as caught:
        plan(**changes)
    assert words in caught.value.sentence
    assert caught.value.sentence.endswith(".")
