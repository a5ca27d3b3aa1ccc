"""One video: its page, its state, changing and deleting it."""

from __future__ import annotations

from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.utils import timezone

from tests.builders import make_admin, make_category, make_moderator, make_user, make_video
from tests.videos.films import used, wake_ups
from videos.models import Job, ProcessingStatus, Video
from videos.models.job import JobState

if TYPE_CHECKING:
    from accounts.models import User

pytestmark = pytest.mark.django_db

JSON = {"Accept": "application/json"}
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


def failed_film(bob: User, *, kept: bool) -> Video:
    source = Path(django_settings.TEMP_STORAGE_PATH) / "upload-x" / "source.mp4"
    if kept:
        source.parent.mkdir()
        source.write_bytes(b"film")
    return make_video(
        uploader=bob,
        status=ProcessingStatus.FAILED,
        error_message="The disk was full.",
        source_path=str(source) if kept else "",
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
    video = failed_film(bob, kept=True)
    html = client.get(f"/v/{video.short_id}/").content.decode()
    assert "The disk was full." in html
    assert "Try again" in html
    Video.objects.update(source_path="")
    html = client.get(f"/v/{video.short_id}/").content.decode()
    assert "Try again" not in html
    assert "Upload it again" in html


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
    htmx = {"HX-Request": "true"}
    answer = client.get(f"/v/{video.short_id}/status/", headers=htmx)
    html = answer.content.decode()
    assert "42 %" in html
    assert "about 2 minutes" in html
    assert "hx-get" in html
    assert "HX-Refresh" not in answer

    Video.objects.update(processing_status=ProcessingStatus.COMPLETED)
    answer = client.get(f"/v/{video.short_id}/status/", headers=htmx)
    assert answer["HX-Refresh"] == "true"
    assert "hx-get" not in answer.content.decode()


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
        ("title", "t" * 201, "A title has at most 200 characters."),
        ("title", "\ufb2c" * 200, "A title has at most 200 characters."),  # 600 when stored
        ("description", "\ufb2c" * 5000, "A description has at most 5,000 characters."),
        ("title", "   ", "Give the video a title that is more than spaces."),
        ("title", "", "This field is required."),
        ("description", "d" * 5001, "A description has at most 5,000 characters."),
        ("category", "none", "There is no such category. Choose one of the list."),
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


@pytest.mark.parametrize("action", ["edit", "delete", "retry"])
def test_only_uploader_and_staff_may_change_a_video(bob: User, action: str) -> None:
    video = make_video("Kept", uploader=bob)
    path = f"/v/{video.short_id}/{action}/"
    alice = logged_in(make_user("alice"))
    form = {"title": "Hers", "description": "", "category": ""}
    assert alice.post(path, form).status_code == 404
    if action != "retry":
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
    for action in ("edit", "delete", "retry"):
        answer = client.post(f"/v/{video.short_id}/{action}/", {"title": "x"})
        assert answer.status_code == 403
    assert Video.objects.get().title == "Kept"


# -- deleting and retrying ------------------------------------------------------------------------


def test_deleting_asks_first_and_then_does_it(client: Client, bob: User) -> None:
    video = make_video("Gone soon", uploader=bob)
    assert "Gone soon" in client.get(f"/v/{video.short_id}/delete/").content.decode()
    assert Video.objects.exists()
    answer = client.post(f"/v/{video.short_id}/delete/", follow=True)
    assert answer.redirect_chain == [("/profile/bob/", 302)]
    assert "“Gone soon” is deleted." in unescape(answer.content.decode())
    assert not Video.objects.exists()
    assert wake_ups() == ["videos.tasks.remove_files"]
    assert client.get(f"/v/{video.short_id}/").status_code == 404


def test_a_retry_puts_the_film_back_in_the_queue_and_charges_it(client: Client, bob: User) -> None:
    video = failed_film(bob, kept=True)
    answer = client.post(f"/v/{video.short_id}/retry/")
    assert (answer.status_code, answer["Location"]) == (302, video.get_absolute_url())
    video.refresh_from_db()
    assert video.processing_status == ProcessingStatus.PENDING
    assert video.error_message is None
    assert (used(bob), video.quota_bytes) == (4, 4)
    assert Job.objects.get().state == JobState.WAITING
    assert wake_ups() == ["videos.tasks.run_next_job"]


def test_a_retry_by_staff_is_charged_to_the_uploader(bob: User) -> None:
    video = failed_film(bob, kept=True)
    logged_in(make_admin("root_")).post(f"/v/{video.short_id}/retry/")
    assert used(bob) == 4


def test_a_retry_without_the_file_says_so(client: Client, bob: User) -> None:
    video = failed_film(bob, kept=False)
    answer = client.post(f"/v/{video.short_id}/retry/", follow=True)
    assert "Upload it again." in answer.content.decode()
    assert not Job.objects.exists()


def test_a_video_that_is_fine_is_not_tried_again(client: Client, bob: User) -> None:
    video = make_video(uploader=bob, quota_reserved_at=timezone.now())
    client.post(f"/v/{video.short_id}/retry/")
    assert not Job.objects.exists()
    video.refresh_from_db()
    assert video.is_ready
