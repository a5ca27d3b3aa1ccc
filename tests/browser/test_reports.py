"""The whole life of a report, by three people."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.builders import make_moderator, make_user, make_video
from videos.models import Report, Video
from videos.services.comments import write_comment

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from accounts.models import User

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_report_from_the_member_to_the_moderator_to_the_uploader(
    visit: Callable[..., Page], bob: User, problems: list[str]
) -> None:
    """In place on the member's page; three clicks of the moderator from a page of the site."""
    video = make_video("Sea", uploader=bob)
    write_comment(video=video, author=bob, text="Look")
    member = visit(make_user("alice"))
    member.goto(video.get_absolute_url())
    member.evaluate("window.here = true")
    member.get_by_role("link", name="Report", exact=True).press("Enter")
    sheet = member.get_by_role("dialog", name="Report this video")
    expect(sheet.get_by_label("Not for this group")).to_be_focused()
    sheet.get_by_label("What is wrong").fill("I am in it")
    sheet.get_by_role("button", name="Cancel").click()
    expect(sheet).to_be_hidden()
    expect(member.get_by_role("link", name="Report", exact=True)).to_be_focused()
    member.get_by_role("link", name="Report", exact=True).click()
    expect(sheet.get_by_label("What is wrong")).to_have_value("I am in it")
    sheet.get_by_label("Something else").check()
    sheet.get_by_label("What is wrong").fill(" ")
    sheet.get_by_role("button", name="Send report").click()
    expect(sheet.locator(".field__error:visible")).to_have_text("Tell us what is wrong.")
    sheet.get_by_label("I'm in it and don't want to be").check()
    sheet.get_by_role("button", name="Send report").click()
    sent = member.get_by_role("dialog", name="Report sent")
    expect(sent).to_contain_text("You'll be notified")
    sent.get_by_role("button", name="Close").click()
    member.get_by_role("link", name="Report the comment by bob").click()
    expect(member.get_by_role("dialog", name="Report this comment")).to_contain_text("Look")
    member.keyboard.press("Escape")
    assert member.evaluate("window.here") is True, "a page was loaded again"
    assert Report.objects.get().reason == "PICTURED"

    moderator = visit(make_moderator("mona"))
    moderator.goto("/")
    moderator.get_by_role("link", name="Needs attention, 1").click()
    moderator.get_by_role("link", name="“Sea”").click()
    moderator.get_by_label("Message to the reporter").fill("It is hidden now.")
    moderator.get_by_label("Message to bob").fill("Ask people before you show them.")
    moderator.get_by_role("button", name="Hide video and resolve").click()
    expect(moderator.locator(".messagelist")).to_contain_text("1 report resolved")
    assert Video.objects.get().is_hidden
    moderator.goto("/admin/")
    expect(moderator.locator("#content")).to_contain_text("Nothing needs attention.")

    member.goto("/notices/")
    expect(member.locator(".notification")).to_contain_text("It is hidden now.")
    member.get_by_role("link", name="Your report was resolved").click()
    expect(member.locator(".own-report")).to_contain_text("Moderators acted on your report.")
    uploader = visit(bob)
    uploader.goto("/notices/")
    expect(uploader.locator(".notification")).to_contain_text("Ask people before you show them.")
    assert "alice" not in uploader.content()
    expect(uploader.get_by_role("link", name="A moderator hid Sea")).to_be_visible()
    problems[:] = [it for it in problems if "404" not in it and "422" not in it]
