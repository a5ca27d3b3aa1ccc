"""Cards of videos: the preview, the menu, and videos that are not ready yet."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests import clips
from tests.builders import make_user, make_video
from tests.videos.stored_videos import kept_video
from videos.models import Job, Video

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Locator, Page

    from accounts.models import User

pytestmark = [
    pytest.mark.browser,
    pytest.mark.ffmpeg,
    pytest.mark.django_db(transaction=True),
]

PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "has_touch": True,
    "is_mobile": True,
}
PASS = """(card, [x, y]) => {
    const at = { clientX: x, clientY: y, pointerType: "mouse" };
    card.dispatchEvent(new PointerEvent("pointermove", at));
    card.dispatchEvent(new PointerEvent("pointerleave", at));
}"""
SEEN = "card => card.querySelector('canvas')?.toDataURL()"


def video_file(user: User, **fields: object) -> Video:
    video = kept_video(user, clips.h264_mp4(seconds=8, size="320x180", fps="10", gop=10))
    Video.objects.filter(pk=video.pk).update(**fields)
    video.refresh_from_db()
    return video


def card_of(page: Page, title: str) -> Locator:
    return page.locator(".video-card").filter(has_text=title)


def place(card: Locator, share: float) -> tuple[float, float]:
    """Returns a point in the thumbnail; `share` of its width from the left."""
    box = card.locator(".thumbnail").bounding_box()
    assert box is not None
    return box["x"] + share * box["width"], box["y"] + box["height"] / 2


def test_the_pointer_looks_through_a_video_and_its_menu_puts_it_into_a_playlist(
    visit: Callable[..., Page], bob: User, problems: list[str]
) -> None:
    alice = make_user("alice")
    harbour = video_file(alice, title="Harbour")
    passed = make_video("Passed", uploader=alice, storyboard_grid=harbour.storyboard_grid)
    making = make_video("Making", uploader=bob, status="PROCESSING")
    Job.objects.create(video=making, progress=10)
    asked: list[str] = []
    page = visit(bob, permissions=["clipboard-write"])
    page.on("request", lambda request: asked.append(request.url.partition("/v/")[2]))
    page.goto("/")

    # -- The preview
    card = card_of(page, "Harbour")
    before = card.evaluate("card => card.outerHTML")
    page.mouse.move(*place(card, 0.9))  # the first move loads the script
    page.wait_for_function("() => !!customElements.get('clip-storyboard')")
    page.mouse.move(0, 0)
    # In one task of the page: on a busy machine a real pointer rests between two moves.
    card_of(page, "Passed").evaluate(PASS, place(card_of(page, "Passed"), 0.5))
    page.mouse.move(*place(card, 0.1))
    page.mouse.move(*place(card, 0.11))
    expect(card.locator("canvas")).to_be_visible()
    early = card.evaluate(SEEN)
    page.mouse.move(*place(card, 0.9))
    assert card.evaluate(SEEN) != early
    assert card.locator(".thumbnail__scrub progress").evaluate("it => it.value") == pytest.approx(
        0.9, abs=0.01
    )
    page.mouse.move(*place(card, 0.11))
    assert card.evaluate(SEEN) == early
    page.mouse.move(0, 0)
    expect(card.locator(".thumbnail__scrub")).to_have_count(0)
    assert card.evaluate("card => card.outerHTML") == before
    boards = [it for it in asked if "storyboard" in it]
    assert [it.partition("?")[0] for it in boards] == [
        f"{harbour.short_id}/storyboard.vtt",
        f"{harbour.short_id}/storyboard.jpg",
    ]
    with page.expect_response(f"**/v/{passed.short_id}/storyboard.jpg*") as missing:
        page.mouse.move(*place(card_of(page, "Passed"), 0.5))
    assert missing.value.status == 404
    page.mouse.move(0, 0)

    # -- Its menu, by keyboard
    button = card.get_by_role("button", name="More options for Harbour")
    menu = page.get_by_role("dialog", name="Harbour")
    button.focus()
    page.keyboard.press("Enter")
    expect(menu).to_be_visible()
    menu.get_by_label("Name your first playlist").fill("For Sunday")
    expect(page.locator(".htmx-added")).to_have_count(0)  # htmx handles the form from now on
    page.keyboard.press("Enter")
    expect(menu.get_by_role("button", name="For Sunday", pressed=True)).to_be_visible()
    expect(page.get_by_text("Added to")).to_be_visible()
    assert bob.playlists.get().entries.get().video == harbour
    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()
    expect(button).to_be_focused()
    button.click()
    menu.get_by_role("button", name="Copy link").click()
    expect(page.get_by_text("Link copied")).to_be_visible()
    expect(button).to_be_focused()
    search = page.get_by_role("searchbox").first
    search.press("ControlOrMeta+v")  # pages may not read the clipboard themselves
    assert search.input_value().endswith(harbour.get_absolute_url())
    search.fill("")
    button.click()
    menu.get_by_role("link", name="Report").press("Enter")
    report = page.get_by_role("dialog", name="Report this video")
    expect(report).to_contain_text("Harbour")
    expect(menu).to_be_hidden()
    page.keyboard.press("Escape")
    expect(button).to_be_focused()
    card_of(page, "Passed").get_by_role("button", name="More options for").click()
    expect(page.get_by_role("dialog", name="Passed")).to_be_visible()
    expect(page.get_by_role("button", name="For Sunday", pressed=False)).to_be_visible()
    page.keyboard.press("Escape")

    # -- Videos that are not ready yet
    Job.objects.update(progress=57)
    expect(card_of(page, "Making")).to_contain_text("57%")
    Job.objects.all().delete()
    Video.objects.filter(pk=making.pk).update(processing_status="COMPLETED")
    expect(page.get_by_text("“Making” is ready.")).to_be_visible()
    expect(card_of(page, "Making")).to_contain_text("Ready")
    expect(page.locator("clip-status")).to_have_count(0)
    problems[:] = [it for it in problems if not re.search("Failed to load resource.*404", it)]


def test_a_tap_opens_a_video_and_a_held_finger_looks_through_it(
    visit: Callable[..., Page], bob: User
) -> None:
    harbour = video_file(make_user("alice"), title="Harbour")
    page = visit(bob, **PHONE)
    page.goto("/")
    page.wait_for_function("() => !!customElements.get('clip-storyboard')")
    card = card_of(page, "Harbour")
    finger = page.context.new_cdp_session(page)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        at = [{"x": x, "y": y} for x, y in points]
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})

    page.touchscreen.tap(*place(card, 0.5))
    page.wait_for_url(f"**{harbour.get_absolute_url()}")
    page.goto("/")
    page.wait_for_function("() => !!customElements.get('clip-storyboard')")
    touch("touchStart", place(card, 0.2))
    expect(card.locator("canvas")).to_be_visible()
    early = card.evaluate(SEEN)
    for share in (0.4, 0.6, 0.8):
        touch("touchMove", place(card, share))
    page.wait_for_function(
        "() => document.querySelector('.thumbnail__scrub progress')?.value > 0.75"
    )
    assert card.evaluate(SEEN) != early
    touch("touchEnd")
    expect(card.locator(".thumbnail__scrub")).to_have_count(0)
    assert "/v/" not in page.url
