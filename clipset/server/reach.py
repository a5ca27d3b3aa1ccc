"""Whether other machines can reach the site, judged by its settings and by request headers."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def is_loopback(host: str | None) -> bool:
    """Whether a host name or address is reachable from this machine only."""
    name = (host or "").strip("[]").casefold()
    try:
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def exposed_by(
    *,
    host: str,
    site_url: str,
    allowed_hosts: Iterable[str],
    trusted_origins: Iterable[str],
    behind_proxy: bool,
) -> list[str]:
    """Names of the settings that make the site reachable from other machines; empty if none does.

    Does not detect a tunnel that no setting mentions; see `was_forwarded`.
    """
    loopback = {
        "HOST": is_loopback(host),
        "SITE_URL": is_loopback(_host_of(site_url)),
        "ALLOWED_HOSTS": all(map(is_loopback, allowed_hosts)),
        "CSRF_TRUSTED_ORIGINS": all(is_loopback(_host_of(origin)) for origin in trusted_origins),
        "BEHIND_PROXY": not behind_proxy,
    }
    return [name for name, is_here in loopback.items() if not is_here]


def _host_of(address: str) -> str | None:
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None


# Headers that proxies and tunnels add. No browser sends them.
PROXY_HEADERS = ("FORWARDED", "VIA", "X_REAL_IP", "CF_CONNECTING_IP", "TRUE_CLIENT_IP")


# Set once a request was seen to carry such headers, of which some are removed then.
FORWARDED = "clipset.was_forwarded"


def was_forwarded(environ: Mapping[str, object]) -> bool:
    """Whether the headers of this request show that a proxy or a tunnel forwarded it.

    Args:
        environ: the request's WSGI variables (`request.META`).
    """
    return (
        FORWARDED in environ
        or any(f"HTTP_{name}" in environ for name in PROXY_HEADERS)
        or any(name.startswith("HTTP_X_FORWARDED") for name in environ)
    )
