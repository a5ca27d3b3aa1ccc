"""Sample descriptions of MP4 and cropping of Matroska, as real files and damaged ones have them."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import clips
from tests.examples import examples
from tests.videos.transcode import odd_pictures as odd
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


@pytest.mark.ffmpeg
def test_the_same_description_twice_is_one() -> None:
    [found] = read_sample_descriptions(odd.same_description_twice()).values()
    assert not found.are_several


@pytest.mark.ffmpeg
def test_encrypted_tracks() -> None:
    found = read_sample_descriptions(odd.encrypted())
    assert [one.is_protected for one in found.values()] == [True, True]


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
