"""Videos of eight formats, truncated or with flipped bits."""

from __future__ import annotations

import functools
import random
from collections.abc import Callable

from tests import clips

SMALL = clips.picture(2, "96x54", "15")
SOUND = clips.tone(2)
EDGE = 4096  # bytes at either end, which have the headers


def _made(suffix: str, *options: str) -> bytes:
    return clips.make(suffix, *SMALL, *SOUND, *options).read_bytes()


H264 = (*clips.x264(15), "-c:a", "aac")
FORMATS: dict[str, Callable[[], bytes]] = {
    "mp4": lambda: _made("mp4", *H264),
    "faststart.mp4": lambda: _made("mp4", *H264, "-movflags", "+faststart"),
    "fragmented.mp4": lambda: _made("mp4", *H264, "-movflags", "+frag_keyframe+empty_moov"),
    "mov": lambda: _made("mov", "-c:v", "prores_ks", "-c:a", "pcm_s16le"),
    "mkv": lambda: _made("mkv", *H264),
    "live.mkv": lambda: _made("mkv", *H264, "-live", "1"),
    "webm": lambda: _made("webm", "-c:v", "libvpx", "-deadline", "realtime", "-c:a", "libopus"),
    "avi": lambda: _made("avi", "-c:v", "mjpeg", "-c:a", "mp2"),
}
SAYS_NO_LENGTH = frozenset({"live.mkv"})


@functools.cache
def whole(name: str) -> bytes:
    return FORMATS[name]()


def cut(name: str, tenths: int) -> bytes:
    data = whole(name)
    return data[: len(data) * tenths // 10]


def flipped(name: str, seed: int) -> bytes:
    """Flips 1 to 100 bits, two thirds of them near the headers."""
    chance = random.Random(f"{name} {seed}")
    data = bytearray(whole(name))
    for _ in range(chance.choice((1, 5, 20, 100))):
        edge = chance.randrange(EDGE)
        places = (chance.randrange(len(data)), edge, len(data) - 1 - edge)
        place = chance.choice(places) % len(data)
        data[place] ^= 1 << chance.randrange(8)
    return bytes(data)
