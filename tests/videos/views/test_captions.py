"""The page of captions."""

from __future__ import annotations

from datetime import timedelta
from html import unescape
from typing import TYPE_CHECKING, Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests.builders import make_caption, make_moderator, make_user, make_video
from videos.models import Caption
from videos.querysets import UNDO_WITHIN
from videos.services.guest_links import create_guest_link

if TYPE_CHECKING:
    from videos.models import Video

pytestmark = pytest.mark.django_db

SRT = b"1\n00:00:01,000 --> 00:00:02,000\nHello\n"


@pytest.fixture
def video(client: Client) -> Video:
    uploader = make_user("bob")
    client.force_login(uploader)
    return make_video(uploader=uploader)


def send(client: Client, video: Video, contents: bytes = SRT, **fields: str) -> Any:
    file = SimpleUploadedFile("words.srt", contents)
    data = {"file": file, "language": "en", "label": "", **fields}
    return client.post(reverse("video_captions", args=[video.short_id]), data)


def test_a_file_that_was_sent_is_served_clean(client: Client, video: Video) -> None:
    assert send(client, video).status_code == 302
    answer = client.get(reverse("captions", args=[video.short_id, "en"]))
    assert answer.content == b"WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nHello\n"
    page = client.get(reverse("video_captions", args=[video.short_id]))
    assert "English" in page.content.decode()


@pytest.mark.parametrize(
    ("contents", "fields", "sentence"),
    [
        (b"no captions", {}, "We couldn't read any captions in this file."),
        (b"", {}, "This file is empty"),
        (SRT, {"language": "tlh"}, "Choose a language from the list."),
        (SRT, {"language": ""}, "Choose the language"),
        (SRT, {"label": "x" * 81}, "at most 80"),
        (b"x" * 2_000_001, {}, "This file is too large"),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_stays(
    client: Client, video: Video, contents: bytes, fields: dict[str, str], sentence: str
) -> None:
    answer = send(client, video, contents, **{"label": "My words", **fields})
    assert answer.status_code == 422
    assert sentence in unescape(answer.content.decode())
    assert fields.get("label", "My words") in answer.content.decode()
    assert not video.captions.present().exists()


def test_a_track_is_renamed_shown_at_first_and_removed(client: Client, video: Video) -> None:
    send(client, video)

    def act(name: str, **data: str) -> None:
        address = reverse(f"caption_{name}", args=[video.short_id, "en"])
        assert client.post(address, data).status_code == 302

    act("rename", label="The words")
    act("default", chosen="yes")
    track = video.captions.present().get()
    assert (track.label, track.is_default) == ("The words", True)
    act("rename", label=" ")
    assert video.captions.present().get().label == "The words"
    act("default")
    assert not video.captions.present().get().is_default
    act("remove")
    assert not video.captions.present().exists()


def test_what_is_removed_is_nowhere_and_can_be_taken_back(client: Client, video: Video) -> None:
    send(client, video, SRT.replace(b"Hello", b"Zeppelin"))
    caption, page = video.captions.present().get(), reverse("video_captions", args=[video.short_id])
    gone = client.post(reverse("caption_remove", args=[video.short_id, "en"]))["Location"]
    assert gone == f"{page}?removed={caption.pk}"
    for name, args in (("captions", ["en"]), ("captions_playlist", ["en"])):
        assert client.get(reverse(name, args=[video.short_id, *args])).status_code == 404
    assert b"captions/en.vtt" not in client.get(reverse("watch", args=[video.short_id])).content
    assert client.get("/?q=zeppelin").context["page"].hits == []
    undo = reverse("caption_restore", args=[video.short_id, caption.pk])
    assert f'action="{undo}"' in client.get(gone).content.decode()
    for nonsense in ("x", "9" * 30, "²", "0"):
        assert "Undo" not in client.get(f"{page}?removed={nonsense}").content.decode()
    for _ in range(2):
        assert "“English” restored" in client.post(undo, follow=True).content.decode()
    assert b"Zeppelin" in client.get(reverse("captions", args=[video.short_id, "en"])).content
    assert client.get("/?q=zeppelin").context["page"].hits
    assert "Undo" not in client.get(gone).content.decode()
    Caption.objects.update(deleted_at=timezone.now() - UNDO_WITHIN)
    assert "Undo" not in client.get(gone).content.decode()
    assert "too late to undo" in client.post(undo, follow=True).content.decode()


PLACE = "WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nGPS (13.4050, 52.5200, 18) Zeppelin\n"


def found(client: Client, word: str) -> bool:
    return bool(client.get("/", {"q": word}).context["page"].hits)


def test_a_withheld_track_is_nowhere_until_its_uploader_publishes_it(
    client: Client, video: Video
) -> None:
    make_caption(video, PLACE, is_withheld=True, has_coordinates=True, is_default=True)
    token = create_guest_link(
        video=video, created_by=video.uploaded_by, lifetime=timedelta(days=1)
    ).token
    page = reverse("video_captions", args=[video.short_id])
    publish = reverse("caption_publish", args=[video.short_id, "en"])
    addresses = [
        *(reverse(name, args=[video.short_id, "en"]) for name in ("captions", "captions_playlist")),
        *(f"/s/{token}/captions/en.{suffix}" for suffix in ("vtt", "m3u8")),
    ]
    watch = [reverse("watch", args=[video.short_id]), f"/s/{token}/"]

    def check(client: Client, *, is_published: bool) -> None:
        for address in addresses:
            assert client.get(address).status_code == (200 if is_published else 404)
        for address in watch:
            assert (b"captions/en.vtt" in client.get(address).content) == is_published
        for word in ("zeppelin", "52.5200"):
            assert found(client, word) == is_published

    check(client, is_published=False)
    shown = client.get(page).content.decode()
    assert "Withheld" in shown
    assert "52.5" not in shown
    assert "coordinates" in client.get(watch[0]).content.decode()
    # Staff may edit the captions, but what they may not see they may not publish.
    moderator = Client()
    moderator.force_login(make_moderator())
    check(moderator, is_published=False)
    assert "the uploader" in moderator.get(page).content.decode()
    assert moderator.post(publish, {"published": "yes"}).status_code == 404
    for _ in range(2):
        assert (
            "published" in client.post(publish, {"published": "yes"}, follow=True).content.decode()
        )
        check(client, is_published=True)
    assert "Withheld" not in client.get(page).content.decode()
    assert "coordinates" not in client.get(watch[0]).content.decode()
    client.post(publish)
    check(client, is_published=False)


def test_a_name_with_a_place_is_shown_to_the_uploader_only(client: Client, video: Video) -> None:
    name = "52.5200, 13.4050"
    track = make_caption(video, PLACE, is_withheld=True, has_coordinates=True, label=name)
    page = reverse("video_captions", args=[video.short_id])
    moderator = Client()
    moderator.force_login(make_moderator())
    assert "52.5200" in client.get(page).content.decode()
    assert "52.5200" not in moderator.get(page).content.decode()
    assert "English" in moderator.get(page).content.decode()
    for action, key in (("caption_remove", "en"), ("caption_restore", track.pk)):
        url = reverse(action, args=[video.short_id, key])
        assert "52.5200" not in moderator.post(url, follow=True).content.decode()


def test_a_withheld_track_that_is_removed_and_restored_is_still_withheld(
    client: Client, video: Video
) -> None:
    track = make_caption(video, PLACE, is_withheld=True, has_coordinates=True)
    client.post(reverse("caption_remove", args=[video.short_id, "en"]))
    client.post(reverse("caption_restore", args=[video.short_id, track.pk]))
    track.refresh_from_db()
    assert (track.deleted_at, track.is_withheld) == (None, True)
    assert not found(client, "zeppelin")


def test_a_track_that_a_member_adds_is_not_withheld(client: Client, video: Video) -> None:
    send(client, video, PLACE.encode())
    track = video.captions.served().get()
    assert found(client, "zeppelin")
    # Nor can such a track be withheld.
    client.post(reverse("caption_publish", args=[video.short_id, track.code]))
    assert video.captions.served().get() == track


def test_a_hostile_name_stays_text(client: Client, video: Video) -> None:
    send(client, video, label='"><script>x')
    for name in ("video_captions", "watch"):
        assert b"<script>x" not in client.get(reverse(name, args=[video.short_id])).content
