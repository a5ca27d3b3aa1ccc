"""Original quality in Firefox, which decodes AV1, VP9 and HEVC, and WebKitGTK, which lacks AV1."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser import originals
from tests.browser.test_original_quality import PLAYED
from tests.browser.test_other_browsers import STATE, VIDEO, browser_first, other, tab

if TYPE_CHECKING:
    from accounts.models import User
    from tests.browser.other_browsers import Tab
    from videos.models import Video

__all__ = ["browser_first", "other", "tab"]

pytestmark = [
    pytest.mark.ffmpeg,
    pytest.mark.django_db(transaction=True),
    pytest.mark.long,  # in Chromium
]

FRAMES = f"{VIDEO}.getVideoPlaybackQuality().totalVideoFrames"
CODECS = ["av1", "vp9", "hevc"]


def open_video(tab: Tab, video: Video, *, quality: str = "") -> None:
    tab.open("/")
    tab.evaluate(f"void localStorage.setItem('quality', '{quality}')")
    tab.open(video.get_absolute_url())
    source = "document.querySelector('clip-player')?.source"
    tab.wait_until(f"{source}?.hls?.levels.length && {VIDEO}?.readyState >= 2", told=STATE)


def play_to_the_end(tab: Tab) -> None:
    tab.evaluate(f"void {VIDEO}.play()")
    tab.wait_until(f"{VIDEO}.ended || {VIDEO}.error", told=STATE)
    told = tab.evaluate(STATE)
    assert told["error"] is None
    assert told["time"] == pytest.approx(originals.SECONDS, abs=0.3)


def skip_if_unknown(tab: Tab, codec: str) -> None:
    if codec == "av1" and not tab.evaluate(
        "MediaSource.isTypeSupported('video/mp4; codecs=\"av01.0.04M.08\"')"
    ):
        pytest.skip("no AV1 here")


@pytest.mark.parametrize("codec", CODECS)
def test_original_quality_plays_alone_and_beside_h264(tab: Tab, bob: User, codec: str) -> None:
    tab.open("/")
    skip_if_unknown(tab, codec)
    clip = originals.clip_of(codec)
    open_video(tab, originals.original_only(bob, clip))
    assert tab.evaluate(PLAYED) == "original"
    play_to_the_end(tab)
    assert tab.evaluate(PLAYED) == "original"
    assert tab.evaluate(FRAMES) > originals.FPS * originals.SECONDS / 2

    open_video(tab, originals.video_with_original(bob, clip), quality="original")
    assert tab.evaluate(PLAYED) == "original"
    play_to_the_end(tab)
    assert tab.evaluate(PLAYED) == "original"


@pytest.mark.parametrize("codec", CODECS)
def test_automatically_it_is_played_without_an_error(tab: Tab, bob: User, codec: str) -> None:
    tab.open("/")
    skip_if_unknown(tab, codec)
    open_video(tab, originals.video_with_original(bob, originals.clip_of(codec)))
    play_to_the_end(tab)
    if "Firefox" in tab.evaluate("navigator.userAgent"):
        assert tab.evaluate(PLAYED) == "original"
