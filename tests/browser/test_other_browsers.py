"""Published videos in Firefox and WebKitGTK: plainly, and on the watch page through hls.js."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from tests import clips
from tests.browser.firefox import FirefoxTab
from tests.browser.other_browsers import OTHER_BROWSERS, started
from tests.browser.webkit import console
from tests.processes import wait_for
from tests.videos import live
from tests.videos.stored_videos import kept_video
from tests.videos.transcode.several_sounds import Tone, clip_with
from videos.filenames import ORIGINAL_QUALITY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from accounts.models import User
    from tests.browser.other_browsers import OtherBrowser, Tab
    from videos.models import Video

pytestmark = [pytest.mark.ffmpeg, pytest.mark.django_db(transaction=True)]

SECONDS = 4
# How far the end and the length may be from those of the clip. In a fragmented file the picture and
# encoded sound are late.
TOLERANCE_SECONDS = 0.1
VIDEO = "document.querySelector('video')"
SOUNDS = "document.querySelector('clip-player').sounds"
# The address of the media playlist whose fragments are shown, without its query.
LEVEL = """(hls => hls.levels[hls.currentLevel].url[0].split("?")[0])(
    document.querySelector("clip-player").source.hls)"""
STATE = f"""(video => video && ({{
    time: video.currentTime, duration: String(video.duration), ended: video.ended,
    paused: video.paused, seeking: video.seeking, ready: video.readyState,
    network: video.networkState, source: video.currentSrc, width: video.videoWidth,
    error: video.error && `${{video.error.code}}: ${{video.error.message}}`,
}}))({VIDEO})"""
# A video element on a page of the site, which gets the bytes as the plain file.
PLAIN = """(() => {
    const video = document.createElement("video");
    video.src = "%s";
    document.body.replaceChildren(video);
})()"""


@pytest.fixture(autouse=True)
def browser_first() -> None:
    """These tests need no Chromium, which others in this folder do."""


NAMES = [
    pytest.param(name, marks=[getattr(pytest.mark, part) for part in parts])
    for name, parts in OTHER_BROWSERS.items()
]


@pytest.fixture(scope="session", params=NAMES)
def other(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OtherBrowser]:
    with started(request.param, tmp_path_factory.mktemp("browsers") / request.param) as browser:
        yield browser


@pytest.fixture
def tab(other: OtherBrowser, site: live.Server, bob: User) -> Iterator[Tab]:
    with other.tab(site, bob) as opened:
        yield opened


def video_of_sizes(user: User) -> Video:
    """A video whose 640 lines are copied, with its smaller rendition: hls.js plays it.

    It has few frames, since these browsers draw in software.
    """
    clip = clips.h264_mp4(seconds=SECONDS, size="1152x640", fps="10", gop=20, options=("-bf", "0"))
    video = kept_video(user, clip)
    assert video.renditions.filter(is_complete=True).count() == 2
    return video


def seek(tab: Tab, seconds: float) -> None:
    tab.evaluate(f"void ({VIDEO}.pause(), {VIDEO}.currentTime = {seconds})")
    tab.wait_until(f"!{VIDEO}.seeking && {VIDEO}.readyState >= 2", told=STATE)
    assert tab.evaluate(f"{VIDEO}.currentTime") == pytest.approx(seconds, abs=0.1)


def play(tab: Tab) -> None:
    tab.evaluate(f"void {VIDEO}.play()")
    tab.wait_until(f"{VIDEO}.currentTime > 0.2", told=STATE)
    assert tab.evaluate(f"{VIDEO}.videoWidth") > 0


def play_seek_and_end(tab: Tab) -> None:
    """Plays, seeks to the middle, and plays from there to the end, which is where it should be."""
    tab.wait_until(f"{VIDEO}?.readyState >= 2", told=STATE)
    shown = float(tab.evaluate(STATE)["duration"])
    assert shown == pytest.approx(SECONDS, abs=TOLERANCE_SECONDS)
    play(tab)
    seek(tab, SECONDS / 2)
    tab.evaluate(f"void {VIDEO}.play()")
    tab.wait_until(f"{VIDEO}.currentTime > {SECONDS / 2} + 0.2", told=STATE)
    tab.wait_until(f"{VIDEO}.ended || {VIDEO}.error", told=STATE)
    told = tab.evaluate(STATE)
    assert told["error"] is None
    assert told["ended"]
    assert told["time"] == pytest.approx(SECONDS, abs=TOLERANCE_SECONDS)


def open_plain(tab: Tab, video: Video) -> None:
    tab.open("/")
    tab.evaluate(PLAIN % f"{video.get_absolute_url()}stream.mp4")
    tab.wait_until(f"{VIDEO}.readyState >= 1", told=STATE)


def open_watch_page(tab: Tab, video: Video) -> None:
    tab.open(video.get_absolute_url())
    tab.wait_until("document.querySelector('clip-player').source?.hls?.levels.length > 0")


def play_through_hls_js(tab: Tab) -> None:
    play_seek_and_end(tab)
    # The player did not fall back to the plain file meanwhile.
    assert tab.evaluate(f"{VIDEO}.currentSrc").startswith("blob:")


def test_a_video_plays_and_seeks_plainly_and_through_hls_js(tab: Tab, bob: User) -> None:
    video = video_of_sizes(bob)
    open_plain(tab, video)
    play_seek_and_end(tab)
    open_watch_page(tab, video)
    play_through_hls_js(tab)


KINDS = {
    "copied": lambda: clips.h264_mp4(seconds=SECONDS, size="1152x640", fps="25", gop=50),
    "encoded": lambda: clips.hevc_mp4(seconds=SECONDS, size="1152x640", fps="25"),
    "silent": lambda: clips.h264_mp4(
        seconds=SECONDS, size="1152x640", fps="25", gop=50, layout=None
    ),
    "upright": lambda: clips.with_matrix(
        clips.h264_mp4(seconds=SECONDS, size="1152x640", fps="25", gop=50), clips.QUARTER_RIGHT
    ),
    "60 frames a second": lambda: clips.h264_mp4(seconds=SECONDS, size="1152x640", fps="60"),
}


@pytest.mark.long  # the journey of a copied video
@pytest.mark.parametrize("kind", KINDS)
def test_videos_of_other_kinds_play_and_seek(tab: Tab, bob: User, kind: str) -> None:
    video = kept_video(bob, KINDS[kind]())
    names = set(video.renditions.filter(is_complete=True).values_list("name", flat=True))
    has_original = ORIGINAL_QUALITY in names
    assert has_original == (kind == "encoded")
    assert len(names) == (3 if has_original else 2)
    open_plain(tab, video)
    is_upright = tab.evaluate(f"{VIDEO}.videoWidth < {VIDEO}.videoHeight")
    assert is_upright == (kind == "upright")
    play_seek_and_end(tab)
    if has_original:  # test_original_other_browsers plays that one
        tab.evaluate("void localStorage.setItem('quality', '640')")
    open_watch_page(tab, video)
    play_through_hls_js(tab)
    assert not tab.evaluate(LEVEL).endswith(f"/{ORIGINAL_QUALITY}.m3u8")


@pytest.mark.long  # in Chromium, where the test hears it
def test_one_of_several_sounds_is_chosen(tab: Tab, bob: User) -> None:
    """These browsers play no sound here that a test could hear, so it looks at what is loaded."""
    tones = (Tone(440, seconds=SECONDS), Tone(1320, seconds=SECONDS))
    video = kept_video(bob, clip_with(*tones, seconds=SECONDS, b_frames=0))
    open_plain(tab, video)
    play_seek_and_end(tab)
    tab.open(video.get_absolute_url())
    tab.wait_until(f"{SOUNDS}?.length === 2 && {VIDEO}.readyState >= 2", told=STATE)
    seek(tab, 1)
    tab.evaluate(f"void ({SOUNDS}.tracks[1].enabled = true)")
    loaded = "performance.getEntriesByType('resource').map(({ name }) => name).join()"
    tab.wait_until(f"{loaded}.includes('source.sound-3.init.mp4')", told=loaded)
    tab.wait_until(f"Math.abs({VIDEO}.currentTime - 1) < 0.1", told=STATE)
    play_through_hls_js(tab)
    assert tab.evaluate(f"{SOUNDS}.chosen") == 1


@pytest.mark.long  # one seek of each kind in the journey
def test_one_seeks_forwards_and_back(tab: Tab, bob: User) -> None:
    video = video_of_sizes(bob)
    moments = (3.5, 0.5, 2.5, 1.5, 0)
    open_watch_page(tab, video)
    for moment in moments:
        seek(tab, moment)
    open_plain(tab, video)
    for moment in moments:
        seek(tab, moment)


@pytest.mark.long  # in Chromium
def test_a_video_in_one_size_plays_as_the_plain_file(tab: Tab, bob: User) -> None:
    video = kept_video(bob, clips.h264_mp4(seconds=SECONDS, fps="25", gop=50))
    tab.open(video.get_absolute_url())
    tab.wait_until(f"{VIDEO}.readyState >= 2", told=STATE)
    assert "stream.mp4" in tab.evaluate(f"{VIDEO}.currentSrc")
    play_seek_and_end(tab)


@pytest.mark.long  # in Chromium
@pytest.mark.firefox
@pytest.mark.parametrize("other", ["firefox"], indirect=True)
def test_firefox_logs_no_error_on_a_watch_page(tab: Tab, bob: User) -> None:
    assert isinstance(tab, FirefoxTab)
    tab.evaluate("void console.error('a test')")
    assert [text for text in tab.problems() if "a test" in text]
    tab.problems().clear()
    open_watch_page(tab, video_of_sizes(bob))
    play_through_hls_js(tab)
    assert tab.problems() == []


@pytest.mark.long  # in Chromium
@pytest.mark.minibrowser
@pytest.mark.xvfb
def test_webkit_logs_no_error_on_a_watch_page(site: live.Server, bob: User, tmp_path: Path) -> None:
    """The page gets its fragments through its scripts, which the log of the site shows."""
    video = video_of_sizes(bob)
    already = len(site.log.read_text())
    path = video.get_absolute_url()
    with console(tmp_path / "webkit", site, bob, path) as log:
        wait_for(lambda: f"{path}source.mp4" in site.log.read_text()[already:], seconds=60)
        live.settle(1)
        said = [line for line in log.read_text().splitlines() if "CONSOLE" in line]
        assert [line for line in said if "a test" in line]
        # WebKit knows no manifest-src yet and says so.
        expected = ("a test", "'manifest-src'")
        assert [line for line in said if not any(text in line for text in expected)] == []


@pytest.mark.long  # each test that passes ends its browser, too
@pytest.mark.parametrize("name", NAMES)
def test_no_process_is_left_after_a_test_that_failed(
    site: live.Server, bob: User, tmp_path: Path, name: str
) -> None:
    before = set(live.descendants(os.getpid()))
    with (
        suppress(ZeroDivisionError),
        started(name, tmp_path / name) as browser,
        browser.tab(site, bob) as tab,
    ):
        tab.open("/")
        begun = set(live.descendants(os.getpid())) - before
        assert len(begun) >= 3
        tab.evaluate("1") / 0
    wait_for(lambda: not any(map(live.is_running, begun)))
