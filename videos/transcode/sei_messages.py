"""Removes messages from an SEI unit of H.264 or HEVC, without changing its size.

Both codecs have the same messages (ITU-T H.264, 7.3.2.3 and annex D; ITU-T H.265, 7.3.5 and
annex D); each module says which of them it keeps.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Messages that say how to decode or show the picture: recovery point, frame packing, display
# orientation, mastering display, light level, preferred transfer.
KEPT_MESSAGES: Final = frozenset({6, 45, 47, 137, 144, 147})
# Registered user data (ITU-T T.35), after country and provider. Captions (ATSC A/53 part 4): the
# USA, ATSC, "GA94", caption data.
REGISTERED, CAPTIONS = 4, b"\xb5\x00\x31GA94\x03"
FILLER_MESSAGE: Final = 3
NO_MESSAGE: Final = -1
END: Final = b"\x80"  # the stop bit after the last message
# Units of more messages are emptied, so that a hostile one cannot fill memory.
MAX_MESSAGES: Final = 256


def clean_messages(content: bytes, is_kept: Callable[[int, bytes], bool]) -> bytes:
    """Returns content of the same size with only the messages that are kept, and filler.

    Args:
        content: an SEI unit without its header.
        is_kept: whether to keep a message, by its type and its payload.
    """
    messages = list(islice(_messages(_unescaped(content)), MAX_MESSAGES + 1))
    if len(messages) > MAX_MESSAGES:
        messages = [(NO_MESSAGE, b"")]
    kept = [
        message
        for kind, message in messages
        if kind == FILLER_MESSAGE or is_kept(kind, _payload(message))
    ]
    if len(kept) == len(messages) or all(kind == FILLER_MESSAGE for kind, _ in messages):
        return content
    filler = bytes([FILLER_MESSAGE])  # comes next, and must not look like an escape
    cleaned = _escaped(b"".join(kept) + filler).removesuffix(filler)
    room = len(content) - 1 - len(cleaned)
    if room < 2:  # a size that no message has, only in damaged units
        cleaned, room = b"", len(content) - 1
    return cleaned + _filler(room) + END * bool(content)


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


def _payload(message: bytes) -> bytes:
    """Returns a message without its type and its size."""
    for _ in range(2):
        message = message.lstrip(b"\xff")[1:]
    return message


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
