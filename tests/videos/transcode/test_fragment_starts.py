"""Where players can start in pictures of HEVC, AV1 and VP9."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import clips
from videos.transcode.commands import FRAGMENTED
from videos.transcode.container import FileReader
from videos.transcode.errors import NotFragmentedError, UnfitCopyError
from videos.transcode.finalise import finalise
from videos.transcode.fragment_starts import has_independent_fragments
from videos.transcode.nal import NO_PARAMETERS, NOT_IDR, OTHER_PARAMETERS
from videos.transcode.sample_runs import boxes_with_samples, samples_of

if TYPE_CHECKING:
    from videos.transcode.sample_runs import Sample

pytestmark = pytest.mark.ffmpeg

CODERS = {
    "hevc": ("-c:v", "libx265", "-preset", "ultrafast", "-tag:v", "hvc1"),
    "av1": ("-c:v", "libaom-av1", "-usage", "realtime", "-cpu-used", "8", "-g", "30"),
    "vp9": ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "30"),
}
HEVC_GROUPS = "keyint=30:min-keyint=30:scenecut=0:pools=none:log-level=none:repeat-headers=1"
IDR, CRA, RASL, TRAIL, PPS = 20, 21, 8, 1, 34
TEMPORAL_UNIT = b"\x12\0"


def fragmented(codec: str, folder: Path, *, groups: str = "open-gop=0") -> Path:
    options = ("-x265-params", f"{HEVC_GROUPS}:{groups}") if codec == "hevc" else ()
    clip = clips.make(
        "mp4", *clips.picture(3, "64x64"), *CODERS[codec], *options, "-movflags", FRAGMENTED
    )
    return Path(shutil.copy(clip, folder / f"{codec}.mp4"))


def first_pictures(path: Path) -> list[list[Sample]]:
    """The pictures of each fragment."""
    with path.open("rb") as file:
        boxes = boxes_with_samples(FileReader.of(file))
        return [
            list(samples_of(box.content, box.offset, 1)) for box in boxes if box.kind == b"moof"
        ]


def patch(path: Path, place: int, content: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(place)
        file.write(content)


def units(path: Path, picture: Sample) -> dict[int, tuple[int, int]]:
    """Offset and size of the NAL units of a picture, by their type."""
    data, found = path.read_bytes(), dict[int, tuple[int, int]]()
    place = picture.offset
    while place < picture.offset + picture.size:
        size = int.from_bytes(data[place : place + 4])
        found.setdefault(data[place + 4] >> 1 & 63, (place + 4, size))
        place += 4 + size
    return found


@pytest.mark.parametrize("codec", CODERS)
def test_keyframes_at_which_all_can_be_decoded(codec: str, tmp_path: Path) -> None:
    path = fragmented(codec, tmp_path)
    assert len(first_pictures(path)) == 3
    assert has_independent_fragments(path, codec)
    finalise(path)
    assert has_independent_fragments(path, codec)


def test_open_groups_need_the_fragment_before(tmp_path: Path) -> None:
    path = fragmented("hevc", tmp_path, groups="open-gop=1:bframes=3")
    second = first_pictures(path)[1]
    assert CRA in units(path, second[0])
    assert any(kind in (RASL, RASL + 1) for kind in units(path, second[1]))
    assert not has_independent_fragments(path, "hevc")


def test_an_open_start_without_leading_pictures_needs_nothing(tmp_path: Path) -> None:
    path = fragmented("hevc", tmp_path, groups="open-gop=1:bframes=0")
    assert CRA in units(path, first_pictures(path)[1][0])
    assert has_independent_fragments(path, "hevc")


def refused(path: Path, codec: str) -> str:
    with pytest.raises(UnfitCopyError) as caught:
        has_independent_fragments(path, codec)
    return caught.value.detail


def test_hevc_that_starts_with_another_picture_is_unfit(tmp_path: Path) -> None:
    path = fragmented("hevc", tmp_path)
    found = units(path, first_pictures(path)[2][0])
    place, _ = found.get(IDR) or found[IDR - 1]
    patch(path, place, bytes([TRAIL << 1]))
    assert refused(path, "hevc") == NOT_IDR


def test_hevc_with_other_parameters_in_between_is_unfit(tmp_path: Path) -> None:
    path = fragmented("hevc", tmp_path)
    place, size = units(path, first_pictures(path)[1][0])[PPS]
    patch(path, place + size - 1, b"\x11")
    assert refused(path, "hevc") == OTHER_PARAMETERS


def test_hevc_without_parameters_in_its_record_is_unfit(tmp_path: Path) -> None:
    path = fragmented("hevc", tmp_path)
    place = path.read_bytes().index(b"hvcC") + 4
    patch(path, place + 22, b"\0")
    assert refused(path, "hevc") == NO_PARAMETERS


def test_hevc_of_a_damaged_picture_is_unfit(tmp_path: Path) -> None:
    path = fragmented("hevc", tmp_path)
    patch(path, first_pictures(path)[1][0].offset, b"\xff\xff\xff\xff")
    assert refused(path, "hevc") == NOT_IDR


def sequence_header(path: Path, picture: Sample) -> int:
    """The offset of the content of the sequence header at the start of a picture of AV1."""
    data = path.read_bytes()[picture.offset :]
    skipped = 2 if data.startswith(TEMPORAL_UNIT) else 0
    assert data[skipped] >> 3 == 1
    return picture.offset + skipped + 2


def test_av1_with_other_parameters_in_between_is_unfit(tmp_path: Path) -> None:
    path = fragmented("av1", tmp_path)
    place = sequence_header(path, first_pictures(path)[1][0])
    patch(path, place + 3, bytes([path.read_bytes()[place + 3] ^ 0x10]))
    assert refused(path, "av1") == OTHER_PARAMETERS


def test_av1_that_starts_with_another_picture_is_unfit(tmp_path: Path) -> None:
    path = fragmented("av1", tmp_path)
    fragments = first_pictures(path)
    place = sequence_header(path, fragments[1][0])
    after = place + path.read_bytes()[place - 1]  # the unit of the frame
    length = 3 if path.read_bytes()[after + 1] & 0x80 else 2
    content = path.read_bytes()[after + length]
    assert content >> 4 == 0b0001
    patch(path, after + length, bytes([content | 0b0010_0000]))
    assert refused(path, "av1") == NOT_IDR


@pytest.mark.parametrize("flags", [0b1000_0110, 0b1000_1000, 0b0000_0010])
def test_vp9_that_starts_with_another_picture_is_unfit(flags: int, tmp_path: Path) -> None:
    path = fragmented("vp9", tmp_path)
    patch(path, first_pictures(path)[1][0].offset, bytes([flags]))
    assert refused(path, "vp9") == NOT_IDR


@pytest.mark.parametrize("codec", ["hevc", "av1", "vp9"])
def test_files_of_another_layout_are_told(codec: str, tmp_path: Path) -> None:
    path = tmp_path / "empty.mp4"
    path.write_bytes(b"")
    with pytest.raises(NotFragmentedError):
        has_independent_fragments(path, codec)
    other = "av1" if codec == "hevc" else "hevc"
    with pytest.raises(NotFragmentedError):
        has_independent_fragments(fragmented(other, tmp_path), codec)


def test_h264_is_checked_as_copies_are(tmp_path: Path) -> None:
    clip = clips.make("mp4", *clips.picture(3, "64x64"), *clips.x264(30), "-movflags", FRAGMENTED)
    path = Path(shutil.copy(clip, tmp_path / "h264.mp4"))
    assert has_independent_fragments(path, "h264")
    first = first_pictures(path)[1][0]
    data = path.read_bytes()
    place = data.index(b"\x65", first.offset)
    patch(path, place, b"\x61")
    assert refused(path, "h264") == NOT_IDR


def test_the_caller_is_asked_for_each_fragment(tmp_path: Path) -> None:
    """So that a worker keeps its lease during a file of many fragments, and can stop."""
    asked: list[int] = []
    path = fragmented("hevc", tmp_path)
    assert has_independent_fragments(path, "hevc", tick=lambda: asked.append(1))
    assert len(asked) == 3
