"""What frames, NAL units and sample descriptions show that headers don't say, with real files."""

from __future__ import annotations

import itertools
import subprocess
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests import clips
from tests.examples import one_in
from tests.videos.transcode import odd_pictures as odd
from videos.transcode.errors import SourceError
from videos.transcode.fragments import read_index
from videos.transcode.frames import FrameFacts, parse_frames, read_intervals
from videos.transcode.nal import NO_PARAMETERS, NOT_IDR, OTHER_PARAMETERS, reason_against_copy
from videos.transcode.pipeline import transcode
from videos.transcode.plan import reasons_to_encode
from videos.transcode.probe import probe
from videos.transcode.timeline import Span
from videos.transcode.types import Options

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from videos.transcode.results import TranscodeResult

OPTIONS = Options(ladder=(), preset="ultrafast")
INTERLACED = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-x264-params")
PRORES = ("-c:v", "prores_ks", "-pix_fmt", "yuv422p10le")


def made(source: Path, folder: Path) -> TranscodeResult:
    return transcode(source, folder / "work", options=OPTIONS)


def frames_of(video: Path, size: str) -> list[bytes]:
    """The frames of a video in gray, in this size."""
    width, height = map(int, size.split("x"))
    raw = subprocess.run(
        [
            *("ffmpeg", "-v", "error", "-i", str(video), "-vf", f"scale={size},format=gray"),
            *("-vsync", "passthrough", "-f", "rawvideo", "-"),
        ],
        check=True,
        capture_output=True,
    ).stdout
    return [raw[at : at + width * height] for at in range(0, len(raw), width * height)]


# -- pure


@pytest.mark.parametrize(
    ("span", "intervals"),
    [
        (Span(0.0, 0.5), "%+#3"),
        (Span(0.0, 3.04), "%+#3,3.040%+#3"),
        (Span(100.0, 160.0), "%+#3,130.000%+#3,160.000%+#3"),
        (None, "%+#3"),
    ],
)
def test_where_frames_are_read(span: Span | None, intervals: str) -> None:
    assert read_intervals(span) == intervals


def frame(width: int = 320, interlaced: int = 0, top: int = 0) -> str:
    return (
        f"frame|width={width}|height=180|interlaced_frame={interlaced}|top_field_first={top}"
        "|side_data|\n\n"
    )


@pytest.mark.parametrize(
    ("output", "messages", "facts"),
    [
        ("", "", FrameFacts()),
        ("side_data|\n", "", FrameFacts()),
        (frame(), "", FrameFacts(count=1, field_order="progressive", sizes=((320, 180),))),
        (
            frame() + frame(640, 1, 1) + frame(640, 1, 0) + frame(160, 1, 1),
            "[aac @ 0x5] channel element 2.5 is not allocated",
            FrameFacts(count=4, field_order="tff", sizes=((640, 180), (320, 180), (160, 180))),
        ),
        (
            frame(interlaced=1),
            "[h264 @ 0x5] error while decoding MB 5 0, bytestream 27",
            FrameFacts(count=1, field_order="bff", sizes=((320, 180),), are_damaged=True),
        ),
        (
            frame(),
            "[h264 @ 0x5] SEI type 117 size 1752 truncated at 1000",
            FrameFacts(count=1, field_order="progressive", sizes=((320, 180),)),
        ),
    ],
)
def test_facts_of_frames(output: str, messages: str, facts: FrameFacts) -> None:
    assert parse_frames(output, messages) == facts


# -- fields


FIELDS: dict[str, Callable[[], Path]] = {
    "mbaff in mkv": lambda: odd.moving_bar("mkv", *INTERLACED, "tff=1"),
    "prores in mov": lambda: odd.moving_bar("mov", *PRORES),
    "mbaff in mp4": lambda: odd.moving_bar("mp4", *INTERLACED, "tff=1"),
    "mbaff in mov": lambda: odd.moving_bar("mov", *INTERLACED, "tff=1"),
    "mbaff without pic_struct": lambda: odd.moving_bar("mp4", *INTERLACED, "tff=1:pic-struct=0"),
    "mbaff, bottom first": lambda: odd.moving_bar("mkv", *INTERLACED, "bff=1", bottom_first=True),
    "prores, bottom first": lambda: odd.moving_bar("mov", *PRORES, bottom_first=True),
    "mpeg-2 in mkv": lambda: odd.moving_bar("mkv", "-c:v", "mpeg2video", "-b:v", "4M"),
    "mpeg-2, bottom first": lambda: odd.moving_bar(
        "mkv", "-c:v", "mpeg2video", "-b:v", "4M", bottom_first=True
    ),
    "dv": lambda: odd.moving_bar(
        *("avi", "-c:v", "dvvideo", "-pix_fmt", "yuv420p"), bottom_first=True, size="720x576"
    ),
    "raw in mov": lambda: odd.moving_bar("mov", "-c:v", "rawvideo", "-pix_fmt", "yuyv422"),
    "huffyuv": lambda: odd.moving_bar("mkv", "-c:v", "ffvhuff", "-pix_fmt", "yuv422p"),
}


@pytest.mark.ffmpeg
@pytest.mark.parametrize("make", one_in(12, FIELDS))
def test_fields_come_in_their_order(make: Callable[[], Path], tmp_path: Path) -> None:
    result = made(make(), tmp_path)
    assert result.top.fps == 50
    places = odd.bar_places(result.top.path, result.top.width)[4:-4]
    steps = [after - before for before, after in itertools.pairwise(places)]
    assert len(steps) > 60
    assert all(1 < step < 3 for step in steps), steps  # in the wrong order: +6, -2, +6, -2


# -- what a copy would not play


NOT_COPIED: dict[str, tuple[Callable[[], Path], str]] = {
    "open groups of pictures": (odd.open_gop, NOT_IDR),
    "two sample descriptions": (odd.two_descriptions, OTHER_PARAMETERS),
    "open groups in mkv": (lambda: odd.open_gop(suffix="mkv"), NOT_IDR),
    "intra refresh": (odd.intra_refresh, NOT_IDR),
    "intra refresh in mkv": (lambda: odd.intra_refresh(suffix="mkv"), NOT_IDR),
    "another size": (odd.changing_size, "size that changes"),
    "another size in mkv": (lambda: odd.changing_size("mkv"), "size that changes"),
    "parameters in band": (odd.parameters_in_band, NO_PARAMETERS),
    "cropped": (odd.cropped_mkv, "cropped by the container"),
    "damaged": (lambda: odd.scrambled(0.48, 0.6), "frames that cannot be decoded"),
}


@pytest.mark.ffmpeg
@pytest.mark.parametrize("case", one_in(10, NOT_COPIED))
def test_what_players_could_not_play_is_encoded(
    case: tuple[Callable[[], Path], str], tmp_path: Path
) -> None:
    make, reason = case
    result = made(make(), tmp_path)
    assert not result.plan.copied
    assert reason in result.plan.reasons
    assert reason_against_copy(result.top.path) == ""


COPIED: dict[str, Callable[[], Path]] = {
    "closed groups": odd.h264,
    "closed groups, parameters repeated in band": lambda: odd.h264(
        4, "repeat-headers=1", suffix="mkv"
    ),
    "recovery points with IDR pictures": lambda: odd.h264(
        4, "aud=1:nal-hrd=vbr:vbv-maxrate=900:vbv-bufsize=900:bitrate=600:pic-struct=1"
    ),
    "several slices": lambda: odd.h264(4, "slices=4:aud=1"),
    "every frame a keyframe": clips.all_intra,
    "fragmented, as OBS writes it": lambda: odd.h264(
        options=("-movflags", "+frag_keyframe+empty_moov")
    ),
    "the same description twice": odd.same_description_twice,
    "turned": clips.phone_h264_mov,
    "frames left out": clips.vfr_mp4,
    "transport stream in mp4": lambda: clips.make(
        "mp4", "-i", str(odd.h264(suffix="ts")), "-c", "copy", "-bsf:a", "aac_adtstoasc"
    ),
}


@pytest.mark.ffmpeg
@pytest.mark.parametrize("make", one_in(6, COPIED))
def test_what_players_play_is_copied(make: Callable[[], Path], tmp_path: Path) -> None:
    result = made(make(), tmp_path)
    assert result.plan.reasons == ()


@pytest.mark.ffmpeg
def test_a_fragment_without_pictures_is_no_reason() -> None:
    clip = clips.make(
        *("mp4", *clips.picture(1, "160x90", "25"), *clips.tone(6), *clips.x264(25), *odd.AAC),
        *("-movflags", "+frag_keyframe+empty_moov+default_base_moof+dash"),
        *("-frag_duration", "2000000"),
    )
    assert len(read_index(clip).fragments) > 1
    assert reason_against_copy(clip) == ""


# -- shapes


class Change(NamedTuple):
    """A source whose size changes after two of four seconds.

    ``bars``: (columns, rows) of black at each side of the picture, in the two halves.
    """

    make: Callable[[], Path]
    size: tuple[int, int]
    bars: tuple[tuple[int, int], tuple[int, int]]


CHANGES = {
    "then higher": Change(odd.changing_size, (160, 120), ((0, 15), (0, 0))),
    "then upright, in webm": Change(odd.vp8_changing_size, (96, 160), ((0, 53), (0, 0))),
    "then lower": Change(lambda: odd.changing_size(second="160x40"), (160, 90), ((0, 0), (0, 25))),
    "then narrower": Change(
        lambda: odd.changing_size(second="80x90"), (160, 90), ((0, 0), (40, 0))
    ),
    "in mkv": Change(lambda: odd.changing_size("mkv"), (160, 120), ((0, 15), (0, 0))),
}


@pytest.mark.ffmpeg
@pytest.mark.parametrize("change", one_in(5, CHANGES))
def test_a_size_that_changes_keeps_its_shape(change: Change, tmp_path: Path) -> None:
    result = made(change.make(), tmp_path)
    assert (result.top.width, result.top.height) == change.size
    frames = frames_of(result.top.path, f"{change.size[0]}x{change.size[1]}")
    assert 98 <= len(frames) <= 102
    for half, bars in zip((frames[10:40], frames[60:90]), change.bars, strict=True):
        for picture in half:
            assert all(
                abs(found - bar) <= 2
                for found, bar in zip(dark_edges(picture, change.size[0]), bars, strict=True)
            )


def dark_edges(picture: bytes, width: int) -> tuple[int, int]:
    """How many columns at the left, and how many rows at the top, are black."""
    rows = [picture[at : at + width] for at in range(0, len(picture), width)]
    columns = list(zip(*rows, strict=True))
    return tuple(
        next((at for at, line in enumerate(lines) if max(line) > 40), len(lines))
        for lines in (columns, rows)
    )  # type: ignore[return-value]


@pytest.mark.ffmpeg
@pytest.mark.parametrize(
    "display",
    one_in(
        5,
        {
            "in pixels": (320, 136),
            "as a ratio": (160, 68),
            "none": None,
            "as stored, by mkvmerge": (320, 180),
            "another shape": (640, 136),
        },
    ),
)
def test_what_matroska_crops_is_cropped(display: tuple[int, int] | None, tmp_path: Path) -> None:
    result = made(odd.cropped_mkv(display=display), tmp_path)
    assert result.top.width == (640 if display == (640, 136) else 320)
    assert result.top.height == 136
    [first, *_] = frames_of(result.top.path, "32x136")
    assert min(first) > 200  # no bar is left


# -- encryption and damage


@pytest.mark.ffmpeg
@pytest.mark.parametrize(
    "make",
    one_in(
        3,
        {
            "common encryption": odd.encrypted,
            "fairplay": lambda: odd.encrypted_as(b"drmi"),
            "sound alone": lambda: odd.with_tag(odd.h264(), b"mp4a", b"enca"),
        },
    ),
)
def test_an_encrypted_video_is_refused(make: Callable[[], Path]) -> None:
    with pytest.raises(SourceError, match=r"This video is protected \(DRM\)"):
        transcode(make(), clips.new_path("work"), options=OPTIONS)


@pytest.mark.ffmpeg
def test_noise_in_place_of_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError):
        made(odd.scrambled(), tmp_path)


@pytest.mark.ffmpeg
def test_a_whole_clip_shows_no_damage() -> None:
    video = probe(odd.h264(), options=OPTIONS).video
    assert video is not None
    assert reasons_to_encode(video, OPTIONS) == ()


@pytest.mark.parametrize("line", ["frame|width=320|hei", "frame|width=N/A|height=N/A"])
def test_lines_about_frames_that_are_cut(line: str) -> None:
    assert parse_frames(f"frame|width=320|height=180\n{line}", "").sizes == ((320, 180),)
