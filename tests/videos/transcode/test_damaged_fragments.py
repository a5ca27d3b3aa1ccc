"""What is no rendition, or no longer one, is told or read as far as it is whole."""

from __future__ import annotations

import struct
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import clips
from tests.examples import examples, one_in
from tests.videos.transcode import built, fragmented
from videos.transcode import fragments as under_test
from videos.transcode.errors import UNREADABLE, NotFragmentedError
from videos.transcode.fragments import (
    EMPTY_INDEX,
    FragmentIndex,
    codecs,
    describe,
    read_index,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


OTHER_LAYOUTS: dict[str, Callable[[], Path]] = {
    "mp4": clips.h264_mp4,
    "faststart": lambda: clips.h264_mp4(faststart=True),
    "no sidx": lambda: clips.h264_mp4(options=("-movflags", "frag_keyframe+empty_moov")),
    "mkv": clips.two_sounds,
    "m4a": clips.audio_only,
    "text": clips.text_as_mp4,
    "no picture": lambda: clips.make("mp4", *clips.tone(2), "-c:a", "aac", *fragmented.FLAGS),
}


@pytest.mark.ffmpeg
@pytest.mark.parametrize("make", one_in(2, OTHER_LAYOUTS))
def test_a_file_of_another_layout_is_told(make: Callable[[], Path]) -> None:
    with pytest.raises(NotFragmentedError) as caught:
        read_index(make())
    assert caught.value.detail
    assert caught.value.sentence == UNREADABLE
    with pytest.raises(NotFragmentedError):
        describe(make())


@pytest.mark.parametrize(
    "data",
    [
        built.plain_mp4(),
        built.plain_mp4(moov_first=True),
        built.fragmented_mp4().replace(b"sidx", b"styp"),
        built.fragmented_mp4(built.sound(number=1)),
        b"\x1a\x45\xdf\xa3" + bytes(40),
        b"some text that is longer than the header of a box",
    ],
    ids=["mp4", "faststart", "no sidx", "no picture", "mkv", "text"],
)
def test_a_built_file_of_another_layout_is_told(data: bytes) -> None:
    path = built.stored(data)
    for read in (read_index, describe):
        with pytest.raises(NotFragmentedError) as caught:
            read(path)
        assert caught.value.detail


def test_nothing_is_in_an_empty_file_and_a_missing_one_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    with pytest.raises(FileNotFoundError):
        read_index(path)
    path.touch()
    assert read_index(path) == EMPTY_INDEX
    with pytest.raises(NotFragmentedError, match="cannot be read"):
        codecs(path)
    with pytest.raises(NotFragmentedError):
        describe(path)


@pytest.mark.parametrize("kind", [b"ftyp", b"moov", b"sidx", b"moof", b"mdat"])
@pytest.mark.parametrize("size", [0, 2, 7, 2**31, 2**32 - 1])
@pytest.mark.parametrize("write", [built.fragmented_mp4, built.separate_mp4])
def test_a_damaged_size_ends_the_list_or_is_told(
    write: Callable[[], bytes], kind: bytes, size: int
) -> None:
    data = bytearray(write())
    final = read_index(built.stored(bytes(data)))
    place = data.rindex(kind) - 4
    data[place : place + 4] = struct.pack(">I", size)
    _read_safely(bytes(data), final)


@pytest.mark.parametrize("size", [0, 15, 2**40, 2**63, 2**64 - 1])
@pytest.mark.parametrize("kind", [b"sidx", b"moof", b"mdat", b"mfra", b"styp"])
def test_a_damaged_size_of_64_bits_ends_the_list_or_is_told(kind: bytes, size: int) -> None:
    whole = built.tiny().read_bytes()
    final = read_index(built.tiny())
    start = final.fragments[0].offset + final.fragments[0].size
    _read_safely(whole[:start] + struct.pack(">I4sQ", 1, kind, size) + b"\0" * 64, final)


@settings(deadline=None, max_examples=examples(200))
@given(
    whole=st.sampled_from([built.fragmented_mp4(), built.separate_mp4()]),
    place=st.integers(0, 5000),
    damage=st.binary(min_size=1, max_size=12),
)
def test_no_damage_upsets_it(whole: bytes, place: int, damage: bytes) -> None:
    data = bytearray(whole)
    place %= len(data)
    data[place : place + len(damage)] = damage
    _read_safely(bytes(data))


@settings(deadline=None, max_examples=examples(200))
@given(
    boxes=st.lists(
        st.tuples(
            st.sampled_from([b"ftyp", b"moov", b"trak", b"sidx", b"moof", b"mdat", b"mfra", b"x"]),
            st.binary(max_size=60),
        ),
        max_size=8,
    ),
    with_start=st.booleans(),
    rest=st.binary(max_size=20),
)
def test_no_boxes_upset_it(boxes: list[tuple[bytes, bytes]], with_start: bool, rest: bytes) -> None:
    whole = built.tiny().read_bytes()
    start = whole[: read_index(built.tiny()).init_size] if with_start else b""
    _read_safely(
        start + b"".join(fragmented.box(kind.ljust(4), content) for kind, content in boxes) + rest
    )


@settings(deadline=None, max_examples=examples(200))
@given(content=st.binary(max_size=400))
def test_no_contents_of_a_sidx_upset_it(content: bytes) -> None:
    whole = built.tiny().read_bytes()
    start = whole[: read_index(built.tiny()).init_size]
    _read_safely(
        start
        + fragmented.box(b"sidx", content)
        + fragmented.box(b"moof", b"")
        + fragmented.box(b"mdat", b"")
    )


def test_a_file_of_nothing_but_fragments_is_refused_after_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(under_test, "MAX_FRAGMENTS", 50)
    start = built.tiny().read_bytes()[: read_index(built.tiny()).init_size]
    path = tmp_path / "clip.mp4"
    path.write_bytes(
        start
        + 51 * (fragmented.sidx() + fragmented.box(b"moof", b"") + fragmented.box(b"mdat", b""))
    )
    with pytest.raises(NotFragmentedError):
        read_index(path)


def test_a_fragment_of_nothing_but_leading_boxes_is_refused(tmp_path: Path) -> None:
    start = built.tiny().read_bytes()[: read_index(built.tiny()).init_size]
    path = tmp_path / "clip.mp4"
    path.write_bytes(start + 1000 * fragmented.sidx())
    with pytest.raises(NotFragmentedError):
        read_index(path)


def _read_safely(data: bytes, final: FragmentIndex | None = None) -> None:
    """Either an answer that can be true, or NotFragmentedError; in no time."""
    path = clips.folder() / "damaged.mp4"
    path.write_bytes(data)
    since = time.monotonic()
    try:
        index = read_index(path)
    except NotFragmentedError:
        index = EMPTY_INDEX
    else:
        assert index.end <= len(data)
        place = index.init_size
        for fragment in index.all_fragments():
            assert fragment.size > 0
            assert fragment.duration >= 0
            assert fragment.offset == place
            place += fragment.size
        assert place == index.media_end <= index.end
        assert read_index(path, known=index) == index
    if final is not None and index.fragments:
        parts = index.all_fragments()
        assert parts == final.all_fragments()[: len(parts)]
    try:
        names = codecs(path)
    except NotFragmentedError:
        pass
    else:
        assert names.startswith("avc")
    assert time.monotonic() - since < 5
