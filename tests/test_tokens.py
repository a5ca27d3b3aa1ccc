"""The colours of the design tokens: what can be read, as WCAG 2.2 reckons it."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest

STYLES = Path(__file__).resolve().parent.parent / "static/css"
TOKENS = (STYLES / "tokens.css").read_text()
THEMES = ("light", "dark")
TEXT, CONTROL = 4.5, 3.0  # WCAG 1.4.3 and 1.4.11

PAIRS = [
    *((name, ground, TEXT) for name in ("text", "muted") for ground in ("canvas", "surface")),
    *(
        (name, ground, TEXT)
        for name in ("accent-text", "danger", "good", "warn")
        for ground in ("canvas", "surface")
    ),
    ("text", "sunken", TEXT),
    ("text", "accent-soft", TEXT),
    ("on-accent", "accent-text", TEXT),
    ("on-danger", "danger", TEXT),
    *((name, "canvas", CONTROL) for name in ("accent", "edge", "focus")),
]


def colour(name: str, theme: str) -> tuple[float, float, float]:
    """Linear sRGB of a token, clipped as a browser does."""
    value = re.search(rf"--{name}: (.+);", TOKENS)
    assert value, f"there is no token {name}"
    found = re.findall(r"oklch\(([\d.]+) ([\d.]+) ([\d.]+)\)", value[1])
    lightness, chroma, hue = map(float, found[-1 if theme == "dark" else 0])
    if chroma == 0:
        hue = 0.0
    return linear_srgb(lightness, chroma, hue)


def linear_srgb(lightness: float, chroma: float, hue: float) -> tuple[float, float, float]:
    """By the matrices of CSS Color 4, section 10.9 (Björn Ottosson's Oklab)."""
    a, b = chroma * math.cos(math.radians(hue)), chroma * math.sin(math.radians(hue))
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    red = 4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short
    green = -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short
    blue = -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short
    clipped = [min(1.0, max(0.0, part)) for part in (red, green, blue)]
    return clipped[0], clipped[1], clipped[2]


def contrast(one: tuple[float, float, float], other: tuple[float, float, float]) -> float:
    light, dark = sorted(
        (0.2126 * red + 0.7152 * green + 0.0722 * blue for red, green, blue in (one, other)),
        reverse=True,
    )
    return (light + 0.05) / (dark + 0.05)


def test_black_on_white_is_21() -> None:
    assert contrast(linear_srgb(0, 0, 0), linear_srgb(1, 0, 0)) == pytest.approx(21, abs=0.01)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(("name", "ground", "least"), PAIRS)
def test_what_is_written_can_be_read(name: str, ground: str, least: float, theme: str) -> None:
    assert contrast(colour(name, theme), colour(ground, theme)) >= least


# The admin's style sheet gives Django's own names to some; black in a mask is no colour, and an
# avatar has the hue of its member.
RAW = re.compile(
    r"(?:oklch|oklab|lch|lab|rgba?|hsla?|hwb|color)\((?!.*var\(--hue\))|#(?!000\b)[0-9a-f]{3,8}\b",
    re.IGNORECASE,
)


def test_colours_stand_in_the_tokens_and_nowhere_else() -> None:
    raw = [
        f"{path.name}:{number}: {line.strip()}"
        for path in sorted(STYLES.rglob("*.css"))
        if path.name not in {"tokens.css", "admin.css"}
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if RAW.search(line)
    ]
    assert raw == []


def test_every_token_that_is_used_is_there() -> None:
    text = "".join(path.read_text() for path in STYLES.rglob("*.css"))
    used = set(re.findall(r"var\((--(?:veil|shade|scrim)-\d+)\)", text))
    assert used
    assert used == set(re.findall(r"^ +(--(?:veil|shade|scrim)-\d+):", TOKENS, re.MULTILINE))
