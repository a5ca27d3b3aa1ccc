"""Writes the video of a plain upload form to its folder while the request is read."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, SkipFile, StopUpload

from clipset.lib.blockhash import BlockHash
from clipset.lib.disk import StorageUnavailableError
from clipset.lib.refusals import RefusedError
from siteconfig.roots import checked_root
from siteconfig.services.config import current_config
from videos.services.uploads.create import (
    check_kind,
    refusal_for,
    too_large,
    touch_upload,
)

if TYPE_CHECKING:
    from django.http import HttpRequest

    from videos.models import Upload

# A refused body of less than this is still read to its end: the form that is shown again then has
# the fields that follow the file.
READ_REFUSED_BELOW_BYTES: Final = 64 * 1024**2


class ReceivedFile(UploadedFile):
    """A video that is already on the disk, at `path`."""

    def __init__(self, path: Path, sent_name: str, size: int, content_hash: str) -> None:
        super().__init__(io.BytesIO(), name=path.name, size=size)
        self.path = path
        self.sent_name = sent_name
        self.content_hash = content_hash


class VideoUploadHandler(FileUploadHandler):
    """Writes the field `file` to the upload's folder; `refusal` says why it did not.

    Memory use does not grow with the file. Other files in the form are skipped.
    """

    chunk_size = 1024**2

    def __init__(self, request: HttpRequest, upload: Upload) -> None:
        super().__init__(request)
        self.upload = upload
        self.limit = current_config().max_file_size_bytes
        self.refusal: RefusedError | None = None
        self.has_file = False
        self.out: IO[bytes] | None = None
        self.path = Path()
        self.sent_name = ""
        self.written = 0
        self.hash = BlockHash()

    def new_file(self, field_name: str, file_name: str, *args: Any, **kwargs: Any) -> None:
        super().new_file(field_name, file_name, *args, **kwargs)
        if field_name != "file" or self.has_file:
            raise SkipFile
        self.has_file, self.sent_name = True, file_name
        self.path = self.upload.folder_path / f"source{Path(file_name).suffix.lower()}"
        try:
            check_kind(file_name)
            checked_root(self.upload.root)
            self.path.parent.mkdir(exist_ok=True)
            self.out = self.path.open("xb")
        except RefusedError as error:
            self._refuse(error)
        except (OSError, StorageUnavailableError) as error:
            self._refuse_for(error)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        if self.out is None:
            return raw_data
        self.written += len(raw_data)
        if self.written > self.limit:
            self._refuse(too_large(self.limit))
        try:
            self.out.write(raw_data)
        except OSError as error:
            self._refuse_for(error)
        self.hash.update(raw_data)
        touch_upload(self.upload, written=self.written)
        return None

    def file_complete(self, file_size: int) -> ReceivedFile | None:
        if self.out is None:
            return None
        try:
            self.out.flush()
            os.fsync(self.out.fileno())
        except OSError as error:
            self._refuse_for(error)
        self.close()
        return ReceivedFile(self.path, self.sent_name, file_size, self.hash.hexdigest())

    def upload_interrupted(self) -> None:
        self.close()

    def close(self) -> None:
        out, self.out = self.out, None
        if out is not None:
            try:
                out.close()
            except OSError:
                # The disk is full and cannot take the buffer; the file is removed anyway.
                out.raw.close() if isinstance(out, io.BufferedWriter) else None

    def _refuse_for(self, error: OSError | StorageUnavailableError) -> None:
        """Raises: the error itself, if it is not about the disk."""
        refusal = refusal_for(error)
        if refusal is None:
            raise error
        self._refuse(refusal)

    def _refuse(self, refusal: RefusedError) -> None:
        """Raises: SkipFile, or StopUpload for a body that is too large to be read to its end."""
        self.refusal = refusal
        self.close()
        if self.upload.size_bytes > READ_REFUSED_BELOW_BYTES:
            raise StopUpload(connection_reset=True)
        raise SkipFile
