"""Files of videos. Every request is checked against the visitor's rights at this moment.

`address` is the part of the address that names the video: see videos.access.
"""

from __future__ import annotations

import mimetypes
from typing import TYPE_CHECKING

from django.http import Http404, HttpResponse
from django.views.decorators.http import require_safe

from clipset.lib.filenames import version_of
from clipset.lib.text import safe_filename
from videos.access import playable_video, viewable_video
from videos.file_responses import CACHE_FOR_A_DAY, MAX_RANGE_BYTES, file_response
from videos.services.small_thumbnails import small_thumbnail as small_thumbnail_path
from videos.transcode.storyboard import Grid
from videos.transcode.storyboard import storyboard_vtt as storyboard_text

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from clipset.lib.requests import MemberRequest


@require_safe
def stream(request: HttpRequest, **address: str) -> HttpResponseBase:
    video = playable_video(request, **address)
    return file_response(
        request,
        video.file_path,
        content_type="video/mp4",
        max_range=MAX_RANGE_BYTES,
        may_grow=True,
    )


@require_safe
def download(request: MemberRequest, short_id: str) -> HttpResponseBase:
    """The original for its uploader, if it was kept; otherwise the file that plays."""
    video = playable_video(request, short_id)
    path = video.file_path
    if video.original_key and video.uploaded_by_id == request.user.pk:
        path = video.original_file
    name = safe_filename(video.title, path.suffix)
    content_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return file_response(request, path, content_type=content_type, download_as=name)


@require_safe
def thumbnail(request: HttpRequest, **address: str) -> HttpResponseBase:
    """The thumbnail in the size in which it is stored."""
    video = viewable_video(request, **address)
    if video.thumbnail_path is None:
        raise Http404("No thumbnail.")
    return file_response(request, video.thumbnail_path, content_type="image/jpeg")


@require_safe
def small_thumbnail(request: MemberRequest, short_id: str) -> HttpResponseBase:
    """The thumbnail for lists.

    Browsers keep it for a day, since its address contains its version. Until a worker has made it,
    the full thumbnail is sent instead, which they must not keep under this address.
    """
    video = viewable_video(request, short_id)
    if video.thumbnail_path is None:
        raise Http404("No thumbnail.")
    path = small_thumbnail_path(video.thumbnail_path)
    if path == video.thumbnail_path:
        return file_response(request, path, content_type="image/jpeg")
    return file_response(request, path, content_type="image/webp", cache_control=CACHE_FOR_A_DAY)


@require_safe
def storyboard(request: HttpRequest, **address: str) -> HttpResponseBase:
    """The image with all tiles of the storyboard."""
    video = viewable_video(request, **address)
    if video.storyboard_path is None:
        raise Http404("No storyboard.")
    return file_response(request, video.storyboard_path, content_type="image/jpeg")


@require_safe
def storyboard_vtt(request: HttpRequest, **address: str) -> HttpResponse:
    """Which tile of the storyboard shows which moment, as WebVTT."""
    video = viewable_video(request, **address)
    if video.storyboard_grid is None:
        raise Http404("No storyboard.")
    version = version_of(video.storyboard_filename)
    text = storyboard_text(Grid(**video.storyboard_grid), f"storyboard.jpg?v={version}")
    return HttpResponse(text, content_type="text/vtt; charset=utf-8")
