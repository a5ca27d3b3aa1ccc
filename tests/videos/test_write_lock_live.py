"""On a running site, whatever one member stores, other members can write."""

from __future__ import annotations

import http.client
import threading
import time
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest

from tests.builders import PASSWORD, make_user, make_video
from tests.videos.live import HOST, Visitor
from videos.services.captions import add_caption

if TYPE_CHECKING:
    from tests.videos.live import Server
    from videos.models import Video

pytestmark = pytest.mark.django_db(transaction=True)

LIGATURE = "\N{ARABIC LIGATURE SALLALLAHOU ALAYHE WASALLAM}"  # 3 bytes, which fold to 18 characters
LONGEST_SECONDS = 4.0
ROUNDS = 8


@dataclass
class Edits:
    """One member saves the details of a video again and again, over one connection."""

    visitor: Visitor
    video: Video
    statuses: list[int] = field(default_factory=list)
    is_over: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        line = http.client.HTTPConnection(HOST, self.visitor.server.port, timeout=60)
        with closing(line):
            while not self.is_over.is_set():
                title = f"Sea {len(self.statuses)}"
                status = post(
                    line, self.visitor, f"{self.video.get_absolute_url()}edit/", title=title
                )
                self.statuses.append(status)


def post(line: http.client.HTTPConnection, visitor: Visitor, path: str, **fields: str) -> int:
    form = urlencode({"csrfmiddlewaretoken": visitor.token, **fields})
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    line.request("POST", path, form, visitor.headers | kind)
    answer = line.getresponse()
    answer.read()
    return answer.status


def timed_post(visitor: Visitor, path: str, **fields: str) -> tuple[float, int]:
    since = time.monotonic()
    with closing(http.client.HTTPConnection(HOST, visitor.server.port, timeout=60)) as line:
        status = post(line, visitor, path, **fields)
    return time.monotonic() - since, status


def test_others_log_in_and_like_while_one_saves_a_video_with_the_worst_captions(
    site: Server,
) -> None:
    alice, bob = make_user("alice"), make_user("bob", password=PASSWORD)
    video, liked = make_video(uploader=alice), make_video()
    body = f"WEBVTT\n\n00:00:01.000 --> 00:00:02.000\n{LIGATURE * 550_000}\n".encode()
    for _ in range(3):
        add_caption(video=video, contents=body, language="ar", label="")
    edits = Edits(Visitor(site, alice), video)
    thread = threading.Thread(target=edits.run)
    thread.start()
    visitor, guest = Visitor(site, bob), Visitor(site, bob)
    guest.session = ""  # not logged in
    answers = list[tuple[float, int]]()
    try:
        for number in range(ROUNDS):
            wish = "no" if number % 2 else "yes"
            answers += [
                timed_post(guest, "/login/", username="bob", password=PASSWORD),
                timed_post(visitor, f"{liked.get_absolute_url()}like/", liked=wish),
            ]
            assert max(seconds for seconds, _ in answers) < LONGEST_SECONDS, answers
    finally:
        edits.is_over.set()
        thread.join()
    assert {status for _, status in answers} == {302}, answers
    assert set(edits.statuses) == {302}
    assert len(edits.statuses) > 1
    slow = [line for line in site.log.read_text().splitlines() if "CPU time" in line]
    assert not [line for line in slow if video.short_id in line]
