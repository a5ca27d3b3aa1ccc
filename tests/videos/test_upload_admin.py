"""Uploads that are on their way, in the admin."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from tests.audit_log import recorded
from tests.builders import count_queries, make_moderator, make_user
from tests.videos.stored_videos import used
from tests.videos.tus_client import append, ask, create
from videos.models import Upload, UploadState
from videos.services.uploads.create import begin_upload

UPLOADS = "/admin/videos/upload/"

pytestmark = pytest.mark.django_db


@pytest.fixture
def bob() -> User:
    return make_user("bob")


@pytest.fixture
def bobs(bob: User) -> Client:
    client = Client()
    client.force_login(bob)
    return client


@pytest.fixture
def client() -> Client:
    client = Client()
    client.force_login(make_moderator("mod"))
    return client


def page(upload: Upload, action: str = "change") -> str:
    return reverse(f"admin:videos_upload_{action}", args=[upload.pk])


def test_it_tells_who_sends_what_and_how_far_it_is(client: Client, bobs: Client, bob: User) -> None:
    url = create(bobs, 4096, filename="<sea>.mp4")["Location"]
    append(bobs, url, 0, bytes(1024))
    begin_upload(user=bob, content_length=7)
    create(bobs, 10, bytes(10), filename="done.mp4")
    for address in (UPLOADS, page(Upload.objects.get(size_bytes=4096))):
        text = client.get(address).content.decode()
        assert "&lt;sea&gt;.mp4" in text
        assert "bob" in text
        assert "25%, 1 KB" in text
        assert "4 KB" in text
        assert "done.mp4" not in text
    assert "Plain form upload (no JavaScript)" in client.get(UPLOADS).content.decode()


def test_a_moderator_ends_one_after_a_question_and_it_is_logged(
    client: Client, bobs: Client, bob: User
) -> None:
    url = create(bobs, 4096)["Location"]
    upload = Upload.objects.get()
    question = client.get(page(upload, "delete")).content.decode()
    assert "its quota is released" in question
    assert ask(bobs, url).status_code == 200
    assert client.post(page(upload, "delete"), {"post": "yes"}).status_code == 302
    assert ask(bobs, url).status_code == 410
    assert used(bob) == 0
    assert not upload.folder_path.exists()
    assert Upload.objects.get().state == UploadState.ENDED
    assert recorded() == [("mod", "sea", "upload.end")]


def test_several_are_ended_at_once(client: Client, bobs: Client, bob: User) -> None:
    urls = [create(bobs, 10)["Location"] for _ in range(3)]
    chosen = [url.split("/")[2] for url in urls[:2]]
    data = {"action": "delete_selected", "_selected_action": chosen}
    assert "Cancel selected uploads" in client.get(UPLOADS).content.decode()
    assert "its quota is released" in client.post(UPLOADS, data).content.decode()
    assert used(bob) == 30
    client.post(UPLOADS, {**data, "post": "yes"})
    assert [ask(bobs, url).status_code for url in urls] == [410, 410, 200]
    assert used(bob) == 10
    assert [action for _, _, action in recorded()] == ["upload.end"] * 2


def test_nothing_is_made_or_changed_there(client: Client, bobs: Client) -> None:
    create(bobs, 10)
    assert client.get(f"{UPLOADS}add/").status_code == 403
    assert client.post(page(Upload.objects.get()), {"title": "x"}).status_code == 403
    assert bobs.get(UPLOADS).status_code == 302


def test_the_list_asks_the_database_no_more_for_many(client: Client, bobs: Client) -> None:
    create(bobs, 10)
    one = count_queries(client, UPLOADS)
    for _ in range(5):
        other = Client()
        other.force_login(make_user())
        create(other, 10)
    assert count_queries(client, UPLOADS) == one
