"""Uploads that end while their member goes into the trash."""

from __future__ import annotations

from datetime import timedelta
from threading import Thread
from typing import TYPE_CHECKING

import pytest
from django.db import connections, transaction
from django.utils import timezone

from accounts.models import User
from accounts.services.trash import restore_member, trash_members
from tests.builders import live_for, make_admin, make_user, make_video
from videos.models import Upload, Video
from videos.services.uploads.append import Body, append_chunk, settle_status
from videos.services.uploads.create import VideoDetails, create_upload
from videos.services.uploads.expire import end_expired_uploads
from videos.services.uploads.finish import _is_active, finish_whole_uploads
from videos.tus.types import Append, TusError

if TYPE_CHECKING:
    from collections.abc import Callable


def _trash(member: User, admin: User) -> None:
    try:
        trash_members(users=[member], by=admin)
    finally:
        connections.close_all()


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_a_video_that_is_stored_while_its_member_is_deleted_goes_into_the_trash_too() -> None:
    member, admin = make_user(), make_admin()
    with transaction.atomic():
        assert _is_active(member.pk)
        other = Thread(target=_trash, args=(member, admin))
        other.start()
        other.join(0.5)
        assert User.objects.get(pk=member.pk).is_active
        video = make_video(uploader=member)
    other.join(30)
    assert Video.objects.get(pk=video.pk).is_trashed
    with transaction.atomic():
        assert not _is_active(member.pk)


def send(upload: Upload, data: bytes, *, offset: int, before_end: Callable[[], object]) -> None:
    """One request, whose body ends after `before_end` was called."""
    parts = iter([data[:2], data[2:]])

    def read(_size: int) -> bytes:
        part = next(parts, b"")
        if part == data[2:]:
            before_end()
        return part

    append_chunk(upload=upload, chunk=Append(offset=offset, size=len(data)), body=Body(read=read))


def in_flight(member: User, admin: User) -> Upload:
    """An upload whose member goes into the trash while a request brings its bytes."""
    details = VideoDetails(title="Sea")
    upload = create_upload(user=member, size=8, filename="sea.mp4", details=details)
    with pytest.raises(TusError, match="deactivated"):
        send(
            upload,
            b"all of it"[:8],
            offset=0,
            before_end=lambda: trash_members(users=[member], by=admin),
        )
    upload.refresh_from_db()
    assert finish_whole_uploads() == 0
    assert not Video.objects.exists()
    return upload


@pytest.mark.both_databases
@pytest.mark.django_db
def test_an_upload_in_flight_goes_on_once_its_member_is_restored() -> None:
    member, admin = make_user(), make_admin()
    upload = in_flight(member, admin)
    path = upload.source_path
    restore_member(user=member, by=admin)
    offset = settle_status(upload=upload).offset
    send(upload, b"all of it"[offset:8], offset=offset, before_end=lambda: None)
    video = Video.objects.get()
    assert not video.is_trashed
    assert path.read_bytes() == b"all of i"


@pytest.mark.both_databases
@pytest.mark.django_db
def test_an_upload_in_flight_of_a_member_who_stays_in_the_trash_expires() -> None:
    member, admin = make_user(), make_admin()
    upload = in_flight(member, admin)
    live_for(9)
    Upload.objects.update(expires_at=timezone.now() - timedelta(days=5))
    assert end_expired_uploads() == 1
    upload.refresh_from_db()
    member.refresh_from_db()
    assert (upload.state, member.weekly_upload_bytes) == ("ENDED", 0)
    assert not Video.objects.exists()
