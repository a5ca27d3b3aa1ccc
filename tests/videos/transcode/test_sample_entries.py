"""Sample descriptions of MP4 and cropping of Matroska, as real files and damaged ones have them."""

from __future__ import annotations

import hashlib
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import clips
from tests.examples import examples
from tests.videos.transcode import built
from tests.videos.transcode import odd_pictures as odd
from videos.transcode import matroska
from videos.transcode.matroska import NOT_CROPPED, read_cropping
from videos.transcode.media import Crop
from videos.transcode.sample_entries import read_sample_descriptions

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.mark.ffmpeg
def test_the_descriptions_of_each_track() -> None:
    found = read_sample_descriptions(odd.h264())
    kinds = {number: [kind for kind, _ in one.entries] for number, one in found.items()}
    assert kinds == {1: [b"avc1"], 2: [b"mp4a"]}
    assert not any(one.are_several or one.is_protected for one in found.values())


@pytest.mark.ffmpeg
def test_two_descriptions() -> None:
    [found] = read_sample_descriptions(odd.two_descriptions()).values()
    assert found.are_several
    assert not found.is_protected


@pytest.mark.long  # a built file is read in each run
@pytest.mark.ffmpeg
def test_the_same_description_twice_is_one() -> None:
    [found] = read_sample_descriptions(odd.same_description_twice()).values()
    assert not found.are_several


@pytest.mark.ffmpeg
def test_encrypted_tracks() -> None:
    found = read_sample_descriptions(odd.encrypted())
    assert [one.is_protected for one in found.values()] == [True, True]


@pytest.mark.long  # a built file is read in each run
@pytest.mark.ffmpeg
def test_a_fragmented_file_has_them_at_its_start() -> None:
    clip = odd.h264(options=("-movflags", "+frag_keyframe+empty_moov"))
    assert set(read_sample_descriptions(clip)) == {1, 2}


@pytest.mark.ffmpeg
@pytest.mark.parametrize("display", [(320, 136), None])
def test_the_cropping_of_a_picture(display: tuple[int, int] | None) -> None:
    [found] = read_cropping(odd.cropped_mkv(display=display))
    assert found == (Crop(0, odd.LETTERBOX, 320, 180 - 2 * odd.LETTERBOX), Fraction(1), (320, 180))


@pytest.mark.ffmpeg
def test_other_files_have_none() -> None:
    assert read_cropping(odd.h264()) == ()
    assert read_cropping(odd.h264(suffix="mkv")) == (NOT_CROPPED,)
    assert read_sample_descriptions(odd.h264(suffix="mkv")) == {}


@pytest.mark.ffmpeg
@pytest.mark.parametrize("make", [odd.two_descriptions, odd.cropped_mkv])
@settings(max_examples=examples(60))
@given(data=st.data())
def test_damage_raises_nothing(make: Callable[[], Path], data: st.DataObject) -> None:
    content = bytearray(make().read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 5))
        content[place : place + 4] = data.draw(st.binary(min_size=4, max_size=4))
    path = clips.folder() / "damaged"
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    read_sample_descriptions(path)
    read_cropping(path)


# -- files that are built here

AVC1 = built.picture_entry(b"avc1", built.box(b"avcC", built.avc_record()))
OTHER_AVC1 = built.picture_entry(b"avc1", built.box(b"avcC", built.avc_record(pps=(b"\x68",))))
MP4A = built.sound_entry(b"mp4a", built.esds())


@pytest.mark.parametrize("make", [built.fragmented_mp4, built.plain_mp4])
def test_built_descriptions_are_found(make: Callable[..., bytes]) -> None:
    found = read_sample_descriptions(built.stored(make(built.picture(), built.sound(number=5))))
    assert {number: one.entries for number, one in found.items()} == {
        1: ((b"avc1", hashlib.sha256(AVC1[8:]).digest()),),
        5: ((b"mp4a", hashlib.sha256(MP4A[8:]).digest()),),
    }


@pytest.mark.parametrize(
    ("entries", "are_several", "is_protected"),
    [
        (AVC1, False, False),
        (AVC1 + AVC1, False, False),
        (AVC1 + OTHER_AVC1, True, False),
        (built.picture_entry(b"encv"), False, True),
        (AVC1 + built.picture_entry(b"drmi"), True, True),
    ],
)
def test_several_and_encrypted_descriptions(
    entries: bytes, *, are_several: bool, is_protected: bool
) -> None:
    data = built.plain_mp4(built.picture(entry=entries))
    [found] = read_sample_descriptions(built.stored(data)).values()
    assert (found.are_several, found.is_protected) == (are_several, is_protected)


def test_files_without_descriptions() -> None:
    for data in (b"", built.FTYP, built.plain_mp4().replace(b"stsd", b"free")):
        assert read_sample_descriptions(built.stored(data)) == {}
    without_numbers = built.plain_mp4().replace(b"tkhd", b"free")
    assert read_sample_descriptions(built.stored(without_numbers)) == {}


def element(identifier: int, content: bytes) -> bytes:
    """An EBML element whose size has two bytes."""
    name = identifier.to_bytes((identifier.bit_length() + 7) // 8)
    return name + (len(content) | 0x4000).to_bytes(2) + content


def track(kind: int = 1, **values: int) -> bytes:
    """A TrackEntry with a Video element. ``values``: of the elements in it, by their names."""
    inner = [element(getattr(matroska, name), value.to_bytes(2)) for name, value in values.items()]
    video = element(matroska.VIDEO, b"".join(inner))
    return element(matroska.TRACK_ENTRY, element(matroska.TRACK_TYPE, bytes([kind])) + video)


EBML = element(0x1A45DFA3, b"\x42\x82\x84webm")


def webm(*tracks: bytes, before: bytes = b"") -> Path:
    content = before + element(matroska.TRACKS, b"".join(tracks)) + element(matroska.CLUSTER, b"")
    return built.stored(EBML + element(0x18538067, content))


SIZE = {"PIXEL_WIDTH": 320, "PIXEL_HEIGHT": 180}


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (SIZE, NOT_CROPPED),
        (
            SIZE | {"CROP_TOP": 20, "CROP_BOTTOM": 24},
            (Crop(0, 20, 320, 136), Fraction(1), (320, 180)),
        ),
        (
            SIZE | {"CROP_LEFT": 8, "CROP_RIGHT": 12},
            (Crop(8, 0, 300, 180), Fraction(1), (320, 180)),
        ),
        # Shown in another shape than it is stored.
        (
            SIZE | {"CROP_TOP": 90, "DISPLAY_WIDTH": 320, "DISPLAY_HEIGHT": 180},
            (Crop(0, 90, 320, 90), Fraction(1), (320, 180)),
        ),
        (
            SIZE | {"CROP_TOP": 90, "DISPLAY_WIDTH": 160, "DISPLAY_HEIGHT": 90},
            (Crop(0, 90, 320, 90), Fraction(1, 2), (320, 180)),
        ),
        (SIZE | {"CROP_TOP": 180}, NOT_CROPPED),
        ({"CROP_TOP": 4}, NOT_CROPPED),
    ],
)
def test_cropping_that_is_built(values: dict[str, int], found: object) -> None:
    other = track(2, **SIZE, CROP_TOP=4)
    assert read_cropping(webm(other, track(**values), before=element(0xEC, bytes(9)))) == (found,)
    assert read_cropping(webm(track(**values), track(**SIZE))) == (found, NOT_CROPPED)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        EBML,
        EBML + element(0x18538067, element(matroska.CLUSTER, b"") + element(matroska.TRACKS, b"")),
        EBML + element(0x18538067, element(matroska.TRACKS, b"\xae")),
        EBML + element(0x18538067, element(matroska.TRACKS, b"\xae\xff" + bytes(9))),
        EBML + b"\x1a\x1a\x1a\x1a\xff" + bytes(9),
        EBML + bytes(20),
        EBML + b"\x0f\xff\xff\xff\xff\x81" + bytes(20),
        EBML + element(0xEC, b"") * 1100,
    ],
)
def test_damaged_files_have_no_cropping(data: bytes) -> None:
    assert read_cropping(built.stored(data)) == ()
