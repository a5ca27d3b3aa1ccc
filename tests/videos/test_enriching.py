"""Enrichment of a video that plays already: its storyboard and smaller renditions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import timezone

from siteconfig.models import Config
from tests import clips
from tests.builders import live_for, make_user
from tests.videos.stored_videos import (
    enrich,
    everything_on_disk,
    kept_video,
    ready_video,
    run_queue,
    sent_video,
    work,
)
from videos.models import Caption, Job, JobKind, JobState, Rendition, Video
from videos.services.processing.attempt import cancel_processing, retry_enrichment
from videos.transcode.fragments import read_index

if TYPE_CHECKING:
    from accounts.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.ffmpeg]

FULL_HD = "1920x1080"


@pytest.fixture
def bob() -> User:
    return make_user("bob")


def full_hd() -> Path:
    """Larger than all smaller renditions. Few frames, since each is encoded in every size."""
    return clips.h264_mp4(seconds=1, size=FULL_HD, fps="5")


def names(video: Video) -> list[str]:
    return list(video.renditions.values_list("name", flat=True))


def received(answer: Any) -> bytes:
    return b"".join(answer.streaming_content)


def test_a_copied_video_plays_first_and_gets_its_smaller_renditions_after(bob: User) -> None:
    video = ready_video(bob, full_hd())
    assert names(video) == ["source"]
    assert enrich() == "completed"
    assert names(video) == ["source", "720p", "480p"]
    sizes = [(one.width, one.height) for one in video.renditions.all()]
    assert sizes == [(1920, 1080), (1280, 720), (852, 480)]
    video.refresh_from_db()
    on_disk = [one.path.stat().st_size for one in video.renditions.all()]
    assert video.stored_bytes == sum(on_disk)
    assert [one.size_bytes for one in video.renditions.all()] == on_disk
    assert video.file_path == video.renditions.get(name="source").path
    assert Job.objects.filter(state=JobState.DONE).count() == 2


def test_an_encoded_video_has_all_its_renditions_from_one_run(bob: User) -> None:
    video = ready_video(bob, clips.hevc_mp4(seconds=1, size=FULL_HD, fps="5"))
    made = ["1080p", "original", "720p", "480p"]
    assert names(video) == made
    assert all(one.is_complete and one.codecs for one in video.renditions.all())
    assert enrich() == "completed"
    assert names(video) == made


def test_a_small_video_has_one_rendition_and_a_storyboard(bob: User, client: Client) -> None:
    video = ready_video(bob, clips.h264_mp4())
    assert enrich() == "completed"
    video.refresh_from_db()
    assert names(video) == ["source"]
    assert video.storyboard_path is not None
    client.force_login(bob)
    text = client.get(f"/v/{video.short_id}/storyboard.vtt").content.decode()
    assert text.startswith("WEBVTT")
    assert "storyboard.jpg?v=" in text
    picture = client.get(f"/v/{video.short_id}/storyboard.jpg")
    assert picture.status_code == 200
    assert received(picture)[:3] == b"\xff\xd8\xff"


def test_what_is_configured_not_to_be_made_is_not_made_and_can_be_asked_for_later(
    bob: User,
) -> None:
    Config.objects.update(make_720p=False, make_480p=False)
    video = ready_video(bob, full_hd())
    assert enrich() == "completed"
    assert names(video) == ["source"]
    Config.objects.update(make_480p=True)
    retry_enrichment(video=video)
    with pytest.raises(ValidationError, match="already"):
        retry_enrichment(video=video)
    assert enrich() == "completed"
    assert names(video) == ["source", "480p"]


def test_originals_are_not_kept_where_the_configuration_says_so(bob: User) -> None:
    Config.objects.update(keep_originals=False)
    video = ready_video(bob, clips.hevc_mp4())
    assert (video.original_key, video.source_key) == ("", "")
    assert not [path for path in everything_on_disk() if path.startswith("originals/")]


def test_originals_go_after_the_days_that_they_are_kept(bob: User) -> None:
    from datetime import timedelta

    from videos.services.files import prune_originals

    video = ready_video(bob, clips.hevc_mp4())
    assert prune_originals() == 0
    Config.objects.update(keep_originals_days=7)
    assert prune_originals() == 0
    Video.objects.update(created_at=timezone.now() - timedelta(days=8))
    assert prune_originals() == 0, "the site was not alive so long"
    live_for(8)
    assert prune_originals() == 1
    run_queue()
    assert not [path for path in everything_on_disk() if path.startswith("originals/")]
    video.refresh_from_db()
    assert video.original_key == ""
    assert video.file_path.is_file()


def test_deleting_a_video_removes_every_rendition_and_picture(bob: User) -> None:
    video = kept_video(bob, full_hd())
    assert len(everything_on_disk()) == 5
    Video.objects.get(pk=video.pk).delete()
    run_queue()
    assert everything_on_disk() == []
    assert not Rendition.objects.exists()


def test_deleting_a_member_removes_them_too(bob: User) -> None:
    kept_video(bob, full_hd())
    bob.delete()
    run_queue()
    assert everything_on_disk() == []


def test_subtitles_inside_a_video_become_tracks_of_it(bob: User, client: Client) -> None:
    video = ready_video(bob, clips.with_subtitles("mkv", "subrip", "eng"))
    assert Caption.objects.filter(video=video).exists()
    client.force_login(bob)
    caption = Caption.objects.filter(video=video).first()
    assert caption is not None
    base = f"/v/{video.short_id}"
    answer = client.get(f"{base}/captions/{caption.code}.vtt")
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/vtt")
    assert answer.content.decode().startswith("WEBVTT")
    master = client.get(f"{base}/master.m3u8").content.decode()
    assert f"captions/{caption.code}.m3u8" in master
    assert (
        f"{caption.code}.vtt" in client.get(f"{base}/captions/{caption.code}.m3u8").content.decode()
    )
    assert client.get(f"{base}/captions/xx.vtt").status_code == 404


def test_a_cancelled_video_stops_and_can_be_tried_again(bob: User) -> None:
    from videos.services.processing.attempt import CANCELLED, retry_processing

    video = sent_video(bob, clips.h264_mp4())
    cancel_processing(video=video)
    video.refresh_from_db()
    assert (video.processing_status, video.error_message) == ("FAILED", CANCELLED)
    with pytest.raises(ValidationError, match="isn't being processed"):
        cancel_processing(video=video)
    retry_processing(video=video)
    assert work() == "completed"


def test_a_rendition_is_a_file_that_is_its_own_index(bob: User, client: Client) -> None:
    import m3u8

    clip = clips.h264_mp4(seconds=5, size=FULL_HD, fps="5", gop=10)
    video = kept_video(bob, clip)
    client.force_login(bob)
    base = f"/v/{video.short_id}"
    master = m3u8.loads(client.get(f"{base}/master.m3u8").content.decode())
    assert [one.stream_info.resolution for one in master.playlists] == [
        (1920, 1080),
        (1280, 720),
        (852, 480),
    ]
    for variant, rendition in zip(master.playlists, video.renditions.all(), strict=True):
        answer = client.get(f"{base}/{variant.uri}")
        assert "no-store" in answer["Cache-Control"]
        media = m3u8.loads(answer.content.decode())
        assert media.playlist_type == "vod"
        assert media.is_endlist
        length = sum(segment.duration for segment in media.segments)
        assert length == pytest.approx(rendition.duration_seconds, abs=0.1)
        assert len(media.segments) > 1
        assert len(media.segments) == len(read_index(rendition.path).fragments)
        size, offset = map(int, media.segments[-1].byterange.split("@"))
        part = client.get(
            f"{base}/{media.segments[-1].uri}",
            headers={"Range": f"bytes={offset}-{offset + size - 1}"},
        )
        assert part.status_code == 206
        assert "immutable" in part["Cache-Control"]
        whole = rendition.path.read_bytes()
        assert received(part)[:size] == whole[offset:][:size]
        assert client.get(f"{base}/{rendition.name}.mp4?v=another").status_code == 404


def test_a_rendition_that_is_not_there_is_not_found(bob: User, client: Client) -> None:
    video = kept_video(bob, full_hd())
    client.force_login(bob)
    for name in ("1080p", "0p", "source.x", "../source"):
        for suffix in ("m3u8", "mp4"):
            answer = client.get(f"/v/{video.short_id}/{name}.{suffix}")
            assert answer.status_code == 404, (name, suffix)


def test_enrichment_that_fails_leaves_the_video_as_it_is(
    bob: User, settings: Any, tmp_path: Path
) -> None:
    from tests.videos.test_processing import own_ffmpeg

    video = kept_video(bob, full_hd(), is_enriched=False)
    settings.FFMPEG_PATH = own_ffmpeg(tmp_path / "broken", ffmpeg="echo broken >&2; exit 1")
    for _ in range(3):
        Job.objects.filter(state=JobState.WAITING).update(run_after=timezone.now())
        enrich()
    video.refresh_from_db()
    assert video.is_ready
    assert Job.objects.get(kind=JobKind.ENRICH).state == JobState.FAILED
    assert len(everything_on_disk()) == 2
