"""Members at their storage limit, in "Needs attention"."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import Role, User
from accounts.services.quota_refusals import note_refusal
from clipset.lib.refusals import RefusedError
from siteconfig.models import MAX_STORED_LIMIT_BYTES, Config
from tests.attention import act, rows_of, titles_of, undo
from tests.builders import count_queries, make_admin, make_moderator, make_user
from videos.attention.full_storage import STAYS, members_over_storage
from videos.models import Upload
from videos.services.stored_total import OverStorageError
from videos.services.uploads.create import VideoDetails, begin_upload, create_upload
from videos.services.uploads.finish import finish_resumable

if TYPE_CHECKING:
    from django.test import Client

pytestmark = pytest.mark.django_db

MB = 1024**2


@pytest.fixture(autouse=True)
def small_storage() -> None:
    Config.objects.update(stored_limit_bytes=10 * MB)


def full() -> User:
    return make_user(stored_bytes=10 * MB)


def create(user: User, size: int) -> Upload:
    return create_upload(
        user=user, size=size, filename="a.mp4", details=VideoDetails(title="Beach")
    )


def try_upload(user: User, size: int) -> None:
    with pytest.raises(RefusedError, match="Not enough storage"):
        create(user, size)


def limit_of(user: User) -> int | None:
    return User.objects.get(pk=user.pk).stored_limit_bytes


@pytest.mark.both_databases
def test_a_refused_upload_makes_its_member_appear_and_room_makes_them_disappear() -> None:
    user, mona = full(), make_moderator()
    assert titles_of("storage", mona) == []
    try_upload(user, 3 * MB)
    [row] = rows_of("storage", mona)
    assert row.title == user.username
    assert row.why == "Tried to upload 3 MB with 10 MB of 10 MB stored."
    assert titles_of("quotas", mona) == []
    User.objects.filter(pk=user.pk).update(stored_bytes=7 * MB)
    assert titles_of("storage", mona) == []
    Config.objects.update(stored_limit_bytes=None)
    User.objects.filter(pk=user.pk).update(stored_bytes=99 * MB)
    assert titles_of("storage", mona) == []


def test_unfinished_uploads_count_as_stored() -> None:
    user, mona = make_user(), make_moderator()
    create(user, 8 * MB)
    try_upload(user, 3 * MB)
    assert rows_of("storage", mona)[0].why == "Tried to upload 3 MB with 8 MB of 10 MB stored."


def test_the_plain_form_and_a_visit_of_the_page_count_too(client: Client) -> None:
    one, two, three, mona = full(), full(), make_user(stored_bytes=9 * MB), make_moderator()
    with pytest.raises(RefusedError):
        begin_upload(user=one, content_length=3 * MB)
    for visitor in (two, three):
        client.force_login(visitor)
        assert client.get("/upload/").status_code == 200
    rows = {row.title: row.why for row in rows_of("storage", mona)}
    assert set(rows) == {one.username, two.username}
    assert rows[two.username] == "Tried to upload with 10 MB of 10 MB stored."


def test_an_upload_that_waits_at_its_end_counts() -> None:
    user, mona = make_user(), make_moderator()
    upload = create(user, 5 * MB)
    upload.folder_path.mkdir()
    upload.source_path.write_bytes(bytes(5 * MB))
    Upload.objects.update(offset_bytes=5 * MB)
    upload.refresh_from_db()
    User.objects.filter(pk=user.pk).update(stored_bytes=6 * MB)
    with pytest.raises(OverStorageError):
        finish_resumable(upload)
    assert rows_of("storage", mona)[0].why == "Tried to upload with 11 MB of 10 MB stored."
    User.objects.filter(pk=user.pk).update(stored_bytes=4 * MB)
    assert titles_of("storage", mona) == []
    assert finish_resumable(upload) is not None


def test_a_member_who_has_not_tried_for_a_week_disappears() -> None:
    user, mona = full(), make_moderator()
    try_upload(user, MB)
    moment = timezone.now()
    for age, is_shown in ((-timedelta(hours=1), False), (STAYS, False), (STAYS / 2, True)):
        User.objects.filter(pk=user.pk).update(quota_refused_at=moment - age)
        assert bool(titles_of("storage", mona)) == is_shown
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert titles_of("storage", mona) == []


def test_the_limit_is_doubled_by_one_click_and_the_log_undoes_it(client: Client) -> None:
    user, mona = full(), make_moderator()
    try_upload(user, 3 * MB)
    [row] = rows_of("storage", mona)
    assert (row.act.label, row.act.value) == ("Raise limit to 20 MB", str(20 * MB))
    assert [it.label for it in row.menu] == ["Change limit", "Open profile"]
    client.force_login(mona)
    answer = act(client, "storage", user.pk, "raise", row.act.value)
    assert f"{user.username} may store 20 MB now." in answer.text
    assert limit_of(user) == 20 * MB
    assert rows_of("storage", mona) == []
    again = act(client, "storage", user.pk, "raise", row.act.value)
    assert "no longer needs attention" in again.text
    undone = undo(client, answer.text)
    assert f'id="row-storage-{user.pk}"' in undone.text, "its row is open again, in the same place"
    assert limit_of(user) is None


@pytest.mark.parametrize(
    ("limit", "size"), [(0, MB), (10 * MB, 11 * MB), (MAX_STORED_LIMIT_BYTES, MB)]
)
def test_a_limit_that_doubling_would_not_help_is_not_raised(
    client: Client, limit: int, size: int
) -> None:
    user, mona = make_user(stored_bytes=limit, stored_limit_bytes=limit), make_moderator()
    note_refusal(user=user, size=size)
    [row] = rows_of("storage", mona)
    assert row.act.label == "Change limit"
    assert row.act.url.endswith("#id_stored_limit_bytes")
    client.force_login(mona)
    assert act(client, "storage", user.pk, "raise", str(2 * limit)).status_code == 422
    assert limit_of(user) == limit


def test_a_stale_page_or_a_malformed_one_raises_nothing(client: Client) -> None:
    user = full()
    try_upload(user, 3 * MB)
    client.force_login(make_moderator())
    for value in ("", "1", str(40 * MB), "\x00"):
        assert act(client, "storage", user.pk, "raise", value).status_code == 422
    assert "no longer needs attention" in act(client, "storage", "nonsense", "raise").text
    assert limit_of(user) is None


def test_moderators_raise_no_limit_of_staff(client: Client) -> None:
    mona, other = make_moderator(stored_bytes=10 * MB), make_moderator()
    try_upload(mona, MB)
    for moderator in (mona, other):
        assert titles_of("storage", moderator) == []
        client.force_login(moderator)
        act(client, "storage", mona.pk, "raise", str(20 * MB))
    assert limit_of(mona) is None
    assert titles_of("storage", make_admin()) == [mona.username]
    User.objects.filter(pk=mona.pk).update(role=Role.ADMIN, is_superuser=True)
    assert titles_of("storage", make_admin()) == []


def test_many_members_cost_no_more_queries(client: Client) -> None:
    client.force_login(make_admin())
    note_refusal(user=full(), size=MB)
    few = count_queries(client, "/admin/")
    for _ in range(30):
        note_refusal(user=full(), size=MB)
    assert count_queries(client, "/admin/") == few


@pytest.mark.skipif(connection.vendor != "sqlite", reason="reads SQLite's plan")
def test_members_are_found_by_their_index() -> None:
    plan = members_over_storage(make_admin())[:25].explain()
    assert "USING INDEX users_quota_refused" in plan
    assert "SCAN users" not in plan
