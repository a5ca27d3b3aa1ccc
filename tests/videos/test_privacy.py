"""Nothing that others get tells where a video was recorded, and by whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from siteconfig.roots import THUMBNAILS, VIDEOS, root_path
from tests import clips
from tests.builders import make_moderator, make_user
from tests.examples import one_in
from tests.folders import files_below
from tests.videos import places
from tests.videos.stored_videos import enrich, ready_video
from videos.models import Caption, Notification
from videos.services.small_thumbnails import make_missing_small_thumbnails

if TYPE_CHECKING:
    from videos.models import Video

pytestmark = [pytest.mark.django_db, pytest.mark.ffmpeg]


def published(video: Video) -> dict[str, bytes]:
    """Everything on the disk that members can get."""
    assert enrich() == "completed"
    make_missing_small_thumbnails()
    folders = (root_path(VIDEOS), root_path(THUMBNAILS))
    files = [path for folder in folders for path in files_below(folder)]
    assert len([path for path in files if path.suffix in {".jpg", ".webp"}]) >= 2
    return {str(path): path.read_bytes() for path in files}


def seen_by(client: Client, video: Video) -> dict[str, bytes]:
    """Every page and playlist of a video, with all addresses that they name."""
    own = [video.short_id]
    addresses = [
        *("/", reverse("watch", args=own), reverse("notifications")),
        *(reverse("master_playlist", args=own), reverse("video_status", args=own)),
        *(reverse("profile", args=[video.uploaded_by.username]), "/?q=a+video"),
        *(reverse("media_playlist", args=[*own, one.name]) for one in video.renditions.all()),
        *(reverse("captions", args=[*own, one.code]) for one in Caption.objects.all()),
        *(reverse("captions_playlist", args=[*own, one.code]) for one in Caption.objects.all()),
    ]
    answers = {address: client.get(address) for address in addresses}
    download = reverse("download", args=own)
    answers[f"HEAD {download}"] = client.head(download)
    return {
        address: answer.getvalue() + repr(answer.headers).encode()
        for address, answer in answers.items()
    }


@pytest.mark.parametrize("case", one_in(9, places.CASES))
def test_nothing_tells_the_place(case: places.Case) -> None:
    clip = case.make()
    assert places.traces(clip.read_bytes())
    uploader = make_user("bob")
    video = ready_video(uploader, clip, original_filename=f"{places.ORIGINAL_NAME}{clip.suffix}")
    assert video.was_copied == case.is_copied
    for path, content in published(video).items():
        assert (path, places.traces(content)) == (path, [])
        assert (path, places.traces(path.encode())) == (path, [])
    for member in (make_user("carol"), make_moderator(), uploader):
        client = Client()
        client.force_login(member)
        for address, content in seen_by(client, video).items():
            assert (address, places.traces(content)) == (address, [])
        for term in ("52.520008", "13.404954", "52", places.NAME):
            assert client.get("/", {"q": term}).context["page"].hits == []
    assert all(one.has_coordinates == one.is_withheld for one in Caption.objects.all())
    assert Notification.objects.filter(member=uploader).exists()
    assert settings.DEBUG is False


def test_only_captions_with_a_place_are_withheld(client: Client) -> None:
    video = ready_video(make_user("bob"), places.drone())
    withheld = {one.body.splitlines()[3]: one.is_withheld for one in video.captions.present()}
    assert withheld == {places.TEXT: True, "Zeppelin": False}
    client.force_login(make_user("carol"))
    assert client.get("/", {"q": "zeppelin"}).context["page"].hits


def test_the_uploader_reads_why_there_is_no_sound(client: Client) -> None:
    uploader = make_user("bob")
    clip = clips.new_path("mp4", "mpeg-h")
    content = clips.h264_mp4(size=places.SIZE).read_bytes()
    clip.write_bytes(content.replace(b"mp4a", b"mhm1").replace(b"esds", b"free"))
    video = ready_video(uploader, clip)
    sentence = (
        "The sound couldn't be kept: this video's sound is in MPEG-H, which can't be converted"
        " here."
    )
    assert video.processing_note == sentence
    shown = sentence.replace("'", "&#x27;")
    pages = (reverse("watch", args=[video.short_id]), reverse("notifications"))
    client.force_login(uploader)
    assert all(shown in client.get(page).content.decode() for page in pages)
    client.force_login(make_user("carol"))
    assert not any("MPEG-H" in client.get(page).content.decode() for page in pages)
