"""Guests on a real server, and nginx in front of it."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.builders import make_user
from tests.processes import wait_for
from tests.videos import live
from tests.videos.conftest import use_folders_of
from tests.videos.live import Visitor
from tests.videos.nginx import locations_of_files, nginx
from tests.videos.views.test_media import SIZE, VIDEO, video_file
from videos.models import GuestLink, Video
from videos.services.guest_links import create_guest_link

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django import DjangoDbBlocker
    from pytest_django.fixtures import Settings

pytestmark = pytest.mark.django_db(transaction=True)


def token_for(video: Video) -> str:
    week = timedelta(days=7)
    return create_guest_link(video=video, created_by=video.uploaded_by, lifetime=week).token


def test_no_log_has_a_token_whatever_is_asked_with_it(site: live.Server) -> None:
    bob = make_user("bob")
    token = token_for(video_file(bob))
    visitor = Visitor(site, bob)
    own = f"{site.url}/s/{token}/"
    before = site.log.read_text()
    for path, method in (
        (f"/s/{token}/", "GET"),
        (f"/s/{token}", "GET"),
        (f"/s/{token}/stream.mp4?v=1", "GET"),
        (f"/s/{token}/view/", "POST"),
        (f"/s/{token}/nothing", "GET"),
        (f"/S/{token}/", "GET"),
        (f"/%73/{token}/", "GET"),
        (f"/login/?next=/s/{token}/", "GET"),
        ("/login/", "GET"),
    ):
        assert visitor.get(path, method=method, Referer=own).status < 500
    wait_for(lambda: site.log.read_text().count("/login/") > before.count("/login/") + 1)
    written = site.log.read_text()[len(before) :]
    assert written.count("/s/…") > 5
    assert token not in written
    assert token[:20] not in written


# -- nginx ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def behind_nginx(
    tmp_path_factory: pytest.TempPathFactory,
    static_files: Path,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[live.Server]:
    folder = tmp_path_factory.mktemp("behind")
    media, log = folder / "media", folder / "log"
    with live.server(media, static_files, log, MEDIA_ACCEL_PREFIX="/files") as started:
        yield started


@pytest.fixture
def front(
    behind_nginx: live.Server, media: Path, transactional_db: None, settings: Settings
) -> Iterator[live.Server]:
    use_folders_of(behind_nginx, settings)
    with nginx(behind_nginx, locations_of_files(behind_nginx)) as started:
        yield started
    for folder in behind_nginx.media.iterdir():
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.nginx
def test_nginx_sends_what_the_site_names_and_nothing_else(front: live.Server) -> None:
    bob = make_user("bob")
    video = video_file(bob, title="Küche")
    video.file_path.rename(video.file_path.with_name("a video 100%.mp4"))
    Video.objects.update(filename="a video 100%.mp4")
    video.refresh_from_db()
    visitor = Visitor(front, bob)
    member, guest = f"/v/{video.short_id}/stream.mp4", f"/s/{token_for(video)}/stream.mp4"
    for path, cache in ((member, "private, no-cache"), (guest, "private, no-store")):
        whole = visitor.get(path)
        assert (whole.status, whole.body) == (200, VIDEO)
        assert whole.headers["Content-Type"] == "video/mp4"
        assert whole.headers["Cache-Control"] == cache
        assert whole.headers["X-Content-Type-Options"] == "nosniff"
        assert whole.headers["X-Accel-Redirect"] is None
        assert whole.headers["Accept-Ranges"] == "bytes"
        for asked, start, end in (
            ("bytes=0-0", 0, 0),
            ("bytes=100-", 100, SIZE - 1),
            ("bytes=-7", SIZE - 7, SIZE - 1),
            (f"bytes=5-{SIZE + 9}", 5, SIZE - 1),
        ):
            part = visitor.get(path, Range=asked)
            assert (part.status, part.body) == (206, VIDEO[start : end + 1])
            assert part.headers["Content-Range"] == f"bytes {start}-{end}/{SIZE}"
        assert visitor.get(path, Range=f"bytes={SIZE}-").status == 416
        head = visitor.get(path, method="HEAD")
        assert (head.body, head.headers["Content-Length"]) == (b"", str(SIZE))
        date = whole.headers["Last-Modified"]
        assert whole.headers["ETag"] is None
        assert visitor.get(path, If_Modified_Since=date).status == 304
        assert visitor.get(path, Range="bytes=0-1", If_Range=date).status == 206
        assert visitor.get(path, Range="bytes=0-1", If_Range='"other"').status == 200
    named = visitor.get(f"/v/{video.short_id}/download/").headers["Content-Disposition"]
    assert named == "attachment; filename*=utf-8''K%C3%BCche.mp4"

    (front.media / "avatars").mkdir()
    (front.media / "avatars" / "bob-12345678.webp").write_bytes(b"PICTURE")
    type(bob).objects.update(avatar="bob-12345678.webp")
    picture = visitor.get("/profile/bob/avatar.webp")
    assert (picture.status, picture.body) == (200, b"PICTURE")
    assert picture.headers["Content-Type"] == "image/webp"
    assert picture.headers["Cache-Control"] == "private, max-age=86400"

    inside = f"/files{front.media}/videos/a%20video%20100%25.mp4"
    for outside in (inside, inside.replace("/videos/", "/videos/../videos/"), "/files/etc/passwd"):
        assert visitor.get(outside).status == 404
    GuestLink.objects.all().delete()
    assert visitor.get(guest).status == 404
    Video.objects.update(is_hidden=True)
    assert Visitor(front, make_user("eve")).get(member).status == 404
    assert visitor.get(member).status == 200
