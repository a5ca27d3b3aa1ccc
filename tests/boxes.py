"""Rewrites the boxes of small MP4 files, to make sources that no encoder here writes.

Boxes are those of ISO/IEC 14496-12. The chunk offsets of a rewritten file stay right only if its
``moov`` comes last, as FFmpeg writes it by default, or if the caller corrects them.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

CONTAINERS = frozenset(
    {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"udta", b"dinf", b"mvex"}
)


@dataclass
class Box:
    """One box: a container of other boxes, or bytes.

    Attributes:
        kind: four bytes.
        content: the bytes after the header; b"" for a container.
        boxes: of a container, in the file's order.
        is_large: whether its header has a size of 64 bits.
    """

    kind: bytes
    content: bytes = b""
    boxes: list[Box] = field(default_factory=list)
    is_large: bool = False

    def all(self, kind: bytes) -> list[Box]:
        """Returns the boxes of this kind that it contains directly."""
        return [box for box in self.boxes if box.kind == kind]

    def find(self, *path: bytes) -> Box:
        """Returns the first box at this path. Raises: KeyError if there is none."""
        box = self
        for kind in path:
            found = box.all(kind)
            if not found:
                raise KeyError(kind)
            box = found[0]
        return box

    def remove(self, *kinds: bytes) -> None:
        """Removes all boxes of these kinds that it contains directly."""
        self.boxes = [box for box in self.boxes if box.kind not in kinds]

    def patch(self, offset: int, layout: str, *values: int) -> None:
        """Overwrites numbers in its content; ``layout`` is that of `struct`."""
        content = bytearray(self.content)
        struct.pack_into(layout, content, offset, *values)
        self.content = bytes(content)

    def number(self, offset: int, layout: str = ">I") -> int:
        """Returns a number of its content."""
        value: int = struct.unpack_from(layout, self.content, offset)[0]
        return value

    def as_bytes(self) -> bytes:
        content = b"".join(box.as_bytes() for box in self.boxes) or self.content
        if self.is_large:
            return struct.pack(">I4sQ", 1, self.kind, len(content) + 16) + content
        return struct.pack(">I4s", len(content) + 8, self.kind) + content


def load(path: Path) -> Box:
    """Returns the file as a box without a kind, which contains those of its top level."""
    return Box(b"", boxes=_parsed(path.read_bytes()))


def save(file: Box, path: Path) -> Path:
    """Writes what `load` returned. Returns the path."""
    path.write_bytes(b"".join(box.as_bytes() for box in file.boxes))
    return path


def tracks(file: Box, handler: bytes | None = None) -> list[Box]:
    """Returns the ``trak`` boxes; with a handler (b"vide", b"soun") only those of that kind."""
    found = file.find(b"moov").all(b"trak")
    return [box for box in found if handler in (None, handler_of(box))]


def handler_of(track: Box) -> bytes:
    return track.find(b"mdia", b"hdlr").content[8:12]


def sample_table(track: Box) -> Box:
    return track.find(b"mdia", b"minf", b"stbl")


def _parsed(data: bytes) -> list[Box]:
    boxes: list[Box] = []
    place = 0
    while place + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, place)
        length = 8
        if size == 1:
            size, length = struct.unpack_from(">Q", data, place + 8)[0], 16
        elif size == 0:
            size = len(data) - place
        content = data[place + length : place + size]
        is_container = kind in CONTAINERS
        boxes.append(
            Box(
                kind,
                content=b"" if is_container else content,
                boxes=_parsed(content) if is_container else [],
                is_large=length == 16,
            )
        )
        place += max(size, 8)
    return boxes
