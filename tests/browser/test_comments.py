"""Comments, likes and notifications as members use them, with scripts and without."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from accounts.models import Session
from clipset.lib.unavailable import BUSY
from tests.browser.conftest import PASSWORD
from tests.builders import make_user, make_video
from tests.examples import one_in
from videos.models import Comment, Like, Notification, NotificationKind
from videos.selectors.comments import PAGE_SIZE as THREADS
from videos.selectors.notifications import PAGE_SIZE as NOTIFICATIONS
from videos.services.comments import write_comment

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from accounts.models import User

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

SEEKS = """
    window.seeks = [];
    document.addEventListener("clip-seek", (event) => window.seeks.push(event.detail.seconds));
"""


def comment(page: Page, text: str) -> None:
    page.get_by_label("Your comment", exact=True).fill(text)
    page.get_by_role("button", name="Comment", exact=True).click()


@pytest.mark.parametrize("scripts", one_in(2, {"scripts": True, "no scripts": False}))
def test_members_comment_on_a_video(
    visit: Callable[..., Page], bob: User, problems: list[str], scripts: bool
) -> None:
    """Write, reply, edit, delete, undo; with scripts without leaving the page."""
    video = make_video("Sea", uploader=bob)
    address = video.get_absolute_url()
    page = visit(make_user("alice"), java_script_enabled=scripts)
    page.add_init_script(SEEKS)
    page.goto(address)
    if scripts:
        page.evaluate("window.here = true")

    comment(page, "Look at 0:42")
    expect(page.get_by_role("link", name="0:42")).to_be_visible()
    expect(page.locator("#comment-count")).to_have_text("1")
    one = page.get_by_label("Comment by alice")
    one.get_by_role("link", name="Edit").click()
    page.get_by_label("Edit your comment").fill("Look at 0:43 <b>there</b>")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(one).to_contain_text("0:43 <b>there</b>")
    expect(one).to_contain_text("edited")

    one.get_by_role("link", name="Reply").click()
    page.get_by_label("Reply to alice").fill("I mean the left one")
    page.get_by_role("button", name="Reply", exact=True).click()
    expect(page.locator(".replies")).to_contain_text("I mean the left one")

    page.locator(".replies").get_by_role("button", name="Delete").click()
    expect(page.locator(".replies")).to_contain_text("Comment deleted.")
    assert Comment.objects.present().count() == 1
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".replies")).to_contain_text("I mean the left one")
    assert Comment.objects.present().count() == 2

    page.get_by_role("button", name="Like").click()
    expect(page.get_by_role("button", name="Like")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("[data-count]")).to_have_text("1")

    if scripts:
        page.get_by_role("link", name="0:43").click()
        assert page.evaluate("window.seeks") == [43]
        assert page.evaluate("window.here") is True, "a page was loaded again"
    else:
        page.get_by_role("link", name="0:43").click()
        expect(page).to_have_url(f"{address}?t=43")
    problems[:] = [it for it in problems if "404" not in it]  # the video has no file

    reader = visit(bob, java_script_enabled=scripts)
    reader.goto("/")
    reader.get_by_role("link", name="Notifications, 2 unread").click()
    reader.get_by_role("link", name=re.compile("alice commented on Sea")).first.click()
    expect(reader.locator(".comment--focus")).to_contain_text("I mean the left one")
    reader.goto("/notices/")
    reader.get_by_role("button", name="Mark all as read").click()
    expect(reader.get_by_role("link", name="Notifications", exact=True)).to_be_visible()
    problems[:] = [it for it in problems if "404" not in it]


def test_what_the_site_refuses_is_taken_back_and_told(
    visit: Callable[..., Page], bob: User, problems: list[str]
) -> None:
    """A like that fails is taken back, typed text stays, and the keyboard alone is enough."""
    video = make_video("Sea", uploader=bob)
    first = write_comment(video=video, author=bob, text="First")
    page = visit(bob)
    page.goto(video.get_absolute_url())
    page.route("**/like/", lambda route: route.abort())
    like = page.get_by_role("button", name="Like")
    like.click()
    expect(page.locator("#toasts")).to_contain_text("Couldn't connect.")
    expect(like).to_have_attribute("aria-pressed", "false")
    assert not Like.objects.exists()

    page.locator(f"#comment-{first.pk}").get_by_role("link", name="Reply").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Reply to bob")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="Reply to bob")).to_be_focused()

    box = page.get_by_label("Your comment", exact=True)
    box.fill("   ")
    box.blur()
    # Pressing the button gives the form the focus: the button must stay under the pointer.
    page.get_by_role("button", name="Comment", exact=True).click()
    expect(page.get_by_role("alert")).to_have_text("Enter a comment.")
    expect(box).to_be_focused()
    page.get_by_role("button", name="Add time").click()
    expect(box).to_have_value(re.compile("^0:00 "))
    box.fill("Said by keyboard")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_label("Comment by bob").first).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator(".threads")).to_contain_text("Said by keyboard")
    problems[:] = [
        it for it in problems if "404" not in it and "422" not in it and "ERR_FAILED" not in it
    ]


def test_whoever_was_logged_out_while_writing_loses_nothing(
    visit: Callable[..., Page], bob: User, problems: list[str]
) -> None:
    """The log-in opens in another tab and makes a new CSRF token, which the page picks up."""
    video = make_video("Sea", uploader=bob)
    page = visit(bob)
    page.goto(video.get_absolute_url())
    page.evaluate("window.here = true")
    Session.objects.all().delete()
    for _ in range(2):
        comment(page, "Many good words")
    page.get_by_role("button", name="Like").click()
    toasts = page.locator("#toasts")
    expect(toasts.locator("clip-toast")).to_have_count(1)
    expect(toasts).to_contain_text("You've been logged out.")
    expect(page.get_by_role("button", name="Like")).to_have_attribute("aria-pressed", "false")

    with page.context.expect_page() as opened:
        toasts.get_by_role("link", name="Log in again (opens a new tab)").click()
    beside = opened.value
    beside.get_by_label("Username or e-mail").fill("bob")
    beside.locator("input[name=password]").fill(PASSWORD)
    beside.get_by_role("button", name="Log in").click()
    expect(beside).to_have_url(re.compile(re.escape(video.get_absolute_url())))
    beside.close()

    box = page.get_by_label("Your comment", exact=True)
    expect(box).to_have_value("Many good words")
    page.get_by_role("button", name="Comment", exact=True).click()
    expect(page.get_by_label("Comment by bob")).to_contain_text("Many good words")
    expect(box).to_have_value("")
    page.context.clear_cookies(name="csrftoken")
    page.get_by_role("button", name="Like").click()
    page.wait_for_function("() => !document.querySelector('clip-like').sending")
    assert Like.objects.count() == Comment.objects.count() == 1
    expect(toasts.locator("clip-toast")).to_have_count(1)

    # Another member is logged in now: nothing is sent in their name.
    page.evaluate("document.body.dataset.member = '0'")
    page.context.clear_cookies(name="csrftoken")
    comment(page, "By whom?")
    expect(toasts).to_contain_text("Reload the page and try again.")
    expect(box).to_have_value("By whom?")
    assert Comment.objects.count() == 1
    assert page.evaluate("window.here") is True, "a page was loaded again"
    problems[:] = [it for it in problems if not re.search("40[134]", it)]


def test_lists_go_on_where_one_was_and_show_nothing_twice(
    visit: Callable[..., Page], bob: User, problems: list[str]
) -> None:
    """Lists are continued by keyboard, and a failure is shown."""
    video = make_video("Sea", uploader=bob)
    old = write_comment(video=video, author=bob, text="An old one")
    Comment.objects.bulk_create(
        Comment(video=video, author=bob, text=f"Thread {number}") for number in range(2 * THREADS)
    )
    root = Comment.objects.create(video=video, author=bob, text="The newest")
    Comment.objects.bulk_create(
        Comment(video=video, author=bob, text=f"Reply {number}", parent=root) for number in range(6)
    )
    page = visit(bob)
    busy = {"body": BUSY.sentence, "content_type": "text/plain"}
    page.goto(f"{video.get_absolute_url()}?comment={old.pk}")

    page.locator(f"#comment-{root.pk}").get_by_role("link", name="Reply").click()
    page.get_by_label("Reply to bob").fill("Mine")
    # While the database is busy, the site's sentence is shown and the typed text stays.
    page.route("**/comments/**", lambda route: route.fulfill(status=503, **busy))
    page.get_by_role("button", name="Reply", exact=True).click()
    expect(page.locator("#toasts")).to_contain_text(BUSY.sentence)
    expect(page.get_by_label("Reply to bob")).to_have_value("Mine")
    page.unroute("**/comments/**")
    page.get_by_role("button", name="Reply", exact=True).click()
    replies = page.locator(f"#replies-{root.pk} .comment__text")
    expect(replies).to_have_count(4)
    more = page.get_by_role("link", name="Show more replies")
    page.route("**/comments/*/?after=*", lambda route: route.fulfill(status=500, body="Oh"))
    more.press("Enter")
    expect(page.locator("#toasts")).to_contain_text("Something went wrong.")
    page.unroute("**/comments/*/?after=*")
    more.press("Enter")
    expect(replies).to_have_text([*(f"Reply {number}" for number in range(6)), "Mine"])
    expect(page.locator(f"#replies-{root.pk} article:focus")).to_contain_text("Reply 3")

    for place in (THREADS, 2 * THREADS):
        page.get_by_role("link", name="Show older comments").press("Enter")
        row = page.locator("#threads > li").nth(place + 1)
        expect(row.locator("> article")).to_be_focused()
    expect(page.locator("#threads > li")).to_have_count(2 * THREADS + 2)
    expect(page.locator(f"#comment-{old.pk}")).to_have_count(1)

    mine = Comment.objects.get(text="Mine")
    page.goto(f"{video.get_absolute_url()}?comment={mine.pk}")
    expect(replies).to_have_text(["Mine"])
    page.get_by_role("link", name="Show all replies").press("Enter")
    expect(replies).to_have_count(7)
    expect(page.locator(f"#replies-{root.pk} article").first).to_be_focused()
    problems[:] = [it for it in problems if not re.search("404|500|503", it)]


def test_a_form_is_sent_once_and_again_after_a_stop(
    visit: Callable[..., Page], bob: User, problems: list[str]
) -> None:
    """Loads older notifications, the first of which gets the focus."""
    video = make_video("Sea", uploader=bob)
    kind = NotificationKind.PROCESSED
    Notification.objects.bulk_create(
        Notification(member=bob, kind=kind, video=video) for _ in range(NOTIFICATIONS + 1)
    )
    page = visit(bob)
    page.clock.install()
    page.goto("/notices/")
    page.get_by_role("link", name="Show older").press("Enter")
    expect(page.locator(".notification").nth(NOTIFICATIONS).get_by_role("link")).to_be_focused()
    # As if Stop had been pressed at once.
    page.evaluate(
        """window.sent = 0;
        addEventListener("submit", (event) => {
            if (!event.defaultPrevented) window.sent += 1;
            event.preventDefault();
        });"""
    )
    for times in range(1, 3):
        page.get_by_role("button", name="Mark all as read").dblclick()
        assert page.evaluate("window.sent") == times
        page.clock.run_for(10_000)
    problems[:] = [it for it in problems if "404" not in it]
