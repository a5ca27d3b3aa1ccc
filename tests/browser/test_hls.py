"""The player with HLS: videos in several sizes, and videos that are still being processed."""

from __future__ import annotations

import os
import re
import shutil
import signal
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from tests import clips
from tests.browser.conftest import results
from tests.browser.player import STOPPED, play_to_the_end, seek, state, wait_until
from tests.processes import wait_for
from tests.videos import live
from tests.videos.stored_videos import kept_video, ready_video, sent_video, work
from tests.videos.test_processing import own_ffmpeg
from videos.models import Job, JobState, Rendition, Video
from videos.services.processing import jobs
from videos.services.processing.enqueue import enqueue_due_jobs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Page, Route

    from accounts.models import User

pytestmark = [
    pytest.mark.browser,
    pytest.mark.ffmpeg,
    pytest.mark.django_db(transaction=True),
]

HIDE = """
    (hidden) => Object.defineProperty(
        document, "hidden", { get: () => hidden, configurable: true })
"""
SOURCE = "document.querySelector('clip-player').source"


def video_of_sizes(user: User, *, seconds: float = 8) -> Video:
    """A video whose 640 lines are copied, with its smaller rendition."""
    video = kept_video(user, clips.h264_mp4(seconds=seconds, size="1152x640", fps="10", gop=20))
    assert video.renditions.filter(is_complete=True).count() == 2
    return video


@pytest.fixture
def page(visit: Callable[..., Page], bob: User) -> Page:
    opened = visit(bob, viewport={"width": 1280, "height": 800})
    opened.add_init_script(STOPPED)
    return opened


def open_hls(page: Page, video: Video) -> None:
    page.goto(video.get_absolute_url())
    page.wait_for_function(f"() => {SOURCE}.hls?.levels.length > 0")
    wait_until(page, "video.readyState >= 2")


def play_from(page: Page, seconds: float) -> None:
    page.locator("video.player__video").evaluate(
        "(video, from) => { video.currentTime = from; video.play(); }", seconds
    )


def assert_policy_kept(page: Page) -> None:
    assert page.evaluate("window.stopped") == []


# -- finished -------------------------------------------------------------------------------------


def test_a_video_in_several_sizes_seeks_and_plays_to_its_end_through_hls_js(
    page: Page, bob: User
) -> None:
    """Nothing but its beginning is fetched before anybody plays."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    open_hls(page, video_of_sizes(bob))
    live.settle(1)
    assert page.evaluate("document.querySelector('video').buffered.end(0)") < 7
    for moment in (7, 1, 5.5, 0):
        assert seek(page, moment)["time"] == pytest.approx(moment, abs=0.1)
    page.locator("video.player__video").evaluate("video => video.play()")
    wait_until(page, "video.currentTime > 0.5 && !video.paused")
    told = play_to_the_end(page)
    assert told["error"] is None
    assert told["ended"]
    assert told["time"] == pytest.approx(8, abs=0.3)
    assert page.evaluate("document.querySelector('video').currentSrc").startswith("blob:")
    names = [url.rpartition("/")[2] for url in asked]
    assert any(re.fullmatch(r"hls\.worker\.[0-9a-f]+\.js", name) for name in names), names
    assert any(re.fullmatch(r"hls\.light\.min\.[0-9a-f]+\.mjs", name) for name in names), names
    expect(page.locator(".player__sounds")).to_be_hidden()
    assert_policy_kept(page)


def test_watching_begins_where_the_address_says_with_speed_and_sound_of_before(
    page: Page, bob: User
) -> None:
    video = video_of_sizes(bob)
    page.goto("/")
    page.evaluate(
        "localStorage.setItem('speed', '1.5');"
        " localStorage.setItem('media-chrome-pref-muted', 'true')"
    )
    page.goto(f"{video.get_absolute_url()}?t=6")
    page.wait_for_function(f"() => {SOURCE}.hls?.levels.length > 0")
    wait_until(page, "video.readyState >= 2 && Math.abs(video.currentTime - 6) < 0.4")
    told = state(page)
    assert (told["rate"], told["muted"]) == (1.5, True)


@pytest.mark.long  # test_encoders.py has the keyframes by which it plays
@pytest.mark.parametrize("fps", ["1", "2", "3", "5", "8"])
def test_a_video_of_few_frames_a_second_plays_in_a_smaller_size(
    visit: Callable[..., Page], bob: User, fps: str
) -> None:
    options = ("-bf", "0")
    clip = clips.h264_mp4(seconds=20, size="1152x640", fps=fps, gop=2 * int(fps), options=options)
    page = visit(bob, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    open_hls(page, kept_video(bob, clip))
    assert play_to_the_end(page)["ended"]


def test_the_size_is_chosen_by_the_menu_and_remembered(page: Page, bob: User) -> None:
    video = video_of_sizes(bob)
    open_hls(page, video)
    page.get_by_role("button", name="settings").click()
    quality = page.get_by_role("menuitem", name=re.compile("^Quality"))
    quality.click()
    choices = page.locator("media-rendition-menu").get_by_role("menuitemradio")
    *sizes, auto = [name.strip() for name in choices.all_inner_texts()]
    assert sizes == ["640p", "480p"]
    assert re.fullmatch(r"Auto \((640|480)p\)", auto)
    expect(page.get_by_role("menuitemradio", name="Auto")).to_be_checked()
    live.settle(0.4)
    page.screenshot(path=results("screenshots/quality-1280.png"))
    page.get_by_role("menuitemradio", name="480p", exact=True).click()
    expect(quality).to_contain_text("480p")
    page.locator("video.player__video").evaluate("video => video.play()")
    wait_until(page, "video.videoHeight === 480 && video.currentTime > 0.2")

    page.reload()
    wait_until(page, "video.videoHeight === 480 && video.readyState >= 2")
    page.get_by_role("button", name="settings").click()
    expect(quality).to_contain_text("480p")


@pytest.mark.long  # by the same menu as on the page
def test_the_size_is_chosen_in_full_screen_too(page: Page, bob: User) -> None:
    open_hls(page, video_of_sizes(bob))
    page.keyboard.press("f")
    page.wait_for_function("() => document.fullscreenElement !== null")
    page.get_by_role("button", name="settings").click()
    page.get_by_role("menuitem", name=re.compile("^Quality")).click()
    live.settle(0.4)
    page.screenshot(path=results("screenshots/quality-full-screen.png"))
    page.get_by_role("menuitemradio", name="480p", exact=True).click()
    page.locator("video.player__video").evaluate("video => video.play()")
    wait_until(page, "video.videoHeight === 480 && video.currentTime > 0.2")
    assert page.evaluate("document.fullscreenElement !== null")


def test_a_video_in_one_size_plays_as_the_plain_file_once_the_site_can_send_it(
    page: Page, bob: User, problems: list[str]
) -> None:
    """Already the first request fails, before any script listens."""
    video_file = kept_video(bob, clips.h264_mp4(seconds=6))
    is_busy = True

    def refuse(route: Route) -> None:
        route.fulfill(status=503, body="Too many.") if is_busy else route.continue_()

    page.route("**/stream.mp4*", refuse)
    page.goto(video_file.get_absolute_url())
    hint = page.locator(".player__hint")
    expect(hint).to_contain_text("The server is busy.")
    is_busy = False
    wait_until(page, "video.readyState >= 2")
    expect(hint).to_be_hidden()
    page.unroute("**/stream.mp4*", refuse)
    problems[:] = without(problems, "503")

    assert "stream.mp4" in page.evaluate("document.querySelector('video').currentSrc")
    page.get_by_role("button", name="settings").click()
    expect(page.get_by_role("menuitem", name=re.compile("^Speed"))).to_be_visible()
    expect(page.locator(".player__quality")).to_be_hidden()
    for moment in (5, 1):
        assert seek(page, moment)["time"] == pytest.approx(moment, abs=0.1)
    assert play_to_the_end(page)["ended"]


def test_without_scripts_the_plain_file_plays_and_seeks(
    visit: Callable[..., Page], bob: User
) -> None:
    """The page's own scripts are off, so the test asks repeatedly."""
    page = visit(bob, java_script_enabled=False)
    page.goto(video_of_sizes(bob).get_absolute_url())
    video = page.locator("video.player__video")
    wait_for(lambda: state(page)["ready"] >= 1)
    assert "stream.mp4" in video.evaluate("video => video.currentSrc")
    expect(page.locator(".player__quality")).to_be_hidden()
    for moment in (3, 1):
        video.evaluate("(video, to) => { video.currentTime = to; }", moment)
        wait_for(lambda: state(page)["ready"] >= 2)
        assert state(page)["time"] == pytest.approx(moment, abs=0.1)
    video.evaluate("video => { video.playbackRate = 4; video.play(); }")
    wait_for(lambda: state(page)["ended"])


def test_captions_are_shown_and_hidden_by_a_key(page: Page, bob: User) -> None:
    video = ready_video(bob, clips.with_subtitles("mkv", "subrip", "eng", "deu"))
    page.goto(video.get_absolute_url())
    wait_until(page, "video.readyState >= 2")
    shown = "[...video.textTracks].filter((track) => track.mode === 'showing').length"
    tracks = page.locator("track").count()
    assert tracks == 2
    if page.evaluate(f"() => {{ const video = document.querySelector('video'); return {shown}; }}"):
        page.keyboard.press("c")
    wait_until(page, f"{shown} === 0")
    page.keyboard.press("c")
    wait_until(page, f"{shown} === 1 && [...video.textTracks].some((track) => track.cues?.length)")


# -- what goes wrong ------------------------------------------------------------------------------


def without(problems: list[str], *expected: str) -> list[str]:
    return [it for it in problems if not any(part in it for part in expected)]


def test_what_hls_js_cannot_play_falls_back_to_the_plain_file(
    page: Page, bob: User, problems: list[str]
) -> None:
    """The files of the playlists are damaged; the plain file is intact."""
    video = video_of_sizes(bob)
    for rendition in video.renditions.all():
        copy = rendition.path.with_name(f"damaged-{rendition.filename}")
        bytes_ = bytearray(rendition.path.read_bytes())
        bytes_[100:600] = bytes(500)
        copy.write_bytes(bytes_)
        Rendition.objects.filter(pk=rendition.pk).update(filename=copy.name)
    page.goto(video.get_absolute_url())
    page.wait_for_function(
        "() => document.querySelector('video').currentSrc.includes('stream.mp4')"
        f" && {SOURCE}.Hls && !{SOURCE}.hls",
        timeout=20_000,
    )
    assert play_to_the_end(page)["ended"]
    expect(page.locator(".player__quality")).to_be_hidden()
    problems[:] = without(problems, "404", "416")


def test_what_hls_js_does_not_fetch_any_more_is_fetched_again(
    page: Page, bob: User, problems: list[str]
) -> None:
    """hls.js may wait for ever like this after quick seeks back and forth."""
    open_hls(page, video_of_sizes(bob))
    assert page.evaluate("document.querySelector('video').buffered.end(0)") < 7
    page.evaluate(f"{SOURCE}.hls.pauseBuffering()")
    page.locator("video.player__video").evaluate("video => { video.playbackRate = 1.5; }")
    play_from(page, 6.5)
    wait_until(page, "video.ended || video.error")
    told = state(page)
    assert (told["error"], told["rate"]) == (None, 1.5)
    problems[:] = without(problems, "interrupted by a new load request")


def test_a_lost_connection_is_said_and_playing_goes_on(
    page: Page, bob: User, problems: list[str]
) -> None:
    video = video_of_sizes(bob)
    open_hls(page, video)
    page.evaluate(
        f"""() => {{
            const {{ config }} = {SOURCE}.hls;
            for (const policy of [config.fragLoadPolicy, config.playlistLoadPolicy]) {{
                policy.default.errorRetry = null;
                policy.default.timeoutRetry = null;
            }}
        }}"""
    )
    page.context.set_offline(True)
    play_from(page, 7)
    hint = page.locator(".player__hint")
    expect(hint).to_contain_text("You're offline.")
    page.context.set_offline(False)
    expect(hint).to_be_hidden()
    wait_until(page, "video.ended")
    assert state(page)["error"] is None
    problems[:] = without(problems, "ERR_INTERNET_DISCONNECTED")


def test_who_is_logged_out_while_watching_is_led_to_the_log_in(
    page: Page, bob: User, problems: list[str]
) -> None:
    video = video_of_sizes(bob)
    open_hls(page, video)
    page.context.clear_cookies()
    play_from(page, 7)
    link = page.locator(".player__hint a")
    expect(link).to_be_visible(timeout=20_000)
    link.click()
    expect(page).to_have_url(re.compile(f"/login/\\?next={video.get_absolute_url()}"))
    problems[:] = without(problems, "401")


# -- still being made -----------------------------------------------------------------------------


@pytest.fixture
def slow_workers(site: live.Server, static_files: Path, tmp_path: Path) -> Iterator[int]:
    """Starts workers whose FFmpeg reads no faster than the video plays."""
    real = shutil.which("ffmpeg")
    slow = own_ffmpeg(tmp_path / "slow", ffmpeg=f'exec {real} -re "$@"')
    log = tmp_path / "queue.log"
    with live.workers(site.media, static_files, log, FFMPEG_PATH=slow) as cluster:
        yield cluster


def open_once_watchable(page: Page, video: Video) -> None:
    """Waits for the player, which appears without a reload once the video can be watched."""
    page.goto(video.get_absolute_url())
    remember_reloads(page)
    expect(page.locator("video.player__video")).to_be_visible(timeout=25_000)
    wait_until(page, "video.readyState >= 2")


def growing_video(user: User, *, seconds: float = 10) -> Video:
    return sent_video(user, clips.hevc_mp4(seconds=seconds, fps="10"), title="Growing")


def remember_reloads(page: Page) -> None:
    page.evaluate("window.sameDocument = true")


def is_same_document(page: Page) -> bool:
    return bool(page.evaluate("window.sameDocument === true"))


def watch_to_the_end_while_it_is_made(page: Page, video: Video, *, seconds: float) -> None:
    """Plays a video that `slow_workers` have just begun to encode, on its page."""
    assert Video.objects.get(pk=video.pk).is_unfinished
    wait_until(page, "video.readyState >= 2 && video.currentTime < 1")
    page.locator("video.player__video").evaluate("video => video.play()")
    wait_until(page, "video.currentTime > 0.5")
    expect(page.locator("clip-status")).to_contain_text("Still processing")
    expect(page.locator("#share-button")).to_have_count(0)
    page.screenshot(path=results("screenshots/watch-growing-1280.png"))

    # At the edge the player says so and continues automatically.
    wait_until(page, "video.currentTime > 3")
    seek(page, 0.5)
    page.locator("video.player__video").evaluate("video => video.play()")
    wait_until(page, "video.ended || video.error", seconds=25)
    told = state(page)
    assert told["error"] is None
    assert told["time"] == pytest.approx(seconds, abs=0.5)

    expect(page.locator("clip-status")).to_be_hidden()
    expect(page.locator("#share-button")).to_be_visible()
    expect(page.get_by_role("link", name="Download")).to_be_visible()
    assert seek(page, 2)["time"] == pytest.approx(2, abs=0.1)
    assert is_same_document(page)
    assert_policy_kept(page)


@pytest.mark.long  # the video that test_journeys.py watches to its end passes the edge, too
def test_at_the_edge_the_player_says_that_more_is_made(
    page: Page, bob: User, slow_workers: int
) -> None:
    video = growing_video(bob)
    open_once_watchable(page, video)
    page.locator("video.player__video").evaluate(
        "video => { video.playbackRate = 4; video.play(); }"
    )
    expect(page.locator(".player__hint")).to_contain_text("Still processing", timeout=10_000)
    page.screenshot(path=results("screenshots/watch-edge-1280.png"))
    page.locator("video.player__video").evaluate("video => { video.playbackRate = 1; }")
    before = state(page)["time"]
    wait_until(page, f"video.currentTime > {before + 0.5}")
    expect(page.locator(".player__hint")).to_be_hidden()
    wait_until(page, "video.ended", seconds=20)


@pytest.mark.long  # views/test_watch.py shows the button and what it does
def test_processing_is_stopped_by_a_button_that_asks_first(
    page: Page, bob: User, slow_workers: int, problems: list[str]
) -> None:
    video = growing_video(bob, seconds=40)
    open_once_watchable(page, video)
    page.get_by_role("button", name="Stop processing").click()
    sheet = page.locator("#stop")
    expect(sheet).to_be_visible()
    page.screenshot(path=results("screenshots/stop-1280.png"))
    live.settle(3)  # the status below refreshes meanwhile and must not close the question
    sheet.get_by_role("button", name="Keep processing").click()
    expect(sheet).to_be_hidden()
    assert Video.objects.get(pk=video.pk).is_unfinished
    page.get_by_role("button", name="Stop processing").click()
    sheet.get_by_role("button", name="Stop processing").click()
    expect(page.locator("clip-status")).to_contain_text("Processing was stopped")
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    page.screenshot(path=results("screenshots/stopped-1280.png"))
    assert Video.objects.get(pk=video.pk).is_failed
    problems[:] = without(problems, "404")


@pytest.mark.long  # views/test_watch.py tells of a failure without a reload
def test_a_failure_while_watching_is_told_below_the_player(
    page: Page, bob: User, slow_workers: int, problems: list[str]
) -> None:
    video = growing_video(bob, seconds=40)
    open_once_watchable(page, video)
    page.locator("video.player__video").evaluate("video => video.play()")
    jobs.cancel_job(Job.objects.get(), sentence="The disk was full.")
    expect(page.locator("clip-status")).to_contain_text("The disk was full.")
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    expect(page.locator(".player__hint")).to_contain_text("Processing stopped here.")
    page.screenshot(path=results("screenshots/watch-failed-growing-1280.png"))
    assert is_same_document(page)
    problems[:] = without(problems, "404")


@pytest.mark.long
def test_a_video_started_again_goes_on_where_one_was(
    page: Page, bob: User, slow_workers: int, problems: list[str]
) -> None:
    """The watched attempt is lost; the next one has other addresses."""
    video = growing_video(bob, seconds=9)
    open_once_watchable(page, video)
    first = Rendition.objects.get(video=video).version
    for pid in live.descendants(slow_workers):
        if live.program(pid) == "ffmpeg":
            os.kill(pid, signal.SIGKILL)
    page.locator("video.player__video").evaluate("video => video.play()")
    wait_for(lambda: Job.objects.get().state == JobState.WAITING, name="the loss")
    Job.objects.update(run_after=timezone.now())  # rather than in ten seconds
    enqueue_due_jobs()
    wait_until(page, "video.ended || video.error")
    assert state(page)["error"] is None
    assert Rendition.objects.filter(video=video).exclude(version=first).exists()
    assert is_same_document(page)
    problems[:] = without(problems, "404")


# -- becoming ready -------------------------------------------------------------------------------


def test_a_page_shows_its_player_once_the_video_is_ready(page: Page, bob: User) -> None:
    """Without another load of the page, and without losing the comment that somebody writes."""
    video = sent_video(bob, clips.h264_mp4(seconds=3), title="Harbour")
    page.goto(f"{video.get_absolute_url()}?t=1")
    remember_reloads(page)
    expect(page.get_by_role("heading", name="In the queue")).to_be_visible()
    comment = page.get_by_role("textbox", name="Comment")
    comment.fill("I have waited for")
    assert work() == "completed"
    wait_until(page, "video.readyState >= 2 && video.currentTime === 1")
    page.get_by_role("button", name="play", exact=True).first.click()
    wait_until(page, "video.ended")
    assert comment.input_value() == "I have waited for"
    page.keyboard.press("?")
    expect(page.locator("#shortcuts")).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Share").click()
    address = page.locator("#share-address").input_value()
    assert address.endswith(video.get_absolute_url())
    page.keyboard.press("Escape")
    comment.press("End")
    comment.press_sequentially(" this.")
    page.get_by_role("button", name="Comment", exact=True).click()
    expect(page.locator("#threads")).to_contain_text("I have waited for this.")
    expect(page.locator("#threads > li")).to_have_count(1)
    assert is_same_document(page)
    assert_policy_kept(page)


# -- asking ---------------------------------------------------------------------------------------


def test_a_page_does_not_ask_unseen_nor_for_a_deleted_video(
    page: Page, bob: User, problems: list[str]
) -> None:
    """No workers run, so the video waits."""
    video = growing_video(bob, seconds=2)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(video.get_absolute_url())
    page.evaluate(HIDE, True)
    asked.clear()
    live.settle(3)
    page.evaluate("0")
    assert [url for url in asked if "/status/" in url] == []
    page.evaluate(HIDE, False)
    with page.expect_request(re.compile("/status/")):
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    video.delete()
    expect(page.locator("clip-status")).to_have_count(0)
    expect(page.locator("h1")).to_be_visible()
    problems[:] = without(problems, "404")
