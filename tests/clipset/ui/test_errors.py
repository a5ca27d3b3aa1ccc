"""Unreadable bodies, from visitors and from members, through the WSGI application."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import RequestDataTooBig
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.template.loader import render_to_string
from django.test import Client, RequestFactory

from clipset.ui import errors
from clipset.wsgi import application
from tests.builders import make_moderator, make_user
from tests.examples import one_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_django import DjangoAssertNumQueries, Settings

PATHS = (
    "/login/",
    "/upload/",
    "/settings/",
    "/settings/avatar/",
    "/register/x/",
    "/password-reset/",
    "/password-reset/x/y/",
    "/admin/login/",
    "/nothing/",
)
FORM, PARTS = "application/x-www-form-urlencoded", "multipart/form-data; boundary=b"
FIELD = b'Content-Disposition: form-data; name="username"'
FILE = b'Content-Disposition: form-data; name="file"; filename="a.mp4"'
BASE64 = b"\r\nContent-Transfer-Encoding: base64"
TWO_MB = b"a" * 2 * 1024**2


@pytest.fixture(autouse=True)
def kept_connection() -> Iterator[None]:
    """Keeps the database connection at the end of a request, as Django's test client does.

    Closing it would end the test's transaction.
    """
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def parts(head: bytes, body: bytes = b"x", times: int = 1) -> bytes:
    return (b"--b\r\n" + head + b"\r\n\r\n" + body + b"\r\n") * times + b"--b--\r\n"


def field(rest: bytes) -> bytes:
    return parts(b"Content-Disposition: form-data; " + rest)


# Bodies that are no valid form: content type, body.
UNREADABLE = {
    "no boundary": ("multipart/form-data", b"x"),
    "an empty boundary": ("multipart/form-data; boundary=", b"x"),
    "a boundary of é": ("multipart/form-data; boundary=é", b"x"),
    "a long boundary": ("multipart/form-data; boundary=" + "a" * 300, b"x"),
    "1001 fields": (FORM, b"&".join(b"f%d=1" % n for n in range(1001))),
    "1001 parts": (PARTS, parts(FIELD, times=1001)),
    "101 files": (PARTS, parts(FILE, times=101)),
    "2 MB in a field": (FORM, b"username=" + TWO_MB),
    "2 MB in a part": (PARTS, parts(FIELD, TWO_MB)),
    "a huge header of a part": (PARTS, parts(FIELD + b"\r\nX: " + b"a" * 200_000)),
    "Latin-1": (FORM + "; charset=iso-8859-1", b"username=%E9"),
    "UTF-16": (FORM + "; charset=utf-16", b"username=%E9"),
    "hex": (FORM + "; charset=hex", b"username=61"),
    "parts in hex": (PARTS + "; charset=hex", parts(FIELD)),
    "parts in idna": (PARTS + "; charset=idna", parts(FIELD)),
    "parts in punycode": (PARTS + "; charset=punycode", parts(FIELD, b"\xff\xff-\xff")),
    "parts in undefined": (PARTS + "; charset=undefined", parts(FIELD)),
    "an unknown charset": (PARTS + "; charset=bogus", parts(FIELD)),
    "parts in Latin-1": (PARTS + "; charset=iso-8859-1", parts(FIELD, b"\xe9")),
}
# Unusual but valid forms, and bodies that are no form.
ODD = {
    "a boundary in no charset": ("multipart/form-data; boundary*=hex''61", b"x"),
    "a charset with a NUL": (FORM + "; charset*=utf-8''%00", b"a=b"),
    "a charset in hex": (FORM + "; charset*=hex''61", b"a=b"),
    "a charset in undefined": (FORM + "; charset*=undefined''61", b"a=b"),
    "a charset in idna": (FORM + "; charset*=idna''%ff", b"a=b"),
    "a charset in an unknown one": (FORM + "; charset*=bogus''61", b"a=b"),
    "UTF-8 by another name": (FORM + "; charset=UTF8", b"username=%C3%A9"),
    "a name in hex": (PARTS, field(b"name*=hex''61")),
    "a name in a charset of NUL": (PARTS, field(b"name*=%00''61")),
    "a name of a byte that is no text": (PARTS, field(b'name="\xff"')),
    "a file called NUL": (PARTS, field(b'name="file"; filename="\x00"')),
    "a file called ..": (PARTS, field(b'name="file"; filename=".."')),
    "broken base64 in a file": (PARTS, parts(FILE + BASE64, b"abcde")),
    "broken base64": (PARTS, parts(FIELD + BASE64, b"\xff%%%a")),
    "a part's length that is none": (PARTS, parts(FILE + b"\r\nContent-Length: x")),
    "a part's type in hex": (PARTS, parts(FILE + b"\r\nContent-Type: a/b; charset*=hex''61")),
    "cut short": (PARTS, parts(FIELD)[:-8]),
    "a boundary and no more": (PARTS, b"--b"),
    "no parts": (PARTS, b""),
    "NULs": (FORM, b"username=%00&password=%00&email=%00&title=%00&new_password1=%00&next=%00"),
    "every byte": (FORM, bytes(range(256))),
    "half a surrogate pair": (FORM, b"username=%ED%A0%80&email=%ED%A0%80@example.org"),
    "JSON": ("application/json", b"{"),
    "no type": ("", b"a=b"),
    "a type of marks": (";;;=", b"a=b"),
    "a type of é": ("é; charset=é", b"a=b"),
}


def serve(environ: dict[str, Any]) -> tuple[int, dict[str, str], str]:
    """Status, headers and page from the WSGI application, which creates the request itself."""
    factory: Any = RequestFactory()
    said: list[Any] = []
    entry: Any = application
    response = entry(factory._base_environ(**environ), lambda *line: said.extend(line))
    page = b"".join(response)
    response.close()
    return int(said[0].split()[0]), dict(said[1]), page.decode()


def post(
    path: str, content_type: str, body: bytes, session: str = "", csrf: bool = True
) -> tuple[int, dict[str, str], str]:
    environ: dict[str, Any] = {
        "PATH_INFO": path,
        "REQUEST_METHOD": "POST",
        "CONTENT_TYPE": content_type,
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_COOKIE": f"sessionid={session}; csrftoken={'a' * 32}",
        "wsgi.input": io.BytesIO(body),
    }
    return serve(environ | ({"HTTP_X_CSRFTOKEN": "a" * 32} if csrf else {}))


def session_of_a_member() -> str:
    client = Client()
    client.force_login(make_user())
    return str(client.cookies["sessionid"].value)


@pytest.mark.django_db
@pytest.mark.parametrize("visitor", ["stranger", "member"])
@pytest.mark.parametrize("what", one_in(2, list(UNREADABLE | ODD)))
def test_no_body_is_an_error_of_ours(what: str, visitor: str) -> None:
    session = session_of_a_member() if visitor == "member" else ""
    for path in PATHS:
        for csrf in (True, False):
            status, headers, _ = post(path, *(UNREADABLE | ODD)[what], session, csrf)
            assert status in {200, 302, 400, 403, 404, 413, 422}, (path, csrf)
            assert {"no-store", "private"} <= set(headers["Cache-Control"].split(", "))


@pytest.mark.django_db
@pytest.mark.parametrize("what", UNREADABLE)
def test_what_cannot_be_read_gets_a_page_that_says_what_to_do(what: str) -> None:
    for path in ("/login/", "/password-reset/"):
        status, _, page = post(path, *UNREADABLE[what], csrf=False)
        is_too_large = what.startswith("2 MB in")
        assert status == (413 if is_too_large else 400)
        assert ("Nothing was saved." if is_too_large else "Nothing was changed.") in page
        assert 'class="plain-page__brand"' in page


@pytest.mark.django_db
def test_a_form_says_by_any_name_that_it_is_utf_8() -> None:
    for charset in ("utf-8", "UTF-8", "utf8"):
        status, _, page = post("/login/", f"{FORM}; charset={charset}", b"username=caf%C3%A9")
        assert status == 422
        assert 'value="café"' in page


@pytest.mark.django_db
def test_an_address_is_read_as_utf_8_whatever_the_body_claims() -> None:
    for query, shown in (("next=/%C3%A9/", 'value="/é/"'), ("&".join(["a=1"] * 1001), "<h1>")):
        environ = {"PATH_INFO": "/login/", "QUERY_STRING": query}
        status, _, page = serve(environ | {"CONTENT_TYPE": "text/plain; charset=hex"})
        assert status == (200 if "next" in query else 400)
        assert shown in page


# Error pages by status, for a request on which every access fails.
PAGES: dict[int, Any] = {
    400: errors.bad_request,
    403: errors.permission_denied,
    404: errors.page_not_found,
    500: errors.server_error,
}


@pytest.mark.parametrize("status", PAGES)
def test_an_error_page_asks_neither_the_request_nor_the_database(status: int) -> None:
    """Without the mark django_db, a query would fail this test."""
    answer = PAGES[status](None)
    assert answer.status_code == status
    assert "<h1>" in answer.content.decode()


def test_fields_that_are_too_large_are_413() -> None:
    answer = errors.bad_request(RequestFactory().post("/"), RequestDataTooBig())
    assert answer.status_code == 413
    assert "up to 1 MB of text" in answer.content.decode()


def test_without_its_template_the_error_page_still_is_one(
    settings: Settings, tmp_path: Path
) -> None:
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path], "APP_DIRS": False}]
    answer = errors.server_error(RequestFactory().get("/"))
    assert answer.status_code == 500
    assert "Something went wrong" in answer.content.decode()


@pytest.mark.django_db
def test_who_lacks_a_right_in_the_admin_gets_the_sites_own_page(client: Client) -> None:
    client.force_login(make_moderator())
    answer = client.get("/admin/siteconfig/config/")
    assert answer.status_code == 403
    assert "You don't have permission to do this" in answer.content.decode()


@pytest.mark.django_db
def test_an_error_page_costs_no_query_of_its_own(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    with django_assert_num_queries(0):
        answer = Client().get("/nothing/")
    context = {"request_id": answer["X-Request-ID"]}
    assert answer.content.decode() == render_to_string("404.html", context)


@pytest.mark.django_db
def test_an_error_page_shows_the_id_of_its_request_and_no_other() -> None:
    sent = {"X-Request-ID": "0123456789abcdef"}
    answers = [Client().get("/nothing/", headers=sent) for _ in range(2)]
    ids = {answer["X-Request-ID"] for answer in answers}
    assert len(ids) == 2
    assert sent["X-Request-ID"] not in ids
    for answer in answers:
        assert f"<code>{answer['X-Request-ID']}</code>" in answer.content.decode()
