"""Members of a running site, bob first of all: plain HTTP requests, and Python and SQL in the
site."""

from __future__ import annotations

import http.cookiejar
import json
import re
import sqlite3
import subprocess
import urllib.error
import urllib.parse
import urllib.request
import uuid
from contextlib import closing
from typing import TYPE_CHECKING

from tests.projects import database_rows, sqlite_url

if TYPE_CHECKING:
    from pathlib import Path

    from tests.scripts.conftest import Clone

PASSWORD = "a long enough passphrase"

MAKE_BOB = f"""
from accounts.models import User
User.objects.create_user("bob", "bob@example.org", {PASSWORD!r})
"""


class NoFormError(OSError):
    """The site answered with something else than the page with the form."""


class Browser:
    """HTTP requests of a member with a cookie jar. A failed request raises an OSError."""

    def __init__(self, clone: Clone, username: str = "bob") -> None:
        self.username = username
        self.address = f"http://127.0.0.1:{clone.port}"
        jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self.opener = urllib.request.build_opener(jar)

    def ask(self, path: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
        request = urllib.request.Request(self.address + path, body, headers)  # noqa: S310 loopback
        try:
            with self.opener.open(request, timeout=20) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    def token(self, path: str) -> str:
        _, page = self.ask(path)
        found = re.search(rb'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        if found is None:
            raise NoFormError(path)
        return found[1].decode()

    def log_in(self) -> None:
        fields = {
            "csrfmiddlewaretoken": self.token("/login/"),
            "username": self.username,
            "password": PASSWORD,
        }
        self.ask("/login/", urllib.parse.urlencode(fields).encode())

    def post(self, path: str, **fields: str) -> tuple[int, bytes]:
        """Sends a form and follows its redirect."""
        fields["csrfmiddlewaretoken"] = self.token("/upload/")
        return self.ask(path, urllib.parse.urlencode(fields).encode())

    def upload(self, video: Path) -> str | None:
        """Uploads a file. Returns the address of its video, or None if the site refused it."""
        mark = uuid.uuid4().hex
        parts = [("csrfmiddlewaretoken", "", self.token("/upload/").encode())]
        parts.append(("file", f'; filename="{video.name}"', video.read_bytes()))
        body = b"".join(
            f'--{mark}\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode()
            + content
            + b"\r\n"
            for name, more, content in parts
        )
        kind = {"Content-Type": f"multipart/form-data; boundary={mark}"}
        body += f"--{mark}--\r\n".encode()
        status, answer = self.ask("/upload/", body, Accept="application/json", **kind)
        return json.loads(answer)["url"] if status == 201 else None


def make_bob(clone: Clone) -> None:
    shell(clone, MAKE_BOB)


def shell(clone: Clone, code: str) -> None:
    """Runs Python in the site."""
    python = clone.root / ".venv/bin/python"
    command: list[str | Path] = [python, "manage.py", "shell", "--no-imports", "-c", code]
    subprocess.run(command, cwd=clone.root, env=clone.environment, check=True)


def manage(clone: Clone, *arguments: str, **environment: str) -> str:
    """Runs a management command without the port of the start. Returns its output."""
    kept = {name: value for name, value in clone.environment.items() if name != "PORT"}
    return subprocess.check_output(
        [clone.root / ".venv/bin/python", "manage.py", *arguments],
        cwd=clone.root,
        env=kept | environment,
        text=True,
    )


def rows(clone: Clone, query: str, *values: object) -> list[tuple[object, ...]]:
    """Reads rows of the site's database."""
    return database_rows(clone.url or sqlite_url(clone.root / "data/clipset.db"), query, *values)


def change(clone: Clone, statement: str, *values: object) -> None:
    """Changes rows of the site's SQLite database."""
    with closing(sqlite3.connect(clone.root / "data/clipset.db", timeout=20)) as database, database:
        database.execute(statement, values)
