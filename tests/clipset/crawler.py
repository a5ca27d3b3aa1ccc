"""Follows every address that the pages of the site offer to a visitor, without a browser."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

from django.urls import Resolver404, get_resolver, resolve, reverse
from django.urls.resolvers import RoutePattern, URLResolver

from siteconfig.services.address import site_url

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.test import Client

# Attributes with an address that a browser or a script of ours asks for by GET, and by POST.
GETS: Final = {
    *("href", "src", "poster", "hx-get", "data-stream", "data-hls", "data-status"),
    *("data-storyboard", "data-src", "data-more", "data-playlists", "data-address"),
}
POSTS: Final = {"action", "formaction", "hx-post", "data-view"}
LOG_INS: Final = ("/login/?next=", "/admin/login/?next=")
REFUSED: Final = 403
MAX_ADDRESSES: Final = 3000  # addresses that a visitor asks for
PLAYLIST: Final = re.compile(r'URI="([^"]+)"|^(?!#)(\S+)$', re.MULTILINE)
_CUE: Final = re.compile(r"^(\S+\.jpg)#xywh", re.MULTILINE)


@dataclass(frozen=True)
class Link:
    """An address. `is_post` if pages send something there; `is_htmx` if htmx asks for it."""

    address: str
    page: str = ""  # that offers it; "" for an address with which a visitor begins
    is_post: bool = False
    is_htmx: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What a visitor got: headers and body as one text in small letters, and what they offer.

    `status` is REFUSED for a way to a log-in, 500 for an exception.
    """

    link: Link
    status: int
    text: str = ""
    offers: list[Link] = field(default_factory=list)
    error: str = ""


@dataclass
class Crawl:
    """One visitor's way through the site.

    Args:
        samples: how many addresses of the same kind are asked (kind_of).
        is_thorough: whether parameters and htmx make a kind.
    """

    client: Client
    samples: int = 1
    is_thorough: bool = False
    answers: list[Answer] = field(default_factory=list)

    def follow(self, begins: list[str]) -> list[Answer]:
        """Asks for these addresses and all that the answers offer, breadth first."""
        seen, kinds = set[tuple[str, bool]](), Counter[tuple[str, ...]]()
        waiting = [Link(address) for address in begins]
        for link in waiting:  # grows meanwhile
            key = (link.address, link.is_htmx)
            if key in seen or len(self.answers) >= MAX_ADDRESSES:
                continue
            seen.add(key)
            kind = kind_of(link) if self.is_thorough else kind_of(link)[:1]
            kinds[kind] += 1
            if link.page and kinds[kind] > self.samples:
                continue
            self.answers.append(self.ask(link))
            waiting += self.answers[-1].offers
        return self.answers

    def ask(self, link: Link) -> Answer:
        headers = {"HX-Request": "true"} if link.is_htmx else {}
        try:
            response = self.client.get(link.address, headers=headers)
        except Exception as error:  # what would be a 500
            return Answer(link, 500, error=f"{type(error).__name__}: {error}")
        kind = response.headers.get("Content-Type", "")
        text = _text_of(response, kind)
        status, target = response.status_code, response.headers.get("Location", "")
        offers = list(_links(link.address, text, kind)) if status < 400 else []
        if target.startswith(LOG_INS):
            status = REFUSED
        elif target:
            offers += _here(link.address, target)
        said = "\n".join(f"{name}: {value}" for name, value in response.headers.items())
        return Answer(link, status, f"{said}\n\n{text}".lower(), offers)


def every_address(things: list[dict[str, Any]]) -> list[Link]:
    """The addresses of all URL patterns, their gaps filled by each thing that has all of them; in
    the admin by rows of the pattern's own model ("model")."""
    found = dict[str, Link]()
    for name, gaps in _patterns(get_resolver(), ""):
        for thing in things:
            is_of_model = not thing.get("model") or f"_{thing['model']}_" in name
            if is_of_model and gaps <= set(thing):
                address = reverse(name, kwargs={gap: thing[gap] for gap in gaps})
                found.setdefault(address, Link(address))
    return list(found.values())


def _patterns(resolver: URLResolver, namespace: str) -> Iterator[tuple[str, set[str]]]:
    """The names of all URL patterns, with those of their gaps."""
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLResolver):
            inner = f"{pattern.namespace}:" if pattern.namespace else ""
            yield from _patterns(pattern, namespace + inner)
        elif pattern.name and isinstance(pattern.pattern, RoutePattern):
            yield f"{namespace}{pattern.name}", set(pattern.pattern.converters)


def kind_of(link: Link) -> tuple[str, ...]:
    """The name of the URL, and the parameters that the link adds to those of its page: filters of a
    list can be combined without end."""
    parts, page = urlsplit(link.address), urlsplit(link.page)
    try:
        name = resolve(parts.path).view_name
    except Resolver404:
        name = parts.path
    had = _parameters(page.query) if page.path == parts.path else set()
    return (name, str(link.is_htmx), *sorted(_parameters(parts.query) - had))


def _parameters(query: str) -> set[str]:
    return {name for name, _ in parse_qsl(query, keep_blank_values=True)}


def _text_of(response: Any, kind: str) -> str:
    """The body, if it is a text."""
    body = b"".join(response.streaming_content) if response.streaming else response.content
    is_text = kind.startswith(("text/", "application/json", "application/vnd.apple"))
    return body.decode() if is_text else ""


def _links(address: str, text: str, kind: str) -> Iterator[Link]:
    if kind.startswith("text/html"):
        page = _Page()
        page.feed(text)
        found = page.found
    elif kind.startswith("application/vnd.apple"):
        found = [(uri or line, False, False) for uri, line in PLAYLIST.findall(text)]
    elif kind.startswith("text/vtt"):
        found = [(line, False, False) for line in _CUE.findall(text)]
    else:
        return
    for target, is_post, is_htmx in found:
        for link in _here(address, target):
            yield Link(link.address, link.page, is_post, is_htmx)


def _here(page: str, target: str) -> list[Link]:
    """The link, if it leads to an address of this site that is no static file."""
    if not target or target.startswith(("#", "data:", "mailto:", "blob:", "javascript:")):
        return []
    parts = urlsplit(urljoin(f"http://testserver{page}", target))
    if parts.netloc not in {"testserver", urlsplit(site_url()).netloc}:
        return []
    if parts.path.startswith("/static/"):
        return []
    return [Link(parts.path + (f"?{parts.query}" if parts.query else ""), page)]


class _Page(HTMLParser):
    """Collects (address, is_post, is_htmx) of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, bool, bool]] = []
        self.form: _Form | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        is_get = tag == "form" and named.get("method", "get").lower() == "get"
        if is_get:
            self.form = _Form(named.pop("action", ""))
        self.found += [(named[name], False, name == "hx-get") for name in GETS & set(named)]
        self.found += [(named[name], True, name == "hx-post") for name in POSTS & set(named)]
        if "srcset" in named:
            self.found += [(one.split()[0], False, False) for one in named["srcset"].split(",")]
        if tag == "meta" and named.get("content", "").startswith("http"):  # OpenGraph
            self.found.append((named["content"], False, False))
        if "data-ajax--url" in named:
            self.found.append((_completion(named), False, False))
        if self.form is not None:
            self.form.take(tag, named)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form" and self.form is not None:
            self.found += [(address, False, False) for address in self.form.addresses()]
            self.form = None


def _completion(named: dict[str, str]) -> str:
    """The address at which a field of the admin looks for choices."""
    asked = {
        "term": "zq",
        **{key: named[f"data-{key.replace('_', '-')}"] for key in ("app_label", "model_name")},
        "field_name": named["data-field-name"],
    }
    return f"{named['data-ajax--url']}?{urlencode(asked)}"


@dataclass
class _Form:
    """A form that is sent by GET: as it is, and with each choice of each of its lists."""

    action: str
    values: dict[str, str] = field(default_factory=dict)
    choices: list[tuple[str, str]] = field(default_factory=list)
    select: str = ""

    def take(self, tag: str, named: dict[str, str]) -> None:
        name = named.get("name", "")
        kind = named.get("type", "text")
        if tag == "input" and name and kind not in {"checkbox", "radio", "submit"}:
            self.values[name] = named.get("value", "")
        elif tag == "input" and name and kind in {"checkbox", "radio"}:
            self.choices.append((name, named.get("value", "on")))
        elif tag == "select":
            self.select = name
        elif tag == "option" and self.select:
            self.values.setdefault(self.select, named.get("value", ""))
            self.choices.append((self.select, named.get("value", "")))

    def addresses(self) -> Iterator[str]:
        for name, value in [("", ""), *self.choices]:
            sent = {**self.values, name: value}
            sent = {key: one for key, one in sent.items() if key}
            yield f"{self.action}?{urlencode(sent)}"
