"""Uploads by tus through the whole site: what each request changes and what it is answered."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import resource
from datetime import timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from clipset.lib.blockhash import BLOCK, BlockHash
from siteconfig.models import Config
from tests.builders import live_for, make_admin, make_category, make_playlist, make_user
from tests.videos.stored_videos import (
    assert_nothing_is_left,
    everything_on_disk,
    set_limits,
    used,
    wake_ups,
)
from tests.videos.tus_client import BODY, TUS, append, append_coming, ask, create, said, terminate
from videos.models import Job, Playlist, ProcessingStatus, Upload, UploadState, Video
from videos.services.playlists import delete_playlist, restore_playlist
from videos.services.uploads import lease, writer
from videos.services.uploads.append import body_slots, waiting_slots
from videos.services.uploads.create import LIFETIME
from videos.services.uploads.expire import (
    REMEMBERED_DAYS,
    end_expired_uploads,
    end_upload,
    forget_uploads,
)
from videos.services.uploads.finish import finish_whole_uploads
from videos.services.uploads.lease import UploadBusyError, UploadGoneError
from videos.services.uploads.writer import End, receive, writing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_django.fixtures import Settings

    from tests.videos.tus_client import Piece

pytestmark = pytest.mark.django_db

MIB = 1024**2
VIDEO = bytes(range(256)) * 40
FULL = len(VIDEO)


@pytest.fixture
def bob() -> User:
    return make_user("bob")


@pytest.fixture
def client(bob: User) -> Client:
    client = Client()
    client.force_login(bob)
    return client


@pytest.fixture
def url(client: Client) -> str:
    """Headers of an upload of which no byte has arrived."""
    return str(create(client, FULL)["Location"])


def sha1(data: bytes) -> str:
    return f"sha1 {base64.b64encode(hashlib.sha1(data, usedforsecurity=False).digest()).decode()}"


def stored() -> bytes:
    (path,) = Upload.objects.get().folder_path.iterdir()
    return path.read_bytes()


def offset() -> int:
    return Upload.objects.get().offset_bytes


# -- the way it goes ------------------------------------------------------------------------------


@pytest.mark.parametrize("cuts", [[], [1, 5000], [FULL - 1]])
def test_a_file_in_pieces_becomes_a_waiting_video(
    client: Client, bob: User, url: str, cuts: list[int]
) -> None:
    assert used(bob) == FULL
    for start, end in zip([0, *cuts], [*cuts, FULL], strict=True):
        told = ask(client, url)
        assert (told.status_code, told["Upload-Offset"]) == (200, str(start))
        answer = append(client, url, start, VIDEO[start:end])
        assert (answer.status_code, answer["Upload-Offset"]) == (204, str(end)), answer.content
    video = Video.objects.get()
    assert answer["Clipset-Video"] == video.get_absolute_url()
    assert video.processing_status == ProcessingStatus.PENDING
    assert (video.title, video.original_filename, video.uploaded_by) == ("sea", "sea.mp4", bob)
    assert video.source_file.read_bytes() == VIDEO
    assert Job.objects.get().video == video
    assert wake_ups() == ["videos.tasks.run_next_job"]
    assert used(bob) == video.quota_bytes == video.file_size_bytes == FULL


def test_what_is_said_about_it_is_stored_with_it(client: Client, bob: User) -> None:
    music, mine = make_category("Music"), Playlist.objects.create(title="Summer", made_by=bob)
    words = {"title": "Sea & <sand>", "description": "Two\nlines", "category": music.slug}
    made = create(client, FULL, VIDEO, playlist=mine.short_id, shoe="42", **words)
    video = Video.objects.get()
    assert made.status_code == 201
    assert made["Clipset-Video"] == video.get_absolute_url()
    assert (video.title, video.description) == (words["title"], words["description"])
    assert video.category == music
    assert [entry.video for entry in mine.entries.all()] == [video]


def test_what_was_said_is_deleted_before_the_file_has_come(client: Client, bob: User) -> None:
    music, mine = make_category("Music"), Playlist.objects.create(title="Summer", made_by=bob)
    url = create(client, FULL, category=music.slug, playlist=mine.short_id)["Location"]
    music.delete()
    mine.delete()
    assert append(client, url, 0, VIDEO).status_code == 204
    assert Video.objects.get().category is None


def test_what_was_on_its_way_into_a_deleted_playlist_is_in_it_when_it_comes_back(
    client: Client, bob: User
) -> None:
    mine = make_playlist(made_by=bob)
    url = create(client, FULL, playlist=mine.short_id)["Location"]
    delete_playlist(playlist=mine, user=bob)
    listed = client.get("/uploads/", headers={"Accept": "application/json"}).json()
    assert listed["uploads"][0]["playlist"] == ""  # it can't be asked for again
    assert append(client, url, 0, VIDEO).status_code == 204
    restore_playlist(playlist=mine, user=bob)
    assert [entry.video for entry in mine.entries.all()] == [Video.objects.get()]


def test_a_new_upload_may_bring_its_beginning(client: Client) -> None:
    made = create(client, FULL, VIDEO[:100])
    assert (made.status_code, made["Upload-Offset"]) == (201, "100")
    assert append(client, made["Location"], 100, VIDEO[100:]).status_code == 204
    assert Video.objects.get().source_file.read_bytes() == VIDEO


def test_metadata_is_echoed_as_it_was_sent(client: Client) -> None:
    header = f"filename {base64.b64encode(b'a.mp4').decode()}, blank ,empty"
    headers = {**TUS, "Upload-Length": "10", "Upload-Metadata": header}
    made = client.generic("POST", "/uploads/", headers=headers)
    told = ask(client, made["Location"])
    assert told["Upload-Metadata"] == header
    assert (told["Upload-Length"], told["Cache-Control"]) == ("10", "no-store")
    assert told["Upload-Expires"] == made["Upload-Expires"]


def test_what_the_server_can_do(client: Client, url: str) -> None:
    set_limits(file=1000)
    for address in ("/uploads/", url):
        answer = client.options(address)
        assert (answer.status_code, answer.content) == (204, b"")
        assert "Tus-Resumable" not in answer
        assert answer["Tus-Version"] == "1.0.0"
        assert answer["Tus-Max-Size"] == "1000"
        assert answer["Tus-Checksum-Algorithm"] == "sha1"
        assert set(answer["Tus-Extension"].split(",")) == {
            "creation",
            "creation-with-upload",
            "termination",
            "expiration",
            "checksum",
        }


def test_the_method_may_be_overridden(client: Client, url: str) -> None:
    headers = {**TUS, "Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"}
    answer = client.post(url, VIDEO, content_type=BODY, headers=headers)
    assert (answer.status_code, answer["Upload-Offset"]) == (204, str(FULL))
    headers = {**TUS, "X-HTTP-Method-Override": "HEAD"}
    answer = client.generic("POST", url, headers=headers)
    assert (answer.status_code, answer["Upload-Offset"]) == (200, str(FULL))


def test_an_override_does_not_get_round_the_check_for_forgery(bob: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(bob)
    headers = {**TUS, "Upload-Length": "10", "X-HTTP-Method-Override": "POST"}
    assert client.get("/uploads/", headers=headers).status_code == 403
    assert_nothing_is_left(bob)


def test_with_the_token_in_a_header_it_is_no_forgery(bob: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(bob)
    client.cookies["csrftoken"] = token = "a" * 32
    headers = {**TUS, "Upload-Length": "10", "Upload-Metadata": said(filename="a.mp4")}
    answer = client.generic("POST", "/uploads/", headers=headers)
    assert (answer.status_code, answer["Tus-Resumable"]) == (403, "1.0.0")
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert (
        client.generic("POST", "/uploads/", headers={**headers, "X-CSRFToken": token}).status_code
        == 201
    )


# -- a table of refusals --------------------------------------------------------------------------

LENGTH = {"Upload-Length": "10", "Upload-Metadata": said(filename="a.mp4")}


def naming(**pairs: str) -> dict[str, str]:
    return {**LENGTH, "Upload-Metadata": said(**{"filename": "a.mp4", **pairs})}


UNSUPPORTED = "This file type isn't supported."
CREATION: list[tuple[str, dict[str, str], int, str]] = [
    ("without a name", {"Upload-Length": "10"}, 422, "This file has no name"),
    ("with an invisible name", naming(filename="\u200b/"), 422, "This file has no name"),
    ("of a kind that is not taken", naming(filename="a.exe"), 415, UNSUPPORTED),
    ("of a kind that has to be enabled", naming(filename="a.ts"), 415, UNSUPPORTED),
    ("of a kind by its path only", naming(filename="a.mp4/b.exe"), 415, UNSUPPORTED),
    ("empty", {**LENGTH, "Upload-Length": "0"}, 422, "This file is empty"),
    ("too large", {**LENGTH, "Upload-Length": "2000000001"}, 413, "larger than"),
    ("over quota", {**LENGTH, "Upload-Length": "1000000001"}, 413, "weekly quota"),
    ("with a long title", naming(title="t" * 201), 422, "up to 200 characters"),
    ("with a blank title", naming(title="  "), 422, "Enter a title."),
    ("with a long description", naming(description="d" * 5001), 422, "at most 5,000"),
    ("in no category", naming(category="none"), 422, "Choose a category from the list."),
    ("in nobody's playlist", naming(playlist="0000000000"), 422, "Choose one of your playlists."),
    ("of unknown length", {"Upload-Defer-Length": "1"}, 400, "Upload-Length is missing"),
    ("without a version", {**LENGTH, "Tus-Resumable": ""}, 412, "speaks tus"),
]


@pytest.mark.parametrize(
    ("headers", "status", "sentence"),
    [case[1:] for case in CREATION],
    ids=[case[0] for case in CREATION],
)
def test_what_is_refused_at_creation_leaves_nothing(
    client: Client, bob: User, headers: dict[str, str], status: int, sentence: str
) -> None:
    set_limits(file=2_000_000_000, week=1_000_000_000)
    answer = client.generic("POST", "/uploads/", headers={**TUS, **headers})
    assert answer.status_code == status, answer.content
    assert sentence in answer.content.decode()
    assert answer["Tus-Resumable"] == "1.0.0"
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert answer["Clipset-Quota-Left"] == "1000000000"
    assert_nothing_is_left(bob)


def test_another_members_playlist_is_none(client: Client) -> None:
    theirs = Playlist.objects.create(title="Theirs", made_by=make_user())
    assert create(client, 10, playlist=theirs.short_id).status_code == 422


def test_more_than_was_announced_is_refused_at_creation(client: Client, bob: User) -> None:
    assert create(client, 10, VIDEO).status_code == 413
    assert_nothing_is_left(bob)


METHODS = ("HEAD", "PATCH", "DELETE")


def send(client: Client, method: str, url: str, **headers: str) -> Any:
    given = {**TUS, "Upload-Offset": "0", **headers}
    return client.generic(method, url, VIDEO[:10], BODY, headers=given)


@pytest.mark.parametrize("method", METHODS)
def test_strangers_get_401_and_change_nothing(url: str, method: str) -> None:
    answer = send(Client(), method, url)
    assert (answer.status_code, answer["Tus-Resumable"]) == (401, "1.0.0")
    assert "Clipset-Quota-Left" not in answer
    assert (Upload.objects.get().state, offset()) == (UploadState.OPEN, 0)


@pytest.mark.parametrize("method", ["OPTIONS", "POST"])
def test_strangers_make_none(method: str) -> None:
    assert Client().generic(method, "/uploads/", headers={**TUS, **LENGTH}).status_code == 401
    assert not Upload.objects.exists()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("who", [make_user, make_admin])
def test_another_members_upload_is_not_there(url: str, method: str, who: Any) -> None:
    other = Client()
    other.force_login(who())
    assert send(other, method, url).status_code == 404
    assert (Upload.objects.get().state, offset()) == (UploadState.OPEN, 0)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "name", ["6f1a5c0e-0d0b-4a51-9d8e-1f2e3d4c5b6a", "none", "..", "%2e%2e", "0", "1" * 500]
)
def test_what_was_never_there_is_404(client: Client, method: str, name: str) -> None:
    answer = send(client, method, f"/uploads/{name}/")
    assert (answer.status_code, answer["Tus-Resumable"]) == (404, "1.0.0")


@pytest.mark.parametrize("method", METHODS)
def test_a_plain_forms_upload_has_no_address(client: Client, bob: User, method: str) -> None:
    from videos.services.uploads.create import begin_upload

    upload = begin_upload(user=bob, content_length=100)
    assert send(client, method, f"/uploads/{upload.pk}/").status_code == 404
    assert Upload.objects.filter(pk=upload.pk).exists()


@pytest.mark.parametrize(
    ("start", "body", "status"),
    [(0, VIDEO[:10], 409), (99, VIDEO[:10], 409), (101, VIDEO[:10], 409), (100, VIDEO, 413)],
)
def test_what_does_not_belong_there_changes_nothing(
    client: Client, url: str, start: int, body: bytes, status: int
) -> None:
    append(client, url, 0, VIDEO[:100])
    assert append(client, url, start, body).status_code == status
    assert (offset(), stored()) == (100, VIDEO[:100])
    assert append(client, url, 100, VIDEO[100:]).status_code == 204


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Tus-Resumable": "0.2.2"}, 412),
        ({"Upload-Offset": "x"}, 400),
        ({"Upload-Length": "11"}, 400),
        ({"Upload-Checksum": "crc32 AAAA"}, 400),
        ({"Upload-Checksum": "sha1 AAAA"}, 400),
    ],
)
def test_what_cannot_be_understood_changes_nothing(
    client: Client, url: str, headers: dict[str, str], status: int
) -> None:
    answer = send(client, "PATCH", url, **headers)
    assert (answer.status_code, answer["Tus-Resumable"]) == (status, "1.0.0")
    assert offset() == 0


def test_another_type_of_body_is_415(client: Client, url: str) -> None:
    answer = client.patch(url, VIDEO, "video/mp4", headers={**TUS, "Upload-Offset": "0"})
    assert answer.status_code == 415


def test_the_bytes_are_not_given_out(client: Client, url: str) -> None:
    answer = client.get(url)
    assert answer.status_code == 405
    assert answer["Allow"] == "OPTIONS, HEAD, PATCH, DELETE"


# -- checksums ------------------------------------------------------------------------------------


def test_a_piece_with_the_right_checksum_is_taken(client: Client, url: str) -> None:
    assert append(client, url, 0, VIDEO, Upload_Checksum=sha1(VIDEO)).status_code == 204
    assert Video.objects.get().source_file.read_bytes() == VIDEO


def test_a_damaged_piece_is_460_and_gone(client: Client, url: str) -> None:
    append(client, url, 0, VIDEO[:100])
    answer = append(client, url, 100, VIDEO[100:], Upload_Checksum=sha1(b"else"))
    assert answer.status_code == 460
    assert (offset(), stored()) == (100, VIDEO[:100])
    assert append(client, url, 100, VIDEO[100:]).status_code == 204
    assert (
        Video.objects.get().content_hash == BlockHash.of_file(io.BytesIO(VIDEO), FULL).hexdigest()
    )


def test_a_damaged_beginning_leaves_nothing(client: Client, bob: User) -> None:
    headers = {**TUS, **LENGTH, "Upload-Checksum": sha1(b"else")}
    answer = client.post("/uploads/", b"0123456789", content_type=BODY, headers=headers)
    assert answer.status_code == 460
    assert used(bob) == 0
    assert not Upload.objects.filter(state=UploadState.OPEN).exists()


def test_of_a_checked_piece_that_was_cut_nothing_is_kept(client: Client, url: str) -> None:
    answer = append_coming(
        client, url, 0, FULL, iter([VIDEO[:100]]), Upload_Checksum=sha1(VIDEO[:100])
    )
    assert answer.status_code == 408
    assert (offset(), stored()) == (0, b"")


# -- what breaks ----------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [None, ConnectionResetError(), TimeoutError()])
def test_what_came_before_a_break_stays(client: Client, url: str, how: Exception | None) -> None:
    pieces: list[Piece] = [VIDEO[:100], VIDEO[100:5000], *([how] if how else [])]
    answer = append_coming(client, url, 0, FULL, iter(pieces))
    assert (answer.status_code, answer["Upload-Offset"]) == (408, "5000")
    assert ask(client, url)["Upload-Offset"] == "5000"
    assert append(client, url, 5000, VIDEO[5000:]).status_code == 204
    assert Video.objects.get().source_file.read_bytes() == VIDEO


@pytest.fixture
def looks_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """After each piece rather than once a second."""
    monkeypatch.setattr(writer, "CHECK_SECONDS", 0)


def test_who_is_asked_to_let_go_saves_and_does(
    client: Client, url: str, looks_at_once: None
) -> None:
    def want() -> None:
        Upload.objects.update(writer_wanted=True)

    answer = append_coming(
        client, url, 0, FULL, iter([VIDEO[:100], want, VIDEO[100:200], VIDEO[200:]])
    )
    assert (answer.status_code, answer["Retry-After"]) == (423, "5")
    assert (offset(), stored()) == (200, VIDEO[:200])
    assert append(client, url, 200, VIDEO[200:]).status_code == 204


def test_nothing_of_a_member_who_was_deactivated_is_stored_any_more(
    client: Client, url: str, looks_at_once: None
) -> None:
    def deactivate() -> None:
        User.objects.update(is_active=False)

    answer = append_coming(client, url, 0, FULL, iter([VIDEO[:100], deactivate, VIDEO[100:]]))
    assert answer.status_code == 403
    assert offset() == 0
    assert ask(client, url).status_code == 401
    assert not Video.objects.exists()


def test_an_upload_that_is_ended_while_it_comes_is_gone(
    client: Client, url: str, bob: User, looks_at_once: None
) -> None:
    other = Client()
    other.force_login(bob)
    ended: list[Any] = []

    def end() -> None:
        ended.append(terminate(other, url))

    answer = append_coming(client, url, 0, FULL, iter([VIDEO[:100], end, VIDEO[100:]]))
    assert ended[0].status_code == 204
    assert answer.status_code == 410
    assert not Upload.objects.get().folder_path.exists()
    assert used(bob) == 0


def test_a_disk_that_fills_up_is_507_and_keeps_what_there_was_room_for(
    client: Client, url: str, settings: Settings, looks_at_once: None
) -> None:
    def fill() -> None:
        settings.MIN_FREE_DISK_BYTES = 1 << 60

    answer = append_coming(
        client, url, 0, FULL, iter([VIDEO[:100], fill, VIDEO[100:200], VIDEO[200:]])
    )
    assert answer.status_code == 507
    assert "disk is too full" in answer.content.decode()
    assert offset() == 200
    settings.MIN_FREE_DISK_BYTES = 0
    assert append(client, url, 200, VIDEO[200:]).status_code == 204


@pytest.fixture
def short_files() -> Iterator[int]:
    """No file may be longer than this many bytes, as the kernel sees it."""
    limit = 24 * MIB
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    yield limit
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_write_that_the_kernel_refuses_is_507_and_loses_nothing(
    client: Client, short_files: int
) -> None:
    size = short_files + MIB
    url = create(client, size)["Location"]
    answer = append_coming(client, url, 0, size, iter([bytes(MIB // 4)] * (4 * size // MIB)))
    assert answer.status_code == 507
    assert offset() == short_files == len(stored())


def test_too_full_a_disk_is_told_at_creation(client: Client, bob: User, settings: Settings) -> None:
    settings.MIN_FREE_DISK_BYTES = 1 << 60
    answer = create(client, FULL)
    assert answer.status_code == 507
    assert "disk is too full" in answer.content.decode()
    assert_nothing_is_left(bob)


# -- one writer -----------------------------------------------------------------------------------


@pytest.fixture
def waits_briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "WAIT_SECONDS", 0.3)


@pytest.mark.parametrize("method", ["HEAD", "PATCH"])
def test_who_does_not_get_in_is_told_when_to_try_again(
    client: Client, url: str, waits_briefly: None, method: str
) -> None:
    with writing(Upload.objects.get()):
        answer = send(client, method, url)
        assert (answer.status_code, answer["Retry-After"]) == (423, "5")
        assert Upload.objects.get().writer_wanted
    assert send(client, method, url).status_code in {200, 204}


def test_one_writer_at_a_time_also_where_the_lease_has_run_out(
    url: str, waits_briefly: None
) -> None:
    """One that stands still on this machine may wake up again: the kernel's lock says so."""
    with writing(Upload.objects.get()):
        Upload.objects.update(writer_until=timezone.now() - timedelta(seconds=1))
        with pytest.raises(UploadBusyError), writing(Upload.objects.get()):
            pass


def test_a_writer_on_another_machine_that_was_killed_is_waited_for_no_longer_than_its_lease(
    client: Client, url: str
) -> None:
    soon = timezone.now() + timedelta(seconds=0.5)
    Upload.objects.update(writer_token="x" * 32, writer_until=soon)
    assert append(client, url, 0, VIDEO).status_code == 204
    assert timezone.now() > soon


def test_who_lost_the_lease_saves_nothing_and_writes_nothing(client: Client, url: str) -> None:
    upload = Upload.objects.get()
    with writing(upload) as stale:
        stale.write(b"x" * 100)
        # As another machine sees it, on which this lock does not hold.
        Upload.objects.update(writer_token="y" * 32)
        stale.leased_until = 0
        stale.write(b"x" * 100)
        assert stale.end == End.LOST
        assert len(stored()) == 100
        assert receive(stale, lambda size: b"x" * size, 10) == End.LOST
    assert offset() == 0
    Upload.objects.update(writer_token="", writer_until=None)
    assert append(client, url, 0, VIDEO).status_code == 204
    assert Video.objects.get().source_file.read_bytes() == VIDEO


def test_what_is_ended_while_its_file_is_opened_leaves_no_file(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = Upload.objects.get()
    real = lease.open_locked

    def ended_meanwhile(upload: Upload) -> IO[bytes] | None:
        assert end_upload(upload=upload)
        return real(upload)

    monkeypatch.setattr(lease, "open_locked", ended_meanwhile)
    with pytest.raises(UploadGoneError), writing(upload):
        pass
    assert everything_on_disk() == []


def test_bytes_behind_the_saved_offset_are_cut_off(client: Client, url: str) -> None:
    append(client, url, 0, VIDEO[:100])
    with Upload.objects.get().source_path.open("ab") as file:
        file.write(b"of one who was killed" * 1000)
    assert ask(client, url)["Upload-Offset"] == "100"
    assert append(client, url, 100, VIDEO[100:]).status_code == 204
    assert Video.objects.get().source_file.read_bytes() == VIDEO


@pytest.mark.parametrize("left", [None, 0, 50])
def test_a_file_that_is_shorter_than_it_was_is_gone_on_with_from_there(
    client: Client, url: str, left: int | None
) -> None:
    """media/temp is not in a backup."""
    append(client, url, 0, VIDEO[:100])
    path = Upload.objects.get().source_path
    if left is None:
        path.unlink()
        path.parent.rmdir()
    else:
        os.truncate(path, left)
    start = left or 0
    assert ask(client, url)["Upload-Offset"] == str(start)
    assert append(client, url, 100, VIDEO[100:]).status_code == 409
    assert append(client, url, start, VIDEO[start:]).status_code == 204
    assert Video.objects.get().source_file.read_bytes() == VIDEO


@pytest.mark.parametrize(("others", "own", "status"), [(0, 4, 429), (12, 0, 503)])
def test_more_bodies_than_a_process_has_room_for_are_told_to_wait(
    client: Client, url: str, bob: User, others: int, own: int, status: int
) -> None:
    members = [bob.pk] * own + list(range(others))
    held = [body_slots.take(member) for member in members]
    try:
        answer = append(client, url, 0, VIDEO)
        assert ask(client, url).status_code == 200
    finally:
        for slot in held:
            slot.release()
    assert (answer.status_code, answer["Retry-After"]) == (status, "5")
    assert append(client, url, 0, VIDEO).status_code == 204
    assert not body_slots.taken


def test_who_need_not_wait_is_told_at_once_however_many_ask(
    client: Client, url: str, bob: User
) -> None:
    held = [waiting_slots.take(bob.pk) for _ in range(waiting_slots.each)]
    try:
        assert ask(client, url).status_code == 200
        with writing(Upload.objects.get()):
            assert ask(client, url).status_code == 429
    finally:
        for slot in held:
            slot.release()


def test_every_few_seconds_what_came_is_saved(
    client: Client, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "SAVE_SECONDS", 0)
    seen: list[int] = []
    append_coming(
        client, url, 0, FULL, iter([VIDEO[:100], lambda: seen.append(offset()), VIDEO[100:]])
    )
    assert seen == [100]


def test_what_is_counted_lies_on_the_disk_first(
    client: Client, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bytes before the offset that counts them, the names before the video that has them."""
    steps: list[tuple[str, int, bool]] = []

    def recorded(call: Callable[[int], None]) -> Callable[[int], None]:
        def record(descriptor: int) -> None:
            name = Path(f"/proc/self/fd/{descriptor}").readlink().name
            steps.append((name, offset(), Video.objects.exists()))
            call(descriptor)

        return record

    monkeypatch.setattr(os, "fdatasync", recorded(os.fdatasync))
    monkeypatch.setattr(os, "fsync", recorded(os.fsync))
    folder = Upload.objects.get().folder_path
    assert append(client, url, 0, VIDEO[:100]).status_code == 204
    assert append(client, url, 100, VIDEO[100:]).status_code == 204
    assert steps == [
        ("source.mp4", 0, False),
        ("source.mp4", 100, False),
        (folder.name, FULL, False),
        (folder.parent.name, FULL, False),
    ]
    assert Video.objects.exists()


# -- the end --------------------------------------------------------------------------------------


def test_the_answer_to_the_last_piece_may_be_lost(client: Client, url: str) -> None:
    append(client, url, 0, VIDEO)
    video = Video.objects.get()
    for answer in (ask(client, url), append(client, url, FULL, b"")):
        assert answer["Upload-Offset"] == str(FULL)
        assert answer["Clipset-Video"] == video.get_absolute_url()
    assert append(client, url, 0, VIDEO).status_code == 409
    assert append(client, url, FULL, b"x").status_code == 413
    assert Video.objects.get() == video
    assert Job.objects.count() == 1


@pytest.mark.parametrize("who", ["HEAD", "PATCH", "the schedule"])
def test_what_a_process_left_whole_is_finished_by_whoever_comes(
    client: Client, url: str, who: str
) -> None:
    upload = Upload.objects.get()
    with writing(upload) as one:
        assert receive(one, lambda _: VIDEO, FULL) == End.COMPLETE
    assert not Video.objects.exists()
    if who == "HEAD":
        assert ask(client, url)["Clipset-Video"]
    elif who == "PATCH":
        assert append(client, url, FULL, b"")["Clipset-Video"]
    else:
        assert finish_whole_uploads() == 1
    assert finish_whole_uploads() == 0
    assert Video.objects.get().source_file.read_bytes() == VIDEO
    assert ask(client, url)["Clipset-Video"] == Video.objects.get().get_absolute_url()


def test_a_finished_one_tells_its_video_for_48_hours(client: Client, url: str, bob: User) -> None:
    append(client, url, 0, VIDEO)
    Upload.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert end_expired_uploads() == 0
    assert ask(client, url).status_code == 410
    assert used(bob) == FULL
    assert Video.objects.get().source_file.exists()


def test_of_a_video_that_was_deleted_the_upload_is_gone(client: Client, url: str) -> None:
    append(client, url, 0, VIDEO)
    Video.objects.get().delete()
    assert ask(client, url).status_code == 410
    assert terminate(client, url).status_code == 410


def test_ending_it_gives_everything_back_once(client: Client, url: str, bob: User) -> None:
    other = create(client, 7)["Location"]
    append(client, url, 0, VIDEO[:100])
    folder = Upload.objects.get(filename="sea.mp4", size_bytes=FULL).folder_path
    answer = terminate(client, url)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer["Tus-Resumable"] == "1.0.0"
    assert used(bob) == 7
    assert not folder.exists()
    for method in METHODS:
        assert send(client, method, url).status_code == 410
    assert used(bob) == 7
    assert ask(client, other).status_code == 200


def test_what_has_become_a_video_is_not_ended(client: Client, url: str, bob: User) -> None:
    append(client, url, 0, VIDEO)
    answer = terminate(client, url)
    assert answer.status_code == 409
    assert answer["Clipset-Video"] == Video.objects.get().get_absolute_url()
    assert used(bob) == FULL


def test_one_that_got_no_bytes_for_48_hours_expires(client: Client, url: str, bob: User) -> None:
    append(client, url, 0, VIDEO[:100])
    left = Upload.objects.get().expires_at - timezone.now()
    assert LIFETIME - timedelta(minutes=1) < left <= LIFETIME
    Upload.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    for method in METHODS:
        assert send(client, method, url).status_code == 410
    assert used(bob) == FULL, "given back by the schedule, or by DELETE, which came too late"
    assert end_expired_uploads() == 0, "the clock may have leapt"
    live_for(7)
    assert end_expired_uploads() == 1
    assert end_expired_uploads() == 0
    assert used(bob) == 0
    assert ask(client, url).status_code == 410
    assert not Upload.objects.get().folder_path.exists()
    assert forget_uploads() == 0
    Upload.objects.update(expires_at=timezone.now() - timedelta(days=REMEMBERED_DAYS, seconds=1))
    assert forget_uploads() == 1
    assert ask(client, url).status_code == 404


def test_bytes_put_the_end_off(client: Client, url: str) -> None:
    Upload.objects.update(expires_at=timezone.now() + timedelta(minutes=5))
    append(client, url, 0, VIDEO[:100])
    assert Upload.objects.get().expires_at - timezone.now() > LIFETIME - timedelta(minutes=1)


# -- quota, duplicates, lists ---------------------------------------------------------------------


def test_what_is_left_of_the_quota_stands_in_every_answer(client: Client, bob: User) -> None:
    set_limits(week=10 * FULL)
    made = create(client, FULL)
    url = made["Location"]
    assert made["Clipset-Quota-Left"] == str(9 * FULL)
    assert ask(client, url)["Clipset-Quota-Left"] == str(9 * FULL)
    assert append(client, url, 0, VIDEO[:9])["Clipset-Quota-Left"] == str(9 * FULL)
    assert terminate(client, url)["Clipset-Quota-Left"] == str(10 * FULL)
    assert create(client, 11 * FULL)["Clipset-Quota-Left"] == str(10 * FULL)


def test_what_is_left_of_the_storage_stands_in_every_answer(client: Client, bob: User) -> None:
    Config.objects.update(stored_limit_bytes=None)
    assert "Clipset-Storage-Left" not in create(client, FULL)
    User.objects.filter(pk=bob.pk).update(stored_limit_bytes=10 * FULL, stored_bytes=2 * FULL)
    made = create(client, FULL)
    assert made["Clipset-Storage-Left"] == str(6 * FULL), "with both unfinished uploads"
    assert terminate(client, made["Location"])["Clipset-Storage-Left"] == str(7 * FULL)
    refused = create(client, 8 * FULL)
    assert (refused.status_code, refused["Clipset-Storage-Left"]) == (413, str(7 * FULL))
    listed = client.get("/uploads/", headers={"Accept": "application/json"}).json()
    assert listed["storage_left"] == 7 * FULL
    assert f'data-storage-left-bytes="{7 * FULL}"' in client.get("/upload/").text
    User.objects.filter(pk=bob.pk).update(stored_bytes=11 * FULL)
    assert 'data-storage-left-bytes="0"' in client.get("/upload/").text


def test_an_admin_has_no_quota() -> None:
    client = Client()
    client.force_login(make_admin(stored_limit_bytes=1))
    set_limits(week=1)
    made = create(client, FULL, VIDEO)
    assert made.status_code == 201
    assert "Clipset-Quota-Left" not in made
    assert "Clipset-Storage-Left" not in made


def test_who_has_a_hundred_on_their_way_finishes_some_first(
    client: Client, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    from videos.services.uploads import create as uploads

    monkeypatch.setattr(uploads, "MAX_OPEN", 3)
    urls = [create(client, 10)["Location"] for _ in range(3)]
    refused = create(client, 10)
    assert refused.status_code == 429
    assert "3 unfinished uploads" in refused.content.decode()
    assert used(bob) == 30
    terminate(client, urls[0])
    assert create(client, 10).status_code == 201


def test_the_same_file_again_is_told_and_made_all_the_same(client: Client) -> None:
    create(client, FULL, VIDEO, title="First & 日本")
    first = Video.objects.get()
    url = create(client, FULL)["Location"]
    append(client, url, 0, VIDEO[:3000])
    answer = append(client, url, 3000, VIDEO[3000:])
    second = Video.objects.exclude(pk=first.pk).get()
    for told in (answer, ask(client, url)):
        assert told["Clipset-Video"] == second.get_absolute_url()
        assert told["Clipset-Duplicate-Of"] == first.get_absolute_url()
        assert unquote(told["Clipset-Duplicate-Title"]) == "First & 日本"
    assert Job.objects.count() == 2


def test_what_somebody_else_sent_or_what_failed_is_no_duplicate(client: Client, bob: User) -> None:
    other = Client()
    other.force_login(make_user())
    create(other, FULL, VIDEO)
    assert "Clipset-Duplicate-Of" not in create(client, FULL, VIDEO)
    Video.objects.update(processing_status="FAILED", error_message="No picture.")
    assert "Clipset-Duplicate-Of" not in create(client, FULL, VIDEO)
    assert "Clipset-Duplicate-Of" not in create(client, FULL, VIDEO[::-1])


def test_the_plain_form_says_so_too(client: Client) -> None:
    from django.core.files.uploadedfile import SimpleUploadedFile

    create(client, FULL, VIDEO, title="First <one>")
    first = Video.objects.get()
    file = SimpleUploadedFile("again.mp4", VIDEO)
    page = client.post("/upload/", {"file": file}, follow=True).content.decode()
    link = f'<a href="{first.get_absolute_url()}">First &lt;one&gt;'
    assert f"You've already uploaded this file: {link}" in page


def test_the_hash_does_not_depend_on_how_it_came(client: Client) -> None:
    size = 2 * BLOCK + 1000
    video_file = hashlib.shake_256(b"video").digest(size)
    url = create(client, size)["Location"]
    for start, end in [(0, 10), (10, BLOCK + 5), (BLOCK + 5, 2 * BLOCK), (2 * BLOCK, size)]:
        pieces = [video_file[at : min(at + MIB // 4, end)] for at in range(start, end, MIB // 4)]
        append_coming(client, url, start, end - start, iter(pieces))
    video = Video.objects.get()
    with video.source_file.open("rb") as file:
        assert video.content_hash == BlockHash.of_file(file, size).hexdigest()


def test_the_list_has_what_is_not_finished_newest_first(client: Client, bob: User) -> None:
    playlist = make_playlist(made_by=bob).short_id
    words = {"description": "Blue", "category": make_category("Music").slug, "playlist": playlist}
    first = create(client, FULL, VIDEO[:10], title="Sea", **words)["Location"]
    second = create(client, 20, filename="two.mkv")["Location"]
    create(client, FULL, VIDEO)
    terminate(client, create(client, 5)["Location"])
    other = Client()
    other.force_login(make_user())
    create(other, 5)
    answer = client.get("/uploads/", headers={"Accept": "application/json"})
    listed = answer.json()
    assert [each["url"] for each in listed["uploads"]] == [second, first]
    assert listed["uploads"][1] | {"created_at": "", "expires_at": ""} == {
        "url": first,
        "filename": "sea.mp4",
        "size": FULL,
        "offset": 10,
        "title": "Sea",
        **words,
        "created_at": "",
        "expires_at": "",
    }
    assert {listed["uploads"][0][name] for name in words} == {""}
    assert listed["quota_left"] == int(create(client, 5)["Clipset-Quota-Left"]) + 5


def test_the_list_is_for_scripts(client: Client) -> None:
    assert client.get("/uploads/")["Location"] == "/upload/"
    assert Client().get("/uploads/", headers={"Accept": "application/json"}).status_code == 401
