"""Playlists as members use them: add videos, order them by keyboard and by touch, play them."""

from __future__ import annotations

import shutil
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from clipset.lib.ids import new_short_id
from tests import clips
from tests.browser.player import state, wait_until
from tests.processes import wait_for
from tests.videos.stored_videos import kept_video
from videos.models import Playlist, Video
from videos.services.comments import write_comment
from videos.services.playlists import add_to_playlist, create_playlist

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Locator, Page

    from accounts.models import User

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


@pytest.fixture
def video_files(bob: User) -> list[Video]:
    """Three videos of one file, and one that failed."""
    clip = clips.h264_mp4(seconds=2, size="320x180", fps="10", gop=20)
    first = kept_video(bob, clip, is_enriched=False, title="One")
    made = [first, *(copy_of(first, title) for title in ("Two", "Three", "Failed"))]
    Video.objects.filter(title="Failed").update(processing_status="FAILED", error_message="No.")
    return made


def copy_of(video: Video, title: str) -> Video:
    copy, key = Video.objects.get(pk=video.pk), uuid.uuid4()
    copy.pk, copy.short_id, copy.title, copy.filename = key, new_short_id(), title, f"{key.hex}.mp4"
    copy.save(force_insert=True)
    shutil.copyfile(video.file_path, copy.file_path)
    return copy


def rows(page: Page) -> Locator:
    return page.locator(".entry h3")


def stored() -> list[str]:
    found = Playlist.objects.get().entries.select_related("video").order_by("position", "pk")
    return [entry.video.title for entry in found]


def at_the_end(page: Page) -> Locator:
    """Plays to the end. Returns what is shown over the last frame."""
    wait_until(page, "video.readyState >= 2 && !video.controls")
    page.locator("video.player__video").evaluate("video => { video.play(); }")
    wait_until(page, "video.ended")
    return page.locator("clip-end-screen")


def test_a_playlist_is_filled_ordered_by_keyboard_and_played_in_a_loop(
    visit: Callable[..., Page], bob: User, video_files: list[Video], problems: list[str]
) -> None:
    one, two, three, failed = video_files
    page = visit(bob, viewport=DESK)
    for video_file in (one, failed):
        page.goto(video_file.get_absolute_url())
        page.get_by_role("button", name="Save to a playlist").click()
        if video_file == one:
            page.get_by_label("Name your first playlist").fill("   ")
            page.keyboard.press("Enter")
            expect(page.locator("#save").get_by_role("alert")).to_have_text("Enter a name.")
            page.get_by_label("Name your first playlist").fill("Evening")
            page.keyboard.press("Enter")
        else:
            page.get_by_role("button", name="Evening", pressed=False).click()
        choice = page.get_by_role("button", name="Evening", pressed=True)
        expect(choice).to_be_visible()
        expect(page.locator("#toasts")).to_contain_text("Added to “Evening”")
        if video_file == one:
            for other in (two, three):
                add_to_playlist(playlist=Playlist.objects.get(), video=other, user=bob)
    expect(choice).to_be_focused()
    assert stored() == ["One", "Two", "Three", "Failed"]
    problems[:] = [it for it in problems if "422" not in it]

    page.get_by_role("link", name="Evening").click()
    expect(rows(page)).to_have_text(["One", "Two", "Three", "Failed"])
    # Before the script runs, Enter submits the button's form.
    expect(page.locator("clip-playlist-entries:defined")).to_be_attached()
    page.get_by_role("button", name="Move Three up").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")  # it already is the first
    expect(rows(page)).to_have_text(["Three", "One", "Two", "Failed"])
    expect(page.get_by_role("button", name="Move Three up")).to_be_focused()
    # On its way there it passed the place where it is to be in the end.
    wait_for(lambda: stored() == ["Three", "One", "Two", "Failed"])
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(rows(page)).to_have_text(["One", "Three", "Two", "Failed"])
    expect(page.get_by_role("status").filter(has_text="Three: number 2")).to_be_attached()
    wait_for(lambda: stored() == ["One", "Three", "Two", "Failed"])

    page.get_by_role("link", name="Play").click()
    queue = page.get_by_role("region", name="Evening")
    expect(queue.locator("[aria-current]")).to_contain_text("One")
    end = at_the_end(page)
    expect(end).to_contain_text("Up next in Evening")
    expect(end.locator("[data-left]")).to_be_visible()
    page.keyboard.press("Space")  # ends the countdown and nothing else
    expect(end.locator("[data-left]")).to_be_hidden()
    assert state(page)["ended"]
    at_the_end(page)
    page.wait_for_url(f"**{three.get_absolute_url()}?playlist=*")
    wait_until(page, "!video.paused || video.ended")

    page.keyboard.press("Shift+N")
    page.wait_for_url(f"**{two.get_absolute_url()}?playlist=*")
    wait_until(page, "video.ended")  # it plays automatically; the failed video is skipped
    expect(end).to_contain_text("Play again from the start")
    expect(end.locator("[data-left]")).to_be_hidden()
    queue.get_by_role("button", name="Loop", pressed=False).click()
    at_the_end(page)
    expect(end.locator("[data-left]")).to_be_visible()
    page.get_by_label("Your comment", exact=True).fill("Nobody takes this away")
    expect(end.locator("[data-left]")).to_be_hidden()
    page.keyboard.press("Shift+N")
    expect(page.get_by_label("Your comment", exact=True)).to_have_value("Nobody takes this awayN")
    page.get_by_label("Your comment", exact=True).blur()
    page.keyboard.press("Shift+N")
    page.wait_for_url(f"**{one.get_absolute_url()}?playlist=*")
    expect(queue.get_by_role("button", name="Loop", pressed=True)).to_be_visible()


@pytest.mark.long  # the playlist that plays in a loop goes on outside of it
def test_a_playlist_goes_on_in_full_screen(
    visit: Callable[..., Page], bob: User, video_files: list[Video], problems: list[str]
) -> None:
    """The next video plays in the same page, because a new page would leave full screen."""
    one, two, three, _failed = video_files
    playlist = create_playlist(user=bob, title="Evening")
    for video_file in video_files:
        add_to_playlist(playlist=playlist, video=video_file, user=bob)
    write_comment(video=two, author=bob, text="At 0:01 it begins")
    page = visit(bob, viewport=DESK)
    page.goto("/")
    page.goto(f"{one.get_absolute_url()}?playlist={playlist.short_id}")
    wait_until(page, "video.readyState >= 2 && !video.controls")
    page.keyboard.press("f")
    page.wait_for_function("() => document.fullscreenElement !== null")
    page.keyboard.press("Shift+N")
    page.wait_for_url(f"**{two.get_absolute_url()}?playlist=*")
    wait_until(page, "!video.paused || video.ended")
    assert page.evaluate("document.fullscreenElement !== null")
    assert page.title() == "Two – Clipset"

    # Everything that belongs to the video was replaced.
    expect(page.locator("video.player__video")).to_have_attribute("aria-label", "Two")
    expect(page.locator("clip-up-next [aria-current]")).to_contain_text("Two")
    expect(page.locator(".player__markers i")).to_have_count(1)
    wait_until(page, "video.ended")
    expect(page.locator("clip-end-screen [data-left]")).to_be_visible()
    page.wait_for_url(f"**{three.get_absolute_url()}?playlist=*")
    wait_until(page, "!video.paused || video.ended")
    assert page.evaluate("document.fullscreenElement !== null")
    page.keyboard.press("f")
    page.wait_for_function("() => document.fullscreenElement === null")
    expect(page.get_by_role("heading", level=1)).to_have_text("Three")
    page.get_by_label("Your comment", exact=True).fill("Under the right video")
    page.get_by_role("button", name="Comment", exact=True).click()
    expect(page.get_by_text("Under the right video")).to_be_visible()
    assert three.comments.count() == 1
    for one_of_it in (
        "clip-player",
        "clip-up-next",
        "clip-end-screen",
        "#share",
        "#comment-markers",
    ):
        expect(page.locator(one_of_it)).to_have_count(1)

    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("Two")
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("One")
    page.go_back()
    page.wait_for_url("**/")
    assert problems == []


def test_on_a_phone_rows_are_dragged_and_taken_out_and_put_back(
    visit: Callable[..., Page], bob: User, video_files: list[Video], problems: list[str]
) -> None:
    playlist = create_playlist(user=bob, title="Evening")
    for video_file in video_files:
        add_to_playlist(playlist=playlist, video=video_file, user=bob)
    page = visit(bob, **PHONE)
    page.goto(playlist.get_absolute_url())
    drag(page, "One", behind="Three")
    expect(rows(page)).to_have_text(["Two", "Three", "One", "Failed"])
    wait_for(lambda: stored() == ["Two", "Three", "One", "Failed"])

    page.get_by_role("button", name="Remove Three from this playlist").click()
    expect(rows(page)).to_have_text(["Two", "One", "Failed"])
    expect(page.locator("#playlist-facts")).to_contain_text("3 videos")
    assert stored() == ["Two", "One", "Failed"]
    page.get_by_role("button", name="Undo").click()
    expect(rows(page)).to_have_text(["Two", "Three", "One", "Failed"])

    # Another tab removed one: moving behind it is refused, and the page shows the current list.
    playlist.entries.get(video__title="One").delete()
    drag(page, "Failed", behind="Two")
    wait_for(lambda: stored() == ["Two", "Failed", "Three"])
    drag(page, "Two", behind="One")
    expect(page.locator("#toasts")).to_contain_text("changed in another window")
    expect(rows(page)).to_have_text(["Two", "Failed", "Three"])
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    problems[:] = [it for it in problems if "409" not in it]


def drag(page: Page, title: str, *, behind: str) -> None:
    """Drags a row by touch, with all events that the browser creates."""
    start = page.locator(".entry", has_text=title).locator("[data-grip]").bounding_box()
    end = page.locator(".entry", has_text=behind).bounding_box()
    assert start is not None
    assert end is not None
    x, y = start["x"] + start["width"] / 2, start["y"] + start["height"] / 2
    goal = end["y"] + end["height"] * (0.7 if end["y"] > start["y"] else 1.4)
    session = page.context.new_cdp_session(page)

    def touch(kind: str, *at: float) -> None:
        points = [{"x": x, "y": place} for place in at]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", y)
    for step in range(1, 5):
        touch("touchMove", y + (goal - y) * step / 4)
    page.evaluate(
        "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
    )
    touch("touchEnd")
