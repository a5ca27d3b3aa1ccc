"""Acts on captions."""

from __future__ import annotations

from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile

from tests.audited_acts.site import SOME, Entry, Site, covers
from videos.models import Caption


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
