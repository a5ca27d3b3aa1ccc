"""Videos and the work on them in the admin."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from clipset.lib.ids import new_short_id
from siteconfig.forms import GB, MB
from siteconfig.models import Config
from siteconfig.roots import root_path
from tests.audit_log import recorded
from tests.builders import (
    count_queries,
    make_admin,
    make_category,
    make_moderator,
    make_user,
    make_video,
)
from videos.models import Job, JobState, ProcessingStatus, Removal, Video, VideoDeletion
from videos.services.deletions import delete_marked_rows
from videos.services.trash import trash_video

if TYPE_CHECKING:
    from categories.models import Category

VIDEOS = "/admin/videos/video/"
JOBS = "/admin/videos/job/"

pytestmark = pytest.mark.django_db


@pytest.fixture
def mod() -> User:
    return make_moderator("mod")


@pytest.fixture
def client(mod: User) -> Client:
    client = Client()
    client.force_login(mod)
    return client


def video_page(video: Video) -> str:
    return reverse("admin:videos_video_change", args=[video.pk])


def typed(video: Video, **changes: str) -> dict[str, str]:
    """What the form sends when nothing is changed, with the changes."""
    return {
        "title": video.title,
        "description": video.description or "",
        "category": str(video.category_id or ""),
        **({"is_hidden": "on"} if video.is_hidden else {}),
        "hidden_reason": video.hidden_reason,
        "hidden_text": video.hidden_text,
        **changes,
    }


def act(client: Client, action: str, *rows: object, address: str = VIDEOS, **sent: str) -> Any:
    selected = [str(row) for row in rows]
    data = {"action": action, "index": "0", "_selected_action": selected, **sent}
    return client.post(address, data, follow=True)


def errors(response: Any) -> dict[str, list[str]]:
    return dict(response.context["adminform"].form.errors)


def run_job(video: Video, percent: int) -> Job:
    return Job.objects.create(
        video=video,
        state=JobState.RUNNING,
        lease_owner="secret-lease",
        lease_until=timezone.now(),
        progress=percent,
    )


def failed_video(tmp_path: Path, title: str, **fields: Any) -> Video:
    """One that failed on our side: the uploaded file is still there."""
    key = f"upload-{new_short_id()}/source.mp4"
    source = root_path("temp") / key
    source.parent.mkdir()
    source.write_bytes(b"x")
    fields |= {"source_root": "temp", "source_key": key}
    return make_video(title, status=ProcessingStatus.FAILED, **fields)


# -- The list -----------------------------------------------------------------------------------
def test_the_list_shows_pictures_states_and_sizes_as_people_read_them(client: Client) -> None:
    ready = make_video(
        thumbnail_filename="still-0123456789ab.jpg", duration_seconds=3723.4, stored_bytes=GB
    )
    make_video(status=ProcessingStatus.PENDING)
    run_job(make_video(status=ProcessingStatus.PROCESSING), 42)
    make_video(status=ProcessingStatus.FAILED)
    make_video(is_hidden=True)
    text = client.get(VIDEOS).text
    picture = text.partition(reverse("small_thumbnail", args=[ready.short_id]))[2].partition(">")[0]
    for attribute in ('width="96"', 'height="54"', 'loading="lazy"'):
        assert attribute in picture
    assert "style=" not in picture
    for words in (
        '<span class="state state-completed state--good">Ready</span>',
        '<span class="state state-pending state--quiet">Queued</span>',
        '<span class="state state-processing state--warn">Processing, 42%</span>',
        '<span class="state state-failed state--danger">Failed</span>',
        '<span class="state state-hidden state--warn">Hidden</span>',
        "1:02:03",
        "1 GB",
        '<span class="reason">This file holds no picture.</span>',
        f'href="{ready.get_absolute_url()}"',
    ):
        assert words in text


@pytest.mark.parametrize("address", [VIDEOS, JOBS])
def test_the_lists_make_as_many_queries_for_thirty_as_for_one(client: Client, address: str) -> None:
    def add() -> None:
        video = make_video(
            category=make_category(), status=ProcessingStatus.PROCESSING, thumbnail_filename="x.jpg"
        )
        run_job(video, 10)

    add()
    for_one = count_queries(client, address)
    for _ in range(29):
        add()
    assert client.get(address).text.count('class="action-select"') in {30, 0}
    assert client.get(address).text.count("Processing, 10%" if address == VIDEOS else "10%") == 30
    assert count_queries(client, address) == for_one


def test_the_list_filters_and_searches(client: Client) -> None:
    music = make_category("Music")
    found = make_video(
        "Concert",
        uploader=make_user("bob"),
        category=music,
        status=ProcessingStatus.FAILED,
        is_hidden=True,
    )
    make_video("Something else")
    day = (timezone.now() - timedelta(days=1)).isoformat()
    for query in (
        {"processing_status__exact": "FAILED"},
        {"is_hidden__exact": "1"},
        {"category__id__exact": str(music.pk)},
        {"q": "concert"},
        {"q": "BOB"},
        {"q": "music"},
        {"q": found.short_id},
    ):
        text = client.get(VIDEOS, {**query, "created_at__gte": day}).text
        assert "Concert" in text, query
        assert "Something else" not in text, query


@pytest.mark.parametrize(
    "query",
    ["?category__id__exact=x", "?processing_status__exact=bogus", "?p=x", "?q=%00", "?o=99"],
)
def test_a_forged_query_is_no_error(client: Client, query: str) -> None:
    make_video()
    assert client.get(f"{VIDEOS}{query}", follow=True).status_code == 200


def test_a_forged_selection_is_answered_on_the_page(client: Client) -> None:
    assert "is not a valid UUID" in act(client, "hide", "no-uuid").text


def test_a_long_title_is_shortened_in_the_list(client: Client) -> None:
    make_video("x" * 200)
    assert f">{'x' * 39}…</span>" in client.get(VIDEOS).text


def test_the_category_is_found_while_typing(client: Client) -> None:
    make_category("Music")
    make_category("Cooking")
    query = {"app_label": "videos", "model_name": "video", "field_name": "category", "term": "mus"}
    found = client.get("/admin/autocomplete/", query).json()
    assert [one["text"] for one in found["results"]] == ["Music"]


def test_no_video_is_added(client: Client) -> None:
    assert client.get(f"{VIDEOS}add/").status_code == 403
    client.force_login(make_admin())
    assert client.post(f"{VIDEOS}add/", {"title": "x"}).status_code == 403
    assert f"{VIDEOS}add/" not in client.get(VIDEOS).text


def test_a_member_gets_no_further_than_the_log_in(client: Client) -> None:
    video = make_video("Concert")
    client.force_login(video.uploaded_by)
    for address in (VIDEOS, JOBS, video_page(video)):
        assert client.get(address).status_code == 302
    client.post(video_page(video), typed(video, title="Mine"))
    act(client, "hide", video.pk)
    video.refresh_from_db()
    assert (video.title, video.is_hidden) == ("Concert", False)


# -- One video ----------------------------------------------------------------------------------
def test_a_moderator_changes_what_may_be_changed(client: Client) -> None:
    video, music = make_video("Concert"), make_category("Music")
    sent = typed(
        video,
        title="  The \u200b concert ",
        description="One.\r\n\r\n\r\n\r\n\r\nTwo.  ",
        category=str(music.pk),
        is_hidden="on",
        hidden_reason="PRIVACY",
    )
    assert client.post(video_page(video), sent).status_code == 302
    video.refresh_from_db()
    assert (video.title, video.description) == ("The concert", "One.\n\n\nTwo.")
    assert (video.category, video.is_hidden) == (music, True)
    assert recorded() == [
        ("mod", "Concert", "video.edit"),
        ("mod", "The concert", "video.move"),
        ("mod", "The concert", "video.hide"),
    ]


def test_an_emptied_description_is_none(client: Client) -> None:
    video = make_video(description="Something")
    client.post(video_page(video), typed(video, description=" \r\n "))
    video.refresh_from_db()
    assert video.description is None


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("title", ""),
        ("title", " \u200b\u2060 "),
        ("title", "x" * 201),
        ("title", "\ufb2c" * 200),
        ("description", "\ufb2c" * 5000),
        ("description", "x" * 5001),
        ("category", "00000000-0000-4000-8000-000000000000"),
        ("category", "x"),
    ],
)
def test_what_does_not_fit_is_refused_in_place(client: Client, field: str, text: str) -> None:
    video = make_video("Concert")
    response = client.post(video_page(video), typed(video, **{field: text}))
    assert list(errors(response)) == [field]
    video.refresh_from_db()
    assert video.title == "Concert"
    assert recorded() == []


@pytest.mark.parametrize(
    ("forged", "text"),
    [
        ("uploaded_by", "{mod}"),
        ("processing_status", "FAILED"),
        ("view_count", "1000000"),
        ("file_size_bytes", "1"),
        ("filename", "../../etc/passwd"),
        ("storage_root", "videos-2"),
        ("quota_bytes", "0"),
        ("short_id", "AAAAAAAAAA"),
    ],
)
def test_facts_cannot_be_forged(client: Client, mod: User, forged: str, text: str) -> None:
    video = make_video("Concert", quota_bytes=MB)
    before: dict[str, Any] = {**Video.objects.values().get(pk=video.pk)}
    sent = typed(video, title="New", **{forged: text.format(mod=mod.pk)})
    assert client.post(video_page(video), sent).status_code == 302
    after: dict[str, Any] = {**Video.objects.values().get(pk=video.pk)}
    assert after.pop("title") == "New"
    assert after.pop("updated_at") > before.pop("updated_at")
    del before["title"]
    assert after == before


def test_saving_a_video_leaves_what_a_worker_stores_alone(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker may publish between the reading of the row and its saving."""
    video = make_video("Concert", status=ProcessingStatus.PROCESSING)
    full_clean = Video.full_clean

    def publish(instance: Video, *args: Any, **kwargs: Any) -> None:
        Video.objects.filter(pk=video.pk).update(
            processing_status=ProcessingStatus.COMPLETED, filename="published.mp4"
        )
        full_clean(instance, *args, **kwargs)

    monkeypatch.setattr(Video, "full_clean", publish)
    client.post(
        video_page(video),
        typed(video, title="New", is_hidden="on", hidden_reason="OTHER", hidden_text="Why"),
    )
    video.refresh_from_db()
    assert (video.title, video.is_hidden) == ("New", True)
    assert (video.processing_status, video.filename) == ("COMPLETED", "published.mp4")


def test_no_folder_of_the_server_is_shown(client: Client, tmp_path: Path) -> None:
    kept = {"original_root": "originals", "original_key": "original.mp4"}
    video = failed_video(tmp_path, "Concert", **kept)
    for address in (VIDEOS, video_page(video), JOBS):
        text = client.get(address).text
        assert str(video.file_path.parent) not in text
        assert str(tmp_path) not in text


# -- Hiding and moving --------------------------------------------------------------------------
def test_videos_are_hidden_and_shown_again_and_each_is_logged(client: Client) -> None:
    videos = [make_video("One"), make_video("Two")]
    hidden_before = make_video("Three", is_hidden=True)
    ids = [video.pk for video in (*videos, hidden_before)]
    assert "2 videos hidden." in act(client, "hide", *ids, reason="Harassment").text
    assert not Video.objects.filter(is_hidden=False).exists()
    assert sorted(recorded()) == [("mod", "One", "video.hide"), ("mod", "Two", "video.hide")]
    assert "1 video unhidden." in act(client, "unhide", videos[0].pk).text
    assert Video.objects.get(is_hidden=False) == videos[0]
    assert recorded()[-1] == ("mod", "One", "video.unhide")


def test_a_hidden_video_is_gone_for_members(client: Client) -> None:
    video = make_video()
    bob = Client()
    bob.force_login(make_user())
    assert bob.get(video.get_absolute_url()).status_code == 200
    act(client, "hide", video.pk, reason="Too loud")
    assert bob.get(video.get_absolute_url()).status_code == 404


@pytest.mark.parametrize(
    ("typed_reason", "stored"),
    [
        ("Copyright or privacy", ("PRIVACY", "")),
        ("Too loud", ("OTHER", "Too loud")),
    ],
)
def test_the_reason_for_many_is_a_known_one_or_a_text(
    client: Client, typed_reason: str, stored: tuple[str, str]
) -> None:
    video = make_video()
    act(client, "hide", video.pk, reason=typed_reason)
    video.refresh_from_db()
    assert (video.hidden_reason, video.hidden_text) == stored


def test_videos_of_others_are_hidden_with_a_reason_only(client: Client, mod: User) -> None:
    video, own = make_video(), make_video(uploader=mod)
    act(client, "hide", video.pk, own.pk)
    assert "Enter a reason" in act(client, "hide", video.pk).text
    assert "Use at most 500" in act(client, "hide", video.pk, reason="x" * 501).text
    response = client.post(video_page(video), typed(video, is_hidden="on"))
    assert list(errors(response)) == ["hidden_reason"]
    sent = typed(video, is_hidden="on", hidden_reason="OTHER")
    assert list(errors(client.post(video_page(video), sent))) == ["hidden_text"]
    assert not Video.objects.filter(is_hidden=True).exists()
    assert client.post(video_page(own), typed(own, is_hidden="on")).status_code == 302
    own.refresh_from_db()
    assert (own.is_hidden, own.hidden_by, own.hidden_reason) == (True, mod, "")


def test_unhiding_in_the_admin_clears_the_reason(client: Client) -> None:
    video = make_video()
    act(client, "hide", video.pk, reason="Harassment")
    video.refresh_from_db()
    sent = typed(video)
    del sent["is_hidden"]
    client.post(video_page(video), sent)
    video.refresh_from_db()
    assert (video.is_hidden, video.hidden_reason, video.hidden_at) == (False, "", None)


@pytest.fixture
def music() -> Category:
    return make_category("Music")


def test_videos_are_moved_to_the_chosen_category(client: Client, music: Category) -> None:
    one, two = make_video("One"), make_video("Two", category=make_category())
    there = make_video("Three", category=music)
    text = act(client, "move", one.pk, two.pk, there.pk, category=str(music.pk)).text
    assert "2 videos moved to Music." in text
    assert set(music.videos.all()) == {one, two, there}
    assert sorted(recorded()) == [("mod", "One", "video.move"), ("mod", "Two", "video.move")]


def test_nothing_is_moved_without_a_category(client: Client, music: Category) -> None:
    video = make_video("One", category=music)
    assert (
        "Choose a category next to the action first."
        in act(client, "move", video.pk, category="").text
    )
    missing = "00000000-0000-4000-8000-000000000000"
    assert act(client, "move", video.pk, category=missing).status_code == 200
    video.refresh_from_db()
    assert video.category == music
    assert recorded() == []


def test_videos_are_taken_out_of_their_category(client: Client, music: Category) -> None:
    video = make_video("One", category=music)
    text = act(client, "take_out", video.pk, category="").text
    assert "1 video removed from the category." in text
    text = act(client, "take_out", video.pk, category="").text
    assert "1 was not removed from a category: it is in none." in text
    video.refresh_from_db()
    assert video.category is None
    assert recorded() == [("mod", "One", "video.move")]


# -- Retrying -----------------------------------------------------------------------------------
def test_a_retry_tells_what_became_of_the_videos_in_two_lines(
    client: Client, tmp_path: Path
) -> None:
    full = make_user("charlie", weekly_upload_bytes=4 * GB)
    again = failed_video(tmp_path, "Again", file_size_bytes=MB)
    refused = make_video("Refused", status=ProcessingStatus.FAILED)
    over = failed_video(tmp_path, "Over", uploader=full, file_size_bytes=MB)
    ready = make_video("Ready already")
    text = act(client, "retry", again.pk, refused.pk, over.pk, ready.pk).text
    assert "1 video will be processed again." in text
    assert "3 were not retried: " in text
    for reason in ("1 is not failed", "1 has no source", "1 (“The weekly quota has no room"):
        assert reason in text
    assert text.count('<li class="warning">') == 1
    assert '<li class="error">' not in text
    again.refresh_from_db()
    assert (again.processing_status, again.error_message) == (ProcessingStatus.PENDING, None)
    assert again.uploaded_by.weekly_upload_bytes == MB
    assert Job.objects.get().video == again
    over.refresh_from_db()
    assert over.is_failed
    assert recorded() == [("mod", "Again", "video.retry")]


# -- Deletion -----------------------------------------------------------------------------------
@pytest.mark.parametrize("way", ["one", "several"])
def test_a_moderator_deletes_videos_with_their_files(client: Client, way: str) -> None:
    Config.objects.update(trash_days=0)
    video = make_video("Concert", file_size_bytes=GB)
    run_job(video, 10)
    kept = make_video()
    address, sent = VIDEOS, {"action": "delete_selected", "index": "0"}
    sent["_selected_action"] = str(video.pk)
    if way == "one":
        address, sent = reverse("admin:videos_video_delete", args=[video.pk]), {}
    asked = client.post(address, sent) if sent else client.get(address)
    assert "This permanently deletes the video, its thumbnail and its original file." in asked.text
    assert "Concert</a>, 1 GB" in asked.text
    assert "Cannot delete" not in asked.text
    assert client.post(address, {**sent, "post": "yes"}).status_code == 302
    assert list(Video.objects.all()) == [kept]
    assert not Job.objects.exists()
    assert Removal.objects.get().key == video.filename
    assert recorded() == [("mod", "Concert", "video.delete")]


@pytest.mark.parametrize("way", ["one", "several"])
def test_a_moderator_deletes_into_the_trash_and_restores(client: Client, way: str) -> None:
    video = make_video("Concert")
    address = reverse("admin:videos_video_delete", args=[video.pk])
    assert "Into the trash for 30 days" in client.get(address).text
    if way == "one":
        client.post(address, {"post": "yes"})
    else:
        assert "Into the trash for 30 days" in act(client, "delete_selected", video.pk).text
        answer = act(client, "delete_selected", video.pk, post="yes")
        assert "1 video moved to the trash." in answer.text
    assert Video.objects.get().is_trashed
    assert str(video.pk) not in client.get(VIDEOS).text
    trash = f"{VIDEOS}?trash=yes"
    listed = client.get(trash).text
    assert "In the trash until" in listed
    assert "Videos in the trash, " in listed
    assert 'value="empty"' not in listed, "only admins delete for good"
    assert client.get(address).status_code == 403
    assert client.post(address, {"post": "yes"}).status_code == 403
    act(client, "empty", video.pk, address=trash, post="yes")
    assert Video.objects.get().is_trashed
    assert not VideoDeletion.objects.exists()
    act(client, "restore", video.pk, address=trash)
    assert not Video.objects.get().is_trashed


@pytest.mark.parametrize("way", ["one", "several"])
def test_an_admin_deletes_for_good_after_a_question(client: Client, way: str) -> None:
    root = make_admin("root")
    client.force_login(root)
    video, kept = make_video("Concert", file_size_bytes=GB, stored_bytes=GB), make_video()
    trash_video(video=video, by=root)
    if way == "one":
        address = reverse("admin:videos_video_delete", args=[video.pk])
        asked = client.get(address).text
        assert "<dt>Size of files</dt><dd>1 GB</dd>" in asked
        assert "This permanently deletes the video" in asked
        client.post(address, {"post": "yes"})
    else:
        trash = f"{VIDEOS}?trash=yes"
        asked = act(client, "empty", video.pk, address=trash).text
        assert "1 video in the trash will be deleted for good" in asked
        assert "<dt>Size of files</dt><dd>1 GB</dd>" in asked
        assert Video.objects.in_trash().exists()
        act(client, "empty", video.pk, address=trash, post="yes")
        delete_marked_rows()
    assert list(Video.objects.all()) == [kept]


def test_a_title_is_no_html_anywhere(client: Client) -> None:
    video = make_video("<script>alert(1)</script>", is_hidden=True)
    pages = [
        client.get(VIDEOS),
        client.get(video_page(video)),
        client.get(reverse("admin:videos_video_delete", args=[video.pk])),
        act(client, "unhide", video.pk),
        act(client, "retry", video.pk),
        act(client, "delete_selected", video.pk),
    ]
    for page in pages:
        assert "<script>alert(1)" not in page.text


# -- Jobs ---------------------------------------------------------------------------------------
def test_jobs_are_to_be_looked_at_only(client: Client) -> None:
    job = run_job(make_video("Concert", status=ProcessingStatus.PROCESSING), 42)
    address = reverse("admin:videos_job_change", args=[job.pk])
    for user in (User.objects.get(username="mod"), make_admin()):
        client.force_login(user)
        text = client.get(JOBS).text
        assert "42%" in text
        assert "Concert" in text
        page = client.get(address)
        assert page.status_code == 200
        assert "secret-lease" not in page.text  # whoever knows its lease could end the work
        assert 'name="_save"' not in page.text
        assert client.post(address, {"state": "DONE"}).status_code == 403
        assert client.get(f"{JOBS}add/").status_code == 403
        delete = reverse("admin:videos_job_delete", args=[job.pk])
        assert client.post(delete, {"post": "yes"}).status_code == 403
    job.refresh_from_db()
    assert job.state == JobState.RUNNING
