"""Removes user data from the picture of a finished copy, in place.

Car cameras, drones and phones write the place of each frame between the frames, which a copy would
publish. What is removed is overwritten with filler of the same size, so that no offset in the file
changes. Each codec has a cleaner that reads only the headers of what it keeps. VP9 has no place for
user data.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from videos.transcode.av1_metadata import Av1Cleaner
from videos.transcode.container import FileReader
from videos.transcode.errors import ProcessingError
from videos.transcode.hevc_sei import HevcCleaner
from videos.transcode.moov import decoder_record, picture_boxes, video_track
from videos.transcode.sample_runs import boxes_with_samples, samples_of
from videos.transcode.sei import AvcCleaner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from videos.transcode.sei import Change, Cleaner

# By FFmpeg's name of the codec.
CLEANERS: Final[Mapping[str, type[Cleaner]]] = {
    "h264": AvcCleaner,
    "hevc": HevcCleaner,
    "av1": Av1Cleaner,
}
# Of all pictures together: broadcasts have some 70 slices in a picture, other writers below ten.
MAX_UNITS, MAX_UNITS_OF_A_PICTURE = 100_000, 100


def remove_user_data(
    path: Path, *, codec: str = "h264", tick: Callable[[], None] = lambda: None
) -> int:
    """Overwrites user data in the picture of a fragmented MP4. Returns the changed units.

    Players may be reading the file: filler plays the same, and the modification time stays as it
    was. Needs a short read for each unit of a picture: 10 ms for 1,800 frames of H.264. Running it
    again changes nothing.

    Args:
        codec: of the picture, in FFmpeg's name.
        tick: called for each fragment.

    Raises:
        UnfitCopyError: the pictures have more parts than real ones.
        ProcessingError: the file does not have the layout that FFmpeg writes.
        OSError: the file cannot be read or written.
    """
    cleaner = CLEANERS.get(codec)
    if cleaner is None:
        return 0
    changed = 0
    with path.open("r+b") as file:
        reader = FileReader.of(file)
        stat = os.fstat(file.fileno())
        try:
            for offset, old, new in _changes(reader, cleaner, tick):
                if old != new:
                    os.pwrite(file.fileno(), new, offset)
                    os.utime(file.fileno(), ns=(stat.st_atime_ns, stat.st_mtime_ns))
                    changed += 1
        except (ValueError, IndexError) as error:
            raise ProcessingError(
                "The processed video cannot be read. Please try again.",
                detail=f"user data: {error}",
            ) from error
    return changed


def _changes(
    reader: FileReader, cleaner_of: type[Cleaner], tick: Callable[[], None]
) -> Iterator[Change]:
    """Yields an offset, the bytes that are there, and those that belong there."""
    track = fragments = 0
    cleaner: Cleaner | None = None
    units_left = MAX_UNITS
    for box in boxes_with_samples(reader):
        if box.kind == b"moov":
            track = video_track(box.content)
            at, record = decoder_record(box.content, cleaner_of.box)
            cleaner = cleaner_of(record, picture_boxes(box.content))
            yield box.start + at, record, cleaner.clean_record(record)
        elif cleaner is not None:
            fragments += 1
            tick()
            for sample in samples_of(box.content, box.offset, track):
                units_left += MAX_UNITS_OF_A_PICTURE
                units_left -= yield from cleaner.changes_in(reader, sample, units_left)
    if not fragments:
        raise ValueError("no fragments")
