"""The player of the watch page: its keyboard shortcuts, and what it remembers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests import clips
from tests.browser.player import seek, state, wait_until
from tests.videos.stored_videos import kept_video

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from accounts.models import User

pytestmark = [
    pytest.mark.browser,
    pytest.mark.ffmpeg,
    pytest.mark.django_db(transaction=True),
]


@pytest.fixture
def page(visit: Callable[..., Page], bob: User) -> Page:
    """The page of a video of 30 s, paused at its start."""
    video = kept_video(bob, clips.h264_mp4(seconds=30, size="160x90", fps="15"), is_enriched=False)
    opened = visit(bob, viewport={"width": 1280, "height": 800})
    opened.goto(video.get_absolute_url())
    wait_until(opened, "video.readyState >= 2")
    return opened


def test_keys_control_the_player_and_some_of_it_is_remembered(page: Page) -> None:
    keys_seek_and_step_unless_one_types_a_search(page)
    page.keyboard.press("Escape")
    page.locator("video.player__video").focus()
    keys_play_and_change_sound_and_speed_which_are_remembered(page)
    keys_are_for_theatre_help_and_full_screen(page)


def keys_seek_and_step_unless_one_types_a_search(page: Page) -> None:
    """A frame lasts 1/15 s in this video."""
    seek(page, 10)
    for key, moment in [
        ("l", 20),
        ("j", 10),
        ("ArrowRight", 15),
        ("ArrowLeft", 10),
        ("9", 27),
        ("5", 15),
        ("0", 0),
        ("j", 0),
        ("ArrowLeft", 0),
    ]:
        page.keyboard.press(key)
        wait_until(page, f"!video.seeking && Math.abs(video.currentTime - {moment}) < 0.3")

    seek(page, 10)
    for key, frame in [(".", 151), (".", 152), (",", 151), (",", 150), (",", 149)]:
        page.keyboard.press(key)
        wait_until(
            page, f"!video.seeking && Math.abs(video.currentTime - ({frame} + 0.5) / 15) < 0.01"
        )
    assert state(page)["paused"]

    seek(page, 10)
    page.keyboard.press("/")
    expect(page.get_by_label("Search videos")).to_be_focused()
    page.keyboard.type("jklm 5")
    expect(page.get_by_label("Search videos")).to_have_value("jklm 5")
    told = state(page)
    assert (told["time"], told["muted"], told["paused"]) == (pytest.approx(10), False, True)


def keys_play_and_change_sound_and_speed_which_are_remembered(page: Page) -> None:
    for key in ("k", " "):
        begun = state(page)["time"]
        page.keyboard.press(key)
        wait_until(page, f"!video.paused && video.currentTime > {begun} + 0.1")
        page.keyboard.press(key)
        wait_until(page, "video.paused")

    page.keyboard.press("m")
    wait_until(page, "video.muted")
    page.keyboard.press("m")
    wait_until(page, "!video.muted")
    page.keyboard.press("<")
    wait_until(page, "video.playbackRate === 0.75")
    for _ in range(3):
        page.keyboard.press(">")
    wait_until(page, "video.playbackRate === 1.5")
    page.locator("video.player__video").focus()
    page.keyboard.press("ArrowDown")
    wait_until(page, "Math.abs(video.volume - 0.9) < 0.01")
    page.reload()
    wait_until(page, "video.readyState >= 1")
    told = state(page)
    assert (told["rate"], told["muted"]) == (1.5, False)
    assert told["volume"] == pytest.approx(0.9)


def keys_are_for_theatre_help_and_full_screen(page: Page) -> None:
    theatre = page.get_by_role("button", name="Theatre")
    expect(theatre).to_have_attribute("aria-pressed", "false")
    page.keyboard.press("t")
    expect(theatre).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("?")
    expect(page.get_by_role("heading", name="Keyboard shortcuts")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("heading", name="Keyboard shortcuts")).to_be_hidden()
    page.keyboard.press("f")
    page.wait_for_function("() => document.fullscreenElement !== null")
    page.keyboard.press("f")
    page.wait_for_function("() => document.fullscreenElement === null")
