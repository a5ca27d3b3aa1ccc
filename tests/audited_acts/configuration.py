"""Acts on categories and on the site itself."""

from __future__ import annotations

from django.urls import reverse

from siteconfig.models import AuditEntry, DoctorRun
from siteconfig.services.config import current_config
from tests.audited_acts.site import SOME, Entry, Site, covers, picture
from tests.audited_acts.videos import HIDDEN, SHOWN
from videos.models import Video


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
        "stored_limit_bytes": str(config.stored_limit_bytes or ""),
        "video_storage_path": config.video_storage_path,
        "quality": "high",
        "max_short_side": "1080",
        "make_720p": "on",
        "offer_original_quality": "on",
        "keep_originals": "on",
        "trash_days": "30",
        "second_factor_grace_days": "14",
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
    site.act("videos_video", "hide", site.video, reason="Harassment")
    entry = AuditEntry.objects.get()
    site.by_admin.post(reverse("admin:siteconfig_auditentry_undo"), {"entry": entry.pk})
    return [
        Entry("video.hide", site.video.title, SHOWN, HIDDEN),
        Entry("video.unhide", site.video.title, HIDDEN, SHOWN),
    ]
