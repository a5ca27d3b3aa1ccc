"""Playlists and renditions. Every request is checked against the viewer's rights of this moment.

Addresses inside a playlist are relative, so that they hold wherever it is served, and carry the
attempt that made the file: bytes of two attempts are never mixed. `address` is what names the
video in them: see videos.access.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.http import Http404, HttpResponse
from django.views.decorators.http import require_safe

from videos.access import visible_video
from videos.selectors.playback import (
    Playable,
    check_storage,
    playable_rendition,
    playable_renditions,
)
from videos.transcode.hls import (
    CaptionRendition,
    Variant,
    master_playlist,
    media_playlist,
    subtitle_playlist,
)
from videos.views.media import PIECE, file_response

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from videos.models import Caption, Video

PLAYLIST: Final = "application/vnd.apple.mpegurl"
# The address changes with the contents, so a browser may keep what it has.
KEEP: Final = "private, max-age=604800, immutable"


@require_safe
def master(request: HttpRequest, **address: str) -> HttpResponse:
    """RFC 8216, 4.3.4: what there is to choose from."""
    video = visible_video(request, **address)
    playable = playable_renditions(video)
    if not playable:
        check_storage(video)
        raise Http404("Nothing to play yet.")
    variants = [_variant(one) for one in playable]
    tracks = [_track(caption) for caption in video.captions.present().defer("body")]
    return HttpResponse(master_playlist(variants, tracks), content_type=PLAYLIST)


def _variant(one: Playable) -> Variant:
    rendition = one.rendition
    return Variant(
        uri=f"{rendition.name}.m3u8?v={rendition.version}",
        width=rendition.width,
        height=rendition.height,
        fps=rendition.fps,
        codecs=one.codecs,
        bandwidth=rendition.bandwidth,
        average_bandwidth=rendition.average_bandwidth,
    )


def _track(caption: Caption) -> CaptionRendition:
    return CaptionRendition(
        uri=f"captions/{caption.code}.m3u8",
        language=caption.language,
        name=caption.label,
        default=caption.is_default,
    )


@require_safe
def playlist(request: HttpRequest, rendition: str, **address: str) -> HttpResponse:
    """RFC 8216, 4.3.3: the fragments that are whole by now. EVENT while it grows, then VOD."""
    one = _asked_for(request, visible_video(request, **address), rendition)
    text = media_playlist(
        one.index,
        uri=f"{one.rendition.name}.mp4?v={one.rendition.version}",
        ended=one.rendition.is_complete,
    )
    return HttpResponse(text, content_type=PLAYLIST)


@require_safe
def rendition_file(request: HttpRequest, rendition: str, **address: str) -> HttpResponseBase:
    """The file itself, whole or growing."""
    one = _asked_for(request, visible_video(request, **address), rendition)
    keep = one.rendition.is_complete and request.GET.get("v") == one.rendition.version
    return file_response(
        request,
        one.rendition.path,
        content_type="video/mp4",
        cache_control=KEEP if keep else "private, no-cache",
        piece=PIECE,
    )


def _asked_for(request: HttpRequest, video: Video, name: str) -> Playable:
    """Of the attempt that the address names, when it names one."""
    one = playable_rendition(video, name)
    if one is None:
        check_storage(video)
    version = request.GET.get("v")
    if one is None or (version is not None and version != one.rendition.version):
        raise Http404("No such rendition.")
    return one


@require_safe
def captions_vtt(request: HttpRequest, code: str, **address: str) -> HttpResponse:
    caption = _caption(visible_video(request, **address), code)
    return HttpResponse(caption.body, content_type="text/vtt; charset=utf-8")


@require_safe
def captions_playlist(request: HttpRequest, code: str, **address: str) -> HttpResponse:
    video = visible_video(request, **address)
    caption = _caption(video, code)
    text = subtitle_playlist(f"{caption.code}.vtt", duration=video.duration_seconds or 0)
    return HttpResponse(text, content_type=PLAYLIST)


def _caption(video: Video, code: str) -> Caption:
    caption = video.captions.present().filter(code=code).first()
    if caption is None:
        raise Http404("No such track.")
    return caption
