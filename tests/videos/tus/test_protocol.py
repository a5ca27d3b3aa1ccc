"""The protocol as a table: what is asked, where the upload stands, and what is answered.

It covers what the handler tests of tusd and of @tus/server cover, as far as the extensions are
offered here, and what the text of the protocol says besides
(https://tus.io/protocols/resumable-upload).
"""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import examples
from videos.tus import answers
from videos.tus.requests import effective_method, parse_metadata, parse_request
from videos.tus.types import (
    Answer,
    Append,
    Ask,
    Checksum,
    Create,
    OptionsRequest,
    Terminate,
    TusError,
    UploadStatus,
)

V = {"tus-resumable": "1.0.0"}
BODY = {"content-type": "application/offset+octet-stream"}
PATCH = {**V, **BODY, "upload-offset": "5", "content-length": "5"}
POST = {**V, "upload-length": "300"}
SHA1 = base64.b64encode(b"x" * 20).decode()


def without(headers: dict[str, str], name: str) -> dict[str, str]:
    return {key: value for key, value in headers.items() if key != name}


UNDERSTOOD: list[tuple[str, str, dict[str, str], bool, object]] = [
    ("what the server can do", "OPTIONS", {}, True, OptionsRequest()),
    ("the same of one upload", "OPTIONS", {}, False, OptionsRequest()),
    ("in whatever version", "OPTIONS", {"tus-resumable": "0.2.2"}, True, OptionsRequest()),
    ("where it stands", "HEAD", V, False, Ask()),
    ("to forget it", "DELETE", V, False, Terminate()),
    ("more of it", "PATCH", PATCH, False, Append(offset=5, size=5)),
    ("nothing more", "PATCH", PATCH | {"content-length": "0"}, False, Append(offset=5, size=0)),
    (
        "a type with a parameter",
        "PATCH",
        PATCH | {"content-type": "Application/Offset+Octet-Stream; charset=x"},
        False,
        Append(offset=5, size=5),
    ),
    (
        "with a checksum",
        "PATCH",
        PATCH | {"upload-checksum": f"sha1 {SHA1}"},
        False,
        Append(offset=5, size=5, checksum=Checksum(digest=b"x" * 20)),
    ),
    (
        "saying the length again",
        "PATCH",
        PATCH | {"upload-length": "10"},
        False,
        Append(offset=5, size=5, length=10),
    ),
    ("a new one", "POST", POST, True, Create(length=300)),
    ("an empty one", "POST", POST | {"upload-length": "0"}, True, Create(length=0)),
    (
        "without a body, of any type",
        "POST",
        POST | {"content-type": "a/b"},
        True,
        Create(length=300),
    ),
    (
        "with its beginning",
        "POST",
        POST | BODY | {"content-length": "5", "upload-checksum": f"sha1 {SHA1}"},
        True,
        Create(length=300, size=5, checksum=Checksum(digest=b"x" * 20)),
    ),
    (
        "with metadata",
        "POST",
        POST | {"upload-metadata": "foo aGVsbG8=, bar d29ybGQ=,empty, blank "},
        True,
        Create(
            length=300,
            header="foo aGVsbG8=, bar d29ybGQ=,empty, blank ",
            metadata={"foo": b"hello", "bar": b"world", "empty": b"", "blank": b""},
        ),
    ),
]

REFUSED: list[tuple[str, str, dict[str, str], bool, int]] = [
    # The version
    ("no version", "POST", without(POST, "tus-resumable"), True, 412),
    ("another version", "POST", POST | {"tus-resumable": "0.2.2"}, True, 412),
    ("no version", "HEAD", {}, False, 412),
    ("another version", "HEAD", {"tus-resumable": "1.0.1"}, False, 412),
    ("no version", "PATCH", without(PATCH, "tus-resumable"), False, 412),
    ("no version", "DELETE", {}, False, 412),
    ("a version before anything else", "PATCH", {"tus-resumable": "2.0.0"}, False, 412),
    # The address
    ("no upload is there", "HEAD", V, True, 405),
    ("no upload is there", "PATCH", PATCH, True, 405),
    ("no upload is there", "DELETE", V, True, 405),
    ("made elsewhere", "POST", POST, False, 405),
    ("the bytes are not given out", "GET", V, False, 405),
    ("what nobody knows", "BREW", V, False, 405),
    ("what nobody knows", "PUT", V, True, 405),
    # Creation
    ("no length", "POST", V, True, 400),
    ("a negative length", "POST", POST | {"upload-length": "-5"}, True, 400),
    ("no number", "POST", POST | {"upload-length": "hello"}, True, 400),
    ("a fraction", "POST", POST | {"upload-length": "5.0"}, True, 400),
    ("digits of another script", "POST", POST | {"upload-length": "٣"}, True, 400),
    ("an empty length", "POST", POST | {"upload-length": ""}, True, 400),
    ("a length no disk has", "POST", POST | {"upload-length": "9" * 19}, True, 400),
    ("a length without end", "POST", POST | {"upload-length": "9" * 5000}, True, 400),
    ("the length comes later", "POST", V | {"upload-defer-length": "1"}, True, 400),
    ("both", "POST", POST | {"upload-defer-length": "1"}, True, 400),
    ("no such deferring", "POST", V | {"upload-defer-length": "bad"}, True, 400),
    ("a part of one", "POST", POST | {"upload-concat": "partial"}, True, 400),
    ("one of parts", "POST", V | {"upload-concat": "final;/uploads/a /uploads/b"}, True, 400),
    (
        "bytes of another type",
        "POST",
        POST | {"content-type": "a/b", "content-length": "5"},
        True,
        415,
    ),
    (
        "a form",
        "POST",
        POST | {"content-type": "multipart/form-data", "content-length": "5"},
        True,
        415,
    ),
    ("a chunked body", "POST", POST | BODY | {"transfer-encoding": "chunked"}, True, 411),
    ("empty metadata", "POST", POST | {"upload-metadata": ""}, True, 400),
    ("blank metadata", "POST", POST | {"upload-metadata": " \t"}, True, 400),
    ("metadata without a key", "POST", POST | {"upload-metadata": "foo aGVsbG8=,,"}, True, 400),
    ("a key twice", "POST", POST | {"upload-metadata": "foo aGVsbG8=,foo aGVsbG8="}, True, 400),
    ("no Base64", "POST", POST | {"upload-metadata": "foo INVALID!"}, True, 400),
    ("Base64 cut short", "POST", POST | {"upload-metadata": "foo aGVsbG8"}, True, 400),
    ("Base64 for addresses", "POST", POST | {"upload-metadata": "foo _-8="}, True, 400),
    ("a value too many", "POST", POST | {"upload-metadata": "foo aGVsbG8= aGVsbG8="}, True, 400),
    ("two spaces", "POST", POST | {"upload-metadata": "foo  aGVsbG8="}, True, 400),
    ("a key of other letters", "POST", POST | {"upload-metadata": "fö aGVsbG8="}, True, 400),
    # Appending
    ("another type", "PATCH", PATCH | {"content-type": "video/mp4"}, False, 415),
    ("no type", "PATCH", without(PATCH, "content-type"), False, 415),
    ("no offset", "PATCH", without(PATCH, "upload-offset"), False, 400),
    ("a negative offset", "PATCH", PATCH | {"upload-offset": "-5"}, False, 400),
    ("no number", "PATCH", PATCH | {"upload-offset": "hello"}, False, 400),
    ("a sign", "PATCH", PATCH | {"upload-offset": "+5"}, False, 400),
    ("an underscore", "PATCH", PATCH | {"upload-offset": "1_0"}, False, 400),
    ("no content length", "PATCH", without(PATCH, "content-length"), False, 411),
    ("an empty one", "PATCH", PATCH | {"content-length": ""}, False, 411),
    ("chunks", "PATCH", PATCH | {"transfer-encoding": "chunked"}, False, 411),
    ("a negative one", "PATCH", PATCH | {"content-length": "-1"}, False, 400),
    ("a length that is none", "PATCH", PATCH | {"upload-length": "-1"}, False, 400),
    ("an unknown checksum", "PATCH", PATCH | {"upload-checksum": f"md5 {SHA1}"}, False, 400),
    ("no algorithm", "PATCH", PATCH | {"upload-checksum": SHA1}, False, 400),
    ("no digest", "PATCH", PATCH | {"upload-checksum": "sha1"}, False, 400),
    ("a short digest", "PATCH", PATCH | {"upload-checksum": "sha1 aGVsbG8="}, False, 400),
    ("no Base64", "PATCH", PATCH | {"upload-checksum": "sha1 !!!"}, False, 400),
]


@pytest.mark.parametrize(
    ("what", "method", "headers", "is_collection", "command"),
    UNDERSTOOD,
    ids=[f"{method} {what}" for what, method, *_ in UNDERSTOOD],
)
def test_what_is_understood(
    what: str, method: str, headers: dict[str, str], is_collection: bool, command: object
) -> None:
    assert parse_request(method, headers, is_collection=is_collection) == command


@pytest.mark.parametrize(
    ("what", "method", "headers", "is_collection", "status"),
    REFUSED,
    ids=[f"{method} {what} {number}" for number, (what, method, *_) in enumerate(REFUSED)],
)
def test_what_is_refused(
    what: str, method: str, headers: dict[str, str], is_collection: bool, status: int
) -> None:
    with pytest.raises(TusError) as refused:
        parse_request(method, headers, is_collection=is_collection)
    answer = refused.value.answer
    assert answer.status == status, answer.body
    assert answer.body.endswith(".")
    assert ("Tus-Version" in answer.headers) == (status == 412)
    assert ("Allow" in answer.headers) == (status == 405)


@pytest.mark.parametrize(
    ("method", "override", "effective"),
    [
        ("POST", "PATCH", "PATCH"),
        ("POST", "patch", "PATCH"),
        ("GET", "HEAD", "HEAD"),
        ("POST", "DELETE", "DELETE"),
        ("PATCH", None, "PATCH"),
        ("post", "", "POST"),
    ],
)
def test_an_override_goes_before_the_method(
    method: str, override: str | None, effective: str
) -> None:
    headers = {} if override is None else {"x-http-method-override": override}
    assert effective_method(method, headers) == effective


# -- where it stands ------------------------------------------------------------------------------

EXPIRES = "Wed, 25 Jun 2014 16:00:00 GMT"


def standing(**changes: Any) -> UploadStatus:
    return UploadStatus(**{"offset": 5, "length": 10, "expires": EXPIRES, **changes})


@pytest.mark.parametrize(
    ("append", "stands", "status"),
    [
        (Append(offset=5, size=5), standing(), None),
        (Append(offset=5, size=0), standing(), None),
        (Append(offset=10, size=0), standing(offset=10), None),
        (Append(offset=5, size=5, length=10), standing(), None),
        (Append(offset=4, size=5), standing(), 409),
        (Append(offset=6, size=1), standing(), 409),
        (Append(offset=0, size=0), standing(offset=10), 409),
        (Append(offset=5, size=6), standing(), 413),
        (Append(offset=10, size=1), standing(offset=10), 413),
        (Append(offset=5, size=5, length=20), standing(), 400),
    ],
)
def test_what_may_be_appended(append: Append, stands: UploadStatus, status: int | None) -> None:
    if status is None:
        answers.check_append(append, stands)
        return
    with pytest.raises(TusError) as refused:
        answers.check_append(append, stands)
    assert refused.value.answer.status == status
    if status == 409:
        assert refused.value.answer.headers["Upload-Offset"] == str(stands.offset)


@pytest.mark.parametrize(
    ("answer", "status", "headers"),
    [
        (
            answers.offered(max_size=1000),
            204,
            {
                "Tus-Version": "1.0.0",
                "Tus-Extension": "creation,creation-with-upload,termination,expiration,checksum",
                "Tus-Max-Size": "1000",
                "Tus-Checksum-Algorithm": "sha1",
            },
        ),
        (
            answers.created(standing(offset=0), location="/x/", has_body=False),
            201,
            {"Location": "/x/", "Upload-Expires": EXPIRES},
        ),
        (
            answers.created(standing(), location="/x/", has_body=True),
            201,
            {"Location": "/x/", "Upload-Expires": EXPIRES, "Upload-Offset": "5"},
        ),
        (
            answers.status(standing(header="empty ,name bHVucmpzLnBuZw==")),
            200,
            {
                "Upload-Offset": "5",
                "Upload-Length": "10",
                "Upload-Expires": EXPIRES,
                "Upload-Metadata": "empty ,name bHVucmpzLnBuZw==",
                "Cache-Control": "no-store",
            },
        ),
        (answers.appended(standing()), 204, {"Upload-Offset": "5", "Upload-Expires": EXPIRES}),
        (answers.terminated(), 204, {}),
        (answers.wrong_checksum().answer, 460, {}),
        (answers.unknown().answer, 404, {}),
        (answers.gone().answer, 410, {}),
        (answers.busy(seconds=5).answer, 423, {"Retry-After": "5"}),
    ],
)
def test_what_is_answered(answer: Answer, status: int, headers: dict[str, str]) -> None:
    assert (answer.status, dict(answer.headers)) == (status, headers)
    assert answer.body == "" if status < 400 else answer.body.endswith(".")


# -- whatever comes -------------------------------------------------------------------------------

KEYS = st.text(
    st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=","), min_size=1
)


@given(st.dictionaries(KEYS, st.binary(max_size=40), min_size=1, max_size=6))
def test_metadata_comes_out_as_it_went_in(pairs: dict[str, bytes]) -> None:
    header = ",".join(f"{key} {base64.b64encode(value).decode()}" for key, value in pairs.items())
    assert parse_metadata(header) == pairs


NAMES = st.sampled_from([*PATCH, "upload-length", "upload-metadata", "upload-checksum"])


@settings(max_examples=examples(100))
@given(
    st.sampled_from(["OPTIONS", "POST", "HEAD", "PATCH", "DELETE", "GET", ""]),
    st.dictionaries(NAMES, st.text(max_size=30) | st.sampled_from([*PATCH.values(), "300"])),
    st.booleans(),
)
def test_whatever_comes_is_understood_or_refused_with_a_4xx(
    method: str, headers: dict[str, str], is_collection: bool
) -> None:
    answer = None
    try:
        parse_request(method, headers, is_collection=is_collection)
    except TusError as refused:
        answer = refused.answer
    assert answer is None or 400 <= answer.status < 500
