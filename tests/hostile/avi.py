"""Hostile AVI files: a playlist in place of subtitles, and headers with wrong values."""

from __future__ import annotations

import functools
import struct

from tests import clips
from tests.hostile.bait import Bait, Kinds

KINDS = Kinds()


@functools.cache
def plain() -> bytes:
    return clips.make("avi", *clips.picture(1, "64x64", "10"), "-c:v", "mjpeg").read_bytes()


def _chunk(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def _subtitled(text: bytes) -> bytes:
    """Builds DivX subtitles, which are any file after a keyword and a name."""
    gab2 = b"GAB2\0" + struct.pack("<HIHHI", 2, 4, 0, 4, len(text)) + text
    header = struct.pack("<4s4sIHHIIIIIIII8x", b"txts", bytes(4), 0, 0, 0, 0, 1, 1, 0, 1, 0, 0, 0)
    strl = _chunk(b"LIST", b"strl" + _chunk(b"strh", header) + _chunk(b"strf", b""))
    return _with_stream(strl, _chunk(b"01sb", gab2) + _chunk(b"01tx", gab2))


def _with_stream(strl: bytes, data: bytes) -> bytes:
    """Returns the plain AVI with more in its two lists and without its index."""
    source = plain()
    start = source.index(b"hdrl") - 8
    header = source[start + 8 : start + 8 + struct.unpack_from("<I", source, start + 4)[0]]
    start = source.index(b"movi") - 8
    movie = source[start + 8 : start + 8 + struct.unpack_from("<I", source, start + 4)[0]]
    lists = _chunk(b"LIST", header + strl) + _chunk(b"LIST", b"movi" + data + movie[4:])
    return _chunk(b"RIFF", b"AVI " + lists)


for _name, _text in {
    "playlist-of-a-local-video": "#EXTM3U\n#EXTINF:9,\nfile://{video}\n#EXT-X-ENDLIST\n",
    "playlist-of-a-server": "#EXTM3U\n#EXTINF:9,\n{server}/a.ts\n#EXT-X-ENDLIST\n",
    "ffconcat": "ffconcat version 1.0\nfile '{video}'\n",
    "styled-text": "[Script Info]\nTitle: <script>alert(1)</script>\n[Events]\n",
}.items():

    @KINDS.add(f"{_name}-as-subtitles.avi")
    def _(bait: Bait, text: str = _text) -> bytes:
        return _subtitled(bait.fill(text))


def _patched(where: bytes, offset: int, *numbers: int) -> bytes:
    """Replaces little-endian 32-bit numbers at an offset behind a chunk's type and size."""
    data = bytearray(plain())
    start = data.index(where) + 8 + offset
    data[start : start + 4 * len(numbers)] = struct.pack(f"<{len(numbers)}I", *numbers)
    return bytes(data)


KINDS.add_bytes("no-time-between-frames.avi", lambda: _patched(b"avih", 0, 0))
KINDS.add_bytes("rate-of-zero.avi", lambda: _patched(b"strh", 20, 1, 0))
KINDS.add_bytes("scale-of-zero.avi", lambda: _patched(b"strh", 20, 0, 25))
KINDS.add_bytes("scale-of-four-billion.avi", lambda: _patched(b"strh", 20, 2**32 - 1, 1))
KINDS.add_bytes("rate-of-four-billion.avi", lambda: _patched(b"strh", 20, 1, 2**32 - 1))
KINDS.add_bytes("four-billion-frames.avi", lambda: _patched(b"strh", 32, 2**32 - 1))
KINDS.add_bytes("start-at-four-billion.avi", lambda: _patched(b"strh", 28, 2**32 - 1))
KINDS.add_bytes(
    "picture-of-two-billion-pixels-a-side.avi", lambda: _patched(b"strf", 4, 2**31 - 1, 2**31 - 1)
)
KINDS.add_bytes("picture-upside-down.avi", lambda: _patched(b"strf", 8, 2**32 - 64))
KINDS.add_bytes("index-of-nonsense.avi", lambda: _patched(b"idx1", 8, *[2**32 - 1] * 20))
KINDS.add_bytes(
    "list-larger-than-the-file.avi", lambda: plain().replace(b"LIST", b"LIST\xff\xff\xff\x7f", 1)
)


def tiny_chunks(count: int) -> bytes:
    """Builds a sequence of RIFF chunks of ten bytes; those of OpenDML have a gigabyte each."""
    return _chunk(b"RIFF", b"AVI ") + b"RIFF\x02\0\0\0.." * count


KINDS.add_bytes(
    "three-hundred-thousand-tiny-chunks.avi", lambda: tiny_chunks(300_000), refused=True
)


@KINDS.add("hundred-streams.avi")
def _(bait: Bait) -> bytes:
    source = plain()
    start = source.index(b"strl") - 8
    size = struct.unpack_from("<I", source, start + 4)[0]
    return _with_stream(source[start : start + 8 + size] * 100, b"")
