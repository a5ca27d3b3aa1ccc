"""Drawing primitives for the demo clips. The same arguments give the same pixels."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Sequence

from PIL import Image, ImageChops, ImageColor, ImageDraw, ImageFilter

Size = tuple[int, int]
Circle = tuple[float, float, float]
"""x and y of its centre, and its radius."""
Points = Sequence[tuple[float, float]]
Box = tuple[float, float, float, float]
Stops = Sequence[tuple[float, str]]
"""Places from 0 (top) to 1 (bottom) with their colours."""

OVERSAMPLING = 2  # layers are drawn so many times larger and then reduced, for soft edges


def rgba(colour: str, alpha: float = 1.0) -> tuple[int, int, int, int]:
    red, green, blue = ImageColor.getrgb(colour)[:3]
    return red, green, blue, round(255 * alpha)


def mix(one: str, other: str, share: float) -> str:
    """Returns `one` blended with `other`; `share` of `other` is 0 to 1."""
    pairs = zip(ImageColor.getrgb(one)[:3], ImageColor.getrgb(other)[:3], strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


class Brush:
    """Draws on a transparent layer. Positions, radii and widths are in pixels of the result."""

    def __init__(self, width: int, height: int) -> None:
        self._layer = Image.new("RGBA", (width * OVERSAMPLING, height * OVERSAMPLING))
        self._canvas = ImageDraw.Draw(self._layer, "RGBA")

    def polygon(self, points: Points, colour: str, alpha: float = 1.0) -> None:
        scaled = [(x * OVERSAMPLING, y * OVERSAMPLING) for x, y in points]
        self._canvas.polygon(scaled, rgba(colour, alpha))

    def line(self, points: Points, width: int, colour: str, alpha: float = 1.0) -> None:
        scaled = [(x * OVERSAMPLING, y * OVERSAMPLING) for x, y in points]
        self._canvas.line(scaled, rgba(colour, alpha), width * OVERSAMPLING, joint="curve")

    def disc(self, circle: Circle, colour: str, alpha: float = 1.0) -> None:
        self._canvas.ellipse(_box(circle), rgba(colour, alpha))

    def discs(self, x: float, y: float, discs: str) -> None:
        """Draws discs on one centre, the lowest first: "radius#colour radius#colour …"."""
        for disc in discs.split():
            radius, colour = disc.split("#")
            self.disc((x, y, float(radius)), f"#{colour}")

    def arc(
        self, circle: Circle, width: float, colour: str, alpha: float, span: Size = (0, 360)
    ) -> None:
        """`span`: start and end in degrees, clockwise from three o'clock."""
        width = round(width * OVERSAMPLING)
        self._canvas.arc(_box(circle), *span, rgba(colour, alpha), width)

    def plate(self, box: Box, corner: float, colour: str, alpha: float = 1.0) -> None:
        """Draws a rectangle whose corners have the radius `corner`."""
        sides = [side * OVERSAMPLING for side in box]
        self._canvas.rounded_rectangle(sides, corner * OVERSAMPLING, rgba(colour, alpha))

    def picture(self, blur: float = 0) -> Image.Image:
        layer = self._layer.reduce(OVERSAMPLING)
        if blur:  # RGBa weights colours by alpha, so that the blur draws no dark seam
            layer = layer.convert("RGBa").filter(ImageFilter.GaussianBlur(blur)).convert("RGBA")
        return layer


def _box(circle: Circle) -> list[float]:
    x, y, radius = circle
    return [side * OVERSAMPLING for side in (x - radius, y - radius, x + radius, y + radius)]


def gradient(size: Size, stops: Stops) -> Image.Image:
    """A vertical gradient with an invisibly fine grain, which hides the steps between colours."""
    column = Image.new("RGB", (1, size[1]))
    for y in range(size[1]):
        column.putpixel((0, y), rgba(_colour_at(stops, y / (size[1] - 1)))[:3])
    grain = Image.frombytes("L", size, random.Random(1).randbytes(size[0] * size[1]))  # noqa: S311
    grain = grain.point([value * 3 // 256 for value in range(256)])
    noise = Image.merge("RGB", [grain] * 3)
    return ImageChops.add(column.resize(size), noise, 1, -1).convert("RGBA")


def _colour_at(stops: Stops, place: float) -> str:
    for (start, one), (end, other) in itertools.pairwise(stops):
        if place <= end:
            return mix(one, other, max(0.0, place - start) / (end - start))
    return stops[-1][1]


def glow(
    size: Size, circle: Circle, colour: str, alpha: float = 1.0, power: float = 2.0
) -> Image.Image:
    """A spot of light that fades outwards; a larger `power` fades faster."""
    x, y, radius = circle
    side = round(2 * radius)
    # radial_gradient is 0 in the middle, 181 at the middle of an edge, 255 in the corners.
    fade = Image.radial_gradient("L").point(
        [round(255 * alpha * max(0.0, 1 - value / 180) ** power) for value in range(256)]
    )
    layer, spot = Image.new("RGBA", size), Image.new("RGBA", (side, side), rgba(colour))
    spot.putalpha(fade.resize((side, side), Image.Resampling.BICUBIC))
    layer.paste(spot, (round(x - radius), round(y - radius)))
    return layer


def over(base: Image.Image, *layers: Image.Image) -> Image.Image:
    """Puts the layers on `base`, the last one on top."""
    for layer in layers:
        base = Image.alpha_composite(base, layer)
    return base


def ridge(
    size: Size, seed: int, height: float, rough: float, colour: str, foot: str
) -> Image.Image:
    """A mountain range and everything below it.

    Args:
        height: its middle line, from 0 (top) to 1.
        rough: how far peaks rise and valleys fall, as a share of the picture's height.
        foot: the colour at the bottom, as haze gives it.
    """
    rng, points = random.Random(seed), []  # noqa: S311
    waves = [
        (rough / octave**1.05, octave * rng.uniform(0.8, 1.2), rng.uniform(0, math.tau))
        for octave in (1, 2, 3, 5, 8, 13, 21, 34, 55)
    ]
    for x in range(0, size[0] + 2, 2):
        # 1 - |sin| makes peaks sharper than valleys.
        rises = (
            share * (1 - 2 * abs(math.sin(math.pi * octave * x / size[0] + turn)))
            for share, octave, turn in waves
        )
        points.append((x, size[1] * (height + sum(rises) / 2)))
    brush = Brush(*size)
    brush.polygon([*points, size, (0, size[1])], "#ffffff")
    fill = gradient(size, [(min(y for _, y in points) / size[1], colour), (1.0, foot)])
    fill.putalpha(brush.picture().getchannel("A"))
    return fill


def stars(size: Size, seed: int, count: int) -> Image.Image:
    """A few bright stars among many faint ones."""
    rng, brush = random.Random(seed), Brush(*size)  # noqa: S311
    for _ in range(count):
        x, y, strength = rng.uniform(0, size[0]), rng.uniform(0, size[1]), rng.random() ** 5
        tint = rng.choice(("#ffffff", "#dfe9ff", "#fff1dc", "#cfe0ff"))
        brush.disc((x, y, 0.45 + 1.35 * strength), tint, 0.25 + 0.75 * strength)
    return brush.picture()


def conifers(size: Size, seed: int, ground: float, tallest: float, colour: str) -> Image.Image:
    """A row of firs. `ground` is in pixels from the top, `tallest` a height in pixels."""
    rng, brush, x = random.Random(seed), Brush(*size), -20.0  # noqa: S311
    brush.polygon([(0, ground), (size[0], ground), size, (0, size[1])], colour)
    while x < size[0] + 20:
        high = tallest * rng.uniform(0.35, 1.0) * (0.6 + 0.4 * abs(math.cos(x / size[0] * 3)))
        foot = ground + 2 + 0.06 * high
        for step in range(6):
            top, low = foot - high * (1 - step / 7.5), foot - high * (0.72 - step / 7.5)
            half, low = high * (0.05 + 0.034 * step), max(low, top)
            brush.polygon([(x, top), (x - half, low), (x + half, low)], colour)
        brush.plate((x - high * 0.02, foot - high * 0.2, x + high * 0.02, foot), 0, colour)
        x += high * rng.uniform(0.12, 0.4) + 5
    return brush.picture()
