"""Checks that the samples that an MP4 or MOV lists lie in the file.

A file may be cut although its boxes look whole: an ``mdat`` may reach "to the end of the file", or
its size may be wrong. Boxes are those of ISO/IEC 14496-12. The tables are read, the media is not.
"""

from __future__ import annotations

import struct
import sys
from array import array
from itertools import chain, islice, pairwise
from typing import TYPE_CHECKING

from videos.transcode.boxes import MAX_CHILDREN, children, whole_file
from videos.transcode.container import FIRST_BOXES, FileReader

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from videos.transcode.boxes import Box

MAX_TABLE_BYTES = 64 * 1024 * 1024  # 12 h in chunks of one packet: 8 million entries
MAX_SAMPLES = 1_000_000  # in the last chunk
MAX_RUN_BYTES = 16 * 1024 * 1024  # of an stsc: 1.4 million runs of chunks
MAX_BOXES = 10_000  # of the file
JUDGED_HANDLERS = (b"vide", b"soun")


def has_all_samples(path: Path) -> bool:
    """Returns False if a picture or sound sample starts after the end of the file.

    Returns True for other files, and for tables that it cannot read: it only accuses a file that
    certainly lacks something. Raises: OSError.
    """
    with path.open("rb") as file:
        reader = FileReader.of(file)
        if reader.read(4, 4) not in FIRST_BOXES:
            return True
        try:
            return all(
                _last_sample(reader, track) < reader.size
                # FFmpeg, too, reads only the first one.
                for moov in islice(_children(reader, whole_file(reader), b"moov", MAX_BOXES), 1)
                for track in _children(reader, moov, b"trak")
                if _is_judged(reader, track)
            )
        except (ValueError, struct.error):
            return True


def _children(
    reader: FileReader, parent: Box, kind: bytes, limit: int = MAX_CHILDREN
) -> Iterator[Box]:
    return children(reader, parent, kind, limit=limit, with_cut=True)


def _child(reader: FileReader, box: Box, *path: bytes) -> Box:
    for kind in path:
        found = next(_children(reader, box, kind), None)
        if found is None:
            raise ValueError(kind)
        box = found
    return box


def _content(reader: FileReader, box: Box, limit: int = MAX_TABLE_BYTES) -> bytes:
    if box.end - box.start > limit:
        raise ValueError("a table that is too large")
    return reader.read(box.start, box.end - box.start)


def _is_judged(reader: FileReader, track: Box) -> bool:
    """Returns whether it is a picture or sound track whose media is in this file."""
    if _content(reader, _child(reader, track, b"mdia", b"hdlr"))[8:12] not in JUDGED_HANDLERS:
        return False
    references = _content(reader, _child(reader, track, b"mdia", b"minf", b"dinf", b"dref"))
    is_here = 1  # flag of the first reference (section 8.7.2)
    return bool(references[19] & is_here) if len(references) >= 20 else False


def _last_sample(reader: FileReader, track: Box) -> int:
    """Returns the offset of the last sample; -1 if there is none, as in fragmented files."""
    table = _child(reader, track, b"mdia", b"minf", b"stbl")
    sizes = _child(reader, table, b"stsz")
    usual, count = struct.unpack(">II", reader.read(sizes.start + 4, 8))
    offsets = _chunk_offsets(reader, table)
    runs = _content(reader, _child(reader, table, b"stsc"), MAX_RUN_BYTES)[8:]
    chunks, samples = _filled_chunks(runs, count, len(offsets))
    if not chunks:
        return -1
    furthest, last = max(islice(offsets, chunks)), offsets[chunks - 1]
    if last != furthest:  # chunks in another order: the start of the chunk will do
        return int(furthest)
    before = min(samples, MAX_SAMPLES) - 1
    if usual:
        return int(last + usual * before)
    end = sizes.start + 12 + 4 * count
    listed = reader.read(end - 4 * (before + 1), 4 * before)
    return int(last + sum(struct.unpack(f">{before}I", listed)))


def _chunk_offsets(reader: FileReader, table: Box) -> array[int]:
    small = next(_children(reader, table, b"stco"), None)
    content = _content(reader, small or _child(reader, table, b"co64"))
    offsets = array("I" if small else "Q")
    whole = (len(content) - 8) // offsets.itemsize * offsets.itemsize
    offsets.frombytes(content[8 : 8 + max(0, whole)])
    if sys.byteorder == "little":
        offsets.byteswap()
    return offsets


def _filled_chunks(runs: bytes, samples: int, chunks: int) -> tuple[int, int]:
    """Returns how many chunks have samples, and how many samples the last of them has.

    Some writers list an empty chunk at the end of the file.

    Args:
        runs: of stsc: the first chunk of a run, samples in each of its chunks, and a third number.
    """
    starts = struct.iter_unpack(">III", runs[: len(runs) // 12 * 12])
    left, last = samples, (0, 0)
    # One after the other: a list of a million runs would have 160 MB.
    for (first, each, _), (end, _, _) in pairwise(chain(starts, [(chunks + 1, 0, 0)])):
        count = min(end, chunks + 1) - first
        if not left or count <= 0 or not each:
            continue
        filled = min(count, -(-left // each))
        last = (first + filled - 1, min(each, left - (filled - 1) * each))
        left -= min(left, filled * each)
    return last
