"""Two ways to use a page: by keyboard alone at a desk, and by touch on a phone.

Both check each control that they use: whether its focus is visible, and whether a thumb can hit it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol

from playwright.sync_api import expect

from tests.processes import wait_for

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

LEAST = 24  # px, each way: WCAG 2.2, 2.5.8
MAX_TABS = 60  # from any element of a page to any other

HAS_FOCUS = """it => {
    let held = document.activeElement;
    while (held?.shadowRoot?.activeElement) held = held.shadowRoot.activeElement;
    return held === it || it.getRootNode().activeElement === it;
}"""
IN_MENU = "it => it.parentNode.contains(it.getRootNode().activeElement)"
# Reasons why the focus is not visible: there is no ring, or something covers it.
LOOK = """it => {
    const rings = (style) => (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0)
        || style.boxShadow !== "none";
    const shown = [it, it.parentElement, it.closest("article, li")].filter(Boolean).some((part) =>
        [null, "::before", "::after"].some((pseudo) => rings(getComputedStyle(part, pseudo))));
    const { x, y, width, height } = it.getBoundingClientRect();
    const root = it.getRootNode();
    const top = root.elementFromPoint(x + width / 2, y + height / 2);
    const free = top && (it.contains(top) || top.contains(it) || top.getRootNode().host === it);
    return { shown, free: Boolean(free), top: top?.outerHTML.slice(0, 200), y,
        inside: y >= 0 && y + Math.min(height, 40) <= innerHeight };
}"""
# A link within a line of text may be as low as the line.
SIZE = """it => {
    const { width, height } = it.getBoundingClientRect();
    const box = getComputedStyle(it, "::after");
    const after = box.content === "none" || box.position !== "absolute" ? [0, 0]
        : [parseFloat(box.width), parseFloat(box.height)];
    const inText = it.localName === "a" && it.closest(".prose") !== null;
    return { width: Math.max(width, after[0]), height: Math.max(height, after[1]), inText };
}"""


class Hand(Protocol):
    """`use` presses a control, `write` fills a field; `look` are options of a browser's context."""

    look: dict[str, Any]

    def use(self, target: Locator) -> None: ...
    def write(self, target: Locator, text: str) -> None: ...
    def play_or_pause(self, page: Page) -> None: ...
    def leave_menu(self, page: Page) -> None: ...


class Keys:
    """Uses Tab, Enter, letters and arrow keys, and never the pointer."""

    look: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}}

    def use(self, target: Locator) -> None:
        self.go_to(target)
        target.page.keyboard.press("Enter")

    def write(self, target: Locator, text: str) -> None:
        self.go_to(target)
        target.page.keyboard.type(text)

    def play_or_pause(self, page: Page) -> None:
        page.keyboard.press("k")

    def leave_menu(self, page: Page) -> None:
        """Leaves the second level of the player's menu, then the menu."""
        page.keyboard.press("Escape")
        page.keyboard.press("Escape")

    def go_to(self, target: Locator) -> None:
        target.wait_for()
        key = "Tab"
        if target.evaluate("it => it.role?.startsWith('menuitem')"):
            # A menu gets the focus when it opens, and arrow keys move in it.
            wait_for(lambda: target.evaluate(IN_MENU), name=f"the focus in the menu of {target}")
            key = "ArrowDown"
        for _ in range(MAX_TABS):
            if target.evaluate(HAS_FOCUS):
                break
            target.page.keyboard.press(key)
        else:
            raise AssertionError(f"the keyboard does not reach {target}")
        seen = target.evaluate(LOOK)
        assert seen["shown"], f"no focus is seen on {target}"
        assert seen["free"], f"{seen['top']} lies over {target}"
        assert seen["inside"], f"{target} has the focus and is not in view: {seen}"


class Thumb:
    """Taps on a phone and types on its screen keyboard."""

    look: dict[str, Any] = {
        "viewport": {"width": 390, "height": 844},
        "has_touch": True,
        "is_mobile": True,
    }

    def use(self, target: Locator) -> None:
        target.wait_for()
        told = target.evaluate(SIZE)
        is_hit = told["inText"] or min(told["width"], told["height"]) >= LEAST
        assert is_hit, f"{target} is small: {json.dumps(told)}"
        target.tap()

    def write(self, target: Locator, text: str) -> None:
        self.use(target)
        expect(target).to_be_focused()
        target.page.keyboard.type(text)

    def play_or_pause(self, page: Page) -> None:
        self.use(page.locator(".player__bar media-play-button"))

    def leave_menu(self, page: Page) -> None:
        """Taps beside the menu."""
        page.touchscreen.tap(195, 100)


HANDS: dict[str, Hand] = {"keyboard": Keys(), "touch": Thumb()}
