"""Drawing primitives for the demo clips. The same arguments give the same pixels."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Sequence

from PIL import Image, ImageChops, ImageColor, ImageDraw, ImageFilter

Size = tuple[int, int]
Colour = tuple[int, int, int, int]
Circle = tuple[float, float, float]  # x and y of its centre, and its radius
Stops = Sequence[tuple[float, str]]  # places from 0 (top) to 1 (bottom) with their colours


def rgba(colour: str, alpha: float = 1.0) -> Colour:
    red, green, blue = ImageColor.getrgb(colour)[:3]
    return red, green, blue, round(255 * alpha)


def mix(one: str, other: str, share: float) -> str:
    """Returns `one` blended with `other`; `share` of `other` is 0 to 1."""
    pairs = zip(ImageColor.getrgb(one)[:3], ImageColor.getrgb(other)[:3], strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


class Canvas(ImageDraw.ImageDraw):
    """A transparent layer to draw on; `picture` blurs it a little, which softens edges."""

    def __init__(self, width: int, height: int) -> None:
        self.layer = Image.new("RGBA", (width, height))
        super().__init__(self.layer, "RGBA")

    def discs(self, x: float, y: float, discs: str) -> None:
        """Draws discs on one centre, the lowest first: "radius#colour radius#colour …"."""
        for disc in discs.split():
            radius, colour = disc.split("#")
            self.circle((x, y), float(radius), f"#{colour}")

    def ring(
        self, x: float, y: float, radius: float, width: float, fill: Colour, span: Size = (0, 360)
    ) -> None:
        """`span`: start and end in degrees, clockwise from three o'clock."""
        box = (x - radius, y - radius, x + radius, y + radius)
        self.arc(box, *span, fill, round(width))

    def picture(self, blur: float = 0.8) -> Image.Image:
        # RGBa weights colours by alpha, so that the blur draws no dark seam.
        soft = self.layer.convert("RGBa").filter(ImageFilter.GaussianBlur(blur))
        return soft.convert("RGBA")


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
    """A mountain range from `height` (0 is the top, 1 the bottom) down, `foot` its lowest colour.

    `rough`: how far peaks rise and valleys fall, as a share of the picture's height.
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
    canvas = Canvas(*size)
    canvas.polygon([*points, size, (0, size[1])], "#ffffff")
    fill = gradient(size, [(min(y for _, y in points) / size[1], colour), (1.0, foot)])
    fill.putalpha(canvas.picture().getchannel("A"))
    return fill


def stars(size: Size, seed: int, count: int) -> Image.Image:
    """A few bright stars among many faint ones."""
    rng, canvas = random.Random(seed), Canvas(*size)  # noqa: S311
    for _ in range(count):
        x, y, strength = rng.uniform(0, size[0]), rng.uniform(0, size[1]), rng.random() ** 5
        canvas.circle((x, y), 0.6 + 1.4 * strength, rgba("#e4ecff", 0.35 + 0.65 * strength))
    return canvas.picture()


def conifers(size: Size, seed: int, ground: float, tallest: float, colour: str) -> Image.Image:
    """A row of firs. `ground` is in pixels from the top, `tallest` a height in pixels."""
    rng, canvas, x = random.Random(seed), Canvas(*size), -20.0  # noqa: S311
    canvas.rectangle((0, ground, *size), colour)
    while x < size[0] + 20:
        high = tallest * rng.uniform(0.35, 1.0) * (0.6 + 0.4 * abs(math.cos(x / size[0] * 3)))
        for step in range(6):
            top, half = ground + 2 - high * (0.94 - step / 7.5), high * (0.05 + 0.034 * step)
            canvas.polygon(
                [(x, top), (x - half, top + 0.28 * high), (x + half, top + 0.28 * high)], colour
            )
        x += high * rng.uniform(0.12, 0.4) + 5
    return canvas.picture()
