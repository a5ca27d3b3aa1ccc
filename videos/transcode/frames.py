"""Reads facts from decoded frames, where headers may be wrong: field order, sizes, damage.

A few frames are decoded at the start, in the middle and near the end. That costs as much for two
hours as for a minute.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from videos.transcode.media import FieldOrder
    from videos.transcode.timeline import Span

FRAME_ENTRIES = "frame=width,height,interlaced_frame,top_field_first"
FRAMES_AT_EACH_PLACE = 3
# Shorter videos are read at fewer places.
TWO_PLACES_SECONDS = 1.0
THREE_PLACES_SECONDS = 4.0

# What FFmpeg's decoder of H.264 writes when it had to guess pixels or drop a frame. Its other
# complaints, such as about unusual SEI messages, do not concern pixels.
_DAMAGE = re.compile(
    r"error while decoding MB|decode_slice_header error|no frame!|Invalid NAL unit size"
    r"|non-existing [PS]PS|Error splitting the input into NAL units"
)
_SIZE = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameFacts:
    """What the frames that were decoded show.

    Attributes:
        count: number of frames that were decoded.
        field_order: None if no frame was decoded.
        sizes: the distinct sizes (width, height) as stored, the most pixels first.
        are_damaged: whether the decoder had to guess pixels or drop frames. Only known for H.264.
    """

    count: int = 0
    field_order: FieldOrder | None = None
    sizes: tuple[tuple[int, int], ...] = ()
    are_damaged: bool = False


NO_FRAMES = FrameFacts()


def read_intervals(span: Span | None) -> str:
    """Returns the ``-read_intervals`` of ffprobe: where to seek, and how many packets to read.

    ffprobe seeks to the keyframe before a time.

    Args:
        span: None for a track without timestamps: only its start is read.
    """
    places = [""]
    if span is not None:
        seconds = span.end - span.start
        if seconds > THREE_PLACES_SECONDS:
            places.append(f"{span.start + seconds / 2:.3f}")
        if seconds > TWO_PLACES_SECONDS:
            places.append(f"{span.end:.3f}")
    return ",".join(f"{place}%+#{FRAMES_AT_EACH_PLACE}" for place in places)


def parse_frames(output: str, messages: str) -> FrameFacts:
    """Returns the facts of ffprobe's compact lines (``width=320|height=180|...``).

    Args:
        output: its standard output.
        messages: its standard error.
    """
    lines = (
        dict(field.split("=", 1) for field in line.split("|") if "=" in field)
        for line in output.splitlines()
    )
    # The last line is cut if ffprobe was ended.
    frames = [line for line in lines if _has_size(line)]
    sizes = {(int(frame["width"]), int(frame["height"])): None for frame in frames}
    return FrameFacts(
        count=len(frames),
        field_order=_field_order(frames) if frames else None,
        sizes=tuple(sorted(sizes, key=lambda size: size[0] * size[1], reverse=True)),
        are_damaged=_DAMAGE.search(messages) is not None,
    )


def _has_size(frame: dict[str, str]) -> bool:
    return all(_SIZE.fullmatch(frame.get(name, "")) for name in ("width", "height"))


def _field_order(frames: list[dict[str, str]]) -> FieldOrder:
    """Returns the order that most interlaced frames have; one such frame makes a copy unfit."""
    orders: Counter[FieldOrder] = Counter(
        "tff" if frame.get("top_field_first") == "1" else "bff"
        for frame in frames
        if frame.get("interlaced_frame") == "1"
    )
    return orders.most_common(1)[0][0] if orders else "progressive"
