"""User data in HEVC: what is removed from a copy, and that nothing else changes."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import clips
from tests.videos import places
from tests.videos.transcode.built import box
from videos.transcode.hevc_sei import HevcCleaner
from videos.transcode.user_data import remove_user_data

PLACE = b"latitude_deg=52.5200 longitude_deg=13.4050"
END = b"\x80"
PREFIX, SUFFIX = b"\x4e\x01", b"\x50\x01"


def sized(unit: bytes) -> bytes:
    return struct.pack(">H", len(unit)) + unit


def record(*arrays: tuple[int, list[bytes]]) -> bytes:
    """An hvcC (ISO/IEC 14496-15, 8.3.3.1). The lengths in front of NAL units have four bytes."""
    head = b"\1\1\x60\0\0\0\x90" + bytes(5) + b"\x3c\xf0\0\xfc\xfd\xf8\xf8\0\0\x0f"
    assert len(head) == 22
    content = b"".join(
        struct.pack(">BH", kind, len(units)) + b"".join(map(sized, units)) for kind, units in arrays
    )
    return head + bytes([len(arrays)]) + content


def message(kind: int, content: bytes) -> bytes:
    return bytes([kind]) + b"\xff" * (len(content) // 255) + bytes([len(content) % 255]) + content


def sei(*messages: bytes, header: bytes = PREFIX) -> bytes:
    return header + b"".join(messages).replace(b"\0\0", b"\0\0\3") + END


PLAIN, DOLBY = HevcCleaner(record()), HevcCleaner(record(), box(b"dvvC", bytes(24)))
USER_DATA = message(5, bytes(range(16, 32)) + PLACE)
LIGHT = message(144, b"\x03\xe8\0\0")
MASTERING = message(137, bytes(range(24)))
HDR10_PLUS = message(4, b"\xb5\x00\x3c\x00\x01\x04\x01\x40\x00\x0c")
OTHER_SAMSUNG = message(4, b"\xb5\x00\x3c" + PLACE)
TIME_CODE = message(136, b"\x64\x20\x1f\x3b\x1c")


@pytest.mark.parametrize("header", [PREFIX, SUFFIX])
@pytest.mark.parametrize(
    ("messages", "kept"),
    [
        ([USER_DATA], []),
        ([USER_DATA, MASTERING], [MASTERING]),
        ([HDR10_PLUS, OTHER_SAMSUNG], [HDR10_PLUS]),
        ([TIME_CODE, message(147, b"\x12"), USER_DATA], [message(147, b"\x12")]),
    ],
)
def test_only_messages_that_the_picture_needs_are_kept(
    messages: list[bytes], kept: list[bytes], header: bytes
) -> None:
    unit = sei(*messages, header=header)
    cleaned = PLAIN.clean_unit(unit)
    assert len(cleaned) == len(unit)
    assert cleaned.startswith(sei(*kept, header=header)[:-1] + b"\3")
    assert cleaned.endswith(END)
    assert PLACE not in cleaned
    assert PLAIN.clean_unit(cleaned) == cleaned


def test_units_without_user_data_stay_as_they_are() -> None:
    unit = sei(MASTERING, LIGHT, HDR10_PLUS)
    assert PLAIN.clean_unit(unit) == unit


@pytest.mark.parametrize("kind", [10, 22, 31, 38, 41, 48, 62, 63])
def test_units_without_a_meaning_become_filler(kind: int) -> None:
    unit = bytes([kind << 1, 3]) + PLACE
    assert PLAIN.is_looked_at(unit[0])
    filler = b"\x4c\x03" + b"\xff" * (len(PLACE) - 1) + END
    assert PLAIN.clean_unit(unit) == filler


def test_metadata_of_dolby_vision_stay_in_files_that_have_its_box() -> None:
    assert not DOLBY.is_looked_at(62 << 1)
    assert DOLBY.is_looked_at(63 << 1)


@pytest.mark.parametrize("kind", [0, 1, 19, 20, 21, 32, 33, 34, 35, 36, 37])
def test_pictures_and_parameters_are_not_looked_at(kind: int) -> None:
    assert not PLAIN.is_looked_at(kind << 1)


@given(st.binary(min_size=1, max_size=1200))
def test_any_unit_keeps_its_size_and_loses_what_is_unknown(content: bytes) -> None:
    unit = sei(message(5, content))
    cleaned = PLAIN.clean_unit(unit)
    assert len(cleaned) == len(unit)
    assert b"\0\0" not in cleaned
    assert PLAIN.clean_unit(cleaned) == cleaned


@given(st.binary(min_size=1, max_size=40))
def test_damaged_units_keep_their_size(content: bytes) -> None:
    for first in (0x4E, 0x50, 0x7E):
        unit = bytes([first]) + content
        assert len(PLAIN.clean_unit(unit)) == len(unit)


def test_the_decoders_record_holds_nothing_but_parameter_sets() -> None:
    sets = [(32, [b"\x40\x01ab"]), (33, [b"\x42\x01cd"]), (34, [b"\x44\x01ef", sei(USER_DATA)])]
    before = record(*sets, (39, [sei(MASTERING), sei(USER_DATA, LIGHT)])) + PLACE
    after = PLAIN.clean_record(before)
    assert len(after) == len(before)
    assert PLACE not in after
    for kept in (b"\x40\x01ab", b"\x42\x01cd", b"\x44\x01ef", sei(MASTERING)):
        assert sized(kept) in after
    assert after.endswith(bytes(len(PLACE)))
    with pytest.raises(IndexError):
        PLAIN.clean_record(before[:40])


# -- whole files


def decoded(path: Path) -> bytes:
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-f", "framemd5", "-"]
    return subprocess.run(command, check=True, capture_output=True, timeout=60).stdout


@pytest.mark.ffmpeg
def test_every_frame_is_the_same_without_the_place(tmp_path: Path) -> None:
    flags = ("-movflags", "+frag_keyframe+delay_moov+default_base_moof+dash", "-tag:v", "hvc1")
    clip = clips.make("mp4", "-i", str(places.car_camera(codec="hevc")), "-c", "copy", *flags)
    path = Path(shutil.copy(clip, tmp_path / "copy.mp4"))
    assert places.traces(path.read_bytes())
    assert remove_user_data(path, codec="hevc") >= 60
    assert places.traces(path.read_bytes()) == []
    assert path.stat().st_size == clip.stat().st_size
    assert decoded(path) == decoded(clip)
    assert remove_user_data(path, codec="hevc") == 0
