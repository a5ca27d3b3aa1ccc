"""Debian's Firefox, driven over WebDriver BiDi (https://w3c.github.io/webdriver-bidi/).

Firefox speaks it itself, so no driver is needed: Mozilla's geckodriver, which Selenium would use,
is in no package registry.
"""

from __future__ import annotations

import json
import os
import re
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import websocket

from tests.browser.other_browsers import OtherBrowser, Tab, all_ended
from tests.parts import require
from tests.processes import process, wait_for
from tests.videos.live import HOST

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.videos.live import Server

# For automation Firefox itself turns off updates and telemetry; the proxy stops what is left:
# nothing listens on port 9, and addresses of loopback go past it.
PREFERENCES: dict[str, int | bool | str] = {
    "media.autoplay.default": 0,
    "media.gmp-manager.updateEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "network.proxy.type": 1,
    "network.proxy.http": "127.0.0.1",
    "network.proxy.http_port": 9,
    "network.proxy.ssl": "127.0.0.1",
    "network.proxy.ssl_port": 9,
    "ui.prefersReducedMotion": 1,
}
ANSWER_SECONDS = 60
LISTENING = re.compile(r"WebDriver BiDi listening on (ws://\S+)")


class BidiError(Exception):
    """The browser answered with an error."""


class Connection:
    """Commands to the browser, and its log, by context (the protocol's word for a tab)."""

    def __init__(self, address: str) -> None:
        self.socket = websocket.create_connection(
            address, timeout=ANSWER_SECONDS, suppress_origin=True
        )
        self.number = 0
        self.logged: dict[str, list[str]] = {}

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Sends a command and returns its result; reads the log on the way.

        Raises: BidiError.
        """
        self.number += 1
        self.socket.send(json.dumps({"id": self.number, "method": method, "params": parameters}))
        while True:
            said = json.loads(self.socket.recv())
            if said.get("method") == "log.entryAdded":
                self.note(said["params"])
            elif said.get("id") == self.number:
                if said["type"] == "error":
                    raise BidiError(f"{method}: {said['error']}: {said['message']}")
                result: dict[str, Any] = said["result"]
                return result

    def note(self, entry: dict[str, Any]) -> None:
        if entry["level"] in {"error", "warn"}:
            where = (entry.get("stackTrace") or {}).get("callFrames") or [{}]
            text = f"{where[0].get('url', '')}: {entry['text']}"
            self.logged.setdefault(entry["source"].get("context", ""), []).append(text)


class FirefoxTab(Tab):
    def __init__(self, site: Server, connection: Connection, context: str, profile: str) -> None:
        super().__init__(site)
        self.connection = connection
        self.context = context
        self.profile = profile

    def go(self, url: str) -> None:
        self.connection.ask(
            "browsingContext.navigate", context=self.context, url=url, wait="complete"
        )
        # Firefox can answer while the page is still parsed.
        self.wait_until("document.readyState === 'complete'", seconds=ANSWER_SECONDS)

    def evaluate(self, expression: str) -> Any:
        told = self.connection.ask(
            "script.evaluate",
            expression=f"(async () => JSON.stringify(await ({expression})))()",
            target={"context": self.context},
            awaitPromise=True,
        )
        if told["type"] == "exception":
            raise BidiError(f"{expression}: {told['exceptionDetails']['text']}")
        return json.loads(told["result"].get("value", "null"))

    def set_cookie(self, name: str, value: str) -> None:
        self.connection.ask(
            "storage.setCookie",
            cookie={"name": name, "value": {"type": "string", "value": value}, "domain": HOST},
            partition={"type": "storageKey", "userContext": self.profile},
        )

    def problems(self) -> list[str]:
        """Returns the errors and warnings that the pages of this tab logged."""
        self.evaluate("null")  # what was logged before has arrived with the answer
        return self.connection.logged.get(self.context, [])


class Firefox(OtherBrowser):
    name = "firefox"

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    @contextmanager
    def new_tab(self, site: Server) -> Iterator[FirefoxTab]:
        profile = self.connection.ask("browser.createUserContext")["userContext"]
        opened = self.connection.ask("browsingContext.create", type="tab", userContext=profile)
        try:
            yield FirefoxTab(site, self.connection, opened["context"], profile)
        finally:
            self.connection.ask("browser.removeUserContext", userContext=profile)


@contextmanager
def firefox(folder: Path) -> Iterator[Firefox]:
    """Starts Firefox without windows. Without a sound device it plays all the same, silently."""
    lines = [f"user_pref({json.dumps(k)}, {json.dumps(v)});" for k, v in PREFERENCES.items()]
    (folder / "user.js").write_text("\n".join(lines))
    log = folder / "firefox.log"
    log.touch()
    command = [require("firefox"), "--headless", "--no-remote", "--profile", str(folder)]
    command += ["--remote-debugging-port", "0", "about:blank"]
    # As root Firefox refuses the home folder of another user.
    variables = os.environ | {"HOME": str(folder), "MOZ_CRASHREPORTER_DISABLE": "1"}
    with process(command, log=log, env=variables) as browser, all_ended(browser.pid):
        wait_for(
            lambda: LISTENING.search(log.read_text()) or browser.poll() is not None,
            seconds=60,
            name="Firefox",
        )
        address = LISTENING.search(log.read_text())
        assert address, log.read_text()
        connection = Connection(f"{address[1]}/session")
        try:
            connection.ask("session.new", capabilities={})
            connection.ask("session.subscribe", events=["log.entryAdded"])
            yield Firefox(connection)
        finally:
            with suppress(BidiError, OSError, websocket.WebSocketException):
                connection.ask("browser.close")
            connection.socket.close()
