"""One video: its page, its state, changing and deleting it."""

from __future__ import annotations

import re
import threading
import time
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.test import Client
from django.utils import timezone

from siteconfig.models import Config
from tests.builders import (
    count_queries,
    make_admin,
    make_category,
    make_moderator,
    make_user,
    make_video,
)
from tests.videos.stored_videos import (
    beside_original_quality,
    built_rendition,
    used,
    wake_ups,
)
from videos import awaiting
from videos.models import Caption, Job, JobState, ProcessingStatus, Removal, Rendition, Video

if TYPE_CHECKING:
    from accounts.models import User

pytestmark = pytest.mark.django_db

JSON = {"Accept": "application/json"}
HTMX = {"HX-Request": "true"}
UNFINISHED = [ProcessingStatus.PENDING, ProcessingStatus.PROCESSING]


@pytest.fixture
def bob() -> User:
    return make_user("bob")


@pytest.fixture
def client(bob: User) -> Client:
    return logged_in(bob)


def logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def failed_video(bob: User, *, kept: bool) -> Video:
    source = Path(django_settings.TEMP_STORAGE_PATH) / "upload-x" / "source.mp4"
    if kept:
        source.parent.mkdir()
        source.write_bytes(b"video")
    return make_video(
        uploader=bob,
        status=ProcessingStatus.FAILED,
        error_message="The disk was full.",
        source_root="temp" if kept else "",
        source_key="upload-x/source.mp4" if kept else "",
        file_size_bytes=4,
    )


# -- watching -------------------------------------------------------------------------------------


def test_a_finished_video_has_a_player(client: Client) -> None:
    video = make_video(
        "Sea", description="See https://example.org/ at 1:23", filename="abc-123.mp4"
    )
    html = unescape(client.get(f"/v/{video.short_id}/").content.decode())
    assert f'src="/v/{video.short_id}/stream.mp4?v=abc-123"' in html
    assert 'href="https://example.org/"' in html
    assert "<noscript" not in html or "<video" in html


@pytest.mark.parametrize(
    ("t", "fragment"),
    [
        ("90", "#t=90"),
        ("90s", "#t=90"),
        ("1m30s", "#t=90"),
        ("1:30", "#t=90"),
        ("0", ""),
        ("", ""),
        ("-5", ""),
        ("nonsense", ""),
        ("1e9", ""),
        ("9" * 400, ""),
    ],
)
def test_watching_begins_where_the_address_says(client: Client, t: str, fragment: str) -> None:
    video = make_video(filename="abc-123.mp4")
    html = client.get(f"/v/{video.short_id}/", {"t": t}).content.decode()
    assert f'stream.mp4?v=abc-123{fragment}"' in html


def test_more_like_this_is_of_the_same_uploader_or_category_and_published(client: Client) -> None:
    alice = make_user("alice")
    music = make_category("Music", created_by=make_admin("boss"))
    video = make_video("This one", uploader=alice, category=music)
    make_video("Same uploader", uploader=alice)
    make_video("Same shelf", category=music)
    make_video("Neither")
    make_video("Secret of hers", uploader=alice, is_hidden=True)
    more = client.get(f"/v/{video.short_id}/").context["watch"].more
    assert {card.title for card in more} == {"Same uploader", "Same shelf"}


@pytest.mark.parametrize("status", UNFINISHED)
def test_an_unfinished_video_shows_its_state_to_uploader_and_staff_only(
    client: Client, bob: User, status: ProcessingStatus
) -> None:
    video = make_video("Soon", uploader=bob, status=status)
    for user in (bob, make_moderator("m_o_d")):
        html = logged_in(user).get(f"/v/{video.short_id}/").content.decode()
        assert 'id="status"' in html
        assert "<video" not in html
    assert logged_in(make_user("alice")).get(f"/v/{video.short_id}/").status_code == 404


def test_a_failure_says_why_and_offers_what_can_be_done(client: Client, bob: User) -> None:
    video = failed_video(bob, kept=True)
    html = client.get(f"/v/{video.short_id}/").content.decode()
    assert "The disk was full." in html
    assert "Try again" in html
    Video.objects.update(source_key="")
    html = client.get(f"/v/{video.short_id}/").content.decode()
    assert "Try again" not in html
    assert "Upload again" in html


# -- state ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "progress", "expected"),
    [
        (ProcessingStatus.PENDING, None, ["PENDING", None, False, None]),
        (ProcessingStatus.PROCESSING, None, ["PROCESSING", None, False, None]),
        (ProcessingStatus.PROCESSING, 0, ["PROCESSING", 0, False, None]),
        (ProcessingStatus.PROCESSING, 42, ["PROCESSING", 42, False, None]),
        (ProcessingStatus.COMPLETED, None, ["COMPLETED", 100, True, None]),
        (ProcessingStatus.FAILED, None, ["FAILED", None, False, "Because."]),
    ],
)
def test_the_state_as_json_is_what_the_contract_says(
    client: Client,
    bob: User,
    status: ProcessingStatus,
    progress: int | None,
    expected: list[object],
) -> None:
    failed = status == ProcessingStatus.FAILED
    video = make_video(uploader=bob, status=status, error_message="Because." if failed else None)
    if not (failed or video.is_ready):
        Job.objects.create(video=video, progress=progress)
    answer = client.get(f"/v/{video.short_id}/status/", headers=JSON)
    assert answer["Content-Type"] == "application/json"
    assert answer.json() == dict(
        zip(["status", "progress", "watchable", "error"], expected, strict=True)
    )


def test_the_fragment_asks_again_while_there_is_something_to_wait_for(
    client: Client, bob: User
) -> None:
    video = make_video(uploader=bob, status=ProcessingStatus.PROCESSING)
    Job.objects.create(video=video, progress=42, seconds_left=120)
    answer = client.get(f"/v/{video.short_id}/status/", headers=HTMX)
    html = answer.content.decode()
    assert "42%" in html
    assert "about 2 minutes" in html
    assert "hx-get" in html
    assert "HX-Refresh" not in answer

    Video.objects.update(processing_status=ProcessingStatus.COMPLETED)
    answer = client.get(f"/v/{video.short_id}/status/", headers=HTMX)
    assert answer["HX-Refresh"] == "true"
    assert not asked_again(answer.content.decode())


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("end", ["COMPLETED", "FAILED", None])
def test_a_page_of_a_new_video_is_answered_when_that_can_be_watched(
    client: Client, bob: User, end: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None: it is deleted meanwhile."""
    monkeypatch.setattr(awaiting, "WAIT_SECONDS", 60)
    video = make_video(uploader=bob, status=ProcessingStatus.PROCESSING)

    def change() -> None:
        if end is None:
            Video.objects.all().delete()
        else:
            sentence = "Because." if end == "FAILED" else None
            Video.objects.update(processing_status=end, error_message=sentence)
        connection.close()

    changing = threading.Timer(0.1, change)
    since = time.monotonic()
    changing.start()
    answer = client.get(f"/v/{video.short_id}/status/", headers={"HX-Request": "true"})
    assert 0.1 <= time.monotonic() - since < 30
    changing.join()
    if end is None:
        assert answer.status_code == 404
    else:
        assert answer["HX-Refresh"] == "true"
    assert ("<clip-player" in answer.content.decode()) == (end == "COMPLETED")


def test_few_pages_are_kept_waiting_and_none_for_long(
    client: Client, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = make_video(uploader=bob, status=ProcessingStatus.PROCESSING)
    path = f"/v/{video.short_id}/status/"
    since = time.monotonic()
    assert asked_again(client.get(path, headers=HTMX).content.decode())
    assert time.monotonic() - since >= awaiting.WAIT_SECONDS

    monkeypatch.setattr(awaiting, "WAIT_SECONDS", 60)
    slots = [awaiting._slots.take(bob.pk) for _ in range(2)]
    assert asked_again(client.get(path, headers=HTMX).content.decode()), "at once"
    for slot in slots:
        slot.release()
    Video.objects.update(created_at=timezone.now() - timedelta(seconds=11))
    assert asked_again(client.get(path, headers=HTMX).content.decode()), "it is no new one"


def asked_again(html: str) -> list[str]:
    return re.findall(r'hx-trigger="every ([\d.]+)s, refresh"', html)


@pytest.mark.parametrize(
    ("minutes", "seconds_left", "every"),
    [
        (0, None, "0.1"),
        (0.2, 60, "0.5"),
        (1, None, "2"),
        (5, None, "10"),
        (60, None, "15"),
        (60, 4, "4"),
    ],
)
def test_the_page_asks_more_seldom_as_time_goes_by_but_in_time_for_the_end(
    client: Client, bob: User, minutes: float, seconds_left: int | None, every: str
) -> None:
    video = make_video(uploader=bob, status=ProcessingStatus.PROCESSING)
    Job.objects.create(video=video, seconds_left=seconds_left)
    then = timezone.now() - timedelta(minutes=minutes)
    Video.objects.update(created_at=then, updated_at=then)
    for path in (f"/v/{video.short_id}/", f"/v/{video.short_id}/status/"):
        assert asked_again(client.get(path).content.decode()) == [every]


@pytest.mark.parametrize("watching", ["", "1"])
def test_after_two_hours_the_page_asks_only_when_it_is_told_to(
    client: Client, bob: User, watching: str
) -> None:
    video = make_video(uploader=bob, status=ProcessingStatus.PROCESSING)
    path, now = f"/v/{video.short_id}/status/", int(time.time())
    asked = {"watching": watching, "since": str(now - 7100)}
    html = client.get(path, asked).content.decode()
    assert asked_again(html)
    assert f"since={now - 7100}" in html, "it goes on counting"
    html = client.get(path, asked | {"since": str(now - 7300)}).content.decode()
    assert not asked_again(html)
    assert "Refresh" in html


@pytest.mark.parametrize("since", ["", "x", "-5", "9" * 40, "9999999999", "٣", "1e3"])
def test_a_page_that_does_not_know_since_when_it_asks_begins_now(
    client: Client, bob: User, since: str
) -> None:
    video = make_video(uploader=bob, status=ProcessingStatus.PROCESSING)
    html = client.get(f"/v/{video.short_id}/status/", {"since": since}).content.decode()
    assert asked_again(html)


def test_what_is_finished_while_one_watches_brings_its_actions_and_captions_and_no_reload(
    client: Client, bob: User
) -> None:
    video = make_video(uploader=bob)
    Caption.objects.create(video=video, code="en", language="en", label="English", body="WEBVTT")
    path, htmx = f"/v/{video.short_id}/status/", {"HX-Request": "true"}
    answer = client.get(path, {"watching": "1"}, headers=htmx)
    html = answer.content.decode()
    assert "HX-Refresh" not in answer
    assert 'id="finished-actions" hx-swap-oob="true"' in html
    assert f'href="/v/{video.short_id}/download/"' in html
    assert f'src="/v/{video.short_id}/captions/en.vtt"' in html
    assert not asked_again(html)
    assert client.get(path, headers=htmx)["HX-Refresh"] == "true", "a page without a player"


def test_the_last_answer_to_a_page_without_a_player_is_the_page_with_one(
    client: Client, bob: User
) -> None:
    video = make_video(uploader=bob)
    path = f"/v/{video.short_id}/status/"
    page = f"http://testserver/v/{video.short_id}/?t=0:02"
    for address, start in ((page, "2"), ("", "0"), ("http://[", "0"), ("\x00?t=x&t=", "0")):
        answer = client.get(
            path, {"t": "9"}, headers={"HX-Request": "true", "HX-Current-URL": address}
        )
        html = answer.content.decode()
        assert answer["HX-Refresh"] == "true"
        assert f'data-start="{start}"' in html
        assert f'value="http://testserver/v/{video.short_id}/"' in html, "the link to share"


def test_a_failure_while_one_watches_is_told_without_a_reload(client: Client, bob: User) -> None:
    video = failed_video(bob, kept=True)
    answer = client.get(
        f"/v/{video.short_id}/status/", {"watching": "1"}, headers={"HX-Request": "true"}
    )
    assert "HX-Refresh" not in answer
    assert "The disk was full." in answer.content.decode()
    assert "Try again" in answer.content.decode()


def test_a_browser_that_cannot_decode_original_quality_waits_for_h264(
    client: Client, bob: User
) -> None:
    """The page holds the state that such a browser shows, which polls like a page without a player
    and reloads once there is H.264."""
    h264 = built_rendition(bob)
    video, htmx = h264.video, {"HX-Request": "true"}
    beside_original_quality(h264)
    Video.objects.update(processing_status=ProcessingStatus.PROCESSING)
    Rendition.objects.filter(pk=h264.pk).delete()
    path = f"/v/{video.short_id}/status/"
    html = client.get(f"/v/{video.short_id}/").content.decode()
    assert "<clip-player" in html
    assert "data-h264" not in html
    assert re.search(
        r"<template data-processing\s*>.*&amp;original=no\".*</template>", html, re.DOTALL
    )
    answer = client.get(path, {"original": "no"}, headers=htmx)
    assert "HX-Refresh" not in answer
    assert "&amp;original=no" in answer.content.decode(), "it goes on like this"
    assert client.get(path, headers=htmx)["HX-Refresh"] == "true", "others can watch it"
    assert "data-h264" not in client.get(path, {"watching": "1"}).content.decode()

    h264.save(force_insert=True)
    assert client.get(path, {"original": "no"}, headers=htmx)["HX-Refresh"] == "true"
    assert "data-h264" in client.get(path, {"watching": "1"}).content.decode()
    html = client.get(f"/v/{video.short_id}/").content.decode()
    assert "data-h264" in html
    assert "<template data-processing" not in html


def test_captions_are_tracks_of_the_player(client: Client) -> None:
    video = make_video()
    Caption.objects.create(
        video=video, code="en", language="en", label='"A" & <b>', body="WEBVTT", is_default=True
    )
    html = " ".join(client.get(f"/v/{video.short_id}/").content.decode().split())
    assert (
        f'<track kind="subtitles" src="/v/{video.short_id}/captions/en.vtt" srclang="en"'
        ' label="&quot;A&quot; &amp; &lt;b&gt;" default>' in html
    )


def test_hls_is_for_what_has_several_sizes(client: Client) -> None:
    video = make_video()
    about = {
        "root": "/x",
        "version": "v",
        "width": 1280,
        "fps": 30,
        "codecs": "avc1",
        "bandwidth": 1,
    }
    about |= {"average_bandwidth": 1, "duration_seconds": 1, "size_bytes": 1, "is_complete": True}
    for height, has_choice in ((720, False), (480, True)):
        name = f"{height}p"
        Rendition.objects.create(video=video, name=name, filename=name, height=height, **about)
        html = client.get(f"/v/{video.short_id}/").content.decode()
        assert (f'data-hls="/v/{video.short_id}/master.m3u8"' in html) is has_choice
        assert "stream.mp4" in html


@pytest.mark.parametrize("status", UNFINISHED)
def test_what_is_unfinished_can_be_stopped(
    client: Client, bob: User, status: ProcessingStatus
) -> None:
    video = make_video("Soon", uploader=bob, status=status)
    Job.objects.create(video=video)
    assert (
        f'action="/v/{video.short_id}/cancel/"'
        in client.get(video.get_absolute_url()).content.decode()
    )
    client.post(f"/v/{video.short_id}/cancel/")
    html = client.get(video.get_absolute_url()).content.decode()
    assert "Stopped" in html
    assert "couldn't be processed" not in html
    assert "/cancel/" not in html


@pytest.mark.parametrize("status", UNFINISHED)
def test_no_stop_is_offered_of_what_nobody_works_at(
    client: Client, bob: User, status: ProcessingStatus
) -> None:
    """As the unfinished ones among the samples."""
    video = make_video("Never", uploader=bob, status=status)
    offered = 'id="stop-button"'
    assert offered not in client.get(video.get_absolute_url()).content.decode()
    Job.objects.create(video=video)
    assert offered in client.get(video.get_absolute_url()).content.decode()


def test_the_page_of_a_video_takes_few_queries(client: Client, bob: User) -> None:
    ready = make_video(uploader=bob)
    making = make_video(uploader=bob, status=ProcessingStatus.PROCESSING)
    counts = [count_queries(client, video.get_absolute_url()) for video in (ready, making)]
    assert max(counts) <= 15, counts


def test_the_state_of_what_one_may_not_see_is_404(bob: User) -> None:
    video = make_video(uploader=bob, status=ProcessingStatus.PROCESSING)
    other = logged_in(make_user("alice"))
    assert other.get(f"/v/{video.short_id}/status/", headers=JSON).status_code == 404
    assert Client().get(f"/v/{video.short_id}/status/", headers=JSON).status_code == 401


# -- editing --------------------------------------------------------------------------------------


def test_editing_stores_what_the_form_holds(client: Client, bob: User) -> None:
    music = make_category("Music", created_by=make_admin("boss"))
    video = make_video("Old", uploader=bob)
    form = {"title": "  New \u202e title ", "description": " a\r\nb ", "category": "music"}
    answer = client.post(f"/v/{video.short_id}/edit/", form)
    assert (answer.status_code, answer["Location"]) == (302, f"/v/{video.short_id}/")
    video.refresh_from_db()
    assert (video.title, video.description, video.category) == ("New title", "a\nb", music)

    client.post(f"/v/{video.short_id}/edit/", {"title": "New", "description": "", "category": ""})
    video.refresh_from_db()
    assert (video.description, video.category) == (None, None)


@pytest.mark.parametrize(
    ("field", "typed", "sentence"),
    [
        ("title", "t" * 201, "Titles can be up to 200 characters."),
        ("title", "\ufb2c" * 200, "Titles can be up to 200 characters."),  # 600 when stored
        ("description", "\ufb2c" * 5000, "A description has at most 5,000 characters."),
        ("title", "   ", "Enter a title."),
        ("title", "", "This field is required."),
        ("description", "d" * 5001, "A description has at most 5,000 characters."),
        ("category", "none", "Choose a category from the list."),
    ],
)
def test_a_bad_edit_is_422_changes_nothing_and_keeps_what_was_typed(
    client: Client, bob: User, field: str, typed: str, sentence: str
) -> None:
    video = make_video("Old", uploader=bob)
    form = {"title": "Typed title", "description": "Typed text", "category": "", field: typed}
    answer = client.post(f"/v/{video.short_id}/edit/", form)
    html = unescape(answer.content.decode())
    assert answer.status_code == 422
    assert sentence in html
    if field != "title":
        assert "Typed title" in html
    if field != "description":
        assert "Typed text" in html
    video.refresh_from_db()
    assert (video.title, video.description) == ("Old", None)


def test_the_form_holds_what_is_stored(client: Client, bob: User) -> None:
    music = make_category("Music", created_by=make_admin("boss"))
    video = make_video('Old "one"', uploader=bob, description="Text", category=music)
    html = client.get(f"/v/{video.short_id}/edit/").content.decode()
    assert 'value="Old &quot;one&quot;"' in html
    assert "Text</textarea>" in html
    assert '<option value="music" selected>' in html


@pytest.mark.parametrize("action", ["edit", "delete", "retry", "cancel"])
def test_only_uploader_and_staff_may_change_a_video(bob: User, action: str) -> None:
    video = make_video("Kept", uploader=bob)
    path = f"/v/{video.short_id}/{action}/"
    alice = logged_in(make_user("alice"))
    form = {"title": "Hers", "description": "", "category": ""}
    assert alice.post(path, form).status_code == 404
    if action not in {"retry", "cancel"}:
        assert alice.get(path).status_code == 404
        assert logged_in(make_moderator("m_o_d")).get(path).status_code == 200
        assert logged_in(bob).get(path).status_code == 200
    else:
        assert logged_in(bob).get(path).status_code == 405
    assert Client().post(path, form).status_code == 302
    assert Video.objects.get().title == "Kept"


def test_changes_need_the_token_against_forgery(bob: User) -> None:
    video = make_video("Kept", uploader=bob)
    client = Client(enforce_csrf_checks=True)
    client.force_login(bob)
    for action in ("edit", "delete", "retry", "cancel"):
        answer = client.post(f"/v/{video.short_id}/{action}/", {"title": "x"})
        assert answer.status_code == 403
    assert Video.objects.get().title == "Kept"


# -- deleting and retrying ------------------------------------------------------------------------


def test_deleting_without_a_trash_asks_first_and_then_does_it(client: Client, bob: User) -> None:
    Config.objects.update(trash_days=0)
    video = make_video("Gone soon", uploader=bob)
    assert "Gone soon" in client.get(f"/v/{video.short_id}/delete/").content.decode()
    assert Video.objects.exists()
    answer = client.post(f"/v/{video.short_id}/delete/", follow=True)
    assert answer.redirect_chain == [("/profile/bob/", 302)]
    assert "“Gone soon” deleted" in unescape(answer.content.decode())
    assert not Video.objects.exists()
    assert Removal.objects.get().video_id == video.pk
    assert client.get(f"/v/{video.short_id}/").status_code == 404


def test_staff_who_delete_anothers_video_land_where_it_was(client: Client) -> None:
    video = make_video(uploader=make_user("alice"))
    client.force_login(make_moderator())
    answer = client.post(f"/v/{video.short_id}/delete/")
    address = f"/profile/alice/?trashed={video.short_id}"
    assert (answer.status_code, answer["Location"]) == (302, address)


def test_a_retry_puts_the_video_back_in_the_queue_and_charges_it(client: Client, bob: User) -> None:
    video = failed_video(bob, kept=True)
    answer = client.post(f"/v/{video.short_id}/retry/")
    assert (answer.status_code, answer["Location"]) == (302, video.get_absolute_url())
    video.refresh_from_db()
    assert video.processing_status == ProcessingStatus.PENDING
    assert video.error_message is None
    assert (used(bob), video.quota_bytes) == (4, 4)
    assert Job.objects.get().state == JobState.WAITING
    assert wake_ups() == ["videos.tasks.run_next_job"]


def test_a_retry_by_staff_is_charged_to_the_uploader(bob: User) -> None:
    video = failed_video(bob, kept=True)
    logged_in(make_admin("root_")).post(f"/v/{video.short_id}/retry/")
    assert used(bob) == 4


def test_a_retry_without_the_file_says_so(client: Client, bob: User) -> None:
    video = failed_video(bob, kept=False)
    answer = client.post(f"/v/{video.short_id}/retry/", follow=True)
    assert "It needs to be uploaded again." in answer.content.decode()
    assert not Job.objects.exists()


def test_a_video_that_is_fine_is_not_tried_again(client: Client, bob: User) -> None:
    video = make_video(uploader=bob, quota_reserved_at=timezone.now())
    client.post(f"/v/{video.short_id}/retry/")
    assert not Job.objects.exists()
    video.refresh_from_db()
    assert video.is_ready
