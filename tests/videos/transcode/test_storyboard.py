"""The sheet of small pictures: how it is laid out, and what its tiles show."""

from __future__ import annotations

import re
import time
from dataclasses import asdict
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests import clips
from tests.examples import one_in
from videos.transcode.captions import timestamp
from videos.transcode.errors import CancelledError, ProcessingError
from videos.transcode.pipeline import transcode
from videos.transcode.storyboard import Grid, make_storyboard, plan_storyboard, storyboard_vtt
from videos.transcode.types import Options, Progress

if TYPE_CHECKING:
    from pathlib import Path

OPTIONS = Options()


# -- the layout


@pytest.mark.parametrize(
    ("size", "duration", "tile", "table", "count", "interval"),
    [
        ((1920, 1080), 0.2, (160, 90), (1, 1), 1, 2000),
        ((1920, 1080), 9.0, (160, 90), (5, 1), 5, 2000),
        ((1080, 1920), 61.0, (90, 160), (10, 4), 31, 2000),
        ((1280, 536), 7200.0, (160, 66), (10, 10), 100, 72_000),
        ((640, 480), 12 * 3600.0, (160, 120), (10, 10), 100, 432_000),
        ((64, 36), 10.0, (64, 36), (5, 1), 5, 2000),
        ((4096, 16), 10.0, (160, 2), (5, 1), 5, 2000),
    ],
)
def test_tiles_keep_the_shape_and_are_few(
    size: tuple[int, int],
    duration: float,
    tile: tuple[int, int],
    table: tuple[int, int],
    count: int,
    interval: int,
) -> None:
    grid = plan_storyboard(*size, duration)
    assert (grid.tile_width, grid.tile_height) == tile
    assert (grid.columns, grid.rows) == table
    assert (grid.count, grid.interval) == (count, interval)


@settings(deadline=None)
@given(
    st.integers(min_value=1, max_value=10_000),
    st.integers(min_value=1, max_value=10_000),
    st.floats(min_value=0, max_value=50_000),
)
def test_every_moment_has_a_tile_and_every_tile_a_place(
    width: int, height: int, duration: float
) -> None:
    grid = plan_storyboard(width, height, duration)
    assert 1 <= grid.count <= min(100, grid.columns * grid.rows)
    assert (grid.count - 1) * grid.interval < grid.duration <= grid.count * grid.interval
    assert min(grid.tile_width, grid.tile_height) >= 2
    assert max(grid.tile_width, grid.tile_height) <= 160
    assert grid == Grid(**asdict(grid))
    cues = re.findall(r"(\S+) --> (\S+)\ns\.jpg\?v=2#xywh=(\d+),(\d+),(\d+),(\d+)\n", vtt(grid))
    assert len(cues) == grid.count
    assert cues[0][0] == timestamp(0)
    assert cues[-1][1] == timestamp(grid.duration)
    assert [cue[0] for cue in cues[1:]] == [cue[1] for cue in cues[:-1]]
    places = [tuple(map(int, cue[2:])) for cue in cues]
    assert len(set(places)) == grid.count
    for left, top, tile_width, tile_height in places:
        assert left + tile_width <= grid.columns * grid.tile_width
        assert top + tile_height <= grid.rows * grid.tile_height


def vtt(grid: Grid) -> str:
    return storyboard_vtt(grid, "s.jpg?v=2")


def test_how_it_is_written() -> None:
    assert vtt(plan_storyboard(320, 180, 3.5)) == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:02.000\ns.jpg?v=2#xywh=0,0,160,90\n\n"
        "00:00:02.000 --> 00:00:03.500\ns.jpg?v=2#xywh=160,0,160,90\n"
    )


# -- the sheet


def sheet_of(video: Path, grid: Grid) -> Image.Image:
    path = clips.new_path("jpg", "sheet")
    assert make_storyboard(video, path, grid, options=OPTIONS)
    with Image.open(path) as image:
        image.load()
        assert image.format == "JPEG"
        assert image.size == (grid.columns * grid.tile_width, grid.rows * grid.tile_height)
        return image.convert("RGB")


def tiles_of(sheet: Image.Image, grid: Grid) -> list[Image.Image]:
    """By the places that the track names."""
    places = [tuple(map(int, one.split(","))) for one in re.findall("#xywh=([0-9,]+)", vtt(grid))]
    return [sheet.crop((x, y, x + w, y + h)) for x, y, w, h in places]


def moments_of(video: Path, grid: Grid, seconds: float) -> list[float]:
    """When each tile was, by the brightness of its middle."""
    middle = (grid.tile_width // 2, grid.tile_height // 2)
    levels = [tile.convert("L").getpixel(middle) for tile in tiles_of(sheet_of(video, grid), grid)]
    return [float(level) * 219 / 255 * seconds / clips.BRIGHTER for level in levels]  # type: ignore[arg-type]


@pytest.mark.ffmpeg
@pytest.mark.parametrize(
    ("seconds", "fps", "keyframe_seconds"),
    one_in(
        2,
        [
            *((60, "25", 1), (61, "5", 4), (60, "5", 7), (300, "1", 4), (150, "1/3", 6)),
            *((1500, "5", 4), (5, "30", 100), (7200, "1", 6)),
        ],
    ),
)
def test_a_tile_shows_the_last_keyframe_before_its_middle(
    seconds: float, fps: str, keyframe_seconds: int
) -> None:
    grid = plan_storyboard(64, 36, seconds)
    video = clips.brightening(seconds=seconds, fps=fps, keyframe_seconds=keyframe_seconds)
    for n, moment in enumerate(moments_of(video, grid, seconds)):
        middle = (n + 0.5) * grid.interval / 1000
        shown = middle // keyframe_seconds * keyframe_seconds
        before = (middle - 0.01) // keyframe_seconds * keyframe_seconds
        slack = 0.012 * seconds  # of a step of brightness or two
        assert before - slack <= moment <= shown + slack


@pytest.mark.ffmpeg
@pytest.mark.parametrize("seconds", [0.04, 0.2, 2.0])
def test_a_short_clip_has_one_tile(seconds: float) -> None:
    grid = plan_storyboard(64, 36, seconds)
    [moment] = moments_of(clips.brightening(seconds=seconds, fps="25"), grid, seconds)
    assert moment == pytest.approx(0, abs=0.02 * seconds)


@pytest.mark.ffmpeg
def test_what_follows_the_last_picture_is_the_last_picture() -> None:
    """Sound may go on for long after it; no tile is left black."""
    grid = plan_storyboard(64, 36, 600)
    moments = moments_of(clips.brightening(seconds=60), grid, 60)
    assert moments[:10] == pytest.approx([2, 8, 14, 20, 26, 32, 38, 44, 50, 56], abs=2.5)
    assert moments[10:] == pytest.approx([58] * 90, abs=1)


@pytest.mark.ffmpeg
def test_colours_and_turns_are_those_of_the_picture() -> None:
    """Black, white and red from left to right; turned right, from top to bottom."""
    clip = clips.with_matrix(
        clips.patches(full_range=True, matrix="bt470bg", codec="h264"), clips.QUARTER_RIGHT
    )
    result = transcode(clip, clips.new_path("work"), options=OPTIONS)
    assert result.plan.copied
    grid = plan_storyboard(result.top.width, result.top.height, result.top.duration_seconds)
    [tile] = tiles_of(sheet_of(result.top.path, grid), grid)
    assert tile.size == (64, 96)
    pixels = [tile.getpixel((32, y)) for y in (16, 48, 80)]
    expected = [(0, 0, 0), (255, 255, 255), (255, 0, 0)]
    for pixel, colour in zip(pixels, expected, strict=True):
        assert pixel == pytest.approx(colour, abs=8)


@pytest.mark.ffmpeg
def test_two_hours_take_seconds() -> None:
    video = clips.repeated(clips.brightening(seconds=60, fps="25", keyframe_seconds=4), 120)
    grid = plan_storyboard(64, 36, 7200)
    began = time.monotonic()
    sheet_of(video, grid)
    assert time.monotonic() - began < 10


@pytest.mark.ffmpeg
def test_what_cannot_be_decoded_has_none(tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.jpg"
    sheet.write_bytes(b"of an earlier attempt")
    grid = plan_storyboard(320, 180, 2)
    assert not make_storyboard(clips.audio_only(), sheet, grid, options=OPTIONS)
    assert not make_storyboard(clips.text_as_mp4(), sheet, grid, options=OPTIONS)
    assert not make_storyboard(tmp_path / "gone.mp4", sheet, grid, options=OPTIONS)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.ffmpeg
def test_ours_to_blame_and_a_cancel_are_told(tmp_path: Path) -> None:
    grid, video = plan_storyboard(320, 180, 2), clips.h264_mp4()
    with pytest.raises(ProcessingError):
        make_storyboard(video, tmp_path / "s.jpg", grid, options=Options(ffmpeg="/no/ffmpeg"))

    def tick(_: Progress) -> None:
        raise CancelledError

    with pytest.raises(CancelledError):
        make_storyboard(video, tmp_path / "s.jpg", grid, options=OPTIONS, tick=tick)
