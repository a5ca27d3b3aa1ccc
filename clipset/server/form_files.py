"""Upload handler for the images of forms; videos use videos.services.uploads.form_handler."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.core.files.uploadhandler import MemoryFileUploadHandler, SkipFile

from clipset.lib.pictures import MAX_BYTES

if TYPE_CHECKING:
    from typing import IO

# Bytes of a request: an image and 1 MiB for the other fields.
MAX_FORM_BYTES: Final = MAX_BYTES + 1024**2


class MemberFileHandler(MemoryFileUploadHandler):
    """Keeps the files of members in memory during the request, and discards those of visitors.

    Django parses a form before any view checks the sender's rights. The middleware RefuseLargeBody
    has already refused requests above MAX_FORM_BYTES.
    """

    def handle_raw_input(
        self,
        input_data: IO[bytes],
        META: dict[str, str],  # noqa: N803 Django's name
        content_length: int,
        boundary: str,
        encoding: str | None = None,
    ) -> None:
        self.activated = content_length <= MAX_FORM_BYTES

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        user = getattr(self.request, "user", None)
        if not self.activated or user is None or not user.is_authenticated:
            raise SkipFile
        super().new_file(*args, **kwargs)
