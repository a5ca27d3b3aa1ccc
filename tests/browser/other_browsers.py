"""Firefox and WebKitGTK behind one small interface.

    with started("firefox", folder) as other, other.tab(site, member) as tab:
        tab.open("/")
        tab.wait_until("document.title !== ''")

Chromium is driven by Playwright (tests/browser/conftest.py). Playwright's own Firefox and WebKit
are patched builds from its makers' servers; these are the browsers that people have.
"""

from __future__ import annotations

import os
import signal
import time
from abc import ABC, abstractmethod
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from tests.parts import require
from tests.videos import live

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from accounts.models import User

# Names as tests use them, with the parts that each needs (tests/parts.py).
OTHER_BROWSERS = {"firefox": ("firefox",), "webkit": ("webkit", "minibrowser", "xvfb")}
SECONDS_BETWEEN_QUESTIONS = 0.05


class Tab(ABC):
    """A tab that shows pages of one site, with cookies and storage of its own."""

    def __init__(self, site: live.Server) -> None:
        self.site = site

    @abstractmethod
    def go(self, url: str) -> None:
        """Opens an address and waits until it is loaded."""

    @abstractmethod
    def evaluate(self, expression: str) -> Any:
        """Returns the value, as in JSON, of a JavaScript expression or of its promise."""

    @abstractmethod
    def set_cookie(self, name: str, value: str) -> None:
        """Sets a cookie of the site."""

    def open(self, path: str) -> None:
        """Opens a page of the site."""
        self.go(f"{self.site.url}{path}")

    def log_in(self, user: User) -> None:
        user.refresh_from_db()  # a log-in may have renewed the hash that sessions depend on
        self.set_cookie("sessionid", live.Visitor(self.site, user).session)

    def wait_until(self, condition: str, *, seconds: float = 30, told: str = "null") -> Any:
        """Waits until an expression is true, and returns its value.

        Args:
            told: an expression whose value the failure shows.
        """
        deadline = time.monotonic() + seconds
        while not (value := self.evaluate(condition)):
            if time.monotonic() > deadline:
                raise AssertionError(f"never {condition}, but {self.evaluate(told)}")
            time.sleep(SECONDS_BETWEEN_QUESTIONS)
        return value


class OtherBrowser(ABC):
    """A running browser."""

    name: str

    @abstractmethod
    def new_tab(self, site: live.Server) -> AbstractContextManager[Tab]:
        """Opens a tab without cookies and closes it afterwards."""

    @contextmanager
    def tab(self, site: live.Server, user: User | None = None) -> Iterator[Tab]:
        """Opens a tab, logged in as the member if there is one, and closes it afterwards."""
        with self.new_tab(site) as tab:
            if user is not None:
                tab.log_in(user)
            yield tab


@contextmanager
def started(name: str, folder: Path) -> Iterator[OtherBrowser]:
    """Starts one of OTHER_BROWSERS. All its processes end with this.

    Args:
        folder: for its profile and its log; it must not exist.
    """
    from tests.browser.firefox import firefox
    from tests.browser.webkit import webkit

    for part in OTHER_BROWSERS[name]:
        require(part)
    folder.mkdir(parents=True)
    with {"firefox": firefox, "webkit": webkit}[name](folder) as browser:
        yield browser


@contextmanager
def all_ended(pid: int) -> Iterator[None]:
    """Kills afterwards what a process started, if its own end leaves it: after a failed test."""
    try:
        yield
    finally:
        for child in reversed(live.descendants(pid)):
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
