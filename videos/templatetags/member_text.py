"""Template filters for texts that members write about a video."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django import template

from clipset.ui.member_text import prose

if TYPE_CHECKING:
    from django.utils.safestring import SafeString

    from videos.models import Video

register = template.Library()

# About the length of three lines on the widest page.
THREE_LINES: Final = 190  # characters


@register.filter
def member_text(text: str, video: Video) -> SafeString:
    """HTML paragraphs; times become links into the video, web addresses become links."""
    address = video.get_absolute_url()
    return prose(text, link=lambda seconds: f"{address}?t={seconds}", end=video.duration_seconds)


@register.filter
def guest_text(text: str, video: Video) -> SafeString:
    """Like `member_text`, for a guest's page: the links for times stay on that page."""
    return prose(text, link="?t={}".format, end=video.duration_seconds)


@register.filter
def is_long(text: str) -> bool:
    """Whether the text probably takes more than three lines, including empty ones."""
    return len(text) > THREE_LINES or text.count("\n") > 2
