"""Whether an MP4 holds the samples that it lists, when its boxes look whole."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import boxes, clips
from tests.examples import examples, one_in
from tests.videos.transcode import built
from videos.transcode.container import is_whole
from videos.transcode.errors import SourceError
from videos.transcode.finalise import finalise
from videos.transcode.missing_samples import has_all_samples
from videos.transcode.plan import make_plan
from videos.transcode.probe import probe
from videos.transcode.types import Options

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


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
    file = boxes.load(built.stored(built.plain_mp4()))
    change(file)
    return boxes.save(file, clips.new_path("mp4", "rewritten"))


def offsets(file: boxes.Box, handler: bytes) -> boxes.Box:
    [track] = boxes.tracks(file, handler)
    return boxes.sample_table(track).find(b"stco")


@pytest.mark.ffmpeg
@pytest.mark.parametrize(
    "make",
    one_in(
        3,
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
    ),
)
def test_a_whole_file_has_all_samples(make: Callable[[], Path]) -> None:
    assert has_all_samples(make())


@pytest.mark.ffmpeg
@pytest.mark.parametrize("share", one_in(3, [0.97, 0.6, 0.3]))
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


@settings(max_examples=examples(200), deadline=None)
@given(place=st.integers(0, 2500), value=st.binary(min_size=1, max_size=8))
def test_no_damage_of_the_tables_upsets_it(place: int, value: bytes) -> None:
    data = bytearray(built.plain_mp4(moov_first=True))
    data[place : place + len(value)] = value
    path = clips.folder() / "damaged-tables.mp4"
    path.write_bytes(data)
    assert has_all_samples(path) in (True, False)


# -- files that are built here


def reaching_to_the_end(data: bytes) -> bytes:
    """The same file with an mdat that reaches to the end of the file."""
    place = data.index(b"mdat") - 4
    return data[:place] + bytes(4) + data[place + 4 :]


@pytest.mark.parametrize("tracks", [(built.picture(),), (built.picture(), built.sound())])
def test_a_file_lacks_samples_if_the_last_one_begins_after_its_end(
    tracks: tuple[built.Track, ...],
) -> None:
    data = reaching_to_the_end(built.plain_mp4(*tracks, moov_first=True))
    last = len(data) - len(tracks[-1].samples[-1].data)
    path = built.stored(data)
    assert has_all_samples(path)
    for size in range(len(data), data.index(b"mdat") + 4, -1):
        path.write_bytes(data[:size])
        assert is_whole(path)
        assert has_all_samples(path) == (size > last)


def test_a_finalised_file_has_all_samples_and_a_fragmented_one_lists_none() -> None:
    path = built.stored(built.fragmented_mp4())
    assert has_all_samples(path)
    finalise(path)
    assert has_all_samples(path)

    def far_away(file: boxes.Box) -> None:
        [track] = boxes.tracks(file, b"vide")
        boxes.sample_table(track).find(b"co64").patch(8 + 16, ">Q", 10**9)

    file = boxes.load(path)
    far_away(file)
    assert not has_all_samples(boxes.save(file, path))


def with_table(kind: bytes, content: bytes) -> Path:
    """A picture of 15 frames with another table, in a file with its index at the end."""
    file = boxes.load(built.stored(built.plain_mp4(built.picture())))
    [track] = boxes.tracks(file)
    boxes.sample_table(track).find(kind).content = content
    return boxes.save(file, built.stored(b""))


def test_samples_of_one_size_are_counted() -> None:
    """15 samples of the same size in three chunks, the last of which begins at the file's end."""
    whole = built.stored(built.plain_mp4(built.picture()))
    place = boxes.sample_table(boxes.tracks(boxes.load(whole))[0]).find(b"stco").number(16)
    size = len(with_table(b"stsz", struct.pack(">III", 0, 10, 15)).read_bytes())
    fits = (size - 1 - place) // 4
    assert has_all_samples(with_table(b"stsz", struct.pack(">III", 0, fits, 15)))
    assert not has_all_samples(with_table(b"stsz", struct.pack(">III", 0, fits + 1, 15)))


def test_chunks_in_another_order_are_judged_by_their_start() -> None:
    def offsets_of(*values: int) -> Path:
        return with_table(b"stco", struct.pack(">II", 0, len(values)) + built.numbers(*values))

    assert has_all_samples(offsets_of(60, 48, 48))
    assert not has_all_samples(offsets_of(10**6, 48, 48))


def test_chunks_without_samples_are_skipped() -> None:
    runs = built.numbers(0, 3, 1, 0, 1, 2, 15, 1, 3, 5, 1)
    assert has_all_samples(with_table(b"stsc", runs))
    assert has_all_samples(with_table(b"stsc", built.numbers(0, 0)))


@pytest.mark.parametrize("kind", [b"stsz", b"stsc", b"stco", b"dref", b"hdlr", b"stbl"])
def test_tables_that_are_missing_accuse_nobody(kind: bytes) -> None:
    path = built.stored(built.plain_mp4(moov_first=True).replace(kind, b"free")[:-200])
    assert has_all_samples(path)


def test_other_files_are_not_judged() -> None:
    for data in (b"", b"RIFF\0\0\0\0AVI LIST", built.FTYP):
        assert has_all_samples(built.stored(data))


def test_a_large_header_that_crosses_the_end_of_its_parent_upsets_nothing() -> None:
    """Its content would begin after the end of the parent."""
    header = struct.pack(">I4s", 1, b"hdlr")
    track = built.box(b"trak", built.box(b"mdia", header), built.full(b"tkhd", bytes(80)))
    data = built.box(b"ftyp", b"isom", built.numbers(512)) + built.box(b"moov", track)
    assert has_all_samples(built.stored(data))
