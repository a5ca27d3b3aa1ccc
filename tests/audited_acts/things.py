"""Acts on comments, playlists, guest links and uploads."""

from __future__ import annotations

from typing import Final

from django.urls import reverse

from tests.audited_acts.site import SOME, Entry, Site, covers, logged_in
from tests.audited_acts.videos import HIDDEN, SHOWN
from tests.builders import (
    make_playlist,
    make_video,
)
from tests.videos.tus_client import create
from videos.models import Comment, Upload

NOT_DELETED: Final = {"deleted_at": None}
GONE: Final = {"deleted_at": SOME}


@covers("videos_comment:action:hide", "videos_comment:action:unhide")
def hide_and_unhide_a_comment(site: Site) -> list[Entry]:
    site.act("videos_comment", "hide", site.comment, reason="Harassment")
    site.act("videos_comment", "unhide", site.comment)
    return [
        Entry("comment.hide", "Hello", SHOWN, HIDDEN),
        Entry("comment.unhide", "Hello", HIDDEN, SHOWN),
    ]


@covers("videos_comment:action:remove", "videos_comment:action:bring_back")
def delete_and_restore_a_comment(site: Site) -> list[Entry]:
    site.act("videos_comment", "remove", site.comment)
    site.act("videos_comment", "bring_back", site.comment)
    return COMMENT_DELETED_AND_RESTORED


@covers("comment_delete", "comment_restore")
def delete_and_restore_a_comment_on_the_site(site: Site) -> list[Entry]:
    site.post("comment_delete", site.video.short_id, site.comment.pk)
    site.post("comment_restore", site.video.short_id, site.comment.pk)
    return COMMENT_DELETED_AND_RESTORED


@covers("videos_comment:delete")
def delete_one_comment(site: Site) -> list[Entry]:
    site.delete("videos_comment", site.comment)
    assert Comment.objects.get().is_deleted
    return COMMENT_DELETED_AND_RESTORED[:1]


COMMENT_DELETED_AND_RESTORED: Final = [
    Entry("comment.delete", "Hello", NOT_DELETED, GONE),
    Entry("comment.restore", "Hello", {}, NOT_DELETED),
]


@covers("videos_playlist:change")
def change_a_playlist(site: Site) -> list[Entry]:
    playlist = make_playlist("Best", made_by=site.bob)
    site.change("videos_playlist", playlist, {"title": "Worst", "description": ""})
    return [Entry("playlist.edit", "Best", {"title": "Best"}, {"title": "Worst"})]


@covers("videos_playlist:delete")
def delete_a_playlist(site: Site) -> list[Entry]:
    site.delete("videos_playlist", make_playlist("Best", made_by=site.bob))
    return [Entry("playlist.delete", "Best", {"is_deleted": False}, {"is_deleted": True})]


@covers("videos_playlist:action:delete_selected")
def delete_playlists(site: Site) -> list[Entry]:
    playlist = make_playlist("Best", made_by=site.bob)
    site.act("videos_playlist", "delete_selected", playlist)
    return [Entry("playlist.delete", "Best", {"is_deleted": False}, {"is_deleted": True})]


@covers("video_guest_links")
def create_a_guest_link(site: Site) -> list[Entry]:
    video = make_video("Mine", uploader=site.mod)
    site.post("video_guest_links", video.short_id, days="7", note="")
    facts = {"video": str(video.pk), "expires_at": SOME}
    return [Entry("guest_link.create", "Mine", {}, facts)]


@covers("guest_link_revoke")
def revoke_a_guest_link(site: Site) -> list[Entry]:
    site.post("guest_link_revoke", site.video.short_id, site.guest_link.pk)
    return [Entry("guest_link.revoke", "Concert", {"revoked_at": None}, {"revoked_at": SOME})]


@covers("guest_link_restore")
def members_revoke_and_restore_their_own_guest_links(site: Site) -> list[Entry]:
    client = logged_in(site.bob)
    for verb in ("revoke", "restore"):
        arguments = [site.video.short_id, site.guest_link.pk]
        client.post(reverse(f"guest_link_{verb}", args=arguments))
    return [
        Entry("guest_link.revoke", "Concert", {"revoked_at": None}, {"revoked_at": SOME}),
        Entry("guest_link.restore", "Concert", {}, {"revoked_at": None}),
    ]


def upload_of_bob(site: Site) -> Upload:
    create(logged_in(site.bob), 10)
    return Upload.objects.get()


@covers("videos_upload:delete")
def end_an_upload(site: Site) -> list[Entry]:
    site.delete("videos_upload", upload_of_bob(site))
    return [Entry("upload.end", "sea", {"size_bytes": 10, "offset_bytes": 0})]


@covers("videos_upload:action:delete_selected")
def end_uploads(site: Site) -> list[Entry]:
    site.act("videos_upload", "delete_selected", upload_of_bob(site))
    return [Entry("upload.end", "sea", {"size_bytes": 10, "offset_bytes": 0})]
