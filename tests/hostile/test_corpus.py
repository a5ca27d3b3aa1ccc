"""Probes, plans and transcodes every kind of hostile file with small limits."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from clipset.lib import sandbox_fallback
from tests.examples import one_in
from tests.hostile.bait import Bait, Kind
from tests.hostile.corpus import KINDS, THROUGH_THE_SITE
from tests.hostile.judge import (
    assert_is_a_sentence,
    assert_no_secret,
    assert_plays,
    assert_thumbnail_is_innocent,
    measured,
)
from videos.transcode import confine
from videos.transcode.errors import TranscodeError
from videos.transcode.pipeline import transcode, transcode_lower
from videos.transcode.plan import make_plan
from videos.transcode.probe import probe
from videos.transcode.thumbnail import make_thumbnail
from videos.transcode.types import Options

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from videos.transcode.results import Made, TranscodeResult

pytestmark = [pytest.mark.ffmpeg, pytest.mark.usefixtures("never_asked", "open_network")]

MIB = 1024**2
LIMITS = Options(
    max_short_side=180,
    max_long_side=512,
    ladder=(90,),
    preset="ultrafast",
    thumbnail_long_side=160,
    max_duration_seconds=2400,
    wall_clock_floor_seconds=15,
    wall_clock_factor=0.001,
    stall_seconds=10,
    probe_seconds=15,
    memory_bytes=1024 * MIB,
    nice=0,
)
MAX_RESIDENT_BYTES = 512 * MIB
MAX_SECONDS = 30
NAMES = re.compile(r"source\.mp4|\d+p\.mp4")


@pytest.fixture
def open_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves FFmpeg the network and all files, so that only the whitelists keep it from them."""
    monkeypatch.setattr(confine, "why_not", lambda: "a test")
    monkeypatch.setattr(sandbox_fallback, "without_network", lambda: ())


def test_there_are_more_than_sixty_kinds_and_twenty_for_the_site() -> None:
    assert len(KINDS) > 60
    assert len(set(THROUGH_THE_SITE)) > 20


each_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())


@pytest.mark.parametrize("kind", one_in(8, KINDS))
def test_it_is_refused_with_a_sentence_or_planned(kind: Kind, bait: Bait, tmp_path: Path) -> None:
    source = kind.write(tmp_path, bait)
    with within_limits(), refused_with_a_sentence(tmp_path, bait):
        make_plan(probe(source, options=LIMITS), LIMITS)


@pytest.mark.long
@each_kind
def test_it_is_refused_with_a_sentence_or_becomes_a_video(
    kind: Kind, bait: Bait, tmp_path: Path
) -> None:
    source, work = kind.write(tmp_path, bait), tmp_path / "work"
    results: list[TranscodeResult] = []
    videos: list[Made] = []
    with within_limits(), refused_with_a_sentence(tmp_path, bait):
        results.append(transcode(source, work, options=LIMITS))
    for result in results:
        videos += result.renditions
        if result.plan.later:
            with within_limits(), refused_with_a_sentence(tmp_path, bait):
                videos += transcode_lower(result.top.path, work, options=LIMITS)
    made = sorted(work.iterdir()) if work.exists() else []
    assert all(NAMES.fullmatch(path.name) for path in made)
    assert_no_secret(files=made)
    for video in videos:
        assert not kind.refused, "there is no video in it"
        assert_plays(video.path)
    for result in results:
        top, thumbnail = result.top, work / "thumbnail.jpg"
        size, seconds = (top.width, top.height), top.duration_seconds
        with within_limits():
            has = make_thumbnail(top.path, thumbnail, size=size, seconds=seconds, options=LIMITS)
        if has:
            assert_thumbnail_is_innocent(thumbnail)


@contextmanager
def within_limits() -> Iterator[None]:
    with measured() as usage:
        yield
    assert usage.started or usage.seconds < 1
    assert usage.resident_bytes < MAX_RESIDENT_BYTES
    assert usage.seconds < MAX_SECONDS


@contextmanager
def refused_with_a_sentence(folder: Path, bait: Bait) -> Iterator[None]:
    """Allows only a TranscodeError with a sentence and without secrets."""
    try:
        yield
    except TranscodeError as error:
        assert_is_a_sentence(error.sentence, paths=[folder, bait.video.parent])
        assert_no_secret([error.detail])
