"""From where an upload stands to what is answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from videos.tus.types import EXTENSIONS, VERSION, Answer, TusError

if TYPE_CHECKING:
    from videos.tus.types import Append, UploadStatus

CHECKSUM_MISMATCH: Final = 460


def offered(*, max_size: int) -> Answer:
    """What this server can do. No file may be larger than `max_size` bytes."""
    headers = {
        "Tus-Version": VERSION,
        "Tus-Extension": ",".join(EXTENSIONS),
        "Tus-Max-Size": str(max_size),
        "Tus-Checksum-Algorithm": "sha1",
    }
    return Answer(status=204, headers=headers)


def created(standing: UploadStatus, *, location: str, has_body: bool) -> Answer:
    headers = {"Location": location, "Upload-Expires": standing.expires}
    if has_body:
        headers["Upload-Offset"] = str(standing.offset)
    return Answer(status=201, headers=headers)


def told(standing: UploadStatus) -> Answer:
    headers = {
        "Upload-Offset": str(standing.offset),
        "Upload-Length": str(standing.length),
        "Upload-Expires": standing.expires,
        "Cache-Control": "no-store",
    }
    if standing.header:
        headers["Upload-Metadata"] = standing.header
    return Answer(status=200, headers=headers)


def appended(standing: UploadStatus) -> Answer:
    headers = {"Upload-Offset": str(standing.offset), "Upload-Expires": standing.expires}
    return Answer(status=204, headers=headers)


def terminated() -> Answer:
    return Answer(status=204)


def check_append(append: Append, standing: UploadStatus) -> None:
    """Raises TusError: 409 for an offset that is not where the upload stands, 400 for another
    length of the whole, 413 for more than is still to come."""
    if append.length is not None and append.length != standing.length:
        raise TusError(400, "The length of a file that is on its way cannot be changed.")
    if append.offset != standing.offset:
        raise wrong_offset(standing.offset)
    if append.size > standing.length - standing.offset:
        raise TusError(413, "This is more than the file was said to have.")


def wrong_offset(offset: int) -> TusError:
    return TusError(
        409,
        f"This piece does not belong here: {offset} bytes have come so far. Go on from there.",
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
        "This file is being sent from another page or device. Try again in a moment.",
        headers={"Retry-After": str(seconds)},
    )
