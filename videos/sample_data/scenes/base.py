"""A scene: painted layers, and the graph by which FFmpeg moves them.

In a graph, layer n is input n; it ends in [picture]. Each scene looks right at 1 s, from where its
thumbnail is taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

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
    crf: int = 18


def moved(layers: Sequence[tuple[Image.Image, str, str]]) -> Scene:
    """Layers one above the other; where each lies is an expression of `t`, the seconds."""
    first, *rest = layers
    steps = [f"[0:v]{TO_YUV},format=yuv420p,loop=-1:1[a0]"]
    for number, (_, x, y) in enumerate(rest, start=1):
        steps.append(f"[{number}:v]{TO_YUV},format=yuva420p[l{number}]")
        steps.append(f"[a{number - 1}][l{number}]overlay=x='{x}':y='{y}'[a{number}]")
    steps.append(f"[a{len(rest)}]null[picture]")
    return Scene(layers=[first[0], *(layer for layer, _, _ in rest)], graph=";".join(steps))
