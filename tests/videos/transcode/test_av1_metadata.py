"""User data in AV1: what is removed from a copy, and that nothing else changes."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import clips
from tests.videos import places
from tests.videos.places import av1_unit
from tests.videos.transcode.built import box
from videos.transcode.av1_metadata import Av1Cleaner, parse_unit
from videos.transcode.user_data import remove_user_data

PLACE = b"latitude_deg=52.5200 longitude_deg=13.4050"
METADATA, PADDING = 5, 15
RECORD = b"\x81\0\x0c\0"
PLAIN, DOLBY = Av1Cleaner(RECORD), Av1Cleaner(RECORD, box(b"dvvC", bytes(24)))
RPU = b"\4\xb5\x00\x3b\x00\x00\x08\x00\x37"


@pytest.mark.parametrize(
    "content",
    [b"\1\3\xe8\1\x90\x80", b"\2" + bytes(range(24)) + b"\x80", b"\4\xb5\0\x3c\0\1\4\1\x40\x80"],
)
def test_what_high_dynamic_range_needs_is_kept(content: bytes) -> None:
    unit = av1_unit(METADATA, content)
    assert PLAIN.clean_unit(unit) == unit


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        (METADATA, b"\4\xb5\0\x3c" + PLACE),
        (METADATA, b"\4\x26" + PLACE),
        (METADATA, b"\5\x12\x34\x80"),
        (METADATA, b"\6" + PLACE),
        (METADATA, b"\xff\1" + PLACE),
        (METADATA, RPU),
        (METADATA, b""),
        (9, PLACE),
        (PADDING, PLACE * 5),
    ],
)
def test_everything_else_becomes_padding(kind: int, content: bytes) -> None:
    unit = av1_unit(kind, content)
    cleaned = PLAIN.clean_unit(unit)
    assert len(cleaned) == len(unit)
    assert cleaned == av1_unit(PADDING, b"\xff" * (len(content) - 1) + b"\x80" * bool(content))
    assert PLAIN.clean_unit(cleaned) == cleaned


def test_metadata_of_dolby_vision_stay_in_files_that_have_its_box() -> None:
    unit = av1_unit(METADATA, RPU)
    assert DOLBY.clean_unit(unit) == unit


def test_units_with_an_extension_and_without_a_size() -> None:
    with_extension = bytes([METADATA << 3 | 4, 0x28]) + b"\6" + PLACE
    cleaned = PLAIN.clean_unit(with_extension)
    assert cleaned == bytes([PADDING << 3 | 4, 0x28]) + b"\xff" * len(PLACE) + b"\x80"


@given(st.binary(max_size=20), st.integers(0, 30))
def test_no_unit_reaches_beyond_its_picture(start: bytes, room: int) -> None:
    unit = parse_unit(start, room)
    assert unit is None or len(unit.header) <= unit.size <= room


def test_the_decoders_record_holds_nothing_but_parameters() -> None:
    sequence = av1_unit(1, b"\0\0\0\4\x3c\xfe")
    before = RECORD + sequence + av1_unit(METADATA, b"\6" + PLACE) + b"\xff" + PLACE
    after = PLAIN.clean_record(before)
    assert len(after) == len(before)
    assert after.startswith(RECORD + sequence)
    assert PLACE not in after
    assert after.endswith(bytes(1 + len(PLACE)))


# -- whole files


def decoded(path: Path) -> bytes:
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-f", "framemd5", "-"]
    return subprocess.run(command, check=True, capture_output=True, timeout=60).stdout


@pytest.mark.ffmpeg
def test_every_frame_is_the_same_without_the_place(tmp_path: Path) -> None:
    flags = ("-movflags", "+frag_keyframe+delay_moov+default_base_moof+dash")
    clip = clips.make("mp4", "-i", str(places.av1_camera()), "-c", "copy", *flags)
    path = Path(shutil.copy(clip, tmp_path / "copy.mp4"))
    assert places.traces(path.read_bytes())
    assert remove_user_data(path, codec="av1") >= 60
    assert places.traces(path.read_bytes()) == []
    assert path.stat().st_size == clip.stat().st_size
    assert decoded(path) == decoded(clip)
    assert remove_user_data(path, codec="av1") == 0
