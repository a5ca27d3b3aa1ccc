"""Uploads that end while their member goes into the trash."""

from __future__ import annotations

from threading import Thread

import pytest
from django.db import connections, transaction

from accounts.models import User
from accounts.services.trash import trash_members
from tests.builders import make_admin, make_user, make_video
from videos.models import Video
from videos.services.uploads.finish import _is_active


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
