"""Acts that put something into the trash, restore it, and delete it for good."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from accounts.services.trash import trash_members
from siteconfig.services.config import current_config
from tests.audited_acts.site import Entry, Site, covers, logged_in
from videos.models import Video
from videos.services.deletions import delete_marked_rows

if TYPE_CHECKING:
    from django.db.models import Model

OUTSIDE: Final = {"is_trashed": False}
INSIDE: Final = {"is_trashed": True}
TRASHED: Final = Entry("video.trash", "Concert", OUTSIDE, INSIDE)
RESTORED: Final = Entry("video.restore", "Concert", INSIDE, OUTSIDE)
DELETED: Final = Entry("video.delete", "Concert")


def without_trash() -> None:
    config = current_config()
    config.trash_days = 0
    config.save()


# -- Videos -------------------------------------------------------------------------------------
def trashed(site: Site) -> Video:
    now = timezone.now()
    Video.objects.filter(pk=site.video.pk).update(trashed_at=now, trashed_by=site.bob)
    return site.video


@covers("videos_video:delete")
def delete_a_video(site: Site) -> list[Entry]:
    site.delete("videos_video", site.video)
    site.delete("videos_video", site.video)
    return [TRASHED, DELETED]


@covers("videos_video:action:delete_selected")
def delete_videos(site: Site) -> list[Entry]:
    site.act("videos_video", "delete_selected", site.video)
    return [TRASHED]


@covers()
def delete_videos_at_once(site: Site) -> list[Entry]:
    without_trash()
    site.act("videos_video", "delete_selected", site.video)
    return [DELETED]


@covers("videos_video:action:restore")
def restore_videos(site: Site) -> list[Entry]:
    site.act("videos_video", "restore", trashed(site), in_trash=True)
    return [RESTORED]


@covers("videos_video:action:empty")
def empty_the_trash_of_videos(site: Site) -> list[Entry]:
    site.act("videos_video", "empty", trashed(site), in_trash=True)
    delete_marked_rows()  # as a worker does
    return [DELETED]


@covers("video_delete", "video_restore")
def delete_and_restore_on_the_site(site: Site) -> list[Entry]:
    site.post("video_delete", site.video.short_id)
    site.post("video_restore", site.video.short_id)
    return [TRASHED, RESTORED]


@covers()
def delete_at_once_on_the_site(site: Site) -> list[Entry]:
    without_trash()
    site.post("video_delete", site.video.short_id)
    return [DELETED]


@covers("video_delete_for_good")
def delete_for_good_on_the_site(site: Site) -> list[Entry]:
    address = reverse("video_delete_for_good", args=[trashed(site).short_id])
    assert site.by_admin.post(address).status_code == 302
    return [DELETED]


# -- Members ------------------------------------------------------------------------------------
ACTIVE: Final = {"is_active": True, "is_trashed": False}
INACTIVE: Final = {"is_active": False, "is_trashed": True}
MEMBER_TRASHED: Final = Entry("member.trash", "bob", ACTIVE, INACTIVE)
MEMBER_RESTORED: Final = Entry("member.restore", "bob", INACTIVE, ACTIVE)
MEMBER_DELETED: Final = Entry("member.delete", "bob", {"role": "USER", "videos": 0})


def trashed_member(site: Site) -> Model:
    trash_members(users=[site.bob], by=site.admin)
    return User.objects.get(pk=site.bob.pk)


@covers("accounts_user:delete")
def delete_a_member(site: Site) -> list[Entry]:
    site.delete("accounts_user", site.bob)
    site.delete("accounts_user", site.bob)
    return [MEMBER_TRASHED, MEMBER_DELETED]


@covers("accounts_user:action:delete_selected")
def delete_members(site: Site) -> list[Entry]:
    site.act("accounts_user", "delete_selected", site.bob)
    return [MEMBER_TRASHED]


@covers()
def delete_members_at_once(site: Site) -> list[Entry]:
    without_trash()
    site.act("accounts_user", "delete_selected", site.bob)
    return [MEMBER_DELETED]


@covers("accounts_user:action:restore")
def restore_members(site: Site) -> list[Entry]:
    site.act("accounts_user", "restore", trashed_member(site), in_trash=True)
    return [MEMBER_RESTORED]


@covers("accounts_user_restore")
def restore_a_member(site: Site) -> list[Entry]:
    address = reverse("admin:accounts_user_restore", args=[trashed_member(site).pk])
    assert logged_in(site.admin).post(address).status_code == 302
    return [MEMBER_RESTORED]


@covers("accounts_user:action:empty")
def empty_the_trash_of_members(site: Site) -> list[Entry]:
    site.act("accounts_user", "empty", trashed_member(site), in_trash=True)
    return [MEMBER_DELETED]
