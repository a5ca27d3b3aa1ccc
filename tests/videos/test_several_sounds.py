"""Videos with several sounds from their upload on: stored, enriched, and adopted again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.test import Client

from tests import clips
from tests.builders import make_user
from tests.videos.stored_videos import enrich, ready_video, work
from tests.videos.transcode.several_sounds import Tone, clip_with
from videos.models import Job, ProcessingStatus, Rendition, Video
from videos.services.processing import jobs

if TYPE_CHECKING:
    from accounts.models import User

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.ffmpeg]

ENGLISH = Tone(440, language="eng", title="Commentary")
FRENCH = Tone(880, language="fre")


@pytest.fixture
def bob(transactional_db: None) -> User:
    return make_user("bob")


def stored(video: Video) -> list[tuple[int, str, str, str]]:
    rendition = video.renditions.get(name="source")
    return [
        (one["number"], one["language"], one["title"], one["codec"])
        for one in rendition.sound_tracks
    ]


def test_the_sounds_are_stored_with_the_largest_rendition(bob: User) -> None:
    clip = clip_with(ENGLISH, FRENCH, size="1152x640")
    video = ready_video(bob, clip)
    assert video.was_copied
    assert not video.original_key
    assert stored(video) == [
        (2, "en", "Commentary", "mp4a.40.2"),
        (3, "fr", "", "mp4a.40.2"),
    ]
    assert video.processing_note == ""
    assert enrich() == "completed"
    smaller = video.renditions.exclude(name="source").get()
    assert smaller.sound_tracks == []
    assert smaller.codecs.startswith("avc1.")
    assert "," not in smaller.codecs
    client = Client()
    client.force_login(bob)
    master = client.get(f"/v/{video.short_id}/master.m3u8").content.decode()
    assert 'NAME="Commentary (English)"' in master
    assert 'NAME="French"' in master
    adopted_again(video)


def adopted_again(video: Video) -> None:
    """As if an older database was restored, in which the video waits for its processing."""
    before = set(video.renditions.values_list("name", "width", "codecs"))
    Rendition.objects.all().delete()
    Job.objects.all().delete()
    Video.objects.update(processing_status=ProcessingStatus.PENDING, source_root="", source_key="")
    video.refresh_from_db()
    jobs.add_job(video=video)
    assert work() == "completed"
    assert set(video.renditions.values_list("name", "width", "codecs")) == before
    # Titles are not in the file.
    assert stored(video) == [(2, "en", "", "mp4a.40.2"), (3, "fr", "", "mp4a.40.2")]


def test_the_uploader_reads_which_sound_is_missing_and_the_original_of_the_copy_is_kept(
    bob: User,
) -> None:
    source = clip_with(ENGLISH, Tone(880, "adpcm_yamaha"))
    video = ready_video(bob, source)
    assert video.processing_note == (
        "A sound track couldn't be kept: it is in “adpcm_yamaha”, which can't be converted here."
    )
    assert stored(video) == []
    assert video.was_copied
    assert video.original_file.read_bytes() == source.read_bytes()


def test_a_video_with_one_sound_stores_none_to_choose_from(bob: User) -> None:
    assert stored(ready_video(bob, clips.h264_mp4(size="160x90"))) == []
