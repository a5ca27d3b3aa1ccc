"""Plans for the rendition in original quality."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from tests.videos.transcode.test_plan import audio, info, several, sized, timeline_with, video
from videos.transcode.errors import SourceError
from videos.transcode.media import Crop
from videos.transcode.original import plan_original, reasons_against
from videos.transcode.plan import make_plan
from videos.transcode.timeline import Span, TimedSound
from videos.transcode.types import Options

OPTIONS = Options()
HEVC = {"codec": "hevc", "profile": "Main"}
DEEP = {"codec": "hevc", "profile": "Main 10", "pix_fmt": "yuv420p10le", "bit_depth": 10}
HDR = {"color_primaries": "bt2020", "color_matrix": "bt2020nc"}
PQ = {**DEEP, **HDR, "color_transfer": "smpte2084", "hdr": "pq"}


@pytest.mark.parametrize(
    "changes",
    [
        HEVC,
        DEEP,
        PQ,
        {**DEEP, **HDR, "color_transfer": "arib-std-b67", "hdr": "hlg"},
        {**PQ, "dolby_profile": 8, "dolby_compatibility": 1},
        {**DEEP, "dolby_profile": 8, "dolby_compatibility": 4},
        {**HEVC, "pix_fmt": "yuvj420p", "color_range": "pc"},
        {**HEVC, "color_primaries": "smpte432"},
        {**HEVC, "width": 3840, "height": 2160, "coded_width": 3840, "coded_height": 2160},
        {**HEVC, "average_fps": 120.0, "fps": Fraction(120), "keyframe_spacing": 11.9},
        {**HEVC, "rotation": 90, "width": 1080, "height": 1920},
        {"codec": "av1", "profile": "Main"},
        {"codec": "av1", "profile": "Main", "pix_fmt": "yuv420p10le"},
        {"codec": "av1", "profile": "Main", "dolby_profile": 10, "dolby_compatibility": 1},
        {"codec": "vp9", "profile": "Profile 0"},
        {"codec": "vp9", "profile": "Profile 2", "pix_fmt": "yuv420p10le"},
        {"width": 3840, "height": 2160, "coded_width": 3840, "coded_height": 2160},
        {"average_fps": 120.0, "fps": Fraction(120)},
        {"keyframe_spacing": 11.9},
    ],
)
def test_what_some_browsers_play_is_offered_as_it_is(changes: dict[str, Any]) -> None:
    source = info(video(**changes), audio())
    plan = plan_original(source, OPTIONS)
    assert plan is not None
    (rendition,) = plan.renditions
    assert plan.copied
    assert (rendition.name, rendition.codec) == ("original", video(**changes).codec)
    assert rendition.encoding is None
    assert plan.later == ()
    assert plan.timeline == source.timeline


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"field_order": "tff"},
        {"profile": "High 10", "pix_fmt": "yuv420p10le"},
        {"profile": "High 4:2:2", "width": 3840, "height": 2160},
        {"hdr": "hlg", "color_transfer": "arib-std-b67"},
        {"codec": "prores", "profile": "HQ", "pix_fmt": "yuv422p10le"},
        {"codec": "vp8", "profile": "0"},
        {**HEVC, "profile": "Rext", "pix_fmt": "yuv422p10le"},
        {**HEVC, "pix_fmt": "yuv444p"},
        {**HEVC, "field_order": "tff"},
        {**HEVC, "sar": Fraction(4, 3)},
        {**HEVC, "width": 1919},
        {**HEVC, "crop": Crop(0, 140, 1920, 800), "height": 800},
        {**HEVC, "plain_turn": False},
        {**HEVC, "size_changes": True},
        {**HEVC, "parameters_change": True},
        {**HEVC, "is_damaged": True},
        {**HEVC, "complete_timestamps": False},
        {**HEVC, "has_cutting_edit_list": True},
        {**HEVC, "starts_with_keyframe": False},
        {**HEVC, "keyframe_spacing": 12.1},
        {**HEVC, "color_range": "pc", "color_matrix": ""},
        {**HEVC, "color_matrix": "ycgco"},
        {**DEEP, "dolby_profile": 7, "dolby_compatibility": 6},
        {**DEEP, "dolby_profile": 8, "dolby_compatibility": 0},
        {"codec": "av1", "profile": "Main", "dolby_profile": 10, "dolby_compatibility": 0},
        {"codec": "vp9", "profile": "Profile 1", "pix_fmt": "yuv444p"},
        {"keyframe_spacing": 12.1},
        {"average_fps": 120.0, "field_order": "tff"},
    ],
)
def test_what_leaves_a_doubt_is_not(changes: dict[str, Any]) -> None:
    assert plan_original(info(video(**changes), audio()), OPTIONS) is None


def test_a_copy_that_was_unfit_is_not_tried_again() -> None:
    source = info(video(), audio(), copy_problem="keyframes that players cannot start at")
    assert not make_plan(source, OPTIONS).copied
    assert plan_original(source, OPTIONS) is None


def test_what_cannot_become_a_video_is_an_error_as_for_all_plans() -> None:
    with pytest.raises(SourceError, match="too high"):
        plan_original(info(sized(8192, 8192, **HEVC), audio()), OPTIONS)


def test_a_picture_that_fits_no_rendition_says_why() -> None:
    assert reasons_against(video(codec="mpeg4"), OPTIONS) == ("codec mpeg4",)
    assert reasons_against(video(**HEVC), OPTIONS) == ()


@pytest.mark.parametrize(
    ("changes", "copied", "codec"),
    [
        ({}, True, "aac"),
        ({"channels": 6, "layout": "5.1"}, True, "aac"),
        ({"codec": "opus", "profile": ""}, True, "opus"),
        ({"codec": "opus", "profile": "", "channels": 1, "layout": "mono"}, True, "opus"),
        ({"codec": "opus", "profile": "", "channels": 6, "layout": "5.1"}, False, "aac"),
        ({"codec": "opus", "profile": "", "described": False}, False, "aac"),
        ({"codec": "opus", "channels": 2, "layout": "ambisonic 0"}, False, "aac"),
        ({"codec": "mp3"}, False, "aac"),
        ({"codec": "eac3", "channels": 6, "layout": "5.1"}, False, "aac"),
    ],
)
def test_aac_and_opus_are_copied_and_other_sound_is_encoded(
    changes: dict[str, Any], copied: bool, codec: str
) -> None:
    plan = plan_original(info(video(**HEVC), audio(**changes)), OPTIONS)
    assert plan is not None
    [sound] = plan.sounds
    assert (sound.copied, sound.codec) == (copied, codec)


def test_of_several_sounds_opus_is_encoded_as_in_the_h264_renditions() -> None:
    opus = audio(codec="opus", profile="", language="de")
    source = replace(several(audio(language="en"), opus), video=video(**HEVC))
    plan = plan_original(source, OPTIONS)
    assert plan is not None
    assert plan.is_separate
    assert [(sound.copied, sound.codec) for sound in plan.sounds] == [(True, "aac"), (False, "aac")]


def test_opus_that_does_not_fill_the_video_is_encoded() -> None:
    timeline = timeline_with(TimedSound(Span(0.0, 10.0), "fill"))
    source = info(video(**HEVC), audio(codec="opus"), timeline=timeline)
    plan = plan_original(source, OPTIONS)
    assert plan is not None
    [sound] = plan.sounds
    assert not sound.copied


def test_a_video_without_sound() -> None:
    plan = plan_original(info(video(**HEVC), sounds=()), OPTIONS)
    assert plan is not None
    assert plan.sounds == ()


def test_it_has_the_times_of_the_h264_renditions() -> None:
    source = info(video(**HEVC), audio(), shift_seconds=0.02)
    plan, other = plan_original(source, OPTIONS), make_plan(source, OPTIONS)
    assert plan is not None
    assert (plan.shift_seconds, plan.timeline) == (other.shift_seconds, other.timeline)
    assert not plan.keeps_times
