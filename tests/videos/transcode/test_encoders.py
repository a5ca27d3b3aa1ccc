"""Who encodes: argument lists of each, a trial that tells, and what comes of it if it fails."""

from __future__ import annotations

import shutil
import subprocess
import time
from fractions import Fraction
from typing import TYPE_CHECKING, get_args

import pytest

from videos.transcode import encoders
from videos.transcode.encoders import (
    choose_encoder,
    coder_options,
    fallen_back,
    keyframe_frames,
    may_be_hardware,
    trial_command,
)
from videos.transcode.errors import (
    CancelledError,
    DiskFullError,
    FfmpegFailedError,
    KilledBySignalError,
    OutOfMemoryError,
    OutOfTimeError,
    OutputTooLargeError,
    ProcessingError,
    StalledError,
)
from videos.transcode.types import EncoderChoice, EncoderName, Encoding, Options, Progress

if TYPE_CHECKING:
    from pathlib import Path

ENCODING = Encoding(preset="slow", crf=21, maxrate=6_000_000, keyframe_seconds=4)
ENCODERS: tuple[EncoderName, ...] = get_args(EncoderName)
KEYFRAMES = "expr:gte(n,if(lt(n_forced,4),floor(pow(2,n_forced)/2)*120/8,(n_forced-3)*120))"
HARDWARE = [name for name in ENCODERS if name != "libx264"]


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoders, "_trial_results", {})


# -- argument lists


@pytest.mark.parametrize("name", ENCODERS)
def test_whoever_encodes_is_capped_cut_alike_and_says_its_colours(name: EncoderName) -> None:
    made = coder_options(name, ENCODING, Fraction(30))
    assert made["c:v"] == name
    assert made["profile:v"] == "high"
    assert (made["maxrate"], made["bufsize"]) == (6_000_000, 12_000_000)
    assert made["force_key_frames"] == KEYFRAMES
    assert made["g"] > 120
    assert {made["colorspace"], made["color_primaries"], made["color_trc"]} == {"bt709"}
    assert made["color_range"] == "tv"


def test_the_quality_of_each() -> None:
    made = {name: coder_options(name, ENCODING, Fraction(30)) for name in ENCODERS}
    x264, nvenc = made["libx264"], made["h264_nvenc"]
    assert (x264["crf"], x264["preset"], x264["sc_threshold"]) == (21, "slow", "0")
    assert (nvenc["rc"], nvenc["cq"], nvenc["b:v"]) == ("vbr", 21, "0")
    for name in ("h264_qsv", "h264_vaapi"):
        assert made[name]["global_quality"] == 21
        # Equal to the cap it would be a constant rate.
        assert 0 < made[name]["b:v"] < 6_000_000


def test_a_forced_keyframe_is_one_that_a_fragment_can_begin_with() -> None:
    assert coder_options("h264_nvenc", ENCODING, Fraction(30))["forced-idr"] == "1"
    assert coder_options("h264_qsv", ENCODING, Fraction(30))["forced_idr"] == "1"


def test_pictures_are_in_a_format_that_the_encoder_takes() -> None:
    formats = {
        name: coder_options(name, ENCODING, Fraction(30)).get("pix_fmt") for name in ENCODERS
    }
    assert formats == {
        "libx264": "yuv420p",
        "h264_nvenc": "yuv420p",
        "h264_qsv": "nv12",
        "h264_vaapi": None,  # uploaded before, as nv12
    }


@pytest.mark.ffmpeg
@pytest.mark.parametrize("name", HARDWARE)
def test_this_ffmpeg_knows_every_option(name: EncoderName) -> None:
    """Where it was built without the encoder there is nothing to compare with."""
    told = subprocess.run(
        ["ffmpeg", "-hide_banner", "-h", f"encoder={name}"],
        check=True,
        capture_output=True,
        text=True,
        timeout=20,
    ).stdout
    if "is not recognized" in told:
        pytest.skip(f"this FFmpeg was built without {name}")
    known = {line.split()[0].lstrip("-") for line in told.splitlines() if line.startswith("  -")}
    general = set(coder_options("h264_vaapi", ENCODING, Fraction(30))) | {"pix_fmt"}
    own = set(coder_options(name, ENCODING, Fraction(30))) - general
    assert own <= known


@pytest.mark.parametrize(
    ("fps", "early"),
    [
        (8, "if(lt(n_forced,4),floor(pow(2,n_forced)/2)*32/8,(n_forced-3)*32)"),
        (5, "if(lt(n_forced,3),floor(pow(2,n_forced)/2)*20/4,(n_forced-2)*20)"),
        (2, "if(lt(n_forced,2),floor(pow(2,n_forced)/2)*8/2,(n_forced-1)*8)"),
        (1, "if(lt(n_forced,1),floor(pow(2,n_forced)/2)*4/1,(n_forced-0)*4)"),
    ],
)
def test_no_fragment_at_the_start_has_less_than_four_frames(fps: int, early: str) -> None:
    made = coder_options("libx264", ENCODING, Fraction(fps))
    assert made["force_key_frames"] == f"expr:gte(n,{early})"


@pytest.mark.parametrize(
    ("fps", "frames"),
    [
        (Fraction(24), 96),
        (Fraction(24000, 1001), 96),
        (Fraction(25), 100),
        (Fraction(30000, 1001), 120),
        (Fraction(60), 240),
        (Fraction(5), 20),
        (Fraction(75, 2), 150),
    ],
)
def test_keyframes_are_four_seconds_apart_in_whole_frames(fps: Fraction, frames: int) -> None:
    assert keyframe_frames(ENCODING, fps) == frames


# -- the trial


def test_a_trial_uses_what_the_video_will_use() -> None:
    words = trial_command(Options(encoder="h264_vaapi", vaapi_device="/dev/dri/renderD129"))
    before = words[: words.index("-i")]
    assert before[before.index("-vaapi_device") + 1] == "/dev/dri/renderD129"
    assert words[words.index("-c:v") + 1] == "h264_vaapi"
    assert "hwupload" in words[words.index("-filter_complex") + 1]
    assert "-global_quality" in words
    assert words[-1] == "-"
    assert words[words.index("-f", words.index("-map")) + 1] == "null"


@pytest.mark.ffmpeg
def test_a_trial_of_what_works_succeeds() -> None:
    """libx264 is never tried, but all else of the command can be."""
    subprocess.run(trial_command(Options()), check=True, capture_output=True, timeout=20)


def test_libx264_is_not_tried(tmp_path: Path) -> None:
    assert choose_encoder(Options(ffmpeg="/nowhere/ffmpeg")) == EncoderChoice(name="libx264")


@pytest.mark.ffmpeg
@pytest.mark.parametrize("name", HARDWARE)
def test_what_is_configured_is_used_or_its_absence_is_said(name: EncoderName) -> None:
    start = time.monotonic()
    choice = choose_encoder(Options(encoder=name))
    if choice.name == name:
        assert choice.fallback_reason == ""
        return
    assert time.monotonic() - start < 5
    assert choice.name == "libx264"
    assert choice.fallback_reason.startswith(f"The encoder {name} does not work on this server")
    assert "/" not in choice.fallback_reason
    assert choice.fallback_reason.endswith(".")
    assert choice.detail


@pytest.mark.ffmpeg
def test_a_device_that_is_none_is_said_with_ffmpegs_words() -> None:
    choice = choose_encoder(Options(encoder="h264_vaapi", vaapi_device="/dev/null"))
    assert choice.name == "libx264"
    assert "/dev/null" in choice.detail


def counting_ffmpeg(folder: Path, script: str) -> tuple[Options, Path]:
    """An FFmpeg that notes that it was started; nothing on this machine need be able to encode."""
    program, notes = folder / "ffmpeg", folder / "notes"
    program.write_text(f"#!/bin/sh\necho started >>{notes}\n{script}\n")
    program.chmod(0o755)
    return Options(ffmpeg=str(program), encoder="h264_nvenc"), notes


@pytest.mark.usefixtures("without_bubblewrap")
@pytest.mark.parametrize(("script", "name"), [("exit 0", "h264_nvenc"), ("exit 1", "libx264")])
def test_what_was_found_out_holds_for_a_while(
    script: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options, notes = counting_ffmpeg(tmp_path, script)
    assert [choose_encoder(options).name for _ in range(3)] == [name] * 3
    assert notes.read_text() == "started\n"
    later = time.monotonic() + encoders.TRIAL_HOLDS_SECONDS
    monkeypatch.setattr(time, "monotonic", lambda: later)
    choose_encoder(options)
    assert notes.read_text() == "started\n" * 2


@pytest.mark.usefixtures("without_bubblewrap")
def test_another_device_is_another_trial(tmp_path: Path) -> None:
    options, notes = counting_ffmpeg(tmp_path, "exit 1")
    choose_encoder(options)
    choose_encoder(Options(ffmpeg=options.ffmpeg, encoder="h264_vaapi"))
    choose_encoder(Options(ffmpeg=options.ffmpeg, encoder="h264_vaapi", vaapi_device="/dev/null"))
    assert notes.read_text() == "started\n" * 3


@pytest.mark.usefixtures("without_bubblewrap")
def test_a_driver_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoders, "TRIAL_SECONDS", 0.3)
    options, _ = counting_ffmpeg(tmp_path, f"exec {shutil.which('sleep')} 60")
    assert choose_encoder(options).name == "libx264"


@pytest.mark.usefixtures("without_bubblewrap")
def test_a_driver_that_crashes_is_given_up(tmp_path: Path) -> None:
    options, _ = counting_ffmpeg(tmp_path, "kill -SEGV $$")
    assert choose_encoder(options).name == "libx264"


@pytest.mark.usefixtures("without_bubblewrap")
def test_a_stop_in_the_middle_of_a_trial_says_nothing_about_the_encoder(tmp_path: Path) -> None:
    options, notes = counting_ffmpeg(tmp_path, "kill -TERM $$")
    with pytest.raises(KilledBySignalError):
        choose_encoder(options)

    def tick(_: Progress) -> None:
        raise CancelledError

    with pytest.raises(CancelledError):
        choose_encoder(options, tick)
    with pytest.raises(KilledBySignalError):
        choose_encoder(options)
    assert notes.read_text().count("started") >= 2


# -- failing in the middle


@pytest.mark.parametrize(
    ("error", "result"),
    [
        (FfmpegFailedError(1), True),
        (StalledError("Stalled."), True),
        (OutOfMemoryError("Too little."), True),
        (KilledBySignalError(11), True),
        (KilledBySignalError(6), True),
        (KilledBySignalError(9), False),
        (KilledBySignalError(15), False),
        (OutOfTimeError("Too long."), False),
        (DiskFullError("Full."), False),
        (OutputTooLargeError("Too large."), True),  # quality without a cap
        (CancelledError(), False),
        (ProcessingError("Not installed."), False),
    ],
)
def test_what_libx264_might_do_better(error: ProcessingError, result: bool) -> None:
    assert may_be_hardware(error) is result


def test_falling_back_is_said_in_a_sentence() -> None:
    choice = fallen_back(
        EncoderChoice(name="h264_qsv"), FfmpegFailedError(1, detail="/dev/dri is gone")
    )
    assert choice.name == "libx264"
    assert "h264_qsv" in choice.fallback_reason
    assert "/" not in choice.fallback_reason
    assert "/dev/dri is gone" in choice.detail
