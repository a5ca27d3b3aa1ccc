"""Categories in the admin."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.urls import reverse
from PIL import Image

from categories.models import Category
from categories.services import SIZE, cover_path, store_cover
from clipset.lib.pictures import fitted_webp
from tests.audit_log import recorded
from tests.builders import (
    count_queries,
    make_admin,
    make_category,
    make_moderator,
    make_user,
    make_video,
)
from videos.services.removing import work_off_removals

if TYPE_CHECKING:
    from django.test import Client
    from pytest_django import DjangoCaptureOnCommitCallbacks

ALL = "/admin/categories/category/"
ADD = "/admin/categories/category/add/"


def change_page(category: Category) -> str:
    return reverse("admin:categories_category_change", args=[category.pk])


def picture(kind: str = "PNG") -> SimpleUploadedFile:
    out = io.BytesIO()
    Image.new("RGB", (64, 48), "teal").save(out, kind)
    return SimpleUploadedFile("cover.png", out.getvalue(), "image/png")


def cover_of(category: Category) -> bytes:
    category.refresh_from_db()
    path = cover_path(category)
    assert path is not None
    return path.read_bytes()


@pytest.mark.django_db
def test_a_moderator_adds_a_category_and_stands_as_its_maker(client: Client) -> None:
    alice = make_moderator("alice")
    client.force_login(alice)
    form_data = {
        "name": "  Board \u200b games ",
        "slug": "board-games",
        "description": "On  tables.\r\n",
    }
    response = client.post(ADD, {**form_data, "created_by": str(make_admin().pk)})
    assert response.status_code == 302
    category = Category.objects.get()
    assert (category.name, category.description) == ("Board games", "On tables.")
    assert category.created_by == alice
    assert recorded() == [("alice", "Board games", "category.create")]


@pytest.mark.django_db
def test_a_member_gets_no_further_than_the_log_in(client: Client) -> None:
    client.force_login(make_user())
    for address in (ALL, ADD, change_page(make_category())):
        assert client.get(address).status_code == 302
        assert client.post(address, {"name": "Mine", "slug": "mine"}).status_code == 302
    assert not Category.objects.filter(name="Mine").exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("form_data", "field"),
    [
        ({"name": " \u200b ", "slug": "x", "description": ""}, "name"),
        ({"name": "Music", "slug": "other", "description": ""}, "name"),
        ({"name": "MUSIC", "slug": "other", "description": ""}, "__all__"),
        ({"name": "Other", "slug": "music", "description": ""}, "slug"),
        ({"name": "Other", "slug": "a b", "description": ""}, "slug"),
        ({"name": "Other", "slug": "other", "description": "x" * 501}, "description"),
        ({"name": "x" * 101, "slug": "other", "description": ""}, "name"),
        ({"name": "\ufb2c" * 50, "slug": "other", "description": ""}, "name"),  # 150 when stored
        ({"name": "Other", "slug": "other", "description": "\ufb2c" * 200}, "description"),
    ],
)
def test_what_does_not_fit_is_refused_in_place(
    client: Client, form_data: dict[str, str], field: str
) -> None:
    make_category("Music")
    client.force_login(make_moderator())
    response = client.post(ADD, form_data)
    assert field in response.context["adminform"].form.errors
    assert Category.objects.count() == 1


@pytest.mark.django_db
def test_a_cover_picture_is_cut_to_size_and_shown(client: Client) -> None:
    client.force_login(make_moderator())
    client.post(ADD, {"name": "Music", "slug": "music", "description": "", "cover": picture()})
    category = Category.objects.get()
    with Image.open(io.BytesIO(cover_of(category))) as image:
        assert (image.format, image.size) == ("WEBP", (960, 540))
    address = reverse("category_cover", args=["music"])
    for page in (client.get(ALL), client.get(change_page(category))):
        assert address in page.text
        assert 'loading="lazy"' in page.text
        assert "style=" not in page.text.partition(address)[2].partition(">")[0]


@pytest.mark.django_db
@pytest.mark.parametrize("content", [b"not a picture", b"", b"GIF89a"])
def test_a_broken_picture_is_refused_and_nothing_is_stored(client: Client, content: bytes) -> None:
    category = make_category("Music")
    store_cover(category=category, webp=fitted_webp(picture(), SIZE))
    before = cover_of(category)
    client.force_login(make_moderator())
    broken = SimpleUploadedFile("cover.png", content, "image/png")
    form_data = {"name": "Songs", "slug": "songs", "description": "", "cover": broken}
    response = client.post(change_page(category), form_data)
    assert list(response.context["adminform"].form.errors) == ["cover"]
    assert cover_of(category) == before
    assert category.name == "Music"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("page", ["add", "change"])
def test_a_picture_is_decoded_while_others_can_write(
    client: Client, monkeypatch: pytest.MonkeyPatch, page: str
) -> None:
    inside = []

    def noting(*args: Any, **options: Any) -> bytes:
        inside.append(connection.in_atomic_block)
        return fitted_webp(*args, **options)

    monkeypatch.setattr("categories.admin.fitted_webp", noting)
    client.force_login(make_admin())
    address = ADD if page == "add" else change_page(make_category("Music"))
    form_data = {"name": "Songs", "slug": "songs", "description": "", "cover": picture()}
    assert client.post(address, form_data).status_code == 302
    assert inside == [False]
    assert cover_of(Category.objects.get())


@pytest.mark.django_db
def test_who_may_not_change_categories_has_no_picture_decoded(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("categories.admin.fitted_webp", lambda *_, **__: pytest.fail("decoded"))
    alice = make_moderator()
    alice.groups.clear()
    client.force_login(alice)
    form_data = {"name": "Songs", "slug": "songs", "description": "", "cover": picture()}
    assert client.post(ADD, form_data).status_code == 403


@pytest.mark.django_db
def test_a_picture_that_is_too_large_is_refused(client: Client) -> None:
    client.force_login(make_moderator())
    large = SimpleUploadedFile("cover.png", bytes(10 * 1024**2 + 1), "image/png")
    form_data = {"name": "Music", "slug": "music", "description": "", "cover": large}
    response = client.post(ADD, form_data)
    assert "at most 10 MB" in str(response.context["adminform"].form.errors["cover"])
    assert not Category.objects.exists()


@pytest.mark.django_db
def test_a_cover_can_be_removed_again(
    client: Client, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    category = make_category("Music")
    store_cover(category=category, webp=fitted_webp(picture(), SIZE))
    path = cover_path(category)
    assert path is not None
    client.force_login(make_moderator())
    form_data = {"name": "Music", "slug": "music", "description": ""}
    client.post(change_page(category), form_data)
    assert path.is_file()
    with django_capture_on_commit_callbacks(execute=True):
        client.post(change_page(category), {**form_data, "no_cover": "on"})
    category.refresh_from_db()
    assert category.image == ""
    work_off_removals()
    assert not path.exists()
    assert "Remove cover" not in client.get(change_page(category)).text


@pytest.mark.django_db
@pytest.mark.parametrize("way", ["one", "several"])
def test_deleting_a_category_keeps_its_videos(
    client: Client,
    way: str,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    category = make_category("Music")
    store_cover(category=category, webp=fitted_webp(picture(), SIZE))
    path = cover_path(category)
    video = make_video(category=category)
    client.force_login(make_moderator())
    if way == "one":
        address = reverse("admin:categories_category_delete", args=[category.pk])
        form_data: dict[str, str] = {}
    else:
        address = ALL
        form_data = {
            "action": "delete_selected",
            "index": "0",
            "_selected_action": str(category.pk),
        }
    confirmation = client.post(address, form_data) if form_data else client.get(address)
    assert "Videos in this category are kept" in confirmation.text
    assert video.title not in confirmation.text
    with django_capture_on_commit_callbacks(execute=True):
        assert client.post(address, {**form_data, "post": "yes"}).status_code == 302
    assert not Category.objects.exists()
    video.refresh_from_db()
    assert video.category is None
    assert path is not None
    work_off_removals()
    assert not path.exists()


@pytest.mark.django_db
def test_the_list_tells_how_many_videos_each_holds(client: Client) -> None:
    category = make_category("Music")
    make_category("Empty")
    for _ in range(3):
        make_video(category=category)
    client.force_login(make_moderator())
    text = client.get(ALL).text
    assert '<td data-label="Videos" class="field-video_count">3</td>' in text
    assert '<td data-label="Videos" class="field-video_count">0</td>' in text


@pytest.mark.django_db
def test_the_list_makes_as_many_queries_for_thirty_as_for_one(client: Client) -> None:
    client.force_login(make_moderator())
    make_video(category=make_category())
    for_one = count_queries(client, ALL)
    for _ in range(29):
        make_video(category=make_category())
    assert client.get(ALL).text.count('class="field-video_count"') == 30
    assert count_queries(client, ALL) == for_one


@pytest.mark.django_db
def test_a_forged_selection_is_answered_on_the_page(client: Client) -> None:
    make_category()
    client.force_login(make_moderator())
    form_data = {
        "action": "delete_selected",
        "index": "0",
        "_selected_action": "no-uuid",
        "post": "yes",
    }
    response = client.post(ALL, form_data, follow=True)
    assert "is not a valid UUID" in response.text
    assert Category.objects.count() == 1
