"""Playlists and renditions on a real gunicorn, read by FFmpeg as any other player would."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests import clips
from tests.builders import make_user
from tests.videos.live import HOST, Visitor
from tests.videos.stored_videos import kept_video

if TYPE_CHECKING:
    from pathlib import Path

    from accounts.models import User
    from tests.videos import live

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.ffmpeg]


@pytest.fixture
def bob(transactional_db: None) -> User:
    return make_user("bob")


def played() -> Path:
    """In 720p and 480p, of several fragments."""
    return clips.h264_mp4(seconds=9, size="1280x720", fps="5", gop=10)


def told(program: str, *arguments: str | Path) -> str:
    done = subprocess.run([program, "-v", "error", *arguments], capture_output=True, text=True)  # noqa: PLW1510
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def pictures(*source: str | Path, track: str = "0:v:0") -> str:
    """A hash of every decoded picture with its time."""
    lines = told("ffmpeg", *source, "-map", track, "-f", "framemd5", "-").splitlines()
    return "\n".join(line for line in lines if not line.startswith("#"))


def test_ffmpeg_reads_every_rendition_by_hls_as_it_is_in_its_file(
    site: live.Server, bob: User
) -> None:
    video = kept_video(bob, played())
    visitor = Visitor(site, bob)
    cookie = ("-headers", f"Cookie: {visitor.headers['Cookie']}\r\n")
    base = f"http://{HOST}:{site.port}/v/{video.short_id}"
    entries = ("-show_entries", "stream=codec_name,width,height", "-of", "csv=p=0")
    streams = told("ffprobe", *cookie, *entries, f"{base}/master.m3u8").split()
    assert {"h264,1280,720", "h264,852,480", "aac"} <= set(streams)
    for rendition in video.renditions.all():
        by_hls = pictures(*cookie, "-i", f"{base}/{rendition.name}.m3u8?v={rendition.version}")
        assert by_hls == pictures("-i", rendition.path)
        assert len(by_hls.splitlines()) >= 9 * 4


def test_a_stranger_gets_none_of_it(site: live.Server, bob: User) -> None:
    video = kept_video(bob, played())
    stranger = Visitor(site, make_user("eve", is_active=False))
    for path in ("master.m3u8", "source.m3u8", "source.mp4", "storyboard.vtt", "stream.mp4"):
        answer = stranger.get(f"/v/{video.short_id}/{path}")
        assert answer.status == 302
        assert answer.headers["Location"].startswith("/login/")
