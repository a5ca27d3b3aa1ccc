"""The most bytes that encodes may take under their bit rate caps.

libx264 keeps its cap for whatever it is given, random noise and film grain included. A hardware
encoder without a mode that knows both quality and cap takes quality alone, so what it made is
measured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from videos.transcode.commands import output_path
from videos.transcode.encoders import BUFFER_SECONDS
from videos.transcode.errors import OutputTooLargeError

if TYPE_CHECKING:
    from pathlib import Path

    from videos.transcode.types import Plan, PlannedRendition

# The layout: some bytes for each frame and fragment, and the file's beginning.
OVERHEAD: Final = 1.06
OVERHEAD_BYTES: Final = 64 * 1024


def most_bytes(rendition: PlannedRendition, plan: Plan) -> int:
    """Returns the most bytes that an encoded rendition takes; not for a copy.

    The encoder's buffer may be full at the beginning, which adds its seconds to the duration.
    """
    assert rendition.encoding is not None
    picture = rendition.encoding.maxrate * (plan.duration_seconds + BUFFER_SECONDS)
    sound = sum(one.bitrate for one in plan.sounds_of(rendition)) * plan.duration_seconds
    return round(OVERHEAD * (picture + sound) / 8) + OVERHEAD_BYTES


def check_caps(workdir: Path, plan: Plan) -> None:
    """Raises: OutputTooLargeError if an encoded file is larger than its cap allows."""
    for rendition in plan.renditions:
        if rendition.encoding is None:
            continue
        most = most_bytes(rendition, plan)
        size = output_path(workdir, rendition).stat().st_size
        if size > most:
            raise OutputTooLargeError(
                "The processed video became larger than allowed. Convert it on your device and"
                " upload the result.",
                detail=f"{rendition.name} has {size} bytes, and {most} are allowed",
            )
