"""Hostile files in a site: the upload form, the worker, the watch page."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings as django_settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from tests import clips
from tests.builders import make_user, make_video
from tests.examples import one_in
from tests.folders import entries
from tests.hostile.bait import Bait, Kind
from tests.hostile.corpus import KINDS, THROUGH_THE_SITE, THROUGH_THE_SITE_EACH_TIME
from tests.hostile.judge import (
    assert_is_a_sentence,
    assert_no_secret,
    assert_plays,
    assert_thumbnail_is_innocent,
    measured,
)
from tests.videos.stored_videos import everything_on_disk, used
from videos.models import Job, JobState, ProcessingStatus, Upload, Video
from videos.services.processing.attempt import process_next_job
from videos.services.processing.enqueue import QUICK, SLOW
from videos.services.processing.jobs import MAX_FAILURES
from videos.transcode.pipeline import transcode
from videos.transcode.types import Options

if TYPE_CHECKING:
    from pytest_django.fixtures import Settings

    from accounts.models import User

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.ffmpeg,
    pytest.mark.usefixtures("never_asked"),
]

SCRIPT = "<script>alert(1)</script>"
MIB = 1024**2
NAMES = {
    "climbing": "../../../../etc/cron.d/x.mp4",
    "climbing-backwards": "..\\..\\x.mp4",
    "absolute": "/etc/x.mp4",
    "encoded": "%2e%2e%2fx.mp4",
    "option": "-i.mp4",
    "sequence": "frame%03d.mp4",
    "protocol": "concat:a|b.mp4",
    "address": "http://127.0.0.1:9/x.mp4",
    "script": f"{SCRIPT}.mp4",
    "shell": "a'b`c`$(id);e&f|g.mp4",
    "template": "{{ 7|add:7 }}{% now %}.mp4",
    "terminal": "x\x1b[2J\x07.mp4",
    "backwards": "\u202e4pm.mp4",
    "pictures": "\U0001f3ac\u200d\U0001f525.mp4",
    "zero-byte": "x\0y.mp4",
    "spaces": "   .mp4",
    "very-long": "x" * 600 + ".mp4",
    "many-marks": "e" + "\u0301" * 200 + ".mp4",
    "line-break": "x\r\nSet-Cookie: a=b\r\n\r\ny.mp4",
}


@pytest.fixture
def bob() -> User:
    return make_user("bob")


@pytest.fixture
def client(bob: User) -> Client:
    client = Client()
    client.force_login(bob)
    return client


def send(client: Client, name: str, content: bytes) -> Any:
    return client.post("/upload/", {"title": "", "file": SimpleUploadedFile(name, content)})


def process() -> Video:
    """Processes the video as often as a worker would."""
    for _ in range(2 * MAX_FAILURES):
        process_next_job((*QUICK, *SLOW))
        Job.objects.filter(state=JobState.WAITING).update(run_after=timezone.now())
    return Video.objects.get()


def all_files() -> list[Path]:
    root = Path(django_settings.MEDIA_ROOT)
    return [root / name for name in everything_on_disk()]


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name in THROUGH_THE_SITE_EACH_TIME else [pytest.mark.long])
        for name in THROUGH_THE_SITE
    ],
)
def test_it_ends_failed_with_a_sentence_or_as_a_video_that_plays(
    name: str, bait: Bait, bob: User, client: Client, settings: Settings
) -> None:
    kind: Kind = KINDS[name]
    content = kind.build(bait)
    settings.VIDEO_PROCESSING_TIMEOUT = 20
    assert send(client, name, content).status_code == 302
    with measured() as usage:
        video = process()
    page = client.get(video.get_absolute_url()).content.decode()
    assert usage.resident_bytes < 768 * MIB
    assert usage.seconds < 60
    for place in (str(django_settings.MEDIA_ROOT), str(bait.video.parent), SCRIPT):
        assert place not in page
    assert_no_secret([page], all_files())
    if video.processing_status == ProcessingStatus.COMPLETED:
        assert not kind.refused
        assert_completed(video)
        assert used(bob) == len(content)
    else:
        assert video.processing_status == ProcessingStatus.FAILED
        assert_failed(video, page)
        assert used(bob) == 0


def assert_completed(video: Video) -> None:
    assert_plays(video.file_path)
    if video.thumbnail_filename:
        assert video.thumbnail_path is not None
        assert_thumbnail_is_innocent(video.thumbnail_path)
    served = video.file_path.read_bytes()
    for word in (b"<script", b"127.0.0.1"):
        assert word not in served
    assert entries(Path(django_settings.TEMP_STORAGE_PATH)) == []


def assert_failed(video: Video, page: str) -> None:
    sentence = video.error_message or ""
    places = [Path(django_settings.MEDIA_ROOT), Path(django_settings.BASE_DIR)]
    assert_is_a_sentence(sentence, paths=places)
    assert escape(sentence) in page.replace("&#x27;", "'").replace("'", "&#x27;")
    assert (video.quota_bytes, video.thumbnail_filename) == (0, None)
    # After a fault of the site the file is kept for a retry; otherwise nothing is left.
    assert everything_on_disk() == (
        [str(video.source_file.relative_to(django_settings.MEDIA_ROOT))]
        if video.can_be_retried
        else []
    )


def test_whatever_a_sentence_holds_the_page_shows_as_text(bob: User, client: Client) -> None:
    video = make_video(
        uploader=bob, status=ProcessingStatus.FAILED, error_message=f"A “{SCRIPT}” & more."
    )
    page = client.get(video.get_absolute_url()).content.decode()
    assert SCRIPT not in page
    assert escape(f"A “{SCRIPT}” & more.") in page


@pytest.mark.parametrize("name", one_in(2, NAMES))
def test_a_name_is_only_a_name(name: str, client: Client, bob: User) -> None:
    answer = send_raw(client, name, clips.h264_mp4(seconds=0.5).read_bytes())
    assert answer.status_code in {302, 422}
    assert "Set-Cookie: a=b" not in str(answer.headers)
    on_disk = all_files()
    if answer.status_code == 422:
        assert on_disk == []
        assert not Upload.objects.exists()
        assert used(bob) == 0
        assert SCRIPT not in answer.content.decode()
        return
    video = Video.objects.get()
    # A line break ends the name in the header: what is left has no extension.
    suffix = "" if "\r\n" in name else ".mp4"
    assert [path.name for path in on_disk] == [f"source{suffix}"]
    assert on_disk[0] == video.source_file
    assert video.title.strip()
    assert video.title.isprintable() or "\u200d" in video.title
    assert len(video.original_filename) <= 255
    page = client.get(video.get_absolute_url()).content.decode()
    assert SCRIPT not in page
    assert "\x1b" not in page
    assert "\u202e" not in page


def send_raw(client: Client, name: str, content: bytes) -> Any:
    """Uploads a file with an unescaped name, which no browser sends."""
    edge = "----edge"
    quoted = name.replace('"', '\\"')
    body = (
        f'--{edge}\r\nContent-Disposition: form-data; name="title"\r\n\r\n\r\n'
        f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="{quoted}"\r\n'
        "Content-Type: video/mp4\r\n\r\n"
    ).encode() + content
    return client.generic(
        "POST",
        "/upload/",
        body + f"\r\n--{edge}--\r\n".encode(),
        content_type=f"multipart/form-data; boundary={edge}",
    )


@pytest.mark.parametrize(
    "name", one_in(2, ["-i.mp4", "%03d.mp4", "a|b'c\".mp4", "http:.mp4", "x\ny.mp4"])
)
def test_ffmpeg_takes_a_name_for_nothing_else(name: str, tmp_path: Path) -> None:
    source = tmp_path / name
    source.write_bytes(clips.h264_mp4(seconds=0.5).read_bytes())
    result = transcode(source, tmp_path / "work", options=Options(preset="ultrafast"))
    assert_plays(result.top.path)
