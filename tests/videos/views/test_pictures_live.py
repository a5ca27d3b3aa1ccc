"""A running site while members upload pictures that take all the processor time there is."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.builders import make_user
from tests.hostile import pictures
from tests.processes import wait_for
from tests.videos.live import Answer, Server, Visitor, decoders, read_answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from accounts.models import User


@pytest.fixture
def bob(transactional_db: None) -> User:
    return make_user("bob")


BOUNDARY = "------------------------clipset"


def upload_avatar(visitor: Visitor, picture: bytes) -> Answer:
    part = f"--{BOUNDARY}\r\nContent-Disposition: form-data; name="
    body = (
        f'{part}"csrfmiddlewaretoken"\r\n\r\n{visitor.token}\r\n{part}"picture"; '
        'filename="me.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
    ).encode()
    body += picture + f"\r\n--{BOUNDARY}--\r\n".encode()
    wanted = visitor.headers | {
        "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
        "Content-Length": str(len(body)),
        "Connection": "close",
    }
    lines = ["POST /settings/avatar/ HTTP/1.1", *(f"{key}: {it}" for key, it in wanted.items())]
    with closing(visitor.server.connect()) as line:
        line.settimeout(60)
        line.sendall("\r\n".join([*lines, "", ""]).encode() + body)
        return read_answer(line)


class Timed(NamedTuple):
    seconds: float
    answer: Answer


def timed(act: Callable[[], Answer]) -> Timed:
    began = time.monotonic()
    answer = act()
    return Timed(time.monotonic() - began, answer)


@pytest.mark.parametrize(
    "make",
    [
        # What is refused before it is decoded, and what takes all the time that it may.
        pytest.param(lambda: pictures.jpeg_of_scans(3000), id="scans"),
        pytest.param(pictures.slow_jpeg, id="metadata", marks=pytest.mark.long),
    ],
)
def test_three_hostile_pictures_keep_nobody_waiting(
    site: Server, bob: User, make: Callable[[], bytes]
) -> None:
    hostile, ordinary = make(), pictures.small("JPEG")
    attackers = [Visitor(site, make_user(name)) for name in ("mallory", "eve", "oscar")]
    visitor = Visitor(site, bob)
    with ThreadPoolExecutor(4) as pool:
        attacks = [pool.submit(upload_avatar, it, hostile) for it in attackers]
        answered = pool.submit(timed, lambda: upload_avatar(visitor, ordinary))
        health = []
        while not (answered.done() and all(attack.done() for attack in attacks)):
            health.append(timed(lambda: visitor.get("/healthz")))
            time.sleep(0.05)
    assert answered.result().answer.status == 302
    assert answered.result().seconds < 6
    assert max(it.seconds for it in health) < 1
    for attack in attacks:
        assert attack.result().status == 422
        assert "again as an ordinary JPEG or PNG" in attack.result().text


def test_a_member_has_one_picture_decoded_at_a_time_whichever_process_answers(
    site: Server, bob: User
) -> None:
    visitor = Visitor(site, bob)

    with ThreadPoolExecutor(7) as pool:
        first = pool.submit(upload_avatar, visitor, pictures.slow_jpeg())
        wait_for(lambda: decoders(site.pid), name="the first picture's child")
        ordinary = pictures.small("JPEG")
        others = list(pool.map(lambda _: upload_avatar(visitor, ordinary), range(6)))
        (child,) = decoders(site.pid)
        os.kill(child, signal.SIGKILL)  # rather than wait for its limit
    assert first.result().status == 422
    for answer in others:
        assert answer.status == 422
        assert "previous picture is still being processed" in answer.text
    assert upload_avatar(visitor, ordinary).status == 302
