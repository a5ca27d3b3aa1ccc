"""Original quality in the player: where a browser decodes it, and what happens where it fails."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser import originals
from tests.browser.conftest import results
from tests.browser.player import state, wait_until
from tests.browser.test_hls import SOURCE
from tests.videos import live

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from accounts.models import User

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
