"""Who sees what, and who may change what."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import AnonymousUser

from tests.builders import make_admin, make_moderator, make_user, make_video
from videos.models import ProcessingStatus, Video

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
