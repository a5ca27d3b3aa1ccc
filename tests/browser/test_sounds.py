"""Videos with several sounds: the default one plays, and a menu chooses among them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.player import STOPPED, state, wait_until
from tests.browser.test_hls import (
    open_once_watchable,
    slow_workers,  # noqa: F401 a fixture
)
from tests.videos.stored_videos import kept_video, sent_video
from tests.videos.transcode.several_sounds import Tone, clip_with

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Locator, Page

    from accounts.models import User
    from videos.models import Video

pytestmark = [
    pytest.mark.browser,
    pytest.mark.ffmpeg,
    pytest.mark.django_db(transaction=True),
]

SECONDS = 4
TONES = (
    Tone(440, language="eng", seconds=SECONDS),
    Tone(1320, language="ger", title="Kommentar", seconds=SECONDS),
    Tone(3000, seconds=SECONDS),
)
# The strongest frequency of what the video plays, in Hz. Once asked, it is heard through this.
HEARD = """video => {
    if (!video.ears) {
        const context = new AudioContext();
        video.ears = context.createAnalyser();
        video.ears.fftSize = 4096;
        context.createMediaElementSource(video).connect(video.ears).connect(context.destination);
        context.resume();
    }
    const levels = new Uint8Array(video.ears.frequencyBinCount);
    video.ears.getByteFrequencyData(levels);
    const loudest = levels.indexOf(Math.max(...levels));
    return Math.max(...levels) < 100 ? 0 : loudest * video.ears.context.sampleRate / 4096;
}"""


@pytest.fixture
def page(visit: Callable[..., Page], bob: User) -> Page:
    opened = visit(bob, viewport={"width": 1280, "height": 800})
    opened.add_init_script(STOPPED)
    return opened


def video_with_sounds(user: User, *tones: Tone, size: str = "160x90") -> Video:
    return kept_video(user, clip_with(*tones, seconds=SECONDS, size=size))


def open_sounds(page: Page, video: Video) -> None:
    page.goto(video.get_absolute_url())
    page.wait_for_function("() => document.querySelector('clip-player').sounds?.length > 1")
    wait_until(page, "video.readyState >= 2")


def play(page: Page) -> None:
    page.locator("video.player__video").evaluate("video => { video.loop = true; video.play(); }")


def assert_hears(page: Page, hertz: int) -> None:
    """Waits until a tone is heard."""
    video, heard = page.locator("video.player__video"), 0.0
    for _ in range(100):
        heard = video.evaluate(HEARD)
        if abs(heard - hertz) < 25:
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"{heard} Hz, not {hertz}, in {state(page)}")


def open_menu(page: Page) -> Locator:
    """Returns the choices."""
    page.locator("media-settings-menu-button").click()
    page.get_by_role("menuitem", name=re.compile("^Sound")).click()
    return page.locator("media-audio-track-menu").get_by_role("menuitemradio")


def test_one_chooses_what_is_heard(page: Page, bob: User) -> None:
    open_sounds(page, video_with_sounds(bob, *TONES))
    play(page)
    assert_hears(page, 440)
    choices = open_menu(page)
    expect(choices).to_have_text(["English", "Kommentar (German)", "Track 3"])
    expect(choices.nth(0)).to_be_checked()
    page.locator("video.player__video").evaluate("video => { video.loop = false; }")
    before = state(page)["time"]
    choices.nth(1).click()
    assert_hears(page, 1320)
    assert before <= state(page)["time"] < SECONDS
    assert page.evaluate("window.stopped") == []


@pytest.mark.long  # in one size in each run
def test_the_language_is_kept_for_the_next_video_and_other_sizes(page: Page, bob: User) -> None:
    open_sounds(page, video_with_sounds(bob, *TONES))
    open_menu(page).nth(1).click()
    page.wait_for_function("localStorage.getItem('sound') === 'de'")
    other = video_with_sounds(
        bob,
        Tone(440, language="fre", seconds=SECONDS),
        Tone(2200, language="deu", seconds=SECONDS),
        size="1152x640",
    )
    open_sounds(page, other)
    play(page)
    assert_hears(page, 2200)
    fragments = "performance.getEntriesByType('resource').map(({ name }) => name)"
    assert not any("sound-2.m3u8" in url for url in page.evaluate(fragments))
    page.evaluate("document.querySelector('clip-player').source.quality.choose(480)")
    wait_until(page, "video.videoHeight === 480")
    assert_hears(page, 2200)
    # Game and microphone have no languages: the choice is not kept.
    open_sounds(page, video_with_sounds(bob, *TONES))
    expect(open_menu(page).nth(1)).to_be_checked()
    page.locator("media-audio-track-menu").get_by_role("menuitemradio").nth(2).click()
    play(page)
    assert_hears(page, 3000)
    assert page.evaluate("localStorage.getItem('sound')") == "de"
    # hls.js starts again after errors.
    page.evaluate("document.querySelector('clip-player').source.startHls(1)")
    page.wait_for_function("() => document.querySelector('clip-player').sounds.length === 3")
    assert page.evaluate("document.querySelector('clip-player').sounds.chosen") == 2


@pytest.mark.long  # in test_hls with one sound
def test_the_menu_is_reached_with_the_keyboard_and_fits_a_phone(page: Page, bob: User) -> None:
    page.set_viewport_size({"width": 390, "height": 700})
    open_sounds(page, video_with_sounds(bob, *TONES))
    page.locator("media-settings-menu-button").focus()
    page.keyboard.press("Enter")
    item = page.get_by_role("menuitem", name=re.compile("^Sound"))
    expect(item).to_be_visible()
    item.focus()
    page.keyboard.press("Enter")
    choices = page.locator("media-audio-track-menu").get_by_role("menuitemradio")
    for choice in choices.all():
        expect(choice).to_be_in_viewport(ratio=1)
    choices.nth(2).focus()
    page.keyboard.press("Enter")
    play(page)
    assert_hears(page, 3000)


@pytest.mark.long  # decoded by FFmpeg in each run
def test_the_plain_file_plays_the_default_sound(page: Page, bob: User) -> None:
    video = video_with_sounds(bob, *TONES)
    page.goto(video.get_absolute_url())
    page.evaluate(
        """url => {
            const video = document.createElement("video");
            video.className = "player__video";
            video.src = url;
            document.body.replaceChildren(video);
        }""",
        f"{video.get_absolute_url()}stream.mp4",
    )
    wait_until(page, "video.readyState >= 2")
    play(page)
    assert_hears(page, 440)


@pytest.mark.long  # one sound in test_hls, and the growing playlists in each run
def test_a_sound_is_chosen_while_the_video_is_encoded(
    page: Page,
    bob: User,
    slow_workers: int,  # noqa: F811
) -> None:
    seconds = 24
    tones = (tone._replace(seconds=seconds) for tone in TONES)
    video = sent_video(bob, clip_with(*tones, seconds=seconds, codec="libx265"))
    open_once_watchable(page, video)
    page.locator("video.player__video").evaluate("video => { video.play(); }")
    assert_hears(page, 440)
    open_menu(page).nth(1).click()
    assert_hears(page, 1320)
    video.refresh_from_db()
    assert video.is_unfinished
    wait_until(page, "video.ended || video.error", seconds=90)
    told = state(page)
    assert told["error"] is None
    assert told["time"] == pytest.approx(seconds, abs=0.2)
    assert page.evaluate("document.querySelector('clip-player').sounds.chosen") == 1
