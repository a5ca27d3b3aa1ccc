"""Fills a form as a member would, spoils that, and makes the request of it."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote_from_bytes

from tests.clipset.fuzzing.pages import TOKEN
from tests.clipset.fuzzing.values import bad_file, encoded, good_file, hostile, in_address, meant
from tests.clipset.fuzzing.wire import Request

if TYPE_CHECKING:
    from random import Random

    from tests.clipset.fuzzing.pages import Field, Form
    from tests.clipset.fuzzing.wire import Header

BOUNDARY: Final = b"----clipsetfuzz"
METHODS: Final = (
    *("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW", "post"),
)
CONTENT_TYPES: Final = (
    *("application/json", "text/plain", "application/xml", "", "multipart/form-data", "x"),
    *("application/x-www-form-urlencoded; charset=utf-16", "multipart/mixed; boundary=x"),
    *("application/x-www-form-urlencoded; charset=bogus", "multipart/form-data; boundary="),
    *(f"multipart/form-data; boundary={'x' * 300}", "application/offset+octet-stream"),
)


@dataclass(frozen=True)
class Upload:
    """The file of a field."""

    name: str
    content: bytes
    type: str


Sent = tuple[bytes, "bytes | Upload"]  # name and value


@dataclass(frozen=True)
class Known:
    """What a visitor has seen of the site or guesses: ids and names of things, names of fields."""

    ids: tuple[str, ...]
    names: tuple[str, ...]
    token: str


def fill(random: Random, form: Form, known: Known) -> list[Sent]:
    """What a browser sends: the choices of this visitor, one of each group of radio buttons."""
    sent: list[Sent] = []
    radios: dict[str, list[str]] = {}
    for one in form.fields:
        if one.kind == "radio":
            radios.setdefault(one.name, []).append(one.value)
        elif one.name == TOKEN:
            sent.append((encoded(TOKEN), known.token.encode()))
        elif one.kind != "checkbox" or random.random() < 0.6:
            sent.append((encoded(one.name), _value(random, one)))
    sent += [(encoded(name), encoded(random.choice(them))) for name, them in radios.items()]
    return sent


def _value(random: Random, one: Field) -> bytes | Upload:
    if one.kind == "file":
        return Upload(*good_file(random, one.accept or one.name))
    if one.choices:
        return encoded(random.choice(one.choices))
    if one.kind == "checkbox":
        return encoded(one.value)
    return meant(random, one.name, one.kind, one.value)


def spoil(random: Random, sent: list[Sent], known: Known) -> tuple[list[Sent], str]:
    """Changes one to three of the fields. Gives what it did, too."""
    done = []
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        fields = [n for n, (name, _) in enumerate(sent) if name != TOKEN.encode()]
        act = random.choices(
            ("replace", "drop", "empty", "repeat", "add", "swap", "file", "token", "many"),
            weights=(50, 8, 6, 8, 8, 5, 6, 2, 1),
        )[0]
        done.append(act)
        if act == "add" or (not fields and act != "token"):
            name = random.choice(known.names) if known.names else "x"
            sent = [*sent, (encoded(name), hostile(random, known.ids))]
        elif act == "token":
            sent = [(name, b"x" if name == TOKEN.encode() else value) for name, value in sent]
        else:
            sent = _changed(random, sent, random.choice(fields), act, known)
    return sent, "+".join(done)


def _changed(random: Random, sent: list[Sent], at: int, act: str, known: Known) -> list[Sent]:
    name, value = sent[at]
    before, after = sent[:at], sent[at + 1 :]
    bad: bytes | Upload = hostile(random, known.ids)
    if act == "drop":
        return before + after
    if act == "empty":
        return [*before, (name, b""), *after]
    if act == "repeat":
        return [*before, (name, value), (name, bad), *after]
    if act == "swap":
        return [*before, (hostile(random)[:200], value), *after]
    if act == "many":
        return [*sent, *[(name, b"1")] * random.choice((300, 999, 1001))]
    if act == "file" or (isinstance(value, Upload) and random.random() < 0.8):
        bad = Upload(*bad_file(random))
    return [*before, (name, bad), *after]


# -- To requests ----------------------------------------------------------------------------------
def as_request(random: Random, form: Form, sent: list[Sent], kind: str) -> Request:
    target = encoded(form.address)
    if form.method == "GET":
        query = _urlencoded(random, sent) if sent else b""
        joint = b"&" if b"?" in target else b"?"
        return Request("GET", target + (joint + query[:6000] if query else b""), kind=kind)
    has_file = any(isinstance(value, Upload) for _, value in sent)
    headers: tuple[Header, ...] = ()
    if form.is_multipart or has_file:
        body = _multipart(sent)
        headers = (("Content-Type", b"multipart/form-data; boundary=" + BOUNDARY),)
    else:
        body = _urlencoded(random, sent)
        headers = (("Content-Type", b"application/x-www-form-urlencoded"),)
    return Request(form.method, target, headers, body, kind=kind)


def _urlencoded(random: Random, sent: list[Sent]) -> bytes:
    pairs = []
    for name, value in sent:
        raw = value if isinstance(value, bytes) else value.name.encode("utf-8", "surrogatepass")
        is_wrong = random.random() < 0.02
        text = in_address(random, raw) if is_wrong else quote_from_bytes(raw, safe="").encode()
        pairs.append(quote_from_bytes(name, safe="").encode() + b"=" + text)
    return b"&".join(pairs)


def _multipart(sent: list[Sent]) -> bytes:
    parts = []
    for name, value in sent:
        head = b'Content-Disposition: form-data; name="' + name.replace(b'"', b"%22") + b'"'
        if isinstance(value, Upload):
            head += b'; filename="' + encoded(value.name) + b'"\r\n'
            head += b"Content-Type: " + encoded(value.type)
        content = value.content if isinstance(value, Upload) else value
        parts.append(b"--" + BOUNDARY + b"\r\n" + head + b"\r\n\r\n" + content + b"\r\n")
    return b"".join(parts) + b"--" + BOUNDARY + b"--\r\n"


def break_body(random: Random, request: Request) -> Request:
    """Another content type, method or body than the form's."""
    act = random.choice(("type", "json", "method", "cut", "garble", "boundary", "none", "encode"))
    broken = replace(request, kind=f"{request.kind}/{act}")
    if act == "type":
        broken = broken.with_headers(("Content-Type", random.choice(CONTENT_TYPES).encode()))
    elif act == "json":
        values: tuple[Any, ...] = (
            {"a": 1},
            [],
            None,
            "x",
            {"title": ["x"], "id": 10**40},
            "\ud800",
        )
        body = random.choice((json.dumps(random.choice(values)).encode(), b"{", b"[" * 9999))
        broken = replace(broken, body=body).with_headers(("Content-Type", b"application/json"))
    elif act == "method":
        broken = replace(broken, method=random.choice(METHODS))
    elif act == "cut":
        broken = replace(broken, is_cut=bool(request.body))
    else:
        broken = replace(broken, body=_broken(random, request.body, act))
    return broken


def _broken(random: Random, body: bytes, act: str) -> bytes:
    if act == "none":
        return b""
    if act == "boundary":
        return body.replace(b"--" + BOUNDARY + b"--\r\n", b"", 1)
    if act == "encode":
        wrong = b"\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        return body.replace(b"\r\n\r\n", wrong, 2)
    spoiled = bytearray(body)
    for _ in range(min(5, len(spoiled))):
        spoiled[random.randrange(len(spoiled))] = random.randrange(256)
    return bytes(spoiled)


# -- Headers --------------------------------------------------------------------------------------
LONG_ID: Final = b"x" * 3000
ODD_HEADERS: Final[dict[str, tuple[bytes, ...]]] = {
    "Range": (
        *(
            b"bytes=0-99",
            b"bytes=100-",
            b"bytes=0-0",
            b"bytes=-1",
            b"bytes=5-2",
            b"bytes=0-,1-,2-",
            b"bytes=" + b"0-," * 900,
        ),
        *(b"bytes=" + b"9" * 5000 + b"-", b"items=1", b"bytes=\xff-", b"bytes=-0", b"bytes=a-b"),
        "bytes=١-٢".encode(),
    ),
    "If-Range": (b'"x"', b"Mon, 99 Foo 9999 99:99:99 GMT", b"\xff"),
    "If-Modified-Since": (b"Mon, 01 Jan 0000 00:00:00 GMT", b"9" * 400, b"x", b"\xff"),
    "If-Unmodified-Since": (b"Fri, 31 Dec 9999 23:59:59 GMT", b"0"),
    "If-None-Match": (b"*", b'W/"', b'"' * 999, b'"x", ' * 500, b"\xff"),
    "If-Match": (b'"nothing"', b"*", b""),
    "HX-Request": (b"true", b"false", b"\xff"),
    "HX-Current-URL": (b"http://[", b"//evil.example/", b"/v/\xff", b"http://127.0.0.1/" + LONG_ID),
    "HX-Current-URL-URI-AutoEncoded": (b"true", b"x"),
    "HX-Target": (b"x\xff", b"comments", LONG_ID),
    "HX-Trigger-Name": (b"q", b"%ff"),
    "HX-Triggering-Event": (b"{", b"[1]", b"null"),
    "HX-Boosted": (b"true",),
    "Accept": (b"application/json", b"*/*;q=nan", b"text/html;q=" + b"9" * 500, b",;,", b"\xff"),
    "Accept-Language": (b"de;q=nan", b"xx-" + b"y" * 600, b"de-" * 200, b"*", b"\xff", b"\x80;q=1"),
    "Accept-Encoding": (b"gzip;q=0", b"br, gzip;q=1e9", b"\xff", b"identity"),
    "User-Agent": (b"", b"\xff\xfe", b"Firefox/" + b"9" * 900, "é\u202e".encode()),
    "Referer": (b"http://[", b"javascript:1", b"http://127.0.0.1:1/\xff", b"/" + LONG_ID),
    "Origin": (b"null", b"http://evil.example", b"http://[", b"\xff"),
    "X-Forwarded-For": (b"1.2.3.4", b"::", b"unknown", b"1.2.3.4, " * 300, b"\xff"),
    "X-Forwarded-Proto": (b"https", b"x"),
    "X-Forwarded-Host": (b"evil.example", b"\xff"),
    "Forwarded": (b'for="[::1]";proto=https', b"\xff"),
    "Host": (b"evil.example", b"[", b"127.0.0.1:99999", b"", b"a" * 900, b"\xff"),
    "Cookie": (b"", b"sessionid=" + LONG_ID, b"sessionid=\xff", b"=;=;" * 99, b'csrftoken="\\'),
    "Tus-Resumable": (b"1.0.0", b"0.2.2", b"\xff"),
    "X-HTTP-Method-Override": (b"PATCH", b"DELETE", b"HEAD", b"\xff"),
    "Upload-Length": (b"1", b"9" * 5000, b"-1"),
    "Upload-Offset": (b"0", b"nan"),
    "Content-Encoding": (b"gzip", b"x"),
    "Expect": (b"100-continue",),
    "X-Request-Id": (b"x\xff", LONG_ID),
    "X-CSRFToken": (b"x", b"\xff", LONG_ID),
    "Sec-Fetch-Site": (b"cross-site", b"\xff"),
}
FILES: Final = (".mp4", ".m3u8", ".jpg", ".webp", ".vtt", "/download/")
OF_FILES: Final = ("Range", "If-Range", "If-Modified-Since", "If-None-Match", "If-Match")
LOSES_SESSION: Final = {"Host", "Cookie"}


def odd_headers(random: Random, request: Request) -> Request:
    """With one to three headers that no browser sends; those of parts for what is sent in parts."""
    is_file = request.path.endswith(FILES) and random.random() < 0.7
    names = random.sample(OF_FILES if is_file else sorted(ODD_HEADERS), random.choice((1, 1, 2, 3)))
    headers = tuple((name, random.choice(ODD_HEADERS[name])) for name in names)
    return replace(request.with_headers(*headers), kind=f"{request.kind}/{'+'.join(names)}")
