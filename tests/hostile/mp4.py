"""Hostile MP4 and QuickTime files: wrong sizes, nested and repeated boxes, references."""

from __future__ import annotations

import functools
import struct
import zlib

from tests import clips
from tests.hostile.bait import Bait, Kinds
from tests.hostile.boxes import (
    FTYP,
    U32,
    box,
    data_reference,
    edited,
    full,
    jpeg,
    parts,
    plain,
    u32,
    video,
)
from tests.hostile.texts import png

KINDS = Kinds()
STBL = "moov/trak/mdia/minf/stbl"
MANY = 10_000_000
SCRIPT = "<script>alert(1)</script>"

# -- wrong sizes ----------------------------------------------------------------------------------


def _moov() -> bytes:
    return next(body for kind, body in parts(plain()) if kind == b"moov")


def _patched(position: bytes, back: int, new: bytes) -> bytes:
    """Returns the plain video with bytes replaced, ``back`` bytes before a box's type."""
    data = bytearray(plain())
    start = data.index(position) - back
    data[start : start + len(new)] = new
    return bytes(data)


KINDS.add_bytes("box-of-size-zero-in-front.mp4", lambda: u32(0) + b"free" + plain(), refused=True)
KINDS.add_bytes("box-of-size-four-in-front.mp4", lambda: u32(4) + b"free" + plain())
KINDS.add_bytes(
    "box-of-eight-exabytes.mp4",
    lambda: FTYP + u32(1) + b"mdat" + struct.pack(">Q", 2**63 + 7) + plain(),
    refused=True,
)
KINDS.add_bytes(
    "movie-box-beyond-the-end.mp4", lambda: _patched(b"moov", 4, u32(2**31)), refused=True
)
KINDS.add_bytes("child-larger-than-its-parent.mp4", lambda: _patched(b"mdia", 4, u32(2**30)))
KINDS.add_bytes("sample-table-of-no-size.mp4", lambda: _patched(b"stbl", 4, u32(0)))
KINDS.add_bytes("nothing-but-a-movie-box.mp4", lambda: FTYP + box(b"moov"), refused=True)
KINDS.add_bytes("movie-box-without-media.mp4", lambda: FTYP + box(b"moov", _moov()))
KINDS.add_bytes("two-movie-boxes.mp4", lambda: plain() + box(b"moov", _moov()))
KINDS.add_bytes(
    "three-hundred-thousand-empty-boxes.mp4", lambda: FTYP + box(b"free") * 300_000, refused=True
)
KINDS.add_bytes("movie-without-tracks.mp4", lambda: video(tracks=0), refused=True)
KINDS.add_bytes("five-thousand-tracks.mp4", lambda: video(tracks=5000), refused=True)

# -- nesting --------------------------------------------------------------------------------------


@functools.cache
def _nested(kind: bytes, depth: int) -> bytes:
    """Builds 8,000 nested boxes in 64 KB of headers."""
    return b"".join(struct.pack(">I4s", 8 * left, kind) for left in range(depth, 0, -1))


KINDS.add_bytes("nested-movie-boxes.mp4", lambda: FTYP + _nested(b"moov", 8000), refused=True)
KINDS.add_bytes(
    "nested-tracks.mp4", lambda: FTYP + box(b"moov", _nested(b"trak", 8000)), refused=True
)
KINDS.add_bytes("nested-user-data.mp4", lambda: video(more=_nested(b"udta", 8000)))
KINDS.add_bytes("nested-fragments.mp4", lambda: video() + _nested(b"moof", 8000))

# -- bombs ----------------------------------------------------------------------------------------


def _with_table(kind: bytes, body: bytes) -> bytes:
    return video(tables={kind: body})


for _kind, _body in {
    "sizes": (b"stsz", u32(0, U32)),
    "equal-sizes": (b"stsz", u32(1, U32)),
    "times": (b"stts", u32(U32, 5, 100)),
    "samples-at-one-time": (b"stts", u32(1, U32, 0)),
    "chunks": (b"stco", u32(U32, 36)),
    "samples-in-a-chunk": (b"stsc", u32(1, 1, U32, 1)),
    "chunk-runs": (b"stsc", u32(U32, 1, 1, 1)),
    "descriptions": (b"stsd", u32(U32)),
}.items():
    KINDS.add_bytes(f"four-billion-{_kind}.mp4", functools.partial(_with_table, _body[0], _body[1]))
KINDS.add_bytes("four-billion-offsets.mp4", lambda: _with_table(b"ctts", u32(U32, 1, 1)))
KINDS.add_bytes("four-billion-keyframes.mp4", lambda: _with_table(b"stss", u32(U32, 1)))


def _many_samples(count: int) -> bytes:
    """Declares many samples of one byte in small tables, all at one place."""
    return video(
        tables={
            b"stts": u32(1, count, 1),
            b"stsc": u32(1, 1, count, 1),
            b"stsz": u32(1, count),
        }
    )


KINDS.add_bytes("ten-million-samples.mp4", lambda: _many_samples(MANY))


def frames_that_all_exist(count: int) -> bytes:
    """Builds a video with a sample for each byte, so that all are read."""
    return video(
        [bytes(count)],
        tables={b"stts": u32(1, count, 1), b"stsc": u32(1, 1, count, 1), b"stsz": u32(1, count)},
    )


KINDS.add_bytes(
    "three-hundred-thousand-frames-of-a-byte.mp4",
    lambda: frames_that_all_exist(300_000),
    refused=True,
)


def _packed_moov(claimed: int, content: bytes) -> bytes:
    packed = zlib.compress(content, 9)
    cmov = box(b"cmov", box(b"dcom", b"zlib"), box(b"cmvd", u32(claimed), packed))
    return FTYP + box(b"moov", cmov)


KINDS.add_bytes(
    "packed-movie-box-of-four-gigabytes.mov", lambda: _packed_moov(U32, bytes(2**20)), refused=True
)
KINDS.add_bytes(
    "packed-movie-box-of-zeros.mov", lambda: _packed_moov(2**27, bytes(2**27)), refused=True
)

# -- pictures -------------------------------------------------------------------------------------


def _jpeg_of(width: int, height: int) -> bytes:
    """Returns a small JPEG whose frame header (SOF0) has another size."""
    data = bytearray(jpeg())
    start = data.index(b"\xff\xc0") + 5
    data[start : start + 4] = struct.pack(">HH", height, width)
    return bytes(data)


KINDS.add_bytes(
    "png-of-16000-by-16000.mp4",
    lambda: video([png(16_000, 16_000)] * 2, codec=b"png ", size=(16_000, 16_000)),
    refused=True,
)
KINDS.add_bytes(
    "png-of-16000-by-16000-called-64.mov", lambda: video([png(16_000, 16_000)] * 2, codec=b"png ")
)
KINDS.add_bytes("jpeg-of-65000-by-65000.mov", lambda: video([_jpeg_of(65_000, 65_000)] * 5))
KINDS.add_bytes("jpeg-of-5900-by-5900.mov", lambda: video([_jpeg_of(5_900, 5_900)] * 5))
KINDS.add_bytes("picture-that-grows.mov", lambda: video([jpeg(), _jpeg_of(5_000, 7_000)] * 3))
KINDS.add_bytes("description-of-65535-by-65535.mp4", lambda: video(size=(65_535, 65_535)))
KINDS.add_bytes(
    "raw-line-of-65535.mov", lambda: video([bytes(65_535 * 3)] * 4, codec=b"raw ", size=(65_535, 1))
)
KINDS.add_bytes(
    "raw-column-of-65535.mov",
    lambda: video([bytes(65_535 * 4)] * 4, codec=b"raw ", size=(1, 65_535)),
)
KINDS.add_bytes(
    "raw-picture-without-height.mov", lambda: video([bytes(99)] * 4, codec=b"raw ", size=(64, 0))
)
KINDS.add_bytes("unknown-codec.mp4", lambda: video(codec=b"!!<>"), refused=True)
KINDS.add_bytes("codec-that-is-not-let-in.mov", lambda: video(codec=b"8BPS"), refused=True)
KINDS.add_bytes(
    "one-frame.mp4",
    lambda: clips.make("mp4", *clips.picture(0.04, "64x64", "25"), *clips.x264()).read_bytes(),
)
KINDS.add_bytes("matrix-of-zeros.mp4", lambda: _matrix(bytes(36)))
KINDS.add_bytes(
    "matrix-of-extremes.mp4", lambda: _matrix(struct.pack(">9i", *[-(2**31), 2**31 - 1] * 4, 1))
)
KINDS.add_bytes("pixels-of-no-shape.mp4", lambda: _pixels(0, 0))
KINDS.add_bytes("pixels-four-billion-wide.mp4", lambda: _pixels(U32, 1))


def _matrix(matrix: bytes) -> bytes:
    return edited(plain(), "moov/trak/tkhd", lambda body: body[:40] + matrix + body[76:])


def _pixels(across: int, down: int) -> bytes:
    def change(body: bytes) -> bytes:
        size = struct.unpack_from(">I", body, 8)[0]
        entry = body[16 : 8 + size] + box(b"pasp", u32(across, down))
        return body[:8] + box(b"avc1", entry)

    return edited(plain(), f"{STBL}/stsd", change)


# -- time -----------------------------------------------------------------------------------------


def _times(*runs: int) -> bytes:
    return edited(plain(), f"{STBL}/stts", lambda _: u32(0, len(runs) // 2, *runs))


def _edits(*entries: tuple[int, int]) -> bytes:
    body = b"".join(struct.pack(">IiI", length, start, 0x10000) for length, start in entries)
    return edited(plain(), "moov/trak/edts/elst", lambda _: u32(0, len(entries)) + body)


KINDS.add_bytes("all-frames-at-one-instant.mp4", lambda: _times(30, 0))
KINDS.add_bytes("frames-a-day-apart.mp4", lambda: _times(30, 2**31 - 1))
KINDS.add_bytes("frames-backwards.mp4", lambda: _times(15, 512, 15, U32 - 512))
KINDS.add_bytes("two-pictures-half-an-hour-apart.mp4", lambda: video([jpeg()] * 2, delta=1_800_000))
KINDS.add_bytes(
    "longer-than-may-be.mp4", lambda: video([jpeg()] * 2, delta=43_200_000), refused=True
)
KINDS.add_bytes("a-million-frames-a-second.mp4", lambda: video(timescale=1_000_000, delta=1))
KINDS.add_bytes("clock-of-four-billion-ticks.mp4", lambda: video(timescale=U32, delta=1))
KINDS.add_bytes("clock-that-stands.mp4", lambda: video(timescale=0))
KINDS.add_bytes("clock-of-one-tick.mp4", lambda: video(timescale=1, delta=2**31 - 1), refused=True)
KINDS.add_bytes("edit-beyond-the-end.mp4", lambda: _edits((1000, 2**30)))
KINDS.add_bytes("edit-of-nothing.mp4", lambda: _edits((0, 0)))
KINDS.add_bytes("edit-of-a-month.mp4", lambda: _edits((2**31 - 1, -1), (1000, 0)))
KINDS.add_bytes("edit-with-negative-start.mp4", lambda: _edits((1000, -2)))
KINDS.add_bytes("ten-thousand-edits.mp4", lambda: _edits(*[(1, 0)] * 10_000))
KINDS.add_bytes(
    "four-billion-edits.mp4",
    lambda: edited(plain(), "moov/trak/edts/elst", lambda _: u32(0, U32, 1, 0, 1)),
)
KINDS.add_bytes(
    "no-keyframe.mp4", lambda: edited(plain(), f"{STBL}/stss", lambda _: u32(0, 1, 999_999))
)
KINDS.add_bytes(
    "duration-of-an-age.mp4",
    lambda: edited(plain(), "moov/mvhd", lambda body: body[:16] + u32(U32) + body[20:]),
)

# -- references -----------------------------------------------------------------------------------


def _alias(path: str) -> bytes:
    """Builds QuickTime's alias record, version 2, with an absolute path (18) and a POSIX path."""
    head = struct.pack(">4xHHH28xI28xIIIhhIh10x", 0, 2, 0, 0, 0, 0, 0, -1, -1, 0, 0)[:150].ljust(
        150, b"\0"
    )
    text = path.encode()
    padded = text + b"\0" * (len(text) % 2)
    tags = b"".join(struct.pack(">HH", tag, len(text)) + padded for tag in (2, 18))
    return full(b"alis", head + tags + struct.pack(">HH", 0xFFFF, 0))


@KINDS.add("media-in-a-local-file-by-alias.mov")
def _(bait: Bait) -> bytes:
    return video(dref=data_reference(_alias(str(bait.video))))


@KINDS.add("media-in-a-local-file-by-address.mov")
def _(bait: Bait) -> bytes:
    return video(dref=data_reference(full(b"url ", bait.fill("file://{video}\0"))))


@KINDS.add("media-on-a-server.mp4")
def _(bait: Bait) -> bytes:
    return video(dref=data_reference(full(b"url ", bait.fill("{server}/video.mp4\0"))))


@KINDS.add("movie-that-refers-to-others.mov", refused=True)
def _(bait: Bait) -> bytes:
    address = bait.fill("{server}/video.mov\0")
    reference = full(b"rdrf", b"url ", u32(len(address)), address)
    return FTYP + box(b"moov", box(b"rmra", box(b"rmda", reference)))


@KINDS.add("encrypted-with-a-key-from-a-server.mp4")
def _(bait: Bait) -> bytes:
    system = bait.fill("{server}/licence")
    return video(more=full(b"pssh", bytes(16), u32(len(system)), system))


# -- fragments ------------------------------------------------------------------------------------


def _fragmented() -> bytes:
    flags = ("-movflags", "+frag_keyframe+empty_moov+default_base_moof")
    return clips.h264_mp4(seconds=2, size="160x90", gop=15, options=flags).read_bytes()


def _without(kind: bytes, *, every: int = 1) -> bytes:
    kept, seen = [], 0
    for name, body in parts(_fragmented()):
        seen += name == kind
        if name != kind or seen % every:
            kept.append(box(name, body))
    return b"".join(kept)


KINDS.add_bytes("fragments-without-heads.mp4", lambda: _without(b"moof"))
KINDS.add_bytes("fragments-with-every-second-head.mp4", lambda: _without(b"moof", every=2))
KINDS.add_bytes("fragments-without-media.mp4", lambda: _without(b"mdat"))
KINDS.add_bytes("fragments-without-movie.mp4", lambda: _without(b"moov"), refused=True)
KINDS.add_bytes(
    "fragment-of-four-billion-samples.mp4",
    lambda: edited(_fragmented(), "moof/traf/trun", lambda body: body[:4] + u32(U32) + body[8:]),
)
KINDS.add_bytes("index-that-points-to-itself.mp4", lambda: _indexed(0))
KINDS.add_bytes("index-that-points-beyond.mp4", lambda: _indexed(0x7FFFFFF0))


def _indexed(size: int) -> bytes:
    entries = b"".join(struct.pack(">III", 0x80000000 | size, 1000, 0) for _ in range(60_000))
    return _fragmented() + full(b"sidx", u32(1, 1000, 0, 0), struct.pack(">HH", 0, 60_000), entries)


# -- texts ----------------------------------------------------------------------------------------


def _titled(text: bytes) -> bytes:
    name = struct.pack(">HH", len(text) & 0xFFFF, 0x55C4) + text
    return video(more=box(b"udta", box(b"\xa9nam", name)))


def _itunes(text: bytes) -> bytes:
    item = box(b"\xa9nam", box(b"data", u32(1, 0), text))
    handler = full(b"hdlr", u32(0), b"mdir", bytes(13))
    return video(more=box(b"udta", full(b"meta", handler, box(b"ilst", item))))


KINDS.add_bytes("title-with-a-script.mp4", lambda: _titled(SCRIPT.encode()))
KINDS.add_bytes(
    "title-of-control-characters.mp4", lambda: _titled(bytes(range(1, 32)) + b"\x7f\x80\xfe\xff")
)
KINDS.add_bytes("title-of-ten-megabytes.mp4", lambda: _itunes(b"\x01\xff<" * 3_400_000))
KINDS.add_bytes(
    "handler-name-of-300-kilobytes.mp4",
    lambda: edited(plain(), "moov/trak/mdia/hdlr", lambda body: body[:24] + b"\n\x1b[2J<" * 50_000),
)
