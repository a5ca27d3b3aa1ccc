"""Debian's WebKitGTK: its MiniBrowser on a virtual screen, driven by Selenium.

GNOME's browser and many programs show pages with it, and its media code, GStreamer, is that of
GNOME's players.
"""

from __future__ import annotations

import json
import os
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from selenium.webdriver.remote.client_config import ClientConfig
from selenium.webdriver.remote.remote_connection import RemoteConnection
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.webkitgtk.options import Options

from tests.browser.other_browsers import OtherBrowser, Tab, all_ended
from tests.parts import require
from tests.processes import free_port, process, wait_for
from tests.videos import live

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from accounts.models import User

ANSWER_SECONDS = 60
# Evaluates an expression or its promise (execute_async_script).
EVALUATE = """
    const done = arguments[arguments.length - 1];
    (async () => JSON.stringify(await (%s)))().then(
        (value) => done({ value }), (error) => done({ error: String(error) }));
"""


class WebKitTab(Tab):
    def __init__(self, site: live.Server, driver: WebDriver) -> None:
        super().__init__(site)
        self.driver = driver

    def go(self, url: str) -> None:
        self.driver.get(url)

    def evaluate(self, expression: str) -> Any:
        told = self.driver.execute_async_script(EVALUATE % expression)
        assert "error" not in told, f"{expression}: {told['error']}"
        return json.loads(told.get("value") or "null")

    def set_cookie(self, name: str, value: str) -> None:
        if not self.driver.current_url.startswith(self.site.url):
            self.open("/healthz")  # WebDriver sets cookies of the page that is open
        self.driver.add_cookie({"name": name, "value": value, "domain": live.HOST})


class WebKit(OtherBrowser):
    """Each tab is a MiniBrowser of its own, which the driver starts, with cookies of its own."""

    name = "webkit"

    def __init__(self, port: int) -> None:
        self.port = port

    @contextmanager
    def new_tab(self, site: live.Server) -> Iterator[WebKitTab]:
        options = Options()
        options.binary_location = require("minibrowser")
        options.add_argument("--automation")
        options.add_argument("--autoplay-policy=allow")
        where = ClientConfig(f"http://{live.HOST}:{self.port}", timeout=ANSWER_SECONDS)
        driver = WebDriver(RemoteConnection(client_config=where), options=options)
        driver.set_script_timeout(ANSWER_SECONDS)
        try:
            yield WebKitTab(site, driver)
        finally:
            driver.quit()


@contextmanager
def webkit(folder: Path) -> Iterator[WebKit]:
    """Starts a virtual screen and the driver."""
    log = folder / "webkit.log"
    port = free_port()
    with screen(folder) as variables:
        command = [require("webkit"), f"--port={port}"]
        with process(command, log=log, env=variables) as driver, all_ended(driver.pid):
            wait_for(lambda: _listens(port) or driver.poll() is not None, name="WebKitWebDriver")
            assert driver.poll() is None, log.read_text()
            yield WebKit(port)


@contextmanager
def screen(folder: Path) -> Iterator[dict[str, str]]:
    """Starts a virtual screen. Gives the environment for programs on it.

    They keep everything below the folder, draw in software, and look for no session bus.
    """
    chosen, writing = os.pipe()
    command = [require("xvfb"), "-displayfd", str(writing), "-nolisten", "tcp", "-noreset"]
    command += ["-screen", "0", "1280x800x24"]
    with process(command, log=folder / "xvfb.log", pass_fds=[writing]):
        os.close(writing)
        with os.fdopen(chosen) as reading:
            number = reading.readline().strip()
        assert number, (folder / "xvfb.log").read_text()
        yield os.environ | {
            "DISPLAY": f":{number}",
            "LIBGL_ALWAYS_SOFTWARE": "1",
            "GSETTINGS_BACKEND": "memory",
            "NO_AT_BRIDGE": "1",
            "DBUS_SESSION_BUS_ADDRESS": "disabled:",
            **{f"XDG_{kind}_HOME": str(folder / kind) for kind in ("CACHE", "CONFIG", "DATA")},
        }


@contextmanager
def console(folder: Path, site: live.Server, user: User, path: str) -> Iterator[Path]:
    """Shows a page of the site to the member, without a driver. Gives the file with its console.

    MiniBrowser writes no console while a driver controls it. A second tab writes "a test", which
    shows that it writes one now.
    """
    folder.mkdir(parents=True)
    user.refresh_from_db()
    cookie = [live.HOST, "FALSE", "/", "FALSE", str(2**31), "sessionid"]
    cookies = folder / "cookies.txt"
    cookies.write_text("\t".join([*cookie, live.Visitor(site, user).session]) + "\n")
    log = folder / "console.log"
    command = [require("minibrowser"), "--enable-write-console-messages-to-stdout=true"]
    command += [f"--cookies-file={cookies}", f"{site.url}{path}"]
    command += ["data:text/html,<script>console.error('a test')</script>"]
    with (
        screen(folder) as variables,
        process(command, log=log, env=variables) as browser,
        all_ended(browser.pid),
    ):
        yield log


def _listens(port: int) -> bool:
    try:
        socket.create_connection((live.HOST, port)).close()
    except OSError:
        return False
    return True
