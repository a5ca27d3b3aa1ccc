"""The WSGI entry that gunicorn loads."""

from __future__ import annotations

import codecs
import os
from typing import Any

import django
from django.core.exceptions import BadRequest
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.db import connection, connections
from django.utils.http import parse_header_parameters

from clipset import settings
from clipset.database.options import set_lock_timeout

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clipset.settings")


class Request(WSGIRequest):
    """Django's, which reads UTF-8 only and is broken by no Content-Type."""

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        """`encoding` stays unset, so that the address and the body are read as UTF-8: Python's
        codecs hold such as "hex" and "idna", which decode no text."""
        try:
            found = parse_header_parameters(meta.get("CONTENT_TYPE", ""))
        except ValueError:  # a parameter in RFC 2231's spelling, in no character set
            found = ("", {})
        self.content_type, self.content_params = found

    def _load_post_and_files(self) -> None:
        try:
            charset = (self.content_params or {}).get("charset", "utf-8")
            if self.method == "POST" and not _is_utf_8(charset):
                raise BadRequest("Forms are read as UTF-8 only.")
            super()._load_post_and_files()
        except BadRequest:
            # Whoever asks for request.POST again gets an empty one, as after other such errors.
            self._mark_post_parse_error()  # type: ignore[attr-defined] # not in the stubs
            raise


def _is_utf_8(charset: str) -> bool:
    try:
        return codecs.lookup(charset).name == "utf-8"
    except (LookupError, ValueError):
        return False


class Handler(WSGIHandler):
    request_class = Request


django.setup(set_prefix=False)
# Each thread of the server keeps its connection: to open one of SQLite's takes as long as all that
# a video asks of it. Not in the settings: the queue's processes fork, and must not share theirs.
if connection.vendor == "sqlite":
    connections.settings["default"]["CONN_MAX_AGE"] = None
# A person waits for a lock for less long than a worker does, and then gets a 503.
set_lock_timeout(connections.settings["default"], settings.WEB_LOCK_SECONDS)
application = Handler()
