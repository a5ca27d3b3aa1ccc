"""Acts of staff on the pages of the site: hide with a reason, move, answer the uploader."""

from __future__ import annotations

from typing import Any, Final

from django.utils import timezone

from tests.audited_acts.site import Entry, Site, covers
from tests.audited_acts.videos import HIDDEN, NOWHERE, SHOWN, in_music
from videos.enums import AUTOMATIC_FRAME
from videos.models import ReviewRequest, Video

OTHER: Final = {"is_hidden": True, "hidden_reason": "OTHER", "hidden_text": "See 0:12"}


def hidden(site: Site) -> Video:
    now = timezone.now()
    Video.objects.filter(pk=site.video.pk).update(**HIDDEN, hidden_by=site.admin, hidden_at=now)
    return Video.objects.get(pk=site.video.pk)


@covers("moderate_hide")
def hide_and_change_the_reason_on_the_site(site: Site) -> list[Entry]:
    site.post("moderate_hide", site.video.short_id, reason="HARASSMENT")
    site.post("moderate_hide", site.video.short_id, reason="OTHER", text="See 0:12")
    return [
        Entry("video.hide", "Concert", SHOWN, HIDDEN),
        Entry("video.hide", "Concert", HIDDEN, OTHER),
    ]


@covers("moderate_unhide")
def unhide_on_the_site(site: Site) -> list[Entry]:
    site.post("moderate_unhide", hidden(site).short_id)
    return [Entry("video.unhide", "Concert", HIDDEN, SHOWN)]


@covers("moderate_move")
def move_on_the_site(site: Site) -> list[Entry]:
    site.post("moderate_move", site.video.short_id, category=site.music.slug)
    site.post("moderate_move", site.video.short_id, category="")
    return [
        Entry("video.move", "Concert", NOWHERE, in_music(site)),
        Entry("video.move", "Concert", in_music(site), NOWHERE),
    ]


@covers("moderate_thumbnail")
def reset_the_thumbnail_on_the_site(site: Site) -> list[Entry]:
    site.post("moderate_thumbnail", site.video.short_id)
    wanted = "thumbnail_wanted_at"
    facts = ({wanted: None}, {wanted: AUTOMATIC_FRAME})
    return [Entry("video.reset_thumbnail", "Concert", *facts)]


def answered(site: Site, answer: str) -> None:
    ReviewRequest.objects.create(video=hidden(site), text="Look again")
    site.post("moderate_answer", site.video.short_id, answer=answer, message="Because")


@covers("moderate_answer")
def keep_a_video_hidden(site: Site) -> list[Entry]:
    answered(site, "keep")
    return [Entry("video.keep_hidden", "Concert", HIDDEN, HIDDEN)]


@covers()
def unhide_a_video_whose_uploader_asked(site: Site) -> list[Entry]:
    answered(site, "unhide")
    return [Entry("video.unhide", "Concert", HIDDEN, SHOWN)]


@covers("moderate_comment_hide", "moderate_comment_unhide")
def hide_and_unhide_a_comment(site: Site) -> list[Entry]:
    arguments: tuple[Any, ...] = (site.video.short_id, site.comment.pk)
    site.post("moderate_comment_hide", *arguments, reason="HARASSMENT")
    site.post("moderate_comment_unhide", *arguments)
    return [
        Entry("comment.hide", "Hello", SHOWN, HIDDEN),
        Entry("comment.unhide", "Hello", HIDDEN, SHOWN),
    ]
