"""Parses tus requests: a method and headers become a command."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Final

from videos.tus.types import (
    BODY_TYPE,
    VERSION,
    Append,
    Ask,
    Checksum,
    Command,
    Create,
    OptionsRequest,
    Terminate,
    TusError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

# Allowed methods of the address that creates uploads, and of the address of an upload.
COLLECTION: Final = ("OPTIONS", "POST")
UPLOAD: Final = ("OPTIONS", "HEAD", "PATCH", "DELETE")

SHA1_BYTES: Final = 20
# Above any real size, and still fits into the integers of every database.
MAX_NUMBER: Final = 2**63 - 1
_DIGITS: Final = re.compile(r"[0-9]{1,19}")
# Keys must be ASCII, not empty, and without spaces and commas; headers have no control characters.
_KEY: Final = re.compile(r"[!-+\--~]+")


def effective_method(method: str, headers: Mapping[str, str]) -> str:
    """Returns the method of X-HTTP-Method-Override if there is one, else the request's."""
    return headers.get("x-http-method-override", "").strip().upper() or method.upper()


def parse_request(method: str, headers: Mapping[str, str], *, is_collection: bool) -> Command:
    """Returns the command of a request.

    Args:
        method: the effective method.
        headers: with lower-case names.
        is_collection: whether the address is the one that creates uploads.

    Raises:
        TusError: with the status 405, 412, 415, 411 or 400.
    """
    allowed = COLLECTION if is_collection else UPLOAD
    if method not in allowed:
        raise TusError(
            405,
            f"The method {method} is not supported here.",
            headers={"Allow": ", ".join(allowed)},
        )
    if method == "OPTIONS":
        return OptionsRequest()
    if headers.get("tus-resumable") != VERSION:
        raise TusError(
            412,
            f"This site speaks tus {VERSION}: send Tus-Resumable: {VERSION}.",
            headers={"Tus-Version": VERSION},
        )
    if method == "POST":
        return _create(headers)
    if method == "PATCH":
        return _append(headers)
    return Ask() if method == "HEAD" else Terminate()


def _create(headers: Mapping[str, str]) -> Create:
    size = _content_length(headers) or 0
    if size and _content_type(headers) != BODY_TYPE:
        raise _wrong_type()
    if "upload-concat" in headers:
        raise TusError(400, "Uploads in parts that are joined later are not supported.")
    if "upload-defer-length" in headers:
        raise TusError(400, "Upload-Length is missing: Upload-Defer-Length is not supported.")
    if "upload-length" not in headers:
        raise TusError(400, "Send the length of the file in Upload-Length.")
    header = headers.get("upload-metadata")
    return Create(
        length=_number(headers, "upload-length"),
        size=size,
        checksum=_checksum(headers) if size else None,
        header=header or "",
        metadata={} if header is None else parse_metadata(header),
    )


def _append(headers: Mapping[str, str]) -> Append:
    if _content_type(headers) != BODY_TYPE:
        raise _wrong_type()
    size = _content_length(headers)
    if size is None:
        raise TusError(411, "Send the length of the body in Content-Length.")
    if "upload-offset" not in headers:
        raise TusError(400, "Send the position of the body in Upload-Offset.")
    return Append(
        offset=_number(headers, "upload-offset"),
        size=size,
        checksum=_checksum(headers),
        length=_number(headers, "upload-length") if "upload-length" in headers else None,
    )


def _content_type(headers: Mapping[str, str]) -> str:
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def _wrong_type() -> TusError:
    return TusError(415, f"Send the bytes of the file as {BODY_TYPE}.")


def _content_length(headers: Mapping[str, str]) -> int | None:
    """Returns the bytes of the body; None if unknown. Raises: TusError (411) if it is chunked."""
    if "transfer-encoding" in headers:
        raise TusError(
            411, "Send the length of the body in Content-Length, without chunked encoding."
        )
    return _number(headers, "content-length") if headers.get("content-length") else None


def _number(headers: Mapping[str, str], name: str) -> int:
    text = headers[name].strip()
    if not _DIGITS.fullmatch(text) or int(text) > MAX_NUMBER:
        raise TusError(400, f"{name.title()} has to be a number of bytes.")
    return int(text)


def _checksum(headers: Mapping[str, str]) -> Checksum | None:
    """Parses Upload-Checksum: the name of an algorithm, a space, the digest in Base64."""
    text = headers.get("upload-checksum")
    if text is None:
        return None
    algorithm, _, encoded = text.strip().partition(" ")
    if algorithm.lower() != "sha1":
        raise TusError(400, "The only supported checksum is sha1.")
    digest = _base64(encoded.strip())
    if digest is None or len(digest) != SHA1_BYTES:
        raise TusError(400, "Upload-Checksum has to be a SHA-1 in Base64.")
    return Checksum(digest=digest)


def parse_metadata(header: str) -> dict[str, bytes]:
    """Parses Upload-Metadata: comma-separated keys, each with an optional value in Base64.

    Raises: TusError (400).
    """
    found: dict[str, bytes] = {}
    for pair in header.split(","):
        key, *rest = pair.strip(" ").split(" ")
        value = b"" if not rest else _base64(rest[0])
        if not _KEY.fullmatch(key) or len(rest) > 1 or value is None or key in found:
            raise TusError(400, "Upload-Metadata has to be keys with their values in Base64.")
        found[key] = value
    return found


def _base64(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
