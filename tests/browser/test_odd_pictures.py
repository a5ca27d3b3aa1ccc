"""Sources that Chromium would freeze at, or show wrong, if their picture was only copied."""

from __future__ import annotations

import functools
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests import clips
from tests.browser.player import wait_until
from tests.browser.test_hls import SOURCE, open_hls
from tests.videos.stored_videos import kept_video
from tests.videos.transcode import odd_pictures as odd

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

SIZE = "1152x640"  # with a smaller rendition
WIDTH, HEIGHT = 32, 18
# The picture that is shown, as luma.
PIXELS = f"""video => {{
    const canvas = new OffscreenCanvas({WIDTH}, {HEIGHT}), context = canvas.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.drawImage(video, 0, 0, {WIDTH}, {HEIGHT});
    const {{ data }} = context.getImageData(0, 0, {WIDTH}, {HEIGHT}), luma = [];
    for (let at = 0; at < data.length; at += 4)
        luma.push(0.2126 * data[at] + 0.7152 * data[at + 1] + 0.0722 * data[at + 2]);
    return luma;
}}"""
MAX_DIFFERENCE = 14  # of luma, on average: other frames of the test picture differ by more than 25

SOURCES: dict[str, Callable[[], Path]] = {
    "two sample descriptions": lambda: odd.two_descriptions(2, SIZE, "10"),
    "open groups of pictures": lambda: odd.open_gop(8, size=SIZE),
    "intra refresh": lambda: odd.intra_refresh(8, size=SIZE),
    "open groups in mkv": lambda: odd.open_gop(8, "mkv", SIZE),
}


@pytest.fixture
def page(visit: Callable[..., Page], bob: User) -> Page:
    return visit(bob, viewport={"width": 1280, "height": 800})


@functools.cache
def frames_of(clip: Path) -> list[bytes]:
    """The frames of a clip, as small as in the browser; 25 a second."""
    filters = f"fps=25,scale={WIDTH}:{HEIGHT}:flags=area,format=gray"
    command = ["ffmpeg", "-v", "error", "-i", str(clip), "-vf", filters, "-f", "rawvideo", "-"]
    raw = subprocess.run(command, check=True, capture_output=True).stdout
    return [raw[at : at + WIDTH * HEIGHT] for at in range(0, len(raw), WIDTH * HEIGHT)]


def assert_shows(page: Page, clip: Path) -> None:
    """Compares the paused picture with those of the source around that time."""
    video = page.locator("video.player__video")
    frames = frames_of(clip)
    at = min(round(25 * video.evaluate("video => video.currentTime")), len(frames) - 1)
    shown = video.evaluate(PIXELS)
    differences = [
        sum(abs(a - b) for a, b in zip(shown, frame, strict=True)) / len(shown)
        for frame in frames[max(0, at - 2) : at + 3]
    ]
    assert min(differences) < MAX_DIFFERENCE, (at, differences)


def choose(page: Page, height: int) -> None:
    page.evaluate(
        f"height => {{ const hls = {SOURCE}.hls;"
        " hls.currentLevel = hls.levels.findIndex((level) => level.height === height); }",
        height,
    )


@pytest.mark.long  # their plans and files, and encodes in test_combinations, in each run
@pytest.mark.parametrize("make", SOURCES.values(), ids=SOURCES.keys())
def test_it_plays_to_its_end_and_from_the_middle_in_each_size(
    page: Page, bob: User, make: Callable[[], Path]
) -> None:
    clip = make()
    video = kept_video(bob, clip)
    heights = sorted(video.renditions.values_list("height", flat=True))
    assert heights == [480, 640]
    player = page.locator("video.player__video")
    for height in heights:
        open_hls(page, video)
        choose(page, height)
        middle = (video.duration_seconds or 0) / 2 + 0.5
        player.evaluate("(video, to) => { video.currentTime = to; video.play(); }", middle)
        wait_until(page, f"video.currentTime > {middle + 0.3} && video.videoHeight === {height}")
        player.evaluate("video => video.pause()")
        assert_shows(page, clip)
        player.evaluate("video => { video.currentTime = 0; video.playbackRate = 4; video.play(); }")
        wait_until(page, "video.ended || video.error")
        assert player.evaluate("video => video.error === null")
        assert_shows(page, clip)


@pytest.mark.long  # the last fragments of files and of playlists in each run
@pytest.mark.parametrize("is_copied", [True, False], ids=["copied", "encoded"])
def test_a_video_with_one_frame_after_a_keyframe_ends(
    page: Page, bob: User, is_copied: bool
) -> None:
    """hls.js did not see that such a last fragment was loaded: B-frames delay it."""
    copied = functools.partial(clips.h264_mp4, gop=50, layout=None)
    make = copied if is_copied else clips.hevc_mp4
    video = kept_video(bob, make(seconds=4.04, size=SIZE, fps="25"))
    player = page.locator("video.player__video")
    for height in (480, 640):
        open_hls(page, video)
        choose(page, height)
        player.evaluate("video => { video.playbackRate = 2; video.play(); }")
        wait_until(page, "video.ended || video.error")
        assert player.evaluate("video => [video.videoHeight, video.error]") == [height, None]
