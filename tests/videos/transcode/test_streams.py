"""Which tracks are chosen from ffprobe's output, and what is read from it."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from tests.videos.transcode import built
from videos.transcode.frames import FrameFacts
from videos.transcode.matroska import NOT_CROPPED, CroppedTrack
from videos.transcode.media import Crop, VideoStream
from videos.transcode.sample_entries import SampleDescriptions
from videos.transcode.streams import (
    MAX_SUBTITLES,
    all_sounds,
    channel_mix,
    choose_video,
    number,
    read_audio,
    read_subtitles,
    read_video,
    sound_tracks,
    whole_number,
)
from videos.transcode.timing import PacketReader

H264: dict[str, Any] = {
    "index": 0,
    "codec_type": "video",
    "codec_name": "h264",
    "codec_tag_string": "avc1",
    "profile": "High",
    "pix_fmt": "yuv420p",
    "width": 320,
    "height": 180,
    "r_frame_rate": "25/1",
    "bit_rate": "1000",
    "disposition": {"default": 1},
}
AAC: dict[str, Any] = {
    "index": 1,
    "codec_type": "audio",
    "codec_name": "aac",
    "profile": "LC",
    "sample_rate": "48000",
    "channels": 2,
    "channel_layout": "stereo",
    "bit_rate": "N/A",
    "extradata_size": 5,
}


def video_of(*more: Any, frames: FrameFacts | None = None, **changes: Any) -> VideoStream:
    reader = PacketReader()
    for n in range(10):
        reader.feed(f"{n * 0.04:.6f},{n * 0.04:.6f},0.040000,{'K_' if n == 0 else '__'}\n".encode())
    crop: CroppedTrack = more[0] if more else NOT_CROPPED
    facts = frames or FrameFacts()
    descriptions = changes.pop("descriptions", None)
    return read_video(
        {**H264, **changes}, reader.timing(), facts, descriptions=descriptions, cropping=crop
    )


# -- choosing


@pytest.mark.parametrize(
    ("streams", "index"),
    [
        ([H264, AAC], 0),
        ([AAC], None),
        ([], None),
        # The default one counts, then the pixels, then the order.
        ([{**H264, "disposition": {}}, {**H264, "index": 1}], 1),
        ([H264, {**H264, "index": 1, "width": 640}], 1),
        ([H264, {**H264, "index": 1}], 0),
        # Covers and stills.
        ([{**H264, "disposition": {"attached_pic": 1}}], None),
        ([{**H264, "disposition": {"timed_thumbnails": 1}}], None),
        ([{**H264, "disposition": {"still_image": 1}}], None),
        ([{**H264, "codec_name": "mjpeg", "nb_frames": "1"}], None),
        ([{**H264, "codec_name": "png", "r_frame_rate": "90000/1"}], None),
        ([{**H264, "codec_name": "mjpeg", "width": 4000}, {**H264, "index": 1}], 1),
        ([{**H264, "codec_name": "mjpeg"}], 0),
        # FFmpeg cannot decode the first.
        ([{**H264, "pix_fmt": "unknown"}, {**H264, "index": 1, "disposition": {}}], 1),
    ],
)
def test_the_picture_that_moves_is_chosen(streams: list[Any], index: int | None) -> None:
    chosen = choose_video(streams)
    assert (chosen and chosen["index"]) == index


def test_sound_tracks_of_known_codecs_the_default_one_first() -> None:
    default = {**AAC, "index": 4, "disposition": {"default": 1}}
    unknown = {**AAC, "index": 2, "codec_name": "unknown"}
    silent = {**AAC, "index": 3, "sample_rate": "0"}
    streams = [H264, AAC, unknown, silent, default]
    assert [one["index"] for one in sound_tracks(streams)] == [4, 1]
    assert [one["index"] for one in all_sounds(streams)] == [4, 1, 2, 3]


@pytest.mark.parametrize(
    ("channels", "layout", "mix"),
    [
        (2, "stereo", ""),
        (8, "7.1", ""),
        (16, "", "pan=stereo|c0=c0|c1=c1"),
        (4, "ambisonic 1", "pan=mono|c0=c0"),
    ],
)
def test_channels_that_cannot_be_mixed_down(channels: int, layout: str, mix: str) -> None:
    assert channel_mix(channels, layout) == mix


# -- reading


def test_a_plain_picture() -> None:
    video = video_of()
    assert (video.codec, video.tag, video.profile) == ("h264", "avc1", "High")
    assert (video.width, video.height) == (video.coded_width, video.coded_height) == (320, 180)
    assert (video.rotation, video.plain_turn, video.crop) == (0, True, None)
    assert (video.fps, video.sar) == (Fraction(25), Fraction(1))
    assert (video.frames, video.bitrate) == (10, 1000)
    assert (video.bit_depth, video.hdr, video.color_range) == (8, "", "")
    assert video.field_order == "progressive"
    wrong = (video.size_changes, video.is_damaged, video.is_protected, video.parameters_change)
    assert not any((*wrong, video.dolby_profile_5, video.vfr))


def turned(angle: int, rows: tuple[str, str, str]) -> list[dict[str, Any]]:
    matrix = "".join(f"\n{n:08}: {row}" for n, row in enumerate(rows))
    return [{"displaymatrix": matrix + "\n", "rotation": angle}]


ONE = 65536


@pytest.mark.parametrize(
    ("side_data", "rotation", "is_plain", "size"),
    [
        (turned(-90, (f"0 {ONE} 0", f"-{ONE} 0 0", "0 0 1")), 90, True, (180, 320)),
        (turned(90, (f"0 -{ONE} 0", f"{ONE} 0 0", "0 0 1")), 270, True, (180, 320)),
        (turned(180, (f"-{ONE} 0 0", f"0 -{ONE} 0", "0 0 1")), 180, True, (320, 180)),
        (turned(0, (f"-{ONE} 0 0", f"0 {ONE} 0", "0 0 1")), 0, False, (320, 180)),
        (turned(-45, (f"{ONE} {ONE} 0", f"-{ONE} {ONE} 0", "0 0 1")), 0, False, (320, 180)),
        ([{"side_data_type": "other"}], 0, True, (320, 180)),
    ],
)
def test_the_display_matrix(
    side_data: list[Any], rotation: int, *, is_plain: bool, size: tuple[int, int]
) -> None:
    video = video_of(side_data_list=side_data)
    assert (video.rotation, video.plain_turn) == (rotation, is_plain)
    assert (video.width, video.height) == size


@pytest.mark.parametrize(
    ("stated", "sar"),
    [("4:3", Fraction(4, 3)), ("0:1", 1), ("1:100", 1), ("N/A", 1), ("5:0", 1), ("1:1", 1)],
)
def test_the_shape_of_pixels(stated: str, sar: Fraction) -> None:
    assert video_of(sample_aspect_ratio=stated).sar == sar


@pytest.mark.parametrize(
    ("pix_fmt", "depth"),
    [
        ("yuv420p", 8),
        ("yuv420p10le", 10),
        ("yuv422p12be", 12),
        ("p010le", 10),
        ("gray16le", 16),
        ("yuvj420p", 8),
        ("nv12", 8),
        ("unknown", 8),
    ],
)
def test_the_depth_of_pixels(pix_fmt: str, depth: int) -> None:
    assert video_of(pix_fmt=pix_fmt).bit_depth == depth


def test_colours() -> None:
    video = video_of(
        color_transfer="smpte2084",
        color_range="reserved",
        color_space="bt2020nc",
        color_primaries="bt2020",
        side_data_list=[{"dv_profile": 5}],
    )
    assert (video.hdr, video.color_transfer, video.color_range) == ("pq", "smpte2084", "")
    assert (video.color_matrix, video.color_primaries) == ("bt2020nc", "bt2020")
    assert video.dolby_profile_5
    assert video_of(color_transfer="arib-std-b67").hdr == "hlg"
    assert video_of(pix_fmt="yuvj420p", color_range="tv").color_range == "pc"


@pytest.mark.parametrize(
    ("codec", "stated", "frames", "order"),
    [
        ("h264", "tt", None, "tff"),
        ("h264", "bt", None, "bff"),
        ("h264", "tt", "progressive", "progressive"),
        ("h264", "progressive", "bff", "bff"),
        ("rawvideo", "tb", "progressive", "tff"),
        ("rawvideo", "unknown", "progressive", "progressive"),
    ],
)
def test_the_order_of_fields(codec: str, stated: str, frames: Any, order: str) -> None:
    facts = FrameFacts(count=3, field_order=frames)
    assert video_of(codec_name=codec, field_order=stated, frames=facts).field_order == order


def test_what_only_frames_show() -> None:
    facts = FrameFacts(count=4, sizes=((640, 360), (320, 180)), are_damaged=True)
    video = video_of(frames=facts)
    assert video.size_changes
    assert video.is_damaged
    assert (video.coded_width, video.coded_height) == (640, 360)


def test_what_matroska_crops() -> None:
    crop = CroppedTrack(Crop(0, 22, 320, 136), Fraction(1), (320, 180))
    video = video_of(crop)
    assert video.crop == Crop(0, 22, 320, 136)
    assert (video.width, video.height) == (320, 136)


def test_encrypted_tracks_and_several_descriptions() -> None:
    entries = ((b"encv", b""), (b"avc1", built.avc_record()))
    video = video_of(descriptions=SampleDescriptions(entries))
    assert video.is_protected
    assert video.parameters_change
    assert video_of(tags={"ENC_KEY_ID": "abc"}).is_protected


def test_a_sound_track() -> None:
    audio = read_audio(AAC, packets=47)
    assert (audio.codec, audio.profile, audio.layout) == ("aac", "LC", "stereo")
    assert (audio.channels, audio.sample_rate, audio.bitrate) == (2, 48_000, 0)
    assert (audio.packets, audio.described, audio.is_protected) == (47, True, False)
    assert not read_audio({**AAC, "extradata_size": 0}, packets=1).described


def test_subtitles_that_are_text() -> None:
    text = {"index": 2, "codec_type": "subtitle", "codec_name": "subrip"}
    tags = {"language": "ger", "title": " Für\nalle\x07 " + "x" * 200}
    named = {**text, "index": 3, "tags": tags, "disposition": {"forced": 1, "default": 1}}
    found = read_subtitles([AAC, text, {**text, "codec_name": "hdmv_pgs_subtitle"}, named])
    assert [one.index for one in found] == [2, 3]
    assert (found[1].language, found[1].forced, found[1].default) == ("de", True, True)
    assert found[1].title.startswith("Für alle x")
    assert len(found[1].title) == 100
    assert (found[0].language, found[0].title, found[0].forced) == ("und", "", False)
    assert len(read_subtitles([text] * 50)) == MAX_SUBTITLES


def test_numbers_that_ffprobe_does_not_know() -> None:
    assert (number("1.5"), number("N/A"), number(None)) == (1.5, 0, 0)
    assert (whole_number("12"), whole_number("1.5"), whole_number(None)) == (12, 0, 0)
