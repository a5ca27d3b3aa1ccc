"""A healthy site, and faults to inject into it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import connection
from django.db.models import Model
from django.utils import timezone
from django_q.models import OrmQ, Schedule
from PIL import Image

from accounts.models import User
from siteconfig.models import DayAlive
from siteconfig.roots import root_path
from tests.builders import make_category, make_user, make_video
from tests.folders import files_below
from videos.models import (
    Job,
    JobState,
    ProcessingStatus,
    Removal,
    RemovalReason,
    Rendition,
    SearchDocument,
    Upload,
    Video,
    View,
)
from videos.services.schedules import set_up_schedules
from videos.services.set_aside import all_set_aside, set_aside
from videos.services.stored_files import StoredFile, small_of

if TYPE_CHECKING:
    from categories.models import Category

HOUR = timedelta(hours=1)


@dataclass
class Site:
    bob: User
    video: Video
    category: Category


def healthy_site() -> Site:
    """One of much: nothing that the doctor would find."""
    set_up_schedules()
    bob = make_user("bob", avatar="bob.webp")
    category = make_category("Music", image="music.webp")
    video = make_video("Harvest", uploader=bob, category=category)
    stem = f"{video.pk.hex}-aaaaaaaaaaaa"
    names = {
        "filename": f"{stem}-720p.mp4",
        "thumbnail_filename": f"{stem}.jpg",
        "storyboard_filename": f"{stem}-storyboard.jpg",
        "original_key": f"{stem}.mov",
    }
    roots = {
        "thumbnail_root": "thumbnails",
        "storyboard_root": "thumbnails",
        "original_root": "originals",
    }
    Video.objects.filter(pk=video.pk).update(**names, **roots, storyboard_grid={"columns": 5})
    video.refresh_from_db()
    write(video.file_path)
    write(video.original_file)
    for path in (video.thumbnail_path, video.storyboard_path):
        assert path is not None
        Image.new("RGB", (64, 36)).save(path)
        path.chmod(0o640)
    write(small_of(thumbnail(video)))
    write(root_path("images") / "avatars" / "bob.webp")
    write(root_path("images") / "categories" / "music.webp")
    make_private()
    return Site(bob, video, category)


def make_private() -> None:
    """As restrict_umask does for the processes of the site."""
    for path in Path(settings.MEDIA_ROOT).rglob("*"):
        path.chmod(0o750 if path.is_dir() else 0o640)
    database = connection.settings_dict
    if connection.vendor == "sqlite":
        for suffix in ("", "-wal", "-shm"):
            path = Path(f"{database['NAME']}{suffix}")
            if path.exists():
                path.chmod(0o640)


def write(path: Path, content: bytes = b"content") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.parent.chmod(0o750)
    path.write_bytes(content)
    path.chmod(0o640)
    return path


def thumbnail(video: Video) -> Path:
    assert video.thumbnail_path is not None
    return video.thumbnail_path


# -- how a site is --------------------------------------------------------------------------------

TABLES: tuple[type[Model], ...] = (Video, Rendition, Job, Upload, Removal, Schedule, SearchDocument)


def state_of_the_site() -> dict[str, Any]:
    """Rows and files: what a mend that is taken back leaves as it was."""
    rows: dict[str, Any] = {
        model._meta.label: list(model._default_manager.order_by("pk").values()) for model in TABLES
    }
    media = Path(settings.MEDIA_ROOT)
    paths = [path.relative_to(media) for path in files_below(media)]
    rows["files"] = {
        str(path): f"{(media / path).stat().st_mode:o}"
        for path in paths
        if path.parts[0] != "set-aside"
    }
    rows["set aside"] = sorted((one.root, one.key) for one in all_set_aside())
    rows["bob"] = list(User.objects.filter(username="bob").values("avatar", "weekly_upload_bytes"))
    return rows


# -- faults ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fault:
    """`check` finds it, with `said` in its sentence. `is_mended`: by the doctor itself, else a
    person has to act. `is_undone`: the mend leaves something to take back. `needs_worker`: a worker
    ends what the mend began. `only_on`: one database."""

    name: str
    check: str
    said: str
    inject: Callable[[Site], object]
    is_mended: bool = True
    is_undone: bool = True
    needs_worker: bool = False
    only_on: str = ""

    def __str__(self) -> str:
        return self.name


def aside_by_mistake(site: Site) -> None:
    assert set_aside(StoredFile("originals", site.video.original_key), why="A mistake.")
    make_private()


def unknown_upload(site: Site) -> None:
    write(root_path("temp") / f"upload-{'5' * 32}" / "source.mp4")


def unknown_file(site: Site) -> None:
    write(root_path("videos") / f"{'5' * 32}-bbbbbbbbbbbb-720p.mp4")


def upload_of_bob(upload: dict[str, Any]) -> Callable[[Site], object]:
    def inject(site: Site) -> None:
        Upload.objects.create(
            user=site.bob,
            size_bytes=9,
            **{"quota_bytes": 0, "expires_at": timezone.now() + HOUR, **upload},
        )

    return inject


def job(**fields: Any) -> Callable[[Site], object]:
    def inject(site: Site) -> None:
        OrmQ.objects.all().delete()
        Job.objects.create(video=site.video, kind="ENRICH", **fields)

    return inject


def waiting_video(*, has_source: bool) -> Callable[[Site], object]:
    def inject(site: Site) -> None:
        key = f"upload-{'6' * 32}/source.mp4"
        make_video(
            uploader=site.bob,
            status=ProcessingStatus.PROCESSING,
            filename=f"waits-{has_source}.mp4",
            source_root="temp" if has_source else "",
            source_key=key if has_source else "",
        )
        if has_source:
            write(root_path("temp") / key)

    return inject


def schedule(**changes: Any) -> Callable[[Site], object]:
    def inject(site: Site) -> None:
        Schedule.objects.filter(name="Look after jobs").update(**changes)

    return inject


def double_schedule(site: Site) -> None:
    row = Schedule.objects.get(name="Look after jobs")
    row.pk = None
    row.save()


def overdue_removal(site: Site) -> None:
    write(root_path("videos") / "old.mp4")
    then = timezone.now() - 3 * HOUR
    Removal.objects.create(
        root="videos",
        key="old.mp4",
        reason=RemovalReason.REPLACED,
        created_at=then,
        due_at=then,
        next_try_at=timezone.now() + HOUR,
        tries=3,
        last_error="Read-only file system",
    )


def old_set_aside(site: Site) -> None:
    write(root_path("videos") / "old.mp4")
    assert set_aside(StoredFile("videos", "old.mp4"), why="x")
    (one,) = all_set_aside()
    note = json.loads(one.note.read_bytes())
    then = timezone.now() - timedelta(days=31)
    one.note.write_text(json.dumps(note | {"set_aside_at": then.isoformat()}))
    make_private()


def low_views(site: Site) -> None:
    View.objects.create(video=site.video, member=make_user(), day=timezone.localdate())


def growing(site: Site) -> None:
    Rendition.objects.create(
        video=site.video,
        name="480p",
        root="temp",
        filename="job-1/480p.mp4",
        version="c" * 12,
        width=854,
        height=480,
        fps=25,
        bandwidth=1,
        average_bandwidth=1,
        duration_seconds=1,
    )


def lost_words(site: Site) -> None:
    words = SearchDocument.objects.values_list("pk", "words").get(video=site.video)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO video_search (video_search, rowid, words) VALUES ('delete', %s, %s)",
            words,
        )


def day_ahead(site: Site) -> None:
    # Not tomorrow: from 23:00 on, that is within the slack for time zones.
    ahead = timezone.now().astimezone(UTC).date() + timedelta(days=2)
    DayAlive.objects.create(date=ahead)


def open_files(site: Site) -> None:
    site.video.file_path.chmod(0o644)
    site.video.file_path.parent.chmod(0o755)


def _update(**changes: Any) -> Callable[[Site], object]:
    return lambda site: Video.objects.filter(pk=site.video.pk).update(**changes)


FAULTS = [
    Fault("original set aside", "missing_files", "original", aside_by_mistake),
    Fault(
        "video gone",
        "missing_files",
        "from a backup",
        lambda site: site.video.file_path.unlink(),
        is_mended=False,
    ),
    Fault(
        "unknown file", "unknown_files", "No database row names the file videos/5555", unknown_file
    ),
    Fault(
        "unknown upload",
        "unknown_files",
        "No database row names the file temp/upload-5555",
        unknown_upload,
    ),
    Fault(
        "foreign file",
        "unknown_files",
        "Clipset did not create videos/holiday.txt",
        lambda _: write(root_path("videos") / "holiday.txt"),
        is_mended=False,
    ),
    Fault(
        "avatar gone",
        "images",
        "The avatar of the member bob",
        lambda _: (root_path("images") / "avatars" / "bob.webp").unlink(),
    ),
    Fault(
        "cover gone",
        "images",
        "The cover of the category Music",
        lambda _: (root_path("images") / "categories" / "music.webp").unlink(),
    ),
    Fault(
        "thumbnail gone",
        "thumbnails",
        "has no thumbnail",
        lambda site: thumbnail(site.video).unlink(),
    ),
    Fault(
        "storyboard gone",
        "storyboards",
        "The storyboard of the video",
        lambda site: site.video.storyboard_path.unlink(),  # type: ignore[union-attr]
    ),
    Fault(
        "small thumbnail gone",
        "small_thumbnails",
        "1 small thumbnail missing; lists show the large ones",
        lambda site: small_of(thumbnail(site.video)).unlink(),
        is_undone=False,
        needs_worker=True,
    ),
    Fault(
        "upload held",
        "uploads",
        "is locked by a request that has ended",
        upload_of_bob({"writer_token": "x", "writer_until": timezone.now() - HOUR}),
    ),
    Fault(
        "upload expired",
        "uploads",
        "has expired but was not closed",
        upload_of_bob({"expires_at": timezone.now() - HOUR}),
        is_mended=False,
    ),
    Fault(
        "job lost",
        "jobs",
        "The worker of the job of the video",
        job(state=JobState.RUNNING, lease_owner="x", lease_until=timezone.now() - HOUR),
    ),
    Fault(
        "job held for years",
        "jobs",
        "is too long",
        job(state=JobState.RUNNING, lease_owner="x", lease_until=timezone.now() + 9999 * HOUR),
    ),
    Fault(
        "job put off",
        "jobs",
        "is postponed for too long",
        job(run_after=timezone.now() + 9999 * HOUR),
    ),
    Fault(
        "job that nobody wakes",
        "jobs",
        "the task queue has no task for it",
        job(run_after=timezone.now() - HOUR),
        is_undone=False,
    ),
    Fault(
        "video without a job",
        "unfinished_videos",
        "is waiting to be processed but has no job",
        waiting_video(has_source=True),
    ),
    Fault(
        "video without a job and a source",
        "unfinished_videos",
        "Its source file is missing",
        waiting_video(has_source=False),
        is_mended=False,
    ),
    Fault(
        "schedule missing",
        "schedules",
        "'Look after jobs' is missing",
        lambda _: Schedule.objects.filter(name="Look after jobs").delete(),
    ),
    Fault("schedule doubled", "schedules", "differs from how the site creates it", double_schedule),
    Fault(
        "schedule changed", "schedules", "differs from how the site creates", schedule(minutes=999)
    ),
    Fault(
        "schedule put off",
        "schedules",
        "is postponed until",
        schedule(next_run=timezone.now() + 9999 * HOUR),
    ),
    Fault(
        "schedule late",
        "schedules",
        "min late. Start the workers",
        schedule(next_run=timezone.now() - HOUR),
        is_mended=False,
    ),
    Fault(
        "removal overdue",
        "removals",
        "videos/old.mp4 could not be removed (3 tries): Read-only",
        overdue_removal,
        needs_worker=True,
    ),
    Fault("long set aside", "set_aside", "for over 30 days", old_set_aside, is_mended=False),
    Fault("views not counted", "counters", "shows 0 views, but has 1", low_views),
    Fault("rendition of nobody", "growing_renditions", "no worker is encoding it", growing),
    Fault(
        "quota below what is reserved",
        "quota",
        "The member bob has used 0 bytes",
        upload_of_bob({"quota_bytes": 500}),
    ),
    Fault(
        "search lacks a video",
        "search",
        "1 published video missing from the search index",
        lambda _: SearchDocument.objects.all().delete(),
        is_undone=False,
    ),
    Fault(
        "search knows other words",
        "search",
        "The search index is outdated for 1 video",
        _update(title="Winter"),
        is_undone=False,
    ),
    Fault(
        "search knows a hidden video",
        "search",
        "members may not see",
        _update(is_hidden=True),
        is_undone=False,
    ),
    Fault(
        "full-text index lacks words",
        "search",
        "The full-text index",
        lost_words,
        is_undone=False,
        only_on="sqlite",
    ),
    Fault(
        "clock was ahead",
        "clock",
        "the newest entry in the database is from",
        day_ahead,
        is_mended=False,
    ),
    Fault("files open to all", "permissions", "Other users of this host can read", open_files),
]
