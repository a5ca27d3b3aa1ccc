"""Argument lists, refreshed at as text. What FFmpeg makes of them is tested in test_pipeline."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from videos.transcode.commands import transcode_command
from videos.transcode.media import Crop
from videos.transcode.thumbnail import FrameSearch, thumbnail_command
from videos.transcode.timeline import Span, Timeline
from videos.transcode.types import (
    EncoderName,
    Encoding,
    Options,
    Plan,
    PlannedRendition,
    Sound,
    Treatment,
)

OPTIONS = Options()
SOURCE, WORK, OUTPUT = Path("/in/source.mov"), Path("/out"), Path("/out/source.mp4")

COPY = Plan(
    timeline=Timeline(start=0.0, end=10.0),
    shift_seconds=0.0,
    frames=300,
    video_index=2,
    reasons=(),
    treatment=None,
    renditions=(
        PlannedRendition(
            name="source", width=1920, height=1080, bandwidth=8_000_000, encoding=None
        ),
    ),
    later=(),
    keeps_times=False,
    sounds=(
        Sound(
            index=5,
            copied=True,
            bitrate=160_000,
            sample_rate=48_000,
            source_rate=44_100,
            packets=431,
        ),
    ),
)
[COPIED] = COPY.sounds
CODED = replace(COPIED, copied=False)
LONGER = replace(COPIED, need="lengthen")
KEYFRAMES = "expr:gte(n,if(lt(n_forced,4),floor(pow(2,n_forced)/2)*120/8,(n_forced-3)*120))"
TREATMENT = Treatment(
    field_order="progressive",
    stored_size=(1920, 1080),
    crop=None,
    field_rate=False,
    fps=Fraction(30000, 1001),
    color_range="tv",
    color_matrix="bt709",
    color_primaries="bt709",
    color_transfer="bt709",
    hdr="",
    wide_gamut=False,
)


def rendition(width: int, height: int, maxrate: int) -> PlannedRendition:
    return PlannedRendition(
        name=f"{height}p",
        width=width,
        height=height,
        bandwidth=maxrate,
        encoding=Encoding(preset="veryfast", crf=21, maxrate=maxrate, keyframe_seconds=4),
    )


ENCODE = replace(COPY, treatment=TREATMENT, renditions=(rendition(1920, 1080, 7_000_000),))
LADDER = replace(
    ENCODE,
    renditions=(
        rendition(1920, 1080, 7_000_000),
        rendition(1280, 720, 3_000_000),
        rendition(852, 480, 1_000_000),
    ),
)


def command(plan: Plan, encoder: EncoderName = "libx264") -> list[str]:
    return transcode_command(SOURCE, WORK, plan, OPTIONS, encoder=encoder)


def after(words: list[str], option: str) -> list[str]:
    """Everything that stands right after an option."""
    return [words[n + 1] for n, word in enumerate(words) if word == option]


def filters(treatment: Treatment) -> str:
    return after(command(replace(ENCODE, treatment=treatment)), "-filter_complex")[0]


def test_the_source_is_an_absolute_file_and_nothing_else() -> None:
    words = command(COPY)
    assert after(words, "-i") == ["file:/in/source.mov"]
    assert "file:/out/source.mp4" in words
    before_input = words[: words.index("-i")]
    assert after(before_input, "-protocol_whitelist") == ["file"]
    assert "h264" in after(before_input, "-codec_whitelist")[0].split(",")
    assert "hls" not in after(before_input, "-format_whitelist")[0].split(",")
    assert "concat" not in after(before_input, "-format_whitelist")[0].split(",")
    assert after(before_input, "-max_pixels") == ["36000000"]


def test_it_never_asks_and_always_reports() -> None:
    words = command(COPY)
    assert words[0] == "ffmpeg"
    assert "-nostdin" in words
    assert "-y" in words
    assert after(words, "-progress") == ["pipe:1"]


def test_only_the_chosen_tracks_are_taken_and_nothing_about_them() -> None:
    words = command(COPY)
    assert after(words, "-map") == ["0:2", "0:5"]
    assert after(words, "-map_metadata") == ["-1"]
    assert after(words, "-map_chapters") == ["-1"]


def test_a_copy_copies() -> None:
    words = command(COPY)
    assert after(words, "-c:v") == ["copy"]
    assert after(words, "-c:a") == ["copy"]
    assert "-filter_complex" not in words
    # Keyframes may be as close as frames; fragments need not.
    assert after(words, "-min_frag_duration") == ["2000000"]


@pytest.mark.parametrize("plan", [COPY, ENCODE])
def test_the_output_is_its_own_index(plan: Plan) -> None:
    assert after(command(plan), "-movflags") == ["+frag_keyframe+delay_moov+default_base_moof+dash"]


def test_an_encode_is_capped_and_cut_every_four_seconds() -> None:
    words = command(ENCODE)
    assert after(words, "-c:v") == ["libx264"]
    assert after(words, "-pix_fmt") == ["yuv420p"]
    assert (after(words, "-crf"), after(words, "-preset")) == (["21"], ["veryfast"])
    assert (after(words, "-maxrate"), after(words, "-bufsize")) == (["7000000"], ["14000000"])
    assert after(words, "-force_key_frames") == [KEYFRAMES]
    assert after(words, "-sc_threshold") == ["0"]
    assert int(after(words, "-g")[0]) > 120
    assert after(words, "-flush_packets") == ["1"]


def test_an_encode_says_what_its_colours_are() -> None:
    words = command(ENCODE)
    for option in ("-colorspace", "-color_primaries", "-color_trc"):
        assert after(words, option) == ["bt709"]
    assert after(words, "-color_range") == ["tv"]


def test_the_filters_of_a_plain_encode() -> None:
    graph = filters(TREATMENT)
    assert "fps=fps=30000/1001" in graph
    assert "h=1080" in graph
    assert "w=1920" in graph
    assert "setsar=1" in graph
    assert "bwdif" not in graph
    assert "zscale" not in graph
    assert "in_range=tv" in graph
    assert "out_range=tv" in graph


def test_full_range_and_another_matrix_are_converted() -> None:
    graph = filters(replace(TREATMENT, color_range="pc", color_matrix="smpte170m"))
    assert "in_range=pc" in graph
    assert "in_color_matrix=smpte170m" in graph
    assert "out_color_matrix=bt709" in graph


def test_rgb_has_no_matrix_to_convert_from() -> None:
    graph = filters(replace(TREATMENT, color_range="pc", color_matrix="gbr"))
    assert "in_color_matrix" not in graph
    assert "out_color_matrix=bt709" in graph


@pytest.mark.parametrize(("field_rate", "mode"), [(True, "send_field"), (False, "send_frame")])
def test_fields_are_woven_before_anything_else(field_rate: bool, mode: str) -> None:
    graph = filters(replace(TREATMENT, field_order="bff", field_rate=field_rate))
    assert f"mode={mode}" in graph
    assert "parity=bff" in graph
    assert graph.index("bwdif") < graph.index("fps=") < graph.index("scale=")


def test_a_crop_comes_after_the_fields_and_before_the_size() -> None:
    crop = Crop(0, 140, 1920, 800)
    graph = filters(replace(TREATMENT, field_order="tff", crop=crop))
    assert graph.index("bwdif") < graph.index("crop=") < graph.index("fps=") < graph.index("scale=")
    # The size that frames have when they are scaled is what remains of them.
    assert "800" in graph.partition("scale=")[2]


@pytest.mark.parametrize(("hdr", "transfer"), [("pq", "smpte2084"), ("hlg", "arib-std-b67")])
def test_high_dynamic_range_is_scaled_first_and_mapped_in_linear_light(
    hdr: str, transfer: str
) -> None:
    graph = filters(
        replace(
            TREATMENT,
            hdr=hdr,  # type: ignore[arg-type]
            color_matrix="bt2020nc",
            color_primaries="bt2020",
            color_transfer=transfer,
        )
    )
    assert graph.index("scale=") < graph.index("transfer=linear") < graph.index("tonemap")
    assert f"color_trc={transfer}" in graph
    assert "matrix=bt709" in graph


def test_wide_colours_are_converted_and_not_tone_mapped() -> None:
    graph = filters(replace(TREATMENT, wide_gamut=True, color_primaries="smpte432"))
    assert "primaries=bt709" in graph
    assert "tonemap" not in graph


def test_a_ladder_is_decoded_once_and_written_to_a_file_each() -> None:
    words = command(LADDER)
    assert after(words, "-i") == ["file:/in/source.mov"]
    outputs = [word for word in words if word.startswith("file:/out/")]
    assert outputs == ["file:/out/1080p.mp4", "file:/out/720p.mp4", "file:/out/480p.mp4"]
    assert len(set(after(words, "-map"))) == 4  # three pictures and the one sound track
    assert after(words, "-map").count("0:5") == 3
    assert after(words, "-maxrate") == ["7000000", "3000000", "1000000"]
    assert after(words, "-force_key_frames") == [KEYFRAMES] * 3
    assert after(words, "-flush_packets") == ["1"] * 3
    assert after(words, "-map_metadata") == ["-1"] * 3
    assert after(words, "-movflags") == ["+frag_keyframe+delay_moov+default_base_moof+dash"] * 3


def test_all_of_a_ladder_is_treated_once_and_each_is_made_of_the_one_above() -> None:
    treatment = replace(TREATMENT, field_order="tff", hdr="pq", color_transfer="smpte2084")
    graph = after(command(replace(LADDER, treatment=treatment)), "-filter_complex")[0]
    for once in ("bwdif", "fps=fps", "]tonemap="):
        assert graph.count(once) == 1
    assert graph.count("split=2") == 2
    order = [graph.index(part) for part in ("tonemap", "h=720", "h=480")]
    assert order == sorted(order)


def test_a_second_run_keeps_the_clock_of_the_first() -> None:
    assert "-fps_mode" not in command(LADDER)
    assert after(command(replace(LADDER, keeps_times=True)), "-fps_mode") == ["vfr"] * 3


def test_a_copy_never_asks_for_a_device() -> None:
    assert "-vaapi_device" not in command(COPY, "h264_vaapi")
    assert "hwupload" not in " ".join(command(COPY, "h264_vaapi"))


def test_every_picture_is_uploaded_to_the_device() -> None:
    words = command(LADDER, "h264_vaapi")
    assert after(words[: words.index("-i")], "-vaapi_device") == ["/dev/dri/renderD128"]
    graph = after(words, "-filter_complex")[0]
    assert graph.count("format=pix_fmts=nv12") + graph.count("format=nv12") == 3
    assert graph.count("hwupload") == 3
    assert after(words, "-c:v") == ["h264_vaapi"] * 3
    assert "-pix_fmt" not in words


def test_encoded_sound_is_stereo_aac() -> None:
    words = command(replace(COPY, sounds=(CODED,)))
    assert after(words, "-c:a") == ["aac"]
    assert after(words, "-ac:a") == ["2"]
    assert after(words, "-ar:a") == ["48000"]
    assert after(words, "-b:a") == ["160000"]


def test_encoded_sound_ends_with_the_video() -> None:
    words = command(replace(COPY, sounds=(CODED,)))
    [graph] = after(words, "-filter:a")
    assert graph == "aresample=async=1:first_pts=0,apad=whole_dur=10.000000,atrim=end=10.000000"


def test_silence_in_front_of_late_sound_is_not_kept_in_memory() -> None:
    timeline = Timeline(start=2.0, end=8.0)
    plan = replace(COPY, timeline=timeline, sounds=(replace(CODED, late_seconds=3.25),))
    [graph] = after(command(plan), "-filter:a")
    assert graph == (
        "asetpts=PTS-3.25/TB,aresample=async=1:first_pts=0,adelay=3250:all=1"
        ",apad=whole_dur=6.000000,atrim=end=6.000000"
    )


def test_an_encode_of_a_late_picture_starts_at_nought_and_each_ends_on_a_frame() -> None:
    graph = filters(TREATMENT)
    assert "start_time" not in graph
    late = replace(COPY.timeline, stands_before=1.0)
    for keeps_times in (False, True):
        plan = replace(ENCODE, timeline=late, keeps_times=keeps_times)
        [of_late] = after(command(plan), "-filter_complex")
        assert ("fps=fps=30000/1001:start_time=0" in of_late) == (not keeps_times)
    assert "tpad=stop_duration=0.500000:stop_mode=clone" in graph
    assert "trim=end=10.010000" in graph  # 300 frames


def test_the_last_frame_of_an_encode_stands_to_the_end() -> None:
    timeline = Timeline(start=2.0, end=102.0, picture=Span(2.0, 22.0), stands_after=80.0)
    graph = after(command(replace(ENCODE, timeline=timeline)), "-filter_complex")[0]
    assert "tpad=stop_duration=81.000000" in graph  # and one per cent that may be lost
    assert "trim=end=99.99" in graph


def test_the_first_and_last_frames_of_a_copy_stand() -> None:
    timeline = Timeline(
        start=2.0, end=8.0, picture=Span(3.5, 7.0), stands_before=1.5, stands_after=1.0
    )
    [setts] = after(command(replace(COPY, timeline=timeline)), "-bsf:v")
    assert setts == (
        "setts=time_base=1/120000"
        ":pts='if(eq(N,0),PTS-180000,PTS)':dts='if(eq(N,0),DTS-180000,DTS)'"
        ":duration='if(eq(N,299),720000-if(eq(N,0),PTS-180000,PTS),DURATION)'"
    )
    assert "-bsf:v" not in command(COPY)


def test_the_last_packet_of_copied_sound_is_lengthened() -> None:
    assert after(command(replace(COPY, sounds=(LONGER,))), "-bsf:a") == [
        "setts=time_base=1/44100:pts='PTS':dts='DTS':duration='if(eq(N,430),441000-PTS,DURATION)'"
    ]
    assert "-bsf:a" not in command(COPY)


def test_the_video_starts_with_its_own_tracks() -> None:
    words = command(replace(COPY, shift_seconds=-1.5))
    assert after(words[: words.index("-i")], "-itsoffset") == ["-1.500000"]
    assert "-itsoffset" not in command(replace(COPY, shift_seconds=0.0001))


def test_a_track_that_changes_its_times_is_not_read_before_an_encoded_one() -> None:
    stands = replace(COPY.timeline, stands_after=0.2)
    assert [
        len(after(command(replace(plan, timeline=timeline, sounds=(sound,))), "-i"))
        for plan, timeline, sound in (
            (ENCODE, ENCODE.timeline, LONGER),
            (COPY, stands, CODED),
            (COPY, stands, COPIED),
            (COPY, COPY.timeline, LONGER),
            (ENCODE, stands, COPIED),
            (COPY, COPY.timeline, CODED),
        )
    ] == [2, 2, 1, 1, 1, 1]


def test_tracks_that_are_apart_are_read_from_two_inputs() -> None:
    timeline = replace(COPY.timeline, is_apart=True)
    words = command(replace(COPY, timeline=timeline, shift_seconds=-1.5))
    assert after(words, "-i") == ["file:/in/source.mov"] * 2
    assert after(words, "-map") == ["0:2", "1:5"]
    assert after(words, "-itsoffset") == ["-1.500000"] * 2
    assert after(words, "-protocol_whitelist") == ["file"] * 2
    words = command(replace(COPY, timeline=timeline, sounds=()))
    assert after(words, "-i") == ["file:/in/source.mov"]


def test_no_sound_is_mapped_when_none_is_planned() -> None:
    words = command(replace(COPY, sounds=()))
    assert after(words, "-map") == ["0:2"]
    assert "-c:a" not in words


@pytest.mark.parametrize("name", ["-y.mp4", "a:b|c.mp4", "a b'\"%d\n.mp4", "http:x"])
def test_a_name_is_only_a_name(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    words = transcode_command(Path(name), WORK, COPY, OPTIONS)
    assert after(words, "-i") == [f"file:/{name}"]


def test_a_thumbnail_is_one_frame_that_is_not_black() -> None:
    look = FrameSearch(start=1.0, seconds=10.0)
    words = thumbnail_command(
        OUTPUT, Path("/out/t.jpg"), look, width=1280, height=720, options=OPTIONS
    )
    assert after(words, "-frames:v") == ["1"]
    assert after(words, "-ss") == ["1.000"]
    assert after(words, "-t") == ["10.000"]
    assert "signalstats" in after(words, "-filter_complex")[0]
    assert "-skip_frame" not in words


def test_a_thumbnail_of_whatever_there_is() -> None:
    look = FrameSearch(start=0.0, keyframes_only=True, skip_black=False)
    words = thumbnail_command(
        OUTPUT, Path("/out/t.jpg"), look, width=1280, height=720, options=OPTIONS
    )
    assert "signalstats" not in after(words, "-filter_complex")[0]
    assert after(words, "-skip_frame") == ["nokey"]
    assert "-t" not in words
