"""Builds the answers to tus requests from the status of an upload."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from videos.tus.types import EXTENSIONS, VERSION, Answer, TusError

if TYPE_CHECKING:
    from videos.tus.types import Append, UploadStatus

CHECKSUM_MISMATCH: Final = 460


def offered(*, max_size: int) -> Answer:
    """Answers OPTIONS: what this server supports. `max_size`: limit of a file in bytes."""
    headers = {
        "Tus-Version": VERSION,
        "Tus-Extension": ",".join(EXTENSIONS),
        "Tus-Max-Size": str(max_size),
        "Tus-Checksum-Algorithm": "sha1",
    }
    return Answer(status=204, headers=headers)


def created(upload: UploadStatus, *, location: str, has_body: bool) -> Answer:
    headers = {"Location": location, "Upload-Expires": upload.expires}
    if has_body:
        headers["Upload-Offset"] = str(upload.offset)
    return Answer(status=201, headers=headers)


def status(upload: UploadStatus) -> Answer:
    headers = {
        "Upload-Offset": str(upload.offset),
        "Upload-Length": str(upload.length),
        "Upload-Expires": upload.expires,
        "Cache-Control": "no-store",
    }
    if upload.header:
        headers["Upload-Metadata"] = upload.header
    return Answer(status=200, headers=headers)


def appended(upload: UploadStatus) -> Answer:
    headers = {"Upload-Offset": str(upload.offset), "Upload-Expires": upload.expires}
    return Answer(status=204, headers=headers)


def terminated() -> Answer:
    return Answer(status=204)


def check_append(append: Append, upload: UploadStatus) -> None:
    """Checks that a request continues the upload.

    Raises: TusError with 409 if it does not start at the upload's offset, 400 if it gives another
    length of the file, 413 if it has more bytes than are missing.
    """
    if append.length is not None and append.length != upload.length:
        raise TusError(400, "The length of an upload can't be changed.")
    if append.offset != upload.offset:
        raise wrong_offset(upload.offset)
    if append.size > upload.length - upload.offset:
        raise TusError(413, "This is more data than the length of the upload.")


def wrong_offset(offset: int) -> TusError:
    return TusError(
        409,
        f"The upload has {offset} bytes so far. Continue from there.",
        headers={"Upload-Offset": str(offset)},
    )


def wrong_checksum() -> TusError:
    return TusError(CHECKSUM_MISMATCH, "Part of the upload was damaged. Retrying.")


def unknown() -> TusError:
    return TusError(404, "This upload no longer exists. Choose the file again.")


def gone() -> TusError:
    return TusError(410, "This upload was cancelled. Choose the file again.")


def busy(*, seconds: int) -> TusError:
    return TusError(
        423,
        "This file is being uploaded from another page or device. Try again in a moment.",
        headers={"Retry-After": str(seconds)},
    )
