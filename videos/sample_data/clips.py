"""The ten demo clips: painted, set to a little music, encoded and processed by FFmpeg."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from django.conf import settings

from clipset.lib.sandbox import Access
from videos.sample_data import scenes
from videos.transcode.confine import Limits, find_program
from videos.transcode.errors import CancelledError
from videos.transcode.pipeline import transcode
from videos.transcode.results import TranscodeResult
from videos.transcode.run import run
from videos.transcode.thumbnail import make_thumbnail
from videos.transcode.types import Options, Progress, Tick, no_tick

KEYFRAME_SECONDS = 2
SOUND_RATE = 16_000  # Hz, in which the tune is computed; the file has 48 kHz
PICTURE_LISTS = (
    *("-protocol_whitelist", "file", "-format_whitelist", "image2,png_pipe"),
    *("-codec_whitelist", "png"),
)
LIMITS = Limits(wall_seconds=120, file_bytes=200 * 1024**2, nice=0)
STALL_SECONDS = 60
MAX_CLIPS_AT_ONCE = 2

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Clip:
    """A scene with its music: a broken chord over a slow pad, in equal temperament."""

    name: str
    seconds: int
    scene: Callable[[], scenes.Scene]
    root: float  # Hz
    notes: tuple[int, ...]  # semitones above the root, played one after the other in a loop
    beat: float  # seconds from one note to the next
    decay: float  # how fast a note fades, in 1/s


CLIPS = (
    Clip("aurora", 8, scenes.aurora, 220.0, (0, 7, 12, 16, 19, 16, 12, 7), 0.625, 1.6),
    Clip("mandelbrot", 6, scenes.mandelbrot, 196.0, (0, 3, 7, 10, 14, 10, 7, 3), 0.25, 3),
    Clip("sunrise", 10, scenes.sunrise, 174.61, (0, 4, 7, 11, 12, 11, 7, 4), 0.75, 1.5),
    Clip("game-of-life", 8, scenes.game_of_life, 261.63, (0, 12, 7, 12, 3, 15, 10, 15), 0.16, 9),
    Clip("night-drive", 9, scenes.night_drive, 146.83, (0, 7, 10, 14, 12, 7, 10, 5), 0.375, 2.5),
    Clip("regatta", 15, scenes.regatta, 293.66, (0, 4, 7, 9, 7, 4), 0.3, 4),
    Clip("soup", 8, scenes.soup, 261.63, (0, 4, 9, 7, 5, 9, 12, 7), 0.28, 5),
    Clip("record", 12, scenes.record, 130.81, (0, 7, 15, 10, 19, 15, 10, 7), 0.3, 2.8),
    Clip("lanterns", 8, scenes.lanterns, 233.08, (0, 4, 11, 7, 14, 11), 0.55, 1.8),
    Clip("star-trails", 6, scenes.star_trails, 164.81, (0, 5, 7, 12, 14, 12, 7, 5), 0.75, 1.3),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltFile:
    """A processed clip. `source_bytes`: its size before; `version`: names the result's contents."""

    result: TranscodeResult
    thumbnail: Path | None
    source_bytes: int
    version: str


def build_clips(folder: Path, *, say: Say) -> Mapping[str, BuiltFile]:
    """Makes and processes the ten clips, two at a time. Raises: the errors of `transcode`."""
    find_program(settings.FFMPEG_PATH)  # fails before anything is painted
    stop = Event()

    def tick(_: Progress) -> None:
        if stop.is_set():
            raise CancelledError

    def build(number: int, clip: Clip) -> BuiltFile:
        tick(Progress())
        say(f"Making clip {number} of {len(CLIPS)} …")
        own = folder / clip.name
        own.mkdir()
        source = make_clip(clip, own, options=_options(), tick=tick)
        result = transcode(source, own / "done", options=_options(), tick=tick)
        return _built(result, source, tick)

    with ThreadPoolExecutor(MAX_CLIPS_AT_ONCE) as pool:
        futures = {clip.name: pool.submit(build, n, clip) for n, clip in enumerate(CLIPS, start=1)}
        try:
            for future in wait(futures.values(), return_when=FIRST_EXCEPTION).done:
                future.result()
        except BaseException:
            # The pool waits for its threads, and each ends with its FFmpeg within a second.
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return {name: future.result() for name, future in futures.items()}


def copy_source(source: Path, folder: Path, *, say: Say) -> Mapping[str, BuiltFile]:
    """Processes one video and uses it for all ten clips. Raises: the errors of `transcode`."""
    say(f"Processing {source.name} …")
    built = _built(transcode(source, folder / "done", options=_options()), source, no_tick)
    return dict.fromkeys((clip.name for clip in CLIPS), built)


def _built(result: TranscodeResult, source: Path, tick: Tick) -> BuiltFile:
    top = result.top
    with top.path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    thumbnail = top.path.with_name("thumbnail.jpg")
    is_made = make_thumbnail(
        top.path,
        thumbnail,
        size=(top.width, top.height),
        seconds=top.duration_seconds,
        options=_options(),
        tick=tick,
    )
    return BuiltFile(
        result=result,
        thumbnail=thumbnail if is_made else None,
        source_bytes=source.stat().st_size,
        version=digest[:12],
    )


def _options() -> Options:
    # Somebody waits for seeding, so FFmpeg runs at normal priority.
    wall_clock = settings.VIDEO_PROCESSING_TIMEOUT
    ffmpeg = settings.FFMPEG_PATH
    return Options(ffmpeg=ffmpeg, ladder=(), wall_clock_floor_seconds=wall_clock, nice=0)


def make_clip(clip: Clip, folder: Path, *, options: Options, tick: Tick) -> Path:
    """Paints and encodes a clip as `folder`/clip.mp4: H.264 and AAC, which processing copies.

    Raises: the errors of `videos.transcode.run.run`.
    """
    scene, output = clip.scene(), folder / "clip.mp4"
    for number, picture in enumerate(scene.pictures):
        picture.save(folder / f"{number}.png", compress_level=1)
    run(
        _command(clip, scene, folder, output, options.ffmpeg),
        duration=clip.seconds,
        limits=LIMITS,
        stall_limit=STALL_SECONDS,
        tick=tick,
        access=Access(
            reads=tuple(folder / f"{number}.png" for number in range(len(scene.pictures))),
            folder=folder,
        ),
    )
    return output


def _command(clip: Clip, scene: scenes.Scene, folder: Path, output: Path, ffmpeg: str) -> list[str]:
    """One thread and bitexact make the same file on every machine that has the same FFmpeg."""
    inputs: list[str] = []
    for number in range(len(scene.pictures)):
        picture = f"file:{(folder / f'{number}.png').absolute()}"
        inputs += [*PICTURE_LISTS, "-framerate", str(scene.fps), "-i", picture]
    sound = (
        f"aevalsrc='{_tune(clip)}':s={SOUND_RATE}:c=mono:d={clip.seconds},"
        "aecho=0.8:0.7:190|330:0.35|0.22,"
        f"afade=in:d=0.3,afade=out:st={clip.seconds - 1}:d=1,aresample=48000,"
        "aformat=channel_layouts=stereo,adelay=0|11,asetnsamples=1024:p=0[sound]"
    )
    return [
        *(ffmpeg, "-nostdin", "-hide_banner", "-nostats", "-v", "warning", "-y"),
        *("-progress", "pipe:1", "-stats_period", "0.5", "-filter_complex_threads", "1"),
        *inputs,
        *("-filter_complex", f"{scene.graph};{sound}", "-map", "[picture]", "-map", "[sound]"),
        *("-t", str(clip.seconds), "-r", str(scene.fps), "-threads", "1", "-c:v", "libx264"),
        *("-preset", "ultrafast", "-bf", "0", "-crf", str(scene.crf), "-pix_fmt", "yuv420p"),
        *("-force_key_frames", f"expr:gte(t,n_forced*{KEYFRAME_SECONDS})", "-sc_threshold", "0"),
        *("-color_range", "tv", "-colorspace", "bt709"),
        *("-color_primaries", "bt709", "-color_trc", "bt709"),
        *("-c:a", "aac", "-b:a", "128k", "-ac", "2"),
        *("-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact"),
        *("-map_metadata", "-1", "-f", "mp4", f"file:{output.absolute()}"),
    ]


def _tune(clip: Clip) -> str:
    """Returns the music for FFmpeg's aevalsrc, mono, at most about -14 dB."""
    root, beat, count = clip.root, clip.beat, len(clip.notes)
    pitch = str(clip.notes[-1])
    for place in range(count - 2, -1, -1):
        pitch = f"if(eq(ld(0),{place}),{clip.notes[place]},{pitch})"
    return (
        f"st(0,mod(floor(t/{beat}),{count}));st(1,2*PI*{root}*pow(2,({pitch})/12)*t);"
        f"st(2,min(1,60*mod(t,{beat}))*exp(-{clip.decay}*mod(t,{beat})));"
        f"st(3,0.5-0.5*cos(2*PI*t/{beat * count}));0.09*ld(2)*(sin(ld(1))+0.35*sin(2*ld(1)))"
        f"+0.035*ld(3)*(sin(PI*{root}*t)+sin(1.49831*PI*{root}*t))"
    )
