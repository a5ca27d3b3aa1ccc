"""Acts on videos."""

from __future__ import annotations

from typing import Any, Final

from django.utils import timezone

from tests.audited_acts.site import Entry, Site, covers, picture
from videos.models import Video

SHOWN: Final = {"is_hidden": False, "hidden_reason": "", "hidden_text": ""}
HIDDEN: Final = {"is_hidden": True, "hidden_reason": "HARASSMENT", "hidden_text": ""}


@covers("videos_video:action:hide")
def hide(site: Site) -> list[Entry]:
    site.act("videos_video", "hide", site.video, reason="Harassment")
    return [Entry("video.hide", "Concert", SHOWN, HIDDEN)]


@covers("videos_video:action:unhide")
def unhide(site: Site) -> list[Entry]:
    Video.objects.filter(pk=site.video.pk).update(**HIDDEN, hidden_at=timezone.now())
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
    data = {"title": "Gig", "description": "x", "category": str(site.music.pk)}
    hiding = {"is_hidden": "on", "hidden_reason": "HARASSMENT"}
    site.change("videos_video", site.video, data | hiding)
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
