"""The page of captions."""

from __future__ import annotations

from html import unescape
from typing import TYPE_CHECKING, Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from tests.builders import make_user, make_video
from videos.models import Caption
from videos.querysets import UNDO_WITHIN

if TYPE_CHECKING:
    from django.test import Client

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


def test_a_hostile_name_stays_text(client: Client, video: Video) -> None:
    send(client, video, label='"><script>x')
    for name in ("video_captions", "watch"):
        assert b"<script>x" not in client.get(reverse(name, args=[video.short_id])).content
