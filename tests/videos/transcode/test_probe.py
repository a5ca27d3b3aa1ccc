"""What ffprobe says of real clips, read into MediaInfo; and what is not let in."""

from __future__ import annotations

import functools
import re
import subprocess
import sys
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest

from tests import clips
from tests.examples import one_in
from videos.transcode.errors import CancelledError, ProcessingError, SourceError
from videos.transcode.formats import extension_by_contents
from videos.transcode.media import AudioStream, MediaInfo, VideoStream
from videos.transcode.probe import probe
from videos.transcode.types import Options, Progress

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.ffmpeg

OPTIONS = Options()


@functools.cache
def info_of(path: Path) -> MediaInfo:
    """Each file is probed once, however many tests look at what was found."""
    return probe(path, options=OPTIONS)


def video_of(path: Path) -> VideoStream:
    video = info_of(path).video
    assert video is not None
    return video


def audio_of(path: Path) -> AudioStream:
    audio = info_of(path).audio
    assert audio is not None
    return audio


@functools.cache
def refusal_of(path: Path) -> SourceError:
    with pytest.raises(SourceError) as caught:
        info_of(path)
    return caught.value


def test_a_plain_clip() -> None:
    info = info_of(clips.h264_mp4())
    assert info.container == "mov,mp4,m4a,3gp,3g2,mj2"
    assert info.duration_seconds == pytest.approx(2, abs=0.05)
    assert info.size_bytes == clips.h264_mp4().stat().st_size
    assert info.whole
    video, audio = info.video, info.audio
    assert video is not None
    assert (video.codec, video.profile, video.pix_fmt) == ("h264", "Main", "yuv420p")
    assert (video.width, video.height, video.bit_depth) == (320, 180, 8)
    assert video.fps == 30
    assert not video.vfr
    assert video.frames == 60
    assert video.keyframe_spacing == pytest.approx(2)
    assert not video.interlaced
    assert video.bitrate > 0
    assert audio is not None
    assert (audio.codec, audio.profile, audio.channels) == ("aac", "LC", 2)
    assert (audio.sample_rate, audio.layout) == (44_100, "stereo")


@pytest.mark.parametrize(
    "turn",
    one_in(
        2,
        {
            "left": (clips.QUARTER_LEFT, 270, (180, 320), True),
            "right": (clips.QUARTER_RIGHT, 90, (180, 320), True),
            "mirrored": (clips.MIRROR, 180, (320, 180), False),
            "upside down": (clips.HALF_TURN, 180, (320, 180), True),
            "askew": ((1, 1, -1, 1), 0, (320, 180), False),
        },
    ),
)
def test_the_display_matrix(
    turn: tuple[tuple[int, int, int, int], int, tuple[int, int], bool],
) -> None:
    matrix, rotation, size, plain = turn
    video = video_of(clips.with_matrix(clips.h264_mp4(), matrix))
    assert (video.coded_width, video.coded_height) == (320, 180)
    assert (video.width, video.height) == size
    assert (video.rotation, video.plain_turn) == (rotation, plain)


def test_wide_pixels_are_counted_as_shown() -> None:
    video = video_of(clips.anamorphic())
    assert video.sar == Fraction(4, 3)
    assert (video.coded_width, video.width, video.height) == (180, 240, 144)


def test_ten_bits_and_high_dynamic_range() -> None:
    video = video_of(clips.phone_hevc_mov())
    assert (video.codec, video.bit_depth, video.hdr) == ("hevc", 10, "hlg")
    assert (video.color_primaries, video.color_matrix) == ("bt2020", "bt2020nc")
    assert video_of(clips.grey_hdr(0.5, "pq")).hdr == "pq"
    assert video_of(clips.hevc_mp4()).hdr == ""


@pytest.mark.parametrize("bottom_first", [False, True])
def test_fields_and_which_comes_first(bottom_first: bool) -> None:
    video = video_of(clips.interlaced(bottom_first=bottom_first))
    assert video.interlaced
    assert video.field_order == ("bff" if bottom_first else "tff")
    assert video.fps == 25


def test_full_range() -> None:
    assert video_of(clips.patches(full_range=True)).color_range == "pc"
    assert video_of(clips.patches(full_range=True, codec="h264")).color_range == "pc"
    assert video_of(clips.patches()).color_range == "tv"


def test_left_out_frames() -> None:
    video = video_of(clips.vfr_mp4())
    assert video.vfr
    assert video.fps == 30
    assert video.average_fps == pytest.approx(24, abs=1)


@pytest.mark.parametrize(
    "fps", one_in(3, ["24000/1001", "30000/1001", "25", "60000/1001", "50", "120"])
)
def test_the_rate_is_exact(fps: str) -> None:
    assert video_of(clips.h264_mp4(fps=fps, seconds=1, layout=None)).fps == Fraction(fps)


def test_a_trimmed_clip_hides_frames() -> None:
    assert video_of(clips.trimmed()).has_cutting_edit_list
    assert not video_of(clips.h264_mp4()).has_cutting_edit_list


def test_a_keyframe_at_the_start_alone() -> None:
    assert video_of(clips.open_end_mp4()).keyframe_spacing == pytest.approx(8, abs=0.1)


def test_a_cover_in_front_is_not_the_picture() -> None:
    video = video_of(clips.cover_first())
    assert (video.index, video.codec, video.width) == (1, "h264", 320)


def test_a_cover_behind_is_not_the_picture() -> None:
    video = video_of(clips.with_cover())
    assert (video.codec, video.width) == ("h264", 320)


@pytest.mark.parametrize("with_cover", [False, True])
def test_music_has_no_picture(with_cover: bool) -> None:
    info = info_of(clips.audio_only(with_cover=with_cover))
    assert info.video is None
    assert info.audio is not None


def test_no_sound() -> None:
    assert info_of(clips.h264_mp4(layout=None)).audio is None


def test_the_default_sound_is_taken() -> None:
    audio = audio_of(clips.two_sounds())
    assert (audio.index, audio.channels) == (2, 1)


def test_sound_that_begins_late() -> None:
    timeline = info_of(clips.late_sound()).timeline
    [timed] = timeline.sounds
    assert timed.span is not None
    assert timed.span.start - timeline.start == pytest.approx(1, abs=0.05)
    assert timed.need == "fill"


def test_sound_that_is_described_in_each_packet() -> None:
    options = Options(accepted=("ts",))
    audio = probe(clips.started_at(clips.h264_mp4(), 0, "ts"), options=options).audio
    assert audio is not None
    assert not audio.described
    assert audio_of(clips.h264_mp4()).described
    assert audio_of(clips.two_sounds()).described


def test_surround() -> None:
    assert audio_of(clips.h264_mp4(layout="5.1")).channels == 6


def test_a_clip_of_a_fifth_of_a_second() -> None:
    info = info_of(clips.h264_mp4(seconds=0.2))
    assert info.duration_seconds == pytest.approx(0.2, abs=0.03)


@pytest.mark.parametrize(
    ("suffix", "codec", "sound"),
    one_in(
        3,
        [
            ("avi", "mjpeg", "pcm_s16le"),
            ("avi", "mpeg4", "libmp3lame"),
            ("mov", "prores_ks", "pcm_s24le"),
            ("mkv", "ffv1", "flac"),
            ("mkv", "libx264", "ac3"),
            ("webm", "libvpx", "libvorbis"),
            ("mov", "dnxhd", "alac"),
        ],
    ),
)
def test_common_codecs_are_let_in(suffix: str, codec: str, sound: str) -> None:
    more = {
        "libvpx": ("-deadline", "realtime"),
        "dnxhd": ("-profile:v", "dnxhr_lb", "-pix_fmt", "yuv422p"),
    }
    info = info_of(clips.with_codec(suffix, codec, sound, *more.get(codec, ())))
    assert info.video is not None
    assert info.audio is not None
    assert info.video.frames == 60


def test_without_timestamps_it_says_so() -> None:
    assert not video_of(clips.with_codec("avi", "libx264")).complete_timestamps


@pytest.mark.parametrize("suffix", ["mkv", "ts", "mp4"])
@pytest.mark.parametrize("layout", one_in(2, ["stereo", None]))
def test_a_first_timestamp_that_is_not_nought_makes_it_no_longer(
    suffix: str, layout: str | None
) -> None:
    clip = clips.started_at(clips.h264_mp4(layout=layout), 60, suffix)
    info = probe(clip, options=Options(accepted=("mkv", "mp4", "ts")))
    assert info.duration_seconds == pytest.approx(2, abs=0.08)
    timeline = info.timeline
    for timed in timeline.sounds:
        assert timed.span is not None
        assert timed.span.start == pytest.approx(timeline.start, abs=0.05)


def test_the_sound_counts_where_no_header_tells_its_length() -> None:
    clip = clips.make("mkv", *clips.picture(1), *clips.tone(3), *clips.x264(), "-c:a", "aac")
    assert info_of(clip).duration_seconds == pytest.approx(3, abs=0.08)
    clip = clips.make(
        "mkv", *clips.picture(1), *clips.tone(3), *clips.x264(), "-c:a", "aac", "-live", "1"
    )
    assert info_of(clip).duration_seconds == pytest.approx(3, abs=0.08)


def test_subtitles_that_are_text() -> None:
    clip = clips.with_subtitles("mkv", "ass", "ger", "", forced=1)
    german, forced = info_of(clip).subtitles
    assert (german.index, german.codec, german.language, german.title) == (1, "ass", "de", "")
    assert (forced.index, forced.language, forced.forced) == (2, "und", True)
    assert not german.forced
    assert not german.default
    assert info_of(clips.h264_mp4()).subtitles == ()


def test_a_subtitle_track_has_a_name_on_one_line() -> None:
    clip = clips.with_texts(
        "mkv",
        clips.SUBTITLES,
        options=("-metadata:s:s:0", "title= Director's \x1b[1m\n\u2028 <notes>  " + "x" * 300),
    )
    [track] = info_of(clip).subtitles
    assert track.title.startswith("Director's [1m <notes> xxx")
    assert len(track.title) == 100


# -- what is not let in


@pytest.mark.parametrize("kind", clips.TEXTS)
def test_text_that_is_called_a_video_is_refused(kind: str) -> None:
    assert "isn't a video" in refusal_of(clips.text_as_mp4(kind)).sentence


def test_a_playlist_in_an_avi_is_not_followed(tmp_path: Path) -> None:
    """GAB2: an AVI whose subtitle track is another file, here a playlist that names a third."""
    clip = bytearray(clips.with_codec("avi", "mjpeg", "pcm_s16le").read_bytes())
    kind = clip.index(b"auds")
    clip[kind : kind + 4] = b"txts"
    chunk = clip.index(b"01wb") + 8
    playlist = clips.text_as_mp4("m3u8").read_bytes()
    head = b"GAB2\0\2\0" + (2).to_bytes(4, "little") + b"a\0" + b"\4\0"
    bait = head + len(playlist).to_bytes(4, "little") + playlist
    clip[chunk : chunk + len(bait)] = bait
    path = tmp_path / "clip.avi"
    path.write_bytes(clip)
    info = info_of(path)
    assert info.video is not None
    assert info.video.codec == "mjpeg"
    assert info.audio is None


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.touch()
    assert "empty" in refusal_of(path).sentence


def test_noise_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(bytes(range(256)) * 100)
    assert "isn't a video" in refusal_of(path).sentence


def test_an_mp4_that_lost_its_index_is_refused_as_incomplete() -> None:
    assert "incomplete" in refusal_of(clips.truncated(clips.h264_mp4())).sentence


def test_an_mp4_that_lost_its_end_is_not_whole() -> None:
    assert not info_of(clips.truncated(clips.h264_mp4(faststart=True))).whole


def test_a_track_that_falls_short_of_its_header_is_not_whole(tmp_path: Path) -> None:
    """The structure is whole, but the last half of it is not what it says."""
    clip = bytearray(clips.h264_mp4(seconds=4, faststart=True).read_bytes())
    box = clip.index(b"mdat") - 4
    short = clip[: len(clip) // 2]
    short[box : box + 4] = (len(short) - box).to_bytes(4, "big")
    path = tmp_path / "clip.mp4"
    path.write_bytes(short)
    assert not info_of(path).whole


def test_a_picture_that_would_take_all_memory_is_refused() -> None:
    assert "too high" in refusal_of(clips.huge_picture()).sentence


def test_too_many_tracks_are_refused() -> None:
    with pytest.raises(SourceError, match="too many tracks"):
        probe(clips.phone_hevc_mov(), options=Options(max_streams=2))


def test_a_codec_that_is_not_on_the_list_is_named() -> None:
    clip = clips.make("avi", *clips.picture(0.2, "64x64"), "-c:v", "zmbv")
    assert "“zmbv”" in refusal_of(clip).sentence


def test_a_container_that_is_not_accepted_is_refused() -> None:
    with pytest.raises(SourceError, match=re.escape("(mp4, mov)")):
        probe(clips.two_sounds(), options=Options(accepted=("mp4", "mov")))


def test_a_wrong_extension_among_accepted_ones_is_forgiven(tmp_path: Path) -> None:
    path = tmp_path / "clip.avi"
    path.write_bytes(clips.h264_mp4().read_bytes())
    assert info_of(path).video is not None


@pytest.mark.parametrize(
    "name", one_in(3, ["video", "clip.3gp", "clip.qt", "clip.mkv", "clip.m4v"])
)
def test_contents_count_and_not_the_name(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(clips.h264_mp4().read_bytes())
    video = probe(path, options=Options()).video
    assert video is not None
    assert video.codec == "h264"


def test_another_container_by_an_accepted_name_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(clips.make("ts", *clips.picture(1), *clips.x264()).read_bytes())
    with pytest.raises(SourceError, match="This isn't a video file in a supported format"):
        probe(path, options=Options())


@pytest.mark.parametrize(
    ("make", "extension"),
    [
        (clips.h264_mp4, "mp4"),
        (lambda: clips.h264_mp4(suffix="mov"), "mov"),
        (lambda: clips.h264_mp4(suffix="mkv"), "mkv"),
        (lambda: clips.h264_mp4(suffix="avi"), "avi"),
        (lambda: clips.make("webm", *clips.picture(0.2), "-c:v", "libvpx"), "webm"),
        (lambda: clips.make("ts", *clips.picture(1), *clips.x264()), "bin"),
    ],
)
def test_the_extension_of_a_file_without_one(make: Callable[[], Path], extension: str) -> None:
    assert extension_by_contents(make().read_bytes()[:64]) == extension


def test_names_are_only_names(tmp_path: Path) -> None:
    for name in ("-i.mp4", "http:x.mp4", "concat:a|b.mp4", "a'b %d \n.mp4"):
        path = tmp_path / name
        path.write_bytes(clips.h264_mp4().read_bytes())
        assert info_of(path).video is not None


def test_no_sentence_holds_a_path() -> None:
    refused = [
        refusal_of(path)
        for path in (clips.text_as_mp4(), clips.truncated(clips.h264_mp4()), clips.huge_picture())
    ]
    assert not [one.sentence for one in refused if str(clips.folder()) in one.sentence]


# -- our side


def test_a_missing_ffprobe_is_our_fault() -> None:
    with pytest.raises(ProcessingError) as caught:
        probe(clips.h264_mp4(), options=Options(ffmpeg="/nowhere/ffmpeg"))
    assert "/nowhere" not in caught.value.sentence
    assert "/nowhere/ffprobe" in caught.value.detail


def test_a_tick_can_end_it() -> None:
    def tick(_: Progress) -> None:
        raise CancelledError

    with pytest.raises(CancelledError):
        probe(clips.h264_mp4(), options=OPTIONS, tick=tick)


def test_the_package_is_free_of_django() -> None:
    code = (
        "import sys, videos.transcode.pipeline, videos.transcode.capabilities;"
        "sys.exit(any(name.partition('.')[0] == 'django' for name in sys.modules))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
