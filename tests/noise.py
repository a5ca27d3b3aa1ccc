"""H.264 of random samples, for files whose size neither a copy nor a compression makes smaller."""

from __future__ import annotations

import os

PICTURES = 30
_SAMPLES = 384  # of a macroblock: 16x16 of luma, and 8x8 of each color
# Types and lengths of ITU-T H.264, 7.3.2 to 7.3.5. The picture's only slice is of type 7 (I).
_START = b"\0\0\0\1"
_NEXT_BLOCK = b"\x0d\x00"  # mb_type 25, I_PCM, and zeros to the end of the byte
_END = b"\x80"


def random_h264(megabytes: int) -> bytes:
    """Returns 30 square pictures of about so many bytes together, as a stream of NAL units.

    Each macroblock stores its samples as they are (I_PCM). No sample is 0, so that nothing looks
    like the beginning of a unit.
    """
    side = round((megabytes * 1_000_000 / PICTURES / (len(_NEXT_BLOCK) + _SAMPLES)) ** 0.5)
    # Constrained Baseline at level 4: pictures in order, none refers to another, frames only.
    sequence = f"{66:08b}{0xC0:08b}{40:08b}{_ue(0, 0, 2, 0)}0{_ue(side - 1, side - 1)}11001"
    picture = f"{_ue(0, 0)}00{_ue(0, 0, 0)}000{_ue(0, 0, 0)}1001"
    units = [b"\x67" + _bytes(sequence), b"\x68" + _bytes(picture)]
    for number in range(PICTURES):
        # Neighbors need different numbers (idr_pic_id); no deblocking; the first block's type.
        header = f"{_ue(0, 7, 0)}0000{_ue(number % 2)}00{_ue(0, 1, 25)}"
        samples = os.urandom(side * side * _SAMPLES).replace(b"\0", b"\1")
        blocks = (samples[at : at + _SAMPLES] for at in range(0, len(samples), _SAMPLES))
        units.append(b"\x65" + _bytes(header) + _NEXT_BLOCK.join(blocks) + _END)
    return b"".join(_START + unit for unit in units)


def _ue(*numbers: int) -> str:
    """Returns the bits of unsigned Exp-Golomb codes (9.1)."""
    return "".join("0" * ((number + 1).bit_length() - 1) + f"{number + 1:b}" for number in numbers)


def _bytes(bits: str) -> bytes:
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8)
