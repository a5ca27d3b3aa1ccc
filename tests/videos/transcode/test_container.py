"""Whether a file ends where its structure says, by the outermost structure alone."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import clips
from tests.videos.transcode import built
from videos.transcode.container import is_whole

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MAKERS: dict[str, Callable[[], Path]] = {
    "mp4, index at the end": clips.h264_mp4,
    "mp4, index in front": lambda: clips.h264_mp4(faststart=True),
    "mp4, in fragments": lambda: clips.h264_mp4(options=("-movflags", "frag_keyframe+empty_moov")),
    "mov": clips.phone_h264_mov,
    "mkv": clips.two_sounds,
    "webm": lambda: clips.with_codec("webm", "libvpx", "libopus", "-deadline", "realtime"),
    "avi": lambda: clips.with_codec("avi", "mjpeg", "pcm_s16le"),
}


@pytest.mark.ffmpeg
@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())
def test_a_whole_file_is_whole(make: Callable[[], Path]) -> None:
    assert is_whole(make())


@pytest.mark.ffmpeg
@pytest.mark.parametrize("share", [0.3, 0.6, 0.97])
@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())
def test_a_part_of_a_file_is_not(make: Callable[[], Path], share: float) -> None:
    assert not is_whole(clips.truncated(make(), share))


def test_what_is_appended_to_an_mp4_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(built.plain_mp4() + b"\0" * 100)
    assert is_whole(path)


def test_a_fragment_header_without_its_data_is_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(_box(b"ftyp", 8) + _box(b"moov", 8) + _box(b"moof", 8))
    assert not is_whole(path)


def test_a_recording_that_was_never_finished_is_not_whole(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(_box(b"ftyp", 8) + struct.pack(">I4s", 0, b"mdat") + b"1234")
    assert not is_whole(path)


def test_sizes_of_64_bits_are_understood(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    head = _box(b"ftyp", 8) + _box(b"moov", 8)
    path.write_bytes(head + struct.pack(">I4sQ", 1, b"mdat", 20) + b"1234")
    assert is_whole(path)
    path.write_bytes(head + struct.pack(">I4sQ", 1, b"mdat", 21) + b"1234")
    assert not is_whole(path)


def test_a_box_that_goes_on_to_the_end_of_the_file_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    head = _box(b"ftyp", 8) + _box(b"moov", 8)
    path.write_bytes(head + struct.pack(">I4s", 0, b"mdat") + b"1234")
    assert is_whole(path)


@pytest.mark.parametrize("size", [2**63 - 1, 2**63, 2**64 - 1])
def test_a_size_that_no_file_can_have_is_bad_content_not_an_error(
    tmp_path: Path, size: int
) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(_box(b"ftyp", 8) + struct.pack(">I4sQ", 1, b"free", size) + b"1234")
    assert not is_whole(path)


@given(
    content=st.binary(max_size=64),
    start=st.sampled_from([b"", b"\0\0\0\x10ftyp", b"\x1a\x45\xdf\xa3", b"RIFF\0\1\0\0AVI "]),
)
def test_no_content_upsets_it(content: bytes, start: bytes) -> None:
    path = clips.folder() / "arbitrary"
    path.write_bytes(start + content)
    assert is_whole(path) in (True, False)


def _box(kind: bytes, size: int) -> bytes:
    return struct.pack(">I4s", 8 + size, kind) + b"\0" * size
