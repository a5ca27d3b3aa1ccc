"""The list of what needs attention, by keyboard, on a phone, and while it changes."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from accounts.services.quota_refusals import note_refusal
from siteconfig.roots import TEMP
from tests.browser.conftest import results
from tests.browser.test_access import EVERYTHING, found_by_axe, whole
from tests.builders import make_moderator, make_user, make_video
from tests.parts import axe_core
from videos.models import Job, JobKind, Upload, Video
from videos.services.uploads.create import VideoDetails, create_upload

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from tests.videos import live

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

CURRENT = "document.activeElement.querySelector('h3')?.textContent.trim()"


def make_failed(title: str) -> Video:
    number = Video.objects.count()
    video = make_video(
        title,
        uploader=make_user(f"uploader{number}"),
        status="FAILED",
        source_root=TEMP,
        source_key=f"{number}.mp4",
        created_at=timezone.now() - timedelta(hours=9 - number),
        error_message="Something went wrong while processing this video. Try again.",
    )
    video.source_file.write_bytes(b"x")
    return video


def furnish() -> None:
    for title in ("Beach day", "Concert " + "l" * 80, "Garden"):
        make_failed(title)
    waiting = make_video("Sledging", status="PENDING")
    long_ago = timezone.now() - timedelta(hours=2)
    Job.objects.create(video=waiting, kind=JobKind.ENCODE, run_after=long_ago, created_at=long_ago)
    dora = make_user("dora_long", weekly_upload_bytes=4 * 1024**3)
    note_refusal(user=dora, size=3 * 1024**3)
    details = VideoDetails(title="Wedding")
    create_upload(user=make_user("erin"), size=2 * 1024**2, filename="a.mp4", details=details)
    Upload.objects.update(touched_at=timezone.now() - timedelta(hours=3))


def looked_at(page: Page, name: str) -> list[str]:
    """Takes screenshots in both themes. Returns what is wrong with the page."""
    wrong = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.screenshot(path=results(f"screenshots/{name}-{scheme}.png"), full_page=True)
        wrong += [f"{name}, {scheme}: {it}" for it in found_by_axe(page, EVERYTHING)]
    return wrong + whole(page, name)


def test_the_list_is_worked_through_by_keyboard(
    visit: Callable[..., Page], site: live.Server, problems: list[str]
) -> None:
    furnish()
    page = visit(make_moderator("mona"), viewport={"width": 1280, "height": 900})
    page.goto("/admin/")
    page.evaluate("window.stopped = []")
    page.evaluate(axe_core())
    rows = page.locator("[data-row]:not([data-done])")
    expect(rows).to_have_count(6)
    expect(page.locator("#attention-total")).to_have_text("6")

    # -- From row to row
    page.keyboard.press("j")
    assert page.evaluate(CURRENT) == "Beach day"
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert page.evaluate(CURRENT) == "Garden"
    page.keyboard.press("k")
    page.keyboard.press("k")
    assert page.evaluate("document.querySelectorAll('[data-row][tabindex=\"0\"]').length") == 1
    wrong = looked_at(page, "attention-1280")

    # -- The likely act, by Enter; the next row gets the focus
    page.keyboard.press("Enter")
    expect(page.locator("[data-done]")).to_contain_text("“Beach day” will be processed again.")
    expect(page.locator("#attention-count-failed-videos")).to_have_text("2")
    expect(page.locator("#attention-total")).to_have_text("5")
    page.wait_for_function(f"{CURRENT}.startsWith('Concert')")
    page.keyboard.press("u")
    expect(page.locator("[data-done]")).to_contain_text("Processing of “Beach day” stopped.")

    # -- Not now: away, and back by its undo
    page.wait_for_function(f"{CURRENT}.startsWith('Concert')")
    page.keyboard.press("n")
    expect(page.locator("#attention-away")).to_contain_text("You put 1 row away for a day.")
    page.wait_for_function(f"{CURRENT} === 'Garden'")
    wrong += looked_at(page, "attention-put-away-1280")
    page.keyboard.press("u")
    expect(page.locator("#attention-away")).to_be_empty()
    page.wait_for_function(f"{CURRENT}.startsWith('Concert')")

    # -- The menu
    page.keyboard.press("m")
    expect(page.get_by_role("link", name="Open video")).to_be_focused()
    page.screenshot(path=results("screenshots/attention-menu-1280.png"))
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.localName") == "summary"
    page.keyboard.press("?")
    expect(page.locator("#attention-shortcuts")).to_be_visible()
    wrong += found_by_axe(page, EVERYTHING)
    page.keyboard.press("Escape")

    # -- What comes meanwhile moves nothing
    make_failed("Late")
    page.locator(".attention__title", has_text="Garden").hover()
    page.evaluate("document.querySelector('clip-attention').dispatchEvent(new Event('refresh'))")
    expect(page.get_by_role("button", name="Update the list")).to_be_visible()
    expect(rows).to_have_count(5)
    page.keyboard.press("r")
    expect(rows).to_have_count(6)
    expect(page.locator("#attention-total")).to_have_text("6")
    page.mouse.move(0, 0)

    # -- What the audit log undoes is back in its place, with the focus
    page.get_by_role("button", name="Reset quota: dora_long").click()
    expect(page.locator("[data-done]")).to_contain_text("Weekly quota of dora_long reset.")
    page.keyboard.press("u")
    expect(page.locator("article", has_text="dora_long")).to_be_focused()
    expect(rows).to_have_count(6)

    # -- An act that fails stays, with its reason
    Video.objects.get(title="Garden").source_file.unlink()
    page.get_by_role("button", name="Retry: Garden").click()
    garden = page.locator("article", has_text="Garden")
    expect(garden.get_by_role("alert")).to_contain_text("missing from the server's disk")
    problems.clear()  # the browser logs the status 422

    # -- On a phone
    page.set_viewport_size({"width": 390, "height": 844})
    page.locator("summary").first.click()
    wrong += looked_at(page, "attention-390")
    page.goto("/users/")
    expect(page.get_by_role("link", name="Needs attention, 6")).to_be_visible()
    page.screenshot(path=results("screenshots/attention-bar-390.png"))
    page.set_viewport_size({"width": 320, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") == 320
    page.set_viewport_size({"width": 390, "height": 844})
    page.locator(".bottom-bar__item", has_text="You").click()
    expect(page.get_by_role("link", name="Admin 6 need attention")).to_be_visible()
    page.set_viewport_size({"width": 1280, "height": 844})
    expect(page.get_by_role("link", name="Needs attention, 6")).to_be_visible()
    page.screenshot(path=results("screenshots/attention-bar.png"))
    assert wrong == []
