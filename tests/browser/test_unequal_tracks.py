"""Videos whose sources have tracks of unequal length play to their end, and from any moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import clips
from tests.browser.player import play_to_the_end, seek, wait_until
from tests.browser.test_hls import open_hls
from tests.videos.stored_videos import kept_video
from videos.models import Rendition

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Page

    from accounts.models import User

pytestmark = [
    pytest.mark.browser,
    pytest.mark.ffmpeg,
    pytest.mark.django_db(transaction=True),
]

CODED = (*clips.x264(20), "-c:a", "aac")


def tracks(picture: float, sound: float, *, late: float = 0, suffix: str = "mp4") -> Path:
    """A picture large enough for a smaller rendition, and sound. ``late``: of the picture."""
    shown = ("-itsoffset", f"{late}", *clips.picture(picture, "1152x640", "10"))
    return clips.make(suffix, *shown, *clips.tone(sound), *CODED)


def hole() -> Path:
    """No sound from 4 to 10 s."""
    drop = "noise=drop='gt(n,172)*lt(n,430)'"
    return clips.make("mp4", "-i", str(tracks(14, 14)), "-c", "copy", "-bsf:a", drop)


SOURCES: dict[str, tuple[Callable[[], Path], float]] = {
    "sound shorter": (lambda: tracks(10, 2), 10),
    "hole": (hole, 14),
    "sound a little shorter": (lambda: tracks(8, 7.82), 8),
    "sound longer": (lambda: tracks(8, 11.5), 11.5),
    "picture late": (lambda: tracks(8, 11.5, late=3.5), 11.5),
    "sound longer, mkv": (lambda: tracks(8, 11.5, suffix="mkv"), 11.5),
    "a still": (lambda: tracks(0.1, 5, suffix="mkv"), 5),
}


@pytest.mark.long  # such files in test_combinations and their packets in each run
@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES.keys())
def test_it_plays_to_its_end_and_from_its_middle(
    source: tuple[Callable[[], Path], float], visit: Callable[..., Page], bob: User
) -> None:
    make, seconds = source
    video = kept_video(bob, make())
    assert video.was_copied
    assert Rendition.objects.filter(video=video, is_complete=True).count() == 2
    page = visit(bob)
    open_hls(page, video)
    page.locator("video.player__video").evaluate("video => { video.playbackRate = 4; }")
    told = play_to_the_end(page)
    assert told["error"] is None
    assert told["ended"]
    assert told["time"] == pytest.approx(seconds, abs=0.2)
    assert told["duration"] == pytest.approx(video.duration_seconds, abs=0.1)
    for moment in (seconds / 2, seconds - 0.7):
        assert seek(page, moment)["time"] == pytest.approx(moment, abs=0.1)
        page.locator("video.player__video").evaluate("video => video.play()")
        wait_until(page, f"video.ended || video.currentTime > {moment + 0.3}", seconds=10)
