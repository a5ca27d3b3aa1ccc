"""The names of codecs, against those that FFmpeg writes into a manifest of its own."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests import clips
from tests.examples import one_in
from tests.videos.transcode import built, fragmented
from videos.transcode.codec_names import (
    codec_names,
    picture_codec,
    sound_codec,
    sound_configurations,
)
from videos.transcode.errors import NotFragmentedError
from videos.transcode.fragments import (
    codecs,
    read_index,
)
from videos.transcode.moov import picture_boxes, sample_entry, video_track

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

every_kind = pytest.mark.parametrize("make", one_in(4, fragmented.MAKERS))


@pytest.mark.ffmpeg
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


@pytest.mark.ffmpeg
@pytest.mark.parametrize("kind", AT_START)
def test_high_efficiency_sound_that_says_so_at_the_start(kind: int, tmp_path: Path) -> None:
    path = _with_sound(AT_START[kind], tmp_path)
    assert codecs(path).split(",")[1] == f"mp4a.40.{kind}"
    assert _manifest_codecs(path, tmp_path)[1] == f"mp4a.40.{kind}"


@pytest.mark.parametrize("kind", AT_END)
def test_high_efficiency_sound_that_says_so_at_the_end(kind: int, tmp_path: Path) -> None:
    assert codecs(_with_sound(AT_END[kind], tmp_path)).split(",")[1] == f"mp4a.40.{kind}"


def test_another_object_type_than_mpeg_4_stands_alone() -> None:
    mp3 = built.sound(entry=built.sound_entry(b"mp4a", built.esds(object_type=0x6B)))
    assert codecs(built.stored(built.fragmented_mp4(built.picture(), mp3))).split(",")[1] == (
        "mp4a.6B"
    )


@pytest.mark.parametrize("word", [b"avcC", b"avc1", b"mp4a", b"esds", b"stsd", b"hdlr"])
def test_codecs_of_a_damaged_start_are_not_guessed(word: bytes, tmp_path: Path) -> None:
    data = built.fragmented_mp4()
    path = tmp_path / "clip.mp4"
    path.write_bytes(data.replace(word, b"free"))
    with pytest.raises(NotFragmentedError):
        codecs(path)


@pytest.mark.ffmpeg
def test_a_picture_whose_parameters_are_missing_is_told() -> None:
    old = clips.make("mp4", *clips.picture(1), "-c:v", "mpeg4", *fragmented.FLAGS)
    assert read_index(old).fragments
    with pytest.raises(NotFragmentedError) as caught:
        codecs(old)
    assert "mp4v" in caught.value.detail


HEVC = ("-c:v", "libx265", "-preset", "ultrafast", "-tag:v", "hvc1")


HEVC_10 = ("-pix_fmt", "yuv420p10le", "-x265-params", "log-level=none")
VP9 = ("-c:v", "libvpx-vp9", "-deadline", "realtime")
CODERS: dict[str, tuple[tuple[str, ...], str | None]] = {
    "HEVC": ((*HEVC, "-x265-params", "log-level=none"), "hvc1.1.6.L60.90"),
    "VP9": (VP9, None),
    "AV1": (("-c:v", "libsvtav1", "-preset", "12"), None),
    "HEVC, 10 bits": ((*HEVC, *HEVC_10), "hvc1.2.4.L60.90"),
    "VP9, 10 bits": ((*VP9, "-pix_fmt", "yuv420p10le"), None),
}


@pytest.mark.ffmpeg
@pytest.mark.parametrize("case", one_in(2, CODERS))
def test_codecs_of_pictures_that_some_browsers_play(
    case: tuple[tuple[str, ...], str | None], tmp_path: Path
) -> None:
    coder, names = case
    sound = ("-c:a", "libopus", *fragmented.FLAGS)
    path = clips.make("mp4", *clips.picture(0.3), *clips.tone(0.3), *coder, *sound)
    told = [names, "opus"] if names else _manifest_codecs(path, tmp_path)
    assert codecs(path).split(",") == told


# -- parameters that are built here

HVCC = bytes.fromhex("01 02 20000000 900000000000 3c") + bytes(10)
HIGH_TIER = bytes.fromhex("01 62 20000001 b00012000000 99") + bytes(10)


@pytest.mark.parametrize(
    ("kind", "box", "record", "name"),
    [
        ("avc1", b"avcC", built.avc_record(), "avc1.4D400A"),
        ("avc3", b"avcC", bytes.fromhex("01640028ff"), "avc3.640028"),
        ("hvc1", b"hvcC", HVCC, "hvc1.2.4.L60.90"),
        ("hev1", b"hvcC", HVCC, "hev1.2.4.L60.90"),
        ("hvc1", b"hvcC", HIGH_TIER, "hvc1.A2.80000004.H153.B0.0.12"),
        ("av01", b"av1C", bytes.fromhex("81 08 0c 00"), "av01.0.08M.08"),
        ("av01", b"av1C", bytes.fromhex("81 2d cc 00"), "av01.1.13H.10"),
        ("av01", b"av1C", bytes.fromhex("81 50 6c 00"), "av01.2.16M.12"),
        ("vp09", b"vpcC", bytes.fromhex("01000000 00 1e 80 020202 0000"), "vp09.00.30.08"),
        ("vp09", b"vpcC", bytes.fromhex("01000000 02 29 a0 090909 0000"), "vp09.02.41.10"),
    ],
)
def test_names_of_pictures(kind: str, box: bytes, record: bytes, name: str) -> None:
    entry = built.picture_entry(kind.encode(), built.box(b"pasp", bytes(8)), built.box(box, record))
    assert picture_codec(kind, entry[8:]) == name
    path = built.stored(built.fragmented_mp4(built.picture(entry=entry), built.sound()))
    assert codecs(path) == f"{name},mp4a.40.2"


@pytest.mark.parametrize(
    ("kind", "box", "record"),
    [
        ("avc1", b"avcC", b""),
        ("avc1", b"avcC", bytes.fromhex("026400280a")),
        ("avc1", b"hvcC", HVCC),
        ("hvc1", b"hvcC", HVCC[:12]),
        ("hvc1", b"hvcC", b"\0" + HVCC[1:]),
        ("av01", b"av1C", bytes.fromhex("81 08 0c")),
        ("av01", b"av1C", bytes.fromhex("01 08 0c 00")),
        ("vp09", b"vpcC", bytes.fromhex("01000000 00 1e 80 0202")),
        ("vp09", b"vpcC", bytes(12)),
        ("mp4v", b"esds", bytes(40)),
    ],
)
def test_damaged_parameters_of_pictures_are_told(kind: str, box: bytes, record: bytes) -> None:
    entry = built.picture_entry(kind.encode(), built.box(box, record))
    with pytest.raises(ValueError, match=r"no parameters of|where one belongs|of the kind"):
        picture_codec(kind, entry[8:])
    path = built.stored(built.fragmented_mp4(built.picture(entry=entry)))
    with pytest.raises(NotFragmentedError):
        codecs(path)


@pytest.mark.parametrize(
    ("kind", "name"), [("Opus", "opus"), ("fLaC", "flac"), ("ac-3", "ac-3"), ("ec-3", "ec-3")]
)
def test_names_of_sound_without_parameters(kind: str, name: str) -> None:
    assert sound_codec(kind, b"") == name


ESDS = built.esds()[8:]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        ESDS[:20],
        ESDS[:4] + b"\x05" + ESDS[5:],  # another descriptor
        ESDS[:11] + b"\x80" + ESDS[12:],  # an address follows
        ESDS[:5] + b"\xff\xff\xff\xff" + ESDS[9:],  # a size without an end
        ESDS[:8] + b"\0" + ESDS[9:],
        ESDS[:8] + b"\x7f" + ESDS[9:],
    ],
)
def test_damaged_parameters_of_sound_are_told(content: bytes) -> None:
    entry = built.sound_entry(b"mp4a", built.box(b"esds", content))
    with pytest.raises(ValueError, match="esds"):
        sound_codec("mp4a", entry[8:])


def test_sound_of_other_kinds_is_told() -> None:
    with pytest.raises(ValueError, match="sow"):
        sound_codec("sowt", b"")


@pytest.mark.parametrize(
    ("configuration", "kind"),
    [
        ("1210", 2),
        ("f94840", 42),  # xHE-AAC: a type above 31
        ("17800fa010", 2),  # the sampling rate as a number
        ("1200", 2),  # a channel layout of its own
    ],
)
def test_object_types_of_sound(configuration: str, kind: int) -> None:
    entry = built.sound_entry(b"mp4a", built.esds(bytes.fromhex(configuration)))
    assert sound_codec("mp4a", entry[8:]) == f"mp4a.40.{kind}"


def test_the_configurations_of_the_sound_tracks() -> None:
    other = built.sound(number=8, entry=built.sound_entry(b"mp4a", built.esds(b"\x12\x10")))
    both = [built.picture(), built.sound(number=7), other]
    found = sound_configurations(built.moov(both)[8:])
    assert found == {7: bytes.fromhex("158856e500"), 8: b"\x12\x10"}
    opus = built.sound(entry=built.sound_entry(b"Opus"))
    for tracks in ([built.picture()], [built.picture(), opus]):
        assert not sound_configurations(built.moov(tracks)[8:])


def test_what_a_moov_lacks_is_told() -> None:
    sound = built.moov([built.sound()])[8:]
    for read in (codec_names, video_track, picture_boxes):
        with pytest.raises(ValueError, match="no picture track"):
            read(sound)
    empty = built.moov([built.picture()])[8:].replace(b"stsd", b"free")
    with pytest.raises(ValueError, match="stsd"):
        codec_names(empty)
    without_entry = built.box(b"stsd", built.numbers(0, 0))
    for path in (b"stbl", b"minf", b"mdia"):
        without_entry = built.box(path, without_entry)
    with pytest.raises(ValueError, match="an empty stsd"):
        sample_entry(without_entry)


def _with_sound(fields: list[tuple[int, int]], folder: Path) -> Path:
    """With another AudioSpecificConfig, of (value, bits): no free encoder makes HE-AAC."""
    bits = "".join(f"{value:0{width}b}" for value, width in fields)
    config = int(bits.ljust(56, "0"), 2).to_bytes(7)
    path = folder / "clip.mp4"
    sound = built.sound(entry=built.sound_entry(b"mp4a", built.esds(config)))
    path.write_bytes(built.fragmented_mp4(built.picture(), sound))
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
