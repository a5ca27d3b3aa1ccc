"""Every way in which staff change something, and what the audit log then holds.

Each function of ACTS acts through the site or the admin and returns the entries that this must
record. Its decorator names the entry points that it covers, as `tests.entry_points` finds them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from PIL import Image

from accounts.models import Role
from accounts.services.invitations import issue_invitation
from siteconfig.models import AuditEntry, DoctorRun
from siteconfig.roots import root_path
from siteconfig.services.config import current_config
from tests.builders import (
    PASSWORD,
    make_admin,
    make_caption,
    make_category,
    make_moderator,
    make_playlist,
    make_user,
    make_video,
)
from tests.videos.tus_client import create
from videos.models import Caption, Comment, Job, JobState, ProcessingStatus, Upload, Video
from videos.services.guest_links import create_guest_link

if TYPE_CHECKING:
    from collections.abc import Callable

    from accounts.models import Invitation, User
    from categories.models import Category
    from videos.models import GuestLink

GB: Final = 1024**3


class Something:
    """Equals every value but None."""

    def __eq__(self, other: object) -> bool:
        return other is not None

    def __hash__(self) -> int:
        return 0

    def __repr__(self) -> str:
        return "something"


SOME: Final = Something()


@dataclass(frozen=True)
class Entry:
    """What an entry of the audit log says, but for who acted and when."""

    action: str
    name: str
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)


class Site:
    """A site with a moderator, an admin, and things of the member bob, created when needed."""

    def __init__(self) -> None:
        self.mod, self.admin = make_moderator("mod"), make_admin("root_")
        self.bob = make_user("bob", password=PASSWORD)

    @cached_property
    def by_mod(self) -> Client:
        return logged_in(self.mod)

    @cached_property
    def by_admin(self) -> Client:
        return logged_in(self.admin)

    @cached_property
    def video(self) -> Video:
        return make_video("Concert", uploader=self.bob, width=640, height=360)

    @cached_property
    def failed(self) -> Video:
        source = root_path("temp") / "upload-1" / "source.mp4"
        source.parent.mkdir()
        source.write_bytes(b"x")
        names = {"source_root": "temp", "source_key": "upload-1/source.mp4"}
        return make_video("Concert", uploader=self.bob, status=ProcessingStatus.FAILED, **names)

    @cached_property
    def processing(self) -> Video:
        video = make_video("Concert", uploader=self.bob, status=ProcessingStatus.PROCESSING)
        until = timezone.now() + timedelta(minutes=1)
        Job.objects.create(video=video, state=JobState.RUNNING, lease_owner="w", lease_until=until)
        return video

    @cached_property
    def music(self) -> Category:
        return make_category("Music", created_by=self.admin)

    @cached_property
    def comment(self) -> Comment:
        return Comment.objects.create(video=self.video, author=self.bob, text="Hello")

    @cached_property
    def caption(self) -> Caption:
        return make_caption(self.video, "WEBVTT\n", label="English")

    @cached_property
    def guest_link(self) -> GuestLink:
        hour = timedelta(hours=1)
        return create_guest_link(video=self.video, created_by=self.bob, lifetime=hour).link

    @cached_property
    def invitation(self) -> Invitation:
        return issue_invitation(
            email="new@example.org", role=Role.USER, created_by=self.mod
        ).invitation

    def act(self, model: str, action: str, thing: Any, **sent: str) -> None:
        """Runs an action of the admin's list, as an admin, on one object."""
        address = reverse(f"admin:{model}_changelist")
        data = {"action": action, "index": "0", "_selected_action": str(thing.pk), "post": "yes"}
        assert self.by_admin.post(address, data | sent).status_code in {200, 302}

    def delete(self, model: str, thing: Any) -> None:
        """Deletes an object on its page in the admin."""
        address = reverse(f"admin:{model}_delete", args=[thing.pk])
        assert self.by_admin.post(address, {"post": "yes"}).status_code == 302

    def change(self, model: str, thing: Any, data: dict[str, str]) -> None:
        """Saves the form of an object in the admin."""
        address = reverse(f"admin:{model}_change", args=[thing.pk])
        assert self.by_admin.post(address, data).status_code == 302

    def post(self, name: str, *arguments: object, **data: Any) -> None:
        """A moderator posts a form of the site."""
        answer = self.by_mod.post(reverse(name, args=arguments), data)
        assert answer.status_code in {200, 302}


def logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


Act: TypeAlias = "Callable[[Site], list[Entry]]"
ACTS: Final[dict[str, Act]] = {}
COVERED: Final[set[str]] = set()


def covers(*entry_points: str) -> Callable[[Act], Act]:
    """Adds an act to ACTS."""

    def add(act: Act) -> Act:
        ACTS[act.__name__] = act
        COVERED.update(entry_points)
        return act

    return add


def picture() -> SimpleUploadedFile:
    out = BytesIO()
    Image.new("RGB", (64, 48), "teal").save(out, "PNG")
    return SimpleUploadedFile("cover.png", out.getvalue(), "image/png")


# -- Videos -------------------------------------------------------------------------------------
HIDDEN, SHOWN = {"is_hidden": True}, {"is_hidden": False}


@covers("videos_video:action:hide")
def hide(site: Site) -> list[Entry]:
    site.act("videos_video", "hide", site.video)
    return [Entry("video.hide", "Concert", SHOWN, HIDDEN)]


@covers("videos_video:action:unhide")
def unhide(site: Site) -> list[Entry]:
    Video.objects.filter(pk=site.video.pk).update(is_hidden=True)
    site.act("videos_video", "unhide", site.video)
    return [Entry("video.unhide", "Concert", HIDDEN, SHOWN)]


@covers("videos_video:action:move")
def move(site: Site) -> list[Entry]:
    site.act("videos_video", "move", site.video, category=str(site.music.pk))
    return [Entry("video.move", "Concert", NOWHERE, in_music(site))]


@covers("videos_video:action:take_out")
def take_out(site: Site) -> list[Entry]:
    Video.objects.filter(pk=site.video.pk).update(category=site.music)
    site.act("videos_video", "take_out", site.video)
    return [Entry("video.move", "Concert", in_music(site), NOWHERE)]


NOWHERE: Final = {"category": None, "category_id": None}


def in_music(site: Site) -> dict[str, Any]:
    return {"category": "Music", "category_id": str(site.music.pk)}


@covers("videos_video:action:retry")
def retry(site: Site) -> list[Entry]:
    site.act("videos_video", "retry", site.failed)
    return [RETRIED]


@covers("video_retry")
def retry_on_the_site(site: Site) -> list[Entry]:
    site.post("video_retry", site.failed.short_id)
    return [RETRIED]


RETRIED: Final = Entry(
    "video.retry",
    "Concert",
    {"processing_status": "FAILED"},
    {"processing_status": "PENDING"},
)
STOPPED: Final = Entry(
    "video.cancel",
    "Concert",
    {"processing_status": "PROCESSING"},
    {"processing_status": "FAILED"},
)


@covers("videos_video:action:cancel")
def cancel(site: Site) -> list[Entry]:
    site.act("videos_video", "cancel", site.processing)
    return [STOPPED]


@covers("video_cancel")
def cancel_on_the_site(site: Site) -> list[Entry]:
    site.post("video_cancel", site.processing.short_id)
    return [STOPPED]


@covers("videos_video:action:enrich")
def enrich(site: Site) -> list[Entry]:
    site.act("videos_video", "enrich", site.video)
    return [Entry("video.enrich", "Concert")]


@covers("videos_video:change")
def change_a_video(site: Site) -> list[Entry]:
    data = {"title": "Gig", "description": "x", "category": str(site.music.pk), "is_hidden": "on"}
    site.change("videos_video", site.video, data)
    return [
        Entry(
            "video.edit",
            "Concert",
            {"title": "Concert", "description": ""},
            {"title": "Gig", "description": "x"},
        ),
        Entry("video.move", "Gig", NOWHERE, in_music(site)),
        Entry("video.hide", "Gig", SHOWN, HIDDEN),
    ]


@covers("video_edit")
def edit_on_the_site(site: Site) -> list[Entry]:
    site.post("video_edit", site.video.short_id, title="Gig", moment="0:02")
    return [
        Entry("video.thumbnail", "Concert", {}, {"seconds": 2.0}),
        Entry("video.edit", "Concert", {"title": "Concert"}, {"title": "Gig"}),
    ]


@covers()
def upload_a_thumbnail(site: Site) -> list[Entry]:
    site.post("video_edit", site.video.short_id, title="Concert", picture=picture())
    return [Entry("video.thumbnail", "Concert", {}, {"seconds": None})]


@covers("videos_video:delete")
def delete_a_video(site: Site) -> list[Entry]:
    site.delete("videos_video", site.video)
    return [DELETED]


@covers("videos_video:action:delete_selected")
def delete_videos(site: Site) -> list[Entry]:
    site.act("videos_video", "delete_selected", site.video)
    return [DELETED]


@covers("video_delete")
def delete_on_the_site(site: Site) -> list[Entry]:
    site.post("video_delete", site.video.short_id)
    return [DELETED]


DELETED: Final = Entry("video.delete", "Concert")


# -- Captions -----------------------------------------------------------------------------------
def caption_facts(site: Site) -> dict[str, Any]:
    return {"caption": site.caption.pk, "name": "English"}


@covers("video_captions")
def add_a_caption(site: Site) -> list[Entry]:
    file = SimpleUploadedFile("a.vtt", b"WEBVTT\n\n00:01.000 --> 00:02.000\nHello\n")
    site.post("video_captions", site.video.short_id, file=file, language="de")
    return [Entry("video.add_caption", "Concert", {"caption": SOME, "name": "German"})]


@covers("caption_rename")
def rename_a_caption(site: Site) -> list[Entry]:
    facts = caption_facts(site)
    site.post("caption_rename", site.video.short_id, "en", label="Other")
    return [Entry("video.rename_caption", "Concert", facts, {"label": "Other"})]


@covers("caption_default")
def choose_the_default_caption(site: Site) -> list[Entry]:
    facts = caption_facts(site)
    site.post("caption_default", site.video.short_id, "en", chosen="yes")
    return [Entry("video.default_caption", "Concert", facts, {"is_default": True})]


@covers("caption_remove", "caption_restore")
def remove_and_restore_a_caption(site: Site) -> list[Entry]:
    facts = caption_facts(site)
    site.post("caption_remove", site.video.short_id, "en")
    site.post("caption_restore", site.video.short_id, site.caption.pk)
    return [
        Entry("video.remove_caption", "Concert", facts),
        Entry("video.restore_caption", "Concert", facts),
    ]


@covers()
def the_name_of_a_withheld_caption_may_hold_a_place(site: Site) -> list[Entry]:
    Caption.objects.filter(pk=site.caption.pk).update(
        label="N 52.5 E 13.4", is_withheld=True, has_coordinates=True
    )
    site.post("caption_rename", site.video.short_id, "en", label="N 52.6 E 13.4")
    facts = {"caption": site.caption.pk, "name": "English"}
    return [Entry("video.rename_caption", "Concert", facts, {})]


# -- Comments, playlists, guest links, uploads --------------------------------------------------
NOT_DELETED: Final = {"deleted_at": None}
GONE: Final = {"deleted_at": SOME}


@covers("videos_comment:action:hide", "videos_comment:action:bring_back")
def delete_and_restore_a_comment(site: Site) -> list[Entry]:
    site.act("videos_comment", "hide", site.comment)
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


# -- Categories and the site --------------------------------------------------------------------
@covers("categories_category:add")
def add_a_category(site: Site) -> list[Entry]:
    data = {"name": "Art", "slug": "art", "description": ""}
    site.by_admin.post(reverse("admin:categories_category_add"), data)
    return [Entry("category.create", "Art", {}, data)]


@covers("categories_category:change")
def change_a_category(site: Site) -> list[Entry]:
    data = {"name": "Art", "slug": "music", "description": ""}
    site.change("categories_category", site.music, {**data, "cover": picture()})  # type: ignore[dict-item] # a file
    return [
        Entry("category.edit", "Music", {"name": "Music"}, {"name": "Art"}),
        Entry("category.cover", "Art", {"has_cover": False}, {"has_cover": True}),
    ]


def deleted_category(site: Site) -> list[Entry]:
    facts = {
        "name": "Music",
        "slug": "music",
        "description": "",
        "is_sample": False,
        "created_by": str(site.admin.pk),
        "created_at": SOME,
        "videos": 1,
        "video_ids": [str(site.video.pk)],
    }
    return [Entry("category.delete", "Music", facts)]


@covers("categories_category:delete")
def delete_a_category(site: Site) -> list[Entry]:
    Video.objects.filter(pk=site.video.pk).update(category=site.music)
    site.delete("categories_category", site.music)
    return deleted_category(site)


@covers("categories_category:action:delete_selected")
def delete_categories(site: Site) -> list[Entry]:
    Video.objects.filter(pk=site.video.pk).update(category=site.music)
    site.act("categories_category", "delete_selected", site.music)
    return deleted_category(site)


@covers("siteconfig_config:change")
def change_the_configuration(site: Site) -> list[Entry]:
    config = current_config()
    data = {
        "max_file_size_bytes": str(config.max_file_size_bytes),
        "weekly_upload_limit_bytes": str(config.weekly_upload_limit_bytes),
        "video_storage_path": config.video_storage_path,
        "quality": "high",
        "max_short_side": "1080",
        "make_720p": "on",
        "offer_original_quality": "on",
        "keep_originals": "on",
        "trash_days": "30",
        "audit_log_days": "730",
        "encoder": "libx264",
    }
    site.change("siteconfig_config", config, data)
    return [
        Entry(
            "config.change",
            "Configuration",
            {"quality": "balanced", "make_480p": True},
            {"quality": "high", "make_480p": False},
        )
    ]


@covers("siteconfig_doctorrun_mend")
def repair_what_the_doctor_found(site: Site) -> list[Entry]:
    finding = {"check": "uploads", "subject": "1", "mend": "Mend.", "mended": None}
    run = DoctorRun.objects.create(key="x", state="DONE", found=1, findings=[finding])
    sent = {"run": str(run.pk), "all": "yes", "confirmed": "yes"}
    site.by_admin.post(reverse("admin:siteconfig_doctorrun_mend"), sent)
    key = DoctorRun.objects.exclude(pk=run.pk).get().key
    return [Entry("doctor.repair", key, {}, {"findings": [["uploads", "1"]]})]


@covers("siteconfig_backuprun_run")
def request_a_backup(site: Site) -> list[Entry]:
    site.by_admin.post(reverse("admin:siteconfig_backuprun_run"))
    return [Entry("backup.request", "Backup")]


@covers("siteconfig_auditentry_export")
def download_the_audit_log(site: Site) -> list[Entry]:
    site.by_admin.post(reverse("admin:siteconfig_auditentry_export"), {"kind": "video"})
    return [Entry("audit.export", "Audit log", {}, {"filters": "Kind: video"})]


@covers("siteconfig_auditentry_undo")
def undo_an_act(site: Site) -> list[Entry]:
    site.act("videos_video", "hide", site.video)
    entry = AuditEntry.objects.get()
    site.by_admin.post(reverse("admin:siteconfig_auditentry_undo"), {"entry": entry.pk})
    shown, hidden = {"is_hidden": False}, {"is_hidden": True}
    return [
        Entry("video.hide", site.video.title, shown, hidden),
        Entry("video.unhide", site.video.title, hidden, shown),
    ]


# -- Members and log-ins ------------------------------------------------------------------------
def member_form(site: Site, **changes: str) -> dict[str, str]:
    data = {"username": "bob", "email": site.bob.email, "role": "USER", "is_active": "on"}
    return {name: text for name, text in (data | changes).items() if text}


@covers("accounts_user:change")
def change_a_member(site: Site) -> list[Entry]:
    changes = {
        "username": "bobby",
        "email": "secret@example.org",
        "role": "MODERATOR",
        "is_active": "",
        "weekly_upload_limit_bytes": "1 GB",
    }
    site.change("accounts_user", site.bob, member_form(site, **changes))
    limit = "weekly_upload_limit_bytes"
    return [
        Entry("member.rename", "bob", {"username": "bob"}, {"username": "bobby"}),
        Entry("member.email", "bobby", {}, {"email": "changed"}),
        Entry("member.quota", "bobby", {limit: None}, {limit: GB}),
        Entry("member.role", "bobby", {"role": "USER"}, {"role": "MODERATOR"}),
        Entry("member.deactivate", "bobby", {"is_active": True}, {"is_active": False}),
    ]


@covers("accounts_user:action:deactivate", "accounts_user:action:activate")
def deactivate_and_activate_a_member(site: Site) -> list[Entry]:
    site.act("accounts_user", "deactivate", site.bob)
    site.act("accounts_user", "activate", site.bob)
    return [
        Entry("member.deactivate", "bob", {"is_active": True}, {"is_active": False}),
        Entry("member.activate", "bob", {"is_active": False}, {"is_active": True}),
    ]


@covers("accounts_user:action:reset_quotas")
def reset_a_quota(site: Site) -> list[Entry]:
    site.act("accounts_user", "reset_quotas", site.bob)
    counter, moment = "weekly_upload_bytes", "last_upload_reset"
    states = {counter: 0, moment: SOME}
    return [Entry("member.quota", "bob", states, states)]


@covers("accounts_user:delete")
def delete_a_member(site: Site) -> list[Entry]:
    site.delete("accounts_user", site.bob)
    return [Entry("member.delete", "bob", {"role": "USER", "videos": 0})]


@covers("accounts_user:action:delete_selected")
def delete_members(site: Site) -> list[Entry]:
    site.act("accounts_user", "delete_selected", site.bob)
    return [Entry("member.delete", "bob", {"role": "USER", "videos": 0})]


@covers("accounts_user_reset_link")
def create_a_reset_link(site: Site) -> list[Entry]:
    site.by_admin.post(reverse("admin:accounts_user_reset_link", args=[site.bob.pk]))
    return [Entry("member.reset_link", "bob")]


def log_in(site: Site, address: str) -> None:
    for user in (site.mod, site.bob):
        user.set_password(PASSWORD)
        user.save()
        for password in ("wrong", PASSWORD):
            Client().post(address, {"username": user.username, "password": password})


@covers("login")
def only_staff_is_recorded_to_log_in(site: Site) -> list[Entry]:
    log_in(site, reverse("login"))
    return [Entry("session.start", "mod")]


@covers("admin:login")
def log_in_to_the_admin(site: Site) -> list[Entry]:
    log_in(site, reverse("admin:login"))
    return [Entry("session.start", "mod")]


# -- Invitations --------------------------------------------------------------------------------
def invited(by: str) -> dict[str, Any]:
    return {"role": "USER", "expires_at": SOME, "inviter": by}


@covers("invitation_list")
def invite_twice(site: Site) -> list[Entry]:
    for _ in range(2):
        site.post("invitation_list", email="new@example.org", role="USER")
    created = Entry("invitation.create", "Member", {}, invited("mod"))
    expired = Entry("invitation.expire", "Member", invited("mod"), {"expires_at": SOME})
    return [created, expired, created]


@covers("accounts_invitation:add")
def invite_in_the_admin(site: Site) -> list[Entry]:
    data = {"email": "new@example.org", "role": "USER"}
    site.by_admin.post(reverse("admin:accounts_invitation_add"), data)
    return [Entry("invitation.create", "Member", {}, invited("root_"))]


RENEWED: Final = Entry("invitation.renew", "Member", invited("mod"), invited("root_"))
REVOKED: Final = Entry("invitation.revoke", "Member", invited("mod"))


@covers("accounts_invitation:action:renew")
def renew_invitations(site: Site) -> list[Entry]:
    site.act("accounts_invitation", "renew", site.invitation)
    return [RENEWED]


@covers("accounts_invitation_renew")
def renew_an_invitation(site: Site) -> list[Entry]:
    address = reverse("admin:accounts_invitation_renew", args=[site.invitation.pk])
    site.by_admin.post(address)
    return [RENEWED]


@covers("invitation_renew")
def renew_on_the_site(site: Site) -> list[Entry]:
    site.post("invitation_renew", site.invitation.pk)
    return [Entry("invitation.renew", "Member", invited("mod"), invited("mod"))]


@covers("accounts_invitation:action:revoke")
def revoke_invitations(site: Site) -> list[Entry]:
    site.act("accounts_invitation", "revoke", site.invitation)
    return [REVOKED]


@covers("accounts_invitation:delete")
def revoke_an_invitation(site: Site) -> list[Entry]:
    site.delete("accounts_invitation", site.invitation)
    return [REVOKED]


@covers("invitation_revoke")
def revoke_on_the_site(site: Site) -> list[Entry]:
    site.post("invitation_revoke", site.invitation.pk)
    return [REVOKED]


@covers("register")
def join_by_an_invitation(site: Site) -> list[Entry]:
    issued = issue_invitation(email="new@example.org", role=Role.MODERATOR, created_by=site.admin)
    path = "/" + issued.link.split("/", 3)[3]
    data = {"username": "nora", "password1": PASSWORD, "password2": PASSWORD}
    assert Client().post(path, data).status_code == 302
    invitation = str(issued.invitation.pk)
    return [
        Entry("member.join", "nora", {}, {"role": "MODERATOR", "invitation": invitation}),
        Entry("session.start", "nora"),
    ]
