from __future__ import annotations

from pathlib import Path

from django.http import HttpRequest

from clipset.lib import requests


def test_it_is_a_request_and_adds_nothing_at_run_time() -> None:
    assert issubclass(requests.MemberRequest, HttpRequest)
    assert not [name for name in vars(requests.MemberRequest) if not name.startswith("__")]


def test_it_imports_no_app() -> None:
    source = Path(requests.__file__).read_text()
    assert [line for line in source.splitlines() if "import " in line.split("#")[0]] == [
        "from __future__ import annotations",
        "from typing import TYPE_CHECKING, TypeVar",
        "from urllib.parse import urlsplit",
        "from django.http import HttpRequest, QueryDict",
        "from django.http.response import HttpResponseBase",
        "    from django.contrib.auth.models import _User",
    ]
