"""Lights in the dark."""

from __future__ import annotations

import math
import random
from functools import partial

from PIL import Image, ImageDraw

from videos.sample_data.paint import (
    Size,
    conifers,
    empty,
    glow,
    gradient,
    over,
    polygon,
    rgba,
    ridge,
    smooth,
    stars,
)
from videos.sample_data.scenes.base import HD, TALL, Scene, moved


def night_drive() -> Scene:
    """Lights of a wet street, out of focus."""
    base = over(
        gradient(HD, [(0, "#070a1c"), (0.45, "#15224a"), (0.6, "#33204f"), (1, "#07070f")]),
        glow(HD, (760, 390), 640, "#5a3f9e", alpha=0.75),
        glow(HD, (380, 410), 460, "#b0552f", alpha=0.55),
    )
    near = _lights((2200, 720), seed=38, count=13, sizes=(64, 104), middle=(300, 130), alpha=0.34)
    middle = _lights((1900, 720), seed=32, count=40, sizes=(26, 52), middle=(350, 110), alpha=0.6)
    far = _lights((1700, 720), seed=31, count=90, sizes=(8, 22), middle=(380, 70), alpha=0.95)
    return moved(
        [
            (base, "", ""),
            (far, "-160-8*t", "0"),
            (middle, "-280+24*t", "0"),
            (near, "-330-56*t", "0"),
            (smooth(HD, _dashboard, blur=0.8), "0", "3*sin(2.3*t)"),
        ]
    )


def _dashboard(canvas: ImageDraw.ImageDraw, factor: int) -> None:
    def scaled(*box: float) -> list[float]:
        return [side * factor for side in box]

    canvas.ellipse(scaled(-240, 590, 1520, 1100), fill=rgba("#06070c"))
    canvas.arc(
        scaled(-240, 590, 1520, 1100), 200, 340, fill=rgba("#ffb35c", 0.35), width=2 * factor
    )
    canvas.ellipse(scaled(190, 470, 650, 930), outline=rgba("#020308"), width=34 * factor)
    canvas.arc(scaled(192, 472, 648, 928), 205, 320, fill=rgba("#ffb35c", 0.30), width=3 * factor)
    canvas.rounded_rectangle(scaled(520, -40, 800, 62), 26 * factor, fill=rgba("#04050a"))
    canvas.rounded_rectangle(scaled(534, -40, 786, 50), 20 * factor, fill=rgba("#2a2140"))


def _lights(
    size: Size,
    *,
    seed: int,
    count: int,
    sizes: tuple[float, float],
    middle: tuple[float, float],
    alpha: float,
) -> Image.Image:
    """Discs of light with a brighter rim, as a lens makes them."""
    rng = random.Random(seed)  # noqa: S311
    tints = ("#ffb35c", "#ffb35c", "#ff8a3d", "#ff4d4d", "#ffe3b0", "#6fd3ff", "#5ee0c8", "#c79bff")
    layer = empty(size)
    for _ in range(count):
        x, y = rng.uniform(0, size[0]), rng.gauss(*middle)
        radius, tint = rng.uniform(*sizes), rng.choice(tints)
        strength = alpha * rng.uniform(0.5, 1.0)

        def disc(
            canvas: ImageDraw.ImageDraw,
            factor: int,
            radius: float = radius,
            tint: str = tint,
            strength: float = strength,
        ) -> None:
            box = (4, 4, (2 * radius + 2) * factor, (2 * radius + 2) * factor)
            rim = max(2, round(radius * 0.05)) * factor
            canvas.ellipse(
                box, fill=rgba(tint, strength * 0.75), outline=rgba(tint, strength), width=rim
            )

        side = math.ceil(2 * radius + 6)
        spot = smooth((side, side), disc, blur=1.2 + radius / 50)
        layer.alpha_composite(spot, (max(0, round(x - radius)), max(0, round(y - radius))))
    return layer


def lanterns() -> Scene:
    """Paper lanterns rise over a summer evening; upright, as a phone videos."""
    sky = over(
        gradient(
            TALL,
            [
                (0, "#0c1033"),
                (0.45, "#2b2159"),
                (0.72, "#7a3b72"),
                (0.9, "#e07a5f"),
                (1, "#f2a65a"),
            ],
        ),
        stars((720, 760), seed=9, count=160, brightest=0.8).crop((0, 0, 720, 1280)),
    )
    layers = [(sky, "", "")]
    for number, (count, scale, speed) in enumerate(((34, 0.36, 16), (20, 0.62, 27), (9, 1.0, 44))):
        field = empty((720, 2100))
        rng = random.Random(70 + number)  # noqa: S311
        for place in range(count):
            lantern = _lantern(scale * rng.uniform(0.85, 1.15))
            x = rng.uniform(-20, 740 - lantern.width)
            y = 60 + (2000 - lantern.height) * (place + rng.uniform(0, 0.7)) / count
            field.alpha_composite(lantern, (max(0, round(x)), max(0, round(y))))
        layers.append(
            (field, f"{6 + 5 * number}*sin(0.6*t+{number})", f"-{200 + 90 * number}-{speed}*t")
        )
    hills = ridge(TALL, seed=15, height=0.93, rough=0.05, colour="#3a1f4a", foot="#241436")
    front = over(hills, conifers(TALL, seed=17, ground=1262, tallest=190, colour="#120a20"))
    return moved([*layers, (front, "0", "0")])


def _lantern(scale: float) -> Image.Image:
    """Drawn 120 x 150 in a halo of 300 x 300, then scaled."""
    side = math.ceil(300 * scale)
    halo = glow((side, side), (side / 2, side / 2), side / 2, "#ff9a3c", alpha=0.55)

    def draw(canvas: ImageDraw.ImageDraw, factor: int) -> None:
        shape = partial(polygon, canvas, scale * factor)

        body = [
            (112, 96),
            (124, 84),
            (176, 84),
            (188, 96),
            (194, 140),
            (178, 200),
            (122, 200),
            (106, 140),
        ]
        shape(body, rgba("#ffb14e"))
        shape(
            [(122, 96), (178, 96), (182, 140), (170, 200), (130, 200), (118, 140)], rgba("#ffc86b")
        )
        shape([(122, 196), (178, 196), (174, 208), (126, 208)], rgba("#b8552b"))

    paper = smooth((side, side), draw, blur=1.2 * scale)
    flame = glow((side, side), (side / 2, side * 0.60), 62 * scale, "#fffbe0", alpha=0.95)
    return over(halo, paper, flame)
