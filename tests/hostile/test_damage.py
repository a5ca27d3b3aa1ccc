"""Truncated videos and videos with flipped bits are refused with a sentence or play."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.examples import one_in
from tests.hostile.damage import FORMATS, SAYS_NO_LENGTH, cut, flipped
from tests.hostile.judge import assert_is_a_sentence, assert_plays, decoded
from tests.hostile.test_corpus import LIMITS
from videos.transcode.errors import SourceError, TranscodeError
from videos.transcode.pipeline import transcode
from videos.transcode.plan import make_plan
from videos.transcode.probe import probe

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.ffmpeg

SEEDS_OF_EACH = 1
SEEDS_OF_EACH_LONG = 60


def assert_planned_or_refused(source: Path) -> None:
    try:
        make_plan(probe(source, options=LIMITS), LIMITS)
    except TranscodeError as error:
        assert_is_a_sentence(error.sentence, paths=[source.parent])


def assert_made_or_refused(source: Path, work: Path) -> None:
    try:
        result = transcode(source, work, options=LIMITS)
    except TranscodeError as error:
        assert_is_a_sentence(error.sentence, paths=[source.parent])
        return
    if result.plan.copied:
        # A copied video is not decoded, so damage stays in it. Some frames must show.
        assert decoded(result.top.path).stdout
        return
    for made in result.renditions:
        assert_plays(made.path)


@pytest.mark.parametrize("tenths", one_in(8, range(1, 10)))
@pytest.mark.parametrize("name", FORMATS)
def test_a_video_cut_at_a_tenth_is_refused_if_it_says_how_long_it_is(
    name: str, tenths: int, tmp_path: Path
) -> None:
    source = tmp_path / f"cut.{name}"
    source.write_bytes(cut(name, tenths))
    if name in SAYS_NO_LENGTH:
        assert_planned_or_refused(source)
        return
    with pytest.raises(SourceError) as caught:
        make_plan(probe(source, options=LIMITS), LIMITS)
    assert_is_a_sentence(caught.value.sentence, paths=[tmp_path])


@pytest.mark.parametrize("seed", range(SEEDS_OF_EACH))
@pytest.mark.parametrize("name", FORMATS)
def test_a_video_with_turned_bits_is_planned_or_refused(
    name: str, seed: int, tmp_path: Path
) -> None:
    source = tmp_path / f"flipped.{name}"
    source.write_bytes(flipped(name, seed))
    assert_planned_or_refused(source)


@pytest.mark.long
@pytest.mark.parametrize("name", FORMATS)
def test_cut_videos_play_if_they_are_made(name: str, tmp_path: Path) -> None:
    source = tmp_path / f"cut.{name}"
    for tenths in range(1, 10):
        source.write_bytes(cut(name, tenths))
        assert_made_or_refused(source, tmp_path / "work")


@pytest.mark.long
@pytest.mark.parametrize("name", FORMATS)
def test_videos_with_turned_bits_play_if_they_are_made(name: str, tmp_path: Path) -> None:
    source = tmp_path / f"flipped.{name}"
    for seed in range(SEEDS_OF_EACH_LONG):
        source.write_bytes(flipped(name, seed))
        assert_made_or_refused(source, tmp_path / "work")


@pytest.mark.long
@pytest.mark.parametrize("name", FORMATS)
def test_videos_cut_anywhere_with_turned_bits_are_planned_or_refused(
    name: str, tmp_path: Path
) -> None:
    source = tmp_path / f"both.{name}"
    for seed in range(10):
        data = flipped(name, seed)
        for tenths in range(1, 10):
            source.write_bytes(data[: len(data) * tenths // 10])
            assert_planned_or_refused(source)
