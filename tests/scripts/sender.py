"""A tus client of a running site, which uploads a file in several requests."""

from __future__ import annotations

import urllib.request
from typing import TYPE_CHECKING

from tests.scripts.member import Browser
from tests.videos.tus_client import BODY, TUS, said

if TYPE_CHECKING:
    from pathlib import Path

    from tests.scripts.conftest import Clone


class Sender:
    """The member bob, logged in, with one upload at a time."""

    def __init__(self, clone: Clone) -> None:
        self.browser = Browser(clone)
        self.browser.log_in()
        self.url = ""
        self.video = b""

    def ask(self, method: str, url: str, body: bytes = b"", **headers: str) -> dict[str, str]:
        """Makes a tus request. Returns the headers of its answer."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        token = {"X-CSRFToken": self.browser.token("/upload/")}
        request = urllib.request.Request(  # noqa: S310 loopback
            self.browser.address + url, body or None, {**TUS, **token, **named}, method=method
        )
        with self.browser.opener.open(request, timeout=20) as answer:
            return dict(answer.headers)

    def begin(self, video: Path) -> None:
        self.video = video.read_bytes()
        size = str(len(self.video))
        metadata = said(filename="half.mp4")
        answer = self.ask("POST", "/uploads/", Upload_Length=size, Upload_Metadata=metadata)
        self.url = "/uploads/" + answer["Location"].partition("/uploads/")[2]

    def offset(self) -> int:
        return int(self.ask("HEAD", self.url)["Upload-Offset"])

    def send(self, start: int, stop: int | None = None) -> None:
        piece = self.video[start:stop]
        self.ask("PATCH", self.url, piece, Upload_Offset=str(start), Content_Type=BODY)
