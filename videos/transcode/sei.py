"""Removes user data from the H.264 picture of a finished copy, in place.

Car cameras and drones write the place of each frame into SEI messages (ITU-T H.264, 7.3.2.3 and
annex D), which a copy would publish. FFmpeg's filter for that (``filter_units``) takes 0.4 s for
150 MB. This module reads only the headers of the units, and overwrites what it removes with filler
of the same size, so that no offset in the file changes.
"""

from __future__ import annotations

import os
import re
from itertools import islice
from typing import TYPE_CHECKING, Final

from videos.transcode.container import FileReader
from videos.transcode.errors import ProcessingError, UnfitCopyError
from videos.transcode.moov import avc_record, video_track
from videos.transcode.sample_runs import Sample, boxes_with_samples, samples_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path

# Types of NAL units (table 7-1).
SEI, FILLER = 6, 12
PARAMETER_SETS: Final = frozenset({7, 8, 13})
# Filler, and types without a meaning, in which a camera could store anything.
UNKNOWN_UNITS: Final = frozenset({0, FILLER, *range(22, 32)})

# Types of SEI messages (D.1.1) that say how to decode or show the picture: recovery point, frame
# packing, display orientation, mastering display, light level, preferred transfer.
KEPT_MESSAGES: Final = frozenset({6, 45, 47, 137, 144, 147})
# Captions (ATSC A/53 part 4): ITU-T T.35 of the USA, its provider ATSC, "GA94", caption data.
REGISTERED, CAPTIONS = 4, b"\xb5\x00\x31GA94\x03"
FILLER_MESSAGE: Final = 3
NO_MESSAGE: Final = -1
END: Final = b"\x80"  # the stop bit after the last message

# Real units of user data have some hundred bytes. Larger ones, and those of more messages, are
# removed as a whole, so that a hostile one cannot fill memory.
MAX_UNIT_BYTES: Final = 64 * 1024
MAX_MESSAGES: Final = 256
BLOCK_BYTES: Final = 1024**2
# Of all pictures together: broadcasts have some 70 slices in a picture, other writers below ten.
MAX_UNITS, MAX_UNITS_OF_A_PICTURE = 100_000, 100
TOO_MANY_UNITS: Final = "too many units in its pictures"

# Profiles whose avcC ends with fields of their own (ISO/IEC 14496-15, 5.3.3.1.2).
HIGH_PROFILES: Final = frozenset({100, 110, 122, 144, 244, 44})


def remove_user_data(path: Path, *, tick: Callable[[], None] = lambda: None) -> int:
    """Overwrites user data in the H.264 picture of a fragmented MP4. Returns the changed units.

    Players may be reading the file: filler plays the same, and the modification time stays as it
    was. Needs a short read for each NAL unit: 10 ms for 1,800 frames. Running it again changes
    nothing.

    Args:
        tick: called for each fragment.

    Raises:
        UnfitCopyError: the pictures have more parts than real ones.
        ProcessingError: the file does not have the layout that FFmpeg writes.
        OSError: the file cannot be read or written.
    """
    changed = 0
    with path.open("r+b") as file:
        reader = FileReader.of(file)
        stat = os.fstat(file.fileno())
        try:
            for offset, old, new in _changes(reader, tick):
                if old != new:
                    os.pwrite(file.fileno(), new, offset)
                    os.utime(file.fileno(), ns=(stat.st_atime_ns, stat.st_mtime_ns))
                    changed += 1
        except (ValueError, IndexError) as error:
            raise ProcessingError(
                "The processed video cannot be read. Please try again.", detail=f"SEI: {error}"
            ) from error
    return changed


def _changes(reader: FileReader, tick: Callable[[], None]) -> Iterator[tuple[int, bytes, bytes]]:
    """Yields an offset, the bytes that are there, and those that belong there."""
    track = length_size = fragments = 0
    units_left = MAX_UNITS
    for box in boxes_with_samples(reader):
        if box.kind == b"moov":
            track = video_track(box.content)
            at, record = avc_record(box.content)
            length_size = (record[4] & 3) + 1
            yield box.start + at, record, clean_record(record)
        elif track:
            fragments += 1
            tick()
            for sample in samples_of(box.content, box.offset, track):
                units_left += MAX_UNITS_OF_A_PICTURE
                units_left -= yield from _changes_in(reader, sample, length_size, units_left)
    if not fragments:
        raise ValueError("no fragments")


def _changes_in(
    reader: FileReader, sample: Sample, length_size: int, most: int
) -> Generator[tuple[int, bytes, bytes], None, int]:
    """Yields the changes in one picture. Returns how many units it has. Raises: UnfitCopyError for
    more than ``most``."""
    units, place, end = 0, sample.offset, sample.offset + sample.size
    while place + length_size < end:
        start = reader.read(place, length_size + 1)
        size = int.from_bytes(start[:length_size])
        place += length_size
        if len(start) <= length_size or place + size > end:
            break  # the units of a damaged picture are not told apart; decoders stop here, too
        units += 1
        if units > most:
            raise UnfitCopyError(TOO_MANY_UNITS)
        if size and (start[-1] & 31 == SEI or start[-1] & 31 in UNKNOWN_UNITS):
            if size > MAX_UNIT_BYTES:
                yield from _filled(reader, place, size)
            else:
                unit = reader.read(place, size)
                yield place, unit, clean_unit(unit)
        place += size
    return units


def _filled(reader: FileReader, place: int, size: int) -> Iterator[tuple[int, bytes, bytes]]:
    """Yields the changes, block after block, that make filler of a large unit."""
    for start in range(0, size, BLOCK_BYTES):
        length = min(BLOCK_BYTES, size - start)
        new = bytearray(b"\xff" * length)
        if start == 0:
            new[0] = FILLER
        if start + length == size:
            new[-1:] = END
        yield place + start, reader.read(place + start, length), bytes(new)


def clean_record(record: bytes) -> bytes:
    """Returns an ``avcC`` of the same size with nothing but parameter sets.

    Raises: IndexError if it is cut.
    """
    cleaned = bytearray(record)
    place = 5
    for mask in (31, 255):
        count = record[place] & mask
        place += 1
        place = _clean_units(cleaned, place, count)
    if record[1] in HIGH_PROFILES and place + 4 <= len(record):
        place = _clean_units(cleaned, place + 4, record[place + 3])
    cleaned[place:] = bytes(len(record) - place)
    return bytes(cleaned)


def _clean_units(record: bytearray, place: int, count: int) -> int:
    """Cleans so many units, each after its size of 16 bits. Returns the offset after them."""
    for _ in range(count):
        size = record[place] << 8 | record[place + 1]
        place += 2
        unit = bytes(record[place : place + size])
        if unit and unit[0] & 31 not in PARAMETER_SETS:
            record[place : place + size] = clean_unit(unit)
        place += size
    return place


def clean_unit(unit: bytes) -> bytes:
    """Returns a unit of the same size: an SEI with only what is kept, and filler for any other."""
    if unit[0] & 31 != SEI:
        return bytes([FILLER]) + b"\xff" * (len(unit) - 2) + END * (len(unit) > 1)
    messages = list(islice(_messages(_unescaped(unit[1:])), MAX_MESSAGES + 1))
    if len(messages) > MAX_MESSAGES:
        messages = [(NO_MESSAGE, b"")]
    kept = [message for kind, message in messages if _is_kept(kind, message)]
    if len(kept) == len(messages) or all(kind == FILLER_MESSAGE for kind, _ in messages):
        return unit
    content = _escaped(b"".join(kept))
    room = len(unit) - 2 - len(content)
    if room < 2:  # a size that no message has, only in damaged units
        content, room = b"", len(unit) - 2
    return unit[:1] + content + _filler(room) + END * (len(unit) > 1)


def _messages(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Yields the type and all bytes of each message (7.3.2.3.1). A cut one is NO_MESSAGE."""
    content = content.rstrip(b"\0").removesuffix(END)
    place = 0
    while place < len(content):
        start, numbers = place, []
        for _ in range(2):  # the type, then the size: a byte of 255 for each 255
            number = 0
            while place < len(content) and content[place] == 255:
                number, place = number + 255, place + 1
            if place < len(content):
                number, place = number + content[place], place + 1
            numbers.append(number)
        place += numbers[1]
        yield numbers[0] if place <= len(content) else NO_MESSAGE, content[start:place]


def _is_kept(kind: int, message: bytes) -> bool:
    is_caption = kind == REGISTERED and message.lstrip(b"\4\xff")[1:].startswith(CAPTIONS)
    return kind in KEPT_MESSAGES or kind == FILLER_MESSAGE or is_caption


def _filler(size: int) -> bytes:
    """Returns filler messages (D.1.4) of so many bytes together; there is none of 1 byte."""
    if size < 2:
        return b"\xff" * max(size, 0)
    if size % 256 == 1:  # the size field of one message would need one byte more or less
        return bytes([FILLER_MESSAGE, 0]) + _filler(size - 2)
    longs, rest = divmod(size - 2, 256)
    return (
        bytes([FILLER_MESSAGE]) + b"\xff" * longs + bytes([rest]) + b"\xff" * (255 * longs + rest)
    )


def _unescaped(content: bytes) -> bytes:
    """Removes the bytes that keep the content from looking like the start of a unit (7.4.1.1)."""
    return content.replace(b"\0\0\3", b"\0\0")


def _escaped(content: bytes) -> bytes:
    return re.sub(rb"\0\0(?=[\0-\3])", b"\0\0\3", content)
