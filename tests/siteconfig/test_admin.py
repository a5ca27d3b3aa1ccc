"""The page of the configuration, and sizes that people type."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse

from accounts.services.quota import quota_state
from siteconfig.forms import GB, MB, BytesField, parse_bytes
from siteconfig.models import AuditEntry
from siteconfig.roots import checked_root
from siteconfig.services.config import current_config, current_video_root
from tests.builders import make_admin, make_moderator, make_user

if TYPE_CHECKING:
    from pathlib import Path

    from django.test import Client

ALL = "/admin/siteconfig/config/"
PAGE = "/admin/siteconfig/config/1/change/"


def typed(**changes: str) -> dict[str, str]:
    """Returns what the form sends if nothing but the given fields is changed."""
    return {
        "max_file_size_bytes": "2 GB",
        "weekly_upload_limit_bytes": "4 GB",
        "stored_limit_bytes": str(current_config().stored_limit_bytes or ""),
        "video_storage_path": current_config().video_storage_path,
        "quality": "balanced",
        "max_short_side": "1080",
        "make_720p": "on",
        "make_480p": "on",
        "offer_original_quality": "on",
        "keep_originals": "on",
        "keep_originals_days": "",
        "trash_days": "30",
        "second_factor_grace_days": "14",
        "audit_log_days": "730",
        "encoder": "libx264",
        **changes,
    }


def form_errors(response: object) -> dict[str, list[str]]:
    return dict(response.context["adminform"].form.errors)  # type: ignore[attr-defined]


# -- Sizes --------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("2147483648", 2 * GB),
        ("2 GB", 2 * GB),
        ("2gb", 2 * GB),
        (" 2 GiB ", 2 * GB),
        ("1.5 GB", 1536 * MB),
        ("500 MB", 500 * MB),
        ("2,147,483,648", 2 * GB),
        ("2,048 MB", 2 * GB),
        ("1 t", 1024 * GB),
        ("512 bytes", 512),
        ("7 b", 7),
        ("0", 0),
    ],
)
def test_a_size_is_read_with_or_without_a_unit(text: str, size: int) -> None:
    assert parse_bytes(text) == size


@pytest.mark.parametrize(
    "text", ["", "GB", "-1", "1,5 GB", "2 XB", "1e9", "0x10", "٢ GB", "1.2.3", "2 GB free", "nan"]
)
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no size"):
        parse_bytes(text)


@pytest.mark.parametrize("size", [0, 1, 1000, 2 * GB, 2 * GB + 1, 1536 * MB, 10**12, 2**60, 2**62])
def test_a_shown_size_means_the_same_when_it_is_sent_back(size: int) -> None:
    field = BytesField(min_bytes=0, max_bytes=2**63 - 1)
    assert field.clean(field.prepare_value(size)) == size


def test_a_round_size_is_shown_with_its_unit() -> None:
    field = BytesField(min_bytes=0, max_bytes=GB)
    assert field.prepare_value(GB) == "1 GB"
    assert field.prepare_value(GB + 1) == "1073741825"
    assert field.prepare_value("what was typed") == "what was typed"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("1 KB", "Must be at least 1 MB."),
        ("2 GB", "Must be at most 1 GB."),
        ("9" * 19, "Must be at most"),
    ],
)
def test_a_size_out_of_bounds_is_refused_with_the_bound(text: str, sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        BytesField(min_bytes=MB, max_bytes=GB).clean(text)


# -- Who ----------------------------------------------------------------------------------------
@pytest.mark.django_db
@pytest.mark.parametrize("address", [ALL, PAGE])
def test_only_admins_get_at_the_configuration(client: Client, address: str) -> None:
    client.force_login(make_moderator())
    assert client.get(address).status_code == 403
    assert client.post(address, typed(max_file_size_bytes="9 GB")).status_code == 403
    assert current_config().max_file_size_bytes == 2 * GB
    client.force_login(make_user())
    assert client.get(address).status_code == 302


@pytest.mark.django_db
def test_a_moderator_does_not_see_it_in_the_index(client: Client) -> None:
    client.force_login(make_moderator())
    assert ALL not in client.get("/admin/").text
    client.force_login(make_admin())
    assert ALL in client.get("/admin/").text


@pytest.mark.django_db
def test_it_opens_as_one_form(client: Client) -> None:
    client.force_login(make_admin())
    response = client.get(ALL, follow=True)
    assert response.redirect_chain == [(PAGE, 302)]
    assert 'value="2 GB"' in response.text
    assert 'value="4 GB"' in response.text


@pytest.mark.django_db
def test_it_can_be_neither_added_nor_deleted(client: Client) -> None:
    client.force_login(make_admin())
    assert client.get(reverse("admin:siteconfig_config_add")).status_code == 403
    delete = reverse("admin:siteconfig_config_delete", args=[1])
    assert client.post(delete, {"post": "yes"}).status_code == 403
    page = client.get(PAGE).text
    assert "_addanother" not in page
    assert delete not in page


# -- What ---------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_a_change_counts_at_once_and_says_who_made_it(client: Client) -> None:
    alice, bob = make_admin("alice"), make_user("bob")
    client.force_login(alice)
    response = client.post(
        PAGE, typed(max_file_size_bytes="1.5 GB", weekly_upload_limit_bytes="1073741824")
    )
    assert response.status_code == 302
    config = current_config()
    assert config.max_file_size_bytes == 1536 * MB
    assert config.updated_by == alice
    assert quota_state(bob).limit_bytes == GB
    assert "alice" in client.get(PAGE).text
    entry = AuditEntry.objects.get()
    assert (entry.actor_id, entry.action, entry.object_id) == (alice.pk, "config.change", "1")
    assert entry.after == {"max_file_size_bytes": 1536 * MB, "weekly_upload_limit_bytes": GB}


@pytest.mark.django_db
def test_nobody_can_sign_a_change_with_another_name(client: Client) -> None:
    alice, bob = make_admin("alice"), make_admin("bob")
    client.force_login(alice)
    client.post(PAGE, typed(max_file_size_bytes="1 GB", updated_by=str(bob.pk), id="2"))
    assert current_config().updated_by == alice


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("max_file_size_bytes", "a lot"),
        ("max_file_size_bytes", "0"),
        ("max_file_size_bytes", "-1"),
        ("max_file_size_bytes", ""),
        ("max_file_size_bytes", "5 TB"),
        ("weekly_upload_limit_bytes", "999999999999999999 TB"),
    ],
)
def test_a_size_that_makes_no_sense_is_refused_in_place(
    client: Client, field: str, text: str
) -> None:
    client.force_login(make_admin())
    response = client.post(PAGE, typed(**{field: text}))
    assert list(form_errors(response)) == [field]
    assert f'value="{text}"' in response.text or not text
    assert current_config().max_file_size_bytes == 2 * GB


@pytest.mark.django_db
def test_a_folder_that_cannot_be_written_to_is_refused_with_the_reason(
    client: Client, media: Path
) -> None:
    before = current_config().video_storage_path
    (media / "file").touch()
    client.force_login(make_admin())
    for path, reason in (
        (str(media / "file" / "videos"), "Nothing can be written to this folder: Not a directory"),
        ("videos", "contains or is inside"),
        (f"{media}/" + "x" * 300, "Nothing can be written to this folder"),
    ):
        response = client.post(PAGE, typed(video_storage_path=path))
        assert reason in html.unescape(str(form_errors(response)))
    assert current_config().video_storage_path == before


@pytest.mark.django_db
def test_a_new_folder_becomes_a_storage_root(client: Client, media: Path) -> None:
    client.force_login(make_admin())
    client.post(PAGE, typed(video_storage_path=f"{media}/new/videos/"))
    assert current_video_root() == "videos-2"
    assert checked_root("videos-2") == media / "new" / "videos"


@pytest.mark.django_db
def test_what_else_is_configured_can_be_saved_while_the_disk_of_videos_is_away(
    client: Client, media: Path
) -> None:
    client.force_login(make_admin())
    (media / "videos").rename(media / "away")
    assert client.post(PAGE, typed(keep_originals_days="30")).status_code == 302
    assert current_config().keep_originals_days == 30
    assert not (media / "videos").exists()


# -- Videos to come -----------------------------------------------------------------------------
@pytest.mark.django_db
def test_what_videos_become_can_be_chosen(client: Client) -> None:
    client.force_login(make_admin())
    data = typed(
        quality="high", max_short_side="2160", keep_originals_days="30", encoder="h264_vaapi"
    )
    del data["make_720p"]
    assert client.post(PAGE, data).status_code == 302
    config = current_config()
    assert (config.quality, config.max_short_side) == ("high", 2160)
    assert (config.ladder, config.encoder) == ((480,), "h264_vaapi")
    assert (config.keep_originals, config.keep_originals_days) == (True, 30)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("quality", "perfect"),
        ("max_short_side", "1"),
        ("max_short_side", "100000"),
        ("encoder", "; rm -rf /"),
        ("keep_originals_days", "0"),
        ("keep_originals_days", "-1"),
        ("keep_originals_days", "99999999999"),
    ],
)
def test_what_there_is_not_to_choose_is_refused_in_place(
    client: Client, field: str, text: str
) -> None:
    client.force_login(make_admin())
    response = client.post(PAGE, typed(**{field: text}))
    assert response.status_code == 200
    assert form_errors(response)
    assert current_config().quality == "balanced"
