"""Whether an MP4 holds the samples that it lists, when its boxes look whole."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import boxes, clips
from videos.transcode.container import is_whole
from videos.transcode.errors import SourceError
from videos.transcode.missing_samples import has_all_samples
from videos.transcode.plan import make_plan
from videos.transcode.probe import probe
from videos.transcode.types import Options

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.ffmpeg


def in_front() -> Path:
    return clips.h264_mp4(seconds=4, faststart=True)


def to_the_end(clip: Path, share: float) -> Path:
    """The first part of a file whose mdat reaches to the end of the file, wherever that is."""
    data = bytearray(clip.read_bytes())
    box = data.index(b"mdat") - 4
    data[box : box + 4] = bytes(4)
    path = clips.new_path("mp4", "cut")
    path.write_bytes(data[: int(len(data) * share)])
    return path


def rewritten(change: Callable[[boxes.Box], None]) -> Path:
    """A clip with its index at the end and a change in its tables of samples."""
    file = boxes.load(clips.h264_mp4())
    change(file)
    return boxes.save(file, clips.new_path("mp4", "rewritten"))


def offsets(file: boxes.Box, handler: bytes) -> boxes.Box:
    [track] = boxes.tracks(file, handler)
    return boxes.sample_table(track).find(b"stco")


@pytest.mark.parametrize(
    "make",
    [
        clips.h264_mp4,
        in_front,
        clips.phone_h264_mov,
        clips.phone_hevc_mov,
        clips.two_sounds,
        lambda: clips.with_codec("mov", "prores_ks", "pcm_s24le"),
        lambda: clips.with_codec("avi", "mjpeg", "pcm_s16le"),
        lambda: clips.h264_mp4(options=("-movflags", "frag_keyframe+empty_moov")),
        lambda: to_the_end(in_front(), 1),
        lambda: clips.text_as_mp4("text"),
    ],
)
def test_a_whole_file_has_all_samples(make: Callable[[], Path]) -> None:
    assert has_all_samples(make())


@pytest.mark.parametrize("share", [0.3, 0.6, 0.97])
def test_a_cut_file_lacks_some_although_its_boxes_are_whole(share: float) -> None:
    clip = to_the_end(in_front(), share)
    assert is_whole(clip)
    assert not has_all_samples(clip)
    info = probe(clip, options=Options())
    assert not info.whole
    with pytest.raises(SourceError, match="incomplete"):
        make_plan(info, Options())


@pytest.mark.parametrize("handler", [b"vide", b"soun"])
def test_a_track_that_lies_after_the_end_is_missing(handler: bytes) -> None:
    def far_away(file: boxes.Box) -> None:
        offsets(file, handler).patch(8, ">I", 10**9)

    assert not has_all_samples(rewritten(far_away))


def test_offsets_of_64_bits_are_understood() -> None:
    def widen(file: boxes.Box) -> None:
        box = offsets(file, b"vide")
        count = box.number(4)
        small = struct.unpack(f">{count}I", box.content[8:])
        file.find(b"moov")  # its chunk offsets stay right, since it comes last
        box.kind = b"co64"
        box.content = box.content[:8] + struct.pack(f">{count}Q", *small)

    assert has_all_samples(rewritten(widen))

    def widen_and_move(file: boxes.Box) -> None:
        box = offsets(file, b"vide")
        widen(file)
        box.patch(8, ">Q", 2**40)

    assert not has_all_samples(rewritten(widen_and_move))


def test_an_empty_chunk_at_the_end_of_the_file_is_nothing_missing() -> None:
    def add_empty(file: boxes.Box) -> None:
        box = offsets(file, b"vide")
        count = box.number(4)
        box.content += struct.pack(">I", 10**9)
        box.patch(4, ">I", count + 1)

    assert has_all_samples(rewritten(add_empty))


def test_media_in_other_files_and_other_tracks_are_not_judged() -> None:
    def elsewhere(file: boxes.Box) -> None:
        [track] = boxes.tracks(file, b"vide")
        offsets(file, b"vide").patch(8, ">I", 10**9)
        track.find(b"mdia", b"minf", b"dinf", b"dref").patch(16, ">I", 0)

    assert has_all_samples(rewritten(elsewhere))

    def text(file: boxes.Box) -> None:
        [track] = boxes.tracks(file, b"soun")
        offsets(file, b"soun").patch(8, ">I", 10**9)
        track.find(b"mdia", b"hdlr").patch(8, ">I", int.from_bytes(b"text"))

    assert has_all_samples(rewritten(text))


@given(place=st.integers(0, 4000), value=st.binary(min_size=1, max_size=8))
def test_no_damage_of_the_tables_upsets_it(place: int, value: bytes) -> None:
    data = bytearray(in_front().read_bytes())
    data[place : place + len(value)] = value
    path = clips.folder() / "damaged-tables.mp4"
    path.write_bytes(data)
    assert has_all_samples(path) in (True, False)
