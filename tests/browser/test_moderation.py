"""Moderators at work on the site's own pages: how many clicks each act takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.builders import make_category, make_moderator, make_video
from videos.models import Job, Video
from videos.services.comments import write_comment

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Locator, Page

    from accounts.models import User
    from tests.videos import live

pytestmark = [
    pytest.mark.browser,
    pytest.mark.long,
    pytest.mark.django_db(transaction=True),
]


@dataclass
class Hand:
    """Clicks, and counts how often."""

    clicks: int = 0

    def click(self, element: Locator) -> None:
        element.click()
        self.clicks += 1


def failed_video(site: live.Server, bob: User) -> Video:
    """A video that failed on our side, so that it can be retried."""
    (site.media / "temp" / "upload-x").mkdir(parents=True)
    (site.media / "temp" / "upload-x" / "source.mp4").write_bytes(b"x")
    video = make_video(
        "Lost",
        uploader=bob,
        status="FAILED",
        error_message="The site's disk is full.",
        source_root="temp",
        source_key="upload-x/source.mp4",
    )
    Job.objects.create(video=video, state="FAILED", attempts=3, failures=3)
    return video


def stored(video: Video) -> Video:
    return Video.objects.get(pk=video.pk)


@pytest.mark.parametrize("width", [390, 1280])
def test_each_act_takes_few_clicks_and_its_undo_one(
    visit: Callable[..., Page], site: live.Server, bob: User, width: int, problems: list[str]
) -> None:
    failed, video = failed_video(site, bob), make_video("Concert", uploader=bob)
    music = make_category("Music")
    page = visit(make_moderator("mona"), viewport={"width": width, "height": 844})
    undo = page.get_by_role("button", name="Undo")

    page.goto("/profile/bob/")
    hand = Hand()
    hand.click(page.get_by_role("link", name="Lost"))
    hand.click(page.get_by_role("button", name="Moderate"))
    menu = page.locator("#moderate")
    expect(menu).to_contain_text("The site's disk is full.")
    expect(menu).to_contain_text("3 attempts")
    assert hand.clicks == 2
    hand.click(menu.get_by_role("button", name="Try again"))
    expect(page.locator("#status")).to_contain_text("In the queue")
    assert hand.clicks == 3
    assert not stored(failed).is_failed

    page.goto(video.get_absolute_url())
    hand = Hand()
    hand.click(page.get_by_role("button", name="Moderate"))
    hand.click(menu.get_by_role("button", name="Copyright or privacy"))
    expect(page.locator("#watch-facts")).to_contain_text("Copyright or privacy")
    expect(menu).to_be_hidden()
    assert (hand.clicks, stored(video).hidden_reason) == (2, "PRIVACY")
    undo.click()
    expect(page.locator("#watch-facts")).not_to_contain_text("Hidden")
    expect(page.locator("clip-toast", has_text="Undone: Hid the video")).to_be_focused()
    assert not stored(video).is_hidden

    hand = Hand()
    hand.click(page.get_by_role("button", name="Moderate"))
    hand.click(menu.get_by_text("Move to a category"))
    hand.click(menu.get_by_role("button", name="Music"))
    expect(page.locator("#watch-facts")).to_contain_text("Music")
    assert (hand.clicks, stored(video).category) == (3, music)
    expect(page.get_by_role("status").get_by_text("Moved to Music")).to_be_visible()
    page.locator("clip-toast", has_text="Moved to Music").get_by_role("button", name="Undo").click()
    expect(page.locator("#watch-facts")).not_to_contain_text("Music")
    assert stored(video).category is None
    page.close()
    problems.clear()  # the videos have no files


def test_the_keyboard_alone_hides_a_video_and_a_comment(
    visit: Callable[..., Page], bob: User, problems: list[str]
) -> None:
    video = make_video("Concert", uploader=bob)
    comment = write_comment(video=video, author=bob, text="Nonsense")
    page = visit(make_moderator("mona"))
    page.goto(video.get_absolute_url())
    page.locator("#moderate-button").focus()
    page.keyboard.press("Enter")
    page.locator("#moderation .reasons").wait_for()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Not for this group")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#watch-facts")).to_contain_text("Not for this group")
    expect(page.locator("#moderate-button")).to_be_focused()

    page.locator(f"#comment-{comment.pk} a", has_text="Hide").focus()
    page.keyboard.press("Enter")
    page.locator(".comment__reasons").wait_for()
    for _ in range(3):  # over "Report" and "Delete"
        page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Not for this group")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(f"#comment-{comment.pk}")).to_contain_text("Hidden by a moderator")
    comment.refresh_from_db()
    assert comment.is_hidden

    # "Something else" asks for words first.
    page.get_by_role("button", name="Moderate").click()
    page.locator("#moderate").get_by_role("button", name="Unhide").click()
    expect(page.locator("#watch-facts")).not_to_contain_text("Hidden")
    page.get_by_role("button", name="Moderate").click()
    page.locator("#moderate").get_by_role("button", name="Something else").click()
    expect(page.locator("#moderation-text")).to_be_focused()
    page.keyboard.type("Too loud")
    page.locator("#moderate").get_by_role("button", name="Something else").click()
    expect(page.locator("#watch-facts")).to_contain_text("Too loud")
    page.close()
    problems.clear()  # the video has no file
