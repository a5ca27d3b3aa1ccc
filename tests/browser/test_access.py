"""Every page for everybody: no violation that axe-core finds, nothing wider than the screen,
nothing that the security policy stops.

By default each page is seen in one state at all its widths, and axe-core runs at the first of
them; pages with all kinds of elements are seen in the dark, too (DARK_TOO). `scripts/test --long`
sees all pages in all states, at all widths and in both schemes, and takes pictures.

The table of pages is tests/browser/pages.py: a new page needs a line there.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import pytest
from django.urls import resolve
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import expect

from accounts.models import User
from accounts.services.invitations import setup_link
from tests.browser.conftest import results
from tests.browser.furnished import furnish
from tests.browser.pages import PAGES, WIDE, Look, open_look
from tests.browser.player import STOPPED
from tests.builders import make_admin, make_user, make_video
from tests.examples import one_in
from tests.parts import axe_core
from videos.selectors.feed import PAGE_SIZE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Page, Route

    from tests.videos import live

pytestmark = [
    pytest.mark.browser,
    pytest.mark.ffmpeg,
    pytest.mark.django_db(transaction=True),
]

BROKEN = "[...document.images].filter((it) => it.complete && !it.naturalWidth).map((it) => it.src)"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# axe-core leaves out target-size by default.
EVERYTHING = {
    "runOnly": {"type": "tag", "values": TAGS},
    "rules": {"target-size": {"enabled": True}},
}
# Rules whose result may differ between dark and light.
COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}
AXE = """async (options) => {
    const found = await axe.run(document, {...options, resultTypes: ["violations"]});
    return found.violations.flatMap((rule) => rule.nodes.map((node) =>
        `${rule.id}: ${node.target.flat().join(" ")} ${node.html.slice(0, 200)}\\n`
        + `    ${node.failureSummary.replaceAll("\\n", " ")}`));
}"""
LOOKS = [(name, look) for name, looks in PAGES.items() for look in looks]
# Without pictures each page is seen in this state.
FIRST = [next((it for it in looks if not it.is_new), looks[0]) for looks in PAGES.values()]
# Pages that show all kinds of elements: the player, rows and cards, forms, the top bar.
DARK_TOO = {"home", "watch", "upload", "playlist", "comments", "guest", "settings"}
Scheme: TypeAlias = Literal["light", "dark"]


def found_by_axe(page: Page, options: dict[str, Any]) -> list[str]:
    found: list[str] = page.evaluate(AXE, options)
    return found


def picture(page: Page, look: Look, width: int, scheme: Scheme) -> None:
    path = results(f"screenshots/{look.name}-{width}-{scheme}.png")
    page.screenshot(path=path, animations="disabled")


def whole(page: Page, where: str) -> list[str]:
    """Returns what is wrong with the page apart from its colours."""
    wide = page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    wrong = [f"{where}: {wide} px too wide"] if wide > 0 else []
    wrong += [f"{where}: stopped {it}" for it in page.evaluate("window.stopped")]
    return wrong + [f"{where}: no picture {it}" for it in page.evaluate(BROKEN)]


def look_closely(page: Page, look: Look, *, is_dark_too: bool, takes_pictures: bool) -> list[str]:
    """Looks at a page at all its widths and in both schemes, with one load of it.

    Dark differs from light in colours only, which are the same at every width and mostly in every
    state of a page. So without pictures one state of each page of DARK_TOO, which show all kinds
    of elements, is seen in the dark, at one width.
    """
    page.wait_for_load_state("load")
    page.evaluate(axe_core())
    wrong = []
    for width in look.widths:
        page.set_viewport_size({"width": width, "height": 844})
        page.evaluate("scrollTo(0, 0)")  # a target half under the bar would count as too small
        where = f"{look.name} at {width} px"
        page.emulate_media(color_scheme="light")
        wrong += whole(page, where)
        if takes_pictures or width == look.widths[0]:
            wrong += [f"{where}: {it}" for it in found_by_axe(page, EVERYTHING)]
        if takes_pictures:
            picture(page, look, width, "light")
        if takes_pictures or (is_dark_too and look in FIRST and width == look.widths[0]):
            page.emulate_media(color_scheme="dark")
            wrong += [f"{where}, dark: {it}" for it in found_by_axe(page, COLOURS)]
        if takes_pictures:
            picture(page, look, width, "dark")
    return wrong


@dataclass
class Tour:
    """Visits pages, each member in one browser page, and collects what is wrong with them."""

    visit: Callable[..., Page]
    names: dict[str, str]
    takes_pictures: bool
    opened: dict[str, Page] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def page_of(self, username: str) -> Page:
        if username not in self.opened:
            user = User.objects.get(username=username) if username else None
            self.opened[username] = self.visit(user)
            self.opened[username].add_init_script(STOPPED)
        return self.opened[username]

    def see(self, name: str, look: Look) -> None:
        page = self.page_of(look.by)
        try:
            open_look(page, look, self.names)
            self.wrong += look_closely(
                page,
                look,
                is_dark_too=name in DARK_TOO,
                takes_pictures=self.takes_pictures,
            )
        except PlaywrightError as error:  # so that the other pages are still seen
            self.wrong.append(f"{look.name}: {error}")
            return
        if look.shows is None and name != "errors":
            assert resolve(page.evaluate("location.pathname")).view_name == name, look.name


def go_round(visit: Callable[..., Page], media: Path, *, takes_pictures: bool) -> list[str]:
    """Returns what is wrong with the pages of an empty site and of the same site with content."""
    token = setup_link().rstrip("/").rpartition("/")[2]
    tour = Tour(visit, {"setup": token}, takes_pictures)
    new = [line for line in LOOKS if line[1].is_new]
    for line in sorted(
        new, key=lambda line: line[1].by
    ):  # first the page on which the admin is created
        if line[1].by and "root" not in tour.names:
            tour.names["root"] = make_admin("root_").username
        tour.see(*line)
    tour.names |= furnish(User.objects.get(username="root_"), media)
    for name, look in LOOKS:
        if (name, look) not in new and (takes_pictures or look in FIRST):
            tour.see(name, look)
    return tour.wrong


def without_meant(problems: list[str]) -> list[str]:
    """Removes the console errors of pages that are meant to answer 404, 410 or 422."""
    return [it for it in problems if not any(code in it for code in ("404", "410", "422"))]


def test_every_page_is_for_everybody(
    visit: Callable[..., Page], site: live.Server, problems: list[str]
) -> None:
    wrong = go_round(visit, site.media, takes_pictures=False)
    problems[:] = without_meant(problems)
    assert wrong == [], "\n".join(wrong)


@pytest.mark.long
def test_every_page_has_its_picture_taken(
    visit: Callable[..., Page], site: live.Server, problems: list[str]
) -> None:
    """Takes screenshots in light and dark, in test-results/screenshots/, for people to look at."""
    wrong = go_round(visit, site.media, takes_pictures=True)
    problems[:] = without_meant(problems)
    assert wrong == [], "\n".join(wrong)


# The focused element: its place on the screen, whether something covers it, whether a ring shows.
FOCUSED = """() => {
    const it = document.activeElement;
    if (!it || it === document.body) return null;
    const box = it.getBoundingClientRect();
    // The middle of what is on the screen of it.
    const middle = (from, to, end) => (Math.max(from, 0) + Math.min(to, end)) / 2;
    const x = middle(box.left, box.right, innerWidth);
    const y = middle(box.top, box.bottom, innerHeight);
    const top = document.elementFromPoint(x, y);
    const around = [it, it.closest(".drop, label, .video-card, .member, .category")];
    const isRinged = (part, name) => {
        const {outlineStyle, outlineWidth} = getComputedStyle(part, name);
        return outlineStyle !== "none" && parseFloat(outlineWidth) >= 2;
    };
    const ring = around.filter(Boolean)
        .some((part) => [null, "::before", "::after"].some((name) => isRinged(part, name)));
    return {
        what: it.outerHTML.slice(0, 160),
        // media-chrome rings its controls inside of them.
        rings: ring || it.localName.startsWith("media-"),
        where: [x, y, innerHeight, top?.outerHTML.slice(0, 80)],
        covered: !(top && (it.contains(top) || top.contains(it) || it.shadowRoot?.contains(top))),
    };
}"""
MAX_STOPS = 60


def walk(page: Page) -> list[dict[str, Any]]:
    """Returns the elements that Tab reaches, from the start of the page until it leaves it."""
    stops: list[dict[str, Any]] = []
    for _ in range(MAX_STOPS):
        page.keyboard.press("Tab")
        stop = page.evaluate(FOCUSED)
        if stop is None:
            break
        stops.append(stop)
    return stops


@pytest.mark.parametrize("width", one_in(2, [390, 1280]))
def test_the_keyboard_reaches_what_is_there_and_one_sees_where_it_is(
    visit: Callable[..., Page], site: live.Server, width: int, problems: list[str]
) -> None:
    names = furnish(make_admin("root_"), site.media)
    page = visit(User.objects.get(username="bob"))
    looks = {look.name: look for _, look in LOOKS}
    for name in ("home", "watch", "upload-chosen", "settings", "share"):
        look = replace(looks[name], widths=(width,))
        open_look(page, look, names)
        page.evaluate("() => { scrollTo(0, 0); document.activeElement.blur(); }")
        stops = walk(page)
        assert len(stops) > 8, name
        assert 'class="skip-link"' in stops[0]["what"] or name == "upload-chosen", stops[0]
        assert [it for it in stops if not it["rings"]] == [], name
        assert [it for it in stops if it["covered"]] == [], name
    page.goto("/")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null"), "the bar is skipped"
    problems.clear()  # most videos have no files


@pytest.mark.long  # rarely changes with a page
def test_forced_colours_leave_visible_what_a_colour_tells(
    visit: Callable[..., Page], site: live.Server
) -> None:
    """Forced colours remove backgrounds and shadows, so nothing may depend on these alone."""
    names = furnish(make_admin("root_"), site.media)
    page = visit(User.objects.get(username="root_"), forced_colors="active")
    looks = {look.name: look for _, look in LOOKS}
    for name in ("design", "home", "watch", "account-menu", "upload-chosen"):
        open_look(page, looks[name], names)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme, forced_colors="active")
            picture(page, replace(looks[name], name=f"forced-{name}"), WIDE, scheme)
    page.goto("/design/")
    edges = page.evaluate(
        """() => Object.fromEntries(
            [".button", ".icon-button", ".chip", ".note", ".toast", ".bar", ".skeleton", ".avatar"]
            .map((one) => [one, getComputedStyle(document.querySelector(`main ${one}`))])
            .map(([one, style]) => [one, `${style.borderTopStyle} ${style.borderTopWidth}`]))"""
    )
    assert set(edges.values()) == {"solid 1px"}, edges
    chips = page.locator("main .chip").evaluate_all(
        "them => them.map((it) => getComputedStyle(it).backgroundColor)"
    )
    assert chips[0] not in chips[1:], "which one is on"


REVEALED = "addEventListener('pagereveal', (event) => { window.moved = !!event.viewTransition; });"


@pytest.mark.parametrize("motion", one_in(2, ["no-preference", "reduce"]))
def test_pages_move_into_each_other_only_for_those_who_want_motion(
    visit: Callable[..., Page],
    site: live.Server,
    problems: list[str],
    motion: Literal["no-preference", "reduce"],
) -> None:
    alice = make_user("alice")
    for number in range(PAGE_SIZE + 1):
        make_video(f"Video {number}", uploader=alice)
    page = visit(alice, reduced_motion=motion, viewport={"width": 1280, "height": 800})
    page.add_init_script(REVEALED)
    page.goto("/")
    page.get_by_role("link", name=f"Video {PAGE_SIZE}").click()
    page.wait_for_url("**/v/*/")
    page.wait_for_function("'moved' in window")
    assert page.evaluate("window.moved") == (motion == "no-preference")
    page.go_back()
    page.wait_for_url("/")
    problems[:] = without_meant(problems)  # the videos have no files

    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/?after=*", hold)
    more = page.get_by_role("link", name="Show more")
    more.scroll_into_view_if_needed()
    expect(page.locator(".skeletons")).to_be_visible()
    held[0].continue_()
    expect(page.get_by_role("link", name="Video 0", exact=True)).to_be_visible()
    expect(page.locator(".skeletons")).to_have_count(0)
