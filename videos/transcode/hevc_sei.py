"""Finds user data in HEVC: SEI messages and units without a meaning (ITU-T H.265, 7.3.2.4)."""

from __future__ import annotations

from typing import Final

from videos.transcode.codec_names import DOLBY_BOXES
from videos.transcode.moov import all_boxes
from videos.transcode.sei import NalCleaner
from videos.transcode.sei_messages import CAPTIONS, KEPT_MESSAGES, REGISTERED, clean_messages

# Types of NAL units (table 7-1).
PARAMETER_SETS: Final = frozenset({32, 33, 34})
FILLER: Final = 38
SEI: Final = frozenset({39, 40})
# Filler, and types without a meaning, in which a camera could store anything.
UNKNOWN_UNITS: Final = frozenset({*range(10, 16), *range(22, 32), FILLER, *range(41, 64)})
# Dolby Vision's metadata, which only files with its box have.
DOLBY_UNIT: Final = 62

# What the picture needs beside the messages of H.264: the light around the screen.
KEPT: Final = KEPT_MESSAGES | {148}
# HDR10+ (SMPTE ST 2094-40) as registered user data: the USA, Samsung, application 4.
HDR10_PLUS: Final = b"\xb5\x00\x3c\x00\x01\x04"

LENGTH_SIZE_OFFSET, ARRAYS_OFFSET = 21, 22  # in an hvcC (ISO/IEC 14496-15, 8.3.3.1)


class HevcCleaner(NalCleaner):
    """Finds user data in HEVC."""

    box = b"hvcC"
    header_size = 2

    def __init__(self, record: bytes, boxes: bytes = b"") -> None:
        self.length_size = (record[LENGTH_SIZE_OFFSET] & 3) + 1
        has_dolby = any(kind in DOLBY_BOXES for kind, _ in all_boxes(boxes))
        self.unknown = UNKNOWN_UNITS - {DOLBY_UNIT} if has_dolby else UNKNOWN_UNITS

    def is_looked_at(self, first: int) -> bool:
        kind = unit_kind(first)
        return kind in SEI or kind in self.unknown

    def is_parameter_set(self, first: int) -> bool:
        return unit_kind(first) in PARAMETER_SETS

    def filler_header(self, header: bytes) -> bytes:
        # The layer and the temporal id stay, which must be those of the picture.
        return bytes([FILLER << 1 | header[0] & 1]) + header[1:]

    def clean_unit(self, unit: bytes) -> bytes:
        """Returns an SEI with only what is kept, and filler for any other unit."""
        if unit_kind(unit[0]) not in SEI:
            return self.filler(unit)
        return unit[:2] + clean_messages(unit[2:], _is_kept)

    def clean_record(self, record: bytes) -> bytes:
        """Returns an ``hvcC`` with nothing but parameter sets."""
        cleaned = bytearray(record)
        place = ARRAYS_OFFSET + 1
        for _ in range(record[ARRAYS_OFFSET]):
            count = record[place + 1] << 8 | record[place + 2]
            place = self.clean_units(cleaned, place + 3, count)
        cleaned[place:] = bytes(max(0, len(record) - place))
        return bytes(cleaned)


def unit_kind(first: int) -> int:
    """Returns nal_unit_type, from the first byte of a unit."""
    return first >> 1 & 63


def _is_kept(kind: int, payload: bytes) -> bool:
    return kind in KEPT or (kind == REGISTERED and payload.startswith((CAPTIONS, HDR10_PLUS)))
