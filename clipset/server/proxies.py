"""Who sent a request: the one place that believes or removes the headers of proxies.

A proxy in front says in X-Forwarded-For and X-Forwarded-Proto who its client is and whether it uses
HTTPS. Anybody can send these headers, so they count only from the peers in FORWARDED_ALLOW_IPS.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.http import HttpResponse

from clipset.server.reach import FORWARDED, was_forwarded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

logger = logging.getLogger(__name__)

ANYBODY: Final = "*"
FOR: Final = "HTTP_X_FORWARDED_FOR"
PROTO: Final = "HTTP_X_FORWARDED_PROTO"
MAX_PROXIES: Final = 10  # entries of X-Forwarded-For that are read

Address = IPv4Address | IPv6Address


def parse_address(text: str) -> Address | None:
    """Reads an address, also with a port or a zone. IPv4 within IPv6 becomes IPv4."""
    bare = text.strip().partition("%")[0]
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:  # IPv4 with a port
        bare = bare.partition(":")[0]
    try:
        address = ip_address(bare)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def networks_of(text: str) -> dict[int, str]:
    """Returns the networks under which a client is counted, by the length of their prefix.

    IPv4: the address. IPv6: the /64, /56 and /48, since a client can choose among the addresses of
    its network. A text that is no address (a Unix socket has none) counts like an IPv4 address.
    """
    address = parse_address(text)
    if not isinstance(address, IPv6Address):
        return {32: text if address is None else str(address)}
    return {bits: str(ip_network((address, bits), strict=False)) for bits in (64, 56, 48)}


@dataclass(frozen=True)
class Proxies:
    """The peers whose headers are believed, from FORWARDED_ALLOW_IPS."""

    networks: tuple[IPv4Network | IPv6Network, ...]
    is_anybody: bool
    wrong: tuple[str, ...]  # entries that are neither an address nor a network

    def includes(self, address: Address | None) -> bool:
        return address is not None and any(address in network for network in self.networks)

    def includes_peer(self, text: str) -> bool:
        """Whether the peer of a connection is one of them. A Unix socket's peer has no address,
        and whoever may write to the socket runs on this machine."""
        return self.is_anybody or not text or self.includes(parse_address(text))


@lru_cache(maxsize=8)
def parse_proxies(entries: tuple[str, ...]) -> Proxies:
    """Reads addresses and networks; "*" is anybody."""
    networks, wrong = [], []
    for entry in filter(None, (text.strip() for text in entries)):
        try:
            if entry != ANYBODY:
                networks.append(ip_network(entry, strict=False))
        except ValueError:
            wrong.append(entry)
    return Proxies(tuple(networks), ANYBODY in map(str.strip, entries), tuple(wrong))


def site_proxies() -> Proxies:
    """The proxies of this site; none if it is not behind one."""
    return parse_proxies(tuple(settings.FORWARDED_ALLOW_IPS if settings.BEHIND_PROXY else ()))


def gunicorn_proxies(entries: Iterable[str], *, behind_proxy: bool) -> str:
    """The value of gunicorn's setting, which reads X-Forwarded-Proto before Django does."""
    proxies = parse_proxies(tuple(entries) if behind_proxy else ())
    return ANYBODY if proxies.is_anybody else ",".join(map(str, proxies.networks))


def client_of(peer: str, forwarded: str, proxies: Proxies) -> tuple[str, int]:
    """Returns the client's address and how many entries of X-Forwarded-For follow it.

    Each proxy adds its own client at the end, so they are read from the right: as long as an entry
    is a known proxy, it may say who its client is. What stands before the first other one was
    written by that client.
    """
    client, after = peer, 0
    texts = [text for text in forwarded.split(",") if text.strip()][-MAX_PROXIES:]
    for place, text in enumerate(reversed(texts)):
        address = parse_address(text)
        if address is None:
            break
        client, after = str(address), place
        if not proxies.includes(address):
            break
    return client, after


class BelieveProxies:
    """Puts the client's address into REMOTE_ADDR, and removes headers that nobody vouches for.

    The first middleware, so that all others and all views see only what may be believed.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        environ, proxies = request.META, site_proxies()
        peer = str(environ.get("REMOTE_ADDR", ""))
        if was_forwarded(environ):
            environ[FORWARDED] = True
        if settings.BEHIND_PROXY and proxies.includes_peer(peer):
            _believe(environ, peer, proxies)
            return self.get_response(request)
        said = [environ.pop(name, None) for name in (FOR, PROTO)]
        if settings.BEHIND_PROXY and any(said):
            _warn_about(peer)
            if said[1] == "https" and not request.is_secure() and _leads_to_https(request):
                return _not_listed(peer)
        return self.get_response(request)


def _believe(environ: dict[str, Any], peer: str, proxies: Proxies) -> None:
    environ["REMOTE_ADDR"], after = client_of(peer, environ.get(FOR, ""), proxies)
    # Where each proxy adds a scheme as well, that of the client is as far from the right.
    schemes = [text.strip() for text in environ.get(PROTO, "").split(",") if text.strip()]
    if schemes:
        environ[PROTO] = schemes[max(0, len(schemes) - 1 - after)]


def _leads_to_https(request: HttpRequest) -> bool:
    """Whether the request would be redirected to HTTPS, so from this proxy without an end."""
    path = request.path.lstrip("/")
    exempt = any(re.search(pattern, path) for pattern in settings.SECURE_REDIRECT_EXEMPT)
    return bool(settings.SECURE_SSL_REDIRECT) and not exempt


@lru_cache(maxsize=32)
def _warn_about(peer: str) -> None:
    """Logs once for each peer."""
    logger.warning(
        "%s sends the headers of a proxy, but FORWARDED_ALLOW_IPS does not name it, so they are "
        "ignored. If it is your proxy, add it there.",
        peer,
    )


def _not_listed(peer: str) -> HttpResponse:
    return HttpResponse(
        f"This site does not know the proxy at {peer}. Whoever runs the site has to add the "
        "address to FORWARDED_ALLOW_IPS and to restart it.\n",
        status=403,
        content_type="text/plain",
    )
