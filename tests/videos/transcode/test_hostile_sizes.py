"""Files whose tables and texts are far larger than real ones cost little time and memory."""

from __future__ import annotations

import struct
import time
import tracemalloc
from typing import TYPE_CHECKING

import pytest

from tests import boxes, clips
from videos.transcode.coordinates import holds_coordinates
from videos.transcode.errors import UnfitCopyError
from videos.transcode.masking import Patch, mask_track, masked_view
from videos.transcode.matroska import read_cropping
from videos.transcode.missing_samples import has_all_samples
from videos.transcode.pipeline import transcode
from videos.transcode.sample_entries import read_sample_descriptions
from videos.transcode.sei import AvcCleaner
from videos.transcode.timing import SoundReader
from videos.transcode.types import Options
from videos.transcode.user_data import remove_user_data

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MIB = 1024**2


def peak(task: Callable[[], object]) -> tuple[float, float]:
    """MiB that Python allocated at most, and seconds of processor time without counting them."""
    before = time.process_time()
    task()
    seconds = time.process_time() - before
    tracemalloc.start()
    try:
        task()
        return tracemalloc.get_traced_memory()[1] / MIB, seconds
    finally:
        tracemalloc.stop()


def box(kind: bytes, *contents: bytes) -> bytes:
    content = b"".join(contents)
    return struct.pack(">I4s", 8 + len(content), kind) + content


def element(identifier: str, content: bytes) -> bytes:
    return bytes.fromhex(identifier) + (1 << 56 | len(content)).to_bytes(8) + content


def track(*, entries: bytes = b"", runs: int = 1) -> bytes:
    table = box(
        b"stbl",
        box(b"stsd", bytes(8), entries),
        box(b"stsz", bytes(4), struct.pack(">II", 1, 2**31)),
        box(b"stsc", bytes(8), struct.pack(">III", 1, 1, 1) * runs),
        box(b"stco", bytes(4), struct.pack(">II", 1, 0)),
    )
    references = box(b"dinf", box(b"dref", bytes(8), box(b"url ", b"\0\0\0\1")))
    handler = box(b"hdlr", bytes(8), b"vide", bytes(12))
    return box(
        b"trak",
        box(b"tkhd", bytes(12), b"\0\0\0\1", bytes(68)),
        box(b"mdia", handler, box(b"minf", references, table)),
    )


def mp4(path: Path, *tracks: bytes) -> Path:
    path.write_bytes(box(b"ftyp", b"isom", bytes(4)) + box(b"moov", *tracks))
    return path


def test_a_long_list_of_runs_of_chunks(tmp_path: Path) -> None:
    path = mp4(tmp_path / "runs.mp4", track(runs=2_000_000))
    memory, seconds = peak(lambda: has_all_samples(path))
    assert memory < 40
    assert seconds < 3


def test_many_large_descriptions(tmp_path: Path) -> None:
    entries = b"".join(box(b"avc1", bytes([n]) * 250_000) for n in range(64))
    path = mp4(tmp_path / "large.mp4", track(entries=entries))
    memory, _ = peak(lambda: read_sample_descriptions(path))
    assert memory < 2
    assert read_sample_descriptions(path)[1].are_several


def test_a_number_that_is_longer_than_any(tmp_path: Path) -> None:
    """Reducing a fraction of such numbers would take minutes."""
    video = [("b0", b"\x7f"), ("ba", b"\x7d"), ("54b0", b"\x7b"), ("54ba", b"\x79")]
    sizes = b"".join(element(name, byte * 200_000) for name, byte in video)
    entry = element("ae", element("83", b"\1") + element("e0", sizes + element("54cc", b"\1")))
    path = tmp_path / "long.mkv"
    path.write_bytes(element("1a45dfa3", b"") + element("18538067", element("1654ae6b", entry)))
    before = time.process_time()
    assert read_cropping(path) == ()
    assert time.process_time() - before < 1


def test_tracks_of_many_elements(tmp_path: Path) -> None:
    entry = element("ae", element("83", b"\2") + b"\xec\x80" * 5000 + element("86", b"A_AC4"))
    path = tmp_path / "many.mkv"
    tracks = element("1654ae6b", entry * 400)
    path.write_bytes(element("1a45dfa3", b"") + element("18538067", tracks))
    before = time.process_time()
    assert mask_track(path, 63) == []
    assert time.process_time() - before < 2


def test_more_patches_than_an_address_can_name(tmp_path: Path) -> None:
    path = tmp_path / "many.mp4"
    path.write_bytes(bytes(10_000))
    few, many = ([Patch(8 * n, b"zzzz") for n in range(count)] for count in (100, 1000))
    assert masked_view(path, few, tmp_path) is not None
    assert masked_view(path, many, tmp_path) is None


def test_packets_that_all_last_differently() -> None:
    def read() -> None:
        reader = SoundReader()
        for number in range(30_000):
            reader.packet(b"%d,%d,%d.%06d,K__" % (number, number, number, number))

    memory, _ = peak(read)
    assert memory < 1


def test_text_that_grows_when_it_is_normalized() -> None:
    """One sign that stands for a sentence of 18 letters."""
    before = time.process_time()
    assert holds_coordinates("WEBVTT\n\n00:00.000 --> 00:01.000\n1 " + "\ufdfa" * 250_000)
    assert time.process_time() - before < 2
    assert not holds_coordinates("WEBVTT\n\n00:00.000 --> 00:01.000\n1 \ufdfa\n")


# -- units of H.264


def test_units_of_very_many_messages() -> None:
    unit = b"\x06" + b"\1\0" * 30_000 + b"\x80"
    memory, seconds = peak(lambda: AvcCleaner(bytes(5)).clean_unit(unit))
    assert memory < 1
    assert seconds < 0.1
    assert len(AvcCleaner(bytes(5)).clean_unit(unit)) == len(unit)
    assert b"\1\0" not in AvcCleaner(bytes(5)).clean_unit(unit)


def with_units(units: bytes) -> Path:
    """A clip whose last picture ends with these units."""
    file = boxes.load(clips.h264_mp4(size="160x90", gop=10, layout=None))
    [picture] = boxes.tracks(file, b"vide")
    sizes = boxes.sample_table(picture).find(b"stsz")
    last = len(sizes.content) - 4
    sizes.patch(last, ">I", sizes.number(last) + len(units))
    file.find(b"mdat").content += units
    return boxes.save(file, clips.new_path("mp4", "units"))


def fragmented(clip: Path) -> Path:
    flags = "+frag_keyframe+empty_moov+default_base_moof+dash"
    return clips.make("mp4", "-i", str(clip), "-c", "copy", "-movflags", flags)


@pytest.mark.ffmpeg
def test_a_very_large_unit_is_removed_in_parts() -> None:
    unit = b"\x06" + b"\5\0" * MIB + b"latitude_deg=52.5200" + b"\x80"
    path = fragmented(with_units(struct.pack(">I", len(unit)) + unit))
    memory, seconds = peak(lambda: remove_user_data(path))
    assert memory < 8
    assert seconds < 1
    assert b"latitude_deg" not in path.read_bytes()
    assert b"\x0c\xff\xff" in path.read_bytes()
    assert remove_user_data(path) == 0


@pytest.mark.ffmpeg
def test_a_picture_of_very_many_units_is_encoded(tmp_path: Path) -> None:
    """Each is one byte of filler: the walk through a gigabyte of them would take minutes."""
    clip = with_units(b"\0\0\0\1\x0c" * 150_000)
    with pytest.raises(UnfitCopyError):
        remove_user_data(fragmented(clip))
    result = transcode(clip, tmp_path, options=Options())
    assert not result.plan.copied
    assert result.renditions[0].size_bytes < 400_000
