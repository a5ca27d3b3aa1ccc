"""Brushes for the demo clips: what FFmpeg then moves. The same arguments paint the same picture."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Sequence

from PIL import Image, ImageChops, ImageColor, ImageDraw, ImageFilter

Size = tuple[int, int]
Points = Sequence[tuple[float, float]]
Stops = Sequence[tuple[float, str]]
"""Places from 0 (top) to 1 (bottom) with their colours."""
Draw = Callable[[ImageDraw.ImageDraw, int], None]
"""Gets the drawing and the factor by which it is larger than the picture will be."""

SMOOTH = 2  # drawn so much larger, then made smaller, so that edges are soft


def rgba(colour: str, alpha: float = 1.0) -> tuple[int, int, int, int]:
    red, green, blue = ImageColor.getrgb(colour)[:3]
    return red, green, blue, round(255 * alpha)


def mix(one: str, other: str, share: float) -> str:
    """`one` with so much of `other` in it, 0 to 1."""
    pairs = zip(ImageColor.getrgb(one)[:3], ImageColor.getrgb(other)[:3], strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def empty(size: Size) -> Image.Image:
    return Image.new("RGBA", size, (0, 0, 0, 0))


def gradient(size: Size, stops: Stops) -> Image.Image:
    """From top to bottom, with a grain too fine to see that keeps steps from showing."""
    width, height = size
    column = Image.new("RGB", (1, height))
    for y in range(height):
        column.putpixel((0, y), ImageColor.getrgb(_colour_at(stops, y / max(1, height - 1)))[:3])
    grain = Image.frombytes("L", size, random.Random(1).randbytes(width * height))  # noqa: S311
    grain = grain.point([value * 3 // 256 for value in range(256)])
    picture = column.resize(size)
    return ImageChops.add(picture, Image.merge("RGB", [grain] * 3), 1, -1).convert("RGBA")


def _colour_at(stops: Stops, place: float) -> str:
    for (start, one), (end, other) in itertools.pairwise(stops):
        if place <= end:
            return mix(one, other, max(0.0, place - start) / (end - start))
    return stops[-1][1]


def smooth(size: Size, draw: Draw, *, blur: float = 0) -> Image.Image:
    """A transparent layer with soft edges."""
    layer = empty((size[0] * SMOOTH, size[1] * SMOOTH))
    draw(ImageDraw.Draw(layer, "RGBA"), SMOOTH)
    layer = layer.reduce(SMOOTH)
    return blurred(layer, blur) if blur else layer


def blurred(layer: Image.Image, radius: float) -> Image.Image:
    """With the colours weighted by alpha, so that no dark seam comes in from what is empty."""
    return layer.convert("RGBa").filter(ImageFilter.GaussianBlur(radius)).convert("RGBA")


def glow(
    size: Size,
    centre: tuple[float, float],
    radius: float,
    colour: str,
    *,
    alpha: float = 1.0,
    power: float = 2.0,
) -> Image.Image:
    """Light that fades outwards."""
    side = max(2, round(2 * radius))
    # radial_gradient: 0 in the middle, 181 at the middle of an edge, 255 in the corners.
    fade = Image.radial_gradient("L").point(
        [round(255 * alpha * max(0.0, 1 - value / 180) ** power) for value in range(256)]
    )
    layer, spot = empty(size), Image.new("RGBA", (side, side), rgba(colour))
    spot.putalpha(fade.resize((side, side), Image.Resampling.BICUBIC))
    layer.paste(spot, (round(centre[0] - radius), round(centre[1] - radius)))
    return layer


def over(base: Image.Image, *layers: Image.Image) -> Image.Image:
    for layer in layers:
        base = Image.alpha_composite(base, layer)
    return base


def polygon(
    canvas: ImageDraw.ImageDraw, factor: float, points: Points, fill: tuple[int, int, int, int]
) -> None:
    canvas.polygon([(x * factor, y * factor) for x, y in points], fill=fill)


def ridge(
    size: Size,
    *,
    seed: int,
    height: float,
    rough: float,
    colour: str,
    foot: str | None = None,
    round_trip: bool = False,
) -> Image.Image:
    """A mountain range that fills the layer below it.

    Args:
        height: where its middle line lies, 0 (top) to 1.
        rough: how far peaks rise and valleys fall, as a share of the height.
        foot: colour at the bottom, as haze gives it.
        round_trip: the right edge meets the left one, so that it can be rolled past.
    """
    width = size[0]
    rng = random.Random(seed)  # noqa: S311 the same picture each time
    waves = [
        (
            rough / octave**1.05,
            octave if round_trip else octave * rng.uniform(0.8, 1.2),
            rng.uniform(0, math.tau),
        )
        for octave in (1, 2, 3, 5, 8, 13, 21, 34, 55)
    ]

    def line(x: float) -> float:
        # Peaks are sharper than valleys.
        rises = (
            share * (1 - 2 * abs(math.sin(math.pi * octave * x / width + turn)))
            for share, octave, turn in waves
        )
        return size[1] * (height + sum(rises) / 2)

    mask = Image.new("L", (width * SMOOTH, size[1] * SMOOTH))
    points = [(x * SMOOTH, line(x) * SMOOTH) for x in range(0, width + 2, 2)]
    corners = [(width * SMOOTH, size[1] * SMOOTH), (0, size[1] * SMOOTH)]
    ImageDraw.Draw(mask).polygon([*points, *corners], fill=255)
    top = min(y for _, y in points) / SMOOTH / size[1]
    fill = gradient(size, [(max(0.0, top), colour), (1.0, foot or colour)])
    fill.putalpha(mask.reduce(SMOOTH))
    return fill


def stars(size: Size, *, seed: int, count: int, brightest: float = 1.0) -> Image.Image:
    """Few bright stars among many faint ones."""
    rng = random.Random(seed)  # noqa: S311

    def draw(canvas: ImageDraw.ImageDraw, factor: int) -> None:
        for _ in range(count):
            x, y = rng.uniform(0, size[0]) * factor, rng.uniform(0, size[1]) * factor
            strength = rng.random() ** 5
            radius = (0.45 + 1.35 * strength) * factor
            tint = rng.choice(("#ffffff", "#dfe9ff", "#fff1dc", "#cfe0ff"))
            fill = rgba(tint, brightest * (0.25 + 0.75 * strength))
            canvas.ellipse((x - radius, y - radius, x + radius, y + radius), fill=fill)

    return smooth(size, draw)


def conifers(size: Size, *, seed: int, ground: float, tallest: float, colour: str) -> Image.Image:
    """A row of firs in front of all. `ground` and `tallest` are px from the top and in height."""
    rng = random.Random(seed)  # noqa: S311

    def draw(canvas: ImageDraw.ImageDraw, factor: int) -> None:
        fill = rgba(colour)
        canvas.rectangle((0, ground * factor, size[0] * factor, size[1] * factor), fill=fill)
        x = -20.0
        while x < size[0] + 20:
            high = tallest * rng.uniform(0.35, 1.0) * (0.6 + 0.4 * abs(math.cos(x / size[0] * 3)))
            _fir(canvas, x * factor, (ground + 2 + 0.06 * high) * factor, high * factor, fill)
            x += high * rng.uniform(0.12, 0.4) + 5

    return smooth(size, draw)


def _fir(
    canvas: ImageDraw.ImageDraw, x: float, foot: float, high: float, fill: tuple[int, int, int, int]
) -> None:
    for step in range(6):
        top, low = foot - high * (1 - step / 7.5), foot - high * (0.72 - step / 7.5)
        half = high * (0.05 + 0.034 * step)
        canvas.polygon([(x, top), (x - half, max(low, top)), (x + half, max(low, top))], fill=fill)
    canvas.rectangle((x - high * 0.02, foot - high * 0.2, x + high * 0.02, foot), fill=fill)
