"""Limits of our own process, rather than FFmpeg's, with hostile files."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.hostile.avi import tiny_chunks
from tests.hostile.boxes import video as mp4_video
from tests.hostile.matroska import cluster, five
from tests.hostile.matroska import video as matroska_video
from tests.hostile.mp4 import frames_that_all_exist
from videos.transcode import container
from videos.transcode.errors import ProcessingError, SourceError
from videos.transcode.plan import make_plan
from videos.transcode.probe import probe
from videos.transcode.types import Options

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.ffmpeg
MIB = 1024**2


def test_a_walk_over_tiny_chunks_ends_after_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two gigabytes of chunks would keep one worker after the other busy past its lease."""
    reads = 0
    read = container.FileReader.read

    def counted(reader: container.FileReader, offset: int, length: int) -> bytes:
        nonlocal reads
        reads += 1
        return read(reader, offset, length)

    monkeypatch.setattr(container, "MAX_BOXES", 100)
    monkeypatch.setattr(container.FileReader, "read", counted)
    path = tmp_path / "chunks.avi"
    path.write_bytes(tiny_chunks(5_000))
    container.is_whole(path)
    assert reads <= 102


def test_more_frames_than_any_video_has_are_refused_before_they_fill_memory(tmp_path: Path) -> None:
    path = tmp_path / "frames.mp4"
    path.write_bytes(frames_that_all_exist(300_000))
    tracemalloc.start()
    try:
        with pytest.raises(SourceError, match="more frames"):
            probe(path, options=Options(max_duration_seconds=600))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 16 * MIB


def test_pictures_more_than_half_an_hour_apart_have_a_rate(tmp_path: Path) -> None:
    """A frame in more than 2002 seconds rounds to a rate of 0 as a fraction of small numbers."""
    path = tmp_path / "slides.mkv"
    path.write_bytes(matroska_video(clusters=cluster(five()[0]) + cluster(five()[0], at=7_200_000)))
    plan = make_plan(probe(path, options=Options()), Options())
    assert plan.treatment is not None
    assert plan.treatment.fps == 1


def test_a_result_without_a_picture_is_not_published(tmp_path: Path) -> None:
    """With ten frames at one time the encoder gets none, and FFmpeg succeeds."""
    from videos.transcode.pipeline import transcode

    path = tmp_path / "instant.mkv"
    path.write_bytes(matroska_video(clusters=cluster(*[(0, five()[0][1])] * 10)))
    with pytest.raises(ProcessingError) as caught:
        transcode(path, tmp_path / "work", options=replace(Options(), preset="ultrafast"))
    assert "picture" in caught.value.detail


def test_a_table_that_asks_for_all_memory_is_the_files_fault(tmp_path: Path) -> None:
    """A fault of the site would be tried three times and kept for two weeks without charge."""
    path = tmp_path / "bomb.mp4"
    path.write_bytes(mp4_video(tables={b"stco": b"\xff" * 4 + b"\0" * 8}))
    with pytest.raises(SourceError):
        probe(path, options=Options())
