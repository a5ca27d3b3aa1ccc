"""Whether a file ends where its structure says, by the outermost structure alone."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import clips
from tests.examples import one_in
from tests.videos.transcode import built, fragmented
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
@pytest.mark.parametrize("make", one_in(3, MAKERS))
def test_a_whole_file_is_whole(make: Callable[[], Path]) -> None:
    assert is_whole(make())


@pytest.mark.ffmpeg
@pytest.mark.parametrize("share", [0.3, 0.6, 0.97])
@pytest.mark.parametrize("make", one_in(3, MAKERS))
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


@pytest.mark.parametrize("make", [built.fragmented_mp4, built.plain_mp4])
def test_a_built_file_that_ends_inside_a_box_with_media_is_cut(make: Callable[[], bytes]) -> None:
    data = make()
    path = built.stored(data)
    assert is_whole(path)
    for box in fragmented.boxes(path):
        if box.kind in ("moov", "moof", "mdat"):
            for size in range(box.start + 8, box.start + box.size, 7):
                path.write_bytes(data[:size])
                assert not is_whole(path)


# -- Matroska and AVI


def element(identifier: int, content: bytes, *, size: int | None = None, width: int = 8) -> bytes:
    """An EBML element. ``width``: bytes of its size; ``size``: if it says another one."""
    name = identifier.to_bytes((identifier.bit_length() + 7) // 8)
    stated = len(content) if size is None else size
    return name + (stated | 1 << 7 * width).to_bytes(width) + content


HEADER = element(0x1A45DFA3, b"\x42\x82\x84webm", width=1)
UNKNOWN = (1 << 56) - 1


@pytest.mark.parametrize(
    ("data", "whole"),
    [
        (HEADER + element(0x18538067, bytes(100)), True),
        (HEADER + element(0x18538067, bytes(100))[:-1], False),
        (HEADER + element(0x18538067, bytes(100), width=2)[:-1], False),
        # Of a live recording.
        (HEADER + element(0x18538067, bytes(100), size=UNKNOWN), True),
        (HEADER + element(0xEC, bytes(20), width=1) + element(0x18538067, b"", size=9), False),
        (HEADER + element(0xEC, b"", size=UNKNOWN), True),
        (HEADER, True),
        (HEADER + b"\1\1\1\1\1\1", True),
        (HEADER + 20 * element(0xEC, b"", width=1), True),
    ],
)
def test_the_segment_of_matroska_tells_its_size(data: bytes, whole: bool) -> None:
    assert is_whole(built.stored(data)) == whole


def riff(size: int, content: bytes = b"AVI " + bytes(96)) -> bytes:
    return struct.pack("<4sI", b"RIFF", size) + content


@pytest.mark.parametrize(
    ("data", "whole"),
    [
        (riff(100), True),
        (riff(116), True),  # with its own header, and rounded
        (riff(117), False),
        (riff(0), True),
        (riff(2**32 - 1), True),
        (riff(100) + riff(100), True),
        (riff(100) + riff(1000), False),
        (riff(99, b"AVI " + bytes(95)) + b"\0" + riff(500), False),
        (riff(100) + b"JUNK" + bytes(40), True),
    ],
)
def test_the_chunks_of_avi_tell_their_sizes(data: bytes, whole: bool) -> None:
    assert is_whole(built.stored(data)) == whole


def _box(kind: bytes, size: int) -> bytes:
    return struct.pack(">I4s", 8 + size, kind) + b"\0" * size
