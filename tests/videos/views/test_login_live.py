"""Log-ins from outside, against a real gunicorn: what they cost the whole site."""

from __future__ import annotations

import http.client
import secrets
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http import HTTPStatus
from urllib.parse import urlencode

import pytest

from accounts.models import TryCount
from tests.videos import live
from tests.videos.live import HOST, resident_bytes

AT_ONCE = 32
MAX_WORKER_BYTES = 150 * 1024**2

pytestmark = pytest.mark.django_db(transaction=True)


def log_in_wrongly(server: live.Server, number: int) -> int:
    """As a stranger at an address of their own, whom nobody counted before. Returns the status."""
    token = secrets.token_hex(16)
    form = {"csrfmiddlewaretoken": token, "username": f"stranger{number}", "password": "wrong"}
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Cookie": f"csrftoken={token}",
    }
    # Linux has all of 127.0.0.0/8 on this machine.
    place = (f"127.0.{1 + number // 200}.{1 + number % 200}", 0)
    connection = http.client.HTTPConnection(HOST, server.port, timeout=60, source_address=place)
    with closing(connection) as line:
        line.request("POST", "/login/", urlencode(form), headers)
        answer = line.getresponse()
        answer.read()
        return answer.status


@pytest.mark.parametrize(
    "wrong_logins",
    [
        3 * AT_ONCE,  # nearly all of the workers' threads have had one
        pytest.param(320, marks=pytest.mark.long),
    ],
)
def test_wrong_logins_leave_no_memory_behind(site: live.Server, wrong_logins: int) -> None:
    """Each takes 19 MiB for its hash, in whichever of the worker's threads answers it."""
    with ThreadPoolExecutor(AT_ONCE) as strangers:
        tries = strangers.map(lambda number: log_in_wrongly(site, number), range(wrong_logins))
        statuses = set(tries)
    assert statuses == {HTTPStatus.UNPROCESSABLE_ENTITY}
    assert TryCount.objects.count() == 3 * wrong_logins  # a name, an account, an address
    sizes = {pid: resident_bytes(pid) for pid in site.workers()}
    assert len(sizes) == 2
    assert {pid: size for pid, size in sizes.items() if size > MAX_WORKER_BYTES} == {}
