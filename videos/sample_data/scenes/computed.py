"""Pictures that FFmpeg computes."""

from __future__ import annotations

from videos.sample_data.scenes.base import FINISH, FPS, SLOW, Scene


def game_of_life() -> Scene:
    """Conway's Game of Life; what died leaves a trace that fades."""
    return Scene(
        fps=SLOW,
        graph=(
            f"life=s=128x72:r={SLOW}:ratio=0.28:random_seed=11:mold=14:life_color=#d9fff2:"
            "death_color=#12857f:mold_color=#081626,trim=start=1.6,setpts=PTS-STARTPTS,"
            f"scale=640:360:flags=neighbor,format=gbrp,split[cells][more];"
            "[more]scale=320:180,gblur=sigma=7,scale=640:360:flags=bilinear,format=gbrp[halo];"
            f"[cells][halo]blend=all_mode=screen:all_opacity=0.85,scale=1280:720:flags=neighbor,{FINISH}"
        ),
    )


def mandelbrot() -> Scene:
    """Into the Mandelbrot set."""
    return Scene(
        crf=25,
        graph=(
            f"mandelbrot=s=640x360:r={FPS}:start_x=-0.74346:start_y=0.13150:"
            "start_scale=0.0024:end_scale=0.0007:end_pts=170:maxiter=250:bailout=10:"
            "outer=normalized_iteration_count:inner=black,"
            f"format=gray,gblur=sigma=0.7,format=yuv444p,pseudocolor=preset=magma,scale=1280:720:flags=bicubic,{FINISH}"
        ),
    )
