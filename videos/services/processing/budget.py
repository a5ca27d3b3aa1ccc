"""What the renditions of a job may take: the bound for any video, and the member's storage limit.

A job never makes a member pass their limit by more than the size of the file that it works on: its
encoded renditions take what is left, or as much as the source, and original quality is made only
where all of the source fits once more. So whoever has uploaded up to their limit has at most
three times that in the end, however the files were made.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from accounts.models import User
from accounts.services.stored_limit import stored_state
from videos.models import JobKind
from videos.services.processing.rendition_rows import stored_bytes_of
from videos.transcode.budget import most_grown

if TYPE_CHECKING:
    from videos.models import Job

# Short clips are processed in any case.
LEAST_BYTES: Final = 4 * 1024**2

STORAGE_NOTE: Final = (
    "Your storage was nearly full, so this video was processed in lower quality. The file that you "
    "uploaded is kept."
)
GROWTH_NOTE: Final = (
    "This file is very small for its length, so it was processed in lower quality. The file that "
    "you uploaded is kept."
)
LEFT_OUT_NOTE: Final = (
    "Your storage is full, so smaller versions for slow connections weren't made. Delete videos "
    "you no longer need, then ask an admin to process this one again."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """The most bytes of a job's results. `is_storage`: the storage limit is what bounds them."""

    bytes: int
    is_storage: bool

    @property
    def note(self) -> str:
        """What the uploader reads of a video whose quality it has lowered."""
        return STORAGE_NOTE if self.is_storage else GROWTH_NOTE


def budget_of(job: Job) -> Budget:
    """The budget for a job of any kind. Two or three queries.

    The member's total has what is stored by now, also the source. Jobs that run at once don't know
    of each other.
    """
    source, made = job.video.file_size_bytes, 0
    if job.kind == JobKind.ENRICH:
        made = stored_bytes_of(job.video_id)
    growth = max(0, most_grown(source) - made)
    left = _left_bytes(job)
    if left is None:
        return Budget(bytes=growth, is_storage=False)
    least = 0 if job.kind == JobKind.ENRICH else LEAST_BYTES
    storage = max(left, source - made, least)
    return Budget(bytes=min(growth, storage), is_storage=storage < growth)


def has_room_for_original(job: Job) -> bool:
    """Whether the source fits into the member's storage once more, in original quality."""
    left = _left_bytes(job)
    return left is None or left >= job.video.file_size_bytes


def with_left_out(note: str, *, is_left_out: bool) -> str:
    """A video's note with or without the sentence about smaller renditions."""
    others = note.replace(LEFT_OUT_NOTE, "").strip()
    return f"{others} {LEFT_OUT_NOTE}".strip() if is_left_out else others


def _left_bytes(job: Job) -> int | None:
    """Of the member's storage; None without a limit."""
    return stored_state(User.objects.get(pk=job.video.uploaded_by_id)).left_bytes
