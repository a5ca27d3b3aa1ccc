"""Avatars and covers are removed because a row asks for it, like the files of videos."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from django.db import transaction
from PIL import Image

from accounts.models import User
from accounts.services.avatars import avatar_path, remove_avatar, set_avatar
from categories.services import SIZE, cover_path, delete_category, remove_cover, store_cover
from clipset.lib.pictures import fitted_webp
from siteconfig.roots import IMAGES, root_path
from tests.builders import make_category, make_user
from videos.models import Removal
from videos.services.removing import ROOT_MISSING, work_off_removals

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.django_db


def picture() -> io.BytesIO:
    file = io.BytesIO()
    Image.new("RGB", (64, 64)).save(file, "PNG")
    file.seek(0)
    return file


def avatar_of(user: User) -> Path:
    set_avatar(user=user, picture=picture())
    path = avatar_path(user)
    assert path is not None
    assert path.is_file()
    return path


def test_a_replaced_avatar_goes_and_the_other_avatars_stay() -> None:
    alice, bob = make_user("alice"), make_user("bob")
    old, other = avatar_of(alice), avatar_of(bob)
    new = avatar_of(alice)
    assert Removal.objects.get().key == f"avatars/{old.name}"
    work_off_removals()
    assert (old.exists(), new.exists(), other.exists()) == (False, True, True)
    remove_avatar(user=alice)
    work_off_removals()
    assert (new.exists(), other.exists()) == (False, True)
    assert not Removal.objects.exists()


def test_each_of_two_requests_at_once_replaces_what_the_other_stored() -> None:
    alice = make_user("alice")
    stale = User.objects.get(pk=alice.pk)
    first, second = avatar_of(alice), avatar_of(stale)
    work_off_removals()
    assert (first.exists(), second.exists()) == (False, True)


def test_the_avatar_of_a_member_who_was_deleted_meanwhile_goes() -> None:
    alice = make_user("alice")
    User.objects.filter(pk=alice.pk).delete()
    path = avatar_of(alice)
    work_off_removals()
    assert not path.exists()


def test_a_member_who_is_deleted_takes_their_avatar_along() -> None:
    alice, bob = make_user("alice"), make_user("bob")
    path, other = avatar_of(alice), avatar_of(bob)
    with transaction.atomic():
        alice.delete()
        transaction.set_rollback(True)
    work_off_removals()
    assert path.exists()
    User.objects.filter(username="alice").delete()
    work_off_removals()
    assert (path.exists(), other.exists()) == (False, True)


def test_covers_go_with_their_category_or_when_they_are_replaced() -> None:
    webp = fitted_webp(picture(), SIZE)
    music, sports = make_category("Music"), make_category("Sports")
    paths = [cover_path(store_cover(category=one, webp=webp)) for one in (music, music, sports)]
    work_off_removals()
    assert [path is not None and path.exists() for path in paths] == [False, True, True]
    delete_category(category=music)
    remove_cover(category=sports)
    assert Removal.objects.count() == 2
    work_off_removals()
    assert not any(path is not None and path.exists() for path in paths)


def test_an_avatar_whose_disk_is_away_is_removed_once_it_is_back() -> None:
    alice = make_user("alice")
    path = avatar_of(alice)
    root = root_path(IMAGES)
    away = root.with_name(f"{root.name}-away")
    root.rename(away)
    try:
        remove_avatar(user=alice)
        work_off_removals()
        assert Removal.objects.get().last_error == ROOT_MISSING
    finally:
        away.rename(root)
    Removal.objects.update(next_try_at=Removal.objects.get().created_at, taken_until=None)
    work_off_removals()
    assert not path.exists()


def test_an_avatar_that_a_row_names_again_is_kept() -> None:
    alice = make_user("alice")
    path = avatar_of(alice)
    remove_avatar(user=alice)
    User.objects.update(avatar=path.name)
    assert work_off_removals() == 1
    assert path.exists()
