"""Names of published files: `<video's id>-<version>[-<part>].<extension>`.

The version is that of the attempt, or of the uploaded thumbnail, which made the file
(clipset.lib.filenames).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple
from uuid import UUID

if TYPE_CHECKING:
    from typing import Self

STORYBOARD: Final = "storyboard"
# The name of a rendition whose picture is the uploaded one, in H.264.
COPY: Final = "source"
# The name of a rendition in original quality (videos.transcode.original).
ORIGINAL_QUALITY: Final = "original"
VERSION_CHARACTERS: Final = 12

_NAME: Final = re.compile(
    r"(?P<video_id>[0-9a-f]{32})-(?P<version>[0-9a-f]{12})"
    r"(?:-(?P<part>source|original|\d{3,4}p|storyboard))?\.(?P<extension>\w+)"
)
_VIDEO_ID: Final = re.compile(r"\.?([0-9a-f]{32})[-.]")


class PublishedName(NamedTuple):
    """`part` is the name of a rendition ("source", "original", "1080p"), "storyboard", or "" for
    a thumbnail and for a kept original."""

    video_id: UUID
    version: str
    part: str
    extension: str

    @classmethod
    def of(cls, filename: str) -> Self | None:
        """None for a name of another form."""
        found = _NAME.fullmatch(filename)
        if found is None:
            return None
        part = found["part"] or ""
        return cls(UUID(found["video_id"]), found["version"], part, found["extension"])

    @property
    def is_rendition(self) -> bool:
        return self.part not in {"", STORYBOARD} and self.extension == "mp4"

    @property
    def is_storyboard(self) -> bool:
        return self.part == STORYBOARD and self.extension == "jpg"

    @property
    def is_thumbnail(self) -> bool:
        return not self.part and self.extension == "jpg"


def published_stem(video_id: UUID, version: str) -> str:
    """The beginning of the names of all files of one version."""
    return f"{video_id.hex}-{version}"


def video_id_of(filename: str) -> UUID | None:
    """The video whose id a name begins with. A dot may come first: a copy that was cut off."""
    found = _VIDEO_ID.match(filename)
    return UUID(found[1]) if found else None
