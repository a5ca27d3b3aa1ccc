"""Large videos on a real gunicorn: what one answer holds, and by which way it goes."""

from __future__ import annotations

import time
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.builders import make_user, make_video
from tests.videos import live
from tests.videos.live import Visitor
from videos.file_responses import MAX_RANGE_BYTES

if TYPE_CHECKING:
    from accounts.models import User
    from videos.models import Video

pytestmark = pytest.mark.django_db(transaction=True)

MIB = 1024**2
VIDEO = 20 * MIB  # bytes: two pieces and a half


@pytest.fixture
def bob(transactional_db: None) -> User:
    return make_user("bob")


def big_video(uploader: User, size: int) -> Video:
    video = make_video(uploader=uploader)
    with video.file_path.open("wb") as file:
        for _ in range(size // MIB):
            file.write(live.PIECE)
    return video


def test_open_ranges_of_what_is_played_come_in_pieces(site: live.Server, bob: User) -> None:
    visitor = Visitor(site, bob)
    path = f"/v/{big_video(bob, VIDEO).short_id}/stream.mp4"
    whole = live.PIECE * (VIDEO // MIB)
    got = b""
    while len(got) < VIDEO:
        answer = visitor.get(path, Range=f"bytes={len(got)}-")
        assert answer.status == HTTPStatus.PARTIAL_CONTENT
        assert len(answer.body) == min(MAX_RANGE_BYTES, VIDEO - len(got))
        end = len(got) + len(answer.body) - 1
        assert answer.headers["Content-Range"] == f"bytes {len(got)}-{end}/{VIDEO}"
        got += answer.body
    assert got == whole
    # What names its end, and what names none at all, is given in whole.
    assert visitor.get(path, Range=f"bytes=5-{VIDEO - 2}").body == whole[5:-1]
    assert (
        visitor.get(path, Range=f"bytes=-{MAX_RANGE_BYTES + 7}").body
        == whole[-MAX_RANGE_BYTES - 7 :]
    )
    plain = visitor.get(path)
    assert (plain.status, plain.body) == (HTTPStatus.OK, whole)


def test_the_server_does_not_open_the_database_again_for_every_request(
    site: live.Server, bob: User
) -> None:
    visitor = Visitor(site, bob)
    for _ in range(20):
        assert visitor.get("/").status == HTTPStatus.OK
    database = live.database_url().removeprefix("sqlite:///")
    open_files = [
        str(link.readlink())
        for worker in site.workers()
        for link in Path(f"/proc/{worker}/fd").iterdir()
        if link.is_symlink()
    ]
    assert database in open_files


def test_downloads_go_on_to_the_end(site: live.Server, bob: User) -> None:
    visitor = Visitor(site, bob)
    path = f"/v/{big_video(bob, VIDEO).short_id}/download/"
    answer = visitor.get(path, Range="bytes=5-")
    assert answer.status == HTTPStatus.PARTIAL_CONTENT
    assert answer.body == (live.PIECE * (VIDEO // MIB))[5:]


def test_videos_go_by_sendfile(site: live.Server, bob: User) -> None:
    """Their bytes do not pass through Python: the kernel counts them as written by this process
    when it copies them from a file, and does not when they are sent to a socket."""
    visitor = Visitor(site, bob)
    path = f"/v/{big_video(bob, 128 * MIB).short_id}/stream.mp4"
    before = written(site)
    since = time.monotonic()
    answer = visitor.get(path)
    seconds = time.monotonic() - since
    assert answer.body == live.PIECE * 128
    print(f"{128 / seconds:.0f} MB/s")
    assert written(site) - before >= 128 * MIB


def written(site: live.Server) -> int:
    """Bytes, so far."""
    found = (Path(f"/proc/{pid}/io").read_text() for pid in site.workers())
    return sum(int(text.split("wchar:")[1].split()[0]) for text in found)
