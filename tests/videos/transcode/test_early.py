"""Copies that begin before the packets of a source are read."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests import clips
from tests.examples import one_in
from tests.videos.transcode import odd_pictures
from tests.videos.transcode.test_sound import with_own_layout
from videos.transcode.commands import transcode_command
from videos.transcode.early import FOLDER, early_copy
from videos.transcode.errors import CancelledError
from videos.transcode.pipeline import transcode
from videos.transcode.plan import make_plan
from videos.transcode.probe import probe
from videos.transcode.results import TranscodeResult
from videos.transcode.run import run
from videos.transcode.types import Options, Progress

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from videos.transcode.media import MediaInfo

pytestmark = pytest.mark.ffmpeg

OPTIONS = Options()


def processed(source: Path, folder: Path) -> tuple[TranscodeResult, list[MediaInfo], bool]:
    """Processes a source as a worker does. Returns the guesses, and whether the copy that was taken
    was finished, too."""
    guesses: list[MediaInfo] = []
    with early_copy(source, folder, OPTIONS) as early:

        def start(guess: MediaInfo) -> None:
            guesses.append(guess)
            early.start(guess)

        info = probe(source, options=OPTIONS, on_guess=start)
        result = transcode(source, folder, options=OPTIONS, info=info, early=early)
    return result, guesses, early.is_finished


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that were run without an early copy."""
    commands: list[list[str]] = []

    def noted(argv: list[str], **options: Any) -> None:
        commands.append(argv)
        run(argv, **options)

    monkeypatch.setattr("videos.transcode.pipeline.run", noted)
    return commands


@pytest.mark.parametrize(
    "make",
    one_in(
        2,
        [
            clips.h264_mp4,
            lambda: clips.h264_mp4(layout=None),
            lambda: clips.h264_mp4(seconds=5, fps="30000/1001"),
            lambda: clips.h264_mp4(faststart=True),
        ],
    ),
)
def test_a_plain_video_is_copied_once_and_early(
    make: Callable[[], Path], tmp_path: Path, runs: list[list[str]]
) -> None:
    source = make()
    result, guesses, is_finished = processed(source, tmp_path)
    assert result.plan.copied
    assert is_finished
    assert len(guesses) == 1
    assert runs == []
    without = transcode(source, tmp_path / "without", options=OPTIONS)
    assert result.top.path.read_bytes() == without.top.path.read_bytes()
    assert [one.name for one in tmp_path.iterdir() if one.name != "without"] == ["source.mp4"]


def test_a_guess_leads_to_the_plan_of_the_packets() -> None:
    source = clips.h264_mp4(seconds=5)
    guesses: list[MediaInfo] = []
    info = probe(source, options=OPTIONS, on_guess=guesses.append)
    plans = [make_plan(one, OPTIONS) for one in (*guesses, info)]
    first, second = (transcode_command(source, source.parent, one, OPTIONS) for one in plans)
    assert first == second


@pytest.mark.parametrize(
    "make", [clips.hevc_mp4, clips.audio_only, lambda: clips.h264_mp4(suffix="mkv")]
)
def test_nothing_is_guessed_where_the_header_does_not_tell(make: Callable[[], Path]) -> None:
    guesses: list[MediaInfo] = []
    probe(make(), options=OPTIONS, on_guess=guesses.append)
    assert guesses == []


def test_a_copy_of_what_must_be_encoded_is_thrown_away(
    tmp_path: Path, runs: list[list[str]]
) -> None:
    """Its header does not say that its keyframes are eight seconds apart."""
    source = clips.h264_mp4(seconds=9, fps="10", gop=80)
    since = time.monotonic()
    result, guesses, _ = processed(source, tmp_path)
    assert time.monotonic() - since < 60
    assert len(guesses) == 1
    assert not result.plan.copied
    assert len(runs) == 1
    assert not (tmp_path / FOLDER).exists()


@pytest.mark.parametrize("make", [odd_pictures.open_gop, with_own_layout])
def test_a_copy_that_players_could_not_play_is_found_as_well(
    make: Callable[[], Path], tmp_path: Path, runs: list[list[str]]
) -> None:
    source = make()
    result, guesses, is_finished = processed(source, tmp_path)
    assert len(guesses) == len(runs) == 1
    assert not is_finished
    assert not (result.plan.copied and all(sound.copied for sound in result.plan.sounds))


def test_a_wrong_guess_is_not_taken(tmp_path: Path, runs: list[list[str]]) -> None:
    source = clips.h264_mp4()
    info = probe(source, options=OPTIONS)
    with early_copy(source, tmp_path, OPTIONS) as early:
        early.start(replace(info, shift_seconds=0.5))
        result = transcode(source, tmp_path, options=OPTIONS, info=info, early=early)
    assert len(runs) == 1
    assert result.top.duration_seconds == pytest.approx(2, abs=0.05)
    assert not (tmp_path / FOLDER).exists()


def test_an_early_copy_that_fails_is_made_again(tmp_path: Path, runs: list[list[str]]) -> None:
    source = clips.h264_mp4()
    info = probe(source, options=OPTIONS)
    with early_copy(source, tmp_path, replace(OPTIONS, ffmpeg="false")) as early:
        early.start(info)
        transcode(source, tmp_path, options=OPTIONS, info=info, early=early)
    assert len(runs) == 1


def test_a_run_that_is_cancelled_ends_the_copy(tmp_path: Path) -> None:
    source = clips.h264_mp4()
    info = probe(source, options=OPTIONS)
    endless = tmp_path / "endless"
    endless.write_text("#!/bin/sh\nexec sleep 600\n")
    endless.chmod(0o755)

    def cancel(_: Progress) -> None:
        raise CancelledError

    with early_copy(source, tmp_path, replace(OPTIONS, ffmpeg=str(endless))) as early:
        early.start(info)
        with pytest.raises(CancelledError):
            early.take(make_plan(info, OPTIONS), cancel)
    assert not (tmp_path / FOLDER).exists()
