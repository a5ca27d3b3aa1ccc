"""Responses with a stored file, or a range of it (RFC 9110, sections 13 and 14)."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from django.conf import settings
from django.http import FileResponse, Http404, HttpResponse
from django.utils.http import content_disposition_header, http_date, parse_http_date_safe

from accounts.backends import client_address
from clipset.lib.disk import is_disk_away
from clipset.lib.plain_files import open_plain
from clipset.lib.ranges import Part, Unsatisfiable, if_range_matches, resolve_range
from clipset.lib.refusals import RefusedError
from clipset.lib.slots import NoSlotError, Slots
from siteconfig.roots import check_root_of

if TYPE_CHECKING:
    from pathlib import Path

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from clipset.lib.slots import Slot

# Bytes of one response to an open range of a video: a player that has stopped reading holds a
# thread no longer than these bytes take.
MAX_RANGE_BYTES: Final = 8 * 1024**2
# A response of this size fits into the kernel's socket buffer, so that it holds no thread.
SMALL_BYTES: Final = 64 * 1024
# For files whose address contains their version.
CACHE_FOR_A_DAY: Final = "private, max-age=86400"
# Seconds after which a slot is likely to be free again.
RETRY_AFTER_SECONDS: Final = 5
slots = Slots(most=24, each=8)  # of the 32 threads of this process
SLOTS_FOR_MEMBERS: Final = 12  # never taken by guests, however many people have a guest link


class MediaFile(io.FileIO):
    """An open file that releases its slot when it is closed."""

    slot: Slot | None = None

    def close(self) -> None:
        super().close()
        slot, self.slot = self.slot, None
        if slot is not None:
            slot.release()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Validators:
    """The values by which clients compare a cached copy (RFC 9110, section 8.8)."""

    etag: str
    modified: datetime

    @property
    def headers(self) -> dict[str, str]:
        return {
            "Accept-Ranges": "bytes",
            "ETag": self.etag,
            "Last-Modified": http_date(self.modified.timestamp()),
        }


def file_response(
    request: HttpRequest,
    path: Path,
    *,
    content_type: str,
    download_as: str = "",
    cache_control: str = "private, no-cache",
    max_range: int | None = None,
    may_grow: bool = False,
    is_growing: bool = False,
) -> HttpResponseBase:
    """The file at `path`, or the range of it that the request asks for.

    With MEDIA_ACCEL_PREFIX the web server in front does all of that. Else the server sends bytes by
    sendfile from the open file, from its current position on, as many as Content-Length says; none
    passes through Python. A response to an open range has at most `max_range` bytes.

    With `may_grow` the ETag does not depend on the file's length: a rendition may be finalised
    while a player has parts of it, which stay right (videos.transcode.finalise keeps the time of
    the last change). With `is_growing` FFmpeg may be writing it: it has to be a plain file.

    Raises: Http404 if the file is gone; RefusedError (429 or 503) while too many files are being
    sent; RootUnavailableError or OSError if the disk is unavailable (503, clipset.middleware).
    """
    if settings.MEDIA_ACCEL_PREFIX:
        return _accel_response(
            path, content_type, download_as, cache_control, is_growing=is_growing
        )
    file = _open(path, is_growing=is_growing)
    try:
        validators = _validators(os.fstat(file.fileno()), with_size=not may_grow)
        response = _respond(request, file, validators, content_type, download_as, max_range)
    except BaseException:
        file.close()
        raise
    if not response.streaming:
        file.close()
    if response.status_code in {200, 206, 304}:
        response["Cache-Control"] = cache_control
    return response


def _open(path: Path, *, is_growing: bool) -> MediaFile:
    """Raises: as `file_response`."""
    try:
        return MediaFile(path, opener=open_plain if is_growing else None)
    except OSError as error:
        if is_disk_away(error):
            raise  # 503, clipset.middleware
        check_root_of(path)
        raise Http404("No such file.") from error


def _accel_response(
    path: Path, content_type: str, download_as: str, cache_control: str, *, is_growing: bool
) -> HttpResponse:
    """Names the file that nginx sends (X-Accel-Redirect): the prefix, then the file's own path."""
    if not path.is_file() or (is_growing and path.is_symlink()):
        check_root_of(path)
        raise Http404("No such file.")
    response = HttpResponse(content_type=content_type)
    response["X-Accel-Redirect"] = settings.MEDIA_ACCEL_PREFIX + quote(str(path.absolute()))
    response["Cache-Control"] = cache_control
    if download_as:
        disposition = content_disposition_header(True, download_as)
        response["Content-Disposition"] = disposition or "attachment"
    return response


def _respond(
    request: HttpRequest,
    file: MediaFile,
    validators: _Validators,
    content_type: str,
    download_as: str,
    max_range: int | None,
) -> HttpResponseBase:
    """200, 206, 304 or 416. Takes a slot for a response that may hold a thread for long."""
    stat = os.fstat(file.fileno())
    if _is_unchanged(request, validators):
        return HttpResponse(status=304, headers=validators.headers)
    part = _requested_range(request, stat.st_size, validators, max_range)
    if isinstance(part, Unsatisfiable):
        headers = {**validators.headers, "Content-Range": f"bytes */{stat.st_size}"}
        return HttpResponse(status=416, headers=headers)
    length = stat.st_size if part is None else part.length
    if length > SMALL_BYTES and request.method == "GET":
        file.slot = _take_slot(request)
    file.seek(0 if part is None else part.start)
    response = FileResponse(
        file,
        as_attachment=bool(download_as),
        filename=download_as,
        status=200 if part is None else 206,
        content_type=content_type,
        headers=validators.headers,
    )
    if part is not None:
        response["Content-Range"] = f"bytes {part.start}-{part.end}/{stat.st_size}"
    # FileResponse would send the rest of the file; the server stops after Content-Length bytes.
    response["Content-Length"] = str(length)
    if not download_as:
        del response["Content-Disposition"]  # it would show the name of the stored file
    return response


def _validators(stat: os.stat_result, *, with_size: bool) -> _Validators:
    size = f"{stat.st_size:x}-" if with_size else ""
    return _Validators(
        etag=f'"{stat.st_ino:x}-{size}{stat.st_mtime_ns:x}"',
        modified=datetime.fromtimestamp(int(stat.st_mtime), UTC),
    )


def _requested_range(
    request: HttpRequest, size: int, validators: _Validators, max_range: int | None
) -> Part | Unsatisfiable | None:
    """None for the whole file, also if `If-Range` names another version of it."""
    if_range = request.headers.get("If-Range")
    if not if_range_matches(if_range, validators.etag, validators.modified):
        return None
    part = resolve_range(request.headers.get("Range"), size, piece=max_range)
    return part if isinstance(part, Part | Unsatisfiable) else None


def _take_slot(request: HttpRequest) -> Slot:
    """Counts guests by their address. Raises: RefusedError."""
    try:
        if request.user.is_authenticated:
            return slots.take(request.user.pk)
        return slots.take(client_address(request), leaving=SLOTS_FOR_MEMBERS)
    except NoSlotError as error:
        if error.is_own:
            sentence = "Too many videos open at once. Close some and try again."
        else:
            sentence = "Too many videos are being watched. Try again in a moment."
        status = 429 if error.is_own else 503
        raise RefusedError(sentence, status=status, retry_after=RETRY_AFTER_SECONDS) from None


def _is_unchanged(request: HttpRequest, validators: _Validators) -> bool:
    """Whether the client's copy is current (RFC 9110, section 13.2.2).

    `If-None-Match` decides; `If-Modified-Since` counts only without it.
    """
    known = request.headers.get("If-None-Match")
    if known is not None:
        tags = [tag.strip().removeprefix("W/") for tag in known.split(",")]
        return "*" in tags or validators.etag in tags
    since = request.headers.get("If-Modified-Since")
    moment = parse_http_date_safe(since) if since else None
    return moment is not None and validators.modified.timestamp() <= moment
