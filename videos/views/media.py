"""Files of videos. Every request is checked against the viewer's rights of this moment.

`address` is what names the video in it: see videos.access.
"""

from __future__ import annotations

import io
import mimetypes
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

from django.conf import settings
from django.http import FileResponse, Http404, HttpResponse
from django.utils.http import content_disposition_header, http_date, parse_http_date_safe
from django.views.decorators.http import require_safe

from accounts.backends import client_address
from clipset.lib.disk import is_disk_away
from clipset.lib.filenames import version_of
from clipset.lib.ranges import Part, Unsatisfiable, if_range_matches, resolve_range
from clipset.lib.slots import NoSlotError, Slots
from clipset.lib.text import safe_filename
from siteconfig.roots import check_root_of
from videos.access import playable_video, visible_video
from videos.services.small_thumbnails import small_thumbnail as small_one
from videos.transcode.storyboard import Grid
from videos.transcode.storyboard import storyboard_vtt as storyboard_text

if TYPE_CHECKING:
    from pathlib import Path

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from clipset.lib.requests import MemberRequest
    from clipset.lib.slots import Slot


# Of an open range of what is played, bytes in one answer: a player that has stopped reading holds
# a thread no longer than it takes to send these.
PIECE = 8 * 1024**2
# What fits into the kernel's buffer is sent at once and holds no thread.
SMALL = 64 * 1024  # bytes
# For what has a version in its address.
KEPT_FOR_A_DAY = "private, max-age=86400"
# Seconds until a slot is likely to be free again.
RETRY_AFTER = 5
slots = Slots(most=24, each=8)  # of the 32 threads of this process
FOR_MEMBERS = 12  # slots that no guest takes, however far their link has gone round


class MediaFile(io.FileIO):
    """An open file whose slot is given back when it is closed, however that comes about."""

    slot: Slot | None = None

    def close(self) -> None:
        super().close()
        slot, self.slot = self.slot, None
        if slot is not None:
            slot.release()


def file_response(
    request: HttpRequest,
    path: Path,
    *,
    content_type: str,
    download_as: str = "",
    cache_control: str = "private, no-cache",
    piece: int | None = None,
) -> HttpResponseBase:
    """A file, or the range of it that was asked for (RFC 9110, sections 13 and 14).

    With MEDIA_ACCEL_PREFIX the web server in front sees to all of that. Otherwise the bytes do not
    pass through Python: the server sends them from the open file by sendfile, from where it was
    sought to, as far as Content-Length says. Of an open range there are no more than `piece`. 429
    or 503 while too many are being sent. Raises Http404 when the file is gone, and
    RootUnavailableError (503, clipset.middleware) when its disk is.
    """
    if settings.MEDIA_ACCEL_PREFIX:
        return _handed_over(path, content_type, download_as, cache_control)
    try:
        file = MediaFile(path)
    except OSError as error:
        if is_disk_away(error):
            raise  # 503, clipset.middleware
        check_root_of(path)
        raise Http404("No such file.") from error
    try:
        response = _answer(request, file, content_type, download_as, piece)
    except BaseException:
        file.close()
        raise
    if not response.streaming:
        file.close()
    if response.status_code in {200, 206, 304}:
        response["Cache-Control"] = cache_control
    return response


def _handed_over(
    path: Path, content_type: str, download_as: str, cache_control: str
) -> HttpResponse:
    """Which file nginx is to send (its X-Accel-Redirect): the prefix, then the file's own path."""
    if not path.is_file():
        check_root_of(path)
        raise Http404("No such file.")
    response = HttpResponse(content_type=content_type)
    response["X-Accel-Redirect"] = settings.MEDIA_ACCEL_PREFIX + quote(str(path.absolute()))
    response["Cache-Control"] = cache_control
    if download_as:
        disposition = content_disposition_header(True, download_as)
        response["Content-Disposition"] = disposition or "attachment"
    return response


def _answer(
    request: HttpRequest,
    file: MediaFile,
    content_type: str,
    download_as: str,
    piece: int | None,
) -> HttpResponseBase:
    stat = os.fstat(file.fileno())
    modified = datetime.fromtimestamp(int(stat.st_mtime), UTC)
    etag = f'"{stat.st_ino:x}-{stat.st_size:x}-{stat.st_mtime_ns:x}"'
    headers = {
        "Accept-Ranges": "bytes",
        "ETag": etag,
        "Last-Modified": http_date(modified.timestamp()),
    }
    if _is_unchanged(request, etag, stat.st_mtime):
        return HttpResponse(status=304, headers=headers)
    wanted = resolve_range(request.headers.get("Range"), stat.st_size, piece=piece)
    if not if_range_matches(request.headers.get("If-Range"), etag, modified):
        wanted = resolve_range(None, stat.st_size)
    if isinstance(wanted, Unsatisfiable):
        headers["Content-Range"] = f"bytes */{stat.st_size}"
        return HttpResponse(status=416, headers=headers)
    start, length, code = 0, stat.st_size, 200
    if isinstance(wanted, Part):
        start, length, code = wanted.start, wanted.length, 206
        headers["Content-Range"] = f"bytes {wanted.start}-{wanted.end}/{stat.st_size}"
    if length > SMALL and request.method == "GET":
        try:
            file.slot = _slot_for(request)
        except NoSlotError as taken:
            return _too_many(taken)
    file.seek(start)
    response = FileResponse(
        file,
        as_attachment=bool(download_as),
        filename=download_as,
        status=code,
        content_type=content_type,
        headers=headers,
    )
    # FileResponse takes all that is left of the file; the server stops at this length.
    response["Content-Length"] = str(length)
    if not download_as:
        del response["Content-Disposition"]  # it would tell how files are named here
    return response


def _slot_for(request: HttpRequest) -> Slot:
    """Guests count by their address, and leave some to the members. Raises NoSlotError."""
    if request.user.is_authenticated:
        return slots.take(request.user.pk)
    return slots.take(client_address(request), leaving=FOR_MEMBERS)


def _too_many(taken: NoSlotError) -> HttpResponse:
    sentence, status = "Too many videos are being watched. Try again in a moment.", 503
    if taken.is_own:
        sentence = "Too many videos open at once. Close some and try again."
        status = 429
    headers = {"Retry-After": str(RETRY_AFTER)}
    return HttpResponse(sentence, status=status, content_type="text/plain", headers=headers)


def _is_unchanged(request: HttpRequest, etag: str, mtime: float) -> bool:
    """RFC 9110, 13.2.2: If-None-Match decides; If-Modified-Since only where that is missing."""
    known = request.headers.get("If-None-Match")
    if known is not None:
        tags = [tag.strip().removeprefix("W/") for tag in known.split(",")]
        return "*" in tags or etag in tags
    since = request.headers.get("If-Modified-Since")
    moment = parse_http_date_safe(since) if since else None
    return moment is not None and int(mtime) <= moment


@require_safe
def stream(request: HttpRequest, **address: str) -> HttpResponseBase:
    video = playable_video(request, **address)
    return file_response(request, video.file_path, content_type="video/mp4", piece=PIECE)


@require_safe
def download(request: MemberRequest, short_id: str) -> HttpResponseBase:
    """For its uploader the file as it was sent, where it was kept; else what plays."""
    video = playable_video(request, short_id)
    path = video.file_path
    if video.original_key and video.uploaded_by_id == request.user.pk:
        path = video.original_file
    name = safe_filename(video.title, path.suffix)
    content_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return file_response(request, path, content_type=content_type, download_as=name)


@require_safe
def thumbnail(request: HttpRequest, **address: str) -> HttpResponseBase:
    video = visible_video(request, **address)
    if video.thumbnail_path is None:
        raise Http404("No picture.")
    return file_response(request, video.thumbnail_path, content_type="image/jpeg")


@require_safe
def small_thumbnail(request: MemberRequest, short_id: str) -> HttpResponseBase:
    """What lists show of a video. Its address carries a version, so browsers keep it for a day; not
    the thumbnail itself, which is sent until a worker has made the small one."""
    video = visible_video(request, short_id)
    if video.thumbnail_path is None:
        raise Http404("No picture.")
    path = small_one(video.thumbnail_path)
    if path == video.thumbnail_path:
        return file_response(request, path, content_type="image/jpeg")
    return file_response(request, path, content_type="image/webp", cache_control=KEPT_FOR_A_DAY)


@require_safe
def storyboard(request: HttpRequest, **address: str) -> HttpResponseBase:
    video = visible_video(request, **address)
    if video.storyboard_path is None:
        raise Http404("No storyboard.")
    return file_response(request, video.storyboard_path, content_type="image/jpeg")


@require_safe
def storyboard_vtt(request: HttpRequest, **address: str) -> HttpResponse:
    """Which tile shows which moment."""
    video = visible_video(request, **address)
    if video.storyboard_grid is None:
        raise Http404("No storyboard.")
    version = version_of(video.storyboard_filename)
    text = storyboard_text(Grid(**video.storyboard_grid), f"storyboard.jpg?v={version}")
    return HttpResponse(text, content_type="text/vtt; charset=utf-8")
