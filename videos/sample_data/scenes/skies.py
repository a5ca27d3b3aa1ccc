"""What one sees outside when looking up."""

from __future__ import annotations

import math
import random
from functools import partial

from PIL import Image, ImageDraw, ImageOps

from videos.sample_data.paint import (
    blurred,
    conifers,
    empty,
    glow,
    gradient,
    mix,
    over,
    polygon,
    rgba,
    ridge,
    smooth,
    stars,
)
from videos.sample_data.scenes.base import HD, SLOW, TO_YUV, Scene, moved


def aurora() -> Scene:
    """Green and violet curtains over a lake that mirrors them."""
    horizon = 440
    sky = over(
        gradient((1280, horizon), [(0, "#050b1f"), (0.6, "#0a1d38"), (1, "#12394a")]),
        stars((1280, horizon), seed=4, count=420),
    )
    far = ridge((1280, horizon), seed=12, height=0.86, rough=0.20, colour="#0b1e33", foot="#123145")
    near = ridge((1280, horizon), seed=5, height=0.96, rough=0.09, colour="#071320", foot="#0a1b2a")
    land = over(far, near)
    mirrored = blurred(ImageOps.flip(land), 3)
    shore = empty(HD)
    shore.paste(land, (0, 0))
    shore.alpha_composite(mirrored, (0, horizon))
    shore.alpha_composite(Image.new("RGBA", (1280, 2), rgba("#5fe0c0", 0.18)), (0, horizon))
    shore = over(shore, conifers(HD, seed=3, ground=704, tallest=150, colour="#03080f"))
    u, curve = "(X/W)", "(0.87+0.10*sin(4.2*X/W+0.35*T+0.6)+0.05*sin(9.7*X/W-0.6*T))"
    rays = f"(0.62+0.38*sin(34*{u}+4*sin(5*{u}+0.7*T)+0.8*T))"
    light = f"st(0,{curve}-Y/H);st(1,gt(ld(0),0)*exp(-2.4*ld(0))*(1-exp(-9*ld(0)))*{rays})"
    colours = {
        "r": "ld(1)*(20+330*ld(0)*ld(0)+90*ld(0))",
        "g": "ld(1)*(255-90*ld(0))",
        "b": "ld(1)*(120+260*ld(0))",
    }
    geq = ":".join(f"{name}='{light};min(255,2.0*({value}))'" for name, value in colours.items())
    return Scene(
        layers=[sky, shore],
        fps=SLOW,
        graph=(
            f"nullsrc=s=96x40:r={SLOW},format=gbrp,geq={geq},"
            f"scale=1280:{horizon}:flags=bicubic,format=gbrp[light];"
            "[0:v]format=gbrp,loop=-1:1[sky];"
            "[sky][light]blend=all_mode=screen,split[up][copy];"
            f"[copy]vflip,scale=160:-2,gblur=sigma=1:sigmaV=3,scale=1280:{horizon},format=gbrp,"
            f"lutrgb=r=val*0.62:g=val*0.70:b=val*0.78,crop=1280:{720 - horizon}:0:0[down];"
            f"[up][down]vstack,{TO_YUV},format=yuv420p[all];"
            f"[1:v]{TO_YUV},format=yuva420p[shore];[all][shore]overlay[picture]"
        ),
    )


def sunrise() -> Scene:
    """Layer after layer of hills in the mist, passing at different speeds; the sun comes up."""
    sky = gradient(
        HD,
        [(0, "#35477d"), (0.25, "#8a6a9e"), (0.45, "#e58f86"), (0.62, "#ffc58a"), (1, "#ffe2b0")],
    )
    sun = over(
        glow((900, 900), (450, 450), 440, "#ffd9a0", alpha=0.75),
        glow((900, 900), (450, 450), 200, "#fff0cf", alpha=0.7),
    )

    def disc(canvas: ImageDraw.ImageDraw, factor: int) -> None:
        canvas.ellipse([side * factor for side in (385, 385, 515, 515)], fill=rgba("#fff6e0"))

    sun = over(sun, smooth((900, 900), disc))
    colours = ("#d98a86", "#b36d83", "#84537a", "#543b66", "#2b2447")
    hills = []
    for number, colour in enumerate(colours):
        hills.append(
            (
                ridge(
                    (1700, 720),
                    seed=21 + number,
                    height=0.52 + 0.095 * number,
                    rough=0.20 - 0.02 * number,
                    colour=colour,
                    foot=mix(colour, "#ffc9a0", 0.55 - 0.1 * number),
                ),
                f"-{40 + 20 * number}-{6 * (number + 1)}*t",
                "0",
            )
        )
    trees = conifers((1900, 720), seed=8, ground=700, tallest=150, colour="#17132b")
    return moved([(sky, "", ""), (sun, "390", "-40-9*t"), *hills, (trees, "-60-50*t", "0")])


def star_trails() -> Scene:
    """The sky turns around the pole star, over a tent with a light in it."""
    sky = over(
        gradient(HD, [(0, "#081229"), (0.55, "#16305c"), (0.85, "#4a5a8a"), (1, "#c98a6b")]),
    )
    front = over(
        ridge(HD, seed=52, height=0.86, rough=0.12, colour="#0d1730", foot="#0a1020"),
        conifers(HD, seed=55, ground=690, tallest=170, colour="#05080f"),
        glow(HD, (905, 640), 230, "#ffae57", alpha=0.7),
        smooth(HD, _tent),
    )
    return Scene(
        layers=[sky, _arcs(1420), front],
        fps=SLOW,
        graph=(
            f"[0:v]{TO_YUV},format=yuv420p,loop=-1:1[sky];"
            "[1:v]format=gray,loop=-1:1,rotate=a='-0.03*t':ow=1280:oh=620:c=black,lut=c0=max(0\\,val-16)[mask];"
            f"color=0xe6edff:s=1280x620:r={SLOW},{TO_YUV},format=yuva420p[white];"
            "[white][mask]alphamerge[trails];"
            f"[2:v]{TO_YUV},format=yuva420p[front];"
            "[sky][trails]overlay[a];[a][front]overlay[picture]"
        ),
    )


def _arcs(side: int) -> Image.Image:
    """Traces of stars around the middle, white on black."""
    rng = random.Random(61)  # noqa: S311

    def draw(canvas: ImageDraw.ImageDraw, factor: int) -> None:
        half = side / 2
        for _ in range(430):
            reach = half * math.sqrt(rng.uniform(0.0004, 1))
            start, strength = rng.uniform(0, 360), rng.random() ** 2.5
            box = [(half + sign * reach) * factor for sign in (-1, -1, 1, 1)]
            canvas.arc(
                box,
                start,
                start + rng.uniform(14, 30),
                fill=rgba("#ffffff", 0.18 + 0.7 * strength),
                width=round((1 + 1.4 * strength) * factor),
            )

    return over(Image.new("RGBA", (side, side), "black"), smooth((side, side), draw))


def _tent(canvas: ImageDraw.ImageDraw, factor: int) -> None:
    shape = partial(polygon, canvas, factor)

    shape([(790, 694), (880, 566), (1020, 694)], rgba("#e8833a"))
    shape([(790, 694), (880, 566), (906, 694)], rgba("#ffb45e"))
    shape([(836, 694), (878, 600), (892, 694)], rgba("#fff0c4"))
