"""Moderators at work on the site's own pages: how many clicks each act takes, and its undo.

By the pointer, by a thumb on a phone, and by the keyboard alone, which checks also that the focus
is visible wherever it goes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import pytest
from playwright.sync_api import expect

from accounts.models import User
from siteconfig.models import Config
from tests.browser.input import Keys, Thumb
from tests.builders import make_admin, make_category, make_moderator, make_user, make_video
from tests.processes import wait_for
from videos.models import Comment, Job, Report, Video
from videos.services.comments import write_comment
from videos.services.hiding import hide_comment, hide_video
from videos.services.reports import report_video

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Locator, Page

    from tests.videos import live

pytestmark = [
    pytest.mark.browser,
    pytest.mark.long,
    pytest.mark.django_db(transaction=True),
]


@dataclass
class Hand:
    """Clicks, taps or presses, and counts how often. It is the pointer's without a `way`."""

    way: Keys | Thumb | None = None
    clicks: int = 0

    def click(self, element: Locator) -> None:
        element.click() if self.way is None else self.way.use(element)
        self.clicks += 1

    def write(self, element: Locator, text: str) -> None:
        """Replaces what is in a field, which is no click."""
        if isinstance(self.way, Keys):
            self.way.write(element, text)  # a field that Tab leads to is selected
        else:
            element.fill(text)

    def choose(self, element: Locator, label: str) -> None:
        """Chooses from a list, which is no click."""
        if isinstance(self.way, Keys):
            self.way.write(element, label)
        else:
            element.select_option(label=label)


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


# -- Undo: each act, and one click that undoes it --------------------------------------------------


@dataclass
class Site:
    """The page of a moderator or an admin, the hand at work on it, and what it works on."""

    page: Page
    hand: Hand
    bob: User

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def open(self, path: str) -> None:
        self.page.goto(path)
        self.hand.clicks = 0

    def moderate(self, video: Video) -> Locator:
        self.open(video.get_absolute_url())
        self.hand.click(self.button("Moderate"))
        return self.page.locator("#moderate")

    def video(self, **fields: Any) -> Video:
        return make_video("Concert", uploader=self.bob, **fields)

    def comment(self) -> Comment:
        return write_comment(video=self.video(), author=self.bob, text="Nonsense")

    def press(self, comment: Comment, name: str) -> None:
        """Presses a link or a button of a comment."""
        self.hand.click(
            self.page.locator(f"#comment-{comment.pk} .comment__action").filter(
                has_text=re.compile(f"^{name}")
            )
        )


# A journey does its act from a page of the site, and says in how many clicks at most that may be
# and what the act changes: it returns a function whose result the undo brings back.
Journey: TypeAlias = "Callable[[Site], Callable[[], object]]"
JOURNEYS: Final[dict[str, tuple[int, Journey]]] = {}


def takes(clicks: int) -> Callable[[Journey], Journey]:
    def add(journey: Journey) -> Journey:
        JOURNEYS[journey.__name__] = (clicks, journey)
        return journey

    return add


@takes(2)
def hide(site: Site) -> Callable[[], object]:
    video = site.video()
    site.hand.click(site.moderate(video).get_by_role("button", name="Harassment"))
    return lambda: stored(video).is_hidden


@takes(2)
def unhide(site: Site) -> Callable[[], object]:
    video = site.video()
    hide_video(video=video, by=make_moderator(), reason="HARASSMENT")
    site.hand.click(site.moderate(video).get_by_role("button", name="Unhide"))
    return lambda: stored(video).is_hidden


@takes(3)
def move(site: Site) -> Callable[[], object]:
    video, music = site.video(), make_category(created_by=site.bob)
    menu = site.moderate(video)
    site.hand.click(menu.locator("summary", has_text="Move to a category"))
    site.hand.click(menu.get_by_role("button", name=music.name))
    return lambda: stored(video).category


@takes(3)
def trash(site: Site) -> Callable[[], object]:
    video = site.video()
    site.open(video.get_absolute_url())
    site.hand.click(site.button("More"))
    site.hand.click(site.page.get_by_role("link", name="Delete", exact=True))
    site.hand.click(site.button("Move to trash"))
    return lambda: stored(video).is_trashed


@takes(2)
def hide_a_comment(site: Site) -> Callable[[], object]:
    comment = site.comment()
    site.open(comment.video.get_absolute_url())
    site.press(comment, "Hide")
    reasons = site.page.locator(".comment__reasons")
    site.hand.click(reasons.get_by_role("button", name="Harassment"))
    return lambda: Comment.objects.get(pk=comment.pk).is_hidden


@takes(1)
def unhide_a_comment(site: Site) -> Callable[[], object]:
    comment = site.comment()
    hide_comment(comment=comment, by=make_moderator(), reason="HARASSMENT")
    site.open(comment.video.get_absolute_url())
    site.press(comment, "Unhide")
    return lambda: Comment.objects.get(pk=comment.pk).is_hidden


@takes(1)
def delete_a_comment(site: Site) -> Callable[[], object]:
    comment = site.comment()
    site.open(comment.video.get_absolute_url())
    site.press(comment, "Delete")
    return lambda: Comment.objects.get(pk=comment.pk).is_deleted


@takes(1)
def deactivate(site: Site) -> Callable[[], object]:
    site.open(site.bob.get_absolute_url())
    site.hand.click(site.button("Deactivate"))
    return lambda: User.objects.get(pk=site.bob.pk).is_active


@takes(2)
def set_a_quota(site: Site) -> Callable[[], object]:
    site.open(site.bob.get_absolute_url())
    site.hand.click(site.page.locator("summary", has_text="Set quota"))
    site.hand.write(site.page.get_by_label("Custom weekly limit"), "10 GB")
    site.hand.click(site.button("Save limit"))
    return lambda: User.objects.get(pk=site.bob.pk).weekly_upload_limit_bytes


@takes(2)
def set_a_role(site: Site) -> Callable[[], object]:
    site.open(site.bob.get_absolute_url())
    site.hand.click(site.page.get_by_role("link", name="Open in admin"))
    site.hand.choose(site.page.get_by_label("Role"), "Moderator")
    site.hand.click(site.button("Save"))
    return lambda: User.objects.get(pk=site.bob.pk).role


@takes(3)
def handle_a_report(site: Site) -> Callable[[], object]:
    video = site.video()
    report_video(video=video, reporter=make_user(), reason="HARASSMENT")
    site.hand.click(site.moderate(video).get_by_role("link", name="Harassment"))
    site.hand.click(site.button("Hide video and resolve"))
    return lambda: (stored(video).is_hidden, Report.objects.get(video=video).state)


@takes(2)
def handle_a_report_from_the_list(site: Site) -> Callable[[], object]:
    video = site.video()
    report = report_video(video=video, reporter=make_user(), reason="HARASSMENT")
    site.open("/users/")
    site.hand.click(site.page.get_by_role("link", name="Needs attention"))
    site.hand.click(site.page.locator(f"#row-reports-{report.pk} [data-likely]"))
    return lambda: (stored(video).is_hidden, Report.objects.get(video=video).state)


@takes(2)
def configure(site: Site) -> Callable[[], object]:
    site.open("/admin/siteconfig/config/")
    site.hand.write(site.page.get_by_label("Days to keep the trash"), "7")
    site.hand.click(site.button("Save"))
    return lambda: Config.objects.get().trash_days


def act_and_undo(site: Site, name: str) -> None:
    most, journey = JOURNEYS[name]
    state = journey(site)
    undo = site.page.get_by_role("button", name=re.compile("^Undo"))
    undo.wait_for()
    changed = state()
    assert site.hand.clicks <= most, name
    undoing = Hand(site.hand.way)
    undoing.click(undo)
    wait_for(lambda: state() != changed, name=f"undo of {name}")
    assert undoing.clicks == 1, name


@pytest.mark.parametrize("way", [None, Thumb(), Keys()], ids=["pointer", "thumb", "keyboard"])
def test_an_undo_takes_one_click(
    visit: Callable[..., Page], bob: User, way: Keys | Thumb | None, problems: list[str]
) -> None:
    look = way.look if way else {"viewport": {"width": 1280, "height": 844}}
    root = make_admin("root")
    for name in JOURNEYS:
        page = visit(root, **look)  # a new one each: an undo may still load its page again
        act_and_undo(Site(page, Hand(way), bob), name)
    problems.clear()  # the videos have no files
