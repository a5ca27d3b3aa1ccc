"""Whose word counts for who sent a request and whether it came by HTTPS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.http import HttpResponse
from django.test import Client, RequestFactory

from accounts.backends import client_address
from clipset.server.proxies import (
    BelieveProxies,
    client_of,
    gunicorn_proxies,
    networks_of,
    parse_address,
    parse_proxies,
)
from clipset.server.reach import was_forwarded

if TYPE_CHECKING:
    from django.http import HttpRequest
    from pytest_django import Settings

PROXY, CLIENT = "10.0.0.5", "203.0.113.7"


def seen(**headers: Any) -> HttpRequest:
    """The request as views get it, or as it was refused."""
    request = RequestFactory().get("/", **headers)
    BelieveProxies(lambda _request: HttpResponse())(request)
    return request


@pytest.fixture(autouse=True)
def proxy(settings: Settings) -> None:
    """A proxy is in front."""
    settings.BEHIND_PROXY = True
    settings.FORWARDED_ALLOW_IPS = [PROXY, "fd00:1::/64"]
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        (PROXY, CLIENT, CLIENT),
        (PROXY, f"10.9.9.9, {CLIENT}", CLIENT),  # the client wrote the first one
        (PROXY, f"6.6.6.6, {CLIENT}, {PROXY}", CLIENT),  # a chain of two
        (PROXY, f"6.6.6.6,{CLIENT},fd00:1::7,{PROXY}", CLIENT),
        (PROXY, f"{CLIENT}, 10.0.0.6", "10.0.0.6"),  # not one of them
        (PROXY, f"{PROXY}, {PROXY}", PROXY),  # the proxy itself asks
        (PROXY, f"{CLIENT}:51234", CLIENT),
        (PROXY, "[2001:db8::1]:443", "2001:db8::1"),
        (PROXY, "2001:db8::1", "2001:db8::1"),
        (PROXY, f"::ffff:{CLIENT}", CLIENT),
        (PROXY, "fe80::1%eth0", "fe80::1"),
        (PROXY, "", PROXY),
        (PROXY, "nonsense", PROXY),
        (PROXY, f"{CLIENT}, nonsense", PROXY),
        (PROXY, f"{CLIENT}, ", CLIENT),
        (f"::ffff:{PROXY}", CLIENT, CLIENT),  # a socket for both versions of IP
        ("fd00:1::99", CLIENT, CLIENT),  # in the network
        ("fd00:2::99", CLIENT, "fd00:2::99"),
        ("192.0.2.1", CLIENT, "192.0.2.1"),
        ("", CLIENT, CLIENT),  # a Unix socket
    ],
)
def test_a_client_is_named_by_known_proxies_only(peer: str, forwarded: str, expected: str) -> None:
    request = seen(REMOTE_ADDR=peer, HTTP_X_FORWARDED_FOR=forwarded)
    assert request.META["REMOTE_ADDR"] == expected


def test_without_a_proxy_nobody_is_believed(settings: Settings) -> None:
    settings.BEHIND_PROXY = False
    request = seen(REMOTE_ADDR=PROXY, HTTP_X_FORWARDED_FOR=CLIENT, HTTP_X_FORWARDED_PROTO="https")
    assert (request.META["REMOTE_ADDR"], request.is_secure()) == (PROXY, False)
    assert "HTTP_X_FORWARDED_FOR" not in request.META


def test_anybody_means_the_peer_but_not_what_it_passes_on(settings: Settings) -> None:
    settings.FORWARDED_ALLOW_IPS = ["*"]
    request = seen(REMOTE_ADDR="192.0.2.1", HTTP_X_FORWARDED_FOR=f"6.6.6.6, {CLIENT}")
    assert request.META["REMOTE_ADDR"] == CLIENT


@pytest.mark.parametrize(
    ("peer", "forwarded", "scheme", "expected"),
    [
        (PROXY, CLIENT, "https", True),
        (PROXY, CLIENT, "http", False),
        ("192.0.2.1", CLIENT, "https", False),
        (PROXY, CLIENT, "https, http", False),  # the client wrote the first one
        (PROXY, f"{CLIENT}, {PROXY}", "https, http", True),  # each proxy added its own
        (PROXY, f"{CLIENT}, {PROXY}", "https", True),  # the outer one set it, the inner kept it
        (PROXY, f"{CLIENT}, {PROXY}", "https, http, http", False),
        (PROXY, "", "https", True),
        ("", CLIENT, "https", True),
    ],
)
def test_https_is_said_by_known_proxies_only(
    peer: str, forwarded: str, scheme: str, expected: bool
) -> None:
    request = seen(REMOTE_ADDR=peer, HTTP_X_FORWARDED_FOR=forwarded, HTTP_X_FORWARDED_PROTO=scheme)
    assert request.is_secure() is expected


def test_that_a_request_was_forwarded_is_still_known(settings: Settings) -> None:
    """Sample members may not log in then (accounts.backends)."""
    settings.BEHIND_PROXY = False
    assert was_forwarded(seen(REMOTE_ADDR="127.0.0.1", HTTP_X_FORWARDED_FOR=CLIENT).META)
    assert not was_forwarded(seen(REMOTE_ADDR="127.0.0.1").META)


def test_an_unknown_proxy_gets_a_sentence_rather_than_redirects_without_an_end(
    settings: Settings, client: Client
) -> None:
    settings.SECURE_SSL_REDIRECT = True
    header: dict[str, Any] = {"HTTP_X_FORWARDED_PROTO": "https"}
    answer = client.get("/login/", REMOTE_ADDR="192.0.2.1", **header)
    assert answer.status_code == 403
    assert "the proxy at 192.0.2.1" in answer.content.decode()
    assert "FORWARDED_ALLOW_IPS" in answer.content.decode()
    assert client.get("/login/", REMOTE_ADDR="192.0.2.1").status_code == 301


@pytest.mark.django_db
def test_a_known_proxy_reaches_the_site(settings: Settings, client: Client) -> None:
    settings.SECURE_SSL_REDIRECT = True
    header: dict[str, Any] = {"HTTP_X_FORWARDED_PROTO": "https", "HTTP_X_FORWARDED_FOR": CLIENT}
    assert client.get("/login/", REMOTE_ADDR=PROXY, **header).status_code == 200


@pytest.mark.django_db
def test_log_ins_are_counted_by_the_real_client(client: Client) -> None:
    def guess(name: str, peer: str, forwarded: str) -> int:
        return client.post(
            "/login/",
            {"username": name, "password": "wrong"},
            REMOTE_ADDR=peer,
            HTTP_X_FORWARDED_FOR=forwarded,
        ).status_code

    direct = [guess(f"a{number}", "192.0.2.1", f"10.1.1.{number}") for number in range(21)]
    assert direct == [422] * 20 + [429], "it names another client each time"
    through = [guess(f"b{number}", PROXY, f"10.2.2.{number}") for number in range(21)]
    assert through == [422] * 21


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("203.0.113.7", {32: "203.0.113.7"}),
        ("::ffff:203.0.113.7", {32: "203.0.113.7"}),
        (
            "2001:db8:1:2345::9",
            {64: "2001:db8:1:2345::/64", 56: "2001:db8:1:2300::/56", 48: "2001:db8:1::/48"},
        ),
        ("", {32: ""}),
    ],
)
def test_the_networks_of_a_client(text: str, expected: dict[int, str]) -> None:
    assert networks_of(text) == expected


@pytest.mark.parametrize(
    ("address", "counted"),
    [("203.0.113.7", "203.0.113.7"), ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"), ("", "")],
)
def test_a_client_is_counted_by_address_or_64(address: str, counted: str) -> None:
    assert client_address(RequestFactory().get("/", REMOTE_ADDR=address)) == counted


@pytest.mark.parametrize("text", ["", "x", "1.2.3", "1.2.3.4.5", "[", "[]:1", ":::", "%", "a:b"])
def test_odd_texts_are_no_addresses(text: str) -> None:
    assert parse_address(text) is None


def test_ten_entries_are_read_at_most() -> None:
    trusted = parse_proxies((PROXY,))
    assert client_of(PROXY, f"{CLIENT}, " + f"{PROXY}, " * 500, trusted)[0] == PROXY


def test_gunicorn_believes_the_same_peers() -> None:
    entries = [" 10.0.0.5", "10.1.2.3/8", "::1", "nginx"]
    known = "10.0.0.5/32,10.0.0.0/8,::1/128"
    assert gunicorn_proxies(entries, behind_proxy=True) == known
    assert gunicorn_proxies(["10.0.0.5", "*"], behind_proxy=True) == "*"
    assert gunicorn_proxies(entries, behind_proxy=False) == ""
