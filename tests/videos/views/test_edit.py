"""Changing a video's picture on its page for changes; its words are tested in test_watch."""

from __future__ import annotations

import io
import re
from html import unescape
from typing import TYPE_CHECKING, Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from clipset.lib.pictures import MAX_BYTES
from clipset.server.form_files import MAX_FORM_BYTES
from tests import clips
from tests.builders import make_category, make_moderator, make_user, make_video
from tests.videos.stored_videos import everything_on_disk, ready_video, run_queue, wake_ups
from videos import access
from videos.models import ProcessingStatus, Video

if TYPE_CHECKING:
    from pathlib import Path

    from accounts.models import User

pytestmark = pytest.mark.django_db

MAKE = "videos.tasks.make_chosen_thumbnail"
COMING = "The new thumbnail will appear in a moment."
NO_MOMENT = "Enter a time like 1:23."
BROKEN = "This file can't be read as a picture. Upload a JPEG, PNG, WebP or GIF."


@pytest.fixture
def bob() -> User:
    return make_user("bob")


@pytest.fixture
def client(bob: User) -> Client:
    client = Client()
    client.force_login(bob)
    return client


@pytest.fixture
def video(bob: User) -> Video:
    """83 seconds; there is no video behind it."""
    return make_video("Old", uploader=bob, width=640, height=360)


def send(client: Client, video: Video, **fields: Any) -> Any:
    form = {"title": "New", "description": "", "category": "", **fields}
    return client.post(f"/v/{video.short_id}/edit/", form)


def text(answer: Any) -> str:
    return unescape(answer.content.decode())


def sent(content: bytes, name: str = "me.png") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content, "image/png")


def picture(kind: str = "PNG", colour: str = "red", size: tuple[int, int] = (800, 450)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, kind)
    return out.getvalue()


def thumbnail(video: Video) -> Path:
    video.refresh_from_db()
    assert video.thumbnail_path is not None
    return video.thumbnail_path


def assert_nothing_changed(video: Video) -> None:
    before = (video.title, video.thumbnail_filename)
    video.refresh_from_db()
    assert (video.title, video.thumbnail_filename) == before
    assert video.thumbnail_wanted_at is None
    assert wake_ups() == []


# -- a moment -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "seconds"), [("1:23", 83), (" 0:05 ", 5), ("70", 70), ("1m10s", 70), ("0", 0)]
)
def test_a_moment_is_stored_for_a_worker(
    client: Client, video: Video, typed: str, seconds: int
) -> None:
    answer = send(client, video, moment=typed)
    assert (answer.status_code, answer["Location"]) == (302, f"/v/{video.short_id}/")
    video.refresh_from_db()
    assert (video.title, video.thumbnail_wanted_at) == ("New", seconds)
    assert wake_ups() == [MAKE]
    assert COMING in text(client.get(answer["Location"]))


def test_the_page_says_that_the_picture_is_on_its_way(client: Client, video: Video) -> None:
    address = f"/v/{video.short_id}/edit/"
    assert "will appear in a moment" not in text(client.get(address))
    send(client, video, moment="1:02")
    client.get("/")  # where the message is shown
    page = text(client.get(address))
    sentence = 'The new thumbnail, from <span class="num">1:02</span>, will appear in a moment.'
    assert sentence in " ".join(page.split())


@pytest.mark.parametrize("typed", ["", "   "])
def test_without_a_moment_and_a_file_the_picture_stays(
    client: Client, video: Video, typed: str
) -> None:
    answer = send(client, video, moment=typed)
    assert answer.status_code == 302
    assert wake_ups() == []
    video.refresh_from_db()
    assert video.thumbnail_wanted_at is None
    assert COMING not in text(client.get(answer["Location"]))


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("soon", NO_MOMENT),
        ("1:75", NO_MOMENT),
        ("-1", NO_MOMENT),
        ("1.5", NO_MOMENT),
        ("nan", NO_MOMENT),
        ("١:٢٣", NO_MOMENT),
        ("1" * 21, NO_MOMENT),
        ("0:01\x00", "Null characters are not allowed."),
        ("1:24", "The video is only 1:23 long."),
        ("98:59:59", "The video is only 1:23 long."),
    ],
)
def test_a_bad_moment_is_422_changes_nothing_and_is_kept(
    client: Client, video: Video, typed: str, sentence: str
) -> None:
    answer = send(client, video, title="Typed title", moment=typed)
    page = text(answer)
    assert answer.status_code == 422
    assert sentence in page
    assert "Typed title" in page
    assert f'value="{typed}"' in page
    assert_nothing_changed(video)


def test_a_bad_title_keeps_the_moment_that_was_typed(client: Client, video: Video) -> None:
    answer = send(client, video, title=" ", moment="0:42")
    assert answer.status_code == 422
    assert 'value="0:42"' in text(answer)
    assert_nothing_changed(video)


# -- a file ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
def test_a_picture_that_is_sent_is_there_at_once(client: Client, video: Video, kind: str) -> None:
    answer = send(client, video, picture=sent(picture(kind)))
    assert answer.status_code == 302
    with Image.open(thumbnail(video)) as image:
        assert (image.format, image.size) == ("JPEG", (640, 360))
    page = text(client.get(answer["Location"]))
    assert COMING not in page
    address = f"/v/{video.short_id}/thumbnail.jpg?v={thumbnail(video).stem[-12:]}"
    for path in (answer["Location"], f"/v/{video.short_id}/edit/"):
        assert address in text(client.get(path))
    shown = client.get(address)
    assert (shown.status_code, shown["Content-Type"]) == (200, "image/jpeg")
    assert b"".join(shown.streaming_content) == thumbnail(video).read_bytes()  # type: ignore[attr-defined]
    assert video.title == "New"


@pytest.mark.parametrize("moment", ["0:10", "nonsense", "9:99"])
def test_a_file_wins_over_a_moment(client: Client, video: Video, moment: str) -> None:
    assert send(client, video, moment=moment, picture=sent(picture())).status_code == 302
    assert thumbnail(video).exists()
    assert video.thumbnail_wanted_at is None
    assert wake_ups() == ["videos.tasks.make_small_thumbnail"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "This file is empty."),
        (b"no picture", BROKEN),
        (picture()[:80], BROKEN),
        (b"\0" * (MAX_BYTES + 1), "This picture is too large. The limit is 10 MB."),
    ],
)
def test_what_is_no_fit_picture_is_422_and_changes_nothing(
    client: Client, video: Video, content: bytes, sentence: str
) -> None:
    answer = send(client, video, title="Typed title", picture=sent(content))
    page = text(answer)
    assert answer.status_code == 422
    assert sentence in page
    assert "Typed title" in page
    assert_nothing_changed(video)


def test_the_page_has_the_limit_and_its_sentence_for_the_script(
    client: Client, video: Video
) -> None:
    page = text(client.get(f"/v/{video.short_id}/edit/"))
    field = re.search(r'<input type="file"[^>]*>', page)
    assert field is not None
    assert f'data-max-bytes="{MAX_BYTES}"' in field[0]
    assert 'data-too-large="This picture is too large. The limit is 10 MB."' in field[0]


def test_a_picture_that_no_form_may_hold_is_refused_in_words(client: Client, video: Video) -> None:
    """By the middleware, before it is read."""
    answer = send(client, video, picture=sent(b"\0" * MAX_FORM_BYTES))
    assert answer.status_code == 413
    assert text(answer) == "Too large. The limit is 10 MB."
    assert_nothing_changed(video)


def test_too_many_pixels_are_refused(client: Client, video: Video) -> None:
    answer = send(client, video, picture=sent(picture("PNG", size=(6000, 6000))))
    assert answer.status_code == 422
    assert "too many pixels" in text(answer)
    assert_nothing_changed(video)


def test_a_fit_picture_beside_a_bad_title_is_asked_for_again(client: Client, video: Video) -> None:
    answer = send(client, video, title=" ", picture=sent(picture()))
    assert answer.status_code == 422
    assert "Please choose the thumbnail again." in text(answer)
    assert_nothing_changed(video)


def test_a_word_in_place_of_a_file_is_no_picture(client: Client, video: Video) -> None:
    assert send(client, video, picture="me.png").status_code == 302
    assert_nothing_changed(Video.objects.get())


# -- who and when ---------------------------------------------------------------------------------


@pytest.mark.parametrize("status", sorted(set(ProcessingStatus) - {ProcessingStatus.COMPLETED}))
def test_only_a_ready_video_is_offered_another_picture(
    client: Client, bob: User, status: ProcessingStatus
) -> None:
    video = make_video("Old", uploader=bob, status=status)
    page = text(client.get(f"/v/{video.short_id}/edit/"))
    assert 'name="moment"' not in page
    assert 'name="picture"' not in page
    answer = send(client, video, moment="0:01", picture=sent(picture()))
    assert answer.status_code == 302
    video.refresh_from_db()
    assert (video.title, video.thumbnail_filename, video.thumbnail_wanted_at) == ("New", None, None)
    assert wake_ups() == []


def test_others_change_no_picture_and_staff_may(video: Video) -> None:
    alice, moderator = Client(), Client()
    alice.force_login(make_user("alice"))
    moderator.force_login(make_moderator("m_o_d"))
    assert send(alice, video, picture=sent(picture())).status_code == 404
    assert send(alice, video, moment="0:01").status_code == 404
    assert send(Client(), video, moment="0:01").status_code == 302
    assert_nothing_changed(video)
    assert send(moderator, video, picture=sent(picture())).status_code == 302
    assert thumbnail(video).exists()


def delete_after_the_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """The video goes as soon as it is known that it may be changed."""
    real = access.editable_video

    def deleted_after(*args: Any) -> Video:
        found = real(*args)
        Video.objects.filter(pk=found.pk).delete()
        run_queue()
        return found

    monkeypatch.setattr("videos.views.watch.editable_video", deleted_after)


@pytest.mark.parametrize("fields", [{"moment": "0:01"}, {"picture": picture()}, {}])
def test_a_video_deleted_meanwhile_is_a_404_and_leaves_nothing(
    client: Client, video: Video, monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any]
) -> None:
    delete_after_the_look(monkeypatch)
    if "picture" in fields:
        fields = {"picture": sent(fields["picture"])}
    assert send(client, video, **fields).status_code == 404
    assert wake_ups() == []
    assert everything_on_disk() == []


@pytest.mark.parametrize(("what", "status"), [("retry", 404), ("cancel", 302), ("delete", 302)])
def test_nothing_else_breaks_for_a_video_deleted_meanwhile(
    client: Client, video: Video, monkeypatch: pytest.MonkeyPatch, what: str, status: int
) -> None:
    delete_after_the_look(monkeypatch)
    assert client.post(f"/v/{video.short_id}/{what}/").status_code == status


def test_a_category_deleted_meanwhile_is_said(client: Client, video: Video) -> None:
    make_category("Music")
    assert send(client, video, category="gone", moment="0:01").status_code == 422
    assert_nothing_changed(video)


@pytest.mark.ffmpeg
def test_the_page_shows_the_new_picture_once_a_worker_has_made_it(
    client: Client, bob: User
) -> None:
    video_file = ready_video(bob, clips.brightening(seconds=8))
    before = thumbnail(video_file)
    send(client, video_file, moment="0:06")
    assert MAKE in run_queue()
    assert thumbnail(video_file) != before
    page = text(client.get(f"/v/{video_file.short_id}/edit/"))
    assert f"?v={thumbnail(video_file).stem[-12:]}" in page
    assert "The new thumbnail, from" not in page
    with Image.open(thumbnail(video_file)) as image:
        assert image.convert("L").getpixel((5, 5)) > 150  # type: ignore[operator]
