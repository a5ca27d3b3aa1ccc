"""A running site and a browser for it.

Playwright runs its event loop in the tests' own thread, which Django takes for an asynchronous
thread and would refuse to use the ORM in. Nothing else runs in that thread meanwhile, so the
`browser` fixture sets DJANGO_ALLOW_ASYNC_UNSAFE, and tests use the ORM as anywhere.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.builders import make_user
from tests.parts import require
from tests.processes import ROOT
from tests.videos import live
from tests.videos.conftest import gunicorn, site, static_files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, BrowserContext, Page

    from accounts.models import User

__all__ = ["gunicorn", "site", "static_files"]

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]
PASSWORD = "correct horse battery staple"


@pytest.fixture(autouse=True)
def browser_first(browser: Browser, transactional_db: None) -> None:
    """Starts the browser before a test of this folder uses the database."""


@pytest.fixture(scope="session")
def browser(request: pytest.FixtureRequest) -> Iterator[Browser]:
    """Debian's Chromium, driven by Playwright: one process for all tests of a worker.

    The parameter, if any, is the program to use (tests/parts.py).
    """
    from playwright.sync_api import sync_playwright

    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=require(getattr(request, "param", "browser")), args=FLAGS
        )
        yield started
        started.close()


@pytest.fixture
def workers(site: live.Server, static_files: Path, tmp_path: Path) -> Iterator[int]:
    """Starts both task queues; they get ready while the test logs in."""
    with live.workers(site.media, static_files, tmp_path / "queue.log") as cluster:
        yield cluster


@pytest.fixture
def problems() -> Iterator[list[str]]:
    """Fails a test in which a browser logged an error or a warning.

    These are errors of scripts and requests, and what the security policy stopped. A test that
    expects some removes them from the list.
    """
    found: list[str] = []
    yield found
    assert found == []


@pytest.fixture
def visit(
    browser: Browser, site: live.Server, problems: list[str]
) -> Iterator[Callable[..., Page]]:
    """Opens a page in a new browser profile, logged in as the member, or as nobody for None."""
    contexts: list[BrowserContext] = []

    def open_page(user: User | None, **options: Any) -> Page:
        # Animations only delay a test, and may cover what it clicks on.
        options.setdefault("reduced_motion", "reduce")
        context = browser.new_context(base_url=site.url, **options)
        contexts.append(context)
        context.set_default_timeout(15_000)  # milliseconds
        if user is not None:
            user.refresh_from_db()  # a log-in may have renewed the hash that sessions depend on
            session = live.Visitor(site, user).session
            context.add_cookies([{"name": "sessionid", "value": session, "url": site.url}])
        page = context.new_page()
        page.on("console", lambda said: note(said.type, said.text, page.url))
        page.on("pageerror", lambda error: problems.append(f"{page.url}: {error}"))
        return page

    def note(kind: str, text: str, url: str) -> None:
        if kind in {"error", "warning"}:
            problems.append(f"{url}: {text}")

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture
def bob(transactional_db: None) -> User:
    return make_user("bob", password=PASSWORD)


def results(name: str) -> Path:
    """The path of a file below test-results/, for people to look at; git-ignored."""
    path = ROOT / "test-results" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
