"""Original quality in Firefox, which decodes AV1, VP9 and HEVC, and in WebKitGTK with HEVC.

Whether WebKitGTK decodes AV1 and VP9 depends on the plugins of GStreamer that are installed.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from tests import clips
from tests.browser import originals
from tests.browser.test_original_quality import PLAYED
from tests.browser.test_other_browsers import STATE, VIDEO, browser_first, other, tab

if TYPE_CHECKING:
    from pathlib import Path

    from accounts.models import User
    from tests.browser.other_browsers import Tab
    from videos.models import Video

__all__ = ["browser_first", "other", "tab"]

pytestmark = [
    pytest.mark.ffmpeg,
    pytest.mark.django_db(transaction=True),
    pytest.mark.long,  # in Chromium
]

SOURCE = "document.querySelector('clip-player')?.source"
FRAMES = f"{VIDEO}.getVideoPlaybackQuality().totalVideoFrames"
TOLD = f"""({{
    page: document.title, video: {STATE}, hint: document.querySelector(".player__hint")?.innerText,
    levels: {SOURCE}?.hls?.levels.map(({{ url }}) => url[0]), played: {SOURCE} && {PLAYED},
    plan: {SOURCE}?.quality.plan, last: {SOURCE}?.position,
    loader: {SOURCE}?.hls?.streamController?.state, times: window.times,
}})"""
PLAYED_WITHIN = 90  # seconds: these browsers decode in software, beside other tests
CODECS = ["av1", "vp9", "hevc"]
# What may be missing in WebKitGTK, with its parameter `codecs`.
OPTIONAL_CODECS = {"av1": "av01.0.04M.08", "vp9": "vp09.00.21.08"}
# The times at which the video plays, from the first that plays.
LISTEN = f"""((video) => {{
    window.times = [];
    video.addEventListener("timeupdate", () => {{
        if (video.readyState > 1 && !video.seeking) window.times.push(video.currentTime);
    }});
}})({VIDEO})"""


def until(tab: Tab, condition: str) -> None:
    tab.wait_until(condition, seconds=PLAYED_WITHIN, told=TOLD)


def open_video(tab: Tab, video: Video, *, quality: str = "") -> None:
    tab.open("/")
    tab.evaluate(f"void localStorage.setItem('quality', '{quality}')")
    tab.open(video.get_absolute_url())
    until(tab, f"{SOURCE}?.hls?.levels.length && {VIDEO}?.readyState >= 2")


def play_to_the_end(tab: Tab, *, seconds: float = originals.SECONDS) -> None:
    tab.evaluate(f"void {VIDEO}.play()")
    until(tab, f"{VIDEO}.ended || {VIDEO}.error")
    told = tab.evaluate(STATE)
    assert told["error"] is None
    assert told["time"] == pytest.approx(seconds, abs=0.3)


def is_firefox(tab: Tab) -> bool:
    return bool(tab.evaluate("navigator.userAgent.includes('Firefox')"))


def decodes(tab: Tab, codec: str) -> bool:
    """Whether this browser decodes it."""
    if codec not in OPTIONAL_CODECS or is_firefox(tab):
        return True
    kind = f'video/mp4; codecs="{OPTIONAL_CODECS[codec]}"'
    return bool(tab.evaluate(f"MediaSource.isTypeSupported('{kind}')"))


@pytest.mark.parametrize("codec", CODECS)
def test_original_quality_plays_alone_and_beside_h264(tab: Tab, bob: User, codec: str) -> None:
    clip = originals.clip_of(codec)
    if not decodes(tab, codec):
        open_video(tab, originals.video_with_original(bob, clip), quality="original")
        play_to_the_end(tab)
        assert tab.evaluate(PLAYED) != "original"
        return
    beside = originals.video_with_original(bob, clip)
    open_video(tab, originals.original_only(bob, clip))
    assert tab.evaluate(PLAYED) == "original"
    play_to_the_end(tab)
    assert tab.evaluate(PLAYED) == "original"
    assert tab.evaluate(FRAMES) > originals.FPS * originals.SECONDS / 2

    open_video(tab, beside, quality="original")
    assert tab.evaluate(PLAYED) == "original"
    play_to_the_end(tab)
    assert tab.evaluate(PLAYED) == "original"


@pytest.mark.parametrize("codec", CODECS)
def test_automatically_it_is_played_without_an_error(tab: Tab, bob: User, codec: str) -> None:
    open_video(tab, originals.video_with_original(bob, originals.clip_of(codec)))
    play_to_the_end(tab)
    if is_firefox(tab):
        assert tab.evaluate(PLAYED) == "original"


@pytest.mark.parametrize("codec", CODECS)
def test_a_choice_of_another_quality_and_back(tab: Tab, bob: User, codec: str) -> None:
    open_video(tab, originals.video_with_original(bob, originals.clip_of(codec)))
    if not decodes(tab, codec):
        assert not is_firefox(tab), "it decodes all of them"
        pytest.skip("WebKitGTK does not decode this")
    for quality, played in [
        ("'original'", "original"),
        ("480", "480p"),
        ("'original'", "original"),
    ]:
        tab.evaluate(f"void ({VIDEO}.currentTime = 0)")  # what comes next is switched
        until(tab, f"!{VIDEO}.seeking && {VIDEO}.readyState >= 2")
        tab.evaluate(f"void ({SOURCE}.quality.choose({quality}), {VIDEO}.play())")
        # So slowly that it does not end before a busy browser has switched.
        tab.evaluate(f"void ({VIDEO}.playbackRate = 0.25)")
        until(tab, f"{PLAYED} === '{played}' && {VIDEO}.readyState > 2 && !{VIDEO}.paused")
    tab.evaluate(f"void ({VIDEO}.playbackRate = 4)")
    until(tab, f"{VIDEO}.ended || {VIDEO}.error")
    assert tab.evaluate(STATE)["error"] is None


@pytest.mark.parametrize("paused", [False, True], ids=["playing", "paused"])
@pytest.mark.parametrize("whole", [0, 2], ids=["from the start", "in the middle"])
def test_after_an_error_h264_goes_on_at_the_same_position(
    tab: Tab, bob: User, whole: int, paused: bool
) -> None:
    clip = originals.damaged(originals.clip_of("hevc"), after=whole)
    video = originals.video_with_original(bob, clip)
    tab.open("/")
    tab.evaluate("void localStorage.setItem('quality', 'original')")
    tab.open(video.get_absolute_url())
    if paused:
        until(tab, f"{SOURCE}?.hls?.levels.length && {VIDEO}.readyState >= 2")
        tab.evaluate(f"void ({VIDEO}.currentTime = 5)")
        until(tab, f"{PLAYED} !== 'original' && !{VIDEO}.seeking && {VIDEO}.readyState >= 2")
        assert tab.evaluate(f"[{VIDEO}.paused, {VIDEO}.currentTime]") == [True, 5]
    else:
        tab.evaluate(f"void ({LISTEN}, {VIDEO}.play().catch(() => {{}}))")
        until(tab, f"{VIDEO}.ended")
        times = tab.evaluate("window.times")
        steps = [after - before for before, after in itertools.pairwise(times)]
        assert min(steps) > -0.5, times
        assert max(steps) < 2.5, times
    assert tab.evaluate(PLAYED) != "original"
    assert tab.evaluate(STATE)["error"] is None


def with_b_frames(gop: str) -> Path:
    """A clip as x265 makes it, with B-frames, at 30 frames a second."""
    seconds = 6
    return clips.make(
        "mp4",
        *clips.picture(seconds, "640x360", "30"),
        *clips.tone(seconds),
        *("-c:v", "libx265", "-preset", "veryfast", "-tag:v", "hvc1", "-x265-params"),
        f"keyint=60:min-keyint=60:{gop}=1:log-level=none:pools=none",
        *("-c:a", "aac", *originals.FRAGMENTS),
    )


@pytest.mark.parametrize("gop", ["open-gop", "no-open-gop"])
def test_hevc_with_b_frames_plays_and_seeks(tab: Tab, bob: User, gop: str) -> None:
    facts = {"width": 640, "height": 360, "fps": 30, "duration_seconds": 6}
    video = originals.original_only(bob, with_b_frames(gop), **facts)
    open_video(tab, video)
    tab.evaluate(f"void ({LISTEN}, {VIDEO}.play())")
    until(tab, f"{VIDEO}.currentTime > 2.5")
    tab.evaluate(f"void ({VIDEO}.pause(), {VIDEO}.currentTime = 4.1)")
    until(tab, f"!{VIDEO}.seeking && {VIDEO}.readyState >= 2")
    assert tab.evaluate(f"{VIDEO}.currentTime") == pytest.approx(4.1, abs=0.1)
    play_to_the_end(tab, seconds=6)
    assert tab.evaluate(PLAYED) == "original"
