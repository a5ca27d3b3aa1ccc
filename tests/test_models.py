"""What the database itself holds: names of the contract, defaults, constraints, delete rules."""

from __future__ import annotations

import uuid
from datetime import timedelta
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import call_command
from django.db import DataError, IntegrityError, connection, models, transaction
from django.utils import timezone

from accounts.models import Invitation, Role, Session, User
from categories.models import Category
from siteconfig.models import Config
from tests.builders import (
    make_admin,
    make_category,
    make_moderator,
    make_playlist,
    make_user,
    make_video,
)
from videos.models import Job, Playlist, PlaylistEntry, ProcessingStatus, Upload, Video

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

NOW = timezone.now()


def refuses(change: Callable[[], object]) -> bool:
    """Whether the database itself says no. PostgreSQL calls a text that is too long a DataError."""
    try:
        with transaction.atomic():
            change()
    except (IntegrityError, DataError):
        return True
    return False


# -- Names --------------------------------------------------------------------------------------
OWNERS_COLUMNS = {
    "users": {
        "id",
        "username",
        "email",
        "role",
        "avatar",
        "weekly_upload_bytes",
        "last_upload_reset",
        "weekly_upload_limit_bytes",
        "is_active",
        "is_staff",
        "is_superuser",
        "password",
    },
    "invitations": {
        "id",
        "email",
        "token_hash",
        "role",
        "created_by",
        "created_at",
        "expires_at",
        "used_at",
    },
    "categories": {
        "id",
        "name",
        "slug",
        "created_by",
        "created_at",
        "description",
        "image",
        "updated_at",
    },
    "videos": {
        "id",
        "title",
        "description",
        "filename",
        "thumbnail_filename",
        "original_filename",
        "file_size_bytes",
        "duration_seconds",
        "uploaded_by",
        "category_id",
        "view_count",
        "processing_status",
        "error_message",
        "created_at",
        "short_id",
    },
    "config": {
        "id",
        "max_file_size_bytes",
        "weekly_upload_limit_bytes",
        "video_storage_path",
        "updated_at",
        "updated_by",
    },
}


def columns(table: str) -> dict[str, Any]:
    with connection.cursor() as cursor:
        found = connection.introspection.get_table_description(cursor, table)
    return {column.name: column for column in found}


def constraints(table: str) -> dict[str, Any]:
    with connection.cursor() as cursor:
        found: dict[str, Any] = connection.introspection.get_constraints(cursor, table)
    return found


@pytest.mark.parametrize("table", OWNERS_COLUMNS)
def test_tables_and_columns_bear_the_names_that_the_owners_queries_use(table: str) -> None:
    found = set(columns(table))
    assert OWNERS_COLUMNS[table] <= found
    assert not {"uploaded_by_id", "created_by_id", "updated_by_id", "category"} & found


NULLABLE = {
    "videos": {
        "description",
        "thumbnail_filename",
        "duration_seconds",
        "category_id",
        "error_message",
    },
    "config": {"updated_by"},
    "users": {"weekly_upload_limit_bytes"},
    "invitations": {"used_at"},
    "categories": set(),
}


@pytest.mark.parametrize("table", OWNERS_COLUMNS)
def test_of_the_owners_columns_only_those_may_be_null(table: str) -> None:
    found = columns(table)
    assert {name for name in OWNERS_COLUMNS[table] if found[name].null_ok} == NULLABLE[table]


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("categories", "name"),
        ("categories", "slug"),
        ("videos", "title"),
        ("videos", "uploaded_by"),
        ("videos", "category_id"),
        ("videos", "processing_status"),
        ("videos", "created_at"),
        ("videos", "short_id"),
        ("videos", "filename"),
        ("users", "username"),
        ("users", "email"),
        ("invitations", "email"),
        ("invitations", "token_hash"),
        ("uploads", "expires_at"),
        ("sessions", "expire_date"),
        ("sessions", "user_id"),
    ],
)
def test_what_is_looked_up_has_an_index_of_its_own(table: str, column: str) -> None:
    assert any(
        each["columns"][:1] == [column] and (each["index"] or each["unique"])
        for each in constraints(table).values()
    )


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("categories", "name"),
        ("categories", "slug"),
        ("videos", "filename"),
        ("videos", "short_id"),
        ("users", "username"),
        ("users", "email"),
        ("invitations", "token_hash"),
    ],
)
def test_what_must_be_unique_is(table: str, column: str) -> None:
    assert any(
        each["columns"] == [column] and each["unique"] for each in constraints(table).values()
    )


def test_ids_are_uuids_but_those_of_jobs_and_the_configuration() -> None:
    for model in (User, Invitation, Category, Video, Upload):
        assert isinstance(model._meta.pk, models.UUIDField)
    assert isinstance(make_user().pk, uuid.UUID)


def test_no_migration_is_missing() -> None:
    out = StringIO()
    call_command("makemigrations", "--check", "--dry-run", stdout=out)
    assert "No changes detected" in out.getvalue()


# -- Defaults -----------------------------------------------------------------------------------
def test_a_new_member_has_these_values() -> None:
    alice = make_user("alice")
    alice.refresh_from_db()
    assert alice.role == "USER"
    assert alice.weekly_upload_bytes == 0
    assert alice.weekly_upload_limit_bytes is None
    assert alice.is_active
    assert not alice.is_staff
    assert not alice.is_superuser
    assert alice.avatar == ""
    assert timezone.now() - alice.last_upload_reset < timedelta(minutes=1)
    assert not alice.has_usable_password()


def test_a_new_video_has_these_values() -> None:
    video = Video.objects.create(
        title="Holiday",
        uploaded_by=make_user(),
        filename="x.mp4",
        original_filename="x.mov",
        file_size_bytes=1,
    )
    video.refresh_from_db()
    assert video.processing_status == "PENDING"
    assert video.view_count == 0
    assert not video.is_hidden
    for empty in ("description", "thumbnail_filename", "duration_seconds", "category"):
        assert getattr(video, empty) is None
    assert video.error_message is None
    assert len(video.short_id) == 10
    assert video.short_id.isalnum()
    assert timezone.now() - video.created_at < timedelta(minutes=1)


def test_the_states_of_a_video_are_stored_in_capitals() -> None:
    for status in ("PENDING", "PROCESSING", "COMPLETED", "FAILED"):
        make_video(status=status)
    with connection.cursor() as cursor:
        cursor.execute("SELECT processing_status, COUNT(*) FROM videos GROUP BY processing_status")
        assert dict(cursor.fetchall()) == dict.fromkeys(ProcessingStatus.values, 1)


def test_the_roles_are_stored_in_capitals() -> None:
    make_user(), make_moderator(), make_admin()
    with connection.cursor() as cursor:
        cursor.execute("SELECT role, COUNT(*) FROM users GROUP BY role")
        assert dict(cursor.fetchall()) == {"USER": 1, "MODERATOR": 1, "ADMIN": 1}


# -- Members ------------------------------------------------------------------------------------
def raw_user(**fields: Any) -> User:
    """Past all that checks it but the database."""
    name = fields.get("username", "alice")
    return User.objects.create(**{"username": name, "email": f"{name}@example.org", **fields})


@pytest.mark.parametrize(
    ("role", "is_staff", "is_superuser"),
    [
        (role, is_staff, is_superuser)
        for role in ("USER", "MODERATOR", "ADMIN", "OWNER", "user", "")
        for is_staff in (False, True)
        for is_superuser in (False, True)
    ],
)
def test_role_and_flags_agree(role: str, is_staff: bool, is_superuser: bool) -> None:
    fitting = {("USER", False, False), ("MODERATOR", True, False), ("ADMIN", True, True)}
    values = (role, is_staff, is_superuser)
    refused = refuses(lambda: raw_user(role=role, is_staff=is_staff, is_superuser=is_superuser))
    assert refused is (values not in fitting)


@pytest.mark.parametrize(
    ("length", "refused"), [(0, True), (2, True), (3, False), (50, False), (51, True), (500, True)]
)
def test_a_username_has_3_to_50_characters(length: int, refused: bool) -> None:
    fields = {"username": "a" * length, "email": "alice@example.org"}
    assert refuses(lambda: raw_user(**fields)) is refused


@pytest.mark.parametrize(
    "fields",
    [
        {"username": "alice", "email": "other@example.org"},
        {"username": "ALICE", "email": "other@example.org"},
        {"username": "other", "email": "alice@example.org"},
        {"username": "other", "email": "ALICE@EXAMPLE.ORG"},
        {"weekly_upload_bytes": -1},
        {"weekly_upload_limit_bytes": -1},
        {"weekly_upload_bytes": None},
        {"last_upload_reset": None},
        {"email": None},
    ],
    ids=str,
)
def test_a_member_that_cannot_be_is_refused(fields: dict[str, Any]) -> None:
    make_user("alice")
    assert refuses(lambda: raw_user(**{"username": "bob", **fields}))


def test_limits_of_zero_and_of_many_terabytes_are_stored() -> None:
    raw_user(weekly_upload_limit_bytes=0, weekly_upload_bytes=2**62)
    assert User.objects.get().weekly_upload_bytes == 2**62


def test_createsuperuser_makes_an_admin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "correct horse battery staple")
    call_command(
        "createsuperuser",
        "--noinput",
        username="root",
        email="Root@Example.org",
        stdout=StringIO(),
    )
    root = User.objects.get()
    assert (root.username, root.email) == ("root", "root@example.org")
    assert (root.role, root.is_staff, root.is_superuser) == (Role.ADMIN, True, True)
    assert root.check_password("correct horse battery staple")


def test_the_manager_takes_no_flags_that_contradict_the_role() -> None:
    root = User.objects.create_superuser(
        "root", "root@example.org", is_staff=False, is_superuser=False, role=Role.USER
    )
    assert (root.role, root.is_staff, root.is_superuser) == (Role.ADMIN, True, True)
    assert User.objects.get_by_natural_key("ROOT") == root


# -- Invitations, sessions ----------------------------------------------------------------------
def raw_invitation(**fields: Any) -> Invitation:
    values = {
        "email": "dora@example.org",
        "token_hash": uuid.uuid4().hex,
        "expires_at": NOW,
        "created_by_id": fields.pop("by", None),
        **fields,
    }
    return Invitation.objects.create(**values)


def test_an_invitation_has_a_known_role_a_hash_of_its_own_and_somebody_behind_it() -> None:
    alice = make_user()
    for role in Role:
        raw_invitation(by=alice.pk, role=role)
    assert refuses(lambda: raw_invitation(by=alice.pk, role="OWNER"))
    assert refuses(lambda: raw_invitation(by=alice.pk, role=""))
    assert refuses(raw_invitation)
    raw_invitation(by=alice.pk, token_hash="x" * 64)
    assert refuses(lambda: raw_invitation(by=alice.pk, token_hash="x" * 64))


# -- Categories ---------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("fields", "refused"),
    [
        ({"name": "Music", "slug": "other"}, True),
        ({"name": "mUSIC", "slug": "other"}, True),
        ({"name": "Other", "slug": "music"}, True),
        ({"name": "", "slug": "other"}, True),
        ({"name": "   ", "slug": "other"}, True),
        ({"name": "Other", "slug": "other", "description": "d" * 501}, True),
        ({"name": "Other", "slug": "other", "description": "d" * 500}, False),
        ({"name": "Other", "slug": "other", "created_by_id": None}, True),
    ],
    ids=str,
)
def test_a_category_that_cannot_be_is_refused(fields: dict[str, Any], refused: bool) -> None:
    music = make_category("Music")
    values = {"created_by_id": music.created_by_id, **fields}
    assert refuses(lambda: Category.objects.create(**values)) is refused


# -- Videos -------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("fields", "refused"),
    [
        ({"title": ""}, True),
        ({"title": "    "}, True),
        ({"title": "x"}, False),
        ({"title": "x" * 200}, False),
        ({"title": "ü" * 200}, False),
        ({"title": "x" * 201}, True),
        ({"description": None}, False),
        ({"description": ""}, False),
        ({"description": "🎬" * 5000}, False),
        ({"description": "x" * 5001}, True),
        ({"processing_status": "READY"}, True),
        ({"processing_status": "completed"}, True),
        ({"processing_status": ""}, True),
        ({"processing_status": None}, True),
        ({"processing_status": "FAILED", "error_message": None}, True),
        ({"processing_status": "FAILED", "error_message": ""}, True),
        ({"processing_status": "FAILED", "error_message": "Why."}, False),
        ({"processing_status": "PROCESSING", "error_message": "Before."}, False),
        ({"file_size_bytes": -1}, True),
        ({"file_size_bytes": 0}, False),
        ({"file_size_bytes": 2**50}, False),
        ({"file_size_bytes": None}, True),
        ({"quota_bytes": -1}, True),
        ({"view_count": -1}, True),
        ({"uploaded_by_id": None}, True),
        ({"filename": "taken.mp4"}, True),
        ({"short_id": "TakenTaken"}, True),
        ({"short_id": "takentaken"}, False),
    ],
    ids=lambda value: repr(value)[:60],
)
def test_a_video_that_cannot_be_is_refused(fields: dict[str, Any], refused: bool) -> None:
    alice = make_user()
    make_video(uploader=alice, filename="taken.mp4", short_id="TakenTaken")
    values = {
        "title": "Holiday",
        "uploaded_by_id": alice.pk,
        "filename": "x.mp4",
        "original_filename": "x.mov",
        "file_size_bytes": 1,
        **fields,
    }
    assert refuses(lambda: Video.objects.create(**values)) is refused
    if not refused:
        return
    # Nor can one that is there be made such.
    video = Video.objects.create(
        title="y", uploaded_by=alice, filename="y.mp4", original_filename="y", file_size_bytes=1
    )
    assert refuses(lambda: Video.objects.filter(pk=video.pk).update(**fields))


# -- Playlists ----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("fields", "refused"),
    [
        ({"title": ""}, True),
        ({"title": "   "}, True),
        ({"title": "ü" * 200}, False),
        ({"title": "x" * 201}, True),
        ({"description": "x" * 5000}, False),
        ({"description": "x" * 5001}, True),
        ({"made_by_id": None}, True),
        ({"short_id": "TakenTaken"}, True),
    ],
    ids=lambda value: repr(value)[:60],
)
def test_a_playlist_that_cannot_be_is_refused(fields: dict[str, Any], refused: bool) -> None:
    alice = make_user()
    make_playlist(made_by=alice, short_id="TakenTaken")
    values = {"title": "Summer", "made_by_id": alice.pk, **fields}
    assert refuses(lambda: Playlist.objects.create(**values)) is refused


def test_a_video_stands_once_in_a_playlist_and_leaves_it_when_it_is_deleted() -> None:
    playlist, video = make_playlist(), make_video()
    playlist.entries.create(video=video, position=0)
    assert refuses(lambda: playlist.entries.create(video=video, position=1))
    make_playlist().entries.create(video=video, position=0)
    video.delete()
    assert PlaylistEntry.objects.count() == 0
    assert Playlist.objects.count() == 2


# -- Jobs and uploads ---------------------------------------------------------------------------
def raw_job(video: Video, **fields: Any) -> Job:
    return Job.objects.create(video=video, **fields)


RUNNING = {"state": "RUNNING", "lease_owner": "me", "lease_until": NOW}


def test_a_video_has_one_open_job_at_most() -> None:
    video = make_video()
    for _ in range(2):
        raw_job(video, state="DONE")
        raw_job(video, state="FAILED")
    raw_job(video)
    assert refuses(lambda: raw_job(video))
    assert refuses(lambda: raw_job(video, **RUNNING))
    raw_job(make_video())


def test_a_video_with_a_running_job_gets_no_waiting_one() -> None:
    video = make_video()
    raw_job(video, **RUNNING)
    assert refuses(lambda: raw_job(video))


@pytest.mark.parametrize("state", ["WAITING", "RUNNING", "DONE", "FAILED"])
@pytest.mark.parametrize("owner", ["", "me"])
@pytest.mark.parametrize("until", [None, NOW])
def test_a_job_has_a_lease_exactly_while_it_runs(state: str, owner: str, until: Any) -> None:
    leased = (owner, until) == ("me", NOW)
    free = (owner, until) == ("", None)
    fits = leased if state == "RUNNING" else free
    job = {"state": state, "lease_owner": owner, "lease_until": until}
    assert refuses(lambda: raw_job(make_video(), **job)) is not fits


@pytest.mark.parametrize("state", ["", "waiting", "LOST"])
def test_a_job_in_a_state_that_there_is_not_is_refused(state: str) -> None:
    assert refuses(lambda: raw_job(make_video(), state=state))


@pytest.mark.parametrize(
    "fields",
    [{"failures": -1}, {"losses": -1}, {"progress": -1}, {"seconds_left": -1}],
    ids=str,
)
def test_counts_of_a_job_are_never_negative(fields: dict[str, int]) -> None:
    assert refuses(lambda: raw_job(make_video(), **fields))


@pytest.mark.parametrize("fields", [{"quota_bytes": -1}, {"size_bytes": -1}], ids=str)
def test_bytes_of_an_upload_are_never_negative(fields: dict[str, int]) -> None:
    values = {"quota_bytes": 1, "size_bytes": 1, "expires_at": NOW, **fields}
    assert refuses(lambda: Upload.objects.create(user=make_user(), **values))


# -- Delete rules -------------------------------------------------------------------------------
def test_deleting_a_category_keeps_its_videos() -> None:
    category = make_category()
    videos = [make_video(category=category) for _ in range(3)]
    category.delete()
    assert set(Video.objects.all()) == set(videos)
    assert not Video.objects.exclude(category=None).exists()


def test_deleting_a_member_deletes_what_is_theirs_and_nothing_else() -> None:
    alice, bob = make_user("alice"), make_user("bob")
    shelf = make_category(created_by=alice)
    kept = make_video(uploader=bob, category=shelf)
    raw_job(make_video(uploader=alice))
    raw_invitation(by=alice.pk)
    Upload.objects.create(user=alice, quota_bytes=1, size_bytes=1, expires_at=NOW)
    Session.objects.create(session_key="k", session_data="", expire_date=NOW, user=alice)
    Config.objects.update(updated_by=alice)
    alice.delete()
    assert list(User.objects.all()) == [bob]
    assert list(Video.objects.all()) == [kept]
    kept.refresh_from_db()
    assert kept.category is None
    for model in (Category, Job, Invitation, Upload, Session):
        assert not model._default_manager.exists()
    assert Config.objects.get().updated_by is None


def test_deleting_a_video_deletes_its_jobs_and_nothing_else() -> None:
    category = make_category()
    video, other = make_video(category=category), make_video(category=category)
    raw_job(video, state="DONE")
    raw_job(video)
    raw_job(other)
    video.delete()
    assert list(Video.objects.all()) == [other]
    assert Job.objects.count() == 1
    assert Category.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("videos", "uploaded_by"),
        ("videos", "category_id"),
        ("categories", "created_by"),
        ("invitations", "created_by"),
        ("config", "updated_by"),
        ("jobs", "video_id"),
        ("uploads", "user_id"),
        ("sessions", "user_id"),
    ],
)
def test_foreign_keys_are_held_by_the_database(table: str, column: str) -> None:
    """Also against a hand that writes SQL: nothing points at what is not there."""
    found = constraints(table).values()
    assert any(each["columns"] == [column] and each["foreign_key"] for each in found)
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA foreign_keys")
            assert cursor.fetchone() == (1,)


@pytest.mark.django_db(transaction=True)
def test_a_row_cannot_point_at_nobody() -> None:
    with pytest.raises(IntegrityError):
        make_video(uploader=User(pk=uuid.uuid4()))
    assert not Video.objects.exists()
