"""Walks the boxes of an MP4 or MOV by their headers, without reading what they contain.

Boxes are those of ISO/IEC 14496-12, section 4.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from videos.transcode.container import FileReader, box_header

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_CHILDREN = 256  # real boxes have some ten; a hostile file must not keep a worker busy


class Box(NamedTuple):
    """A box in the file. Its header begins at ``begin``, its content at ``start``; ``end`` is the
    offset after it. All in bytes."""

    kind: bytes
    begin: int
    start: int
    end: int


def whole_file(reader: FileReader) -> Box:
    """Returns the file as a box that contains those of its top level."""
    return Box(b"", 0, 0, reader.size)


def children(
    reader: FileReader,
    parent: Box,
    kind: bytes | None = None,
    *,
    limit: int = MAX_CHILDREN,
    with_cut: bool = False,
) -> Iterator[Box]:
    """Yields the boxes that another one contains directly, up to the first damaged one.

    Args:
        kind: yield only boxes of this kind.
        limit: how many boxes to read.
        with_cut: yield also a box that is larger than the rest of its parent, up to there.
    """
    place = parent.start
    for _ in range(limit):
        header = box_header(reader.read(place, 16)) if place + 8 <= parent.end else None
        if header is None:
            return
        size = header.size or parent.end - place  # 0: to the end
        is_cut = place + size > parent.end
        if size < header.length or (is_cut and not with_cut):
            return
        if kind in (None, header.kind):
            start = place + header.length
            yield Box(header.kind, place, start, max(start, min(place + size, parent.end)))
        place += size


def child(reader: FileReader, box: Box, *path: bytes) -> Box | None:
    """Returns the first box at this path; None if there is none."""
    found: Box | None = box
    for kind in path:
        if found is None:
            return None
        found = next(children(reader, found, kind), None)
    return found
