"""Hides tracks from ffprobe, which refuses a whole file for one track that it cannot open.

ffprobe opens the decoder of every track, also of those that nobody needs, and ends if one is not on
the whitelist or rejects its parameters. There is no option against it. So it is shown the same file
with other bytes in the description of such a track: a name that no codec has. The rest is read from
the file itself, through FFmpeg's protocols ``concat`` and ``subfile``. No decoder is added to the
whitelist, and the file is not changed.

Knows MP4, MOV, Matroska, WebM and AVI.
"""

from __future__ import annotations

import itertools
import os
import struct
from typing import TYPE_CHECKING, Final, NamedTuple

from videos.transcode.boxes import child, children, whole_file
from videos.transcode.container import EBML_HEADER, FIRST_BOXES, SEGMENT, FileReader

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

UNKNOWN: Final = b"zzzz"  # a name that no codec has
MAX_DESCRIPTION_BYTES: Final = 1024**2
MAX_HEADER_BYTES: Final = 4 * 1024**2
MAX_ELEMENTS: Final = 10_000
MAX_TRACKS: Final = 256
MAX_PARTS_OF_A_TRACK: Final = 256  # real ones have some twenty
MAX_ADDRESS_BYTES: Final = 100_000  # Linux starts no program with an argument above 128 KiB

# Fields of a sample entry in front of its boxes (ISO/IEC 14496-12, 12.1.3 and 12.2.3), which begin
# with 6 reserved bytes and a reference.
PICTURE_FIELDS, SOUND_FIELDS, OTHER_FIELDS = 78, 28, 8

# Matroska (RFC 9559): elements, and the types of tracks by the first letters of their codecs.
TRACKS, TRACK_ENTRY, TRACK_TYPE, CODEC_ID = 0x1654AE6B, 0xAE, 0x83, 0x86
CLUSTER = 0x1F43B675
LETTERS: Final = {1: b"V", 2: b"A", 17: b"SD", 33: b"DS"}


class Patch(NamedTuple):
    """Bytes to show at an offset of the file instead of its own."""

    offset: int
    content: bytes


class View(NamedTuple):
    """How ffprobe opens a file: an address, the files in it, and the protocols that it needs."""

    address: str
    files: tuple[Path, ...]
    protocols: str = "file"


def plain_view(path: Path) -> View:
    """Returns the file as it is."""
    return View(f"file:{path.absolute()}", (path,))


def masked_view(path: Path, patches: Iterable[Patch], folder: Path) -> View | None:
    """Returns the file with patches that do not overlap. None for a path that cannot be quoted,
    and for so many patches that the address would be too long.

    Args:
        folder: where the patches are stored; it must exist as long as the view is used.
    """
    address, at, size = f"file:{path.absolute()}", 0, path.stat().st_size
    parts, files = list[str](), [path]
    for number, patch in enumerate(sorted(patches)):
        shown = folder / f"{number}.bin"
        shown.write_bytes(patch.content)
        files.append(shown)
        parts += [_part(address, at, patch.offset), f"file:{shown.absolute()}"]
        at = patch.offset + len(patch.content)
    parts.append(_part(address, at, size))
    joined = "concat:" + "|".join(parts)
    if any("|" in part for part in parts) or len(os.fsencode(joined)) > MAX_ADDRESS_BYTES:
        return None
    return View(joined, tuple(files), "file,concat,subfile")


def _part(address: str, start: int, end: int) -> str:
    return f"subfile,,start,{start},end,{end},,:{address}"


def mask_track(path: Path, index: int) -> list[Patch]:
    """Returns patches after which FFmpeg knows no decoder for a track; none if it was not found.

    Args:
        index: number of the stream, as FFmpeg counts.

    Raises: OSError.
    """
    with path.open("rb") as file:
        reader = FileReader.of(file)
        head = reader.read(0, 12)
        try:
            if head[4:8] in FIRST_BOXES:
                return list(_mask_mp4(reader, index))
            if head[:4] == EBML_HEADER.to_bytes(4):
                return list(_mask_matroska(reader, index))
            if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
                return list(_mask_avi(reader, index))
        except (ValueError, struct.error):
            pass
    return []


# -- MP4 and MOV


def _mask_mp4(reader: FileReader, index: int) -> Iterator[Patch]:
    """Every track of the moov is a stream. Renames its sample entries and frees their boxes, since
    FFmpeg also takes a codec from a box in them."""
    moov = child(reader, whole_file(reader), b"moov")
    tracks = children(reader, moov, b"trak") if moov else iter(())
    track = next(itertools.islice(tracks, index, None), None)
    media = child(reader, track, b"mdia") if track else None
    table = child(reader, media, b"minf", b"stbl", b"stsd") if media else None
    handler = child(reader, media, b"hdlr") if media else None
    if table is None or handler is None or table.end - table.start > MAX_DESCRIPTION_BYTES:
        return
    kind = reader.read(handler.start + 8, 4)
    fields = {b"vide": PICTURE_FIELDS, b"soun": SOUND_FIELDS}.get(kind, OTHER_FIELDS)
    for entry in children(reader, table._replace(start=table.start + 8)):
        content = reader.read(entry.start, entry.end - entry.start)
        head, rest = bytearray(content[:fields]), len(content) - fields
        if kind == b"soun":
            head[8:10] = b"\0\0"  # the version: QuickTime's others have more fields
        free = struct.pack(">I4s", rest, b"free") if rest >= 8 else b""
        hidden = bytes(head) + free + bytes(max(0, rest) - len(free))
        yield Patch(entry.start - 4, UNKNOWN + hidden)


# -- Matroska and WebM


class _Element(NamedTuple):
    identifier: int
    start: int
    end: int


def _mask_matroska(reader: FileReader, index: int) -> Iterator[Patch]:
    """FFmpeg makes no stream of tracks whose type and codec do not fit; attachments come last."""
    found = -1
    for entry in _elements(reader, *_tracks(reader), limit=MAX_TRACKS):
        if entry.identifier != TRACK_ENTRY:
            continue
        parts = _elements(reader, entry.start, entry.end, limit=MAX_PARTS_OF_A_TRACK)
        values = {one.identifier: one for one in parts}
        codec, kind = values.get(CODEC_ID), values.get(TRACK_TYPE)
        if codec is None or kind is None:
            continue
        name = reader.read(codec.start, codec.end - codec.start)
        letters = LETTERS.get(int.from_bytes(reader.read(kind.start, kind.end - kind.start)), b"")
        found += name[:1] != b"" and name[:1] in letters
        if found == index:
            yield Patch(codec.start + 2, b"Z" * (len(name) - 2))
            return


def _tracks(reader: FileReader) -> tuple[int, int]:
    """Returns where the content of the Tracks element is; nothing if it is behind a cluster."""
    place = 0
    for _ in range(MAX_ELEMENTS):
        element = _element(reader, place, reader.size)
        if element is None or element.identifier == CLUSTER:
            break
        if element.identifier == TRACKS:
            return element.start, min(element.end, element.start + MAX_HEADER_BYTES)
        # The elements of the segment come next.
        place = element.start if element.identifier == SEGMENT else element.end
    return 0, 0


def _elements(reader: FileReader, start: int, end: int, *, limit: int) -> Iterator[_Element]:
    for _ in range(limit):
        element = _element(reader, start, end) if start < end else None
        if element is None:
            return
        yield element
        start = element.end


def _element(reader: FileReader, place: int, end: int) -> _Element | None:
    """Reads the header of an element (RFC 8794); one of unknown size lasts to the end."""
    start = reader.read(place, 12)
    if len(start) < 2 or not start[0]:
        return None
    id_length = 9 - start[0].bit_length()
    if len(start) <= id_length or not start[id_length]:
        return None
    length = 9 - start[id_length].bit_length()
    mask = (1 << (7 * length)) - 1
    size = int.from_bytes(start[id_length : id_length + length]) & mask
    content = place + id_length + length
    until = end if size == mask else min(end, content + size)
    return _Element(int.from_bytes(start[:id_length]), content, until)


# -- AVI


def _mask_avi(reader: FileReader, index: int) -> Iterator[Patch]:
    """Every ``strl`` is a stream. Its header and its format (``strf``) name the codec."""
    headers = next(_lists(reader, 12, reader.size, b"hdrl"), (0, 0))
    stream = next(itertools.islice(_lists(reader, *headers, b"strl"), index, None), (0, 0))
    chunks = {kind: place for kind, place, _ in _chunks(reader, *stream)}
    if b"strh" not in chunks or b"strf" not in chunks:
        return
    yield Patch(chunks[b"strh"] + 4, UNKNOWN)
    if reader.read(chunks[b"strh"], 4) == b"auds":
        yield Patch(chunks[b"strf"], UNKNOWN[:2])
    else:
        yield Patch(chunks[b"strf"] + 16, UNKNOWN)


def _lists(reader: FileReader, start: int, end: int, name: bytes) -> Iterator[tuple[int, int]]:
    for kind, place, size in _chunks(reader, start, end):
        if kind == b"LIST" and reader.read(place, 4) == name:
            yield place + 4, place + size


def _chunks(reader: FileReader, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yields the name, offset of the content and size of each chunk, padded to even sizes."""
    for _ in range(MAX_ELEMENTS):
        if start + 8 > end:
            return
        kind, size = struct.unpack("<4sI", reader.read(start, 8))
        yield kind, start + 8, size
        start += 8 + size + size % 2
