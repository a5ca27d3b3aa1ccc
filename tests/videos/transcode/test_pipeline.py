"""From real clips to real results: what is in the files that come out."""

from __future__ import annotations

import functools
import itertools
import json
import math
import struct
import subprocess
import threading
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from PIL import Image

from tests import clips
from tests.examples import one_in
from tests.videos.transcode import fragmented
from videos.transcode import pipeline
from videos.transcode.errors import (
    CancelledError,
    OutOfTimeError,
    ProcessingError,
    SourceError,
    TranscodeError,
)
from videos.transcode.fragments import read_index
from videos.transcode.media import MediaInfo, VideoStream
from videos.transcode.pipeline import transcode, transcode_lower
from videos.transcode.probe import probe
from videos.transcode.results import Made, TranscodeResult
from videos.transcode.thumbnail import frame_near, make_thumbnail
from videos.transcode.types import EncoderChoice, Options, Plan, Progress, Tick

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.ffmpeg

OPTIONS = Options()


@functools.cache
def result_of(clip: Path) -> TranscodeResult:
    """Every clip goes through once, however many tests look at what came out."""
    return transcode(clip, clips.new_path("work"), options=OPTIONS)


@functools.cache
def made_of(clip: Path) -> MediaInfo:
    return probe(result_of(clip).top.path, options=OPTIONS)


def picture_of(clip: Path) -> VideoStream:
    video = made_of(clip).video
    assert video is not None
    return video


def ffmpeg(*args: str) -> bytes:
    command = ["ffmpeg", "-nostdin", "-v", "error", *args]
    return subprocess.run(command, check=True, capture_output=True, timeout=60).stdout


def ffprobe(*args: str) -> Any:
    command = ["ffprobe", "-v", "error", "-of", "json", *args]
    return json.loads(subprocess.run(command, check=True, capture_output=True, timeout=60).stdout)


def checksum(path: Path, index: int) -> bytes:
    return ffmpeg("-i", str(path), "-map", f"0:{index}", "-c", "copy", "-f", "md5", "-")


def decoded(path: Path, index: int) -> bytes:
    """The checksum of decoded frames: a copy differs in its user data, but in no frame."""
    return ffmpeg("-i", str(path), "-map", f"0:{index}", "-f", "md5", "-")


def fragment_seconds(path: Path) -> list[float]:
    """How long each fragment is, from the sidx of the first track in front of it."""
    data, lengths = path.read_bytes(), []
    found = fragmented.inner_boxes(path)
    for before, box in itertools.pairwise(found):
        if box.kind != "sidx" or before.kind == "sidx":
            continue
        version = data[box.start + 8]
        [timescale] = struct.unpack_from(">I", data, box.start + 16)
        reference = box.start + (32 if version == 0 else 40)
        [ticks] = struct.unpack_from(">I", data, reference + 4)
        lengths.append(ticks / timescale)
    return lengths


def keyframe_times(path: Path) -> list[float]:
    told = ffprobe("-select_streams", "v", "-show_entries", "packet=pts_time,flags", str(path))
    return [float(one["pts_time"]) for one in told["packets"] if "K" in one["flags"]]


def packet_times(path: Path, kind: str) -> list[float]:
    told = ffprobe("-select_streams", kind, "-show_entries", "packet=pts_time", str(path))
    return [float(one["pts_time"]) for one in told["packets"]]


def planes(path: Path, at: float = 0.0) -> tuple[bytes, bytes, bytes]:
    """One decoded picture as stored: Y, Cb, Cr in 8 bits, 4:2:0."""
    info = ffprobe("-select_streams", "v", "-show_streams", str(path))["streams"][0]
    size = info["width"] * info["height"]
    raw = ffmpeg(
        *("-noautorotate", "-ss", str(at), "-i", str(path), "-frames:v", "1"),
        *("-f", "rawvideo", "-pix_fmt", "yuv420p", "-"),
    )
    return raw[:size], raw[size : size + size // 4], raw[size + size // 4 :]


def middle(plane: bytes) -> int:
    return plane[len(plane) // 2]


def patch_colours(path: Path) -> list[tuple[int, int, int]]:
    """Y, Cb and Cr in the middle of each third of a picture of 96 x 64."""
    luma, blue, red = planes(path)
    return [
        (luma[32 * 96 + x], blue[16 * 48 + x // 2], red[16 * 48 + x // 2]) for x in (16, 48, 80)
    ]


# -- copies


COPIED: dict[str, Callable[[], Path]] = {
    "mp4": clips.h264_mp4,
    "without sound": lambda: clips.h264_mp4(layout=None),
    "held upright": clips.phone_h264_mov,
    "upside down": lambda: clips.with_matrix(clips.h264_mp4(), clips.HALF_TURN),
    "every frame a keyframe": clips.all_intra,
    "left out frames": clips.vfr_mp4,
    "matroska": clips.two_sounds,
    "mono": lambda: clips.h264_mp4(layout="mono"),
    "surround": lambda: clips.h264_mp4(layout="5.1"),
    "a fifth of a second": lambda: clips.h264_mp4(seconds=0.2),
    "a cover in front": clips.cover_first,
}


@pytest.mark.parametrize("make", one_in(4, COPIED))
def test_what_browsers_play_is_copied(make: Callable[[], Path]) -> None:
    clip = make()
    result = result_of(clip)
    assert result.plan.copied
    assert result.info.video is not None
    assert decoded(clip, result.info.video.index) == decoded(result.top.path, 0)
    if result.info.audio is not None:
        assert checksum(clip, result.info.audio.index) == checksum(result.top.path, 1)
    assert result.top.duration_seconds == pytest.approx(result.info.duration_seconds, abs=0.1)
    assert (
        result.top.size_bytes == result.top.path.stat().st_size < 1.1 * clip.stat().st_size + 5000
    )


def test_other_sound_is_encoded_beside_a_copied_picture() -> None:
    clip = clips.with_codec("mkv", "libx264", "ac3", "-pix_fmt", "yuv420p", "-g", "60")
    result = result_of(clip)
    assert result.plan.copied
    assert decoded(clip, 0) == decoded(result.top.path, 0)
    sound = made_of(clip).audio
    assert sound is not None
    assert sound.codec == "aac"


def test_a_copied_turn_is_still_a_turn() -> None:
    clip = clips.phone_h264_mov()
    assert (result_of(clip).top.width, result_of(clip).top.height) == (180, 320)
    assert picture_of(clip).rotation == 90


def test_fragments_of_a_copy_are_not_shorter_than_two_seconds() -> None:
    lengths = fragment_seconds(result_of(clips.all_intra()).top.path)
    assert lengths
    assert all(length >= 1.9 for length in lengths[:-1])


# -- encodes


class Expected(NamedTuple):
    make: Callable[[], Path]
    size: tuple[int, int]
    fps: Fraction = Fraction(30)


ENCODED: dict[str, Expected] = {
    "hevc": Expected(clips.hevc_mp4, (320, 180)),
    "hevc, 10 bits": Expected(lambda: clips.hevc_mp4(ten_bit=True), (320, 180)),
    "hevc, hlg, held upright": Expected(clips.phone_hevc_mov, (180, 320)),
    "mirrored": Expected(lambda: clips.with_matrix(clips.h264_mp4(), clips.MIRROR), (320, 180)),
    "wide pixels": Expected(clips.anamorphic, (240, 144)),
    "fields": Expected(clips.interlaced, (352, 288), Fraction(50)),
    "odd size, rgb": Expected(clips.odd_size, (160, 120)),
    "120 a second": Expected(
        lambda: clips.h264_mp4(fps="120", seconds=1), (320, 180), Fraction(60)
    ),
    "vp9": Expected(
        lambda: clips.with_codec("webm", "libvpx-vp9", "libopus", "-deadline", "realtime"),
        (320, 180),
    ),
    "mjpeg in avi": Expected(lambda: clips.with_codec("avi", "mjpeg", "pcm_s16le"), (320, 180)),
    "h264 in avi": Expected(
        lambda: clips.with_codec("avi", "libx264", "libmp3lame", "-pix_fmt", "yuv420p"), (320, 180)
    ),
    "prores": Expected(lambda: clips.with_codec("mov", "prores_ks", "pcm_s16be"), (320, 180)),
    "left out frames": Expected(lambda: clips.hevc_of(clips.vfr_mp4()), (320, 180)),
    "trimmed": Expected(clips.trimmed, (320, 180)),
    "one keyframe": Expected(clips.open_end_mp4, (160, 90), Fraction(15)),
    "a fifth of a second": Expected(lambda: clips.hevc_mp4(seconds=0.2), (320, 180)),
    "one frame": Expected(lambda: clips.hevc_mp4(seconds=0.03), (320, 180)),
}


# Of these kinds test_sources.py has one each that comes out with the right colours besides.
# Every fifth in each run; test_sources and the browsers' combinations have the same kinds.
@pytest.mark.parametrize("expected", one_in(5, ENCODED))
def test_the_rest_becomes_what_browsers_play(expected: Expected) -> None:
    clip = expected.make()
    result, video = result_of(clip), picture_of(clip)
    assert not result.plan.copied
    assert (video.codec, video.pix_fmt, video.profile) == ("h264", "yuv420p", "High")
    assert (result.top.width, result.top.height) == expected.size
    assert (video.coded_width, video.coded_height) == expected.size
    assert (video.rotation, video.plain_turn) == (0, True)
    assert video.sar == 1
    assert video.fps == expected.fps
    assert not video.interlaced
    assert not video.has_cutting_edit_list
    tags = (video.color_range, video.color_matrix, video.color_primaries, video.color_transfer)
    assert tags == ("tv", "bt709", "bt709", "bt709")
    assert result.top.duration_seconds == pytest.approx(result.info.duration_seconds, abs=0.15)
    assert (made_of(clip).audio is None) == (result.info.audio is None)


def test_uneven_frames_become_even() -> None:
    clip = clips.hevc_of(clips.vfr_mp4())
    source = result_of(clip).info.video
    assert source is not None
    assert source.vfr
    # 2 s at a constant 30: the frames that were left out are there again.
    assert picture_of(clip).frames == pytest.approx(60, abs=2)


@pytest.mark.parametrize(
    ("fps", "seconds"),
    [
        pytest.param("24", 4.0, marks=pytest.mark.long),
        pytest.param("25", 4.0, marks=pytest.mark.long),
        pytest.param("30", 4.0, marks=pytest.mark.long),
        pytest.param("60", 4.0, marks=pytest.mark.long),
        # 96, 120 and 240 frames, as many in every fragment.
        pytest.param("24000/1001", 4.004, marks=pytest.mark.long),
        ("30000/1001", 4.004),
        pytest.param("60000/1001", 4.004, marks=pytest.mark.long),
    ],
)
def test_an_encode_has_fragments_of_four_seconds_after_shorter_ones_at_its_start(
    fps: str, seconds: float
) -> None:
    clip = clips.hevc_mp4(seconds=17, size="160x90", fps=fps)
    path = result_of(clip).top.path
    keyframes = keyframe_times(path)
    steps = [later - earlier for earlier, later in itertools.pairwise(keyframes)]
    frames = round(seconds * Fraction(fps))
    first = math.ceil(frames / 8) * seconds / frames  # an eighth of 100 frames is no whole number
    expected = [first, seconds / 4 - first, *(seconds / part for part in (4, 2, 1, 1, 1))]
    assert steps == pytest.approx(expected, abs=0.0001)
    lengths = fragment_seconds(path)
    assert len(lengths) == 8
    assert lengths[:7] == pytest.approx(expected, abs=0.0001)


def test_the_short_side_is_capped() -> None:
    clip = clips.with_matrix(clips.h264_mp4(seconds=0.5, size="640x360"), clips.QUARTER_RIGHT)
    result = transcode(clip, clips.new_path("work"), options=Options(max_short_side=180))
    assert (result.top.width, result.top.height) == (180, 320)
    assert result.plan.top.name == "180p"


def test_surround_becomes_stereo_beside_an_encoded_picture() -> None:
    clip = clips.h264_mp4(fps="120", seconds=1, layout="5.1")
    audio = made_of(clip).audio
    assert audio is not None
    assert audio.channels == 2


def test_a_ten_channel_recording_becomes_stereo() -> None:
    clip = clips.make(
        "mov", *clips.picture(1), *clips.ten_channels(1), *clips.x264(), "-c:a", "pcm_s16le"
    )
    audio = made_of(clip).audio
    assert audio is not None
    assert (audio.codec, audio.channels) == ("aac", 2)


# -- several renditions


LADDER = Options(ladder=(180, 90))


@functools.cache
def ladder_of(clip: Path) -> TranscodeResult:
    return transcode(clip, clips.new_path("work"), options=LADDER)


def shapes(made: tuple[Made, ...]) -> list[tuple[str, int, int]]:
    return [(one.rendition.name, one.width, one.height) for one in made]


def test_a_ladder_is_made_in_one_run_and_cut_at_the_same_moments() -> None:
    result = ladder_of(clips.hevc_mp4(seconds=9, size="640x360", fps="5"))
    assert shapes(result.renditions) == [("360p", 640, 360), ("180p", 320, 180), ("90p", 160, 90)]
    assert result.plan.later == ()
    assert [one.path.name for one in result.renditions] == ["360p.mp4", "180p.mp4", "90p.mp4"]
    keyframes = [keyframe_times(one.path) for one in result.renditions]
    assert keyframes[0] == keyframes[1] == keyframes[2]
    infos = [probe(one.path, options=OPTIONS) for one in result.renditions]
    for made, info in zip(result.renditions, infos, strict=True):
        assert info.video is not None
        assert info.video.frames == 45
        assert info.audio is not None
        assert made.size_bytes == made.path.stat().st_size
        assert made.fps == 5
        assert fragment_seconds(made.path)[:4] == pytest.approx([1, 1, 2, 4], abs=0.0001)
    sizes = [one.size_bytes for one in result.renditions]
    assert sizes == sorted(sizes, reverse=True)


@pytest.mark.long  # upright encodes, and a ladder that is not upright, in each run
def test_a_ladder_of_what_was_held_upright_stands() -> None:
    clip = clips.with_matrix(clips.hevc_mp4(seconds=1, size="640x360"), clips.QUARTER_RIGHT)
    assert shapes(ladder_of(clip).renditions) == [
        ("360p", 360, 640),
        ("180p", 180, 320),
        ("90p", 90, 160),
    ]


# Of the top rendition alone the other range is looked at, too: below.
@pytest.mark.parametrize("full_range", one_in(2, [False, True]))
def test_colours_are_the_same_in_every_rendition(full_range: bool) -> None:
    clip = clips.patches(full_range=full_range, matrix="bt470bg")
    result = transcode(clip, clips.new_path("work"), options=Options(ladder=(48,)))
    top, rung = (planes(one.path) for one in result.renditions)
    assert shapes(result.renditions) == [("64p", 96, 64), ("48p", 72, 48)]
    for width, x in ((96, (16, 48, 80)), (72, (12, 36, 60))):
        luma, blue, red = top if width == 96 else rung
        row = width // 3  # the middle of a picture of 3 to 2
        colours = [
            (
                luma[row * width + at],
                blue[row // 2 * width // 2 + at // 2],
                red[row // 2 * width // 2 + at // 2],
            )
            for at in x
        ]
        expected = [(16, 128, 128), (235, 128, 128), (63, 102, 240)]
        for colour, wanted in zip(colours, expected, strict=True):
            assert colour == pytest.approx(wanted, abs=4)


def test_high_dynamic_range_is_mapped_in_every_rendition() -> None:
    result = transcode(
        clips.grey_hdr(0.5806, "pq"), clips.new_path("work"), options=Options(ladder=(32,))
    )
    assert shapes(result.renditions) == [("64p", 64, 64), ("32p", 32, 32)]
    for made in result.renditions:
        assert [middle(one) for one in planes(made.path)] == pytest.approx([202, 128, 128], abs=3)


@pytest.mark.long  # test_plan.py shows when
def test_what_would_take_too_long_is_made_in_two_runs_with_the_same_outcome() -> None:
    clip = clips.hevc_mp4(seconds=9, size="640x360", fps="5")
    at_once = ladder_of(clip)
    options = replace(LADDER, at_once_pixel_rate=0)
    work = clips.new_path("work")
    result = transcode(clip, work, options=options)
    assert shapes(result.renditions) == [("360p", 640, 360)]
    assert result.plan.later == ("180p", "90p")
    before = result.top.path.read_bytes()
    lower = transcode_lower(result.top.path, work / "lower", options=options)
    assert shapes(lower) == shapes(at_once.renditions[1:])
    assert tuple(one.rendition.name for one in lower) == result.plan.later
    assert result.top.path.read_bytes() == before
    for made, other in zip(lower, at_once.renditions[1:], strict=True):
        assert keyframe_times(made.path) == keyframe_times(other.path)
        assert made.fps == other.fps
        assert made.duration_seconds == pytest.approx(other.duration_seconds, abs=0.001)
        # To the sound, which is copied, they stand as the largest does.
        assert packet_times(made.path, "a")[1:] == packet_times(result.top.path, "a")[1:]


@pytest.mark.parametrize(
    "make",
    one_in(
        4,
        {
            "upright": lambda: clips.with_matrix(
                clips.h264_mp4(seconds=1, size="640x360"), clips.QUARTER_RIGHT
            ),
            "plain": lambda: clips.h264_mp4(seconds=1, size="640x360"),
            "silent": lambda: clips.h264_mp4(seconds=1, size="640x360", layout=None),
            "surround": lambda: clips.h264_mp4(seconds=1, size="640x360", layout="5.1"),
        },
    ),
)
def test_a_copied_source_gets_its_smaller_renditions_later(make: Callable[[], Path]) -> None:
    clip = make()
    result = ladder_of(clip)
    assert [one.rendition.name for one in result.renditions] == ["source"]
    assert result.plan.later == ("180p", "90p")
    lower = transcode_lower(result.top.path, clips.new_path("lower"), options=LADDER)
    shape = (result.top.width // 2, result.top.height // 2)
    assert shapes(lower)[0] == ("180p", *shape)
    for made in lower:
        if result.info.audio is not None:
            # Bit for bit the same in all, so that a player can change over.
            assert checksum(made.path, 1) == checksum(result.top.path, 1)
            assert packet_times(made.path, "a")[1:] == packet_times(result.top.path, "a")[1:]
        assert packet_times(made.path, "v")[0] == packet_times(result.top.path, "v")[0]


def test_what_is_there_already_is_not_made_again(tmp_path: Path) -> None:
    top = ladder_of(clips.h264_mp4(seconds=1, size="640x360")).top.path
    lower = transcode_lower(top, tmp_path, options=LADDER, there={"180p"})
    assert shapes(lower) == [("90p", 160, 90)]
    assert [one.name for one in tmp_path.iterdir()] == ["90p.mp4"]
    assert transcode_lower(top, tmp_path, options=LADDER, there={"180p", "90p"}) == ()
    assert transcode_lower(top, tmp_path, options=Options()) == ()


def test_other_accepted_kinds_do_not_hinder_the_smaller_renditions(tmp_path: Path) -> None:
    top = ladder_of(clips.h264_mp4(seconds=1, size="640x360")).top.path
    assert transcode_lower(top, tmp_path, options=replace(LADDER, accepted=("mkv",)))


# -- while it is being made


def test_the_plan_is_told_before_anything_is_written_and_progress_rises_to_one(
    tmp_path: Path,
) -> None:
    told: list[Plan] = []
    seen: list[Progress] = []

    def on_start(plan: Plan) -> None:
        told.append(plan)
        assert list(tmp_path.iterdir()) == []

    clip = clips.hevc_mp4(seconds=9, size="160x90")
    result = transcode(clip, tmp_path, options=OPTIONS, tick=seen.append, on_start=on_start)
    assert told == [result.plan]
    fractions = [one.fraction for one in seen if one.fraction is not None]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0


def test_whoever_is_told_the_plan_can_end_it(tmp_path: Path) -> None:
    def on_start(plan: Plan) -> None:
        raise CancelledError

    with pytest.raises(CancelledError):
        transcode(clips.hevc_mp4(), tmp_path, options=OPTIONS, on_start=on_start)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.long  # test_fragments.py reads a file that FFmpeg is writing
def test_whole_fragments_can_be_read_while_the_rest_is_made(tmp_path: Path) -> None:
    seen: set[int] = set()
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.01):
            if (tmp_path / "360p.mp4").exists():
                seen.add(whole_fragments(tmp_path / "360p.mp4"))

    clip = clips.hevc_mp4(seconds=13, size="640x360")
    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        result = transcode(clip, tmp_path, options=Options(ladder=(90,)))
    finally:
        done.set()
        watcher.join(5)
    assert seen >= {1, 3, 5, 7}
    # What was readable stays: the finished file goes on where the growing one was. The fragments
    # start at 0, 0.5, 1, 2, 4, 8 and 12 s.
    assert [whole_fragments(one.path) for one in result.renditions] == [7, 7]


@pytest.mark.parametrize(
    ("seconds", "starts"),
    [(2.04, [0, 13, 25]), (2.4, [0, 13, 25]), (2.52, [0, 13, 25, 50]), (4.08, [0, 13, 25, 50])],
)
def test_the_last_fragment_is_no_single_frame(seconds: float, starts: list[int]) -> None:
    """hls.js does not see that a last fragment of two frames is loaded."""
    clip = clips.hevc_mp4(seconds=seconds, size="64x64", fps="25")
    index = read_index(result_of(clip).top.path)
    ends = list(itertools.accumulate(fragment.duration for fragment in index.fragments))
    assert [0, *(25 * end for end in ends[:-1])] == starts  # frames
    assert ends[-1] == Fraction(round(seconds * 25), 25)


def whole_fragments(path: Path) -> int:
    return len(read_index(path).fragments)


# -- which encoder


def test_an_encode_says_who_made_it_and_a_copy_has_no_encoder() -> None:
    assert result_of(clips.hevc_mp4()).encoder == EncoderChoice(name="libx264")
    assert result_of(clips.h264_mp4()).encoder is None


def test_a_configured_encoder_that_does_not_work_costs_only_speed(tmp_path: Path) -> None:
    options = Options(encoder="h264_vaapi", vaapi_device="/dev/null")
    result = transcode(clips.hevc_mp4(), tmp_path, options=options)
    assert result.encoder is not None
    assert result.encoder.name == "libx264"
    assert "h264_vaapi" in result.encoder.fallback_reason
    assert result.top.size_bytes > 0


BROKEN = Options(encoder="h264_vaapi", vaapi_device="/dev/null", ladder=(90,))


def as_if_it_worked(options: Options, tick: Tick) -> EncoderChoice:
    return EncoderChoice(name=options.encoder)


def test_an_encoder_that_fails_in_the_middle_is_replaced_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The trial worked, as when the card's sessions are all in use by the time of the video."""
    monkeypatch.setattr(pipeline, "choose_encoder", as_if_it_worked)
    told: list[Plan] = []
    result = transcode(clips.hevc_mp4(), tmp_path, options=BROKEN, on_start=told.append)
    assert told == [result.plan, result.plan]
    assert result.encoder is not None
    assert result.encoder.name == "libx264"
    assert "h264_vaapi" in result.encoder.fallback_reason
    assert "/dev/null" in result.encoder.detail
    assert shapes(result.renditions) == [("180p", 320, 180), ("90p", 160, 90)]


def test_a_tick_that_ends_it_is_no_reason_for_another_encoder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "choose_encoder", as_if_it_worked)
    told: list[Plan] = []

    def tick(_: Progress) -> None:
        if told:
            raise CancelledError

    with pytest.raises(CancelledError):
        transcode(clips.hevc_mp4(), tmp_path, options=BROKEN, tick=tick, on_start=told.append)
    assert len(told) == 1


# -- every output


@pytest.mark.parametrize(
    "make",
    one_in(2, [clips.h264_mp4, clips.phone_h264_mov, clips.all_intra, clips.phone_hevc_mov]),
)
def test_every_fragment_begins_with_its_index(make: Callable[[], Path]) -> None:
    path = result_of(make()).top.path
    assert [box.kind for box in fragmented.boxes(path)] == ["ftyp", "mdat", "moov"]
    kinds = [box.kind for box in fragmented.inner_boxes(path)]
    assert "moof" in kinds
    for n, kind in enumerate(kinds):
        if kind == "moof":
            assert kinds[n - 1] == "sidx"
            assert kinds[n + 1] == "mdat"


@pytest.mark.parametrize("make", [clips.phone_h264_mov, clips.phone_hevc_mov])
def test_where_and_with_what_it_was_filmed_is_gone(make: Callable[[], Path]) -> None:
    clip = make()
    assert clips.LOCATION.encode() in clip.read_bytes()
    result = result_of(clip)
    content = result.top.path.read_bytes()
    for word in (clips.LOCATION, "+48.85", "Apple", "iPhone", "2025", "tmcd", "quicktime"):
        assert word.encode() not in content
    told = ffprobe("-show_streams", "-show_format", str(result.top.path))
    kinds = [stream["codec_type"] for stream in told["streams"]]
    assert kinds == ["video"] + ["audio"] * len(result.plan.sounds)
    assert not {"creation_time", "location", "timecode", "make"} & set(told["format"]["tags"])


def test_what_was_trimmed_away_is_gone() -> None:
    clip = clips.trimmed()
    result = result_of(clip)
    assert result.top.duration_seconds == pytest.approx(1.5, abs=0.1)
    # 45 of the 90 frames that the source still holds.
    assert picture_of(clip).frames == pytest.approx(45, abs=1)


def test_a_trimmed_video_keeps_all_frames_before_its_first_visible_keyframe() -> None:
    result = result_of(clips.trimmed(gop=30, layout=None))
    assert result.plan.duration_seconds == pytest.approx(1.5, abs=0.01)
    assert picture_of(result.top.path).frames == 45


SYNCHRONOUS: dict[str, Callable[[], Path]] = {
    "copied": clips.flash_and_beep,
    "copied from matroska": lambda: clips.flash_and_beep(suffix="mkv"),
    "encoded": lambda: clips.flash_and_beep(("-c:v", "libx265", "-x265-params", "log-level=none")),
    "encoded from avi": lambda: clips.flash_and_beep(
        ("-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "-c:a", "pcm_s16le"), suffix="avi"
    ),
}


@pytest.mark.parametrize("make", one_in(3, SYNCHRONOUS))
def test_sound_stays_with_the_picture(make: Callable[[], Path]) -> None:
    output = result_of(make()).top.path
    flash = first(f"movie={output},signalstats", "lavfi.signalstats.YAVG", above=100)
    beep = first(
        f"amovie={output},astats=metadata=1:reset=1", "lavfi.astats.Overall.Peak_level", above=-20
    )
    assert flash == pytest.approx(1.0, abs=0.1)
    # Sound is looked at in pieces of 1024 samples, which is 23 ms.
    assert beep == pytest.approx(flash, abs=0.045)


def test_sound_that_begins_late_is_silence_until_then() -> None:
    output = result_of(clips.late_sound()).top.path
    key = "lavfi.astats.Overall.Peak_level"
    graph = f"amovie={output},astats=metadata=1:reset=1"
    assert first(graph, key, above=-math.inf) < 0.1
    assert first(graph, key, above=-40) == pytest.approx(1, abs=0.12)


def first(graph: str, key: str, *, above: float) -> float:
    """When a measurement of FFmpeg's first reaches a value."""
    told = ffprobe("-f", "lavfi", "-show_entries", f"frame=pts_time:frame_tags={key}", graph)
    return next(
        float(frame["pts_time"])
        for frame in told["frames"]
        if float(frame.get("tags", {}).get(key, "-inf")) >= above
    )


# -- the right pictures


def test_an_encoded_turn_turns_the_picture() -> None:
    """Black, white and red from left to right; turned right, from top to bottom."""
    clip = clips.with_matrix(clips.patches(), clips.QUARTER_RIGHT)
    luma, _, red = planes(result_of(clip).top.path)
    column = [luma[y * 64 + 32] for y in (16, 48, 80)]
    assert column == pytest.approx([16, 235, 63], abs=3)
    assert red[40 * 32 + 16] == pytest.approx(240, abs=3)


def test_an_encoded_mirror_mirrors_the_picture() -> None:
    clip = clips.with_matrix(clips.patches(), clips.MIRROR)
    colours = patch_colours(result_of(clip).top.path)
    assert [luma for luma, _, _ in colours] == pytest.approx([63, 235, 16], abs=3)


@pytest.mark.parametrize("full_range", one_in(2, [True, False]))
@pytest.mark.parametrize("matrix", ["bt709", "bt470bg"])
def test_range_and_matrix_are_converted(full_range: bool, matrix: str) -> None:
    """ITU-R BT.709: black, white and red are these in limited range, whatever they were before."""
    clip = clips.patches(full_range=full_range, matrix=matrix)
    black, white, red = patch_colours(result_of(clip).top.path)
    assert black == pytest.approx((16, 128, 128), abs=2)
    assert white == pytest.approx((235, 128, 128), abs=2)
    assert red == pytest.approx((63, 102, 240), abs=4)


def test_tagged_full_range_is_copied() -> None:
    clip = clips.patches(full_range=True, matrix="bt470bg", codec="h264")
    assert result_of(clip).plan.copied
    assert picture_of(clip).color_range == "pc"
    assert picture_of(clip).color_matrix == "bt470bg"


@pytest.mark.parametrize(
    ("transfer", "level", "luma"),
    one_in(
        3,
        [
            # SMPTE ST 2084: 0.5806 is 203 cd/m², reference white; 0.357 is 20; 0.7518 is 1000.
            ("pq", 0.0, 16),
            ("pq", 0.357, 100),
            ("pq", 0.5806, 202),
            ("pq", 0.7518, 235),
            # ITU-R BT.2408: 0.75 is reference white, 0.38 an 18 % grey card.
            ("hlg", 0.0, 16),
            ("hlg", 0.38, 109),
            ("hlg", 0.75, 202),
            ("hlg", 1.0, 235),
        ],
    ),
)
def test_high_dynamic_range_is_neither_dull_nor_burnt(
    transfer: str, level: float, luma: int
) -> None:
    output = result_of(clips.grey_hdr(level, transfer)).top.path
    assert [middle(plane) for plane in planes(output)] == pytest.approx([luma, 128, 128], abs=3)


def test_fields_are_shown_in_their_order() -> None:
    for bottom_first in (False, True):
        clip = clips.interlaced(bottom_first=bottom_first)
        raw = ffmpeg(
            *("-i", str(result_of(clip).top.path), "-vf", "scale=352:1:flags=area"),
            *("-f", "rawvideo", "-pix_fmt", "gray", "-"),
        )
        rows = [raw[start : start + 352] for start in range(0, len(raw), 352)]
        places = [sum(x * v for x, v in enumerate(row)) / sum(row) for row in rows]
        # The wrong order would go two steps forward and one back.
        steps = [after - before for before, after in itertools.pairwise(places[2:-2])]
        assert len(steps) > 80
        assert min(steps) > -0.5


# -- thumbnails


def thumbnail_of(clip: Path) -> Image.Image:
    top = result_of(clip).top
    thumbnail = top.path.with_name("thumbnail.jpg")
    size = (top.width, top.height)
    assert make_thumbnail(
        top.path, thumbnail, size=size, seconds=top.duration_seconds, options=OPTIONS
    )
    with Image.open(thumbnail) as image:
        image.load()
        assert image.format == "JPEG"
        assert not image.getexif()
        return image.convert("RGB")


def brightness(image: Image.Image) -> int:
    """Of the brightest pixel, 0 to 255."""
    return max(image.convert("L").tobytes())


@pytest.mark.parametrize(
    ("make", "size"),
    one_in(
        2,
        [
            (clips.h264_mp4, (320, 180)),
            (clips.phone_h264_mov, (180, 320)),
            (clips.phone_hevc_mov, (180, 320)),
            (clips.anamorphic, (240, 144)),
            (lambda: clips.h264_mp4(seconds=0.2), (320, 180)),
            (lambda: clips.h264_mp4(seconds=0.5, size="1920x1080"), (1280, 720)),
        ],
    ),
)
def test_a_thumbnail_has_the_shape_that_is_shown(
    make: Callable[[], Path], size: tuple[int, int]
) -> None:
    image = thumbnail_of(make())
    assert image.size == size
    assert brightness(image) > 150


@pytest.mark.parametrize(
    "make", [clips.black_start, lambda: clips.black_from(0.5), lambda: clips.black_from(1.5)]
)
def test_a_thumbnail_is_not_black_if_another_frame_is_not(make: Callable[[], Path]) -> None:
    assert brightness(thumbnail_of(make())) > 150


@pytest.mark.parametrize("at", [0.0, 0.7])
def test_a_chosen_moment_may_be_black(at: float, tmp_path: Path) -> None:
    clip = clips.black_start()
    assert brightness(chosen(clip, at, tmp_path)) < 30


def test_a_chosen_moment_is_the_one_that_is_shown(tmp_path: Path) -> None:
    clip = clips.flash_and_beep()
    assert brightness(chosen(clip, 0.9, tmp_path)) < 30
    assert brightness(chosen(clip, 1.1, tmp_path)) > 200


@pytest.mark.parametrize("at", one_in(2, [-5.0, 1.999, 2.0, 99.0, math.inf, math.nan]))
def test_a_moment_outside_gives_a_picture_all_the_same(at: float, tmp_path: Path) -> None:
    image = chosen(clips.flash_and_beep(), at, tmp_path)
    if at > 1:
        assert brightness(image) > 200


def chosen(clip: Path, at: float, folder: Path) -> Image.Image:
    top, thumbnail = result_of(clip).top, folder / "chosen.jpg"
    video = picture_of(clip)
    assert make_thumbnail(
        top.path,
        thumbnail,
        size=(top.width, top.height),
        seconds=top.duration_seconds,
        options=OPTIONS,
        at=frame_near(at, video),
    )
    with Image.open(thumbnail) as image:
        image.load()
        return image.convert("RGB")


def test_a_black_video_has_a_black_thumbnail() -> None:
    assert brightness(thumbnail_of(clips.all_black())) < 30


def test_a_thumbnail_has_the_right_colours() -> None:
    image = thumbnail_of(clips.patches(full_range=True, matrix="bt470bg", codec="h264"))
    pixels = [image.getpixel((x, 32)) for x in (16, 48, 80)]
    expected = [(0, 0, 0), (255, 255, 255), (255, 0, 0)]
    for pixel, colour in zip(pixels, expected, strict=True):
        assert pixel == pytest.approx(colour, abs=8)


# -- refusals and failures


REFUSED: dict[str, Callable[[], Path]] = {
    "playlist": clips.text_as_mp4,
    "ffconcat": lambda: clips.text_as_mp4("ffconcat"),
    "music": clips.audio_only,
    "music with a cover": lambda: clips.audio_only(with_cover=True),
    "mp4 without its index": lambda: clips.truncated(clips.h264_mp4()),
    "mp4 without its end": lambda: clips.truncated(clips.h264_mp4(faststart=True)),
    "mkv without its end": lambda: clips.truncated(clips.two_sounds()),
    "avi without its end": lambda: clips.truncated(clips.with_codec("avi", "mjpeg", "pcm_s16le")),
    "huge picture": clips.huge_picture,
    "picture": clips.cover,
}


# test_probe, test_refusals and test_processing refuse the other kinds in each run.
@pytest.mark.parametrize("make", one_in(2, REFUSED))
def test_bad_content_is_refused_and_leaves_nothing(
    make: Callable[[], Path], tmp_path: Path
) -> None:
    with pytest.raises(SourceError) as caught:
        transcode(make(), tmp_path / "work", options=OPTIONS)
    assert list((tmp_path / "work").iterdir()) == []
    assert "/" not in caught.value.sentence
    assert caught.value.sentence.endswith(".")


def test_pictures_that_cannot_be_decoded_are_not_published(tmp_path: Path) -> None:
    """The structure is whole, but most of the pictures are noise."""
    clip = bytearray(clips.hevc_mp4(seconds=4).read_bytes())
    start = clip.index(b"mdat") + 4000
    length = (len(clip) - start) * 3 // 4
    clip[start : start + length] = bytes(n * 7 % 256 for n in range(length))
    (tmp_path / "clip.mp4").write_bytes(clip)
    with pytest.raises(TranscodeError):
        transcode(tmp_path / "clip.mp4", tmp_path / "work", options=OPTIONS)


def test_it_ends_in_time(tmp_path: Path) -> None:
    options = Options(wall_clock_floor_seconds=0.3, wall_clock_factor=0, preset="placebo")
    with pytest.raises(OutOfTimeError):
        transcode(clips.hevc_mp4(seconds=9, size="160x90"), tmp_path, options=options)


def test_a_tick_can_cancel_it(tmp_path: Path) -> None:
    ticks: list[Progress] = []

    def tick(progress: Progress) -> None:
        ticks.append(progress)
        if len(ticks) == 3:
            raise CancelledError

    with pytest.raises(CancelledError):
        transcode(clips.hevc_mp4(), tmp_path, options=OPTIONS, tick=tick)


def test_a_second_attempt_replaces_the_first_whatever_members_may_send(tmp_path: Path) -> None:
    """What is made is probed as well, and is no mkv."""
    work = tmp_path / "work"
    work.mkdir()
    (work / "source.mp4").write_bytes(b"left over")
    result = transcode(clips.two_sounds(), work, options=Options(accepted=("mkv",)))
    assert result.top.path == work / "source.mp4"
    assert [one.name for one in work.iterdir()] == ["source.mp4"]
    assert probe(result.top.path, options=OPTIONS).video is not None


def test_a_missing_ffmpeg_is_our_fault(tmp_path: Path) -> None:
    with pytest.raises(ProcessingError):
        transcode(clips.h264_mp4(), tmp_path, options=Options(ffmpeg="/nowhere/ffmpeg"))
