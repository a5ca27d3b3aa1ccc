"""What the demo clips show: painted layers and the graph by which FFmpeg moves them.

In a graph, layer n is input n; it ends in [picture]. Each scene looks right at 1 s, from where its
thumbnail is taken.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageOps

from videos.services.samples.paint import (
    Size,
    blurred,
    conifers,
    empty,
    glow,
    gradient,
    mix,
    over,
    rgba,
    ridge,
    smooth,
    stars,
)

FPS = 25
SLOW = 12.5  # where more would show nothing more
HD, OLD, TALL = (1280, 720), (960, 720), (720, 1280)

TO_YUV = "scale=out_color_matrix=bt709:out_range=tv"
FINISH = f"{TO_YUV},format=yuv420p[picture]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Layers, the lowest first, and the filter graph. `fps` counts for layers and result;
    `crf` is libx264's quality, higher where fine detail costs much."""

    layers: Sequence[Image.Image] = ()
    graph: str
    fps: float = FPS
    crf: int = 21


def moved(layers: Sequence[tuple[Image.Image, str, str]]) -> Scene:
    """Layers one above the other; where each lies is an expression of `t`, the seconds."""
    first, *rest = layers
    steps = [f"[0:v]{TO_YUV},format=yuv420p,loop=-1:1[a0]"]
    for number, (_, x, y) in enumerate(rest, start=1):
        steps.append(f"[{number}:v]{TO_YUV},format=yuva420p[l{number}]")
        steps.append(f"[a{number - 1}][l{number}]overlay=x='{x}':y='{y}'[a{number}]")
    steps.append(f"[a{len(rest)}]null[picture]")
    return Scene(layers=[first[0], *(layer for layer, _, _ in rest)], graph=";".join(steps))


# -- painted ----------------------------------------------------------------------------------


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
        def shape(points: Sequence[tuple[float, float]], fill: tuple[int, int, int, int]) -> None:
            canvas.polygon([(x * scale * factor, y * scale * factor) for x, y in points], fill=fill)

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


def lanterns() -> Scene:
    """Paper lanterns rise over a summer evening; upright, as a phone films."""
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
        def shape(points: Sequence[tuple[float, float]], fill: tuple[int, int, int, int]) -> None:
            canvas.polygon([(x * scale * factor, y * scale * factor) for x, y in points], fill=fill)

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


def soup() -> Scene:
    """A bowl of tomato soup from above; a spiral of cream turns in it."""
    middle = (640, 360)
    wood = _table()
    bowl = over(wood, glow(HD, (655, 385), 430, "#000000", alpha=0.85, power=0.8))

    def plate(canvas: ImageDraw.ImageDraw, factor: int) -> None:
        for radius, colour in (
            (312, "#e9e2d6"),
            (304, "#fbf8f1"),
            (268, "#d9d1c3"),
            (262, "#f4efe5"),
            (250, "#c9bfae"),
            (246, "#b8321d"),
            (238, "#d9482a"),
            (170, "#e05330"),
        ):
            box = [middle[0] - radius, middle[1] - radius, middle[0] + radius, middle[1] + radius]
            canvas.ellipse([side * factor for side in box], fill=rgba(colour))

    bowl = over(bowl, smooth(HD, plate))
    shade = glow(HD, (560, 270), 420, "#ffffff", alpha=0.16)
    side = 500
    graph = (
        f"[0:v]{TO_YUV},format=yuv420p,loop=-1:1[bowl];"
        f"[1:v]format=gray,loop=-1:1,rotate=a='0.42*t':c=black,lut=c0=max(0\\,val-16)[mask];"
        f"color=0xfff3df:s={side}x{side}:r={FPS},{TO_YUV},format=yuva420p[white];"
        "[white][mask]alphamerge[cream];"
        f"[2:v]{TO_YUV},format=yuva420p[herbs];[3:v]{TO_YUV},format=yuva420p[shade];"
        f"[bowl][cream]overlay=x={middle[0] - side // 2}:y={middle[1] - side // 2}[a];"
        "[a][herbs]overlay=x='390+4*sin(0.9*t)':y='110+3*sin(0.7*t)'[b];"
        "[b][shade]overlay[picture]"
    )
    return Scene(layers=[bowl, _swirl(side), _basil(side), shade], graph=graph)


def _table() -> Image.Image:
    rng = random.Random(3)  # noqa: S311
    wood = gradient(HD, [(0, "#2f4858"), (1, "#22343f")])

    def cloth(canvas: ImageDraw.ImageDraw, factor: int) -> None:
        for x in range(-720, 1280, 80):
            shade = rgba("#ffffff", 0.035 + 0.02 * rng.random())
            corners = [(x, 0), (x + 40, 0), (x + 760, 720), (x + 720, 720)]
            canvas.polygon([(a * factor, b * factor) for a, b in corners], fill=shade)

    wood = over(wood, smooth(HD, cloth))

    def things(canvas: ImageDraw.ImageDraw, factor: int) -> None:
        # A spoon on the right, and tomatoes on the left.
        canvas.rounded_rectangle(
            [v * factor for v in (1083, 250, 1103, 660)], 10 * factor, fill=rgba("#d8c7a4")
        )
        canvas.ellipse([v * factor for v in (1048, 96, 1138, 270)], fill=rgba("#d8c7a4"))
        canvas.ellipse([v * factor for v in (1060, 112, 1126, 250)], fill=rgba("#b9a67f"))
        for x, y, radius in ((150, 190, 78), (96, 560, 92), (262, 640, 58)):
            box = (x - radius, y - radius, x + radius, y + radius)
            canvas.ellipse(
                [v * factor for v in (box[0] + 8, box[1] + 14, box[2] + 8, box[3] + 14)],
                fill=rgba("#000000", 0.28),
            )
            canvas.ellipse([v * factor for v in box], fill=rgba("#d13f2a"))
            inner = (x - radius * 0.72, y - radius * 0.78, x + radius * 0.35, y + radius * 0.3)
            canvas.ellipse([v * factor for v in inner], fill=rgba("#ee6a4c", 0.55))
            for leaf in range(5):
                turn = leaf * math.tau / 5 + x
                tip = (x + radius * 0.62 * math.cos(turn), y + radius * 0.62 * math.sin(turn))
                off = (radius * 0.13 * math.sin(turn), -radius * 0.13 * math.cos(turn))
                star = [(x + off[0], y + off[1]), tip, (x - off[0], y - off[1])]
                canvas.polygon([(a * factor, b * factor) for a, b in star], fill=rgba("#4f8a3d"))

    return over(wood, smooth(HD, things, blur=0.6))


def _swirl(side: int) -> Image.Image:
    """Where the cream lies, white on black: two arms from the middle outwards."""

    def draw(canvas: ImageDraw.ImageDraw, factor: int) -> None:
        for arm in range(2):
            for step in range(900):
                share = step / 900
                turn = share * 2.3 * math.tau + arm * math.pi
                x, y = _along((side / 2, side / 2), turn, 22 + 178 * share)
                wide = 11 * math.sin(math.pi * min(1, share * 1.02 + 0.02)) ** 0.7 + 1
                canvas.ellipse(
                    [v * factor for v in (x - wide, y - wide, x + wide, y + wide)],
                    fill=rgba("#ffffff"),
                )

    return over(Image.new("RGBA", (side, side), "black"), smooth((side, side), draw, blur=0.8))


def _basil(side: int) -> Image.Image:
    def draw(canvas: ImageDraw.ImageDraw, factor: int) -> None:
        middle = (side / 2, side / 2)
        for turn, long, colour in (
            (-0.5, 92, "#3f7d36"),
            (1.5, 84, "#4f9440"),
            (3.5, 88, "#5aa54a"),
        ):
            tip = _along(middle, turn, long)
            left, right = (
                _along(middle, turn - 0.42, long * 0.62),
                _along(middle, turn + 0.42, long * 0.62),
            )
            outline = [_curve(middle, left, tip, share / 20) for share in range(21)]
            outline += [_curve(tip, right, middle, share / 20) for share in range(21)]
            canvas.polygon([(x * factor, y * factor) for x, y in outline], fill=rgba(colour))
            canvas.line(
                [(x * factor, y * factor) for x, y in (middle, tip)],
                fill=rgba("#a8d58b", 0.8),
                width=2 * factor,
            )

    return smooth((side, side), draw)


def _along(start: tuple[float, float], turn: float, reach: float) -> tuple[float, float]:
    return start[0] + reach * math.cos(turn), start[1] + reach * math.sin(turn)


def _curve(
    start: tuple[float, float], by: tuple[float, float], end: tuple[float, float], share: float
) -> tuple[float, float]:
    """A point of the quadratic Bézier curve that bulges out as far as twice `by`."""
    one, two, three = (1 - share) ** 2, 2.4 * share * (1 - share), share**2
    weight = one + two + three
    return (
        (one * start[0] + two * by[0] + three * end[0]) / weight,
        (one * start[1] + two * by[1] + three * end[1]) / weight,
    )


def record() -> Scene:
    """A record turns under its arm."""
    middle, side = (560, 372), 236
    desk = over(
        gradient(HD, [(0, "#e9b872"), (1, "#c8763f")]),
        smooth(HD, _turntable, blur=0.6),
        glow(HD, (572, 392), 380, "#000000", alpha=0.75, power=0.7),
        smooth(HD, _grooves),
        _glints(HD, middle),
    )
    arm = smooth(HD, _arm, blur=0.5)
    return Scene(
        layers=[desk, smooth((side, side), _label), arm],
        graph=(
            f"[0:v]{TO_YUV},format=yuv420p,loop=-1:1[desk];"
            f"[1:v]{TO_YUV},format=yuva420p,loop=-1:1,rotate=a='3.49*t':c=none[label];"
            f"[2:v]{TO_YUV},format=yuva420p[arm];"
            f"[desk][label]overlay=x={middle[0] - side // 2}:y={middle[1] - side // 2}[a];"
            "[a][arm]overlay=x='-1.2*t':y='0.8*sin(3.49*t)'[picture]"
        ),
    )


def _turntable(canvas: ImageDraw.ImageDraw, factor: int) -> None:
    def plate(box: Sequence[float], colour: str, round_by: float, alpha: float = 1) -> None:
        canvas.rounded_rectangle([v * factor for v in box], round_by * factor, rgba(colour, alpha))

    plate((146, 40, 1146, 716), "#5a2d1c", 46, 0.35)
    plate((134, 22, 1134, 700), "#f6ead6", 44)
    plate((134, 22, 1134, 690), "#fff6e6", 44)
    for y, colour in ((560, "#e4572e"), (604, "#17a398")):
        canvas.ellipse([v * factor for v in (1034, y, 1064, y + 30)], fill=rgba(colour))
    plate((920, 560, 936, 650), "#d9cbb2", 8)
    plate((912, 590, 944, 610), "#3c3a44", 6)


def _grooves(canvas: ImageDraw.ImageDraw, factor: int) -> None:
    x, y = 560, 372

    def ring(radius: float, **style: object) -> None:
        box = [v * factor for v in (x - radius, y - radius, x + radius, y + radius)]
        canvas.ellipse(box, **style)  # type: ignore[arg-type]

    ring(306, fill=rgba("#d7c8ae"))
    ring(298, fill=rgba("#15151b"))
    for step in range(58):
        bright = 0.10 if step % 13 else 0.0
        ring(
            128 + 2.9 * step,
            outline=rgba("#ffffff", bright * (0.5 + 0.5 * math.sin(step * 2.1))),
            width=factor,
        )
    ring(118, fill=rgba("#0d0d11"))


def _glints(size: Size, middle: tuple[int, int]) -> Image.Image:
    """Two wedges of light across the grooves."""

    def draw(canvas: ImageDraw.ImageDraw, factor: int) -> None:
        for turn in (-38, 142):
            for spread, alpha in ((20, 0.05), (13, 0.06), (7, 0.08), (3, 0.08)):
                box = [
                    (middle[i % 2] + sign * 292) * factor for i, sign in enumerate((-1, -1, 1, 1))
                ]
                canvas.pieslice(box, turn - spread, turn + spread, fill=rgba("#dff3ff", alpha))

    return smooth(size, draw, blur=5)


def _label(canvas: ImageDraw.ImageDraw, factor: int) -> None:
    def ring(radius: float, colour: str) -> None:
        canvas.ellipse(
            [(118 + sign * radius) * factor for sign in (-1, -1, 1, 1)], fill=rgba(colour)
        )

    ring(112, "#e4572e")
    canvas.pieslice([v * factor for v in (6, 6, 230, 230)], 0, 180, fill=rgba("#f2b134"))
    ring(64, "#fff6e6")
    for row, (left, right) in enumerate(((78, 158), (88, 148), (96, 140))):
        y = 138 + 12 * row
        canvas.line(
            [v * factor for v in (left, y, right, y)], fill=rgba("#5a2d1c"), width=4 * factor
        )
    ring(30, "#17a398")
    ring(8, "#15151b")


def _arm(canvas: ImageDraw.ImageDraw, factor: int) -> None:
    def path(
        points: Sequence[tuple[float, float]], colour: str, wide: float, alpha: float = 1
    ) -> None:
        canvas.line(
            [(x * factor, y * factor) for x, y in points],
            fill=rgba(colour, alpha),
            width=round(wide * factor),
            joint="curve",
        )

    bend = [(1000, 150), (986, 300), (930, 430), (806, 520)]
    path([(x + 10, y + 16) for x, y in bend], "#000000", 16, 0.22)
    canvas.ellipse([v * factor for v in (934, 84, 1066, 216)], fill=rgba("#d9cbb2"))
    canvas.ellipse([v * factor for v in (950, 100, 1050, 200)], fill=rgba("#3c3a44"))
    path([(1006, 60), (1000, 150)], "#3c3a44", 30)
    path(bend, "#b9bcc6", 15)
    path(bend, "#eef0f4", 6)
    path([(840, 495), (770, 546)], "#3c3a44", 34)
    path([(790, 531), (770, 546)], "#e4572e", 34)
    canvas.ellipse([v * factor for v in (980, 130, 1020, 170)], fill=rgba("#8e919c"))


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
    def shape(points: Sequence[tuple[float, float]], fill: tuple[int, int, int, int]) -> None:
        canvas.polygon([(x * factor, y * factor) for x, y in points], fill=fill)

    shape([(790, 694), (880, 566), (1020, 694)], rgba("#e8833a"))
    shape([(790, 694), (880, 566), (906, 694)], rgba("#ffb45e"))
    shape([(836, 694), (878, 600), (892, 694)], rgba("#fff0c4"))


# -- computed ---------------------------------------------------------------------------------


def game_of_life() -> Scene:
    """Conway's Game of Life; what died leaves a trace that fades."""
    return Scene(
        fps=SLOW,
        graph=(
            f"life=s=128x72:r={SLOW}:ratio=0.28:random_seed=11:mold=14:life_color=#d9fff2:"
            "death_color=#12857f:mold_color=#081626,trim=start=1.6,setpts=PTS-STARTPTS,"
            f"scale=1280:720:flags=neighbor,format=gbrp,split[cells][more];"
            "[more]scale=320:180,gblur=sigma=7,scale=1280:720:flags=bilinear,format=gbrp[halo];"
            f"[cells][halo]blend=all_mode=screen:all_opacity=0.85,{FINISH}"
        ),
    )


def mandelbrot() -> Scene:
    """Into the Mandelbrot set."""
    return Scene(
        crf=25,
        graph=(
            f"mandelbrot=s=640x360:r={FPS}:start_x=-0.74346:start_y=0.13150:"
            "start_scale=0.0024:end_scale=0.0007:end_pts=225:maxiter=250:bailout=10:"
            "outer=normalized_iteration_count:inner=black,"
            f"format=gray,gblur=sigma=0.7,format=yuv444p,pseudocolor=preset=magma,scale=1280:720:flags=bicubic,{FINISH}"
        ),
    )
