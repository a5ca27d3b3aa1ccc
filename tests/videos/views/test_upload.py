"""The plain upload form: what is accepted, and what each refusal says and leaves behind."""

from __future__ import annotations

from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from accounts.services.quota import quota_state
from clipset.lib.refusals import RefusedError
from tests.builders import make_admin, make_category, make_user
from tests.videos.stored_videos import (
    assert_nothing_is_left,
    files_below,
    set_limits,
    used,
    wake_ups,
)
from videos.models import Job, ProcessingStatus, Upload, Video
from videos.services.uploads.create import FORM_OVERHEAD

if TYPE_CHECKING:
    from pytest_django.fixtures import Settings

    from accounts.models import User

pytestmark = pytest.mark.django_db

KIB, MIB = 1024, 1024**2
VIDEO = b"\x00\x00\x00\x18ftypmp42 pretends to be one" * 100
JSON = {"Accept": "application/json"}
TYPED = {"title": "Harvest & <home>", "description": "Two lines,\nthe second."}


@pytest.fixture
def bob() -> User:
    return make_user("bob")


@pytest.fixture
def client(bob: User) -> Client:
    client = Client()
    client.force_login(bob)
    return client


def video_file(name: str = "clip.mp4", content: bytes = VIDEO) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content, "video/mp4")


def send(client: Client, file: Any = None, headers: Any = None, **fields: Any) -> Any:
    body = {"title": "", "description": "", "category": "", **fields}
    if file is not None:
        body["file"] = file
    return client.post("/upload/", body, headers=headers)


def seen(answer: Any) -> str:
    return unescape(answer.content.decode())


# -- accepted -------------------------------------------------------------------------------------


def test_an_accepted_file_becomes_a_waiting_video_a_job_and_a_wake_up(
    client: Client, bob: User
) -> None:
    music = make_category("Music")
    answer = send(client, video_file(), **TYPED, category=music.slug)
    video = Video.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, video.get_absolute_url())
    assert video.processing_status == ProcessingStatus.PENDING
    assert (video.title, video.description) == (TYPED["title"], TYPED["description"])
    assert (video.category, video.uploaded_by) == (music, bob)
    assert video.original_filename == "clip.mp4"
    assert video.file_size_bytes == video.quota_bytes == used(bob) == len(VIDEO)
    assert video.source_file.read_bytes() == VIDEO
    assert Job.objects.get().video == video
    assert wake_ups() == ["videos.tasks.run_next_job"]
    assert not Upload.objects.exists()


def test_the_page_behind_an_upload_says_that_it_is_here(client: Client) -> None:
    answer = client.post("/upload/", {"file": video_file(), "title": "Sea"}, follow=True)
    assert answer.status_code == 200
    assert "In the queue" in seen(answer)
    assert "Uploaded. Your video is being processed." in seen(answer)


def test_scripts_get_the_address_as_json(client: Client) -> None:
    answer = send(client, video_file(), JSON)
    assert answer.status_code == 201
    assert answer.json() == {"url": Video.objects.get().get_absolute_url()}


def test_an_admin_is_not_charged() -> None:
    root = make_admin("root_")
    set_limits(week=1)
    client = Client()
    client.force_login(root)
    assert send(client, video_file()).status_code == 302
    assert (used(root), Video.objects.get().quota_bytes) == (0, 0)


def test_without_a_description_none_is_stored(client: Client) -> None:
    send(client, video_file(), description="  \n ")
    assert Video.objects.get().description is None


def test_other_files_in_the_form_are_thrown_away(client: Client) -> None:
    assert (
        send(client, video_file(), extra=video_file("extra.mp4", b"other" * 1000)).status_code
        == 302
    )
    assert len(files_below(Video.objects.get().source_file.parent)) == 1


def test_of_two_files_the_first_one_counts(client: Client, bob: User) -> None:
    answer = send(client, [video_file("one.mp4"), video_file("two.mp4", b"other" * 1000)])
    assert answer.status_code == 302
    video = Video.objects.get()
    assert (video.title, video.file_size_bytes) == ("one", len(VIDEO))
    assert used(bob) == len(VIDEO)
    assert len(files_below(video.source_file.parent)) == 1


def send_named(client: Client, name: str) -> Any:
    """A file whose name is sent as it stands, which no well-meaning client does."""
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    body = (
        f'--edge\r\nContent-Disposition: form-data; name="file"; filename="{quoted}"\r\n'
        "Content-Type: video/mp4\r\n\r\nFILM\r\n--edge--\r\n"
    ).encode()
    kind = "multipart/form-data; boundary=edge"
    return client.post("/upload/", body, content_type=kind)


@pytest.mark.parametrize(
    ("name", "stored", "title"),
    [
        ("Summer_in_the_hills.MP4", "Summer_in_the_hills.MP4", "Summer in the hills"),
        ("../../../etc/x.mp4", "x.mp4", "x"),
        ("..\\..\\x.mov", "x.mov", "x"),
        ("C:\\Users\\bob\\My video.mkv", "My video.mkv", "My video"),
        ("Küche 日本 🎬.webm", "Küche 日本 🎬.webm", "Küche 日本 🎬"),
        ("evil\u202e4pm.mp4", "evil4pm.mp4", "evil4pm"),
        ("nul\x00byte.mp4", "nulbyte.mp4", "nulbyte"),
        ('a "quoted" one.mp4', 'a "quoted" one.mp4', 'a "quoted" one'),
        ("<script>alert(1)</script>.mp4", "script>.mp4", "script>"),
        ("; rm -rf $HOME;.mp4", "; rm -rf $HOME;.mp4", "; rm -rf $HOME;"),
        ("-i.mp4", "-i.mp4", "i"),
        ("_.mp4", "_.mp4", "Untitled"),
        ("IMG_0001.MOV", "IMG_0001.MOV", "IMG 0001"),
        ("1000000034", "1000000034", "1000000034"),
        ("clip.m4v", "clip.m4v", "clip"),
    ],
)
def test_odd_names_of_files_are_harmless(
    client: Client, name: str, stored: str, title: str, settings: Settings
) -> None:
    answer = send_named(client, name)
    assert answer.status_code == 302, seen(answer)
    video = Video.objects.get()
    assert (video.original_filename, video.title) == (stored, title)
    source = video.source_file
    assert source.parent.parent == Path(settings.TEMP_STORAGE_PATH)
    assert source.name == f"source{Path(stored).suffix.lower()}"


def test_a_name_of_300_characters_is_stored_as_far_as_there_is_room(client: Client) -> None:
    assert send_named(client, "n" * 300 + ".mp4").status_code == 302
    video = Video.objects.get()
    assert video.original_filename == "n" * 251 + ".mp4"
    assert video.title == "n" * 200


# -- refused --------------------------------------------------------------------------------------

KINDS = ".mp4, .mov, .avi, .mkv, .webm"
LONG_TITLE = "Titles can be up to 200 characters."
BLANK_TITLE = "Enter a title."
LONG_DESCRIPTION = "A description has at most 5,000 characters."
NO_CATEGORY = "Choose a category from the list."
# What is sent, the field that is to blame, what is said about it.
REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "empty file": ({"file": ("a.mp4", b"")}, "file", "This file is empty."),
    "no video": (
        {"file": ("setup.exe", VIDEO)},
        "file",
        f"This file type isn't supported. Use {KINDS}.",
    ),
    "a kind to be enabled": ({"file": ("a.ts", VIDEO)}, "file", "This file type isn't supported."),
    "no file": ({}, "file", "Choose a video to upload."),
    "wrong field": ({"video": ("a.mp4", VIDEO)}, "file", "Choose a video to upload."),
    "file as text": ({"file": "clip.mp4"}, "file", "Choose a video to upload."),
    "long title": ({"file": ("a.mp4", VIDEO), "title": "t" * 500}, "title", LONG_TITLE),
    "blank title": ({"file": ("a.mp4", VIDEO), "title": "   \t "}, "title", BLANK_TITLE),
    "invisible title": ({"file": ("a.mp4", VIDEO), "title": "\u200b\u202e"}, "title", BLANK_TITLE),
    "long description": (
        {"file": ("a.mp4", VIDEO), "description": "d" * 5001},
        "description",
        LONG_DESCRIPTION,
    ),
    # 600 and 15,000 characters when they are stored.
    "title that grows": ({"file": ("a.mp4", VIDEO), "title": "\ufb2c" * 200}, "title", LONG_TITLE),
    "description that grows": (
        {"file": ("a.mp4", VIDEO), "description": "\ufb2c" * 5000},
        "description",
        LONG_DESCRIPTION,
    ),
    "unknown category": (
        {"file": ("a.mp4", VIDEO), "category": "no-such"},
        "category",
        NO_CATEGORY,
    ),
}


def body_of(case: str) -> dict[str, Any]:
    fields, _, _ = REFUSED[case]
    made = {name: video_file(*it) if isinstance(it, tuple) else it for name, it in fields.items()}
    return {**TYPED, **made}


@pytest.mark.parametrize("case", REFUSED)
def test_a_refusal_says_why_and_leaves_nothing(client: Client, bob: User, case: str) -> None:
    _, _, sentence = REFUSED[case]
    answer = client.post("/upload/", body_of(case))
    assert answer.status_code == 422
    assert sentence in seen(answer)
    assert_nothing_is_left(bob)


@pytest.mark.parametrize("case", REFUSED)
def test_scripts_get_the_refusal_by_field(client: Client, bob: User, case: str) -> None:
    _, field, sentence = REFUSED[case]
    answer = client.post("/upload/", body_of(case), headers=JSON)
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == [field]
    (said,) = answer.json()["errors"][field]
    assert sentence in said
    assert_nothing_is_left(bob)


def test_what_was_typed_is_still_there_after_a_refusal(client: Client) -> None:
    music = make_category("Music")
    answer = send(client, video_file("setup.exe"), **TYPED, category=music.slug)
    html = answer.content.decode()
    assert 'value="Harvest &amp; &lt;home&gt;"' in html
    assert "Two lines,\r\nthe second." in html or "Two lines,\nthe second." in html
    assert f'<option value="{music.slug}" selected>' in html
    assert "Harvest & <home>" not in html


def test_what_was_typed_behind_the_file_is_kept_too(client: Client) -> None:
    """Browsers send the fields in the order of the page, where the file stands first."""
    body = {"file": video_file("setup.exe"), "title": "Typed below", "description": "And this"}
    html = client.post("/upload/", body).content.decode()
    assert 'value="Typed below"' in html
    assert "And this" in html


def test_a_file_over_the_limit_is_refused_before_it_is_stored(client: Client, bob: User) -> None:
    set_limits(file=200 * KIB)
    answer = send(client, video_file(content=bytes(200 * KIB + FORM_OVERHEAD + 1)), **TYPED)
    assert answer.status_code == 413
    assert (
        "This file is larger than 200 KB, the maximum. Upload a shorter or smaller"
        " version." in seen(answer)
    )
    assert_nothing_is_left(bob)


def test_a_file_one_byte_over_the_limit_is_refused(client: Client, bob: User) -> None:
    set_limits(file=200 * KIB)
    answer = send(client, video_file(content=bytes(200 * KIB + 1)), **TYPED)
    assert answer.status_code == 413
    assert "larger than 200 KB" in seen(answer)
    assert 'value="Harvest &amp; &lt;home&gt;"' in answer.content.decode()
    assert_nothing_is_left(bob)


def test_a_file_of_exactly_the_limit_is_accepted(client: Client) -> None:
    set_limits(file=200 * KIB)
    assert send(client, video_file(content=bytes(200 * KIB))).status_code == 302


def test_a_file_that_would_pass_the_weekly_quota_is_refused(client: Client, bob: User) -> None:
    set_limits(week=4 * MIB)
    bob.weekly_upload_bytes = 3 * MIB
    bob.save()
    answer = send(client, video_file(content=bytes(2 * MIB)), **TYPED)
    assert answer.status_code == 413
    day = f"{quota_state(bob).resets_at:%A, %-d %B}"
    assert (
        f"Not enough weekly quota: 1 MB of 4 MB left until {day}. "
        "Upload a smaller file, or wait until then." in seen(answer)
    )
    assert_nothing_is_left(bob, charged=3 * MIB)


def test_charlie_who_has_used_everything_gets_the_quotas_sentence(client: Client) -> None:
    charlie = make_user("charlie", weekly_upload_bytes=4 * 1024**3)
    client.force_login(charlie)
    answer = send(client, video_file(content=bytes(MIB)), JSON)
    assert answer.status_code == 413
    assert "0 bytes of 4 GB left" in answer.json()["errors"]["file"][0]
    assert_nothing_is_left(charlie, charged=4 * 1024**3)


def test_a_file_over_the_quota_by_less_than_the_forms_own_bytes_is_refused(
    client: Client, bob: User
) -> None:
    set_limits(week=MIB)
    answer = send(client, video_file(content=bytes(MIB + 1)), **TYPED)
    assert answer.status_code == 413
    assert "Not enough weekly quota" in seen(answer)
    assert_nothing_is_left(bob)


@pytest.mark.parametrize("size", [10, FORM_OVERHEAD, MIB])
def test_a_file_that_fits_exactly_what_is_left_passes(client: Client, bob: User, size: int) -> None:
    set_limits(week=MIB + 5)
    bob.weekly_upload_bytes = MIB + 5 - size
    bob.save()
    assert send(client, video_file(content=bytes(size))).status_code == 302
    assert used(bob) == MIB + 5
    assert Video.objects.get().quota_bytes == size


def test_a_quota_from_before_sunday_counts_for_nothing(client: Client, bob: User) -> None:
    set_limits(week=MIB)
    bob.weekly_upload_bytes = MIB
    bob.last_upload_reset = timezone.now() - timedelta(days=8)
    bob.save()
    assert send(client, video_file()).status_code == 302
    assert used(bob) == len(VIDEO)


def test_a_full_disk_refuses_new_uploads(client: Client, bob: User, settings: Settings) -> None:
    settings.MIN_FREE_DISK_BYTES = 1 << 62
    answer = send(client, video_file(), **TYPED)
    assert answer.status_code == 507
    assert "The site's disk is too full for this file. Tell an admin, and try again later." in seen(
        answer
    )
    assert_nothing_is_left(bob)


def test_what_others_still_bring_counts_against_the_disk(
    client: Client, bob: User, settings: Settings
) -> None:
    Upload.objects.create(
        user=make_user("alice"),
        quota_bytes=0,
        size_bytes=1 << 61,
        expires_at=timezone.now() + timedelta(minutes=15),
    )
    assert send(client, video_file()).status_code == 507
    assert used(bob) == 0


@pytest.mark.parametrize("length", ["", "unknown"])
def test_a_request_that_does_not_say_how_long_it_is_gets_411(
    client: Client, bob: User, length: str
) -> None:
    answer = client.post("/upload/", {"file": video_file()}, CONTENT_LENGTH=length)
    assert answer.status_code == 411
    assert answer.content == b"Say how long the body is."
    assert_nothing_is_left(bob)


def test_a_forged_request_is_403_and_leaves_nothing(bob: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(bob)
    answer = send(client, video_file(), **TYPED)
    assert answer.status_code == 403
    assert_nothing_is_left(bob)


def test_a_stranger_is_sent_to_the_log_in(client: Client) -> None:
    client.logout()
    answer = send(client, video_file())
    assert (answer.status_code, answer["Location"]) == (302, "/login/?next=/upload/")
    assert send(client, video_file(), JSON).status_code == 401
    assert not Video.objects.exists()
    assert not Upload.objects.exists()


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"--edge\r\nnonsense", "multipart/form-data; boundary=edge"),
        (b"nonsense", "multipart/form-data; boundary="),
        (b"nonsense", "multipart/form-data"),
        (b"{}", "application/json"),
        (b"title=x&file=y", "application/x-www-form-urlencoded"),
        (b"x=1&" * 2000, "application/x-www-form-urlencoded"),
        (b"x" * (2 * MIB), "application/x-www-form-urlencoded"),
        (b"", "multipart/form-data; boundary=edge"),
    ],
)
def test_nonsense_is_a_4xx_and_leaves_nothing(
    client: Client, bob: User, body: bytes, kind: str
) -> None:
    answer = client.post("/upload/", body, content_type=kind)
    assert answer.status_code in {400, 411, 413, 422}
    assert_nothing_is_left(bob)


def test_a_file_that_ends_before_its_form_does_is_refused(client: Client, bob: User) -> None:
    """As it comes when a connection breaks: the closing boundary is missing."""
    body = (
        b'--edge\r\nContent-Disposition: form-data; name="file"; filename="a.mp4"\r\n'
        b"Content-Type: video/mp4\r\n\r\nHALF A FI"
    )
    answer = client.post("/upload/", body, content_type="multipart/form-data; boundary=edge")
    assert answer.status_code in {400, 422}
    assert_nothing_is_left(bob)


# -- all or nothing -------------------------------------------------------------------------------


def test_an_upload_whose_row_is_gone_becomes_no_video(client: Client, bob: User) -> None:
    """The sweep took it for dead while it was still coming: what it said stands."""
    from videos.services.uploads.create import VideoDetails, begin_upload
    from videos.services.uploads.expire import end_upload
    from videos.services.uploads.finish import finish_upload

    upload = begin_upload(user=bob, content_length=1000)
    upload.folder_path.mkdir()
    (upload.folder_path / "source.mp4").write_bytes(VIDEO)
    assert end_upload(upload=upload)
    with pytest.raises(RefusedError, match="This upload timed out") as refused:
        finish_upload(
            upload=upload,
            path=upload.folder_path / "source.mp4",
            size=1000,
            original_filename="a.mp4",
            details=VideoDetails(title="A"),
        )
    assert refused.value.status == 422
    assert wake_ups() == []
    assert_nothing_is_left(bob)


def test_the_upload_page_shows_what_is_left_and_what_is_taken(client: Client) -> None:
    set_limits(file=3 * MIB, week=10 * MIB)
    text = seen(client.get("/upload/"))
    assert "10 MB" in text
    assert "up to 3 MB" in text
    assert 'accept="video/*,.mp4,.m4v,.3gp,.mov,.qt,.avi,.mkv,.webm"' in text
    assert "MP4, MOV," in " ".join(text.split()).replace(" ,", ",")
    assert client.head("/upload/").status_code == 200
    assert client.put("/upload/").status_code == 405
