"""Responses to people, scripts and upload clients while the database is busy, full or missing."""

from __future__ import annotations

import html
import sqlite3
from contextlib import closing, contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import InterfaceError, OperationalError, ProgrammingError, connection
from django.test import Client
from django.utils import timezone

from accounts.models import Session
from accounts.sessions import SessionStore
from clipset.database.lock_waits import waiting_at_most
from clipset.lib.unavailable import (
    AWAY,
    BUSY,
    FULL,
    STORAGE_AWAY,
    Unavailable,
    why_unavailable,
)
from tests.builders import PASSWORD, make_user, make_video
from tests.full_database import full_database
from videos.models import Comment

if TYPE_CHECKING:
    from collections.abc import Iterator

SENTENCE = "The site is busy. Try again in a moment."


@contextmanager
def locked_database() -> Iterator[None]:
    """Another connection holds the write lock; waiting for it fails at once in this process."""
    if connection.vendor != "sqlite":
        pytest.skip("SQLite's one lock for writing")
    name = connection.settings_dict["NAME"]
    usual = connection.settings_dict["OPTIONS"]["timeout"]
    with closing(sqlite3.connect(name, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        connection.settings_dict["OPTIONS"]["timeout"] = 0.01
        with waiting_at_most(0.01):
            yield
        connection.settings_dict["OPTIONS"]["timeout"] = usual
        other.execute("ROLLBACK")
    with waiting_at_most(usual):
        pass


@pytest.fixture
def alice(transactional_db: None) -> Client:
    """A client whose session was last used two hours ago, so that a page notes its use."""
    client = Client(raise_request_exception=False)
    client.force_login(make_user("alice", password=PASSWORD))
    client.get("/")
    store = SessionStore(client.cookies["sessionid"].value)
    store[SessionStore.SEEN_AT] = (timezone.now() - timedelta(hours=2)).isoformat()
    store.save()
    return client


def begin_upload(client: Client) -> Any:
    """Creates an upload by tus."""
    headers = {
        "Tus-Resumable": "1.0.0",
        "Upload-Length": "5",
        "Upload-Metadata": "filename YS5tcDQ=",
    }
    return client.post("/uploads/", content_type="application/offset+octet-stream", headers=headers)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("trouble", [locked_database, full_database])
def test_pages_are_read_while_nothing_can_be_written(alice: Client, trouble: object) -> None:
    video = make_video(title="Sunrise")
    pages = ["/", "/?q=sun", f"/v/{video.short_id}/", "/categories/", "/users/", "/notices/"]
    pages += ["/settings/", "/upload/", "/playlists/", "/liked/", "/profile/alice/", "/unfinished/"]
    pages += [f"/v/{video.short_id}/status/", f"/v/{video.short_id}/comments/"]
    with trouble():  # type: ignore[operator]
        answers = {page: alice.get(page).status_code for page in pages}
    assert answers == dict.fromkeys(pages, 200)
    # The use is noted as soon as that is possible.
    alice.get("/")
    assert Session.objects.get().last_seen_at > timezone.now() - timedelta(hours=1)


@pytest.mark.django_db(transaction=True)
def test_a_comment_that_cannot_be_saved_is_kept_and_can_be_sent_again(alice: Client) -> None:
    path = f"/v/{make_video().short_id}/comments/"
    with locked_database():
        answer = alice.post(path, {"text": 'He said "hi" & left'})
    assert answer.status_code == 503
    assert int(answer["Retry-After"]) > 0
    page = answer.content.decode()
    assert SENTENCE in page
    assert "password" not in page
    assert f'<form class="form" method="post" action="{path}">' in page
    assert 'name="text" value="He said &quot;hi&quot; &amp; left"' in page
    assert answer["X-Request-ID"] in page
    assert alice.post(path, {"text": 'He said "hi" & left'}).status_code < 400
    assert Comment.objects.get().text == 'He said "hi" & left'


@pytest.mark.django_db(transaction=True)
def test_a_log_in_that_cannot_be_saved_keeps_the_name_and_no_password() -> None:
    make_user("alice", password=PASSWORD)
    client = Client(raise_request_exception=False)
    known = {"username": "alice", "password": PASSWORD, "next": "/liked/"}
    for password, then in ((PASSWORD, 302), ("not the right one", 422)):
        with locked_database():
            answer = client.post("/login/", known | {"password": password})
        assert answer.status_code == 503
        page = answer.content.decode()
        assert 'name="username" value="alice"' in page
        assert 'name="next" value="/liked/"' in page
        assert password not in page
        assert "enter the password again" in page
        assert client.post("/login/", known | {"password": password}).status_code == then
        client.logout()


@pytest.mark.django_db(transaction=True)
def test_scripts_get_the_status_and_the_sentence_in_their_own_form(alice: Client) -> None:
    path = f"/v/{make_video().short_id}/comments/"
    with locked_database():
        htmx = alice.post(path, {"text": "Hi"}, headers={"HX-Request": "true"})
        json = alice.post(path, {"text": "Hi"}, headers={"Accept": "application/json"})
        tus = begin_upload(alice)
    for answer in (htmx, json, tus):
        assert answer.status_code == 503
        assert int(answer["Retry-After"]) > 0
        assert {"no-store", "private"} <= set(answer["Cache-Control"].split(", "))
    assert htmx.content.decode() == tus.content.decode() == SENTENCE
    assert json.json() == {"error": SENTENCE}
    assert tus["Tus-Resumable"] == "1.0.0"


@pytest.mark.django_db(transaction=True)
def test_a_full_database_is_503_for_a_comment_and_507_for_an_upload(alice: Client) -> None:
    path = f"/v/{make_video().short_id}/comments/"
    # Existing pages of the database may have room for a few more rows.
    with full_database():
        comments = (alice.post(path, {"text": f"{n}" * 900}) for n in range(10, 60))
        comment = next(answer for answer in comments if answer.status_code != 302)
        uploads = (begin_upload(alice) for _ in range(50))
        upload = next(answer for answer in uploads if answer.status_code != 201)
    assert comment.status_code == 503
    assert "disk is full" in comment.content.decode()
    assert upload.status_code == 507


class PostgreSqlError(Exception):
    """An error like psycopg's, with a SQLSTATE, or without one if there is no server."""

    def __init__(self, sqlstate: str | None) -> None:
        super().__init__("from the server")
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    ("kind", "state", "expected"),
    [
        (OperationalError, "55P03", BUSY),
        (OperationalError, "40P01", BUSY),
        (OperationalError, "53300", AWAY),
        (OperationalError, "53100", FULL),
        (OperationalError, "57P01", AWAY),
        (OperationalError, "08006", AWAY),
        (OperationalError, None, AWAY),
        (InterfaceError, None, AWAY),
        (ProgrammingError, "42P01", None),
        (ProgrammingError, None, None),
    ],
)
def test_what_postgresql_says(
    kind: type[Exception], state: str | None, expected: Unavailable | None
) -> None:
    error = kind("from the server")
    error.__cause__ = PostgreSqlError(state)
    assert why_unavailable(error) is expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (sqlite3.SQLITE_BUSY, BUSY),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, BUSY),
        (sqlite3.SQLITE_FULL, FULL),
        (sqlite3.SQLITE_IOERR_READ, AWAY),
        (sqlite3.SQLITE_READONLY_DBMOVED, AWAY),
        (sqlite3.SQLITE_CANTOPEN, AWAY),
        (sqlite3.SQLITE_ERROR, None),
        (sqlite3.SQLITE_CORRUPT, None),
    ],
)
def test_what_sqlite_says(code: int, expected: Unavailable | None) -> None:
    cause = sqlite3.OperationalError("from the library")
    cause.sqlite_errorcode = code
    error = OperationalError("from the library")
    error.__cause__ = cause
    assert why_unavailable(error) is expected


def test_what_is_no_matter_of_waiting_stays_an_error_of_ours() -> None:
    assert why_unavailable(ValueError("x")) is None
    assert why_unavailable(OSError(28, "No space left on device")) is FULL
    assert why_unavailable(OSError(30, "Read-only file system")) is STORAGE_AWAY
    assert why_unavailable(FileNotFoundError(2, "No such file or directory")) is None


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_a_lock_and_a_lost_connection_of_postgresql_are_503(alice: Client) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("PostgreSQL's errors")
    video = make_video()
    path = f"/v/{video.short_id}/comments/"
    other = connection.copy()
    try:
        with connection.cursor() as mine, other.cursor() as theirs:
            mine.execute("SET lock_timeout = '50ms'")
            mine.execute("SELECT pg_backend_pid()")
            [pid] = mine.fetchone()
            theirs.execute("BEGIN")
            theirs.execute("SELECT 1 FROM videos WHERE id = %s FOR UPDATE", [video.pk])
            locked = alice.post(path, {"text": "Hi"})
            theirs.execute("ROLLBACK")
            theirs.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
        gone = alice.post(path, {"text": "Hi"})
    finally:
        other.close()
        connection.close()
    assert (locked.status_code, gone.status_code) == (503, 503)
    assert SENTENCE in locked.content.decode()
    assert "can't reach its database" in html.unescape(gone.content.decode())
    assert alice.post(path, {"text": "Hi"}).status_code == 302
