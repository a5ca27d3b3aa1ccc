"""The limits for the run of a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from videos.transcode.confine import Limits

if TYPE_CHECKING:
    from videos.transcode.media import MediaInfo
    from videos.transcode.types import Options, Plan

# Limit of the file size for safety only: what a plan asks for stays far below it.
SIZE_FACTOR = 2
SIZE_SLACK_BYTES = 64 * 1024 * 1024


def limits_of(info: MediaInfo, plan: Plan, options: Options) -> Limits:
    """Returns limits of time, memory and size that no run of the plan reaches if all is well."""
    # The limit holds for each file, and the first one is the largest.
    encoding = plan.top.encoding
    sound = options.audio_bitrate * len(plan.sounds)
    bits = plan.duration_seconds * (sound + (encoding.maxrate if encoding else 0))
    expected = bits / 8 + (0 if encoding else info.size_bytes)
    return Limits(
        wall_seconds=max(
            options.wall_clock_floor_seconds, options.wall_clock_factor * plan.duration_seconds
        ),
        memory_bytes=options.memory_bytes,
        file_bytes=SIZE_SLACK_BYTES + round(SIZE_FACTOR * expected),
        nice=options.nice,
    )
