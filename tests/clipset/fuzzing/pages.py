"""What a page offers to send: its forms with their fields, requests by htmx, and its links."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin, urlsplit

from django.urls import Resolver404, resolve

from tests.clipset.crawler import GETS, PLAYLIST, POSTS

if TYPE_CHECKING:
    from collections.abc import Iterator

HTMX: Final = {f"hx-{name}": name.upper() for name in ("get", "post", "put", "patch", "delete")}
NOT_TYPED: Final = {"submit", "button", "image", "reset"}
TOKEN: Final = "csrfmiddlewaretoken"


@dataclass(frozen=True)
class Field:
    """A field; `choices` are the values of its options, `accept` is that of a file."""

    name: str
    kind: str = "text"
    value: str = ""
    choices: tuple[str, ...] = ()
    accept: str = ""


# What the player sends to the address of `data-view`.
VIEW: Final = (Field("at", "number", "40"), Field("watched", "number", "40"))


@dataclass(frozen=True)
class Form:
    """What can be sent from a page, by a form, htmx or a script."""

    method: str
    address: str
    fields: tuple[Field, ...] = ()
    is_multipart: bool = False
    is_htmx: bool = False

    @property
    def kind(self) -> tuple[str, ...]:
        """Forms of a kind lead to the same view and have the same fields."""
        names = sorted({one.name for one in self.fields})
        return (self.method, view_of(self.address), *names[:20])


def view_of(address: str) -> str:
    """The name of the URL, or the path for an address of none."""
    path = urlsplit(address).path
    try:
        return resolve(path).view_name
    except (Resolver404, ValueError):
        return path


def forms_of(page: str, text: str) -> list[Form]:
    """All that a page offers, links as forms without fields. Addresses are relative to the root."""
    reader = _Reader()
    reader.feed(text)
    found = []
    for form in reader.finished():
        address = _here(page, form.address)
        if address is not None:
            found.append(replace(form, address=address))
    return found


def parts_of(page: str, text: str) -> list[Form]:
    """What a playlist of HLS leads to."""
    addresses = (_here(page, uri or line) for uri, line in PLAYLIST.findall(text))
    return [Form("GET", address) for address in addresses if address is not None]


def _here(page: str, target: str) -> str | None:
    """The address within this site, or None."""
    if target.startswith(("#", "data:", "mailto:", "blob:", "javascript:")):
        return None
    try:
        parts = urlsplit(urljoin(f"http://127.0.0.1{page}", target))
    except ValueError:
        return None
    if (parts.hostname or "") not in {"127.0.0.1", "localhost"} or parts.path.startswith("/static"):
        return None
    return parts.path + (f"?{parts.query}" if parts.query else "")


@dataclass
class _Open:
    """A form while it is read, and what its buttons add or send elsewhere."""

    form: Form
    id: str = ""
    fields: list[Field] = field(default_factory=list)
    buttons: list[tuple[str, Field | None]] = field(default_factory=list)

    def finished(self) -> Iterator[Form]:
        made = replace(self.form, fields=tuple(self.fields))
        if not self.buttons:
            yield made
        for address, button in self.buttons:
            more = (button,) if button else ()
            to = address or made.address
            yield replace(made, address=to, fields=(*made.fields, *more))


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[Form] = []
        self.forms: list[_Open] = []
        self.form: _Open | None = None
        self.select: tuple[_Open, str] | None = None
        self.options: list[str] = []
        self.selected = ""
        self.htmx: list[tuple[Form, _Open | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._begin(named)
        self._note_addresses(tag, named)
        owner = self._owner(named)
        if tag == "option" and self.select is not None:
            self.options.append(named.get("value", ""))
            if "selected" in named:
                self.selected = self.options[-1]
        elif owner is not None:
            self._note_field(owner, tag, named)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.form = None
        elif tag == "select" and self.select is not None:
            (owner, name), first = self.select, self.options[0] if self.options else ""
            choices = tuple(self.options)
            owner.fields.append(Field(name, "select", self.selected or first, choices))
            self.select = None

    def finished(self) -> Iterator[Form]:
        yield from self.found
        for one in self.forms:
            yield from one.finished()
        for form, owner in self.htmx:
            inside = tuple(owner.fields) if owner is not None and form.method != "GET" else ()
            yield replace(form, fields=form.fields + inside)

    def _begin(self, named: dict[str, str]) -> None:
        form = Form(
            method="POST" if named.get("method", "").lower() == "post" else "GET",
            address=named.get("action", ""),
            is_multipart="multipart" in named.get("enctype", ""),
        )
        self.form = _Open(form, named.get("id", ""))
        self.forms.append(self.form)

    def _owner(self, named: dict[str, str]) -> _Open | None:
        wanted = named.get("form")
        if wanted:
            return next((one for one in self.forms if one.id == wanted), None)
        return self.form

    def _note_addresses(self, tag: str, named: dict[str, str]) -> None:
        for name in GETS & set(named) - set(HTMX):
            self.found.append(Form("GET", named[name]))
        for name in POSTS & set(named) - set(HTMX) - {"action", "formaction"}:
            self.found.append(Form("POST", named[name], VIEW if name == "data-view" else ()))
        for name in HTMX.keys() & set(named):
            fields = [Field(key, "hidden", value) for key, value in _values(named)]
            if tag in {"input", "select", "textarea", "button"} and named.get("name"):
                fields.append(Field(named["name"], "text", named.get("value", "")))
            form = Form(HTMX[name], named[name], tuple(fields), is_htmx=True)
            self.htmx.append((form, self.form))

    def _note_field(self, owner: _Open, tag: str, named: dict[str, str]) -> None:
        name, value = named.get("name", ""), named.get("value", "")
        kind = named.get("type", "submit" if tag == "button" else "text").lower()
        if tag == "select" and name:
            self.select, self.options, self.selected = (owner, name), [], ""
        elif tag == "textarea" and name:
            owner.fields.append(Field(name, "textarea"))
        elif tag in {"input", "button"} and kind in NOT_TYPED:
            if kind == "submit":
                sent = Field(name, "hidden", value) if name else None
                owner.buttons.append((named.get("formaction", ""), sent))
        elif tag == "input" and name:
            value = value or ("on" if kind in {"checkbox", "radio"} else "")
            owner.fields.append(Field(name, kind, value, accept=named.get("accept", "")))


def _values(named: dict[str, str]) -> list[tuple[str, str]]:
    """What hx-vals adds."""
    try:
        found = json.loads(named.get("hx-vals") or "{}")
    except ValueError:
        return []
    return [(str(key), str(value)) for key, value in found.items()]
