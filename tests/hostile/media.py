"""Unusual but real media that FFmpeg writes."""

from __future__ import annotations

import functools
from pathlib import Path

from tests import clips
from tests.hostile.bait import Kinds

KINDS = Kinds()
SMALL = clips.picture(1, "64x64", "10")


def _made(suffix: str, *arguments: str) -> bytes:
    return clips.make(suffix, *arguments).read_bytes()


def _copied(suffix: str, *arguments: str) -> bytes:
    source = str(clips.h264_mp4(seconds=1, size="160x90", gop=15))
    return _made(suffix, *arguments[:2], "-i", source, "-c", "copy", *arguments[2:])


KINDS.add_bytes(
    "starts-before-zero.mkv",
    lambda: _copied("mkv", "-itsoffset", "-3", "-avoid_negative_ts", "disabled"),
)
KINDS.add_bytes("starts-after-eleven-hours.mp4", lambda: _copied("mp4", "-itsoffset", "40000"))
KINDS.add_bytes("starts-after-eleven-hours.mkv", lambda: _copied("mkv", "-itsoffset", "40000"))
KINDS.add_bytes(
    "a-thousand-frames-a-second.mp4",
    lambda: _made("mp4", *clips.picture(0.5, "64x64", "1000"), *clips.x264()),
)
KINDS.add_bytes(
    "one-frame-a-minute.mp4",
    lambda: _made("mp4", *clips.picture(600, "64x64", "1/60"), *clips.x264()),
)
KINDS.add_bytes(
    "two-by-two-pixels.mkv", lambda: _made("mkv", *clips.picture(1, "2x2", "10"), "-c:v", "ffv1")
)
KINDS.add_bytes(
    "one-pixel.mkv", lambda: _made("mkv", *SMALL, "-vf", "format=gray,crop=1:1", "-c:v", "ffv1")
)
KINDS.add_bytes(
    "line-of-8000-by-2.mkv", lambda: _made("mkv", *clips.picture(1, "8000x2", "5"), "-c:v", "ffv1")
)
KINDS.add_bytes(
    "column-of-2-by-8000.mkv",
    lambda: _made("mkv", *clips.picture(1, "2x8000", "5"), "-c:v", "ffv1"),
)
KINDS.add_bytes("sound-alone.mp4", lambda: clips.audio_only().read_bytes(), refused=True)
KINDS.add_bytes(
    "sound-with-a-cover.mp4", lambda: clips.audio_only(with_cover=True).read_bytes(), refused=True
)
KINDS.add_bytes(
    "ten-channels.mkv",
    lambda: _made("mkv", *SMALL, *clips.ten_channels(), *clips.x264(), "-c:a", "pcm_s16le"),
)
KINDS.add_bytes(
    "gray-in-sixteen-bits.mkv",
    lambda: _made("mkv", *SMALL, "-c:v", "ffv1", "-level", "3", "-pix_fmt", "gray16le"),
)
KINDS.add_bytes(
    "hundred-sounds.mkv",
    lambda: _made(
        "mkv",
        *SMALL,
        *clips.tone(0.1),
        "-map",
        "0",
        *("-map", "1") * 100,
        *clips.x264(),
        "-c:a",
        "pcm_s16le",
    ),
    refused=True,
)
KINDS.add_bytes(
    "subtitles-alone.mkv",
    lambda: _made("mkv", "-i", str(_captions()), "-c:s", "srt"),
    refused=True,
)
KINDS.add_bytes(
    "script-in-every-tag.mp4",
    lambda: _copied(
        "mp4",
        *("-nostdin", "-y"),
        *(
            word
            for name in ("title", "artist", "comment", "location")
            for word in ("-metadata", f"{name}=\"><script>alert('{name}')</script>")
        ),
        *("-movflags", "use_metadata_tags"),
    ),
)
KINDS.add_bytes(
    "chapters-with-scripts.mkv",
    lambda: _made(
        "mkv",
        "-i",
        str(clips.h264_mp4()),
        "-i",
        str(_chapters()),
        "-map_chapters",
        "1",
        "-c",
        "copy",
        "-map",
        "0",
    ),
)


@functools.cache
def _vp8() -> bytes:
    return _made("webm", *SMALL, "-c:v", "libvpx", "-deadline", "realtime")


def vp8_that_claims(width: int, height: int) -> bytes:
    """Changes the frame size in VP8: 14 bits each after the start code 9D 01 2A (RFC 6386, 9.1)."""
    data = bytearray(_vp8())
    start = data.index(b"\x9d\x01\x2a") + 3
    data[start : start + 4] = width.to_bytes(2, "little") + height.to_bytes(2, "little")
    return bytes(data)


KINDS.add_bytes("vp8-of-16383-by-16383.webm", lambda: vp8_that_claims(16_383, 16_383))
KINDS.add_bytes("vp8-of-nothing.webm", lambda: vp8_that_claims(0, 0))
KINDS.add_bytes("vp8-that-is-suddenly-wide.webm", lambda: vp8_that_claims(4_000, 2))


def _captions() -> Path:
    path = clips.new_path("srt")
    path.write_text("1\n00:00:00,000 --> 00:00:01,000\n<script>alert(1)</script>\n")
    return path


def _chapters() -> Path:
    path = clips.new_path("txt")
    path.write_text(
        ";FFMETADATA1\n"
        + "[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=10\ntitle=<script>alert(1)</script>\n" * 500
    )
    return path
