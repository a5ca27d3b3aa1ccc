"""Finding a video by its captions, by keyboard alone and by touch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests import clips
from tests.builders import make_caption, make_user
from tests.videos.stored_videos import kept_video

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


@pytest.fixture
def video(bob: User) -> Video:
    alice = make_user("alice")
    video = kept_video(
        alice, clips.h264_mp4(seconds=3, size="640x360"), is_enriched=False, title="Été à la mer"
    )
    body = "WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nThe nightingale sings\n"
    make_caption(video, body)
    return video


def test_by_keyboard_alone_from_anywhere_to_the_moment(
    visit: Callable[..., Page], bob: User, video: Video
) -> None:
    page = visit(bob)
    page.goto("/categories/")
    page.keyboard.press("/")
    page.keyboard.type("ete nighting")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="“ete nighting”")).to_be_visible()
    expect(page.locator("mark").first).to_have_text("Été")
    said = page.get_by_role("link", name="Spoken at 0:01")
    for _ in range(40):
        page.keyboard.press("Tab")
        if said.evaluate("it => it === document.activeElement"):
            break
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{video.get_absolute_url()}?t=1")


def test_by_thumb_on_a_phone(visit: Callable[..., Page], bob: User, video: Video) -> None:
    page = visit(bob, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page.goto("/")
    page.get_by_role("button", name="Search", exact=True).tap()
    field = page.get_by_role("searchbox", name="Search videos")
    expect(field).to_be_focused()
    field.fill("MER ali")
    field.press("Enter")
    expect(page.get_by_text("1 video", exact=True)).to_be_visible()
    page.get_by_role("link", name="Été à la mer").tap()
    page.wait_for_url(f"**{video.get_absolute_url()}")


def test_a_member_is_found_in_the_directory(visit: Callable[..., Page], video: Video) -> None:
    page = visit(video.uploaded_by)
    page.goto("/users/")
    field = page.get_by_role("searchbox", name="Search members by name")
    field.fill("ali")
    field.press("Enter")
    expect(page.get_by_role("listitem").filter(has=page.locator("mark"))).to_have_count(1)
    page.get_by_role("link", name="alice").click()
    page.wait_for_url("**/profile/alice/")
