"""User data in H.264: what is removed from a copy, and that nothing else changes."""

from __future__ import annotations

import functools
import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import boxes, clips
from tests.examples import one_in
from tests.videos.transcode import built
from videos.transcode.errors import ProcessingError
from videos.transcode.fragments import read_index
from videos.transcode.sei import AvcCleaner
from videos.transcode.user_data import remove_user_data

PLACE = b"latitude_deg=52.5200 longitude_deg=13.4050"
CAPTIONS = b"\xb5\x00\x31GA94\x03\xc1\xff\xfc\x80\x80\xff"
END = b"\x80"
CLEANER = AvcCleaner(b"\1\x64\0\x1f\xff")
clean_unit, clean_record = CLEANER.clean_unit, CLEANER.clean_record


def message(kind: int, content: bytes) -> bytes:
    """An SEI message: type, size and content (ITU-T H.264, 7.3.2.3.1)."""
    return bytes([kind]) + b"\xff" * (len(content) // 255) + bytes([len(content) % 255]) + content


def sei(*messages: bytes) -> bytes:
    return b"\x06" + b"".join(messages).replace(b"\0\0", b"\0\0\3") + END


USER_DATA = message(5, bytes(range(16, 32)) + PLACE)
RECOVERY = message(6, b"\x84")
OTHER_MAKER = message(4, b"\xb5\x00\x3c" + PLACE)


@pytest.mark.parametrize(
    ("messages", "kept"),
    [
        ([USER_DATA], []),
        ([USER_DATA, RECOVERY], [RECOVERY]),
        ([RECOVERY, OTHER_MAKER, message(4, CAPTIONS)], [RECOVERY, message(4, CAPTIONS)]),
        ([message(1, b"\x12\x34"), message(200, PLACE)], []),
        ([message(5, b"\0\0\1\0\0\0" + PLACE), RECOVERY], [RECOVERY]),
        ([message(144, b"\x03\xe8\0\0"), USER_DATA], [message(144, b"\x03\xe8\0\0") + b"\3"]),
        ([message(5, bytes(300)), message(5, b"\1" * 600), RECOVERY], [RECOVERY]),
    ],
)
def test_only_messages_that_decoders_need_are_kept(
    messages: list[bytes], kept: list[bytes]
) -> None:
    unit = sei(*messages)
    cleaned = clean_unit(unit)
    assert len(cleaned) == len(unit)
    assert cleaned.startswith(b"\x06" + b"".join(kept) + b"\x03")
    assert cleaned.endswith(END)
    assert PLACE not in cleaned
    assert clean_unit(cleaned) == cleaned


@pytest.mark.parametrize("unit", [sei(RECOVERY), sei(message(3, b"\xff" * 9))])
def test_units_without_user_data_stay_as_they_are(unit: bytes) -> None:
    assert clean_unit(unit) == unit


@pytest.mark.parametrize("kind", [0, 12, 24, 31])
def test_units_without_a_meaning_become_filler(kind: int) -> None:
    assert clean_unit(bytes([kind]) + PLACE) == b"\x0c" + b"\xff" * (len(PLACE) - 1) + END


@given(st.binary(min_size=1, max_size=1200))
def test_any_unit_keeps_its_size_and_loses_what_is_unknown(content: bytes) -> None:
    unit = b"\x06" + message(5, content).replace(b"\0\0", b"\0\0\3") + END
    cleaned = clean_unit(unit)
    assert len(cleaned) == len(unit)
    assert b"\0\0" not in cleaned
    assert clean_unit(cleaned) == cleaned


@given(st.binary(min_size=1, max_size=40))
def test_damaged_units_keep_their_size(content: bytes) -> None:
    unit = b"\x06" + content
    cleaned = clean_unit(unit)
    assert len(cleaned) == len(unit)
    assert len(clean_unit(cleaned)) == len(unit)


@pytest.mark.parametrize("profile", [66, 100])
def test_the_decoders_record_holds_nothing_but_parameter_sets(profile: int) -> None:
    """User data in the place of a parameter set, and after the last one."""

    def sized(unit: bytes) -> bytes:
        return struct.pack(">H", len(unit)) + unit

    head = bytes([1, profile, 0, 30, 0xFF])
    end = b"\xfd\xf8\xf8\0" if profile == 100 else b""
    sets = b"\xe2" + sized(b"\x67ab") + sized(sei(USER_DATA)) + b"\1" + sized(b"\x68cd")
    cleaned = clean_record(head + sets + end + PLACE)
    assert len(cleaned) == len(head + sets + end + PLACE)
    assert PLACE not in cleaned
    assert cleaned.startswith(head + b"\xe2" + sized(b"\x67ab"))
    assert cleaned.endswith(b"\1" + sized(b"\x68cd") + end + bytes(len(PLACE)))
    with pytest.raises(IndexError):
        clean_record(head)


# -- whole files


@functools.cache
def with_user_data(*options: str) -> Path:
    """A fragmented copy with user data in each keyframe."""
    text = f"h264_metadata=sei_user_data=086f3693-b7b3-4f2c-9653-21492feee5b8+{PLACE.decode()}"
    return clips.make(
        "mp4",
        *("-i", str(clips.h264_mp4(size="160x90", gop=10, options=options))),
        *("-c", "copy", "-bsf:v", text),
        *("-movflags", "+frag_keyframe+empty_moov+default_base_moof+dash"),
    )


def decoded(path: Path) -> bytes:
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-f", "framemd5", "-"]
    return subprocess.run(command, check=True, capture_output=True, timeout=60).stdout


CASES = {
    "user data": (),
    "intra refresh": ("-x264-params", "intra-refresh=1:keyint=10:bframes=0"),
    "open groups": ("-x264-params", "open-gop=1:keyint=10:bframes=2"),
    "slices and timing": ("-x264-params", "slices=4:nal-hrd=vbr:vbv-maxrate=900:vbv-bufsize=900"),
}


@pytest.mark.ffmpeg
@pytest.mark.parametrize("options", one_in(2, CASES))
def test_every_frame_is_the_same_without_the_place(
    options: tuple[str, ...], tmp_path: Path
) -> None:
    clip = with_user_data(*options)
    path = Path(shutil.copy(clip, tmp_path / "copy.mp4"))
    assert PLACE in path.read_bytes()
    assert remove_user_data(path) >= 6
    assert PLACE not in path.read_bytes()
    assert b"x264 - core" not in path.read_bytes()
    assert path.stat().st_size == clip.stat().st_size
    assert decoded(path) == decoded(clip)
    assert remove_user_data(path) == 0


@pytest.mark.ffmpeg
def test_a_file_of_another_layout_is_an_error_of_processing(tmp_path: Path) -> None:
    path = Path(shutil.copy(with_user_data(), tmp_path / "copy.mp4"))
    file = boxes.load(path)
    next(box for box in file.boxes if box.kind == b"moof").content = b"\0\0\0\4traf"
    boxes.save(file, path)
    with pytest.raises(ProcessingError):
        remove_user_data(path)
    with pytest.raises(ProcessingError, match="cannot be read"):
        remove_user_data(Path(shutil.copy(clips.h264_mp4(size="160x90"), tmp_path)))


# -- files that are built here

RECOVERY_UNIT = sei(RECOVERY)


def built_with(*units: bytes, entry: bytes = b"") -> bytes:
    """Three fragments with these units in front of their first frames, and sound."""
    first = b"".join(built.unit(one) for one in units)
    picture = built.picture(*(built.frames(n, first=first) for n in range(3)), entry=entry)
    return built.fragmented_mp4(picture, built.sound())


def test_user_data_of_a_built_file_is_replaced_and_nothing_else() -> None:
    units = (sei(USER_DATA, RECOVERY), RECOVERY_UNIT, bytes([31]) + PLACE)
    path = built.stored(built_with(*units))
    index, times = read_index(path), path.stat().st_mtime_ns
    ticks: list[int] = []
    assert remove_user_data(path, tick=lambda: ticks.append(1)) == 6
    assert path.read_bytes() == built_with(*(clean_unit(one) for one in units))
    assert len(ticks) == 3
    assert path.stat().st_mtime_ns == times
    assert read_index(path) == index
    assert PLACE not in path.read_bytes()
    assert remove_user_data(path) == 0


def test_user_data_in_the_decoders_record_is_replaced() -> None:
    record = built.avc_record(pps=(built.PPS, sei(USER_DATA)))
    entry = built.picture_entry(b"avc1", built.box(b"avcC", record))
    path = built.stored(built_with(entry=entry))
    assert remove_user_data(path) == 1
    cleaned = built.picture_entry(b"avc1", built.box(b"avcC", clean_record(record)))
    assert path.read_bytes() == built_with(entry=cleaned)


def test_a_unit_that_is_cut_ends_its_frame_alone() -> None:
    data = built_with(sei(USER_DATA))
    place = data.index(built.unit(sei(USER_DATA)))
    path = built.stored(data[:place] + b"\0\1\0\0" + data[place + 4 :])
    assert remove_user_data(path) == 2
    assert path.read_bytes().count(PLACE) == 1


@pytest.mark.parametrize(
    "data",
    [
        b"",
        built.FTYP,
        built.plain_mp4(),
        built.fragmented_mp4(built.sound(number=1)),
        built.fragmented_mp4().replace(b"avcC", b"free"),
        built_with(entry=built.picture_entry(b"avc1", built.box(b"avcC", b"\1\2\3"))),
        built.FTYP + b"\0\0\0\4free",
        built.FTYP + b"\xff\0\0\0moof",
        built.fragmented_mp4().replace(b"trun\0\0\x0a\5", b"trun\0\0\x0a\4"),
        built.fragmented_mp4().replace(b"trun\0\0\x0a\5\0\0", b"trun\0\0\x0a\5\0\1"),
        built.fragmented_mp4()
        .replace(b"tfhd\0\2\0\x38", b"tfhd\0\2\0\x28")
        .replace(b"trun\0\0\x0a\5", b"trun\0\0\x08\5"),
    ],
)
def test_a_built_file_of_another_layout_is_told_and_stays(data: bytes) -> None:
    path = built.stored(data)
    with pytest.raises(ProcessingError, match="cannot be read"):
        remove_user_data(path)
    assert path.read_bytes() == data
