"""Uploaded files of the small forms: pictures. VideoUploadHandler receives the videos."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.core.files.uploadhandler import MemoryFileUploadHandler, SkipFile

from clipset.lib.pictures import MAX_BYTES

if TYPE_CHECKING:
    from typing import IO

# Bytes of a request: a picture and what stands around it.
LARGEST_FORM: Final = MAX_BYTES + 1024**2


class FilesOfMembers(MemoryFileUploadHandler):
    """Keeps files in memory while the request lasts, and nothing of what a stranger sends.

    Django reads a form before it is known whether its sender may send it. The middleware has
    seen that it is no larger than LARGEST_FORM.
    """

    def handle_raw_input(
        self,
        input_data: IO[bytes],
        META: dict[str, str],  # noqa: N803 Django's name
        content_length: int,
        boundary: str,
        encoding: str | None = None,
    ) -> None:
        self.activated = content_length <= LARGEST_FORM

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        user = getattr(self.request, "user", None)
        if not self.activated or user is None or not user.is_authenticated:
            raise SkipFile
        super().new_file(*args, **kwargs)
