"""What members write about a video, as HTML."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django import template

from clipset.ui.member_text import prose

if TYPE_CHECKING:
    from django.utils.safestring import SafeString

    from videos.models import Video

register = template.Library()

# About what three lines hold on the widest page.
THREE_LINES: Final = 190  # characters


@register.filter
def member_text(text: str, video: Video) -> SafeString:
    """Paragraphs, with its times as links into the video and its addresses as links."""
    address = video.get_absolute_url()
    return prose(text, link=lambda seconds: f"{address}?t={seconds}", end=video.duration_seconds)


@register.filter
def guest_text(text: str, video: Video) -> SafeString:
    """As `member_text`, on a guest's page: its times lead to where one is."""
    return prose(text, link="?t={}".format, end=video.duration_seconds)


@register.filter
def is_long(text: str) -> bool:
    """Whether it most likely takes more than three lines, an empty one between two included."""
    return len(text) > THREE_LINES or text.count("\n") > 2
