"""Creates rows for tests, with defaults that a counter makes unique."""

from __future__ import annotations

from datetime import UTC, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Role, User
from categories.models import Category
from siteconfig.models import DayAlive
from videos.models import Caption, CaptionWords, Playlist, ProcessingStatus, Video
from videos.services.caption_words import fold_captions
from videos.services.search_index import index_video

if TYPE_CHECKING:
    from django.test import Client

PASSWORD = "correct horse battery staple"

_numbers = count(1)


def make_user(username: str = "", *, role: Role = Role.USER, **fields: Any) -> User:
    """Creates a member, without a password by default (`client.force_login` works without)."""
    username = username or f"member{next(_numbers)}"
    fields.setdefault("email", f"{username.lower()}@example.org")
    return User.objects.create_user(username, role=role, **fields)


def make_moderator(username: str = "", **fields: Any) -> User:
    return make_user(username or f"moderator{next(_numbers)}", role=Role.MODERATOR, **fields)


def make_admin(username: str = "", **fields: Any) -> User:
    return make_user(username or f"admin{next(_numbers)}", role=Role.ADMIN, **fields)


def make_category(name: str = "", **fields: Any) -> Category:
    """Creates a category, by a new admin by default."""
    name = name or f"Category {next(_numbers)}"
    fields.setdefault("slug", name.lower().replace(" ", "-"))
    if "created_by" not in fields:
        fields["created_by"] = make_admin()
    return Category.objects.create(name=name, **fields)


def make_video(
    title: str = "",
    *,
    uploader: User | None = None,
    status: ProcessingStatus | str = ProcessingStatus.COMPLETED,
    **fields: Any,
) -> Video:
    """Creates a video without files, of a new member by default."""
    number = next(_numbers)
    fields.setdefault("filename", f"video-{number}.mp4")
    fields.setdefault("storage_root", "videos")
    fields.setdefault("original_filename", f"clip {number}.mp4")
    fields.setdefault("file_size_bytes", 1024**2)
    if status == ProcessingStatus.FAILED:
        fields.setdefault("error_message", "This file holds no picture.")
    if status == ProcessingStatus.COMPLETED:
        fields.setdefault("duration_seconds", 83.0)
    video = Video.objects.create(
        title=title or f"Video {number}",
        uploaded_by=uploader or make_user(),
        processing_status=status,
        **fields,
    )
    index_video(video.pk)
    return video


def make_caption(video: Video, body: str, *, code: str = "en", **fields: Any) -> Caption:
    """Creates a caption track with this WebVTT, and its folded text for the search.

    Unlike add_caption it stores the body unchanged.
    """
    fields = {"language": code, "label": code, "size_bytes": len(body.encode())} | fields
    caption = Caption.objects.create(video=video, code=code, body=body, **fields)
    CaptionWords.objects.create(caption=caption, words=fold_captions(body))
    index_video(video.pk)
    return caption


def make_playlist(title: str = "", *, made_by: User | None = None, **fields: Any) -> Playlist:
    """Creates an empty playlist, of a new member by default."""
    title = title or f"Playlist {next(_numbers)}"
    return Playlist.objects.create(title=title, made_by=made_by or make_user(), **fields)


def live_for(days: int) -> None:
    """Records that the site ran on each of these days until today, so that cleanups may run."""
    today = timezone.now().astimezone(UTC).date()
    dates = [today - timedelta(days=day) for day in range(days + 1)]
    DayAlive.objects.bulk_create([DayAlive(date=it) for it in dates], ignore_conflicts=True)


def count_queries(client: Client, address: str) -> int:
    """Returns the number of queries of a page, without the one that updates the session."""
    client.get(address)
    with CaptureQueriesContext(connection) as queries:
        assert client.get(address).status_code == 200
    return len(queries)
