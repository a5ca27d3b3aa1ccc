"""Settings and headers that show that other machines can reach the site."""

from __future__ import annotations

from typing import Any

import pytest

from clipset.server.reach import exposed_by, is_loopback, was_forwarded

EVERYWHERE = "0.0.0.0"  # noqa: S104 nothing is bound here
HERE: dict[str, Any] = {
    "host": "127.0.0.1",
    "site_url": "http://127.0.0.1:8000",
    "allowed_hosts": ["127.0.0.1", "[::1]", "localhost"],
    "trusted_origins": ["http://127.0.0.1:8000"],
    "behind_proxy": False,
}


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("[::1]", True),
        ("localhost", True),
        ("LOCALHOST", True),
        (EVERYWHERE, False),
        ("::", False),
        ("192.168.1.5", False),
        ("clips.example.org", False),
        ("localhost.example.org", False),
        ("*", False),
        ("", False),
        (None, False),
    ],
)
def test_what_only_this_machine_reaches(host: str | None, expected: bool) -> None:
    assert is_loopback(host) is expected


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({}, []),
        ({"host": "::1", "site_url": "http://[::1]:8000"}, []),
        ({"host": EVERYWHERE}, ["HOST"]),
        ({"host": "192.168.1.5"}, ["HOST"]),
        ({"site_url": "https://clips.example.org"}, ["SITE_URL"]),
        ({"site_url": "http://["}, ["SITE_URL"]),
        ({"allowed_hosts": ["localhost", "clips.example.org"]}, ["ALLOWED_HOSTS"]),
        ({"allowed_hosts": ["*"]}, ["ALLOWED_HOSTS"]),
        ({"trusted_origins": ["https://*.example.org"]}, ["CSRF_TRUSTED_ORIGINS"]),
        ({"trusted_origins": ["http://["]}, ["CSRF_TRUSTED_ORIGINS"]),
        ({"behind_proxy": True}, ["BEHIND_PROXY"]),
        ({"host": "::", "site_url": "http://attic.local"}, ["HOST", "SITE_URL"]),
    ],
)
def test_each_setting_by_which_others_reach_the_site_is_named(
    change: dict[str, Any], names: list[str]
) -> None:
    assert exposed_by(**(HERE | change)) == names


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("HTTP_X_FORWARDED_FOR", True),
        ("HTTP_X_FORWARDED_PROTO", True),
        ("HTTP_FORWARDED", True),
        ("HTTP_CF_CONNECTING_IP", True),
        ("HTTP_VIA", True),
        ("HTTP_HOST", False),
        ("HTTP_ACCEPT", False),
    ],
)
def test_proxies_and_tunnels_are_known_by_their_headers(header: str, expected: bool) -> None:
    assert was_forwarded({"REMOTE_ADDR": "127.0.0.1", header: "x"}) is expected
