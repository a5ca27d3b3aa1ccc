"""Values that no form means, and values that it does, both by a seeded generator."""

from __future__ import annotations

import io
import json
from base64 import urlsafe_b64encode
from functools import cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote_from_bytes

from PIL import Image

from tests.builders import PASSWORD
from tests.videos.transcode import built

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

LONG: Final = 900_000  # characters, so that a form of it is below the limit of 1 MB
WORDS: Final = ("harvest", "valley", "Old bridge", "at 0:10", "zq", "ñandú", "日本", "#music")
SRT: Final = b"1\n00:00:00,500 --> 00:00:01,500\nThe harvest begins\n"

INTEGERS: Final = (
    *("0", "-1", "1", "-0", "+1", "00012", "2147483648", "9223372036854775807"),
    *("9223372036854775808", "-9223372036854775809", "9" * 30, "-" + "9" * 400, "9" * 5000),
    *("0x10", "1_000", "1e3", "1e400", "0.1", "-0.0", "nan", "NaN", "inf", "-Infinity", "1,5"),
    *("١٢٣", "²", "൧", "1 GB", "99999999999 TB", "-1 GB", "1e999 MB", "nan GB"),
)
DATES: Final = (
    *("0000-00-00", "0001-01-01", "9999-12-31", "10000-01-01", "2026-02-30", "-2026-01-01"),
    *("9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "2026-01-01T25:00", "24:00:01"),
    *("1969-12-31", "2026-W01-1", "12/31/9999", "99999999-99-99", "2026-01-01 00:00:00+99:99"),
)
TEXTS: Final = (
    *("", " ", "\t", "\n", "\r\n", "\0", "a\0b", "\x1b[2J", "\x7f", "\u0085", "\u2028", "\ufeff"),
    *("\u202egpj.4pm", "\u2067abc\u2066", "e" + "\u0301" * 300, "\u200d\u200b", "\ufdfa" * 300),
    *("\U0001f3ac\u200d\U0001f525" * 40, "\ud800", "a\udfff", "\uffff", "\U0010ffff", "İıßﬁﬀ"),
    *("<script>alert(1)</script>", "'\"><img src=x>", "{{ 7|add:7 }}{% now %}", "%s%n%(a)s{0}"),
    *("' OR 1=1 --", "a'; DROP TABLE users; --", "*", '"', '" OR "', "NEAR(a b)", "a NOT", "-a"),
    *("../../etc/passwd", "..\\x", "/", "//evil.example/", "http://evil.example", "javascript:1"),
    *("a\r\nSet-Cookie: x=1", "null", "None", "true", "on", "undefined", "[]", "{}", '{"a":', "[["),
    *("[" * 3000, "@", "a@b", "a@b@c", '"a b"@e.org', "x" * 300 + "@example.org", "a@[127.0.0.1]"),
    *(
        '{"a": [1, null, "\\ud800", 1e999]}',
        "x" * 51,
        "x" * 201,
        "x" * 256,
        "x" * 5001,
        "x " * 20_000,
        "ß" * 128,
        "#" * 999,
        "\\",
        "\\x",
    ),
)
BYTES: Final = (
    *(b"\xc0\xaf", b"\xff\xfe", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\x80", b"abc\xe2\x82"),
    *(b"\xf0\x82\x82\xac", b"a\xffb", bytes(range(256))),
)
LETTERS: Final = ("x", "é", "\ufdfa", " ", "9", "a ", "\n")  # of long texts
INVALID_PERCENT: Final = (b"%", b"%zz", b"%0", b"%u0041", b"%00", b"%C0%AF", b"%ED%A0%80", b"%2F")


def encoded(value: str) -> bytes:
    """UTF-8, in which a lone surrogate becomes what no decoder takes."""
    return value.encode("utf-8", "surrogatepass")


def hostile(random: Random, known: tuple[str, ...] = ()) -> bytes:
    """A value that somebody sends by hand. `known`: ids and names of other things of the site."""
    kinds: dict[Callable[[], bytes], int] = {
        lambda: encoded(random.choice(TEXTS)): 33,
        lambda: encoded(random.choice(INTEGERS)): 20,
        lambda: encoded(random.choice(known or TEXTS)): 20,
        lambda: encoded(random.choice(DATES)): 10,
        lambda: random.choice(BYTES): 8,
        lambda: cursor(random): 8,
        lambda: encoded(random.choice(LETTERS)) * (LONG // 3): 1,
    }
    return random.choices(list(kinds), weights=list(kinds.values()))[0]()


def cursor(random: Random) -> bytes:
    """What looks like the `after` of a list: right in form, wrong in what it holds, or broken."""
    parts: list[Any] = [
        random.choice([10**19, -(2**63), 0, 7, "x", "\0", "2026-01-01", None, 1.5, []])
    ]
    parts += [random.choice([1, "a", True, 2**63, "9999-12-31T00:00:00+00:00"])] * random.randint(
        0, 2
    )
    text = urlsafe_b64encode(json.dumps(parts, separators=(",", ":")).encode()).rstrip(b"=")
    return random.choice((text, text[:-1], text + b"=", b"\0" + text, text * 40))


def in_address(random: Random, value: bytes) -> bytes:
    """A value percent-encoded for an address, now and then not validly."""
    if random.random() < 0.1:
        return random.choice(INVALID_PERCENT)
    return quote_from_bytes(value[:4000], safe="").encode()


# -- Files ----------------------------------------------------------------------------------------
@cache
def picture(kind: str = "PNG") -> bytes:
    out = io.BytesIO()
    Image.linear_gradient("L").resize((64, 48)).convert("RGB").save(out, kind)
    return out.getvalue()


@cache
def video() -> bytes:
    return built.separate_mp4()


FILE_NAMES: Final = (
    *("a.png", "a.mp4", "a.srt", "", ".", "..", "../../x.mp4", "a" * 300 + ".mp4", "x.exe", "-i"),
    *("x\0.mp4", "a\r\nb.png", "\u202e4pm.mp4", "a%00.png", "con.mp4", "\ud800.mp4", 'a".mp4'),
    *("a;b.mp4", "noending", ".mp4", "x" * 2000),
)


def good_file(random: Random, accept: str) -> tuple[str, bytes, str]:
    """Name, content and type of a file as a field asks for it."""
    if "image" in accept:
        kind = random.choice(("PNG", "JPEG", "WEBP", "GIF"))
        return f"a.{kind.lower()}", picture(kind), f"image/{kind.lower()}"
    if "srt" in accept or "vtt" in accept or "text" in accept:
        return "a.srt", SRT, "text/plain"
    return "clip.mp4", video(), "video/mp4"


def bad_file(random: Random) -> tuple[str, bytes, str]:
    good = picture(random.choice(("PNG", "JPEG", "WEBP", "GIF")))
    content = random.choice(
        (
            *(b"", b"\0", b"<svg onload=alert(1)>", good[: len(good) // 2], good + b"\0" * 5000),
            *(
                video(),
                video()[:100],
                b"\x89PNG\r\n\x1a\n",
                b"GIF89a" + b"\xff" * 50,
                b"PK\x03\x04",
            ),
            *(SRT, SRT * 3000, b"WEBVTT\n\n" + b"\xff\xfe" * 100, b"1\n99:99:99,999 --> x\n"),
            b"WEBVTT\n\n00:00.000 --> 99999999999999999999:00:00.000\nx\n",
            random.randbytes(3000),
        )
    )
    kinds = ("image/png", "video/mp4", "text/vtt", "", "x", "text/html", "a/b;" * 200, "é/ü")
    return random.choice(FILE_NAMES), content, random.choice(kinds)


# -- What a form means ----------------------------------------------------------------------------
def meant(random: Random, name: str, kind: str, value: str) -> bytes:
    """A value that a field of this name and type accepts, mostly."""
    number = random.randint(0, 999)
    known = {
        "password": PASSWORD,
        "email": f"somebody{number}@example.org",
        "number": value or str(number),
        "range": value or str(number),
        "date": value or "2026-11-30",
        "url": "https://example.org/",
        "hidden": value,
        "username": f"somebody_{number}",
        "slug": f"slug-{number}",
        "limit": f"{number} GB",
    }
    words = " ".join(random.choices(WORDS, k=random.randint(1, 4)))
    told = next((it for part, it in known.items() if part == kind or part in name), None)
    if told is None:
        told = value if value and random.random() < 0.5 else words
    return encoded(told)
