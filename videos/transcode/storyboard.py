"""Small pictures of a whole video in one sheet, for looking ahead while scrubbing."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

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
SHORTEST_INTERVAL = 2000  # milliseconds; keyframes stand no closer in most videos

SCALE_FLAGS = "bicubic+accurate_rnd+full_chroma_int"
JFIF = "out_range=pc:out_color_matrix=smpte170m"
# From this interval on, the frames between keyframes are not even read: 0.5 s instead of 14 s for
# two hours. FFmpeg's reader of MP4 then gives keyframes the delay of another frame (seen in 5.1),
# which are some frames in a hundredth of the video, but would show in a short one of few frames.
INTERVAL_TO_SKIP = 12_000

JPEG_QUALITY = 5  # mjpeg's scale of 2 (best) to 31
MAX_SHEET_BYTES = 16 * 1024 * 1024
SHEET_SECONDS = 300.0

# A video without its storyboard is better than none; all else ends the run as anywhere.
NO_STORYBOARD = (FfmpegFailedError, OutOfMemoryError, OutOfTimeError, OutputTooLargeError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """How the tiles lie: from left to right, then down; ``count`` of them, the last row not full.

    Attributes:
        tile_width, tile_height: pixels.
        interval: milliseconds that one tile stands for.
        duration: of the video, in milliseconds.
    """

    tile_width: int
    tile_height: int
    columns: int
    rows: int
    count: int
    interval: int
    duration: int


def plan_storyboard(width: int, height: int, duration: float) -> Grid:
    """1 to 100 tiles for a picture of this size as shown and this length in seconds."""
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
    """Write the sheet of a finished rendition as JPEG; False when there can be none.

    Each tile is the last keyframe before the middle of its interval: nothing else is decoded, and
    of a long file little else is read.

    Raises:
        ProcessingError: our side is at fault.
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
            cwd=sheet.parent,
        )
        return sheet.exists() and sheet.stat().st_size > 0
    sheet.unlink(missing_ok=True)
    return False


def _command(video: Path, sheet: Path, grid: Grid, options: Options) -> list[str]:
    filters = (
        # The last keyframe stays for an interval: where it ends is not known, and ``fps`` would
        # drop it for ending before the next tile begins.
        f"tpad=stop_duration={2 * grid.interval}ms:stop_mode=clone",
        # Rounding to the nearest makes it the middle; a keyframe that stands for several tiles is
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
    """WebVTT that names for each moment a tile of the sheet at ``uri`` (Media Fragments, xywh)."""
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
