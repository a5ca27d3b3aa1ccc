"""Pictures below 10 MB that take much time or memory to decode, and ordinary ones."""

from __future__ import annotations

import io
import re
import struct
import zlib
from functools import cache
from typing import Any

from PIL import Image

LIMIT = 9_900_000  # bytes


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


@cache
def small(kind: str) -> bytes:
    return encoded(Image.new("RGB", (64, 64), "red"), kind)


def segment(marker: int, content: bytes) -> bytes:
    """Builds a segment of a JPEG."""
    return struct.pack(">BBH", 0xFF, marker, 2 + len(content)) + content


def chunk(kind: bytes, content: bytes) -> bytes:
    """Builds a chunk of a PNG."""
    crc = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + crc


def up_to_the_limit(piece: bytes, whole: bytes) -> bytes:
    return piece * ((LIMIT - len(whole)) // len(piece))


# -- JPEG -----------------------------------------------------------------------------------------


@cache
def jpeg_of_scans(count: int, size: tuple[int, int] = (5000, 5000)) -> bytes:
    """Builds a progressive JPEG that repeats its last scan; each covers all pixels."""
    whole = encoded(Image.new("RGB", size, "red"), "JPEG", progressive=True)
    scans = [found.start() for found in re.finditer(rb"\xff\xda", whole)]
    last = whole[scans[-1] : -2]
    return whole[:-2] + last * (count - len(scans)) + whole[-2:]


@cache
def slow_jpeg() -> bytes:
    """Builds a JPEG whose EXIF parts Pillow joins one by one, which takes half a minute."""
    whole = small("JPEG")
    piece = segment(0xE1, b"Exif\0\0" + b"M" * 20)
    return whole[:2] + up_to_the_limit(piece, whole) + whole[2:]


def jpeg_with(segments: bytes) -> bytes:
    whole = small("JPEG")
    return whole[:2] + segments + whole[2:]


def exif_that_counts_too_far() -> bytes:
    """Builds an EXIF directory of 65,535 entries that claim 4 GB each and refer to themselves."""
    entry = struct.pack("<HHII", 0x8769, 7, 0xFFFFFFFF, 8)
    return jpeg_with(segment(0xE1, b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + entry * 5000))


def mpo_of_many() -> bytes:
    """Builds an MPO that claims 4 billion pictures."""
    index = b"MPF\0II*\0\x08\0\0\0\x02\0"
    index += struct.pack("<HHII", 0xB001, 4, 1, 0xFFFFFFFF)
    index += struct.pack("<HHII", 0xB002, 7, 0xFFFFFFF0, 50) + b"\0" * 40
    return jpeg_with(segment(0xE2, index))


def jpeg_whose_thumbnail_has_scans() -> bytes:
    """Builds an ordinary JPEG whose embedded thumbnail has many scans."""
    return jpeg_with(segment(0xE3, b"\xff\xda\0\x02" * 5000))


# -- other formats ---------------------------------------------------------------------------------


def png_with(chunks: bytes) -> bytes:
    whole = small("PNG")
    return whole[:33] + chunks + whole[33:]


def text_bombs(kind: bytes, head: bytes) -> bytes:
    """Builds PNG text chunks that decompress to a thousand times their size."""
    piece = chunk(kind, head + zlib.compress(bytes(10**8), 9))
    return png_with(piece * (LIMIT // len(piece)))


def animation(kind: str, frames: int, size: tuple[int, int] = (16, 16)) -> bytes:
    """Builds an animation that starts red; all frames differ, so that each is stored."""
    pictures = [Image.new("RGB", size, (n % 256, n // 256, 0)) for n in range(1, frames)]
    first = Image.new("RGB", size, "red")
    return encoded(first, kind, save_all=True, append_images=pictures, duration=20)


def gif_of_many_blocks() -> bytes:
    whole = small("GIF")
    at = whole.index(b",", 13)
    return whole[:at] + up_to_the_limit(b"!\xfe\x01a\0", whole) + whole[at:]


def gif_that_claims(width: int, height: int) -> bytes:
    """Builds a GIF that claims a size: a short header, one frame, no data."""
    return (
        b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
        b"," + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x02\x02\x4c\x01\0;"
    )


def webp_with_metadata() -> bytes:
    """Builds a WebP of a few pixels with 9 MB of XMP and EXIF."""
    exif = b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"M" * (LIMIT // 2)
    return encoded(Image.new("RGB", (64, 64), "red"), "WEBP", exif=exif, xmp=b"x" * (LIMIT // 2))
