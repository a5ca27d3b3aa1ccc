"""The middleware, tested with the site's own pages."""

from __future__ import annotations

import gzip
import io
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import MemoryFileUploadHandler
from django.core.signals import request_finished
from django.db import close_old_connections, connection
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.test.client import FakePayload

from accounts.models import User
from clipset.middleware import DrainRefusedBody, PrivatePages, wants_script_answer
from clipset.server.form_files import MAX_FORM_BYTES, MemberFileHandler
from tests.builders import PASSWORD, make_user, make_video
from videos.models import Comment
from videos.services.comments import write_comment

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.core.handlers.wsgi import WSGIRequest
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase
    from pytest_django.fixtures import Settings

pytestmark = pytest.mark.django_db

KIB = 1024


@pytest.fixture
def alice(client: Client) -> User:
    alice = make_user("alice", password=PASSWORD)
    client.force_login(alice)
    return alice


# -- DrainRefusedBody ---------------------------------------------------------------------------
class Body(io.BytesIO):
    """A body that counts how many bytes were read."""

    def left(self) -> int:
        return len(self.getbuffer()) - self.tell()


def request_with(body: Body, method: str = "POST") -> WSGIRequest:
    request = RequestFactory().generic(method, "/", b"", "application/octet-stream")
    request.META["CONTENT_LENGTH"] = str(len(body.getbuffer()))
    request._stream = body  # what Django reads from
    return request


def answer_with(status: int) -> Callable[[HttpRequest], HttpResponse]:
    return lambda _request: HttpResponse(status=status)


def finish(answer: HttpResponseBase) -> None:
    """Closes the response as a server does, but keeps the database connection."""
    request_finished.disconnect(close_old_connections)
    try:
        answer.close()
    finally:
        request_finished.connect(close_old_connections)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
@pytest.mark.parametrize("status", [302, 401, 403, 404, 413, 422, 500])
def test_the_rest_of_a_refused_body_is_read_and_thrown_away(method: str, status: int) -> None:
    body = Body(b"x" * 700 * KIB)
    answer = DrainRefusedBody(answer_with(status))(request_with(body, method))
    assert answer.status_code == status
    assert body.left() == 700 * KIB, "before the answer is sent"
    finish(answer)
    assert body.left() == 0


@pytest.mark.parametrize("status", [200, 201, 204])
def test_a_body_that_was_accepted_is_the_views_own_business(status: int) -> None:
    body = Body(b"x" * 700 * KIB)
    finish(DrainRefusedBody(answer_with(status))(request_with(body)))
    assert body.left() == 700 * KIB


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
def test_requests_that_bring_no_body_are_not_read(method: str) -> None:
    body = Body(b"x" * KIB)
    finish(DrainRefusedBody(answer_with(404))(request_with(body, method)))
    assert body.left() == KIB


def test_no_more_than_64_mb_are_read() -> None:
    class Endless(Body):
        taken = 0

        def read(self, size: int | None = -1, /) -> bytes:
            assert size is not None
            Endless.taken += size
            return b"x" * size

    finish(DrainRefusedBody(answer_with(413))(request_with(Endless())))
    assert Endless.taken == 64 * KIB * KIB


def test_a_client_that_is_gone_raises_nothing() -> None:
    class UploadGoneError(Body):
        def read(self, size: int | None = -1, /) -> bytes:
            raise ConnectionResetError

    finish(DrainRefusedBody(answer_with(413))(request_with(UploadGoneError())))


def post_slowly(client: Client, path: str, payload: FakePayload, content_type: str) -> Any:
    """Posts a body that the view can read, while the test client would read it first."""
    extra: dict[str, Any] = {"CONTENT_LENGTH": str(len(payload)), "wsgi.input": payload}
    return client.generic("POST", path, b"", content_type, **extra)


@pytest.mark.parametrize(
    ("path", "logged_in", "status"),
    [
        ("/upload/", False, 302),
        ("/settings/avatar/", False, 302),
        ("/nothing/", False, 404),
        ("/nothing/", True, 404),
        ("/v/0000000000/", True, 405),
        ("/v/0000000000/edit/", True, 404),
    ],
)
def test_the_sites_refusals_read_the_body_to_its_end(
    client: Client, alice: User, path: str, logged_in: bool, status: int
) -> None:
    sent = b"x" * 300 * KIB
    payload = FakePayload(sent)
    visitor = client if logged_in else Client()
    answer = post_slowly(visitor, path, payload, "application/octet-stream")
    assert answer.status_code == status
    assert payload.read() == b""


def test_an_upload_over_the_quota_is_read_to_its_end_and_answered(client: Client) -> None:
    client.force_login(make_user("charlie", weekly_upload_limit_bytes=0))
    sent = b"x" * 300 * KIB
    payload = FakePayload(sent)
    answer = post_slowly(client, "/upload/", payload, "multipart/form-data; boundary=b")
    assert answer.status_code == 413
    assert "Not enough weekly quota" in answer.content.decode()
    assert payload.read() == b""


# -- RefuseLargeBody, MemberFileHandler ------------------------------------------------------------
FORM = "multipart/form-data; boundary=edge"


def file_of(size: int) -> bytes:
    """A form with one file, 200 bytes larger than the file at most."""
    head = b'--edge\r\nContent-Disposition: form-data; name="avatar"; filename="a.png"\r\n\r\n'
    return head + bytes(size) + b"\r\n--edge--\r\n"


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the files that Django stored, also in memory."""
    sizes: list[int] = []
    of_django = UploadedFile.__init__

    def noted(self: UploadedFile, *args: Any, **kwargs: Any) -> None:
        of_django(self, *args, **kwargs)
        sizes.append(self.size or 0)

    monkeypatch.setattr(UploadedFile, "__init__", noted)
    return sizes


PATHS = ["/login/", "/settings/avatar/", "/v/0000000000/", "/password-reset/", "/nothing/", "/"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("logged_in", [False, True])
def test_what_is_larger_than_any_form_is_refused_unread(
    client: Client,
    alice: User,
    kept: list[int],
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    logged_in: bool,
) -> None:
    """The body is drained only after the response; that is switched off here."""
    visitor = client if logged_in else Client(enforce_csrf_checks=True)
    body = Body(file_of(MAX_FORM_BYTES))
    request: dict[str, Any] = {
        "CONTENT_LENGTH": str(body.left()),
        "CONTENT_TYPE": FORM,
        "wsgi.input": body,
    }
    monkeypatch.setattr("clipset.middleware.drain_request", lambda _request: None)
    answer = visitor.generic("POST", path, b"", FORM, **request)
    assert answer.status_code == 413
    assert "The limit is 10 MB." in answer.content.decode()
    assert body.tell() == 0
    assert kept == []


@pytest.mark.parametrize("path", PATHS)
def test_nothing_of_a_strangers_file_is_kept(kept: list[int], path: str) -> None:
    """Django reads the form for its CSRF token before it checks the log-in."""
    stranger = Client(enforce_csrf_checks=True)
    stranger.cookies["csrftoken"] = "x" * 32
    answer = stranger.post(path, file_of(5 * KIB * KIB), content_type=FORM)
    assert answer.status_code in {302, 403, 404}
    assert kept == []


def test_a_members_picture_is_kept_in_memory_while_the_request_lasts(
    client: Client, alice: User, kept: list[int]
) -> None:
    answer = client.post("/settings/avatar/", file_of(10 * KIB * KIB), content_type=FORM)
    assert answer.status_code == 422
    assert kept == [10 * KIB * KIB]
    assert not list(Path(tempfile.gettempdir()).glob("*.upload*"))


def test_no_upload_handler_writes_to_the_disk(settings: Settings) -> None:
    assert settings.FILE_UPLOAD_HANDLERS == ["clipset.server.form_files.MemberFileHandler"]
    assert issubclass(MemberFileHandler, MemoryFileUploadHandler)


@pytest.mark.parametrize("length", ["", "many", "-5"])
def test_a_body_of_no_length_is_not_read(kept: list[int], length: str) -> None:
    body = Body(file_of(5 * KIB * KIB))
    extra: dict[str, Any] = {
        "CONTENT_LENGTH": length,
        "CONTENT_TYPE": FORM,
        "wsgi.input": body,
    }
    stranger = Client(enforce_csrf_checks=True)
    stranger.cookies["csrftoken"] = "x" * 32
    answer = stranger.generic("POST", "/login/", b"", FORM, **extra)
    assert 400 <= answer.status_code < 500
    assert body.tell() == 0
    assert kept == []


# -- RefuseBrokenBody ---------------------------------------------------------------------------
def test_a_client_that_goes_away_in_a_view_is_no_error_of_ours(client: Client, alice: User) -> None:
    class UploadGoneError(Body):
        def read(self, size: int | None = -1, /) -> bytes:
            raise ConnectionResetError

    extra: dict[str, Any] = {
        "CONTENT_LENGTH": "500",
        "CONTENT_TYPE": FORM,
        "wsgi.input": UploadGoneError(),
    }
    answer = client.generic("POST", "/upload/", b"", FORM, **extra)
    assert answer.status_code == 408
    assert answer.content == b"The upload was interrupted. Try again."


# -- MembersOnly --------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("headers", "scripted"),
    [
        ({}, False),
        ({"Accept": "text/html,application/xhtml+xml,application/json;q=0.9"}, False),
        ({"Accept": "*/*"}, False),
        ({"Accept": "application/json"}, True),
        ({"Accept": "application/json, text/plain, */*"}, True),
        ({"HX-Request": "true"}, True),
        ({"HX-Request": "true", "HX-Boosted": "true"}, True),
        ({"HX-Request": "false"}, False),
    ],
)
def test_a_person_is_led_to_the_log_in_and_a_script_told_401(
    headers: dict[str, str], scripted: bool
) -> None:
    answer = Client().get("/?q=x", headers=headers)
    if scripted:
        assert answer.status_code == 401
        assert answer["HX-Redirect"] == "/login/"
        assert answer["Content-Type"] == "text/plain"
        assert answer.content == b"Log in first."
    else:
        assert answer.status_code == 302
        assert answer["Location"] == "/login/?next=/%3Fq%3Dx"


HERE = "http://testserver"


@pytest.mark.parametrize(
    ("page", "back"),
    [
        (f"{HERE}/", "?next=/"),
        (f"{HERE}/v/x/?playlist=y&t=3#comments", "?next=/v/x/%3Fplaylist%3Dy%26t%3D3%23comments"),
        (f"{HERE}/?q=%0d%0aSet-Cookie:x", "?next=/%3Fq%3D%250d%250aSet-Cookie%3Ax"),
        (f"{HERE}/\x85\xe9", "?next=/%C2%85%C3%A9"),
        ("https://evil.example/", ""),
        ("http://testserver.evil.example/", ""),
        ("http://testserver@evil.example/", ""),
        ("http://evil.example@testserver/", ""),
        ("http://testserver:81/", ""),
        (f"{HERE}//evil.example/", ""),
        (f"{HERE}/\\evil.example/", ""),
        (f"{HERE}\\@evil.example/", ""),
        (f"{HERE}?q=x", ""),
        ("//evil.example/", ""),
        ("/v/x/", ""),
        ("javascript:alert(1)", ""),
        ("http://[", ""),
        ("http://[x]/", ""),
        ("", ""),
    ],
)
def test_the_log_in_leads_back_to_the_page_that_asked_by_htmx(page: str, back: str) -> None:
    answer = Client().get("/?after=x", headers={"HX-Request": "true", "HX-Current-URL": page})
    assert answer.status_code == 401
    assert answer["HX-Redirect"] == f"/login/{back}"


@pytest.mark.parametrize("path", ["%2F%2Fevil.example/", "/%5Cevil.example", "/%0D%0AX:%20y%FF"])
def test_what_htmx_encoded_of_a_page_leads_nowhere_else(path: str) -> None:
    headers = {
        "HX-Request": "true",
        "HX-Current-URL": f"http%3A//testserver{path}",
        "HX-Current-URL-URI-AutoEncoded": "true",
    }
    led = Client().get("/", headers=headers)["HX-Redirect"]
    assert led.split("?")[0] == "/login/"
    assert "evil" not in led


def test_without_htmx_in_between_only_accept_tells_a_script() -> None:
    request = RequestFactory().get("/", headers={"HX-Request": "true"})
    assert not wants_script_answer(request)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}])
def test_a_member_who_is_deleted_during_a_request_is_logged_out(
    client: Client, monkeypatch: pytest.MonkeyPatch, headers: dict[str, str]
) -> None:
    """What the request wrote names a member who isn't there. That is no error of the site."""
    alice, video = make_user("alice"), make_video()
    client.force_login(alice)

    def delete_first(**asked: Any) -> Comment:
        User.objects.filter(pk=alice.pk).delete()
        return write_comment(**asked)

    monkeypatch.setattr("videos.views.comments.write_comment", delete_first)
    path = f"/v/{video.short_id}/comments/"
    answer = client.post(path, {"text": "Hello"}, headers=headers)
    if headers:
        assert (answer.status_code, answer["HX-Redirect"]) == (401, "/login/")
    else:
        assert (answer.status_code, answer["Location"]) == (302, f"/login/?next={path}")
    assert not Comment.objects.exists()


def test_public_pages_stay_public_for_scripts() -> None:
    for path in ("/login/", "/healthz", "/password-reset/"):
        assert Client().get(path, headers={"Accept": "application/json"}).status_code == 200


def test_a_page_is_not_told_about_before_the_log_in() -> None:
    """Existing and missing pages look the same to a visitor."""
    video = make_video()
    for short_id in (video.short_id, "0000000000"):
        answer = Client().get(f"/v/{short_id}/")
        assert answer["Location"] == f"/login/?next=/v/{short_id}/"


# -- CompressPages ------------------------------------------------------------------------------
def test_a_page_is_compressed_for_those_who_take_it(client: Client, alice: User) -> None:
    plain = client.get("/")
    small = client.get("/", headers={"Accept-Encoding": "gzip, br"})
    assert not plain.has_header("Content-Encoding")
    assert small["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in plain["Vary"]
    assert "Accept-Encoding" in small["Vary"]
    assert int(small["Content-Length"]) == len(small.content) < len(plain.content) / 3
    assert gzip.decompress(small.content).endswith(b"</html>\n")


def test_the_length_of_a_compressed_page_does_not_tell_what_stands_in_it(
    client: Client, alice: User
) -> None:
    """Someone who can make a browser fetch a page repeatedly with chosen text in it, and sees its
    length, would guess its secrets letter by letter (BREACH)."""
    answers = [client.get("/?q=x", headers={"Accept-Encoding": "gzip"}) for _ in range(8)]
    tokens = [re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', read(it)) for it in answers]
    assert all(tokens)
    assert len({one for found in tokens for one in found}) >= len(answers)
    assert len({len(it.content) for it in answers}) > 1


def read(answer: Any) -> str:
    return gzip.decompress(answer.content).decode()


def test_what_is_no_page_keeps_its_bytes_and_its_length(client: Client, alice: User) -> None:
    video = make_video(uploader=alice)
    video.file_path.write_bytes(bytes(4096))
    for path in (f"/v/{video.short_id}/stream.mp4", f"/v/{video.short_id}/download/"):
        answer = client.get(path, headers={"Accept-Encoding": "gzip"})
        assert not answer.has_header("Content-Encoding")
        assert answer["Content-Length"] == "4096"
        assert sum(map(len, answer)) == 4096
    part = {"Accept-Encoding": "gzip", "Range": "bytes=0-999"}
    answer = client.get(f"/v/{video.short_id}/stream.mp4", headers=part)
    assert (answer.status_code, answer["Content-Length"]) == (206, "1000")
    b"".join(answer)  # closes the file


# -- PrivatePages -------------------------------------------------------------------------------
PAGES = [
    "/",
    "/categories/",
    "/profile/alice/",
    "/settings/",
    "/upload/",
    "/login/",
    "/password-reset/",
    "/healthz",
    "/nothing/",
    "/v/0000000000/",
    "/admin/",
]


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("logged_in", [False, True])
def test_pages_are_kept_by_no_browser_and_no_proxy(
    client: Client, alice: User, path: str, logged_in: bool
) -> None:
    answer = (client if logged_in else Client()).get(path)
    assert {"no-store", "private"} <= set(answer["Cache-Control"].split(", "))


def test_what_says_itself_how_it_may_be_kept_is_left_alone() -> None:
    def cached(_request: HttpRequest) -> HttpResponse:
        return HttpResponse(headers={"Cache-Control": "private, max-age=60"})

    answer = PrivatePages(cached)(RequestFactory().get("/"))
    assert answer["Cache-Control"] == "private, max-age=60"


def test_a_video_may_be_kept_by_its_viewers_browser_alone(client: Client, alice: User) -> None:
    video = make_video()
    video.file_path.write_bytes(b"video")
    answer: Any = client.get(f"/v/{video.short_id}/stream.mp4")
    assert answer["Cache-Control"].startswith("private")
    assert b"".join(answer.streaming_content) == b"video"


# -- Headers ------------------------------------------------------------------------------------
@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("logged_in", [False, True])
def test_every_page_says_what_a_browser_may_load_and_who_may_frame_it(
    client: Client, alice: User, path: str, logged_in: bool
) -> None:
    answer = (client if logged_in else Client()).get(path)
    policy = dict(
        part.strip().split(" ", 1) for part in answer["Content-Security-Policy"].split(";") if part
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert policy["base-uri"] == "'none'"
    assert policy["form-action"] == "'self'"
    assert not any("unsafe" in value or "*" in value for value in policy.values())
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Referrer-Policy"] == "same-origin"
    assert answer["Cross-Origin-Opener-Policy"] == "same-origin"


def test_pages_hold_no_script_and_no_style_that_the_policy_would_stop(
    client: Client, alice: User
) -> None:
    for path in ("/", "/categories/", "/profile/alice/", "/settings/", "/upload/", "/login/"):
        page = client.get(path, follow=True).content.decode()
        assert "<style" not in page, path
        assert " style=" not in page, path
        assert " onclick=" not in page, path
        assert "<script>" not in page, path
        assert "javascript:" not in page, path
        assert "http://" not in page.replace("http://www.w3.org/", ""), path
        assert "https://" not in page, path


# -- CSRF ---------------------------------------------------------------------------------------
def test_a_post_without_a_token_gets_a_page_that_says_what_to_do(alice: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice)
    for path in ("/settings/", "/upload/", "/logout/", "/login/"):
        answer = strict.post(path, {"username": "eve"})
        assert answer.status_code == 403, path
        assert "This page has expired" in answer.content.decode()
        assert "no-store" in answer["Cache-Control"]
    alice.refresh_from_db()
    assert alice.username == "alice"


def test_a_post_with_the_pages_own_token_is_taken(alice: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice)
    token = strict.get("/settings/").context["csrf_token"]
    data = {"username": "alice_2", "email": alice.email, "csrfmiddlewaretoken": str(token)}
    assert strict.post("/settings/", data).status_code == 302
    data = {"username": "alice_3", "email": alice.email}
    assert strict.post("/settings/", data, headers={"X-CSRFToken": str(token)}).status_code == 302


def test_another_sites_post_is_refused_even_with_a_token(alice: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice)
    token = str(strict.get("/settings/").context["csrf_token"])
    data = {"username": "eve", "email": alice.email, "csrfmiddlewaretoken": token}
    for origin in ("https://evil.example", "null"):
        assert strict.post("/settings/", data, headers={"Origin": origin}).status_code == 403


# -- Errors -------------------------------------------------------------------------------------
def test_a_page_that_is_not_there_says_so_in_the_sites_own_words(
    client: Client, alice: User
) -> None:
    for visitor in (client, Client()):
        answer = visitor.get("/nothing/")
        assert answer.status_code == 404
        assert "Page not found" in answer.content.decode()


def test_what_breaks_gets_the_sites_own_page_and_no_details(client: Client, alice: User) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE categories RENAME TO elsewhere")
    client.raise_request_exception = False
    answer = client.get("/categories/")
    page = answer.content.decode()
    assert answer.status_code == 500
    assert "<h1>" in page
    assert "categories" not in page
    assert "Traceback" not in page
