"""Chooses the H.264 encoder: libx264, or the graphics hardware if it works.

A hardware encoder is used only after it encoded a trial on this machine: FFmpeg lists encoders even
if drivers, devices or permissions are missing.
"""

from __future__ import annotations

import math
import signal
import time
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import ffmpeg

from clipset.lib.sandbox import Access
from videos.transcode.confine import Limits
from videos.transcode.errors import (
    FfmpegFailedError,
    KilledBySignalError,
    OutOfMemoryError,
    OutOfTimeError,
    OutputTooLargeError,
    ProcessingError,
    StalledError,
)
from videos.transcode.ladder import MIN_LAST_SECONDS
from videos.transcode.run import capture
from videos.transcode.types import (
    EncoderChoice,
    EncoderName,
    Encoding,
    Options,
    Tick,
    no_tick,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

SOFTWARE: EncoderName = "libx264"

MAX_HALVINGS = 3  # the first fragment lasts an eighth of the others
# B-frames delay the picture by two frames, and hls.js, which does not know that, does not see that
# a fragment of one or two frames is loaded.
MIN_FRAGMENT_FRAMES = 4

TRIAL_SECONDS = 20.0  # the first use of a driver may take a few seconds
TRIAL_HOLDS_SECONDS = 600.0
TRIAL_FILE_BYTES = 64 * 1024 * 1024  # drivers write caches of compiled code
TRIAL_FRAMES = 10
TRIAL_FPS = Fraction(30)
TRIAL_ENCODING = Encoding(preset="veryfast", crf=21, maxrate=2_000_000, keyframe_seconds=4)

# The average bit rate as a share of the cap, for encoders that need both.
AVERAGE_SHARE = 2 / 3

# How long the cap may be exceeded for, and by how much: a full buffer lasts this long.
BUFFER_SECONDS = 2

# Signals by which a faulty driver ends FFmpeg.
CRASHES = frozenset(
    {signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGSYS}
)

_trial_results: dict[tuple[str, EncoderName, str], tuple[float, EncoderChoice]] = {}


# -- argument lists


def coder_options(
    encoder: EncoderName, encoding: Encoding, fps: Fraction, *, end: float | None = None
) -> dict[str, Any]:
    """Returns the output options of one rendition.

    Args:
        end: seconds after which the picture ends; None if that is unknown.
    """
    frames = keyframe_frames(encoding, fps)
    condition = _keyframe_condition(frames)
    if end is not None:
        condition += f"*lt(t,{end - _last_fragment_seconds(fps):.3f})"
    return {
        "c:v": encoder,
        "profile:v": "high",
        "maxrate": encoding.maxrate,
        "bufsize": BUFFER_SECONDS * encoding.maxrate,
        "force_key_frames": f"expr:{condition}",
        "g": 2 * frames,
        "color_range": "tv",
        "colorspace": "bt709",
        "color_primaries": "bt709",
        "color_trc": "bt709",
        **_quality(encoder, encoding),
    }


def _quality(encoder: EncoderName, encoding: Encoding) -> dict[str, Any]:
    """Returns options for constant quality under a cap, on the scale of H.264's quantizer."""
    average = round(AVERAGE_SHARE * encoding.maxrate)
    by_name: Mapping[EncoderName, dict[str, Any]] = {
        "libx264": {
            "pix_fmt": "yuv420p",
            "preset": encoding.preset,
            "crf": encoding.crf,
            "sc_threshold": "0",
        },
        "h264_nvenc": {
            "pix_fmt": "yuv420p",
            "preset": "p5",
            "tune": "hq",
            "rc": "vbr",
            "cq": encoding.crf,
            "b:v": "0",
            "spatial-aq": "1",
            "no-scenecut": "1",
            "forced-idr": "1",
        },
        # Quality, average and cap together are Intel's QVBR.
        "h264_qsv": {
            "pix_fmt": "nv12",
            "preset": "medium",
            "global_quality": encoding.crf,
            "b:v": average,
            "look_ahead": "0",
            "forced_idr": "1",
        },
        # From these values the driver chooses its best mode with a quality. Frames are uploaded to
        # the hardware before, so there is no pix_fmt.
        "h264_vaapi": {"global_quality": encoding.crf, "b:v": average},
    }
    return by_name[encoder]


def keyframe_frames(encoding: Encoding, fps: Fraction) -> int:
    """Returns the frames between keyframes: 120 at 30 fps, and at 29.97 fps (4.004 s)."""
    return max(1, round(encoding.keyframe_seconds * fps))


def _keyframe_condition(frames: int) -> str:
    """Returns whether a frame becomes a keyframe, as an expression of FFmpeg.

    The first fragments last an eighth, an eighth, a quarter and half of the others, so that a
    viewer who waits for the video sees it sooner: fragments of 4 s begin at 0, 0.5, 1, 2 and 4 s.
    At few frames a second the first one is longer. Counted in frames, because a second of 29.97
    frames has no whole number of them.
    """
    halvings = MAX_HALVINGS
    while halvings and frames / 2**halvings < MIN_FRAGMENT_FRAMES:
        halvings -= 1
    early = f"floor(pow(2,n_forced)/2)*{frames}/{2**halvings}"
    return f"gte(n,if(lt(n_forced,{halvings + 1}),{early},(n_forced-{halvings})*{frames}))"


def _last_fragment_seconds(fps: Fraction) -> float:
    """Returns the least duration of the last fragment of several (see ``hls.media_playlist``)."""
    return float(max(MIN_LAST_SECONDS, MIN_FRAGMENT_FRAMES / fps))


def device_options(encoder: EncoderName, options: Options) -> tuple[str, ...]:
    """Returns the options that go before all inputs."""
    return ("-vaapi_device", options.vaapi_device) if encoder == "h264_vaapi" else ()


def devices_of(encoder: EncoderName, options: Options) -> tuple[Path, ...]:
    """Returns the devices that an encoder uses."""
    if encoder == "h264_vaapi":
        return (Path(options.vaapi_device),)
    if encoder == "h264_qsv":
        return tuple(sorted(Path("/dev/dri").glob("renderD*")))
    if encoder == "h264_nvenc":
        return tuple(sorted(Path("/dev").glob("nvidia*")))
    return ()


def handed_over(picture: Any, encoder: EncoderName) -> Any:
    """Uploads a filtered picture to the hardware if the encoder needs that."""
    if encoder == "h264_vaapi":
        return picture.filter("format", "nv12").filter("hwupload")
    return picture


# -- the choice


def choose_encoder(options: Options, tick: Tick = no_tick) -> EncoderChoice:
    """Returns the configured encoder if a trial succeeds, else libx264 with the reason.

    The result is kept for ten minutes in this process.

    Raises:
        ProcessingError: FFmpeg cannot be started, or another process ended it.
    """
    wanted = options.encoder
    if wanted == SOFTWARE:
        return EncoderChoice(name=SOFTWARE)
    key = (options.ffmpeg, wanted, options.vaapi_device)
    until, choice = _trial_results.get(key, (-math.inf, EncoderChoice(name=wanted)))
    if time.monotonic() >= until:
        choice = _trial(options, tick)
        _trial_results[key] = (time.monotonic() + TRIAL_HOLDS_SECONDS, choice)
    return choice


def may_be_hardware(error: ProcessingError) -> bool:
    """Returns whether hardware may be the cause: not for a service stop or a full disk.

    It is for a result that exceeds its cap: some drivers have no mode with quality and cap.
    """
    if isinstance(error, KilledBySignalError):
        return error.signal in CRASHES
    return isinstance(
        error, FfmpegFailedError | OutOfMemoryError | OutputTooLargeError | StalledError
    )


def fallen_back(choice: EncoderChoice, error: ProcessingError) -> EncoderChoice:
    """Returns the choice after a hardware encoder failed within a video."""
    return EncoderChoice(
        name=SOFTWARE,
        fallback_reason=f"The encoder {choice.name} failed, so {SOFTWARE} was used for this video.",
        detail=error.detail,
    )


def _trial(options: Options, tick: Tick) -> EncoderChoice:
    limits = Limits(
        wall_seconds=TRIAL_SECONDS,
        memory_bytes=options.memory_bytes,
        file_bytes=TRIAL_FILE_BYTES,
        nice=options.nice,
    )
    try:
        capture(
            trial_command(options),
            limits=limits,
            on_output=lambda _: None,
            tick=tick,
            access=Access(devices=devices_of(options.encoder, options)),
        )
    except ProcessingError as error:
        if not (may_be_hardware(error) or isinstance(error, OutOfTimeError)):
            raise
        return EncoderChoice(
            name=SOFTWARE,
            fallback_reason=(
                f"The encoder {options.encoder} does not work on this server, so {SOFTWARE} was"
                " used."
            ),
            detail=error.detail,
        )
    return EncoderChoice(name=options.encoder)


def trial_command(options: Options) -> list[str]:
    """Encodes a few generated frames with the options of a video, and discards them."""
    source = f"testsrc2=size=640x360:rate={TRIAL_FPS}"
    picture = ffmpeg.input(source, f="lavfi")["0"].filter("format", "yuv420p")
    target = ffmpeg.output(
        handed_over(picture, options.encoder),
        "-",
        format="null",
        **{"frames:v": TRIAL_FRAMES},
        **coder_options(options.encoder, TRIAL_ENCODING, TRIAL_FPS),
    )
    start = [options.ffmpeg, "-nostdin", "-hide_banner", "-nostats", "-v", "warning"]
    start += device_options(options.encoder, options)
    return cast("list[str]", ffmpeg.compile(target, cmd=start))
