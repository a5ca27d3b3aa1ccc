"""The owner's sample data: one real seeding, looked at from all sides, and what surrounds it."""

from __future__ import annotations

import functools
import io
import re
import shutil
import sqlite3
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.hashers import check_password
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.models import Invitation, Role, Session, User
from accounts.services.avatars import avatar_path, set_avatar
from accounts.sessions import SessionStore
from categories.models import Category
from clipset import settings as production
from siteconfig.models import Config
from tests import clips
from tests.builders import make_admin, make_category, make_user, make_video
from tests.folders import entries, files_below
from tests.processes import Site
from tests.videos.stored_videos import run_queue
from tests.videos.transcode import fragmented
from videos.models import DailyStatistics, Job, ProcessingStatus, Upload, Video
from videos.sample_data import seed as seed_module
from videos.sample_data.clips import CLIPS, BuiltFile, Say, copy_source, make_clip
from videos.sample_data.data import VIDEOS, sample_short_id
from videos.services.daily_statistics import count_days
from videos.transcode.errors import ProcessingError
from videos.transcode.pipeline import transcode
from videos.transcode.plan import make_plan
from videos.transcode.probe import probe
from videos.transcode.publish import publish_file
from videos.transcode.types import Options, no_tick

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

    from tests.projects import Databases

pytestmark = pytest.mark.ffmpeg

OWNERS_QUERIES = {
    "SELECT (SELECT COUNT(*) FROM users),(SELECT COUNT(*) FROM categories),"
    "(SELECT COUNT(*) FROM videos),(SELECT COUNT(*) FROM config);": ["4|6|20|1"],
    "SELECT processing_status, COUNT(*) FROM videos GROUP BY processing_status;": [
        "COMPLETED|9",
        "FAILED|5",
        "PROCESSING|6",
    ],
    "SELECT username, ROUND(CAST(weekly_upload_bytes AS REAL)/1073741824,2), "
    "ROUND(CAST(weekly_upload_bytes AS REAL)/4294967296*100,0) FROM users ORDER BY username;": [
        "admin|0.0|0.0",
        "alice|0.0|0.0",
        "bob|2.0|50.0",
        "charlie|4.0|100.0",
    ],
}
FOLDERS = ("videos", "thumbnails", "temp", "originals")


# -- one real seeding, as an operator does it -------------------------------------------------


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, sqlite_databases: Databases) -> Site:
    """A site whose ten files are copies of one small clip, which is quick."""
    folder = tmp_path_factory.mktemp("seeded")
    return seeded_site(folder, sqlite_databases, "--source", str(clips.h264_mp4(seconds=6)))


@pytest.fixture(scope="module")
def painted_site(tmp_path_factory: pytest.TempPathFactory, sqlite_databases: Databases) -> Site:
    """A site with the clips that the command makes: about 25 s of processor time."""
    return seeded_site(tmp_path_factory.mktemp("painted"), sqlite_databases)


def seeded_site(folder: Path, databases: Databases, *arguments: str) -> Site:
    paths = {
        f"{name.upper()}_STORAGE_PATH": str(folder / f"{name}s")
        for name in ("video", "thumbnail", "original")
    }
    site = Site(folder, **paths, TEMP_STORAGE_PATH=str(folder / "temp"))
    databases.migrated(site.database)
    said = site.manage("seed_clipset", *arguments)
    assert arguments or "Making clip 3 of 10 …" in said
    assert "admin123" in said
    return site


def rows(site: Site, query: str) -> list[Any]:
    connection = sqlite3.connect(site.folder / "site.db")
    connection.row_factory = sqlite3.Row
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def owners_answers(site: Site) -> dict[str, list[str]]:
    """As sqlite3's own shell prints them."""
    return {query: _shell(site, query) for query in OWNERS_QUERIES}


def _shell(site: Site, query: str) -> list[str]:
    """By that shell where it is installed, else in its way of printing."""
    if shutil.which("sqlite3"):
        asked = ["sqlite3", str(site.folder / "site.db"), query]
        return subprocess.check_output(asked, text=True).split()
    return ["|".join(map(str, row)) for row in rows(site, query)]


def test_the_owners_queries_print_what_the_contract_says(site: Site) -> None:
    assert owners_answers(site) == OWNERS_QUERIES


def test_they_still_do_after_the_schedules_ran(site: Site) -> None:
    site.shell(
        "from accounts.tasks import clear_expired, reset_quotas\n"
        "from videos.tasks import look_after_jobs, run_next_job, tidy_up\n"
        "for task in (reset_quotas, clear_expired, look_after_jobs, run_next_job, tidy_up): task()"
    )
    assert owners_answers(site) == OWNERS_QUERIES
    assert len(entries(site.folder / "videos")) == 10


def test_there_are_no_invitations_and_no_jobs(site: Site) -> None:
    for table in ("invitations", "jobs", "uploads", "sessions", "django_q_ormq"):
        assert rows(site, f"SELECT * FROM {table}") == [], table  # noqa: S608


def test_everything_is_marked_as_a_sample(site: Site) -> None:
    for table in ("users", "categories", "videos"):
        query = f"SELECT * FROM {table} WHERE NOT is_sample"  # noqa: S608
        assert rows(site, query) == [], table


def test_members_have_the_known_passwords_in_argon2(site: Site, settings: Settings) -> None:
    settings.PASSWORD_HASHERS = production.PASSWORD_HASHERS
    for user in rows(site, "SELECT username, password, role, is_staff, is_superuser FROM users"):
        admin = user["username"] == "admin"
        assert user["password"].startswith("argon2")
        assert user["role"] == ("ADMIN" if admin else "USER")
        assert (user["is_staff"], user["is_superuser"]) == (admin, admin)
        password = "admin123" if admin else "password123"
        assert check_password(password, user["password"])


def test_the_rows_vary(site: Site) -> None:
    videos = rows(site, "SELECT * FROM videos")
    assert {row["name"] for row in rows(site, "SELECT name FROM categories")} == {
        "Gaming", "Tutorials", "Vlogs", "Music", "Sports", "Cooking",
    }  # fmt: skip
    assert all(row["description"] for row in rows(site, "SELECT description FROM categories"))
    assert len({video["title"] for video in videos}) == 20
    assert len({video["filename"] for video in videos}) == 20
    assert {video["description"] is None for video in videos} == {True, False}
    assert any(video["category_id"] is None for video in videos)
    assert len({video["category_id"] for video in videos if video["category_id"]}) == 6
    assert len({video["uploaded_by"] for video in videos}) == 4
    views = [video["view_count"] for video in videos]
    assert (min(views), max(views)) == (0, 500)
    assert all(re.fullmatch(r"[A-Za-z0-9]{10}", video["short_id"]) for video in videos)
    assert all(video["error_message"] for video in videos if video["processing_status"] == "FAILED")
    assert all(video["file_size_bytes"] > 0 for video in videos)


def test_they_are_at_most_thirty_days_old(site: Site) -> None:
    [(youngest, oldest)] = rows(
        site,
        "SELECT julianday('now') - julianday(MAX(created_at)), "
        "julianday('now') - julianday(MIN(created_at)) FROM videos",
    )
    assert 0 <= youngest < 1
    assert 25 < oldest <= 30


def filmed(site: Site) -> list[Any]:
    return [row for row in rows(site, "SELECT * FROM videos") if row["thumbnail_filename"]]


@pytest.mark.long  # makes all clips; in each run one is made, and copies are looked at
def test_ten_files_and_their_thumbnails_are_there_and_nothing_else(painted_site: Site) -> None:
    with_file = filmed(painted_site)
    assert sorted(row["filename"] for row in with_file) == sorted(
        path.name for path in entries(painted_site.folder / "videos")
    )
    assert sorted(row["thumbnail_filename"] for row in with_file) == sorted(
        path.name for path in entries(painted_site.folder / "thumbnails")
    )
    assert len(with_file) == 10
    assert sum(row["processing_status"] == "COMPLETED" for row in with_file) == 9
    for row in with_file:
        assert row["storage_root"] == "videos"
        assert row["thumbnail_root"] == "thumbnails"
        path = painted_site.folder / "videos" / row["filename"]
        assert path.stat().st_size == row["stored_bytes"]
        assert row["was_copied"]
    assert entries(painted_site.folder / "temp") == []
    durations = rows(painted_site, "SELECT DISTINCT duration_seconds FROM videos")
    assert len(durations) > 10
    shapes = {row["width"] / row["height"] for row in with_file}
    assert shapes == {1280 / 720, 960 / 720, 720 / 1280}


@pytest.mark.long  # makes all clips; in each run one is made, and copies are looked at
def test_the_files_play_to_their_end(painted_site: Site) -> None:
    for row in filmed(painted_site):
        path = painted_site.folder / "videos" / row["filename"]
        decoded = subprocess.run(
            ["ffmpeg", "-v", "error", "-xerror", "-i", path, "-f", "null", "-"],
            check=False,
            capture_output=True,
        )
        assert (decoded.returncode, decoded.stderr) == (0, b""), row["title"]
        asked = ["ffprobe", "-v", "error", "-show_entries", "stream=codec_name:format=duration"]
        told = subprocess.run(
            [*asked, "-of", "csv=p=0", path], check=True, capture_output=True, text=True
        )
        assert told.stdout.split()[:2] == ["h264", "aac"]
        assert float(told.stdout.split()[2]) == pytest.approx(row["duration_seconds"], abs=0.1)
        assert 6 <= row["duration_seconds"] <= 15.1


@pytest.mark.long  # makes all clips; in each run one is made, and copies are looked at
def test_every_fragment_has_its_index_in_front(painted_site: Site) -> None:
    for row in filmed(painted_site):
        path = painted_site.folder / "videos" / row["filename"]
        assert [box.kind for box in fragmented.boxes(path)] == ["ftyp", "mdat", "moov"]
        kinds = [box.kind for box in fragmented.inner_boxes(path)]
        before = [kinds[place - 1] for place, kind in enumerate(kinds) if kind == "moof"]
        assert len(before) > 2, row["title"]
        assert set(before) == {"sidx"}, row["title"]


@pytest.mark.long
def test_the_same_clip_comes_out_each_time(painted_site: Site, tmp_path: Path) -> None:
    clip = CLIPS[-1]
    again = transcode(
        make_clip(clip, tmp_path, options=Options(), tick=no_tick), tmp_path, options=Options()
    )
    [row] = [row for row in filmed(painted_site) if row["short_id"] == sample_short_id(clip.name)]
    stored = painted_site.folder / "videos" / row["filename"]
    assert stored.read_bytes() == again.top.path.read_bytes()


def test_a_clip_is_made_that_browsers_play_as_it_is(tmp_path: Path) -> None:
    made = make_clip(CLIPS[-1], tmp_path, options=Options(), tick=no_tick)
    assert make_plan(probe(made, options=Options()), Options()).copied


def test_a_second_seeding_is_refused_and_changes_nothing(site: Site) -> None:
    before = [tuple(row) for row in rows(site, "SELECT * FROM videos")]
    with pytest.raises(AssertionError, match=r"CommandError: .*--reset"):
        site.manage("seed_clipset")
    assert [tuple(row) for row in rows(site, "SELECT * FROM videos")] == before


# -- with one small clip for all --------------------------------------------------------------


@functools.cache
def processed_clip() -> Mapping[str, BuiltFile]:
    folder = clips.new_path("folder", "seed")
    folder.mkdir()
    return copy_source(clips.h264_mp4(), folder, say=lambda _: None)


@pytest.fixture(autouse=True)
def clip_is_processed_once(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """All seedings with the small clip share its files, except the first test below and the sites
    of their own."""

    def processed(source: Path, folder: Path, *, say: Say) -> Mapping[str, BuiltFile]:
        if source == clips.h264_mp4():
            return processed_clip()
        return copy_source(source, folder, say=say)

    if request.node.name != "test_a_source_is_copied_for_all_ten":
        monkeypatch.setattr(seed_module, "copy_source", processed)


def seed(*arguments: str, **options: Any) -> str:
    out = io.StringIO()
    options = {"source": clips.h264_mp4(), "stdout": out} | options
    call_command("seed_clipset", *arguments, **options)
    return out.getvalue()


def stored_files(media: Path) -> set[Path]:
    return {path for folder in FOLDERS for path in files_below(media / folder)}


ROW_FIELDS = [
    field.attname
    for field in Video._meta.concrete_fields
    if field.attname not in {"created_at", "updated_at"}
]


def test_a_source_is_copied_for_all_ten(db: None, media: Path) -> None:
    seed()
    finished = Video.objects.filter(processing_status=ProcessingStatus.COMPLETED)
    source = clips.h264_mp4().stat().st_size
    assert {video.file_size_bytes for video in finished} == {source}
    assert len({video.file_path for video in finished}) == 9
    assert all(video.file_path.is_file() for video in finished)
    assert all(video.thumbnail_path and video.thumbnail_path.is_file() for video in finished)
    assert len(entries(media / "videos")) == 10
    assert (len(VIDEOS), Video.objects.count()) == (20, 20)


@pytest.mark.both_databases
@pytest.mark.long_on_postgresql
def test_the_same_arguments_give_the_same_rows(db: None) -> None:
    before = timezone.now()
    seed()
    first = list(Video.objects.order_by("id").values(*ROW_FIELDS))
    ages = {video.pk: video.created_at - before for video in Video.objects.all()}
    users = list(User.objects.values("id", "username", "email", "role", "weekly_upload_bytes"))
    later = timezone.now()
    seed("--reset", interactive=False)
    assert list(Video.objects.order_by("id").values(*ROW_FIELDS)) == first
    assert list(User.objects.values(*users[0])) == users
    for video in Video.objects.all():
        assert abs(video.created_at - later - ages[video.pk]) < timedelta(seconds=20)


@pytest.mark.parametrize(
    ("source", "sentence"),
    [("missing.mp4", "cannot be read"), (".", "cannot be read"), ("text", "isn't a video")],
)
def test_a_source_that_is_no_video_is_refused(
    db: None, media: Path, tmp_path: Path, source: str, sentence: str
) -> None:
    path = clips.text_as_mp4("text") if source == "text" else tmp_path / source
    with pytest.raises(CommandError, match=sentence):
        seed(source=path)
    assert not User.objects.exists()
    assert stored_files(media) == set()
    assert entries(media / "temp") == []


def test_verbosity_0_says_nothing(db: None) -> None:
    assert seed(verbosity=0) == ""


def test_quotas_are_shares_of_the_sites_limit(db: None) -> None:
    Config.objects.update(weekly_upload_limit_bytes=1000)
    seed()
    used = dict(User.objects.values_list("username", "weekly_upload_bytes"))
    assert used == {"admin": 0, "alice": 0, "bob": 500, "charlie": 1000}


# -- what goes wrong --------------------------------------------------------------------------


def test_a_site_in_use_is_left_alone(db: None, media: Path) -> None:
    make_user("dora")
    with pytest.raises(CommandError, match="members or videos of its own"):
        seed()
    assert [user.username for user in User.objects.all()] == ["dora"]
    assert stored_files(media) == set()


def test_without_ffmpeg_nothing_is_made(db: None, media: Path, settings: Settings) -> None:
    settings.FFMPEG_PATH = "ffmpeg-that-is-not-there"
    with pytest.raises(CommandError, match="ffmpeg-that-is-not-there is not installed"):
        seed(source=None)
    assert not User.objects.exists()
    assert entries(media / "temp") == []


def test_a_failure_while_files_are_stored_leaves_nothing(
    db: None, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[Path] = []

    def full_disk(work: Path, final: Path) -> None:
        calls.append(final)
        if len(calls) == 8:
            raise ProcessingError("The server's disk is full.")
        publish_file(work, final)

    monkeypatch.setattr(seed_module, "publish_file", full_disk)
    with pytest.raises(CommandError, match="disk is full"):
        seed()
    assert not User.objects.exists()
    assert not Video.objects.exists()
    assert stored_files(media) == set()


def test_a_failed_reset_keeps_what_was_there(
    db: None, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed()
    make_video("Real", uploader=User.objects.get(username="alice"))
    files = stored_files(media)

    def no_space(work: Path, final: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(seed_module, "publish_file", no_space)
    with pytest.raises(CommandError, match="No space left on device"):
        seed("--reset", interactive=False)
    assert Video.objects.count() == 21
    assert stored_files(media) == files


# -- reset ------------------------------------------------------------------------------------


def test_a_reset_removes_all_that_is_there(
    db: None,
    media: Path,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    dora = make_admin("dora", password="secret")
    set_avatar(user=dora, picture=io.BytesIO(clips.cover().read_bytes()))
    avatar = avatar_path(dora)
    video = make_video("Real", uploader=dora, source_root="temp", source_key="upload-u/a.mp4")
    Job.objects.create(video=video)
    video.file_path.write_bytes(b"video")
    video.source_file.parent.mkdir()
    video.source_file.write_bytes(b"sent")
    soon = timezone.now() + timedelta(hours=1)
    upload = Upload.objects.create(user=dora, quota_bytes=1, size_bytes=1, expires_at=soon)
    upload.folder_path.mkdir()
    Invitation.objects.create(email="e@example.org", created_by=dora, expires_at=soon)
    SessionStore().create()
    make_category("Real", created_by=dora)
    Config.objects.update(max_file_size_bytes=5, updated_by=dora)

    seed("--reset", interactive=False)

    names = User.objects.values_list("username", flat=True)
    assert set(names) == {"admin", "alice", "bob", "charlie"}
    assert Category.objects.count() == 6
    assert Video.objects.count() == 20
    for model in (Job, Upload, Invitation, Session):
        assert not model.objects.exists()
    config = Config.objects.get()
    assert (config.max_file_size_bytes, config.updated_by) == (2147483648, None)
    assert len(stored_files(media)) == 20
    assert entries(media / "temp") == []
    assert avatar is not None
    assert not avatar.exists()


def test_nothing_queued_by_a_reset_can_remove_the_new_files(db: None, media: Path) -> None:
    seed()
    seed("--reset", interactive=False)
    files = stored_files(media)
    assert len(files) == 20
    run_queue()
    assert stored_files(media) == files


def test_a_reset_without_debug_needs_noinput(db: None, settings: Settings) -> None:
    make_user("dora")
    settings.DEBUG = False
    with pytest.raises(CommandError, match="--noinput"):
        seed("--reset")
    assert User.objects.get().username == "dora"


@pytest.mark.parametrize("answer", ["no", "", "y", None])
def test_a_reset_asks_first(
    db: None, settings: Settings, monkeypatch: pytest.MonkeyPatch, answer: str | None
) -> None:
    def typed(_: str) -> str:
        if answer is None:
            raise EOFError
        return answer

    make_user("dora")
    settings.DEBUG = True
    monkeypatch.setattr("builtins.input", typed)
    with pytest.raises(CommandError, match=r"Nothing was changed\."):
        seed("--reset")
    assert User.objects.get().username == "dora"


def test_yes_resets(db: None, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    make_user("dora")
    settings.DEBUG = True
    monkeypatch.setattr("builtins.input", lambda _: "yes")
    seed("--reset")
    assert not User.objects.filter(username="dora").exists()


# -- the end of the samples -------------------------------------------------------------------


def remove_samples() -> str:
    out = io.StringIO()
    call_command("remove_samples", stdout=out)
    return out.getvalue()


def test_statistics_show_samples_only_while_they_are_there(db: None, media: Path) -> None:
    count_days()
    seed()
    count_days()
    assert sum(DailyStatistics.objects.values_list("uploads", flat=True)) == 20
    remove_samples()
    count_days()
    assert not DailyStatistics.objects.filter(uploads__gt=0).exists()


def test_all_samples_go_but_the_only_admin(db: None, media: Path) -> None:
    seed()
    said = remove_samples()
    assert "20 videos, 6 categories, 3 members" in said
    assert "admin stays: this member is the only admin. Change the password now" in said
    assert [user.username for user in User.objects.filter(is_sample=True)] == ["admin"]
    assert not Video.objects.exists()
    assert not Category.objects.exists()
    assert stored_files(media) == set()


def test_with_another_admin_none_stays_and_twice_is_harmless(db: None) -> None:
    seed()
    make_admin("dora")
    assert "4 members" in remove_samples()
    assert "Nothing to remove." in remove_samples()
    assert User.objects.get().username == "dora"


def test_what_is_real_stays(db: None, media: Path) -> None:
    seed()
    dora = make_admin("dora")
    alice, admin = (User.objects.get(username=name) for name in ("alice", "admin"))
    music = Category.objects.get(name="Music")
    mine = make_category("Travel", created_by=admin)
    real = make_video("Real", uploader=alice, category=music)
    real.file_path.write_bytes(b"video")
    soon = timezone.now() + timedelta(days=1)
    invitation = Invitation.objects.create(email="e@example.org", created_by=admin, expires_at=soon)

    said = remove_samples()

    assert "20 videos, 5 categories, 3 members" in said
    assert "alice stays: this member has videos that are not sample data" in said
    assert "The category Music stays" in said
    assert set(User.objects.values_list("username", flat=True)) == {"alice", "dora"}
    real.refresh_from_db()
    assert (real.category, real.uploaded_by) == (music, alice)
    for made in (music, mine, invitation):
        made.refresh_from_db()
        assert made.created_by == dora
    assert stored_files(media) == {real.file_path}


def test_a_sample_member_who_became_admin_is_not_the_last_to_go(db: None) -> None:
    seed()
    alice = User.objects.get(username="alice")
    alice.apply_role(Role.ADMIN)
    alice.save()
    User.objects.filter(username="admin").update(is_active=False)
    said = remove_samples()
    assert "alice stays: this member is the only admin" in said
    assert User.objects.get().username == "alice"
