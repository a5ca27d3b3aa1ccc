"""The names of codecs, against those that FFmpeg writes into a manifest of its own."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests import clips
from tests.videos.transcode import fragmented
from videos.transcode.errors import NotFragmentedError
from videos.transcode.fragments import (
    codecs,
    read_index,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.ffmpeg

every_kind = pytest.mark.parametrize(
    "make", fragmented.MAKERS.values(), ids=fragmented.MAKERS.keys()
)


@every_kind
def test_codecs_are_those_that_ffmpeg_writes_into_a_manifest(
    make: Callable[[], Path], tmp_path: Path
) -> None:
    assert codecs(make()).lower() == ",".join(_manifest_codecs(make(), tmp_path))


SBR, LC, PS = 5, 2, 29  # audio object types
AT_START: dict[int, list[tuple[int, int]]] = {
    SBR: [(SBR, 5), (7, 4), (2, 4), (4, 4), (LC, 5), (0, 3)],
    PS: [(PS, 5), (7, 4), (1, 4), (4, 4), (LC, 5), (0, 3)],
}
AT_END: dict[int, list[tuple[int, int]]] = {
    # What FFmpeg's own encoder writes: a note that there is no SBR.
    LC: [(LC, 5), (4, 4), (2, 4), (0, 3), (0x2B7, 11), (SBR, 5), (0, 1)],
    SBR: [(LC, 5), (7, 4), (2, 4), (0, 3), (0x2B7, 11), (SBR, 5), (1, 1), (4, 4)],
    PS: [
        *[(LC, 5), (7, 4), (1, 4), (0, 3), (0x2B7, 11), (SBR, 5), (1, 1), (4, 4)],
        *[(0x548, 11), (1, 1)],
    ],
}


@pytest.mark.parametrize("kind", AT_START)
def test_high_efficiency_sound_that_says_so_at_the_start(kind: int, tmp_path: Path) -> None:
    path = _with_sound(AT_START[kind], tmp_path)
    assert codecs(path).split(",")[1] == f"mp4a.40.{kind}"
    assert _manifest_codecs(path, tmp_path)[1] == f"mp4a.40.{kind}"


@pytest.mark.parametrize("kind", AT_END)
def test_high_efficiency_sound_that_says_so_at_the_end(kind: int, tmp_path: Path) -> None:
    assert codecs(_with_sound(AT_END[kind], tmp_path)).split(",")[1] == f"mp4a.40.{kind}"


def test_another_object_type_than_mpeg_4_stands_alone(tmp_path: Path) -> None:
    data = bytearray(fragmented.encoded().read_bytes())
    place = data.index(b"\x04\x80\x80\x80", data.index(b"esds")) + 5
    assert data[place] == 0x40
    data[place] = 0x6B  # MP3
    path = tmp_path / "clip.mp4"
    path.write_bytes(data)
    assert codecs(path).split(",")[1] == "mp4a.6B"


@pytest.mark.parametrize("word", [b"avcC", b"avc1", b"mp4a", b"esds", b"stsd", b"hdlr"])
def test_codecs_of_a_damaged_start_are_not_guessed(word: bytes, tmp_path: Path) -> None:
    data = fragmented.encoded().read_bytes()
    path = tmp_path / "clip.mp4"
    path.write_bytes(data.replace(word, b"free"))
    with pytest.raises(NotFragmentedError):
        codecs(path)


def test_a_picture_whose_parameters_are_missing_is_told() -> None:
    old = clips.make("mp4", *clips.picture(1), "-c:v", "mpeg4", *fragmented.FLAGS)
    assert read_index(old).fragments
    with pytest.raises(NotFragmentedError) as caught:
        codecs(old)
    assert "mp4v" in caught.value.detail


HEVC = ("-c:v", "libx265", "-preset", "ultrafast", "-tag:v", "hvc1")


@pytest.mark.parametrize(
    ("coder", "names"),
    [
        ((*HEVC, "-x265-params", "log-level=none"), "hvc1.1.6.L60.90"),
        (
            (*HEVC, "-x265-params", "log-level=none", "-pix_fmt", "yuv420p10le"),
            "hvc1.2.4.L60.90",
        ),
        (("-c:v", "libvpx-vp9", "-deadline", "realtime"), None),
        (
            ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-pix_fmt", "yuv420p10le"),
            None,
        ),
        (("-c:v", "libsvtav1", "-preset", "12"), None),
    ],
    ids=["HEVC", "HEVC, 10 bits", "VP9", "VP9, 10 bits", "AV1"],
)
def test_codecs_of_pictures_that_some_browsers_play(
    coder: tuple[str, ...], names: str | None, tmp_path: Path
) -> None:
    sound = ("-c:a", "libopus", *fragmented.FLAGS)
    path = clips.make("mp4", *clips.picture(0.3), *clips.tone(0.3), *coder, *sound)
    told = [names, "opus"] if names else _manifest_codecs(path, tmp_path)
    assert codecs(path).split(",") == told


def test_an_hevc_name_has_its_tier_and_constraints(tmp_path: Path) -> None:
    sound = ("-c:a", "libopus", *fragmented.FLAGS)
    coder = (*HEVC, "-x265-params", "log-level=none")
    path = clips.make("mp4", *clips.picture(0.3), *clips.tone(0.3), *coder, *sound)
    data = bytearray(path.read_bytes())
    record = data.index(b"hvcC") + 4
    data[record + 1] = 0b01_1_00010  # profile space A, high tier, Main 10
    data[record + 2 : record + 6] = bytes.fromhex("20000001")
    data[record + 6 : record + 12] = bytes.fromhex("b00012000000")
    data[record + 12] = 153
    changed = tmp_path / "changed.mp4"
    changed.write_bytes(data)
    assert codecs(changed).split(",")[0] == "hvc1.A2.80000004.H153.B0.0.12"


def _with_sound(fields: list[tuple[int, int]], folder: Path) -> Path:
    """With another AudioSpecificConfig, of (value, bits): no free encoder makes HE-AAC."""
    bits = "".join(f"{value:0{width}b}" for value, width in fields)
    config = int(bits.ljust(56, "0"), 2).to_bytes(7)
    data = fragmented.encoded().read_bytes()
    place = data.index(b"\x05\x80\x80\x80\x05", data.index(b"esds"))
    path = folder / "clip.mp4"
    path.write_bytes(data[:place] + b"\x05\x80\x07" + config + data[place + 10 :])
    return path


def _manifest_codecs(path: Path, folder: Path) -> list[str]:
    """As FFmpeg's DASH muxer names them, the picture's first."""
    manifest = folder / "manifest.mpd"
    subprocess.run(
        [
            *("ffmpeg", "-nostdin", "-v", "error", "-y", "-i", str(path), "-c", "copy"),
            *("-map", "0:v", "-map", "0:a?", "-f", "dash", str(manifest)),
        ],
        check=True,
        timeout=60,
    )
    return re.findall(r' codecs="([^"]*)"', manifest.read_text())
