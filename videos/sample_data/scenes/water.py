"""Boats on the sea."""

from __future__ import annotations

import math
import random
from functools import partial

from PIL import Image, ImageDraw

from videos.sample_data.paint import (
    Size,
    glow,
    gradient,
    mix,
    over,
    polygon,
    rgba,
    ridge,
    smooth,
)
from videos.sample_data.scenes.base import OLD, Scene, moved


def regatta() -> Scene:
    """Three boats on waves that roll at different speeds; 4:3, as old tapes are."""
    sky = over(
        gradient(OLD, [(0, "#4f9fd6"), (0.45, "#a9d8ee"), (0.62, "#fdeccb"), (1, "#fdeccb")]),
        glow(OLD, (720, 190), 300, "#fff6d8", alpha=0.9),
        _clouds(OLD, seed=6),
        ridge(OLD, seed=44, height=0.57, rough=0.10, colour="#7fb0bf", foot="#a9cfd2"),
    )
    layers = [(sky, "", "")]
    rows = [
        ("#3f9db3", 0.60, 11, 7),
        ("#2a86a3", 0.67, 15, 9),
        ("#1d6d8f", 0.76, 19, 12),
        ("#135577", 0.87, 24, 16),
    ]
    boats = [
        (0.34, "#ffffff", "#e4572e", 500, 9, 1.9),
        (0.52, "#fff4dc", "#f2b134", 180, 12, 1.5),
        (0.86, "#ffffff", "#17a398", 470, 16, 1.2),
    ]
    for number, (colour, height, swell, speed) in enumerate(rows):
        if number:
            scale, sail, stripe, x, pace, bob = boats[number - 1]
            boat = _boat(scale, sail, stripe)
            top = round(OLD[1] * rows[number][1] - boat.height * 0.93)
            layers.append(
                (boat, f"{x}+{pace}*t", f"{top}+{swell * 0.35:.1f}*sin({bob}*t+{number})")
            )
        wave = _wave((1500, 720), height=height, swell=swell, colour=colour, turn=number * 1.7)
        layers.append(
            (
                wave,
                f"-270+{speed * 6}*sin(0.5*t+{number})",
                f"{swell * 0.4:.1f}*sin(1.1*t+{number * 2})",
            )
        )
    return moved(layers)


def _wave(size: Size, *, height: float, swell: float, colour: str, turn: float) -> Image.Image:
    def draw(canvas: ImageDraw.ImageDraw, factor: int) -> None:
        points = [
            (
                x * factor,
                factor
                * (
                    size[1] * height
                    + swell * (math.sin(x / 62 + turn) + 0.45 * math.sin(x / 23 + 2 * turn))
                ),
            )
            for x in range(0, size[0] + 4, 4)
        ]
        end = [(size[0] * factor, size[1] * factor), (0, size[1] * factor)]
        canvas.polygon([*points, *end], fill=rgba(colour))
        for below, alpha in ((0, 0.55), (26, 0.16), (58, 0.10)):
            crest = [(x, y + below * factor) for x, y in points]
            canvas.line(crest, fill=rgba("#e8fbff", alpha), width=(3 if below else 4) * factor)

    return smooth(size, draw)


def _boat(scale: float, sail: str, stripe: str) -> Image.Image:
    """Hull, mast, mainsail and jib, drawn 300 x 380 and scaled."""

    def draw(canvas: ImageDraw.ImageDraw, factor: int) -> None:
        shape = partial(polygon, canvas, scale * factor)

        main = [(142, 8), (142, 292), (30, 292), (52, 236), (78, 168), (108, 88)]
        shape(main, rgba(sail))
        shape([(97, 118), (142, 100), (142, 146), (80, 166)], rgba(stripe))
        shape(
            [(154, 40), (154, 288), (258, 288), (236, 220), (200, 130)],
            rgba(mix(sail, "#9fc4d8", 0.3)),
        )
        shape([(144, 4), (151, 4), (151, 316), (144, 316)], rgba("#5a4632"))
        shape([(14, 310), (290, 306), (262, 356), (54, 360)], rgba(stripe))
        shape([(14, 310), (290, 306), (286, 315), (19, 320)], rgba("#fff8ea"))

    return smooth((math.ceil(300 * scale), math.ceil(380 * scale)), draw)


def _clouds(size: Size, *, seed: int) -> Image.Image:
    rng = random.Random(seed)  # noqa: S311

    def draw(canvas: ImageDraw.ImageDraw, factor: int) -> None:
        for _ in range(7):
            x, y, wide = (
                rng.uniform(-50, size[0]),
                rng.uniform(50, size[1] * 0.4),
                rng.uniform(60, 130),
            )
            for _ in range(9):
                dx, dy = rng.uniform(-wide, wide), rng.uniform(-12, 6)
                radius = rng.uniform(0.2, 0.42) * wide * (1 - abs(dx) / wide / 1.7)
                box = (
                    x + dx - radius * 1.5,
                    y + dy - radius * 0.6,
                    x + dx + radius * 1.5,
                    y + dy + radius * 0.6,
                )
                canvas.ellipse([side * factor for side in box], fill=rgba("#ffffff", 0.5))

    return smooth(size, draw, blur=7)
