"""Who sees what, who may change what, and what is deleted."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.apps import apps
from django.contrib.auth.models import AnonymousUser
from django.utils import timezone

from tests.builders import (
    live_for,
    make_admin,
    make_caption,
    make_moderator,
    make_playlist,
    make_user,
    make_video,
)
from videos.models import Caption, Comment, Notification, Playlist, ProcessingStatus, Video
from videos.models.soft_delete import SoftDeleteModel
from videos.querysets import published_q

if TYPE_CHECKING:
    from accounts.models import User

pytestmark = pytest.mark.django_db


def titles(videos: object) -> set[str]:
    return {video.title for video in videos}  # type: ignore[attr-defined]


@pytest.fixture
def everything() -> dict[str, User]:
    alice, bob = make_user("alice"), make_user("bob")
    for user in (alice, bob):
        make_video(f"ready of {user}", uploader=user)
        make_video(f"hidden of {user}", uploader=user, is_hidden=True)
        for status in (
            ProcessingStatus.PENDING,
            ProcessingStatus.PROCESSING,
            ProcessingStatus.FAILED,
        ):
            make_video(f"{status.value} of {user}", uploader=user, status=status)
    return {"alice": alice, "bob": bob, "mod": make_moderator("mod"), "root": make_admin("root_")}


def test_members_see_what_is_published_and_all_of_their_own(everything: dict[str, User]) -> None:
    seen = titles(Video.objects.visible_to(everything["bob"]))
    own = {f"{kind} of bob" for kind in ("ready", "hidden", "PENDING", "PROCESSING", "FAILED")}
    assert seen == own | {"ready of alice"}
    assert titles(Video.objects.published()) == {"ready of alice", "ready of bob"}


@pytest.mark.parametrize("name", ["mod", "root"])
def test_staff_sees_and_changes_everything(everything: dict[str, User], name: str) -> None:
    assert Video.objects.visible_to(everything[name]).count() == 10
    assert Video.objects.editable_by(everything[name]).count() == 10


def test_members_change_their_own(everything: dict[str, User]) -> None:
    mine = titles(Video.objects.editable_by(everything["bob"]))
    assert len(mine) == 5
    assert all(title.endswith("of bob") for title in mine)


def test_strangers_and_the_deactivated_see_nothing(everything: dict[str, User]) -> None:
    mod = everything["mod"]
    mod.is_active = False
    for nobody in (AnonymousUser(), mod):
        assert not Video.objects.visible_to(nobody).exists()
        assert not Video.objects.editable_by(nobody).exists()


def test_published_is_the_same_through_relations(everything: dict[str, User]) -> None:
    for video in Video.objects.all():
        Notification.objects.create(member=everything["bob"], kind="PROCESSED", video=video)
    told = Notification.objects.filter(published_q("video__"))
    published = set(Video.objects.published().values_list("pk", flat=True))
    assert set(told.values_list("video", flat=True)) == published
    assert {video.pk for video in Video.objects.all() if video.is_published} == published


def test_lists_leave_the_trash_out_and_pages_show_it_to_uploader_and_staff(
    everything: dict[str, User],
) -> None:
    bob, alice = everything["bob"], everything["alice"]
    Video.objects.filter(title__startswith="ready").update(trashed_at=timezone.now())
    Video.objects.filter(title="hidden of alice").update(
        trashed_at=timezone.now(), was_trashed_with_member=True
    )
    own, of_alice = {"ready of bob"}, {"ready of alice"}
    together = of_alice | {"hidden of alice"}
    seen: list[tuple[User | AnonymousUser, set[str], set[str]]] = [
        (bob, own, own),
        (alice, together, of_alice),
        (everything["mod"], own | together, own | of_alice),
        (everything["root"], own | together, own | of_alice),
        (AnonymousUser(), set(), set()),
    ]
    assert not Video.objects.published().exists()
    for user, viewable, restorable in seen:
        assert not Video.objects.visible_to(user).in_trash().exists()
        assert not Video.objects.editable_by(user).in_trash().exists()
        assert titles(Video.objects.viewable_by(user).in_trash()) == viewable
        assert titles(Video.objects.restorable_by(user)) == restorable


# -- deleted rows ---------------------------------------------------------------------------------

WINDOWS = {
    Caption: (timedelta(minutes=10), 1),
    Comment: (timedelta(minutes=10), 7),
    Playlist: (timedelta(minutes=10), 1),
}


def test_each_kind_that_can_be_restored_is_in_the_table() -> None:
    kinds = {model for model in apps.get_models() if issubclass(model, SoftDeleteModel)}
    with_field = {
        model
        for model in apps.get_app_config("videos").get_models()
        if any(field.name == "deleted_at" for field in model._meta.get_fields())
    }
    assert kinds == with_field == set(WINDOWS)


@pytest.mark.parametrize("model", WINDOWS)
def test_deleted_rows_are_told_apart_and_never_hidden_by_themselves(
    model: type[SoftDeleteModel],
) -> None:
    undo_within, keep_days = WINDOWS[model]
    video, now = make_video(), timezone.now()
    live_for(keep_days + 1)
    ages = [
        None,
        undo_within - timedelta(minutes=1),
        undo_within + timedelta(minutes=1),
        timedelta(days=keep_days + 1),
    ]
    rows: list[SoftDeleteModel] = []
    for number, age in enumerate(ages):
        fields: dict[str, Any] = {"deleted_at": now - age if age else None}
        if model is Caption:
            rows.append(make_caption(video, "WEBVTT\n", code=f"l{number}", **fields))
        elif model is Comment:
            author = video.uploaded_by
            rows.append(Comment.objects.create(video=video, author=author, text="x", **fields))
        else:
            rows.append(make_playlist(**fields))
    present, undoable, kept, outdated = rows
    objects: Any = model._default_manager.get_queryset()
    assert set(objects) == set(rows)
    assert list(objects.present()) == [present]
    assert set(objects.deleted()) == {undoable, kept, outdated}
    assert list(objects.undoable()) == [undoable]
    assert list(objects.outdated()) == [outdated]
    assert [row.is_undoable for row in rows] == [False, True, False, False]
    assert objects.filter(pk=present.pk).mark_deleted() == 1
    assert objects.filter(pk=present.pk).mark_deleted() == 0
    assert objects.filter(pk=kept.pk).mark_present() == 1
    assert list(objects.present()) == [kept]
