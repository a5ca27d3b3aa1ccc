"""Original quality in the player: where a browser decodes it, and what happens where it fails."""

from __future__ import annotations

import itertools
import re
import shutil
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser import originals
from tests.browser.conftest import results
from tests.browser.player import seek, state, wait_until
from tests.browser.test_hls import SOURCE
from tests.videos import live
from videos.filenames import ORIGINAL_QUALITY
from videos.models import Rendition

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from accounts.models import User
    from videos.models import Video

pytestmark = [
    pytest.mark.browser,
    pytest.mark.ffmpeg,
    pytest.mark.django_db(transaction=True),
]

# The name of the media playlist whose fragments are shown: "original", "source", "480p".
PLAYED = f"{SOURCE}.hls?.levels[{SOURCE}.hls.currentLevel]?.url[0].match(/(\\w+)\\.m3u8/)[1]"


@pytest.fixture
def page(visit: Callable[..., Page], bob: User) -> Page:
    return visit(bob, viewport={"width": 1280, "height": 800})


def asked(page: Page) -> list[str]:
    """The names of the files that the page requests from now on."""
    names: list[str] = []
    page.on("request", lambda request: names.append(request.url.rpartition("/")[2]))
    return names


def play(page: Page, *, rate: float = 1) -> None:
    page.locator("video.player__video").evaluate(
        "(video, rate) => { video.playbackRate = rate; video.play().catch(() => {}); }", rate
    )


def quality_menu(page: Page) -> list[str]:
    """Opens the menu of qualities and returns its items."""
    quality = page.get_by_role("menuitem", name=re.compile("^Quality"))
    if not quality.is_visible():
        page.get_by_role("button", name="settings").click()
    quality.click()
    choices = page.locator("media-rendition-menu").get_by_role("menuitemradio")
    return [name.strip() for name in choices.all_inner_texts()]


def choose(page: Page, name: str) -> None:
    quality_menu(page)
    page.get_by_role("menuitemradio", name=name, exact=True).click()


def test_original_quality_plays_automatically_and_by_choice(page: Page, bob: User) -> None:
    video = originals.video_with_original(bob, originals.clip_of("av1"))
    page.goto(video.get_absolute_url())
    wait_until(page, "video.readyState >= 2")
    assert quality_menu(page)[:3] == ["Original", "640p", "480p"]
    live.settle(0.4)
    page.screenshot(path=results("screenshots/original-1280.png"))
    page.get_by_role("menuitemradio", name=re.compile("^Auto")).click()
    play(page, rate=4)
    wait_until(page, f"{PLAYED} === 'original' && !video.ended")
    wait_until(page, "video.ended")
    assert state(page)["error"] is None

    choose(page, "Original")
    page.reload()
    wait_until(page, f"video.readyState >= 2 && {PLAYED} === 'original'")
    page.get_by_role("button", name="settings").click()
    expect(page.get_by_role("menuitem", name=re.compile("^Quality"))).to_contain_text("Original")


def test_what_this_browser_cannot_decode_is_processing_until_there_is_h264(
    page: Page, bob: User
) -> None:
    video = originals.original_only(bob, originals.clip_of("hevc"))
    names = asked(page)
    page.goto(video.get_absolute_url())
    panel = page.locator(".processing .status")
    expect(panel).to_contain_text("Processing")
    expect(page.locator("clip-player")).to_have_count(0)
    page.screenshot(path=results("screenshots/original-processing-1280.png"))
    with page.expect_response(re.compile("/status/.*original=no")):
        pass
    expect(panel).to_be_visible()
    originals.add_growing(video, fragments=3)
    wait_until(page, "video.readyState >= 2")
    play(page)
    wait_until(page, f"{PLAYED} === '640p' && video.currentTime > 0.3")
    assert [name for name in names if name.startswith("original.")] == []


# -- where only some of it is there ---------------------------------------------------------------


def prefer_original(page: Page) -> None:
    page.add_init_script("localStorage.setItem('quality', 'original')")


def open_playing(page: Page, video: Video, *, played: str) -> None:
    """Opens the page and plays until frames of this rendition are shown."""
    page.goto(video.get_absolute_url())
    wait_until(page, "video.readyState >= 2")
    play(page)
    wait_until(page, f"{PLAYED} === '{played}' && video.currentTime > 0.2")


@pytest.mark.long  # the journey of a finished video
@pytest.mark.parametrize("codec", ["av1", "vp9"])
def test_original_quality_plays_while_the_video_is_processed(
    page: Page, bob: User, codec: str
) -> None:
    """It has the whole video, so it is never held, and H.264 that grows and is completed does not
    interrupt it."""
    video = originals.original_only(bob, originals.clip_of(codec))
    open_playing(page, video, played="original")
    assert state(page)["duration"] == pytest.approx(originals.SECONDS, abs=0.2)
    row = originals.add_growing(video, fragments=1)
    page.locator("clip-status[data-h264]").wait_for()
    assert seek(page, 6)["time"] == pytest.approx(6, abs=0.1)
    play(page)
    page.evaluate(
        "document.querySelector('video').addEventListener('waiting', "
        "() => { window.interrupted = true; })"
    )
    originals.complete(row)
    page.locator("clip-status[data-state=ready]").wait_for(state="attached")
    wait_until(page, f"video.ended && {PLAYED} === 'original'")
    assert not page.evaluate("window.interrupted")
    expect(page.locator(".player__hint")).to_be_hidden()
    page.reload()
    wait_until(page, "video.readyState >= 2")
    assert quality_menu(page)[:2] == ["Original", "640p"]


@pytest.mark.long  # a reload offers it in any case
def test_what_was_made_before_somebody_plays_is_offered_at_once(page: Page, bob: User) -> None:
    video = originals.original_only(bob, originals.clip_of("av1"))
    page.goto(video.get_absolute_url())
    wait_until(page, f"video.readyState >= 2 && {PLAYED} === 'original'")
    originals.complete(originals.add_growing(video, fragments=1))
    page.wait_for_function(f"() => {SOURCE}.hls?.levels.length === 2")
    play(page)
    wait_until(page, "video.ended || video.error")
    assert state(page)["error"] is None


@pytest.mark.long
def test_a_choice_between_a_growing_rendition_and_original_quality(page: Page, bob: User) -> None:
    video = originals.original_only(bob, originals.clip_of("vp9"))
    originals.add_growing(video, fragments=2)
    open_playing(page, video, played="640p")
    choose(page, "Original")
    wait_until(page, f"{PLAYED} === 'original' && video.duration > 7 && !video.paused")
    choose(page, "640p")
    wait_until(page, f"{PLAYED} === '640p'")


@pytest.mark.long
def test_at_the_end_of_a_growing_rendition_original_quality_goes_on(page: Page, bob: User) -> None:
    video = originals.original_only(bob, originals.clip_of("av1"))
    originals.add_growing(video, fragments=2)
    open_playing(page, video, played="640p")
    wait_until(page, f"video.ended && {PLAYED} === 'original'")
    assert state(page)["time"] == pytest.approx(originals.SECONDS, abs=0.3)


# -- what is not played ---------------------------------------------------------------------------


@pytest.mark.long  # tests/js asks about each answer
@pytest.mark.parametrize("reason", ["dynamic range", "no answer", "refusal"])
def test_what_the_browser_does_not_promise_to_play_is_not_fetched(
    page: Page, bob: User, reason: str
) -> None:
    fields = {"video_range": "HLG"} if reason == "dynamic range" else {}
    if reason == "no answer":
        page.add_init_script("delete Navigator.prototype.mediaCapabilities")
    if reason == "refusal":
        page.add_init_script(
            "MediaCapabilities.prototype.decodingInfo = async () => { throw new TypeError(); }"
        )
    prefer_original(page)
    video = originals.video_with_original(bob, originals.clip_of("av1"), **fields)
    names = asked(page)
    open_playing(page, video, played="source")
    assert quality_menu(page)[:2] == ["640p", "480p"]
    assert [name for name in names if name.startswith("original.")] == []


# -- what fails -----------------------------------------------------------------------------------

SLOW_WITHIN = 20_000  # milliseconds
# Requests for the file of original quality get no answer.
SLOW = """() => {
    const { open, send } = XMLHttpRequest.prototype;
    XMLHttpRequest.prototype.open = function (method, url, ...rest) {
        this.isSlow = url.includes("/original.mp4");
        return open.call(this, method, url, ...rest);
    };
    XMLHttpRequest.prototype.send = function (...body) {
        if (!this.isSlow) send.apply(this, body);
    };
}"""


@pytest.mark.long
@pytest.mark.parametrize("codec", ["av1", "vp9"])
@pytest.mark.parametrize("whole", [0, 2], ids=["from the start", "in the middle"])
def test_after_an_error_h264_goes_on_at_the_same_position(
    page: Page, bob: User, codec: str, whole: int
) -> None:
    prefer_original(page)
    clip = originals.damaged(originals.clip_of(codec), after=whole)
    video = originals.video_with_original(bob, clip)
    page.goto(video.get_absolute_url())
    play(page, rate=1.25)
    page.evaluate(
        """() => {
            const video = document.querySelector("video");
            window.times = [];
            video.addEventListener("timeupdate", () => window.times.push(video.currentTime));
        }"""
    )
    expect(page.locator(".player__hint")).to_contain_text(
        "Original can't be played here.", timeout=SLOW_WITHIN
    )
    page.screenshot(path=results("screenshots/original-failed-1280.png"))
    wait_until(page, "video.ended")
    told = state(page)
    assert (told["error"], told["rate"]) == (None, 1.25)
    assert page.evaluate(PLAYED) != "original"
    times = page.evaluate("window.times")
    steps = [after - before for before, after in itertools.pairwise(times)]
    assert min(steps) > -0.5
    assert max(steps) < 2.5
    assert quality_menu(page)[:2] == ["640p", "480p"]


@pytest.mark.long
def test_after_an_error_in_h264_the_plain_file_goes_on(page: Page, bob: User) -> None:
    """hls.js is started again once, and meets the same damage. The plain file is intact."""
    video = originals.video_with_original(bob, originals.clip_of("av1"))
    for row in video.renditions.exclude(name=ORIGINAL_QUALITY):
        copy = row.path.with_name(f"damaged-{row.filename}")
        shutil.copyfile(originals.damaged(originals.clip_of("h264"), after=2), copy)
        Rendition.objects.filter(pk=row.pk).update(filename=copy.name)
    page.add_init_script("localStorage.setItem('quality', '640')")
    page.goto(video.get_absolute_url())
    wait_until(page, "video.readyState >= 2")
    play(page, rate=1.25)
    wait_until(page, f"!{SOURCE}.hls && video.currentTime > 1.5", seconds=60)
    wait_until(page, "video.ended")
    assert (state(page)["error"], state(page)["rate"]) == (None, 1.25)


@pytest.mark.long
def test_a_paused_video_stays_paused_after_an_error(page: Page, bob: User) -> None:
    prefer_original(page)
    clip = originals.damaged(originals.clip_of("av1"))
    page.goto(originals.video_with_original(bob, clip).get_absolute_url())
    wait_until(page, f"video.readyState >= 2 && {PLAYED} !== 'original'")
    assert state(page)["paused"]


@pytest.mark.long
@pytest.mark.parametrize("whole", [0, 2], ids=["from the start", "in the middle"])
def test_an_error_before_there_is_h264_is_waited_out(page: Page, bob: User, whole: int) -> None:
    clip = originals.damaged(originals.clip_of("av1"), after=whole)
    video = originals.original_only(bob, clip)
    page.goto(video.get_absolute_url())
    if whole:
        wait_until(page, "video.readyState >= 2")
        play(page, rate=1.25)
        expect(page.locator(".player__hint")).to_contain_text(
            "Still processing.", timeout=SLOW_WITHIN
        )
        at = page.evaluate(f"{SOURCE}.last.position")
        assert at > 2
    else:
        page.locator(".processing .status").wait_for()
    row = originals.add_growing(video, fragments=1)
    originals.complete(row)
    wait_until(page, "video.readyState >= 2", seconds=40)
    if whole:
        wait_until(page, "video.ended && video.playbackRate === 1.25")
    else:
        play(page)
        wait_until(page, "video.currentTime > 0.5")
    assert state(page)["error"] is None


@pytest.mark.long
def test_original_quality_that_does_not_come_is_left(page: Page, bob: User) -> None:
    prefer_original(page)
    page.add_init_script(f"({SLOW})()")
    video = originals.video_with_original(bob, originals.clip_of("av1"))
    page.goto(video.get_absolute_url())
    play(page)
    expect(page.locator(".player__hint")).to_contain_text(
        "Original is too slow here.", timeout=SLOW_WITHIN
    )
    wait_until(page, "video.ended")
    assert page.evaluate(PLAYED) != "original"


@pytest.mark.long
def test_a_slow_start_is_waited_for_while_there_is_nothing_else(page: Page, bob: User) -> None:
    page.add_init_script(f"({SLOW})()")
    video = originals.original_only(bob, originals.clip_of("av1"))
    page.goto(video.get_absolute_url())
    play(page)
    live.settle(8)
    expect(page.locator("clip-player")).to_have_count(1)
    originals.add_growing(video, fragments=4)
    expect(page.locator(".player__hint")).to_contain_text(
        "Original is too slow here.", timeout=SLOW_WITHIN
    )
    wait_until(page, f"{PLAYED} === '640p' && video.currentTime > 0.5 && !video.paused")


@pytest.mark.long
def test_a_picture_that_never_comes_is_noticed(page: Page, bob: User) -> None:
    """No file is known that Chromium takes and shows nothing of; it counts no frames here."""
    prefer_original(page)
    page.add_init_script(
        "HTMLVideoElement.prototype.getVideoPlaybackQuality ="
        " () => ({ totalVideoFrames: 0, droppedVideoFrames: 0 })"
    )
    video = originals.video_with_original(bob, originals.clip_of("av1"))
    open_playing(page, video, played="original")
    expect(page.locator(".player__hint")).to_contain_text(
        "Original can't be played here.", timeout=SLOW_WITHIN
    )
    wait_until(page, f"{PLAYED} !== 'original' && video.ended")


@pytest.mark.long
def test_a_file_that_is_gone_leads_to_h264(page: Page, bob: User, problems: list[str]) -> None:
    prefer_original(page)
    video = originals.video_with_original(bob, originals.clip_of("av1"))
    page.route("**/original.mp4*", lambda route: route.fulfill(status=404))
    page.goto(video.get_absolute_url())
    play(page)
    wait_until(page, "video.ended", seconds=60)
    assert page.evaluate(PLAYED) != "original"
    problems[:] = [it for it in problems if "404" not in it]
