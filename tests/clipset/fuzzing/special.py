"""Requests that no page offers: tus with broken headers, lists and actions of the admin."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any, Final

from django.contrib import admin
from django.urls import reverse

from tests.clipset.fuzzing.filling import Known, as_request
from tests.clipset.fuzzing.pages import TOKEN, Form
from tests.clipset.fuzzing.values import encoded, hostile, in_address, video
from tests.clipset.fuzzing.wire import Request

if TYPE_CHECKING:
    from collections.abc import Iterable
    from random import Random

    from django.db.models import Model

    from tests.clipset.fuzzing.filling import Sent

NUMBERS: Final = (
    b"0",
    b"1",
    b"4",
    b"-1",
    b"",
    b"x",
    b"9" * 30,
    b"9" * 5000,
    b"1.5",
    b"\xb2",
    b"+1",
)
LOOKUPS: Final = (
    *("", "__exact", "__iexact", "__isnull", "__in", "__gte", "__lt", "__range", "__regex"),
    *("__contains", "__startswith", "__year", "__date", "__id__exact", "__password__startswith"),
    *("__bogus", "__video__title", "__month__gt", "__", "__exact__exact"),
)
PARAMETERS: Final = (
    *("q", "o", "p", "all", "e", "after", "before", "trash", "state", "kind", "reason", "_popup"),
    *("_to_field", "_facets", "_changelist_filters", "since", "until", "days", "page", "actor"),
)


def tus(random: Random, addresses: list[str], known: Known) -> Request:
    """A request of the protocol for resumable uploads, in which some headers are wrong.

    `addresses`: of uploads that were created before.
    """
    method = random.choices(
        ("POST", "PATCH", "HEAD", "DELETE", "OPTIONS", "GET", "PUT"),
        weights=(30, 40, 12, 4, 3, 3, 2),
    )[0]
    body = random.choice((b"", b"x", video(), video()[:50], video()[50:], b"\0" * 3000))
    headers: dict[str, bytes] = {"Tus-Resumable": b"1.0.0", "X-CSRFToken": known.token.encode()}
    target = "/uploads/" if method == "POST" else random.choice([*addresses[-5:], addresses[0]])
    if method == "POST":
        headers["Upload-Length"] = str(random.choice((len(body), len(video()), 3000))).encode()
        headers["Upload-Metadata"] = _metadata(random, known)
        body = body if random.random() < 0.5 else b""
    else:
        headers["Upload-Offset"] = random.choice((b"0", b"0", b"50"))
    if body:
        headers["Content-Type"] = b"application/offset+octet-stream"
    for _ in range(random.choice((0, 0, 1, 1, 2))):
        target = _break_tus(random, headers, target, body, known)
    if method in {"HEAD", "DELETE", "OPTIONS", "GET"}:
        body = b""
    is_cut = bool(body) and random.random() < 0.05
    sent = tuple(headers.items())
    return Request(method, encoded(target), sent, body, is_cut=is_cut, kind="tus")


def _break_tus(
    random: Random, headers: dict[str, bytes], target: str, body: bytes, known: Known
) -> str:
    """Makes one header or the address wrong. Returns the address."""
    act = random.choice(("drop", "number", "type", "checksum", "override", "version", "target"))
    if act == "drop":
        headers.pop(random.choice(list(headers)))
    elif act == "number":
        headers[random.choice(("Upload-Length", "Upload-Offset"))] = random.choice(NUMBERS)
    elif act == "type":
        headers["Content-Type"] = random.choice((b"text/plain", b"\xff", b""))
    elif act == "checksum":
        headers["Upload-Checksum"] = _checksum(random, body)
    elif act == "override":
        headers["X-HTTP-Method-Override"] = random.choice((b"PATCH", b"HEAD", b"DELETE", b"x"))
    elif act == "version":
        headers["Tus-Resumable"] = random.choice((b"0.2.2", b"", b"\xff"))
    else:
        part = in_address(random, hostile(random, known.ids)).decode()
        return random.choice(("/uploads/", f"/uploads/{part}/", "/uploads/x/"))
    return target


def _metadata(random: Random, known: Known) -> bytes:
    """Upload-Metadata: sometimes as it should be, sometimes hardly."""

    def pair(name: str, value: bytes) -> bytes:
        return name.encode() + b" " + base64.b64encode(value[:2000])

    names = ("title", "description", "category", "playlist", "filetype", "x")
    pairs = [pair("filename", b"clip.mp4")]
    pairs += [
        pair(random.choice(names), hostile(random, known.ids)) for _ in range(random.randint(0, 3))
    ]
    if random.random() < 0.1:
        pairs.append(random.choice((b"title ===", b"filename", b" ", b"\xff x", b"a b c", b",,")))
    if random.random() < 0.1:
        pairs[0] = pair("filename", hostile(random, known.ids))
    return b",".join(pairs)


def _checksum(random: Random, body: bytes) -> bytes:
    right = b"sha1 " + base64.b64encode(hashlib.sha1(body).digest())  # noqa: S324 the protocol's
    return random.choice((right, b"sha1 x", b"md5 eA==", b"sha1", b"\xff", b"sha1 " + b"=" * 99))


def admin_list(random: Random, known: Known) -> Request:
    """A list of the admin with filters, an order and a page that nobody offered."""
    model, path = _list(random)
    fields = [field.name for field in model._meta.get_fields(include_hidden=True)]
    names = [random.choice(fields) + random.choice(LOOKUPS) for _ in range(random.randint(0, 2))]
    names += random.sample(PARAMETERS, random.randint(0, 2))
    pairs = [
        encoded(name) + b"=" + in_address(random, hostile(random, known.ids)) for name in names
    ]
    return Request("GET", encoded(path) + b"?" + b"&".join(pairs), kind="admin list")


def admin_action(random: Random, known: Known) -> Request:
    """An action of the admin with many ids, ids of other things, and its confirmation."""
    model, path = _list(random)
    actions: Iterable[Any] = admin.site.get_model_admin(model).actions or ()
    names = [one if isinstance(one, str) else one.__name__ for one in actions]
    act = random.choice([*names, "delete_selected", "bogus", ""])
    rows = random.choice((known.ids, tuple(map(str, range(1, 60))), ("9" * 30, "x", "-1", "\0")))
    chosen = random.sample(rows, min(len(rows), random.choice((0, 1, 3, 40))))
    sent: list[Sent] = [(TOKEN.encode(), known.token.encode()), (b"action", encoded(act))]
    sent += [(b"_selected_action", encoded(one)) for one in chosen]
    more = {"index": "0", "select_across": "1", "post": "yes", "reason": "OTHER", "text": "Because"}
    sent += [
        (encoded(name), hostile(random, known.ids) if random.random() < 0.2 else encoded(value))
        for name, value in more.items()
        if random.random() < 0.6
    ]
    return as_request(random, Form("POST", path), sent, "admin action")


def _list(random: Random) -> tuple[type[Model], str]:
    model = random.choice(sorted(admin.site._registry, key=lambda it: it._meta.label))
    label = f"{model._meta.app_label}_{model._meta.model_name}"
    return model, reverse(f"admin:{label}_changelist")
