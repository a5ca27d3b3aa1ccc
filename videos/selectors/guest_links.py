"""The page behind a guest link, its preview in chat programs, and the list of links.

Addresses on the page are relative, like those in HLS playlists: they stay below the guest link.
Those in the preview are absolute, as OpenGraph requires.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from clipset.lib.text import clean_line
from siteconfig.services.address import site_url
from videos.selectors.watch import Player, tracks_of

if TYPE_CHECKING:
    from videos.models import GuestLink, Video

# Larger files are not played inside a chat, which then shows only the thumbnail.
MAX_INLINE: Final = 50 * 1024**2  # bytes
MAX_SAID: Final = 200  # characters of the description


MAX_LISTED: Final = 200  # links


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """OpenGraph: what a chat shows of a link. Addresses are "" without a thumbnail or an inline
    video.
    """

    url: str
    description: str
    image_url: str
    video_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestPage:
    video: Video
    player: Player
    poster_url: str
    preview: Preview


def guest_address(token: str) -> str:
    """The absolute address of a guest link."""
    return f"{site_url()}{reverse('guest', args=[token])}"


def guest_page(video: Video, *, token: str, start: int) -> GuestPage:
    """The page of a video that begins at `start` (seconds). Two queries."""
    complete = list(video.renditions.filter(is_complete=True).only("name", "fps", "sound_tracks"))
    has_sounds = any(rendition.sound_tracks for rendition in complete)
    complete.sort(key=lambda rendition: rendition.is_original_quality)
    player = Player(
        stream_url="stream.mp4" + (f"#t={start}" if start else ""),
        hls_url="master.m3u8" if len(complete) > 1 or has_sounds else "",
        status_url="status/",
        view_url="view/",
        login_url="",
        storyboard_url="storyboard.vtt" if video.storyboard_grid else "",
        is_processing=False,
        is_resumed=False,
        start=start,
        width=video.width,
        height=video.height,
        fps=complete[0].fps if complete else None,
        captions=tracks_of(video, "captions/{}.vtt".format),
        has_sounds=has_sounds,
    )
    poster_url = "thumbnail.jpg" if video.thumbnail_filename else ""
    return GuestPage(
        video=video,
        player=player,
        poster_url=poster_url,
        preview=_preview(video, guest_address(token), poster_url),
    )


def listed_guest_links(video: Video) -> list[GuestLink]:
    """At most MAX_LISTED links, newest first. One query.

    All open links are among them: otherwise nobody could revoke them.
    """
    is_open = Q(revoked_at=None, expires_at__gt=timezone.now())
    links = video.guest_links.annotate(is_open=is_open).order_by("-is_open", "-created_at", "-id")
    return sorted(links[:MAX_LISTED], key=lambda link: (link.created_at, link.pk), reverse=True)


def _preview(video: Video, address: str, poster_url: str) -> Preview:
    described = clean_line((video.description or "").replace("\n", " "))
    if len(described) > MAX_SAID:
        described = described[:MAX_SAID].rsplit(" ", 1)[0] + "…"
    is_small = video.stored_bytes is not None and video.stored_bytes <= MAX_INLINE
    return Preview(
        url=address,
        description=described or f"{video.uploaded_by.username} shared a video with you.",
        image_url=f"{address}{poster_url}" if poster_url else "",
        video_url=f"{address}stream.mp4" if is_small else "",
    )
