"""What the requests of tus do to a resumable upload: create, read its status, append, terminate.

Errors are those of the protocol (videos.tus), which a view maps to headers.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.utils.http import http_date

from accounts.models import User
from clipset.lib.slots import NoSlotError, Slots
from videos.models import Upload, UploadState
from videos.services.uploads.create import create_upload
from videos.services.uploads.expire import end_upload
from videos.services.uploads.finish import finish_resumable, stored_bytes
from videos.services.uploads.lease import (
    UploadBusyError,
    UploadGoneError,
    is_held,
    wait_for_writer,
)
from videos.services.uploads.writer import End, Writer, receive, writing
from videos.tus import answers
from videos.tus.types import Append, TusError, UploadStatus

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from clipset.lib.slots import Slot
    from clipset.server.sockets import PatientSocket
    from videos.services.uploads.create import VideoDetails
    from videos.tus.types import Create

# Seconds after which another attempt makes sense.
RETRY_AFTER_SECONDS: Final = 5
# Bodies that this process receives at once, of its 32 threads. A slow connection holds a thread for
# minutes.
body_slots: Final = Slots(most=12, each=4)
# Requests that wait for a writer to stop. They do not share the slots of bodies, since those may
# all be held by the writers that they wait for.
waiting_slots: Final = Slots(most=8, each=4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """The body of a request, and its connection (None under Django's test client).

    `is_stopped` says whether the right to send it was lost.
    """

    read: Callable[[int], bytes]
    connection: PatientSocket | None = None
    is_stopped: Callable[[], bool] = bool  # False

    def watched_by(self, writer: Writer) -> AbstractContextManager[None]:
        """Lets the writer stop the request also while the connection is silent."""
        if self.connection is None:
            return nullcontext()
        return self.connection.watched(writer.may_continue)


def status_of(upload: Upload, *, offset: int | None = None) -> UploadStatus:
    """The status that tus reports.

    The offset is `offset` or the saved one, but never behind the end of the file: a disk that was
    restored from a backup may hold less.
    """
    if offset is None:
        offset = upload.offset_bytes
        if upload.is_open:
            offset = min(offset, stored_bytes(upload))
    return UploadStatus(
        offset=offset,
        length=upload.size_bytes,
        expires=http_date(upload.expires_at.timestamp()),
        header=upload.metadata,
    )


def create_with_chunk(*, user: User, command: Create, details: VideoDetails, body: Body) -> Upload:
    """Creates an upload, and writes the first bytes if the request contains some.

    If they cannot be written, the upload is ended: the client never learns its address.

    Raises: TusError (413 and those of append_chunk), RefusedError (413, 415, 422, 429, 503 or 507).
    """
    if command.size > command.length:
        raise TusError(413, "This request has more bytes than the file.")
    upload = create_upload(
        user=user,
        size=command.length,
        filename=command.text("filename"),
        details=details,
        metadata=command.header,
    )
    if command.size:
        chunk = Append(offset=0, size=command.size, checksum=command.checksum)
        try:
            _write(upload, chunk, body)
        except Exception:
            end_upload(upload=upload)
            raise
    return upload


def settle_status(*, upload: Upload) -> UploadStatus:
    """Stops the current writer, finishes a complete upload, and returns the status after that.

    Raises: TusError (410, 423, 429 or 503), RefusedError (503 or 507).
    """
    if upload.is_open:
        try:
            if is_held(upload):
                _wait_for_writer(upload)
        except UploadBusyError:
            raise answers.busy(seconds=RETRY_AFTER_SECONDS) from None
        except UploadGoneError:
            pass  # the row, read again, says how it ended
        upload.refresh_from_db()
        if upload.state == UploadState.ENDED:
            raise answers.gone()
        finish_resumable(upload)
    return status_of(upload)


def append_chunk(*, upload: Upload, chunk: Append, body: Body) -> UploadStatus:
    """Writes the body of one request, and finishes the upload with its last byte.

    Bytes that arrived before an error are kept, unless the chunk has a checksum.

    Raises: TusError (400, 403, 408, 409, 410, 413, 423, 429, 460 or 503), RefusedError (503 or
    507).
    """
    finish_resumable(upload)
    if not upload.is_open:
        answers.check_append(chunk, status_of(upload))
    else:
        # Bytes are only ever added, so that an offset before the saved one is wrong in any case.
        if chunk.offset < min(upload.offset_bytes, stored_bytes(upload)):
            raise answers.wrong_offset(upload.offset_bytes)
        _write(upload, chunk, body)
    return status_of(upload)


def terminate_upload(*, upload: Upload) -> None:
    """Ends the upload. Raises: TusError: 409 if it has become a video, 410 if it is over."""
    if end_upload(upload=upload):
        return
    upload.refresh_from_db()
    if upload.video is None:
        raise answers.gone()
    raise TusError(
        409,
        "This upload has become a video. Delete it on its page.",
        headers={"Clipset-Video": upload.video.get_absolute_url()},
    )


def _write(upload: Upload, chunk: Append, body: Body) -> None:
    """Writes a chunk and brings `upload` up to date."""
    slot = _take_slot(upload, body_slots)
    try:
        with writing(upload) as writer:
            answers.check_append(chunk, status_of(upload, offset=writer.offset))
            writer.is_stopped = body.is_stopped
            sha1 = chunk.checksum.digest if chunk.checksum else None
            with body.watched_by(writer):
                end = receive(writer, body.read, chunk.size, sha1=sha1)
        upload.refresh_from_db()
        if writer.end == End.LOST and upload.state != UploadState.FINISHED:
            end = End.LOST
    except UploadBusyError:
        raise answers.busy(seconds=RETRY_AFTER_SECONDS) from None
    except UploadGoneError:
        raise answers.gone() from None
    finally:
        slot.release()
    _check_end(end, upload)
    finish_resumable(upload)


def _wait_for_writer(upload: Upload) -> None:
    slot = _take_slot(upload, waiting_slots)
    try:
        wait_for_writer(upload)
    finally:
        slot.release()


def _take_slot(upload: Upload, slots: Slots) -> Slot:
    try:
        return slots.take(upload.user_id)
    except NoSlotError as error:
        if error.is_own:
            sentence = "You're uploading several files at once. This one will continue shortly."
        else:
            sentence = "The server is busy. This upload will continue shortly."
        headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
        raise TusError(429 if error.is_own else 503, sentence, headers=headers) from None


def _check_end(end: End, upload: Upload) -> None:
    """Raises: TusError unless the whole body was written."""
    offset = {"Upload-Offset": str(upload.offset_bytes)}
    if end == End.CUT:
        raise TusError(408, "The upload was interrupted. Continue from there.", headers=offset)
    if end == End.DAMAGED:
        raise answers.wrong_checksum()
    if end == End.STOPPING:
        sentence = "The site is restarting. The upload will continue in a moment."
        headers = {"Retry-After": str(RETRY_AFTER_SECONDS), **offset}
        raise TusError(503, sentence, headers=headers)
    if end == End.REFUSED:
        # Says to come back, also to those who may: another request asks for their log-in.
        sentence = "Your log-in or your role has changed. The upload will continue in a moment."
        headers = {"Retry-After": str(RETRY_AFTER_SECONDS), **offset}
        raise TusError(503, sentence, headers=headers)
    if end == End.WANTED:
        raise answers.busy(seconds=RETRY_AFTER_SECONDS)
    if end == End.LOST:
        if not User.objects.filter(pk=upload.user_id, is_active=True).exists():
            raise TusError(403, "Your account was deactivated.")
        raise answers.gone() if not upload.is_open else answers.busy(seconds=RETRY_AFTER_SECONDS)
