"""Parts that all pages share, in a real browser: dark and light, account menu; and the admin."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from siteconfig.models import DoctorRun
from tests.browser.player import STOPPED
from tests.builders import make_admin, make_category, make_user, make_video
from videos.models import ProcessingStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page, Route

    from accounts.models import User

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def root(transactional_db: None) -> User:
    return make_admin("root_")


def test_the_admin_keeps_the_security_policy(visit: Callable[..., Page], root: User) -> None:
    make_video(uploader=root)
    page = visit(root, viewport={"width": 1280, "height": 800})
    page.add_init_script(STOPPED)
    for path in ("/admin/", "/admin/videos/video/", "/admin/accounts/user/"):
        page.goto(path)
        page.wait_for_load_state("load")
        assert page.evaluate("window.stopped") == [], path


def test_the_admin_hands_links_over_with_a_button_that_copies_them(
    visit: Callable[..., Page], root: User, problems: list[str]
) -> None:
    page = visit(root, viewport={"width": 1280, "height": 800})
    page.goto(f"/admin/accounts/user/{make_user('bob').pk}/change/")
    page.get_by_role("button", name="reset link").click()
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("status")).to_have_text("Copied")


def test_a_page_of_the_admin_follows_what_a_worker_does_until_it_is_done(
    visit: Callable[..., Page], root: User
) -> None:
    run = DoctorRun.objects.create(key="x", state="RUNNING", done_checks=3, all_checks=9)
    page = visit(root, viewport={"width": 1280, "height": 800})
    page.add_init_script(STOPPED)
    page.goto("/admin/siteconfig/doctorrun/")
    expect(page.get_by_role("status")).to_contain_text("3 of 9 checks done")
    page.evaluate("window.isSame = true")
    run.done_checks = 4
    run.save()
    expect(page.get_by_role("status")).to_contain_text("4 of 9 checks done")
    run.state, run.finished_at = "DONE", timezone.now()
    run.save()
    expect(page.get_by_role("button", name="Run again")).to_be_visible()
    expect(page.locator("clip-status")).to_have_count(0)
    assert page.evaluate("window.isSame && window.stopped") == []


def canvas(page: Page) -> float:
    """Returns the lightness of the page's background, 0 to 1."""
    light: float = page.evaluate(
        """() => {
            const paint = document.createElement("canvas").getContext("2d");
            for (const part of [document.documentElement, document.body]) {
                paint.fillStyle = getComputedStyle(part).backgroundColor;
                paint.fillRect(0, 0, 1, 1);
            }
            const [red, green, blue] = paint.getImageData(0, 0, 1, 1).data;
            return (red + green + blue) / 765;
        }"""
    )
    return light


def test_pages_follow_the_system_to_dark_and_light(visit: Callable[..., Page], root: User) -> None:
    page = visit(root)
    page.goto("/")
    page.emulate_media(color_scheme="light")
    assert canvas(page) > 0.9
    page.emulate_media(color_scheme="dark")
    assert canvas(page) < 0.2


def test_a_choice_of_colours_reaches_other_tabs_and_pages_that_come_back(
    visit: Callable[..., Page], root: User
) -> None:
    page = visit(root)
    page.emulate_media(color_scheme="light")
    page.goto("/")
    other = page.context.new_page()
    other.goto("/liked/")
    other.evaluate("localStorage.setItem('theatre', 'on')")
    other.get_by_role("button", name="Your account, root_").click()
    other.get_by_role("button", name="Dark").click()
    dark = page.locator("html[data-theme=dark][data-theatre]")
    expect(dark).to_be_attached()
    page.get_by_role("button", name="Your account, root_").click()
    expect(page.get_by_role("button", name="Dark")).to_have_attribute("aria-pressed", "true")
    # As the browser cached it before the choice.
    page.evaluate("delete document.documentElement.dataset.theme")
    page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
    expect(dark).to_be_attached()


def test_the_account_menu_opens_and_logs_out(visit: Callable[..., Page], root: User) -> None:
    page = visit(root, viewport={"width": 1280, "height": 800})
    page.goto("/")
    page.get_by_role("button", name="Your account, root_").click()
    page.get_by_role("button", name="Log out").click()
    expect(page).to_have_url("/login/")
    page.goto("/upload/")
    expect(page).to_have_url("/login/?next=/upload/")


def test_the_chosen_category_is_in_sight_on_a_phone(visit: Callable[..., Page], root: User) -> None:
    for letter in "ABCDEFGHIJKL":
        make_category(f"Category {letter}", created_by=root)
    page = visit(root, viewport={"width": 390, "height": 844})
    page.goto("/?category=category-g")
    row = page.locator(".chips")
    expect(row).to_have_attribute("data-goes-back", "")
    expect(row).to_have_attribute("data-goes-on", "")
    box = page.get_by_role("link", name="Category G").bounding_box()
    assert box is not None
    assert box["x"] > 40
    assert box["x"] + box["width"] < 350
    row.evaluate("it => { it.scrollLeft = 0; }")
    expect(row).not_to_have_attribute("data-goes-back", "")


def test_a_link_is_copied_aloud_and_handed_to_other_apps(
    visit: Callable[..., Page], root: User
) -> None:
    video = make_video("Harvest", uploader=root)
    page = visit(root)
    page.add_init_script("navigator.share = async (it) => { window.shared = it; };")
    page.goto(f"/v/{video.short_id}/share/")
    page.get_by_role("button", name="Create guest link").click()
    address = page.get_by_label("Guest link", exact=True).input_value()
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("status").filter(has_text="Copied")).to_be_attached()
    page.get_by_role("button", name="Share with another app").click()
    page.wait_for_function("window.shared")
    assert page.evaluate("window.shared") == {"title": "Harvest", "url": address}


def test_a_long_description_is_folded_before_any_script_and_again_on_another_width(
    visit: Callable[..., Page], root: User
) -> None:
    text = "One sees the valley, the river and the old bridge. " * 4
    video = make_video(uploader=root, description=text, status=ProcessingStatus.PENDING)
    page = visit(root, viewport={"width": 390, "height": 844})
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route(re.compile(r"/js/watch\."), hold)
    page.goto(video.get_absolute_url(), wait_until="commit")
    comments, more = page.get_by_role("heading", name="Comments"), page.get_by_text("Show more")
    expect(comments).to_be_visible()
    before = comments.bounding_box()
    for _ in range(500):
        if held:
            break
        page.wait_for_timeout(20)  # milliseconds, until the browser requests the script
    held[0].continue_()
    expect(more).to_be_visible()
    assert comments.bounding_box() == before
    more.click()
    expect(page.get_by_role("button", name="Show less")).to_be_visible()
    page.get_by_role("button", name="Show less").click()
    page.set_viewport_size({"width": 1280, "height": 844})
    expect(more).to_be_hidden()
    page.set_viewport_size({"width": 390, "height": 844})
    expect(more).to_be_visible()
