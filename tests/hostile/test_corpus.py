"""Every kind of hostile file through probe, plan and run, on small limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.hostile.bait import Bait, Kind
from tests.hostile.corpus import KINDS
from tests.hostile.judge import (
    assert_is_a_sentence,
    assert_no_secret,
    assert_plays,
    assert_thumbnail_is_innocent,
    measured,
)
from videos.transcode import run
from videos.transcode.errors import TranscodeError
from videos.transcode.pipeline import transcode
from videos.transcode.types import Options

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.ffmpeg, pytest.mark.usefixtures("never_asked", "open_network")]

MIB = 1024**2
LIMITS = Options(
    max_short_side=180,
    max_long_side=512,
    preset="ultrafast",
    thumbnail_long_side=160,
    wall_clock_floor_seconds=15,
    wall_clock_factor=0.001,
    stall_seconds=10,
    probe_seconds=15,
    memory_bytes=1024 * MIB,
    nice=0,
)
MOST_RESIDENT_BYTES = 1100 * MIB
MOST_SECONDS = 40


@pytest.fixture
def open_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """FFmpeg could reach the server here: the whitelists alone must hold."""
    monkeypatch.setattr(run, "_without_network", lambda: ())


def test_there_are_more_than_sixty_kinds() -> None:
    assert len(KINDS) > 60


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())
def test_it_is_refused_with_a_sentence_or_becomes_a_film(
    kind: Kind, bait: Bait, tmp_path: Path
) -> None:
    source = kind.write(tmp_path, bait)
    work = tmp_path / "work"
    with measured() as usage:
        try:
            result = transcode(source, work, options=LIMITS)
        except TranscodeError as error:
            result = None
            assert_is_a_sentence(error.sentence, paths=[tmp_path, bait.film.parent])
            assert_no_secret([error.detail])
    print(f"USAGE {kind.name} {usage.resident_bytes // MIB} MiB {usage.seconds:.2f} s", "made" if result else "refused")
    assert usage.resident_bytes < MOST_RESIDENT_BYTES
    assert usage.seconds < MOST_SECONDS
    made = sorted(work.iterdir()) if work.exists() else []
    assert {path.name for path in made} <= {"output.mp4", "thumbnail.jpg"}
    assert_no_secret(files=made)
    if result is None:
        return
    assert not kind.refused, "there is no film in it"
    assert_plays(result.output)
    if result.thumbnail:
        assert_thumbnail_is_innocent(result.thumbnail)
