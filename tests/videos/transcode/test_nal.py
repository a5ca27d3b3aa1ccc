"""Reads NAL units of samples, and the decoder's parameters, from made-up bytes."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import examples
from tests.videos.transcode import built
from videos.transcode.container import FileReader
from videos.transcode.nal import (
    NO_PARAMETERS,
    NOT_IDR,
    OTHER_PARAMETERS,
    AvcParameters,
    NalUnit,
    Sample,
    nal_units,
    parse_avc_record,
    reason_against_copy,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SPS, PPS, OTHER = b"\x67\x42\x00\x1e\xaa", b"\x68\xce\x3c\x80", b"\x68\xff"


def record(*sets: bytes, sizes: int = 4) -> bytes:
    """An avcC with sequence parameter sets (type 7) and picture parameter sets (type 8)."""
    parts = bytearray(b"\x01\x42\x00\x1e" + bytes((0xFC | (sizes - 1),)))
    for mask, kind in ((0xE0, 7), (0, 8)):
        chosen = [one for one in sets if one[0] & 0x1F == kind]
        parts.append(mask | len(chosen))
        for one in chosen:
            parts += struct.pack(">H", len(one)) + one
    return bytes(parts)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (record(SPS, PPS), AvcParameters(4, frozenset({SPS, PPS}))),
        (record(SPS, PPS, OTHER, sizes=2), AvcParameters(2, frozenset({SPS, PPS, OTHER}))),
        (record(), AvcParameters(4, frozenset())),
        # The extension of High profile follows.
        (record(SPS, PPS) + b"\xfc\xf8\xf8\0", AvcParameters(4, frozenset({SPS, PPS}))),
        (record(SPS + b"\0\0", PPS), AvcParameters(4, frozenset({SPS, PPS}))),
        (b"", AvcParameters(4, frozenset())),
    ],
)
def test_the_parameters_of_the_decoder(content: bytes, found: AvcParameters) -> None:
    assert parse_avc_record(content) == found


def sample(*units: bytes, sizes: int = 4) -> bytes:
    return b"".join(len(unit).to_bytes(sizes) + unit for unit in units)


def read(content: bytes, path: Path, *, sizes: int = 4, size: int | None = None) -> list[NalUnit]:
    path.write_bytes(b"before" + content)
    length = len(content) if size is None else size
    with path.open("rb") as file:
        return list(nal_units(FileReader.of(file), Sample(6, length), sizes))


@pytest.mark.parametrize("sizes", [1, 2, 4])
def test_units_up_to_the_first_slice(tmp_path: Path, sizes: int) -> None:
    content = sample(
        b"\x09\xf0", SPS + b"\0", PPS, b"\x06\x05\x01", b"\x65idr", b"\x41p", sizes=sizes
    )
    assert read(content, tmp_path / "a", sizes=sizes) == [
        NalUnit(9, b""),
        NalUnit(7, SPS),
        NalUnit(8, PPS),
        NalUnit(6, b""),
        NalUnit(5, b""),
    ]


@pytest.mark.parametrize(
    ("content", "size"),
    [
        (b"", None),
        (b"\0\0", None),
        (sample(b"\x09\xf0")[:5], None),
        (b"\xff\xff\xff\xff\x65", None),
        (sample(b"\x65idr"), 3),
        (sample(b"\x65idr"), 100_000),
    ],
)
def test_damage_ends_the_units(tmp_path: Path, content: bytes, size: int | None) -> None:
    assert len(read(content, tmp_path / "a", size=size)) <= 1


@settings(max_examples=examples(60))
@given(content=st.binary(max_size=200), sizes=st.sampled_from([1, 2, 4]))
def test_noise_raises_nothing(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, sizes: int
) -> None:
    read(content, tmp_path_factory.getbasetemp() / "noise", sizes=sizes)
    parse_avc_record(content)


# -- whole files


def picture_whose_second(**changes: bytes) -> built.Track:
    """Three fragments, of which the second has another first frame."""
    return built.picture(built.frames(0), built.frames(1, **changes), built.frames(2))


def in_front(*units: bytes) -> built.Track:
    return picture_whose_second(first=sample(*units))


@pytest.mark.parametrize(
    ("picture", "reason"),
    [
        (built.picture(), ""),
        (picture_whose_second(idr=b"\x41no keyframe"), NOT_IDR),
        (picture_whose_second(idr=b"\x42a part"), NOT_IDR),
        (picture_whose_second(idr=b"\x06\x06\x01\x84\x80"), NOT_IDR),
        (in_front(b"\x09\xf0", built.SPS, built.PPS), ""),
        (in_front(b"\x09\xf0", built.SPS, b"\x68\xff"), OTHER_PARAMETERS),
        (in_front(SPS), OTHER_PARAMETERS),
        # Frames of one size and no sound: the size stands in the header of the fragment.
        (built.picture((built.Sample(built.unit(built.IDR[0]), 2048),)), ""),
        (built.picture((built.Sample(built.unit(b"\x41" + bytes(9)), 2048),) * 2), NOT_IDR),
    ],
)
@pytest.mark.parametrize("has_sound", [False, True])
def test_what_players_cannot_start_at(
    picture: built.Track, reason: str, *, has_sound: bool
) -> None:
    sound = [built.sound(*[4] * len(picture.fragments))] * has_sound
    path = built.stored(built.fragmented_mp4(picture, *sound))
    assert reason_against_copy(path) == reason
    path = built.stored(built.fragmented_mp4(*sound, picture))
    assert reason_against_copy(path) == reason
    if sound:
        path = built.stored(built.separate_mp4(picture, built.sound(4, number=3), *sound))
        assert reason_against_copy(path) == reason


def test_parameters_that_are_only_between_the_pictures() -> None:
    entry = built.picture_entry(b"avc3", built.box(b"avcC", record()))
    first = sample(built.SPS, built.PPS)
    picture = built.picture(built.frames(0, first=first), entry=entry)
    assert reason_against_copy(built.stored(built.fragmented_mp4(picture))) == NO_PARAMETERS
    without_record = built.picture(entry=built.picture_entry(b"avc1"))
    assert reason_against_copy(built.stored(built.fragmented_mp4(without_record))) == NO_PARAMETERS


def test_a_fragment_of_sound_alone_is_no_reason() -> None:
    path = built.stored(
        built.fragmented_mp4(built.picture(built.frames(0), ()), built.sound(6, 20))
    )
    assert reason_against_copy(path) == ""


@pytest.mark.parametrize("write", [built.fragmented_mp4, built.separate_mp4])
def test_a_long_file_is_read_with_a_tick_for_each_fragment(write: Callable[..., bytes]) -> None:
    """A hostile one takes minutes, in which the lease must be kept."""
    picture = built.picture(*(built.frames(n) for n in range(5)))
    ticks: list[None] = []
    path = built.stored(write(picture, built.sound(), built.sound(number=3)))
    assert reason_against_copy(path, tick=lambda: ticks.append(None)) == ""
    assert len(ticks) == 5
