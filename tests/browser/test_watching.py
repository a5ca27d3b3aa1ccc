"""The player beyond playing: menus, previews, touch, the end screen, and what it reports to the
site."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests import clips
from tests.browser.conftest import results
from tests.browser.player import seek, state, wait_until
from tests.builders import make_user
from tests.processes import wait_for
from tests.videos import live
from tests.videos.stored_videos import kept_video
from videos.models import Caption, WatchProgress

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Locator, Page

    from accounts.models import User
    from videos.models import Video

pytestmark = [
    pytest.mark.browser,
    pytest.mark.ffmpeg,
    pytest.mark.django_db(transaction=True),
]

DESK = {"width": 1280, "height": 800}
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "has_touch": True,
    "is_mobile": True,
}
VTT = "WEBVTT\n\n00:00:00.000 --> 00:00:20.000\n{}\n"
# How comments tell the page their times.
MARKERS = """
    (markers) => {
        document.getElementById("comment-markers").textContent = JSON.stringify(markers);
        document.dispatchEvent(new Event("htmx:afterSettle"));
    }
"""
SHOWN = "[...video.textTracks].find((track) => track.mode === 'showing')?.language"


def video_file(user: User, seconds: float = 20, **fields: Any) -> Video:
    """A video with its storyboard, small enough for one size."""
    clip = clips.h264_mp4(seconds=seconds, size="640x360", fps="10", gop=20)
    return kept_video(user, clip, **fields)


def with_captions(video: Video, **words: str) -> Video:
    for language, text in words.items():
        video.captions.create(
            code=language, language=language, label=language, body=VTT.format(text)
        )
    return video


def open_page(page: Page, video: Video, query: str = "") -> None:
    page.goto(video.get_absolute_url() + query)
    wait_until(page, "video.readyState >= 2 && !video.controls")


def play(page: Page) -> None:
    page.locator("video.player__video").evaluate("video => { video.play(); }")


@pytest.fixture
def page(visit: Callable[..., Page], bob: User) -> Page:
    return visit(bob, viewport=DESK)


@pytest.fixture
def phone(visit: Callable[..., Page], bob: User) -> Page:
    return visit(bob, **PHONE)


# -- controls -------------------------------------------------------------------------------------


def test_pointing_at_the_timeline_shows_the_picture_and_what_was_said(
    page: Page, bob: User
) -> None:
    open_page(page, video_file(bob))
    page.get_by_label("Your comment", exact=True).fill("Look at <b>that</b> at 0:12!")
    page.get_by_role("button", name="Comment", exact=True).click()
    markers = page.locator(".player__markers i")
    expect(markers).to_have_count(1)
    page.reload()
    wait_until(page, "video.readyState >= 2 && !video.controls")
    dot, rail = markers.bounding_box(), page.locator(".player__markers").bounding_box()
    assert dot is not None
    assert rail is not None
    middle = dot["x"] + dot["width"] / 2
    assert (middle - rail["x"]) / rail["width"] == pytest.approx(12 / 20, abs=0.01)
    box = page.locator("media-time-range").bounding_box()
    assert box is not None
    page.mouse.move(middle, box["y"] + box["height"] / 2)
    expect(page.locator("media-preview-thumbnail[slot]")).to_be_visible()
    expect(page.locator("media-preview-time-display[slot]")).to_have_text(re.compile("0:1[12]"))
    expect(page.locator(".player__comment")).to_have_text("bob: Look at <b>that</b> at 0:12!")
    live.settle(0.4)
    page.screenshot(path=results("screenshots/preview-1280.png"))
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + box["height"] / 2)
    expect(page.locator("media-preview-time-display[slot]")).to_have_text(re.compile("0:0[45]"))
    expect(page.locator(".player__comment")).to_be_hidden()

    page.get_by_role("button", name="Delete the comment").click()
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    expect(markers).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(markers).to_have_count(1)


@pytest.mark.long  # keys and the menu of sizes are tried in each run
def test_the_speed_is_chosen_by_the_menu(page: Page, bob: User) -> None:
    open_page(page, video_file(bob))
    page.get_by_role("button", name="settings").click()
    speed = page.get_by_role("menuitem", name=re.compile("^Speed"))
    speed.click()
    page.get_by_role("menuitem", name="Back from Speed").click()
    speed.click()
    assert page.locator("media-controller").evaluate("it => it.scrollTop") == 0, "the video stays"
    page.get_by_role("menuitemradio", name="1.5x").click()
    wait_until(page, "video.playbackRate === 1.5")
    page.reload()
    wait_until(page, "video.playbackRate === 1.5")


def test_captions_stay_as_they_were_chosen_on_the_next_video(page: Page, bob: User) -> None:
    first = with_captions(video_file(bob), en="Hello", de="Hallo")
    second = with_captions(video_file(bob, 6), de="Guten Tag", en="Good day")
    Caption.objects.filter(language="en").update(is_default=True)
    open_page(page, first)
    wait_until(page, f"{SHOWN} === 'en'")
    page.get_by_role("button", name="settings").click()
    page.get_by_role("menuitem", name=re.compile("^Captions")).click()
    page.get_by_role("menuitemradio", name="de").click()
    wait_until(page, f"{SHOWN} === 'de'")
    open_page(page, second)
    wait_until(page, f"{SHOWN} === 'de'")
    page.keyboard.press("c")
    wait_until(page, f"!({SHOWN})")
    open_page(page, first)
    live.settle(0.3)
    wait_until(page, f"!({SHOWN})")


def test_on_a_phone_two_taps_at_a_side_go_back_and_on_and_the_menu_is_a_sheet(
    phone: Page, bob: User
) -> None:
    open_page(phone, video_file(bob))
    seek(phone, 5)
    box = phone.locator("video.player__video").bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 3
    for _ in range(2):
        phone.touchscreen.tap(box["x"] + box["width"] * 0.9, middle)
    wait_until(phone, "Math.abs(video.currentTime - 15) < 0.2")
    live.settle(0.5)
    for _ in range(2):
        phone.touchscreen.tap(box["x"] + box["width"] * 0.1, middle)
    wait_until(phone, "Math.abs(video.currentTime - 5) < 0.2")
    assert state(phone)["paused"]
    live.settle(0.5)
    phone.touchscreen.tap(box["x"] + box["width"] * 0.9, middle)
    live.settle(0.5)
    assert state(phone)["time"] == pytest.approx(5, abs=0.2)
    the_menu_is_a_sheet(phone)


def edges_of(part: Locator) -> tuple[float, float]:
    """The width and the lower edge, in px."""
    box = part.bounding_box() or {"width": 0, "y": 0, "height": 0}
    return box["width"], box["y"] + box["height"]


def the_menu_is_a_sheet(phone: Page) -> None:
    phone.get_by_role("button", name="settings").tap()
    menu = phone.locator(".player__menu")
    expect(menu).to_be_visible()
    wait_for(lambda: edges_of(menu) == (390, 844), name="the sheet in its place")
    phone.screenshot(path=results("screenshots/menu-390.png"))
    phone.get_by_role("menuitem", name=re.compile("^Speed")).tap()
    live.settle(0.4)
    phone.screenshot(path=results("screenshots/speed-390.png"))
    phone.get_by_role("menuitemradio", name="2x").tap()
    wait_until(phone, "video.playbackRate === 2")


@pytest.mark.long  # test_player.py goes to full screen and back
def test_a_double_click_fills_the_screen(page: Page, bob: User) -> None:
    open_page(page, video_file(bob))
    page.locator("video.player__video").dblclick(position={"x": 100, "y": 100})
    page.wait_for_function("() => document.fullscreenElement !== null")


@pytest.mark.long  # test_by_hand.py follows such a time
def test_a_time_in_the_page_seeks_in_place(page: Page, bob: User) -> None:
    open_page(page, video_file(bob))
    page.evaluate(
        "document.dispatchEvent(new CustomEvent('clip-seek', { detail: { seconds: 12 } }))"
    )
    wait_until(page, "video.currentTime >= 12 && !video.paused")


# -- the end --------------------------------------------------------------------------------------


def test_at_the_end_one_watches_again_or_what_comes_next(page: Page, bob: User) -> None:
    other = video_file(bob, 6, title="Another video")
    video = video_file(bob)
    open_page(page, video)
    expect(page.locator("clip-end-screen")).to_be_hidden()
    seek(page, 19)
    play(page)
    expect(page.locator("clip-end-screen")).to_be_visible()
    expect(page.locator("clip-end-screen").get_by_role("link")).to_contain_text("Another video")
    live.settle(0.3)
    page.screenshot(path=results("screenshots/end-1280.png"))
    page.get_by_role("button", name="Watch again").click()
    wait_until(page, "video.currentTime < 5 && !video.paused")
    expect(page.locator("clip-end-screen")).to_be_hidden()
    seek(page, 19)
    play(page)
    page.locator("clip-end-screen").get_by_role("link").click()
    page.wait_for_url(f"**{other.get_absolute_url()}")


# -- reports to the site --------------------------------------------------------------------------


def test_only_watching_is_told_and_the_position_is_kept_when_the_page_is_left(
    page: Page, bob: User
) -> None:
    told: list[str] = []
    page.on("request", lambda request: told.append(request.url))
    video = video_file(make_user("alice"))
    open_page(page, video, "?t=7")
    page.goto("/")
    assert [url for url in told if url.endswith("/view/")] == []

    open_page(page, video, "?t=7")
    play(page)
    wait_until(page, "video.currentTime > 8")
    page.keyboard.press("k")
    wait_for(lambda: WatchProgress.objects.filter(member=bob, seconds__gte=8).exists())
    seek(page, 12)  # while it pauses
    page.goto("/")
    wait_for(lambda: WatchProgress.objects.filter(member=bob, seconds=12).exists())


def test_a_view_counts_after_a_third_and_only_once(page: Page, bob: User) -> None:
    video = video_file(make_user("alice"), 3)
    open_page(page, video)
    seek(page, 2.5)  # skipped parts are not watched
    page.goto(video.get_absolute_url())
    video.refresh_from_db()
    assert video.view_count == 0
    for _ in range(2):
        open_page(page, video, "?t=0")
        play(page)
        wait_until(page, "video.ended")
        wait_for(lambda: not WatchProgress.objects.filter(is_finished=False).exists())
    wait_for(lambda: seen(video) == 1)
    page.goto(video.get_absolute_url())
    expect(page.get_by_text("1 view", exact=True)).to_be_visible()
    assert seen(video) == 1


def seen(video: Video) -> int:
    video.refresh_from_db()
    return video.view_count


# -- the page of captions -------------------------------------------------------------------------


def test_captions_are_added_on_their_page_and_shown(page: Page, bob: User) -> None:
    video = video_file(bob)
    page.goto(video.get_absolute_url())
    page.get_by_role("link", name="Captions").click()
    srt = "1\n00:00:01,000 --> 00:00:09,000\n<i>Hello</i> there\n"
    page.get_by_label("File").set_input_files(
        {"name": "words.srt", "mimeType": "text/plain", "buffer": srt.encode()}
    )
    page.get_by_label("Language").select_option("English")
    page.get_by_role("button", name="Add captions").click()
    expect(page.locator(".track")).to_contain_text("English")
    page.screenshot(path=results("screenshots/captions-1280.png"))
    open_page(page, video)
    page.keyboard.press("c")
    wait_until(page, "video.textTracks[0].cues?.[0]?.text === '<i>Hello</i> there'")


# -- to be looked at ------------------------------------------------------------------------------


def shot(what: str, width: str, scheme: str) -> Path:
    return results(f"screenshots/{what}-{width}-{scheme}.png")


@pytest.mark.long
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pictures_of_the_player(visit: Callable[..., Page], bob: User, scheme: str) -> None:
    """Takes screenshots for people to look at; nothing may be wider than the page."""
    for title in ("Harbour at dusk", "A walk in the rain", "x" * 100):
        video_file(bob, 6, title=title)
    video = with_captions(
        video_file(bob, title="The long way home"), en="Words that are spoken here."
    )
    widths: dict[str, dict[str, Any]] = {"390": PHONE, "1280": {"viewport": DESK}}
    for name, options in widths.items():
        WatchProgress.objects.update_or_create(member=bob, video=video, defaults={"seconds": 9})
        page = visit(bob, color_scheme=scheme, **options)
        page.goto("/")
        page.screenshot(path=shot("home-begun", name, scheme))
        open_page(page, video, "?t=4")
        said = [{"seconds": at, "author": "alice", "text": "There!"} for at in (2, 6, 6.4, 15)]
        page.evaluate(MARKERS, said)
        page.keyboard.press("c")
        live.settle(0.5)
        page.screenshot(path=shot("watch", name, scheme))
        page.get_by_role("button", name="settings").click()
        live.settle(0.5)
        page.screenshot(path=shot("menu", name, scheme))
        page.keyboard.press("Escape")
        expect(page.locator(".player__menu")).to_be_hidden()
        seek(page, 19.5)
        play(page)
        expect(page.locator("clip-end-screen")).to_be_visible()
        live.settle(0.5)
        page.screenshot(path=shot("end", name, scheme))
        page.goto(f"{video.get_absolute_url()}captions/")
        page.screenshot(path=shot("captions", name, scheme), full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), json.dumps(name)
