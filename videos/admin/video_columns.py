"""The columns and read-only fields of videos in the admin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.contrib import admin
from django.utils.html import format_html

from clipset.lib.units import clock, human_bytes
from clipset.ui.admin_columns import age, cut
from videos.selectors.cards import small_thumbnail_url, thumbnail_url

if TYPE_CHECKING:
    from django.utils.safestring import SafeString

    from videos.models import Video

SHORT_TITLE: Final = 40  # characters


class VideoColumns:
    """What VideoAdmin shows of a video, besides its state."""

    @admin.display(description="Title", ordering="title")
    def short_title(self, video: Video) -> SafeString | str:
        """Cuts the title, because a long one without spaces would push out other columns."""
        return cut(video.title, SHORT_TITLE)

    @admin.display(description="Thumbnail")
    def thumbnail(self, video: Video) -> SafeString:
        return _linked_thumbnail(
            video, small_thumbnail_url(video), width=96, height=54, css="thumb"
        )

    @admin.display(description="Thumbnail")
    def preview(self, video: Video) -> SafeString:
        return _linked_thumbnail(
            video, thumbnail_url(video), width=480, height=270, css="thumb thumb--large"
        )

    @admin.display(description="Length", ordering="duration_seconds")
    def length(self, video: Video) -> str:
        return "–" if video.duration_seconds is None else clock(video.duration_seconds)

    @admin.display(description="Size", ordering="file_size_bytes")
    def size(self, video: Video) -> str:
        return human_bytes(video.file_size_bytes)

    @admin.display(description="Views", ordering="view_count")
    def views(self, video: Video) -> str:
        return f"{video.view_count:,}"

    @admin.display(description="Uploaded", ordering="created_at")
    def uploaded(self, video: Video) -> SafeString | str:
        return age(video.created_at)

    @admin.display(description="Dimensions")
    def dimensions(self, video: Video) -> str:
        return f"{video.width} × {video.height} pixels" if video.width and video.height else "–"

    @admin.display(description="Encoding")
    def encoding(self, video: Video) -> str:
        if not video.is_ready:
            return "–"
        return "Original, untouched" if video.was_copied else "Re-encoded"

    @admin.display(description="Renditions")
    def renditions(self, video: Video) -> str:
        found = video.renditions.filter(is_complete=True)
        return ", ".join(f"{one.name} ({human_bytes(one.size_bytes)})" for one in found) or "–"

    @admin.display(description="Stored", ordering="stored_bytes")
    def stored(self, video: Video) -> str:
        return "–" if video.stored_bytes is None else human_bytes(video.stored_bytes)

    @admin.display(description="Original file")
    def source(self, video: Video) -> str:
        if video.source_key:
            return "Kept until processing finishes"
        return "Kept, because the video was re-encoded" if video.original_key else "Not kept"

    @admin.display(description="Counted against quota")
    def charged(self, video: Video) -> str:
        return human_bytes(video.quota_bytes)


def _linked_thumbnail(
    video: Video, address: str | None, *, width: int, height: int, css: str
) -> SafeString:
    """Returns the thumbnail as a link to the video on the site."""
    if address is None:
        return format_html('<a href="{}">Watch</a>', video.get_absolute_url())
    return format_html(
        '<a href="{}"><img class="{}" src="{}" width="{}" height="{}" alt="Watch" loading="lazy">'
        "</a>",
        video.get_absolute_url(),
        css,
        address,
        width,
        height,
    )
