"""Storyboards: one image with small frames of the whole video, for previews while seeking."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from clipset.lib.sandbox import Access
from videos.transcode.captions import HEADER, timestamp
from videos.transcode.confine import Limits
from videos.transcode.errors import (
    FfmpegFailedError,
    OutOfMemoryError,
    OutOfTimeError,
    OutputTooLargeError,
)
from videos.transcode.formats import input_words
from videos.transcode.ladder import fit
from videos.transcode.run import capture
from videos.transcode.types import no_tick

if TYPE_CHECKING:
    from pathlib import Path

    from videos.transcode.types import Options, Tick

TILE_LONG_SIDE = 160
MAX_TILES = 100
COLUMNS = 10
SHORTEST_INTERVAL = 2000  # milliseconds; most videos have no more keyframes

SCALE_FLAGS = "bicubic+accurate_rnd+full_chroma_int"
JFIF = "out_range=pc:out_color_matrix=smpte170m"
# From this interval on (milliseconds), frames between keyframes are not even read: 0.5 s instead of
# 14 s for two hours. FFmpeg's MP4 demuxer then gives keyframes the delay of another frame (seen in
# 5.1): some frames of the video's hundredth, which would be visible only in a short video.
INTERVAL_TO_SKIP = 12_000

JPEG_QUALITY = 5  # mjpeg's scale of 2 (best) to 31
MAX_SHEET_BYTES = 16 * 1024 * 1024
SHEET_SECONDS = 300.0

# After these errors the video has no storyboard; all others end the run.
NO_STORYBOARD = (FfmpegFailedError, OutOfMemoryError, OutOfTimeError, OutputTooLargeError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """The layout of the tiles: row by row from left to right; the last row may not be full.

    Attributes:
        tile_width, tile_height: pixels.
        count: number of tiles.
        interval: milliseconds of the video per tile.
        duration: milliseconds of the video.
    """

    tile_width: int
    tile_height: int
    columns: int
    rows: int
    count: int
    interval: int
    duration: int


def plan_storyboard(width: int, height: int, duration: float) -> Grid:
    """Returns a grid of 1 to 100 tiles for a video of this size as shown and length in seconds."""
    tile_width, tile_height = fit(width, height, short=TILE_LONG_SIDE, long=TILE_LONG_SIDE)
    milliseconds = max(1, round(duration * 1000))
    interval = max(SHORTEST_INTERVAL, math.ceil(milliseconds / MAX_TILES))
    count = math.ceil(milliseconds / interval)
    return Grid(
        tile_width=tile_width,
        tile_height=tile_height,
        columns=min(COLUMNS, count),
        rows=math.ceil(count / COLUMNS),
        count=count,
        interval=interval,
        duration=milliseconds,
    )


def make_storyboard(
    video: Path, sheet: Path, grid: Grid, *, options: Options, tick: Tick = no_tick
) -> bool:
    """Writes the storyboard of a finished rendition as JPEG. Returns False if it fails.

    Each tile is the last keyframe before the middle of its interval. Only keyframes are decoded,
    and little else of a long file is read.

    Raises:
        ProcessingError: the server is at fault.
        OSError: a folder or file cannot be read or written.
    """
    sheet.unlink(missing_ok=True)
    limits = Limits(
        wall_seconds=SHEET_SECONDS,
        memory_bytes=options.memory_bytes,
        file_bytes=MAX_SHEET_BYTES,
        nice=options.nice,
    )
    with suppress(*NO_STORYBOARD):
        capture(
            _command(video, sheet, grid, options),
            limits=limits,
            on_output=lambda _: None,
            tick=tick,
            access=Access(reads=(video,), folder=sheet.parent),
        )
        return sheet.exists() and sheet.stat().st_size > 0
    sheet.unlink(missing_ok=True)
    return False


def _command(video: Path, sheet: Path, grid: Grid, options: Options) -> list[str]:
    filters = (
        # Extends the last keyframe by an interval: its end is unknown, and ``fps`` would drop it
        # because it ends before the next tile begins.
        f"tpad=stop_duration={2 * grid.interval}ms:stop_mode=clone",
        # Rounding to the nearest takes the middle; a keyframe that covers several tiles is
        # repeated.
        f"fps=1000/{grid.interval}:round=near:start_time=0:eof_action=pass",
        f"scale={grid.tile_width}:{grid.tile_height}:flags={SCALE_FLAGS}:{JFIF}",
        "setsar=1,format=yuvj420p",
        f"tpad=stop={grid.count}:stop_mode=clone",
        f"tile={grid.columns}x{grid.rows}:nb_frames={grid.count}",
    )
    skipped = ("-discard:v", "nokey") if grid.interval >= INTERVAL_TO_SKIP else ()
    return [
        *(options.ffmpeg, "-nostdin", "-hide_banner", "-nostats", "-v", "error", "-y"),
        *input_words(("mp4",), options.max_pixels, options.max_streams),
        *(*skipped, "-skip_frame:v", "nokey", "-i", f"file:{video.absolute()}"),
        *("-map", "0:v:0", "-vf", ",".join(filters), "-frames:v", "1", "-map_metadata", "-1"),
        *("-c:v", "mjpeg", "-q:v", str(JPEG_QUALITY), "-flags:v", "+bitexact"),
        *("-f", "image2", "-update", "1", f"file:{sheet.absolute()}"),
    ]


def storyboard_vtt(grid: Grid, uri: str) -> str:
    """Returns WebVTT with the tile for each time, as ``uri`` with xywh (Media Fragments)."""
    blocks = [HEADER]
    for n in range(grid.count):
        start, end = n * grid.interval, min((n + 1) * grid.interval, grid.duration)
        row, column = divmod(n, grid.columns)
        place = (
            column * grid.tile_width,
            row * grid.tile_height,
            grid.tile_width,
            grid.tile_height,
        )
        where = ",".join(map(str, place))
        blocks.append(f"{timestamp(start)} --> {timestamp(end)}\n{uri}#xywh={where}")
    return "\n\n".join(blocks) + "\n"
