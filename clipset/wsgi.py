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
    """Django's request, which accepts UTF-8 only and does not fail on any Content-Type."""

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        """Parses Content-Type, but leaves `encoding` unset: address and body are read as UTF-8.

        Python also has codecs such as "hex" and "idna", which do not decode text.
        """
        try:
            found = parse_header_parameters(meta.get("CONTENT_TYPE", ""))
        except ValueError:  # a parameter in the form of RFC 2231 with an unknown character set
            found = ("", {})
        self.content_type, self.content_params = found

    def _load_post_and_files(self) -> None:
        try:
            charset = (self.content_params or {}).get("charset", "utf-8")
            if self.method == "POST" and not _is_utf_8(charset):
                raise BadRequest("Forms are read as UTF-8 only.")
            super()._load_post_and_files()
        except BadRequest:
            # A second access to request.POST gets an empty one, as after Django's own errors.
            self._mark_post_parse_error()  # type: ignore[attr-defined] # not in the stubs
            raise


def _is_utf_8(charset: str) -> bool:
    try:
        return codecs.lookup(charset).name == "utf-8"
    except (LookupError, ValueError):
        return False


class Handler(WSGIHandler):
    """Django's WSGI handler with our request class."""

    request_class = Request


django.setup(set_prefix=False)
# Each thread of the server keeps its connection: opening SQLite takes as long as all queries of a
# video's page. Not in the settings, since the workers fork and must not share connections.
if connection.vendor == "sqlite":
    connections.settings["default"]["CONN_MAX_AGE"] = None
# A request waits for a lock for less time than a worker does, and then gets a 503.
set_lock_timeout(connections.settings["default"], settings.WEB_LOCK_SECONDS)
application = Handler()
