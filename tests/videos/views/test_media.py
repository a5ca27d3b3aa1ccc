"""Who gets a video's files, and which bytes of them."""

from __future__ import annotations

import gc
import warnings
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings as django_settings
from django.test import Client, RequestFactory

from clipset.lib.slots import Slots
from tests.builders import make_admin, make_moderator, make_user, make_video
from tests.videos.live import Visitor
from videos import file_responses
from videos.models import ProcessingStatus, Video
from videos.views import media

if TYPE_CHECKING:
    from accounts.models import User
    from tests.videos.live import Server

SIZE = 300_007  # bytes; no multiple of anything
VIDEO = bytes((7 * n + n // 251) % 256 for n in range(SIZE))
FILES = ["stream.mp4", "download/", "thumbnail.jpg", "thumbnail-640.webp"]


def video_file(uploader: User, **fields: object) -> Video:
    """One whose files hold what can be told apart."""
    video = make_video(
        uploader=uploader,
        thumbnail_filename="picture.jpg",
        thumbnail_root="thumbnails",
        **fields,  # type: ignore[arg-type]
    )
    video.file_path.write_bytes(VIDEO)
    assert video.thumbnail_path is not None
    video.thumbnail_path.write_bytes(b"PICTURE")
    return video


def status_for(user: User | None, video: Video, name: str) -> int:
    client = Client()
    if user is not None:
        client.force_login(user)
    answer = client.get(f"/v/{video.short_id}/{name}")
    read(answer)
    return answer.status_code


def read(answer: Any) -> bytes:
    """To its end, which closes the file. `close()` would close the test's connection, too."""
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


# -- rights ---------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("name", FILES)
def test_every_request_is_checked_against_the_rights_of_this_moment(name: str) -> None:
    alice, bob = make_user("alice"), make_user("bob")
    moderator, admin = make_moderator("mod"), make_admin("root_")
    video = video_file(bob)
    everybody = [alice, bob, moderator, admin]
    assert [status_for(user, video, name) for user in everybody] == [200] * 4
    assert status_for(None, video, name) == 302

    video.is_hidden = True
    video.save()
    assert [status_for(user, video, name) for user in everybody] == [404, 200, 200, 200]

    for status in (ProcessingStatus.PENDING, ProcessingStatus.PROCESSING, ProcessingStatus.FAILED):
        video.is_hidden, video.processing_status, video.error_message = False, status, "No."
        video.save()
        # The uploader and staff see the picture of what is unfinished, and no video of it.
        unfinished = 200 if name.startswith("thumbnail") else 404
        expected = [404, unfinished, unfinished, unfinished]
        assert [status_for(user, video, name) for user in everybody] == expected


@pytest.mark.django_db
@pytest.mark.parametrize("name", FILES)
def test_a_deactivated_member_gets_nothing_with_an_old_session(name: str) -> None:
    alice = make_user("alice")
    video = video_file(make_user("bob"))
    client = Client()
    client.force_login(alice)
    path = f"/v/{video.short_id}/{name}"
    read(client.get(path))
    alice.is_active = False
    alice.save()
    answer = client.get(path)
    assert (answer.status_code, answer["Location"]) == (302, f"/login/?next={path}")


@pytest.mark.django_db
@pytest.mark.parametrize("name", FILES)
def test_a_video_that_is_not_there_or_has_no_file_is_404(name: str) -> None:
    bob = make_user("bob")
    video = make_video(uploader=bob)
    assert status_for(bob, video, name) == 404
    client = Client()
    client.force_login(bob)
    assert client.get(f"/v/abcdefghij/{name}").status_code == 404
    assert client.post(f"/v/{video.short_id}/{name}").status_code == 405


@pytest.mark.django_db
def test_the_original_is_for_its_uploader_alone() -> None:
    bob = make_user("bob")
    original = Path(django_settings.ORIGINAL_STORAGE_PATH) / "video.mov"
    original.write_bytes(b"THE ORIGINAL")
    video = video_file(bob, title="Sea", original_root="originals", original_key=original.name)
    for user, content, named in (
        (bob, b"THE ORIGINAL", "Sea.mov"),
        (make_user("alice"), VIDEO, "Sea.mp4"),
        (make_moderator("mod"), VIDEO, "Sea.mp4"),
    ):
        client = Client()
        client.force_login(user)
        answer = client.get(f"/v/{video.short_id}/download/")
        assert read(answer) == content
        assert answer["Content-Disposition"] == f'attachment; filename="{named}"'


@pytest.mark.django_db
def test_played_files_do_not_tell_how_they_are_called_here() -> None:
    bob = make_user("bob")
    video = video_file(bob)
    client = Client()
    client.force_login(bob)
    for name, kind in (("stream.mp4", "video/mp4"), ("thumbnail.jpg", "image/jpeg")):
        answer = client.get(f"/v/{video.short_id}/{name}")
        assert "Content-Disposition" not in answer
        assert answer["Content-Type"] == kind
        assert answer["Cache-Control"] == "private, no-cache"
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert str(django_settings.VIDEO_STORAGE_PATH) not in str(answer.headers)
        read(answer)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("title", "disposition"),
    [
        ("My holiday", 'attachment; filename="My holiday.mp4"'),
        ("Küche 日本", "attachment; filename*=utf-8''K%C3%BCche%20%E6%97%A5%E6%9C%AC.mp4"),
        ('a "quoted" one', 'attachment; filename="a quoted one.mp4"'),
        ("../../etc/passwd", 'attachment; filename="etc passwd.mp4"'),
        ("a\\b", 'attachment; filename="a b.mp4"'),
        ("line\r\nX-Evil: 1", 'attachment; filename="line X-Evil 1.mp4"'),
        ("...", 'attachment; filename="video.mp4"'),
        ("con", 'attachment; filename="_con.mp4"'),
    ],
)
def test_a_download_is_named_after_its_title(title: str, disposition: str) -> None:
    bob = make_user("bob")
    video = video_file(bob, title=title)
    client = Client()
    client.force_login(bob)
    answer = client.get(f"/v/{video.short_id}/download/")
    read(answer)
    assert answer["Content-Disposition"] == disposition


def open_files() -> set[str]:
    """Paths below the videos' folder that this process has open."""
    found = set()
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            found.add(str(entry.readlink()))
    return {path for path in found if path.startswith(str(django_settings.VIDEO_STORAGE_PATH))}


@pytest.mark.django_db
def test_a_file_that_is_not_sent_is_not_left_open(monkeypatch: pytest.MonkeyPatch) -> None:
    bob = make_user("bob")
    path = f"/v/{video_file(bob).short_id}/stream.mp4"
    client = Client()
    client.force_login(bob)
    tag = client.get(path, headers={"Range": "bytes=0-0"})
    read(tag)
    gc.disable()  # which would close what was forgotten
    try:
        for headers, status in [
            ({"If-None-Match": tag["ETag"]}, 304),
            ({"Range": f"bytes={SIZE}-"}, 416),
        ]:
            assert client.get(path, headers=headers).status_code == status
            assert open_files() == set()
        monkeypatch.setattr(file_responses, "slots", Slots(most=0, each=1))
        assert client.get(path).status_code == 503
        monkeypatch.setattr(file_responses, "slots", Slots(most=1, each=0))
        assert client.get(path).status_code == 429
        assert open_files() == set()

        def broken(_header: object, _size: int, **_: object) -> None:
            raise RuntimeError

        monkeypatch.setattr(file_responses, "resolve_range", broken)
        with pytest.raises(RuntimeError):
            client.get(path)
        assert open_files() == set()
    finally:
        gc.enable()


@pytest.mark.django_db
def test_a_slot_is_given_back_however_the_answer_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    slots = Slots(most=1, each=1)
    monkeypatch.setattr(file_responses, "slots", slots)
    bob = make_user("bob")
    path = f"/v/{video_file(bob).short_id}/stream.mp4"
    client = Client()
    client.force_login(bob)
    whole = client.get(path)
    assert slots.taken.total() == 1
    assert client.get(path).status_code == 429
    few = client.get(path, headers={"Range": "bytes=0-9"})
    assert (few.status_code, few["Content-Length"]) == (206, "10")
    read(few)
    read(whole)
    assert slots.taken.total() == 0

    # As when something outside of the view breaks: the answer is forgotten, and nobody closes it.
    request: Any = RequestFactory().get(path)
    request.user = bob
    forgotten: Any = media.stream(request, short_id=path.split("/")[2])
    assert slots.taken.total() == 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        del forgotten
        gc.collect()
    assert slots.taken.total() == 0


@pytest.mark.django_db
def test_what_is_said_of_a_file_is_true_of_the_one_that_was_opened(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another comes into its place between two looks at it."""

    class Replaced(file_responses.MediaFile):
        def __init__(self, path: Path, **options: Any) -> None:
            super().__init__(path, **options)
            path.unlink()
            path.write_bytes(b"another")

    monkeypatch.setattr(file_responses, "MediaFile", Replaced)
    bob = make_user("bob")
    client = Client()
    client.force_login(bob)
    answer = client.get(f"/v/{video_file(bob).short_id}/stream.mp4")
    assert answer["Content-Length"] == str(SIZE)
    assert read(answer) == VIDEO


# -- ranges, on a real server: only it sends what Content-Length says -------------------

WHOLE = (200, None, VIDEO)
NOTHING = (416, f"bytes */{SIZE}", b"")


def part(start: int, end: int) -> tuple[int, str, bytes]:
    return 206, f"bytes {start}-{end}/{SIZE}", VIDEO[start : end + 1]


RANGES = [
    ("bytes=0-0", part(0, 0)),
    ("bytes=0-99", part(0, 99)),
    ("bytes=1-1", part(1, 1)),
    ("bytes=4095-4096", part(4095, 4096)),
    ("bytes=100000-200000", part(100_000, 200_000)),
    ("bytes=0-", part(0, SIZE - 1)),
    ("bytes=65536-", part(65_536, SIZE - 1)),
    (f"bytes={SIZE - 1}-", part(SIZE - 1, SIZE - 1)),
    (f"bytes={SIZE - 1}-{SIZE + 100}", part(SIZE - 1, SIZE - 1)),
    ("bytes=5-99999999999999999999999", part(5, SIZE - 1)),
    ("bytes=-1", part(SIZE - 1, SIZE - 1)),
    ("bytes=-70000", part(SIZE - 70_000, SIZE - 1)),
    (f"bytes=-{SIZE + 5}", part(0, SIZE - 1)),
    (f"bytes={SIZE}-", NOTHING),
    (f"bytes={SIZE + 7}-{SIZE + 9}", NOTHING),
    ("bytes=-0", NOTHING),
    ("bytes=9-3", WHOLE),
    ("bytes=", WHOLE),
    ("bytes=a-b", WHOLE),
    ("bytes=0-1,5-6", WHOLE),
    ("lines=0-1", WHOLE),
    ("0-1", WHOLE),
]


@pytest.fixture
def visitor(site: Server) -> Visitor:
    return Visitor(site, make_user("bob"))


@pytest.fixture
def address(visitor: Visitor) -> str:
    return f"/v/{video_file(visitor.user).short_id}/stream.mp4"


@pytest.mark.django_db(transaction=True)
def test_ranges_give_the_bytes_that_they_name(visitor: Visitor, address: str) -> None:
    for name in ("stream.mp4", "download/"):
        path = address.replace("stream.mp4", name)
        for asked, (status, said, body) in RANGES:
            answer = visitor.get(path, Range=asked)
            got = (answer.status, answer.headers["Content-Range"], answer.body)
            assert got == (status, said, body), asked
            assert answer.headers["Content-Length"] == str(len(body)), asked
            if status != 416:
                assert answer.headers["Accept-Ranges"] == "bytes"
            head = visitor.get(path, method="HEAD", Range=asked)
            assert (head.status, head.body) == (status, b""), asked
            assert head.headers["Content-Length"] == answer.headers["Content-Length"], asked


@pytest.mark.django_db(transaction=True)
def test_a_browser_that_has_the_file_gets_304(visitor: Visitor, address: str) -> None:
    first = visitor.get(address)
    tag, date = first.headers["ETag"], first.headers["Last-Modified"]
    assert (first.status, first.body) == (200, VIDEO)
    assert tag.startswith('"')
    for headers, status in [
        ({"If_None_Match": tag}, 304),
        ({"If_None_Match": f'"other", W/{tag}'}, 304),
        ({"If_None_Match": "*"}, 304),
        ({"If_None_Match": '"other"'}, 200),
        ({"If_None_Match": '"other"', "If_Modified_Since": date}, 200),
        ({"If_Modified_Since": date}, 304),
        ({"If_Modified_Since": "Mon, 01 Jan 2001 00:00:00 GMT"}, 200),
        ({"If_Modified_Since": "nonsense"}, 200),
        ({"If_None_Match": tag, "Range": "bytes=0-1"}, 304),
    ]:
        answer = visitor.get(address, **headers)
        assert answer.status == status, headers
        assert answer.headers["ETag"] == tag
        assert answer.body == (b"" if status == 304 else VIDEO)


@pytest.mark.django_db(transaction=True)
def test_if_range_gives_the_part_only_of_the_same_file(visitor: Visitor, address: str) -> None:
    first = visitor.get(address)
    tag, date = first.headers["ETag"], first.headers["Last-Modified"]
    for condition, status in [
        (tag, 206),
        (date, 206),
        (f"W/{tag}", 200),
        ('"other"', 200),
        ("Mon, 01 Jan 2001 00:00:00 GMT", 200),
        ("nonsense", 200),
    ]:
        answer = visitor.get(address, Range="bytes=10-19", If_Range=condition)
        assert answer.status == status, condition
        assert answer.body == (VIDEO[10:20] if status == 206 else VIDEO)
    # A range that can't be satisfied counts only when the condition holds.
    assert visitor.get(address, Range=f"bytes={SIZE}-", If_Range='"other"').status == 200
    assert visitor.get(address, Range=f"bytes={SIZE}-", If_Range=tag).status == 416


@pytest.mark.django_db(transaction=True)
def test_another_file_of_the_same_video_has_another_tag(visitor: Visitor, address: str) -> None:
    before = visitor.get(address).headers["ETag"]
    video = Video.objects.get()
    video.file_path.unlink()
    video.file_path.write_bytes(VIDEO[::-1])
    after = visitor.get(address, If_None_Match=before, If_Range=before, Range="bytes=0-9")
    assert after.status == HTTPStatus.OK
    assert after.headers["ETag"] != before
    assert after.body == VIDEO[::-1]


@pytest.mark.django_db(transaction=True)
def test_an_empty_file_is_no_error(visitor: Visitor, address: str) -> None:
    Video.objects.get().file_path.write_bytes(b"")
    assert visitor.get(address).status == HTTPStatus.OK
    assert visitor.get(address, Range="bytes=-5").status == HTTPStatus.OK
    assert visitor.get(address, Range="bytes=0-").status == 416


@pytest.mark.django_db(transaction=True)
def test_many_ranges_over_one_connection_do_not_mix(visitor: Visitor, address: str) -> None:
    import http.client
    from contextlib import closing

    with closing(http.client.HTTPConnection("127.0.0.1", visitor.server.port, timeout=10)) as line:
        for start in range(0, SIZE, 30_011):
            end = min(SIZE, start + 30_011) - 1
            line.request(
                "GET", address, headers=visitor.headers | {"Range": f"bytes={start}-{end}"}
            )
            answer = line.getresponse()
            assert answer.read() == VIDEO[start : end + 1]
