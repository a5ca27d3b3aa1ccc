"""The renditions of a video: their sizes and bit rates, and what encoding them costs."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING

from videos.transcode.types import Encoding, PlannedRendition

if TYPE_CHECKING:
    from videos.transcode.media import VideoStream
    from videos.transcode.types import Options, Treatment

ENCODE_KEYFRAME_SECONDS = 4
# Players get no last fragment that is shorter. With it, one of 4.004 s (29.97 frames a second) and
# the rest are still announced as 4 s.
MIN_LAST_SECONDS = Fraction(48, 100)
# A smaller rendition is made only if its short side is at most this share of the next larger one.
RUNG_SHARE = Fraction(4, 5)
# Costs of a pixel, relative to encoding it with the preset veryfast (measured: 14 ns of processor
# time): decoding HEVC (3 ns), conversion in linear light (18 ns), other presets.
DECODED_PIXEL = 0.25
LINEAR_LIGHT_PIXEL = 1.3
PRESET_PIXEL = {
    "ultrafast": 0.4,
    "superfast": 0.75,
    "veryfast": 1.0,
    "faster": 1.8,
}
SLOW_PRESET_PIXEL = 2.3  # "fast"; "medium" takes 2.5
# Bits per pixel and frame of the cap. Frames above 30 per second need fewer, as they differ less.
BITS_PER_PIXEL = 0.12
BITS_PER_EXTRA_PIXEL = 0.06
EVEN_RATE = 30
LOWEST_MAXRATE = 300_000
Renditions = tuple[PlannedRendition, ...]


def rungs_below(top: PlannedRendition, fps: Fraction, options: Options) -> Renditions:
    """Returns the renditions that are smaller than the top one, from large to small.

    Computed from the top's size, not from the source's, so that both runs give the same sizes.
    """
    rungs: list[PlannedRendition] = []
    above = min(top.width, top.height)
    for short in sorted((one for one in options.ladder if one >= 2), reverse=True):
        width, height = fit(top.width, top.height, short=short, long=options.max_long_side)
        if min(width, height) <= RUNG_SHARE * above:
            rungs.append(encoded_rendition(width, height, fps, options))
            above = min(width, height)
    return tuple(rungs)


def encoded_rendition(width: int, height: int, fps: Fraction, options: Options) -> PlannedRendition:
    most = maxrate(width, height, fps)
    return PlannedRendition(
        name=f"{min(width, height)}p",
        width=width,
        height=height,
        bandwidth=most + options.audio_bitrate,
        encoding=Encoding(
            preset=options.preset,
            crf=options.crf,
            maxrate=most,
            keyframe_seconds=ENCODE_KEYFRAME_SECONDS,
        ),
    )


def pixel_rate(
    video: VideoStream, treatment: Treatment, renditions: Renditions, *, preset: str
) -> float:
    """Returns the work per second of video, in pixels encoded with the preset veryfast.

    In millions: 118 for 1080p30 with 720p and 480p, 235 for 1080p60, 164 for 4K30 into these three.
    """
    fps, top = float(treatment.fps), renditions[0]
    made = sum(one.width * one.height for one in renditions) * fps
    decoded = video.coded_width * video.coded_height * (video.average_fps or float(video.fps))
    linear = top.width * top.height * fps if treatment.hdr or treatment.wide_gamut else 0.0
    cost = PRESET_PIXEL.get(preset, SLOW_PRESET_PIXEL)
    return cost * made + DECODED_PIXEL * decoded + LINEAR_LIGHT_PIXEL * linear


def fit(width: int, height: int, *, short: int, long: int) -> tuple[int, int]:
    """Returns the size that fits both limits: same shape, even (for 4:2:0), never larger."""
    shrink = min(
        Fraction(1),
        Fraction(short, min(width, height)),
        Fraction(long, max(width, height)),
    )
    return _even(width * shrink), _even(height * shrink)


def _even(side: Fraction) -> int:
    return max(2, 2 * math.floor(side / 2))


def maxrate(width: int, height: int, fps: Fraction) -> int:
    """Returns the bit rate cap: 7.5 Mbit/s for 1080p30, 11.2 for 1080p60, 3.3 for 720p30."""
    even, extra = min(fps, Fraction(EVEN_RATE)), max(Fraction(0), fps - EVEN_RATE)
    bits = width * height * (BITS_PER_PIXEL * float(even) + BITS_PER_EXTRA_PIXEL * float(extra))
    return max(LOWEST_MAXRATE, round(bits))
