"""On a real gunicorn: what runs is cut within 5 s when the right to it ends."""

from __future__ import annotations

import socket
import time
from contextlib import closing
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from accounts.models import Role, Session, User
from accounts.services.members import deactivate_member, end_other_sessions, set_role
from accounts.services.trash import trash_members
from accounts.sessions import SessionStore
from tests.builders import make_admin, make_user
from tests.processes import wait_for
from tests.videos.live import HOST, Visitor, read_answer
from tests.videos.test_tus_live import Sender, video_of
from tests.videos.views.test_stalled import KIB, MIB, ask, video_file
from videos.models import GuestLink, Upload, UploadState
from videos.services.guest_links import create_guest_link

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.videos import live

pytestmark = pytest.mark.django_db(transaction=True)

WITHIN = 5.0  # seconds
STEADY = 0.1  # seconds between two reads of a slow client: patience never ends


@pytest.fixture
def bob(transactional_db: None) -> User:
    return make_user("bob")


def slow_reader(server: live.Server, request: bytes) -> socket.socket:
    """A client that has read the head and the first bytes of a long response."""
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 * KIB)
    line.settimeout(2 * WITHIN)
    line.connect((HOST, server.port))
    line.sendall(request)
    head = line.recv(4 * KIB)
    assert head.startswith((b"HTTP/1.1 200", b"HTTP/1.1 206")), head
    return line


def seconds_until_cut(lines: list[socket.socket]) -> float:
    """Reads slowly from all until each is cut."""
    began, open_lines = time.monotonic(), list(lines)
    while open_lines and time.monotonic() - began < 3 * WITHIN:
        for line in list(open_lines):
            try:
                is_cut = not line.recv(16 * KIB)
            except ConnectionError:
                is_cut = True
            if is_cut:
                open_lines.remove(line)
        time.sleep(STEADY)
    return time.monotonic() - began if not open_lines else float("inf")


def is_running(line: socket.socket) -> bool:
    try:
        return bool(line.recv(16 * KIB))
    except ConnectionError:
        return False


def test_downloads_and_streams_are_cut_by_what_ends_their_right_and_others_go_on(
    site: live.Server, bob: User
) -> None:
    """Everything at once, since each look takes its time."""
    video = video_file(bob)
    root = make_admin("root")
    members = [make_user(name) for name in ("deactivated", "trashed", "promoted", "loggedout")]
    visitors = [Visitor(site, member) for member in members]
    kept = Visitor(site, bob)
    stays, other = Visitor(site, members[3]), visitors[3]
    paths = [f"/v/{video.short_id}/download/", f"/v/{video.short_id}/stream.mp4"]
    link = create_guest_link(video=video, created_by=bob, lifetime=timedelta(days=1))
    guest = f"GET /s/{link.token}/stream.mp4 HTTP/1.1\r\nHost: {HOST}:{site.port}\r\n\r\n".encode()
    cut = [
        slow_reader(site, ask(visitor, path))
        for visitor, path in zip(visitors, [*paths, *paths], strict=True)
    ]
    cut.append(slow_reader(site, guest))
    going_on = [slow_reader(site, ask(visitor, paths[0])) for visitor in (kept, stays)]
    time.sleep(0.5)
    assert all(is_running(line) for line in [*cut, *going_on])
    deactivate_member(user=members[0])
    trash_members(users=[members[1]], by=root)
    set_role(user=members[2], role=Role.MODERATOR, granted_by=root)
    SessionStore(other.session).delete()
    GuestLink.objects.update(revoked_at=timezone.now())
    assert seconds_until_cut(cut) < WITHIN
    assert all(is_running(line) for line in going_on)
    end_other_sessions(user=members[3], keep=None)
    assert seconds_until_cut(going_on[1:]) < WITHIN
    assert is_running(going_on[0])
    for line in [*cut, *going_on]:
        line.close()
    assert kept.get(paths[0]).status == HTTPStatus.OK, "no slot is left taken"


def ended_session(visitor: Visitor) -> None:
    Session.objects.filter(user=visitor.user).delete()


def changed_role(visitor: Visitor) -> None:
    set_role(user=visitor.user, role=Role.MODERATOR, granted_by=make_admin("root"))


@pytest.mark.parametrize("act", [ended_session, pytest.param(changed_role, marks=pytest.mark.long)])
def test_an_upload_stops_keeps_its_bytes_and_can_be_continued(
    site: live.Server, bob: User, act: Callable[[Visitor], None]
) -> None:
    sender = Sender(Visitor(site, bob), video_of(3 * MIB))
    with closing(sender.begin(0, count=2 * MIB)) as line:
        wait_for(lambda: sender.has_come() > 0, seconds=10, name="the bytes")
        act(sender.visitor)
        began = time.monotonic()
        answer = read_answer(line)
        assert time.monotonic() - began < WITHIN
    assert answer.status == HTTPStatus.SERVICE_UNAVAILABLE, answer.text
    assert answer.headers["Retry-After"]
    kept = Upload.objects.get()
    assert (kept.state, kept.offset_bytes) == (UploadState.OPEN, 2 * MIB)
    assert kept.expires_at > timezone.now() + timedelta(hours=47)
    refused = sender.ask("HEAD").status
    assert refused == (HTTPStatus.UNAUTHORIZED if act is ended_session else HTTPStatus.OK)
    sender.visitor = Visitor(site, bob)
    assert sender.send(sender.offset()).status == HTTPStatus.NO_CONTENT


@pytest.mark.long
def test_an_upload_by_the_plain_form_is_cut_and_leaves_nothing(
    site: live.Server, bob: User
) -> None:
    visitor = Visitor(site, bob)
    form = visitor.form(8 * MIB)
    with closing(visitor.server.connect()) as line:
        line.sendall(visitor.upload_head(form) + form.head + b"x" * MIB)
        wait_for(Upload.objects.exists, seconds=5, name="the upload")
        ended_session(visitor)
        assert seconds_until_cut([line]) < WITHIN
    wait_for(lambda: not Upload.objects.filter(state=UploadState.OPEN).exists(), name="its end")
