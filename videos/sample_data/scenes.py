"""What the demo clips show: painted layers, and the FFmpeg filter graph that moves them.

In a graph, layer n is input n, and the result is [picture]. Each scene looks right at 1 s, from
where its thumbnail is taken.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageOps

from videos.sample_data import painting as paint
from videos.sample_data.painting import Canvas, glow, gradient, over, rgba, ridge

FPS = 25
SLOW = 12.5  # frames per second of scenes in which little moves
HD, OLD, TALL = (1280, 720), (960, 720), (720, 1280)
TO_YUV = "scale=out_color_matrix=bt709:out_range=tv"
OPAQUE, CLEAR = f"{TO_YUV},format=yuv420p", f"{TO_YUV},format=yuva420p"


@dataclass(frozen=True, slots=True)
class Layer:
    """A picture with its position and its angle in radians: FFmpeg expressions of `t`, seconds."""

    picture: Image.Image
    x: str = "0"
    y: str = "0"
    angle: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Pictures from the lowest to the highest, and the graph."""

    pictures: Sequence[Image.Image] = ()
    graph: str
    fps: float = FPS  # frames per second of the pictures and of the result
    crf: int = 18  # libx264's quality; higher (worse) where fine detail would need many bytes


def moved(base: Image.Image, *layers: Layer, fps: float = FPS) -> Scene:
    """Puts the layers above `base` and moves them."""
    steps = [f"[0:v]{OPAQUE},loop=-1:1[a0]"]
    for n, layer in enumerate(layers, start=1):
        turn = f",loop=-1:1,rotate=a={layer.angle}:c=none" if layer.angle else ""
        steps.append(f"[{n}:v]{CLEAR}{turn}[l{n}]")
        steps.append(f"[a{n - 1}][l{n}]overlay=x='{layer.x}':y='{layer.y}'[a{n}]")
    graph = ";".join([*steps, f"[a{len(layers)}]null[picture]"])
    return Scene(pictures=[base, *(layer.picture for layer in layers)], graph=graph, fps=fps)


def sunrise() -> Scene:
    """Ridges in the mist that pass at different speeds, and a rising sun."""
    dawn = [(0, "#35477d"), (0.25, "#8a6a9e"), (0.45, "#e58f86"), (0.62, "#ffc58a"), (1, "#ffe2b0")]
    sun = Canvas(900, 900)
    sun.circle((450, 450), 65, "#fff6e0")
    light = glow((900, 900), (450, 450, 440), "#ffdfac", 0.9)
    layers = [Layer(over(light, sun.picture()), "390", "-40-9*t")]
    for n, colour in enumerate(("#d98a86", "#b36d83", "#84537a", "#543b66", "#2b2447")):
        mist = paint.mix(colour, "#ffc9a0", 0.55 - 0.1 * n)
        hills = ridge((1700, 720), 21 + n, 0.52 + 0.095 * n, 0.20 - 0.02 * n, colour, mist)
        layers.append(Layer(hills, f"-{40 + 20 * n}-{6 + 6 * n}*t"))
    trees = paint.conifers((1900, 720), 8, 700, 150, "#17132b")
    return moved(gradient(HD, dawn), *layers, Layer(trees, "-60-50*t"))


def aurora() -> Scene:
    """Green and violet curtains, computed by FFmpeg's geq, over a lake that mirrors them."""
    size = (1280, 440)
    sky = gradient(size, [(0, "#050b1f"), (0.6, "#0a1d38"), (1, "#12394a")])
    sky = over(sky, paint.stars(size, 4, 420))
    far = ridge(size, 12, 0.86, 0.20, "#0b1e33", "#123145")
    land = over(far, ridge(size, 5, 0.96, 0.09, "#071320", "#0a1b2a"))
    shore = Image.new("RGBA", HD)
    shore.paste(land, (0, 0))
    shore.paste(ImageOps.flip(land), (0, 440))
    shore = over(shore, paint.conifers(HD, 3, 704, 150, "#03080f"))
    curve = "(0.87+0.10*sin(4.2*X/W+0.35*T+0.6)+0.05*sin(9.7*X/W-0.6*T))"
    rays = "(0.62+0.38*sin(34*X/W+4*sin(5*X/W+0.7*T)+0.8*T))"
    light = f"st(0,{curve}-Y/H);st(1,gt(ld(0),0)*exp(-2.4*ld(0))*(1-exp(-9*ld(0)))*{rays})"
    parts = {"r": "20+90*ld(0)+330*ld(0)*ld(0)", "g": "255-90*ld(0)", "b": "120+260*ld(0)"}
    geq = ":".join(f"{name}='{light};min(255,2*ld(1)*({v}))'" for name, v in parts.items())
    graph = (
        f"nullsrc=s=96x40:r={SLOW},format=gbrp,geq={geq},scale=1280:440:flags=bicubic,format=gbrp"
        "[light];[0:v]format=gbrp,loop=-1:1[sky];[sky][light]blend=all_mode=screen,split[up][copy];"
        "[copy]vflip,scale=160:-2,gblur=sigma=1:sigmaV=3,scale=1280:440,format=gbrp,"
        "lutrgb=r=val*0.62:g=val*0.70:b=val*0.78,crop=1280:280:0:0[down];"
        f"[up][down]vstack,{OPAQUE}[all];[1:v]{CLEAR}[shore];[all][shore]overlay[picture]"
    )
    return Scene(pictures=[sky, shore], graph=graph, fps=SLOW)


def star_trails() -> Scene:
    """The sky turns around the pole star, over a tent with a light in it."""
    rng, trails, tent = random.Random(61), Canvas(1420, 1420), Canvas(*HD)  # noqa: S311
    for _ in range(430):
        reach, start = 710 * math.sqrt(rng.uniform(0.0004, 1)), rng.randrange(360)
        strength, span = rng.random() ** 2.5, (start, start + rng.randrange(14, 30))
        trails.ring(
            710, 710, reach, 1 + 1.4 * strength, rgba("#e6edff", 0.2 + 0.8 * strength), span
        )
    tent.polygon([(790, 694), (880, 566), (1020, 694)], "#e8833a")
    tent.polygon([(790, 694), (880, 566), (906, 694)], "#ffc777")
    hills = over(
        ridge(HD, 52, 0.86, 0.12, "#0d1730", "#0a1020"),
        paint.conifers(HD, 55, 690, 170, "#05080f"),
        glow(HD, (905, 640, 230), "#ffae57", 0.7),
        tent.picture(),
    )
    sky = gradient(HD, [(0, "#081229"), (0.55, "#16305c"), (0.85, "#4a5a8a"), (1, "#c98a6b")])
    turning = Layer(trails.picture(), angle="-0.03*t:ow=1280:oh=620")
    return moved(sky, turning, Layer(hills), fps=SLOW)


def lanterns() -> Scene:
    """Paper lanterns rise over hills on a summer evening; upright, as a phone records."""
    dusk = [(0, "#0c1033"), (0.45, "#2b2159"), (0.72, "#7a3b72"), (0.9, "#e07a5f"), (1, "#f2a65a")]
    layers = []
    for n, (count, scale, speed) in enumerate(((34, 0.36, 16), (20, 0.62, 27), (9, 1.0, 44))):
        field, rng = Image.new("RGBA", (720, 2100)), random.Random(70 + n)  # noqa: S311
        for place in range(count):
            lantern = _lantern(scale * rng.uniform(0.85, 1.15))
            y = 60 + (2000 - lantern.height) * (place + rng.uniform(0, 0.7)) / count
            field.alpha_composite(lantern, (rng.randrange(720 - lantern.width), round(y)))
        layers.append(Layer(field, f"{6 + 5 * n}*sin(0.6*t+{n})", f"-{200 + 90 * n}-{speed}*t"))
    hills = ridge(TALL, 15, 0.93, 0.05, "#3a1f4a", "#241436")
    hills = over(hills, paint.conifers(TALL, 17, 1262, 190, "#120a20"))
    return moved(over(gradient(TALL, dusk), paint.stars(TALL, 9, 160)), *layers, Layer(hills))


def _lantern(scale: float) -> Image.Image:
    side, size = round(300 * scale), (round(300 * scale), round(300 * scale))
    paper, middle = Canvas(*size), (side / 2, side / 2, side / 2)
    sides = (
        (-38, -54),
        (-26, -66),
        (26, -66),
        (38, -54),
        (44, -10),
        (28, 56),
        (-28, 56),
        (-44, -10),
    )
    body = [(side / 2 + x * scale, side / 2 + y * scale) for x, y in sides]
    paper.polygon(body, "#ffbc58")
    paper.line(body[5:7], "#b8552b", round(10 * scale))
    flame = glow(size, (side / 2, side * 0.6, 62 * scale), "#fffbe0", 0.95)
    return over(glow(size, middle, "#ff9a3c", 0.55), paper.picture(1.2 * scale), flame)


def night_drive() -> Scene:
    """Lights of a wet street, out of focus, above a steering wheel."""
    street = over(
        gradient(HD, [(0, "#070a1c"), (0.45, "#15224a"), (0.6, "#33204f"), (1, "#07070f")]),
        glow(HD, (760, 390, 640), "#5a3f9e", 0.75),
        glow(HD, (380, 410, 460), "#b0552f", 0.55),
    )
    tints = ["#ffb35c", "#ff8a3d", "#ff4d4d", "#ffe3b0", "#6fd3ff", "#5ee0c8", "#c79bff"]
    layers, rng = [], random.Random(31)  # noqa: S311
    # Number, radii, mean and deviation of the heights, opacity, movement.
    for count, low, high, mean, spread, alpha, move in (
        (90, 8, 22, 380, 70, 0.95, "-160-8*t"),
        (40, 26, 52, 350, 110, 0.6, "-280+24*t"),
        (13, 64, 104, 300, 130, 0.34, "-330-56*t"),
    ):
        lights = Canvas(2000, 720)
        for _ in range(count):
            x, y, radius = rng.uniform(0, 2000), rng.gauss(mean, spread), rng.uniform(low, high)
            tint, strength = rng.choice(tints), alpha * rng.uniform(0.5, 1.0)
            fill, rim = rgba(tint, 0.75 * strength), rgba(tint, strength)
            lights.circle((x, y), radius, fill, rim, max(2, round(radius / 20)))
        layers.append(Layer(lights.picture(1.2 + high / 60), move))
    car = Canvas(*HD)
    car.circle((640, 1670), 1080, "#06070c", "#5c4429", 2)
    car.ring(420, 700, 230, 34, rgba("#020308"))
    car.ring(420, 700, 228, 3, rgba("#55412a"), (205, 320))
    car.rounded_rectangle((520, -40, 800, 62), 26, "#04050a")
    car.rounded_rectangle((534, -40, 786, 50), 20, "#2a2140")
    return moved(street, *layers, Layer(car.picture(0.8), y="3*sin(2.3*t)"))


def soup() -> Scene:
    """A bowl of tomato soup from above; a spiral of cream turns in it."""
    table, bowl, cream, basil = Canvas(*HD), Canvas(*HD), Canvas(430, 430), Canvas(200, 160)
    for left in range(-720, 1280, 80):
        table.polygon(
            [(left, 0), (left + 40, 0), (left + 760, 720), (left + 720, 720)], rgba("#ffffff", 0.04)
        )
    table.rounded_rectangle((1083, 250, 1103, 660), 10, "#d8c7a4")  # a wooden spoon
    table.ellipse((1048, 96, 1138, 270), "#d8c7a4")
    table.ellipse((1060, 112, 1126, 250), "#b9a67f")
    for x, y, radius in ((150, 190, 78), (96, 560, 92), (262, 640, 58)):  # tomatoes
        table.circle((x + 8, y + 14), radius, rgba("#000000", 0.28))
        table.circle((x, y), radius, "#d13f2a")
        table.circle((x - 0.18 * radius, y - 0.24 * radius), 0.54 * radius, "#de553f")
        tips = [(k * math.pi / 5 + x, radius * (0.62, 0.13)[k % 2]) for k in range(10)]
        table.polygon([(x + r * math.cos(a), y + r * math.sin(a)) for a, r in tips], "#4f8a3d")
    bowl.discs(640, 360, "312#e9e2d6 304#fbf8f1 268#d9d1c3 262#f4efe5 250#c9bfae 246#d9482a")
    for step in range(900):
        share = step / 900
        reach, wide = 22 + 178 * share, 1 + 11 * math.sin(math.pi * share) ** 0.7
        for turn in (share * 2.3 * math.tau, share * 2.3 * math.tau + math.pi):
            centre = (215 + reach * math.cos(turn), 215 + reach * math.sin(turn))
            cream.circle(centre, wide, "#fff3df")
    basil.polygon([(100, 60), (132, 22), (181, 16), (159, 51)], "#3f7d36")
    basil.polygon([(100, 60), (80, 98), (106, 144), (127, 104)], "#4f9440")
    basil.polygon([(100, 60), (66, 48), (18, 30), (47, 9)], "#5aa54a")
    shadow = glow(HD, (655, 385, 430), "#000000", 0.85, power=0.8)
    cloth = over(gradient(HD, [(0, "#2f4858"), (1, "#22343f")]), table.picture(), shadow)
    return moved(
        over(cloth, bowl.picture()),
        Layer(cream.picture(0.8), "425", "145", "0.42*t"),
        Layer(basil.picture(1), "540+4*sin(0.9*t)", "300+3*sin(0.7*t)"),
    )


def record() -> Scene:
    """A record that turns under its arm."""
    player, disc, label, arm = Canvas(*HD), Canvas(*HD), Canvas(236, 236), Canvas(*HD)
    player.rounded_rectangle((146, 40, 1146, 716), 46, rgba("#5a2d1c", 0.35))
    player.rounded_rectangle((134, 22, 1134, 700), 44, "#f6ead6")
    player.rounded_rectangle((134, 22, 1134, 690), 44, "#fff6e6")
    player.discs(1049, 619, "15#17a398")
    disc.discs(560, 372, "306#d7c8ae 298#15151b")
    for step in range(58):
        disc.ring(560, 372, 128 + 2.9 * step, 1, rgba("#15151b" if step % 13 == 0 else "#2b2b33"))
    label.discs(118, 118, "118#0d0d11 112#e4572e")
    label.ring(118, 118, 112, 60, rgba("#f2b134"), (0, 180))
    label.discs(118, 118, "64#fff6e6 30#17a398 8#15151b")
    bend = [(1000, 150), (986, 300), (930, 430), (806, 520)]
    arm.line([(x + 10, y + 16) for x, y in bend], rgba("#000000", 0.22), 16, "curve")
    arm.discs(1000, 150, "66#d9cbb2 50#3c3a44")
    arm.line(bend, "#b9bcc6", 15, "curve")
    arm.line(bend, "#eef0f4", 6, "curve")
    arm.line([(840, 495), (770, 546)], "#3c3a44", 34)
    arm.discs(1000, 150, "20#8e919c")
    shadow = glow(HD, (572, 392, 380), "#000000", 0.75, power=0.7)
    desk = over(gradient(HD, [(0, "#e9b872"), (1, "#c8763f")]), player.picture(), shadow)
    return moved(
        over(desk, disc.picture()),
        Layer(label.picture(), "442", "254", "3.49*t"),
        Layer(arm.picture(), "-1.2*t", "0.8*sin(3.49*t)"),
    )


def regatta() -> Scene:
    """Three boats on waves that roll at different speeds; 4:3, as old tapes are."""
    sky = over(
        gradient(OLD, [(0, "#4f9fd6"), (0.45, "#a9d8ee"), (0.62, "#fdeccb"), (1, "#fdeccb")]),
        glow(OLD, (720, 190, 300), "#fff6d8", 0.9),
        ridge(OLD, 44, 0.57, 0.10, "#7fb0bf", "#a9cfd2"),
    )
    boats = [
        Layer(_boat(0.34, "#e4572e"), "500+9*t", "355+4*sin(1.9*t+1)"),
        Layer(_boat(0.52, "#f2b134"), "180+12*t", "358+5*sin(1.5*t+2)"),
        Layer(_boat(0.86, "#17a398"), "470+16*t", "320+7*sin(1.2*t+3)"),
    ]
    layers = []
    for n, colour in enumerate(("#3f9db3", "#2a86a3", "#1d6d8f", "#135577")):
        swell, sea = 11 + 4 * n, Canvas(1500, 720)
        crest = [
            (x, 430 + 65 * n + swell * (math.sin(x / 62 + 1.7 * n) + 0.4 * math.sin(x / 23 - n)))
            for x in range(0, 1504, 4)
        ]
        sea.polygon([*crest, (1500, 720), (0, 720)], colour)
        for below, share in ((0, 0.55), (26, 0.16), (58, 0.10)):
            foam = paint.mix(colour, "#e8fbff", share)
            sea.line([(x, y + below) for x, y in crest], foam, 3, "curve")
        roll, bob = f"-270+{40 + 18 * n}*sin(0.5*t+{n})", f"{0.4 * swell:.1f}*sin(1.1*t+{2 * n})"
        layers += [Layer(sea.picture(), roll, bob), *boats[n : n + 1]]
    return moved(sky, *layers)


def _boat(scale: float, stripe: str) -> Image.Image:
    boat = Canvas(round(300 * scale), round(380 * scale))
    for colour, *points in (
        ("#ffffff", (142, 8), (142, 292), (30, 292), (52, 236), (78, 168), (108, 88)),
        (stripe, (97, 118), (142, 100), (142, 146), (80, 166)),
        ("#dfecf3", (154, 40), (154, 288), (258, 288), (236, 220), (200, 130)),
        ("#5a4632", (144, 4), (151, 4), (151, 316), (144, 316)),
        (stripe, (14, 310), (290, 306), (262, 356), (54, 360)),
    ):
        boat.polygon([(x * scale, y * scale) for x, y in points], colour)
    return boat.picture()


def game_of_life() -> Scene:
    """Conway's Game of Life; dead cells leave a trace that fades."""
    return Scene(
        graph=f"life=s=128x72:r={SLOW}:ratio=0.28:random_seed=11:mold=14:life_color=#d9fff2:"
        "death_color=#12857f:mold_color=#081626,trim=start=1.6,setpts=PTS-STARTPTS,"
        "scale=640:360:flags=neighbor,format=gbrp,split[cells][more];[more]scale=320:180,"
        "gblur=sigma=7,scale=640:360:flags=bilinear,format=gbrp[halo];[cells][halo]blend="
        f"all_mode=screen:all_opacity=0.85,scale=1280:720:flags=neighbor,{OPAQUE}[picture]",
        fps=SLOW,
    )


def mandelbrot() -> Scene:
    """A zoom into the Mandelbrot set."""
    return Scene(
        graph=f"mandelbrot=s=640x360:r={FPS}:start_x=-0.74346:start_y=0.13150:start_scale=0.0024:"
        "end_scale=0.0007:end_pts=170:maxiter=250:bailout=10:outer=normalized_iteration_count:"
        "inner=black,format=gray,gblur=sigma=0.7,format=yuv444p,pseudocolor=preset=magma,"
        f"scale=1280:720:flags=bilinear,{OPAQUE}[picture]",
        crf=25,
    )
