"""Renditions in original quality, made of real clips."""

from __future__ import annotations

import json
import struct
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests import boxes, clips
from tests.boxes import Box
from tests.examples import one_in
from tests.videos import places
from videos.transcode.errors import UnfitCopyError
from videos.transcode.file_start import is_finalised
from videos.transcode.fragments import describe, read_index
from videos.transcode.probe import probe
from videos.transcode.remux import make_original
from videos.transcode.types import Options

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from videos.transcode.remux import Original

pytestmark = pytest.mark.ffmpeg

OPTIONS = Options()
SIZE = "160x90"
SECONDS = 4
AOM = ("-c:v", "libaom-av1", "-usage", "realtime", "-cpu-used", "8", "-g", "60")
VPX = ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "60", "-b:v", "200k")
MASTERING = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)"


def clip(suffix: str, *coder: str, fps: str = "30", sound: str = "aac") -> Path:
    inputs = (*clips.picture(SECONDS, SIZE, fps), *clips.tone(SECONDS, rate=48_000))
    return clips.make(suffix, *inputs, *coder, "-c:a", sound)


def hevc(
    settings: str = "keyint=60", *options: str, suffix: str = "mp4", sound: str = "aac"
) -> Path:
    coder = ("-c:v", "libx265", "-preset", "ultrafast", "-tag:v", "hvc1")
    quiet = f"{settings}:log-level=none:pools=none"
    return clip(suffix, *coder, "-x265-params", quiet, *options, sound=sound)


def hdr(tags: str) -> Path:
    return hevc(f"keyint=60:open-gop=0:{tags}", "-pix_fmt", "yuv420p10le")


def with_dolby_vision(source: Path, *, compatibility: int, profile: int = 8) -> Path:
    """A copy whose first track says that it is Dolby Vision of level 4."""
    file = boxes.load(source)
    table = boxes.sample_table(boxes.tracks(file, b"vide")[0]).find(b"stsd")
    record = struct.pack(">BBBBB", 1, 0, profile << 1, 4 << 3 | 0b101, compatibility << 4)
    box = Box(b"dvvC", record + bytes(19)).as_bytes()
    at = table.content.index(b"hvcC") - 4
    content = bytearray(table.content[:at] + box + table.content[at:])
    content[8:12] = (int.from_bytes(content[8:12]) + len(box)).to_bytes(4)
    table.content = bytes(content)
    return boxes.save(file, clips.new_path("mp4", "dolby"))


@dataclass(frozen=True, kw_only=True)
class Case:
    """``codecs``: their beginnings, as the playlist names them."""

    make: Callable[[], Path]
    codecs: tuple[str, str]
    hdr: str = ""
    supplemental: str = ""
    is_independent: bool = True
    options: Options = OPTIONS


AAC: Final = "mp4a.40.2"
CASES: Final = {
    "HEVC with open groups": Case(
        make=lambda: hevc("keyint=30:min-keyint=30:scenecut=0:open-gop=1:bframes=3"),
        codecs=("hvc1.1.6.L", AAC),
        is_independent=False,
    ),
    "VP9 and Opus": Case(
        make=lambda: clip("webm", *VPX, sound="libopus"), codecs=("vp09.00.", "opus")
    ),
    "AV1": Case(make=lambda: clip("mp4", *AOM), codecs=("av01.0.", AAC)),
    "PQ": Case(
        make=lambda: hdr(f"{clips.PQ_TAGS}:hdr10=1:master-display={MASTERING}:max-cll=1000,0"),
        codecs=("hvc1.2.", AAC),
        hdr="pq",
    ),
    "HLG, upright": Case(
        make=lambda: clips.with_matrix(hdr(clips.HLG_TAGS), clips.QUARTER_RIGHT),
        codecs=("hvc1.2.", AAC),
        hdr="hlg",
    ),
    "Dolby Vision 8.4": Case(
        make=lambda: with_dolby_vision(hdr(clips.HLG_TAGS), compatibility=4),
        codecs=("hvc1.2.", AAC),
        hdr="hlg",
        supplemental="dvh1.08.04/db4h",
    ),
    "Dolby Vision 8.1": Case(
        make=lambda: with_dolby_vision(hdr(clips.PQ_TAGS), compatibility=1),
        codecs=("hvc1.2.", AAC),
        hdr="pq",
        supplemental="dvh1.08.04/db1p",
    ),
    "larger H.264": Case(
        make=lambda: clip("mp4", *clips.x264()),
        codecs=("avc1.", AAC),
        options=Options(max_short_side=72),
    ),
    "fast H.264": Case(
        make=lambda: clip("mp4", *clips.x264(120), fps="120"), codecs=("avc1.", AAC)
    ),
    "HEVC in Matroska": Case(
        make=lambda: hevc("keyint=60:open-gop=0", suffix="mkv"), codecs=("hvc1.1.6.L", AAC)
    ),
    "AV1 and Opus in Matroska": Case(
        make=lambda: clip("mkv", *AOM, sound="libopus"), codecs=("av01.0.", "opus")
    ),
    "VP9 in 10 bits": Case(
        make=lambda: clip("mkv", *VPX, "-pix_fmt", "yuv420p10le"), codecs=("vp09.02.", AAC)
    ),
    "HEVC and FLAC": Case(
        make=lambda: hevc(suffix="mkv", sound="flac"),
        codecs=("hvc1.1.6.L", AAC),
    ),
}


def made_of(source: Path, folder: Path, options: Options = OPTIONS) -> Original | None:
    info = probe(source, options=options)
    return make_original(source, folder / "work", info, options=options)


def pictures(path: Path) -> list[str]:
    """Hashes of the decoded pictures, in order."""
    command = ["ffmpeg", "-v", "error", "-noautorotate", "-i", str(path), "-map", "0:v:0"]
    done = subprocess.run(
        [*command, "-f", "framemd5", "-"], check=True, capture_output=True, text=True, timeout=60
    )
    lines = [line for line in done.stdout.splitlines() if not line.startswith("#")]
    return [line.split(",")[-1].strip() for line in lines]


def facts(path: Path) -> Any:
    asked = ["-show_entries", "stream=start_time,duration:stream_tags:format_tags:chapter=id"]
    done = subprocess.run(
        ["ffprobe", "-v", "error", *asked, "-of", "json", str(path)],
        check=True,
        capture_output=True,
        timeout=60,
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize("case", one_in(5, CASES))
def test_every_picture_is_that_of_the_source(case: Case, tmp_path: Path) -> None:
    source = case.make()
    original = made_of(source, tmp_path, case.options)
    assert original is not None
    assert original.has_independent_fragments == case.is_independent
    made = original.made
    assert pictures(made.path) == pictures(source)
    assert is_finalised(made.path)
    told = describe(made.path)
    for found, beginning in zip(told.codecs.split(","), case.codecs, strict=True):
        assert found.startswith(beginning)
    assert told.supplemental_codecs == case.supplemental
    assert made.hdr == case.hdr
    assert made.duration_seconds == pytest.approx(SECONDS, abs=0.05)
    assert float(read_index(made.path).duration) == made.duration_seconds
    for stream in facts(made.path)["streams"]:
        assert float(stream["start_time"]) == pytest.approx(0, abs=0.03)
        assert float(stream["duration"]) == pytest.approx(SECONDS, abs=0.05)


@pytest.mark.parametrize("maker", [places.av1_camera, lambda: places.car_camera(codec="hevc")])
def test_no_trace_of_the_place_is_left(maker: Callable[[], Path], tmp_path: Path) -> None:
    source = maker()
    assert places.traces(source.read_bytes())
    original = made_of(source, tmp_path)
    assert original is not None
    assert places.traces(original.made.path.read_bytes()) == []
    assert pictures(original.made.path) == pictures(source)


def test_tags_are_left_out(tmp_path: Path) -> None:
    source = clips.phone_hevc_mov()
    original = made_of(source, tmp_path)
    assert original is not None
    content = original.made.path.read_bytes()
    assert clips.LOCATION.encode() in source.read_bytes()
    assert clips.LOCATION.encode() not in content
    told = facts(original.made.path)
    assert "tags" not in told["format"] or set(told["format"]["tags"]) <= {
        *("major_brand", "minor_version", "compatible_brands")
    }
    assert (original.made.width, original.made.height) == (180, 320)


def test_what_high_dynamic_range_needs_is_kept(tmp_path: Path) -> None:
    original = made_of(CASES["PQ"].make(), tmp_path)
    assert original is not None
    asked = ["-show_frames", "-read_intervals", "%+#1", "-select_streams", "v", "-of", "json"]
    done = subprocess.run(
        ["ffprobe", "-v", "error", *asked, str(original.made.path)],
        check=True,
        capture_output=True,
        timeout=60,
    )
    (frame,) = json.loads(done.stdout)["frames"]
    found = {one["side_data_type"]: one for one in frame["side_data_list"]}
    assert "Mastering display metadata" in found
    assert found["Content light level metadata"]["max_content"] == 1000


def test_a_copy_is_original_quality_already(tmp_path: Path) -> None:
    assert made_of(clips.h264_mp4(size=SIZE), tmp_path) is None


def test_a_cut_whose_first_pictures_come_before_its_keyframe_is_left_out(tmp_path: Path) -> None:
    """The copy showed its picture 0.13 s before its sound."""
    whole = CASES["HEVC with open groups"].make()
    cut = clips.make("ts", "-ss", "2.5", "-i", str(whole), "-c", "copy")
    assert made_of(cut, tmp_path, Options(accepted=("ts",))) is None


def test_h264_at_which_players_cannot_start_is_left_out(tmp_path: Path) -> None:
    settings = ("-x264-params", "open-gop=1:bframes=3:keyint=30:min-keyint=30:scenecut=0")
    source = clip("mp4", "-c:v", "libx264", "-preset", "ultrafast", *settings)
    with pytest.raises(UnfitCopyError):
        made_of(source, tmp_path, Options(max_short_side=72))
