"""Videos on their way through the site, in the states that tests begin with."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils.module_loading import import_string
from django_q.models import OrmQ

from siteconfig.models import Config
from siteconfig.roots import root_path
from tests import clips, folders
from tests.builders import make_video
from tests.folders import entries
from tests.videos.transcode import built
from videos.models import Caption, Job, JobKind, Rendition, RenditionLayout, Upload, Video
from videos.services.files import paths_of
from videos.services.processing.attempt import process_next_job
from videos.services.removing import work_off_removals
from videos.services.search_index import index_captions, index_video
from videos.services.set_aside import all_set_aside
from videos.services.stored_files import stored_path
from videos.services.uploads.create import VideoDetails, begin_upload
from videos.services.uploads.finish import finish_upload

if TYPE_CHECKING:
    from accounts.models import User


def sent_video(user: User, clip: Path, *, title: str = "A video", **fields: Any) -> Video:
    """A video that was uploaded just now and waits for its processing."""
    size = clip.stat().st_size
    upload = begin_upload(user=user, content_length=size)
    path = upload.folder_path / f"source{clip.suffix}"
    path.parent.mkdir()
    shutil.copyfile(clip, path)
    name = fields.pop("original_filename", clip.name)
    words = VideoDetails(title=title, **fields)
    return finish_upload(upload=upload, path=path, size=size, original_filename=name, details=words)


def ready_video(user: User, clip: Path, **fields: Any) -> Video:
    """One that was processed, too. No other may wait for its processing."""
    video = sent_video(user, clip, **fields)
    assert work() == "completed"
    video.refresh_from_db()
    assert video.is_ready, "another video was processed"
    return video


def kept_video(user: User, clip: Path, *, is_enriched: bool = True, **fields: Any) -> Video:
    """A processed video; by default with its smaller renditions and its storyboard.

    A clip is processed once in a run and its files and rows are copied after that, which is
    quicker; a second video of it in one test is processed again. Only for tests that do not look
    at processing: a copy charges no quota, and nothing waits in the task queue.
    """
    kept = _kept.get((clip, is_enriched))
    if kept is None or Video.objects.filter(pk=kept.video.pk).exists():
        video = ready_video(user, clip)
        if is_enriched:
            assert enrich() == "completed"
            video.refresh_from_db()
        kept = _kept[clip, is_enriched] = _keep(video)
        OrmQ.objects.all().delete()
    else:
        for root in ("videos", "thumbnails"):
            if (kept.files / root).exists():
                shutil.copytree(kept.files / root, root_path(root), dirs_exist_ok=True)
        kept.video.uploaded_by = user
        kept.video.save(force_insert=True)
        for row in kept.rows:
            row.save(force_insert=True)
    Video.objects.filter(pk=kept.video.pk).update(**fields)
    index_captions(kept.video.pk)
    index_video(kept.video.pk)
    return Video.objects.get(pk=kept.video.pk)


def built_rendition(user: User, **fields: Any) -> Rendition:
    """The only file of a video as version 0.2 published it, which needs no FFmpeg: three seconds of
    `built`. Of 2.6 KB, so the damage and the kills of tests are quick to try."""
    video = make_video(uploader=user, duration_seconds=3.0)
    rendition = Rendition(
        video=video,
        name="source",
        root="videos",
        filename=f"{video.pk.hex}-{'b' * 12}-source.mp4",
        version="b" * 12,
        is_complete=True,
        width=32,
        height=32,
        fps=5,
        codecs="avc1.4D400A,mp4a.40.2",
        bandwidth=3616,
        average_bandwidth=3520,
        duration_seconds=3,
        layout=RenditionLayout.FRAGMENTED,
        **fields,
    )
    rendition.path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(built.tiny(), rendition.path)
    rendition.size_bytes = rendition.path.stat().st_size
    rendition.save()
    stored = Video.objects.filter(pk=video.pk)
    stored.update(filename=rendition.filename, stored_bytes=rendition.size_bytes)
    rendition.refresh_from_db()
    return rendition


def beside_original_quality(rendition: Rendition, **fields: Any) -> Rendition:
    """A second rendition of its video, in original quality, with the same bytes."""
    name = f"{rendition.video_id.hex}-{'c' * 12}-original.mp4"
    facts = {"name": "original", "filename": name, "version": "c" * 12}
    shutil.copyfile(rendition.path, rendition.path.with_name(name))
    kept = {field.attname: getattr(rendition, field.attname) for field in Rendition._meta.fields}
    row = Rendition.objects.create(**{**kept, "id": None, **facts, **fields})
    stored = Video.objects.filter(pk=rendition.video_id)
    stored.update(stored_bytes=rendition.size_bytes + row.size_bytes)
    return row


@dataclass(frozen=True)
class _Kept:
    files: Path
    video: Video
    rows: list[Rendition | Job | Caption]


# By clip and whether it was enriched.
_kept: dict[tuple[Path, bool], _Kept] = {}


def _keep(video: Video) -> _Kept:
    files = clips.new_path("kept")
    for path in paths_of(video):
        folder = "videos" if Path(path).suffix == ".mp4" else "thumbnails"
        (files / folder).mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, files / folder / Path(path).name)
    rows = [*video.renditions.all(), *video.jobs.all(), *video.captions.all()]
    return _Kept(files, video, rows)


def work() -> str:
    """One attempt at the video that is next, by whichever cluster it takes; nothing of what comes
    after it can be watched."""
    outcome = process_next_job((JobKind.PUBLISH,))
    if outcome in {"to be encoded", "nothing to do"}:
        outcome = process_next_job((JobKind.ENCODE,))
    return outcome


def enrich() -> str:
    """What comes then: the storyboard and the smaller renditions."""
    return process_next_job((JobKind.ENRICH,))


def set_limits(*, file: int | None = None, week: int | None = None) -> None:
    """What the configuration says, in bytes."""
    if file is not None:
        Config.objects.update(max_file_size_bytes=file)
    if week is not None:
        Config.objects.update(weekly_upload_limit_bytes=week)


def used(user: User) -> int:
    """Bytes that count against the member's week."""
    user.refresh_from_db()
    return user.weekly_upload_bytes


def wake_ups() -> list[str]:
    """Dotted names of what stands in the queue."""
    return [str(entry.task["func"]) for entry in OrmQ.objects.order_by("pk")]


def run_queue() -> list[str]:
    """Does what stands in the queue, and what the sweep would do about removals, in this process;
    returns the names of what stood there."""
    done = []
    for entry in OrmQ.objects.order_by("pk"):
        entry.delete()
        import_string(entry.task["func"])(*entry.task["args"])
        done.append(str(entry.task["func"]))
    work_off_removals()
    return done


def files_below(folder: Path) -> list[str]:
    """Everything on disk below a folder, relative to it."""
    return [str(path.relative_to(folder)) for path in folders.files_below(folder)]


def everything_on_disk() -> list[str]:
    """But for what was set aside."""
    found = files_below(Path(settings.MEDIA_ROOT))
    return [path for path in found if not path.startswith("set-aside/")]


def set_aside_files() -> list[str]:
    """Where they were, relative to the media folder."""
    media = Path(settings.MEDIA_ROOT)
    return sorted(str(stored_path(one.root, one.key).relative_to(media)) for one in all_set_aside())


def assert_nothing_is_left(user: User, *, charged: int = 0) -> None:
    """As if the upload had never been tried: no row, no file, no folder, the quota untouched."""
    assert not Video.objects.exists()
    assert not Upload.objects.exists()
    assert not Job.objects.exists()
    assert entries(Path(settings.TEMP_STORAGE_PATH)) == []
    assert used(user) == charged


def stream_md5(path: Path) -> str:
    """Of the decoded frames: a copy differs from its source in user data."""
    return subprocess.run(
        ["ffmpeg", "-v", "error", "-i", path, "-map", "0:v:0", "-f", "md5", "-"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def told_by_ffprobe(path: Path) -> dict[str, Any]:
    answer = subprocess.run(
        ["ffprobe", "-v", "error", "-show_streams", "-show_format", "-of", "json", path],
        check=True,
        capture_output=True,
    ).stdout
    told: dict[str, Any] = json.loads(answer)
    return told
