"""Each member's running total of stored bytes, and the limit on it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from accounts.services.stored_limit import set_stored_limit, stored_state
from clipset.lib.refusals import RefusedError
from siteconfig.models import Config
from tests.builders import make_admin, make_caption, make_user, make_video
from videos.models import Upload, UploadState, Video
from videos.services.captions import add_caption
from videos.services.details import delete_video
from videos.services.stored_total import (
    OverStorageError,
    add_stored,
    check_storage,
    count_all_stored,
    count_stored,
)
from videos.services.uploads.create import (
    MAX_AN_HOUR,
    VideoDetails,
    begin_upload,
    create_upload,
)
from videos.services.uploads.expire import end_upload
from videos.services.uploads.finish import finish_resumable, finish_upload, finish_whole_uploads

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.django_db

MB = 1024**2


@pytest.fixture
def bob() -> User:
    Config.objects.update(stored_limit_bytes=10 * MB)
    return make_user("bob")


def total(user: User) -> int:
    return User.objects.get(pk=user.pk).stored_bytes


def create(user: User, size: int, **details: Any) -> Upload:
    words = VideoDetails(**{"title": "Sea", **details})
    return create_upload(
        user=user, size=size, filename="sea.mp4", details=words, metadata="filename c2VhLm1wNA=="
    )


def whole(user: User, size: int, **details: Any) -> Upload:
    """An upload whose bytes are all on the disk."""
    upload = create(user, size, **details)
    upload.folder_path.mkdir()
    upload.source_path.write_bytes(bytes(size))
    Upload.objects.filter(pk=upload.pk).update(offset_bytes=size)
    upload.refresh_from_db()
    return upload


# -- the total ------------------------------------------------------------------------------------


@pytest.mark.both_databases
def test_renditions_kept_files_and_captions_count_also_in_the_trash(bob: User) -> None:
    video = make_video(uploader=bob, file_size_bytes=5, stored_bytes=100)
    make_video(uploader=bob, file_size_bytes=7, stored_bytes=50, original_key="a.mov")
    make_video(uploader=bob, file_size_bytes=9, source_key="x/source.mp4")
    make_video(uploader=bob, file_size_bytes=1, stored_bytes=20, trashed_at=timezone.now())
    make_video(uploader=make_user(), stored_bytes=1000)
    caption = make_caption(video, "WEBVTT\n\n00:01.000 --> 00:02.000\nGrüße\n")
    assert count_all_stored() == 2
    assert total(bob) == 100 + 57 + 9 + 20 + len(caption.body.encode())
    assert count_stored([bob.pk]) == 0, "it is right"


def test_a_recount_loses_nothing_that_is_added_meanwhile(bob: User) -> None:
    make_video(uploader=bob, stored_bytes=100)

    def added_between(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith("UPDATE"):
            with connection.cursor() as cursor:
                cursor.cursor.execute("UPDATE users SET stored_bytes = stored_bytes + 7")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(added_between):
        count_stored([bob.pk])
    assert total(bob) == 107


def test_deleting_a_video_for_good_subtracts_all_of_it(bob: User) -> None:
    kept = make_video(uploader=bob, stored_bytes=50)
    video = make_video(uploader=bob, stored_bytes=100, original_key="a.mov", file_size_bytes=7)
    make_caption(video, "WEBVTT\n")
    count_stored([bob.pk])
    delete_video(video=video)
    assert total(bob) == kept.stored_bytes


# -- the limit ------------------------------------------------------------------------------------


def test_an_upload_that_does_not_fit_is_refused_with_what_to_do(bob: User) -> None:
    add_stored(member=bob.pk, size=8 * MB)
    with pytest.raises(OverStorageError, match=r"8 MB of 10 MB.*Delete videos.*admin") as refusal:
        create(bob, 3 * MB)
    assert refusal.value.status == 413
    with pytest.raises(OverStorageError):
        begin_upload(user=bob, content_length=3 * MB)
    assert not Upload.objects.exists()
    assert User.objects.get(pk=bob.pk).weekly_upload_bytes == 0
    create(bob, 2 * MB)


@pytest.mark.both_databases
def test_unfinished_uploads_count_so_that_many_at_once_do_not_pass_the_limit(bob: User) -> None:
    first = create(bob, 6 * MB)
    with pytest.raises(OverStorageError, match="6 MB of 10 MB"):
        create(bob, 5 * MB)
    end_upload(upload=first)
    create(bob, 5 * MB)


def test_files_that_grew_meanwhile_keep_an_upload_from_ending_until_there_is_room(
    bob: User,
) -> None:
    """Film grain: what the site stores may be far more than what was sent."""
    upload = whole(bob, MB)
    grown = make_video(uploader=bob, stored_bytes=10 * MB)
    count_stored([bob.pk])
    with pytest.raises(OverStorageError, match="10 MB of 10 MB"):
        finish_resumable(upload)
    upload.refresh_from_db()
    assert upload.is_open
    assert finish_whole_uploads() == 0
    delete_video(video=grown)
    assert finish_whole_uploads() == 1
    assert total(bob) == MB == Video.objects.get().file_size_bytes


def test_a_plain_form_is_checked_when_it_ends_too(bob: User) -> None:
    upload = begin_upload(user=bob, content_length=MB)
    add_stored(member=bob.pk, size=10 * MB)
    upload.folder_path.mkdir()
    path = upload.folder_path / "source.mp4"
    path.write_bytes(bytes(MB))
    with pytest.raises(OverStorageError):
        finish_upload(
            upload=upload,
            path=path,
            size=MB,
            original_filename="a.mp4",
            details=VideoDetails(title="A"),
        )
    assert not Video.objects.exists()
    assert end_upload(upload=upload)


def lifted_by_nobody(bob: User) -> None:
    Config.objects.update(stored_limit_bytes=None)


def lifted_for_the_member(bob: User) -> None:
    set_stored_limit(user=bob, limit_bytes=100 * MB)


def made_admin(bob: User) -> None:
    User.objects.filter(pk=bob.pk).update(role="ADMIN", is_staff=True, is_superuser=True)


@pytest.mark.parametrize("lift", [lifted_by_nobody, lifted_for_the_member, made_admin])
def test_who_has_no_limit_or_another_one(bob: User, lift: Callable[[User], None]) -> None:
    add_stored(member=bob.pk, size=20 * MB)
    with pytest.raises(OverStorageError):
        create(bob, MB)
    lift(bob)
    create(bob, MB)


def test_what_is_shown(bob: User) -> None:
    add_stored(member=bob.pk, size=4 * MB)
    state = stored_state(User.objects.get(pk=bob.pk))
    assert (state.used_bytes, state.left_bytes, state.limit_bytes) == (4 * MB, 6 * MB, 10 * MB)
    admin = stored_state(make_admin())
    assert (admin.left_bytes, admin.limit_bytes) == (None, None)


def test_a_check_costs_the_same_however_many_videos_there_are(bob: User) -> None:
    with CaptureQueriesContext(connection) as few:
        check_storage(bob, 1)
    for _ in range(20):
        make_video(uploader=bob)
    with CaptureQueriesContext(connection) as many:
        check_storage(bob, 1)
    assert len(few) == len(many) == 3
    assert not any("videos" in query["sql"] for query in many)


def test_captions_count_toward_the_uploader_of_the_video(bob: User) -> None:
    video = make_video(uploader=bob)
    srt = b"1\n00:00:01,000 --> 00:00:02,000\nHello\n"
    caption = add_caption(video=video, contents=srt, language="en", label="")
    assert total(bob) == caption.size_bytes == len(caption.body.encode())
    add_stored(member=bob.pk, size=10 * MB)
    with pytest.raises(ValidationError, match="Not enough storage"):
        add_caption(video=video, contents=srt, language="de", label="")
    assert video.captions.count() == 1


# -- uploads --------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["ended", "finished"])
def test_the_row_of_an_upload_that_is_over_keeps_no_metadata(bob: User, how: str) -> None:
    upload = whole(bob, 1000, description="Secret")
    if how == "ended":
        end_upload(upload=upload)
    else:
        assert finish_resumable(upload) is not None
    upload.refresh_from_db()
    assert upload.state == (UploadState.ENDED if how == "ended" else UploadState.FINISHED)
    kept = [upload.filename, upload.title, upload.description, upload.metadata]
    assert kept == ["", "", "", ""]
    if upload.video:
        assert (upload.video.title, upload.video.description) == ("Sea", "Secret")


def test_a_member_creates_a_limited_number_of_uploads_an_hour(bob: User) -> None:
    now = timezone.now()
    Upload.objects.bulk_create(
        Upload(
            user=bob,
            state=UploadState.ENDED,
            is_resumable=True,
            quota_bytes=0,
            size_bytes=1,
            created_at=now - timedelta(minutes=50),
            expires_at=now,
        )
        for _ in range(MAX_AN_HOUR)
    )
    with pytest.raises(RefusedError, match="within an hour") as refusal:
        create(bob, 1000)
    assert refusal.value.status == 429
    assert refusal.value.retry_after is not None
    assert 590 <= refusal.value.retry_after <= 600
    create(make_user(), 1000)
    Upload.objects.update(created_at=now - timedelta(minutes=61))
    create(bob, 1000)
