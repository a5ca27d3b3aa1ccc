"""Pictures of members and categories: sent as videos are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from accounts.services.avatars import avatar_path
from categories.services import cover_path, store_cover
from tests.builders import make_category, make_user

if TYPE_CHECKING:
    from django.test import Client
    from pytest_django.fixtures import Settings

    from accounts.models import User

pytestmark = pytest.mark.django_db
CONTENT = bytes(range(200))


@pytest.fixture
def bob(client: Client, media: Path) -> User:
    bob = make_user("bob", avatar="bob-12345678.webp")
    client.force_login(bob)
    (media / "avatars").mkdir()
    (media / "avatars" / bob.avatar).write_bytes(CONTENT)
    return bob


@pytest.fixture(params=["avatar", "cover"])
def address(request: pytest.FixtureRequest, bob: User) -> tuple[str, Path]:
    """Of a picture, and where it lies."""
    if request.param == "avatar":
        path = avatar_path(bob)
        assert path is not None
        return "/profile/bob/avatar.webp", path
    path = cover_path(store_cover(category=make_category("Music"), webp=CONTENT))
    assert path is not None
    return "/categories/music/cover.webp", path


def body(answer: Any) -> bytes:
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


def test_a_picture_is_kept_for_a_day_and_sent_in_parts(
    client: Client, address: tuple[str, Path]
) -> None:
    whole = client.get(address[0])
    assert (whole.status_code, body(whole)) == (200, CONTENT)
    assert (whole["Content-Type"], whole["Accept-Ranges"]) == ("image/webp", "bytes")
    assert whole["Cache-Control"] == "private, max-age=86400"
    assert "Content-Disposition" not in whole
    part = client.get(address[0], headers={"Range": "bytes=5-9"})
    assert (part.status_code, body(part)[:5]) == (206, CONTENT[5:10])  # the server stops there
    assert (part["Content-Length"], part["Content-Range"]) == ("5", "bytes 5-9/200")
    known = client.get(address[0], headers={"If-None-Match": whole["ETag"]})
    assert (known.status_code, body(known)) == (304, b"")
    client.logout()
    assert client.get(address[0]).status_code == 302
    address[1].unlink()
    client.force_login(make_user())
    assert client.get(address[0]).status_code == 404


def test_with_a_web_server_in_front_a_picture_is_only_named(
    client: Client, address: tuple[str, Path], settings: Settings
) -> None:
    settings.MEDIA_ACCEL_PREFIX = "/files"
    answer = client.get(address[0])
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer["X-Accel-Redirect"] == f"/files{address[1]}"
    assert answer["Cache-Control"] == "private, max-age=86400"
    client.logout()
    assert "X-Accel-Redirect" not in client.get(address[0])


def test_there_are_pictures_only_where_one_was_chosen(client: Client, bob: User) -> None:
    make_user("alice")
    make_category("Music")
    for missing in ("/profile/alice/avatar.webp", "/profile/nobody/avatar.webp"):
        assert client.get(missing).status_code == 404
    for missing in ("/categories/music/cover.webp", "/categories/none/cover.webp"):
        assert client.get(missing).status_code == 404
