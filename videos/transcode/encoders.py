"""Who makes the H.264: libx264, or the graphics hardware if it does.

Hardware is used only after it has encoded something here and now: that FFmpeg lists an encoder
says nothing about drivers, devices and rights.
"""

from __future__ import annotations

import math
import signal
import time
from fractions import Fraction
from typing import TYPE_CHECKING, Any, cast

import ffmpeg

from videos.transcode.confine import Limits
from videos.transcode.errors import (
    FfmpegFailedError,
    KilledBySignalError,
    OutOfMemoryError,
    OutOfTimeError,
    ProcessingError,
    StalledError,
)
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

TRIAL_SECONDS = 20.0  # the first use of a driver may take a few
TRIAL_HOLDS_SECONDS = 600.0
TRIAL_FILE_BYTES = 64 * 1024 * 1024  # drivers keep what they compiled
TRIAL_FRAMES = 10
TRIAL_FPS = Fraction(30)
TRIAL_ENCODING = Encoding(preset="veryfast", crf=21, maxrate=2_000_000, keyframe_seconds=4)

# What the average may be where an encoder wants one beside the cap.
AVERAGE_SHARE = 2 / 3

# How a driver ends the process that it is loaded into.
CRASHES = frozenset(
    {signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGSYS}
)

_verdicts: dict[tuple[str, EncoderName, str], tuple[float, EncoderChoice]] = {}


# -- argument lists


def coder_options(encoder: EncoderName, encoding: Encoding, fps: Fraction) -> dict[str, Any]:
    """Output options for one rendition."""
    frames = keyframe_frames(encoding, fps)
    return {
        "c:v": encoder,
        "profile:v": "high",
        "maxrate": encoding.maxrate,
        "bufsize": 2 * encoding.maxrate,
        # Exactly there and nowhere else: fragments of equal length. Counted in frames, which the
        # fps filter has made even, and not in seconds, of which 29.97 frames are no whole number.
        "force_key_frames": f"expr:gte(n,n_forced*{frames})",
        "g": 2 * frames,
        "color_range": "tv",
        "colorspace": "bt709",
        "color_primaries": "bt709",
        "color_trc": "bt709",
        **_quality(encoder, encoding),
    }


def _quality(encoder: EncoderName, encoding: Encoding) -> dict[str, Any]:
    """Constant quality under a cap, the scale of all of them being that of H.264's quantizer."""
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
        # The driver's best mode that takes a quality is chosen from the same three; frames are
        # uploaded already, so there is no format to ask for.
        "h264_vaapi": {"global_quality": encoding.crf, "b:v": average},
    }
    return by_name[encoder]


def keyframe_frames(encoding: Encoding, fps: Fraction) -> int:
    """From one keyframe to the next: 120 at 30 a second and at 29.97, where that is 4.004 s."""
    return max(1, round(encoding.keyframe_seconds * fps))


def device_options(encoder: EncoderName, options: Options) -> tuple[str, ...]:
    """Options that stand before all inputs."""
    return ("-vaapi_device", options.vaapi_device) if encoder == "h264_vaapi" else ()


def handed_over(picture: Any, encoder: EncoderName) -> Any:
    """A filtered picture, brought to where the encoder takes it from."""
    if encoder == "h264_vaapi":
        return picture.filter("format", "nv12").filter("hwupload")
    return picture


# -- the choice


def choose_encoder(options: Options, tick: Tick = no_tick) -> EncoderChoice:
    """The configured encoder if a trial succeeds, else libx264 with the reason.

    What was found out holds for ten minutes in this process.

    Raises:
        ProcessingError: FFmpeg cannot be started at all, or was ended from outside.
    """
    wanted = options.encoder
    if wanted == SOFTWARE:
        return EncoderChoice(name=SOFTWARE)
    key = (options.ffmpeg, wanted, options.vaapi_device)
    until, choice = _verdicts.get(key, (-math.inf, EncoderChoice(name=wanted)))
    if time.monotonic() >= until:
        choice = _trial(options, tick)
        _verdicts[key] = (time.monotonic() + TRIAL_HOLDS_SECONDS, choice)
    return choice


def may_be_hardware(error: ProcessingError) -> bool:
    """Whether libx264 might do better. What a stop of the service or a full disk ends is not it."""
    if isinstance(error, KilledBySignalError):
        return error.signal in CRASHES
    return isinstance(error, FfmpegFailedError | OutOfMemoryError | StalledError)


def fallen_back(choice: EncoderChoice, error: ProcessingError) -> EncoderChoice:
    """After a hardware encoder failed in the middle of a video."""
    return EncoderChoice(
        name=SOFTWARE,
        fallback_reason=f"The encoder {choice.name} failed at this video, so {SOFTWARE} made it.",
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
        capture(trial_command(options), limits=limits, on_output=lambda _: None, tick=tick)
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
    """Encode a few computed frames as a video would be, and throw them away."""
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
