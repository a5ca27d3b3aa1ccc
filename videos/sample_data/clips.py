"""The ten demo clips: made by FFmpeg of painted layers, computed pictures and a little music."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from videos.sample_data import scenes
from videos.transcode.run import Limits, run
from videos.transcode.types import Options, Tick

KEYFRAME_SECONDS = 2
SOUND_RATE = 16_000  # Hz, in which the tune is computed; it is written in 48 kHz
LIMITS = Limits(wall_seconds=120, file_bytes=200 * 1024**2, nice=0)
STALL_SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Tune:
    """A broken chord over a slow pad, in equal temperament.

    Attributes:
        root: Hz.
        notes: semitones above the root, one after the other, from the beginning again at the end.
        beat: seconds from one note to the next.
        decay: how fast a note fades, in 1/s.
    """

    root: float
    notes: tuple[int, ...]
    beat: float
    decay: float = 3.0

    def expression(self) -> str:
        """For aevalsrc, mono, at most about -14 dB."""
        count = len(self.notes)
        pitch = str(self.notes[-1])
        for place in range(count - 2, -1, -1):
            pitch = f"if(eq(ld(0),{place}),{self.notes[place]},{pitch})"
        bar = self.beat * count
        return (
            f"st(0,mod(floor(t/{self.beat}),{count}));st(1,2*PI*{self.root}*pow(2,({pitch})/12)*t);"
            f"st(2,min(1,60*mod(t,{self.beat}))*exp(-{self.decay}*mod(t,{self.beat})));"
            f"st(3,0.5-0.5*cos(2*PI*t/{bar}));"
            "0.09*ld(2)*(sin(ld(1))+0.35*sin(2*ld(1)))"
            f"+0.035*ld(3)*(sin(PI*{self.root}*t)+sin(1.49831*PI*{self.root}*t))"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    name: str
    seconds: int
    scene: Callable[[], scenes.Scene]
    tune: Tune


CLIPS = (
    Clip(
        name="aurora",
        seconds=8,
        scene=scenes.aurora,
        tune=Tune(root=220.0, notes=(0, 7, 12, 16, 19, 16, 12, 7), beat=0.625, decay=1.6),
    ),
    Clip(
        name="mandelbrot",
        seconds=6,
        scene=scenes.mandelbrot,
        tune=Tune(root=196.0, notes=(0, 3, 7, 10, 14, 10, 7, 3), beat=0.25),
    ),
    Clip(
        name="sunrise",
        seconds=10,
        scene=scenes.sunrise,
        tune=Tune(root=174.61, notes=(0, 4, 7, 11, 12, 11, 7, 4), beat=0.75, decay=1.5),
    ),
    Clip(
        name="game-of-life",
        seconds=8,
        scene=scenes.game_of_life,
        tune=Tune(root=261.63, notes=(0, 12, 7, 12, 3, 15, 10, 15), beat=0.16, decay=9),
    ),
    Clip(
        name="night-drive",
        seconds=9,
        scene=scenes.night_drive,
        tune=Tune(root=146.83, notes=(0, 7, 10, 14, 12, 7, 10, 5), beat=0.375, decay=2.5),
    ),
    Clip(
        name="regatta",
        seconds=15,
        scene=scenes.regatta,
        tune=Tune(root=293.66, notes=(0, 4, 7, 9, 7, 4), beat=0.3, decay=4),
    ),
    Clip(
        name="soup",
        seconds=8,
        scene=scenes.soup,
        tune=Tune(root=261.63, notes=(0, 4, 9, 7, 5, 9, 12, 7), beat=0.28, decay=5),
    ),
    Clip(
        name="record",
        seconds=12,
        scene=scenes.record,
        tune=Tune(root=130.81, notes=(0, 7, 15, 10, 19, 15, 10, 7), beat=0.3, decay=2.8),
    ),
    Clip(
        name="lanterns",
        seconds=8,
        scene=scenes.lanterns,
        tune=Tune(root=233.08, notes=(0, 4, 11, 7, 14, 11), beat=0.55, decay=1.8),
    ),
    Clip(
        name="star-trails",
        seconds=6,
        scene=scenes.star_trails,
        tune=Tune(root=164.81, notes=(0, 5, 7, 12, 14, 12, 7, 5), beat=0.75, decay=1.3),
    ),
)


def make_clip(clip: Clip, folder: Path, *, options: Options, tick: Tick) -> Path:
    """Paints and videos a clip as `folder`/clip.mp4: H.264 and AAC, so that it need not be encoded
    again. Errors as of `videos.transcode.run.run`."""
    scene = clip.scene()
    for number, layer in enumerate(scene.layers):
        layer.save(folder / f"{number}.png", compress_level=1)
    output = folder / "clip.mp4"
    run(
        clip_command(clip, scene, folder, output, options),
        duration=clip.seconds,
        limits=LIMITS,
        stall_limit=STALL_SECONDS,
        tick=tick,
        cwd=folder,
    )
    return output


def clip_command(
    clip: Clip, scene: scenes.Scene, folder: Path, output: Path, options: Options
) -> list[str]:
    """One thread and bitexact, so that the same FFmpeg makes the same file on every machine."""
    inputs: list[str] = []
    for number in range(len(scene.layers)):
        picture = f"file:{(folder / f'{number}.png').absolute()}"
        inputs += ["-framerate", str(scene.fps), "-i", picture]
    fade = f"afade=in:d=0.3,afade=out:st={clip.seconds - 1}:d=1"
    sound = (
        f"aevalsrc='{clip.tune.expression()}':s={SOUND_RATE}:c=mono:d={clip.seconds},"
        f"aecho=0.8:0.7:190|330:0.35|0.22,{fade},aresample=48000,"
        "aformat=channel_layouts=stereo,adelay=0|11,asetnsamples=1024:p=0[sound]"
    )
    return [
        *(options.ffmpeg, "-nostdin", "-hide_banner", "-nostats", "-v", "warning", "-y"),
        *("-progress", "pipe:1", "-stats_period", "0.5", "-filter_complex_threads", "1"),
        *inputs,
        *("-filter_complex", f"{scene.graph};{sound}", "-map", "[picture]", "-map", "[sound]"),
        *("-t", str(clip.seconds), "-r", str(scene.fps), "-threads", "1"),
        *(
            "-c:v",
            "libx264",
            "-preset",
            "ultrafast",
            "-bf",
            "0",
            "-crf",
            str(scene.crf),
            "-pix_fmt",
            "yuv420p",
        ),
        *("-force_key_frames", f"expr:gte(t,n_forced*{KEYFRAME_SECONDS})", "-sc_threshold", "0"),
        *("-color_range", "tv", "-colorspace", "bt709"),
        *("-color_primaries", "bt709", "-color_trc", "bt709"),
        *("-c:a", "aac", "-b:a", "128k", "-ac", "2"),
        *("-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact"),
        *("-map_metadata", "-1", "-f", "mp4", f"file:{output.absolute()}"),
    ]
