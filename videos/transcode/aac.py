"""Checks copied AAC for what players refuse or play differently.

Browsers set their decoder up by the configuration in the file and end where a frame has other
channels; FFmpeg follows the frames. AAC is that of ISO/IEC 14496-3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from videos.transcode.codec_names import Bits, sound_configurations
from videos.transcode.container import FileReader
from videos.transcode.errors import ProcessingError
from videos.transcode.sample_runs import boxes_with_samples, samples_of, tracks_in

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FRAME_BYTES: Final = 1024  # read of a frame: padding that may come first has 530 bytes at most
# The first element of a frame (table 4.85) by the channel configuration (table 1.19).
SINGLE, PAIR, DATA, PROGRAM, FILL, END = 0, 1, 4, 5, 6, 7
FIRST_ELEMENTS: Final = {1: SINGLE, 2: PAIR, **dict.fromkeys(range(3, 8), SINGLE)}

OWN: Final = "sound with a channel layout of its own"
OTHERS: Final = "sound with other channels than its configuration"


def reason_to_encode(path: Path, *, tick: Callable[[], None] = lambda: None) -> dict[int, str]:
    """Returns why the AAC of a fragmented MP4 must be encoded, by the number of the track.

    Empty if players take all sound as it is, and for a file without AAC. Looks at the configuration
    and at the first frame of each fragment, which takes a few short reads for each fragment.

    Args:
        tick: called for each fragment.

    Raises:
        ProcessingError: the file does not have the layout that FFmpeg writes.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        try:
            return _reasons(FileReader.of(file), tick)
        except ValueError as error:
            raise ProcessingError(
                "The processed video cannot be read. Please try again.", detail=f"AAC: {error}"
            ) from error


def _reasons(reader: FileReader, tick: Callable[[], None]) -> dict[int, str]:
    found: dict[int, str] = {}
    layouts: dict[int, int] = {}
    for box in boxes_with_samples(reader):
        if box.kind == b"moov":
            tracks = sound_configurations(box.content).items()
            layouts = {track: channel_configuration(told) for track, told in tracks}
            found = {track: OWN for track, told in layouts.items() if told not in FIRST_ELEMENTS}
        else:
            tick()
            for track in tracks_in(box.content) & layouts.keys() - found.keys():
                sample = next(samples_of(box.content, box.offset, track), None)
                if sample is not None:
                    frame = reader.read(sample.offset, min(sample.size, FRAME_BYTES))
                    if not has_channels(frame, layouts[track]):
                        found[track] = OTHERS
        if layouts.keys() == found.keys():
            break
    return found


def channel_configuration(configuration: bytes) -> int:
    """Returns the number of the channel layout of an AudioSpecificConfig (1.6.2.1)."""
    bits = Bits(configuration)
    if bits.take(5) == 31:
        bits.take(6)
    if bits.take(4) == 0xF:
        bits.take(24)
    return bits.take(4)


def has_channels(frame: bytes, channels: int) -> bool:
    """Returns whether a frame begins with the element of a channel configuration.

    Skips padding and data in front of it. True for a frame without channels.
    """
    bits = Bits(frame)
    size = bits.bits_left
    while bits.bits_left > 3:
        element = bits.take(3)
        if element == DATA:
            bits.take(4)
            is_aligned, count = bits.take(1), bits.take(8)
            count += bits.take(8) if count == 255 else 0
            if is_aligned:
                bits.take(-(size - bits.bits_left) % 8)
            bits.take(8 * count)
        elif element == FILL:
            count = bits.take(4)
            bits.take(8 * (count + bits.take(8) - 1 if count == 15 else count))
        else:
            return element in (END, FIRST_ELEMENTS[channels])
    return True
