"""What lies on a table, from above."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

from PIL import Image, ImageDraw

from videos.sample_data.paint import Size, glow, gradient, over, rgba, smooth
from videos.sample_data.scenes.base import FPS, HD, TO_YUV, Scene


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
