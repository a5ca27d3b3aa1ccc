"""A visitor who sends forms that pages offer, as they are meant and not, and other requests.

Several visitors may share an account and a book of what its pages offer.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote_from_bytes

from django.test import Client

from accounts.models import Role, User
from tests.clipset.fuzzing.filling import (
    FILES,
    LOSES_SESSION,
    METHODS,
    Known,
    as_request,
    break_body,
    fill,
    odd_headers,
    spoil,
)
from tests.clipset.fuzzing.pages import Field, Form, forms_of, parts_of, view_of
from tests.clipset.fuzzing.special import admin_action, admin_list, tus
from tests.clipset.fuzzing.values import encoded, hostile, in_address
from tests.clipset.fuzzing.wire import Request

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from tests.clipset.fuzzing.filling import Sent
    from tests.clipset.fuzzing.wire import Answer, Line

TOKEN: Final = "fuzzfuzzfuzzfuzzfuzzfuzzfuzzfuzz"  # against forgery, in the cookie and in forms
LOG_INS: Final = ("/login/", "/admin/login/")
# A log-in or registration that succeeds makes a session of somebody else.
MAKES_SESSIONS: Final = {"login", "admin:login", "register"}
OF_A_KIND: Final = 12  # forms that a book keeps
UNAUTHORIZED: Final = 401
_reviving = threading.Lock()


@dataclass
class Book:
    """What the pages of an account offered until now."""

    forms: dict[tuple[str, ...], list[Form]] = field(default_factory=dict)
    unseen: list[Form] = field(default_factory=list)
    uploads: list[str] = field(default_factory=list)
    names: dict[str, None] = field(default_factory=dict)
    views: set[str] = field(default_factory=set)  # that answered with success
    addresses: set[str] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, form: Form) -> None:
        with self.lock:
            for one in form.fields:
                self.names.setdefault(one.name)
            known = self.forms.setdefault(form.kind, [])
            if form.method == "GET" and form.address not in self.addresses and len(known) < 3:
                self.unseen.append(form)
            self.addresses.add(form.address)
            if form not in known:
                known.append(form)
                del known[:-OF_A_KIND]

    def draw(self, random: Random, *, is_get: bool) -> Form | None:
        """Any form, those of each view as often as those of another."""
        with self.lock:
            views: dict[str, list[Form]] = {}
            for (method, view, *_), forms in self.forms.items():
                if (method == "GET") == is_get:
                    views.setdefault(view, []).extend(forms)
            return random.choice(views[random.choice(list(views))]) if views else None

    def next_unseen(self, random: Random) -> Form | None:
        with self.lock:
            return self.unseen.pop(random.randrange(len(self.unseen))) if self.unseen else None


@dataclass
class Account:
    """A member's account as it was, for when a request has ended or changed it."""

    user: User
    row: dict[str, Any] = field(default_factory=dict)
    gained: list[str] = field(default_factory=list)  # roles that it had in between

    def __post_init__(self) -> None:
        self.row = dict(User.objects.filter(pk=self.user.pk).values().get())

    def restore(self) -> str:
        """Puts the account back as it was. Returns the key of a new session."""
        with _reviving:
            had = set(User.objects.filter(pk=self.user.pk).values_list("role", flat=True))
            self.gained += had - {self.row["role"], Role.USER}
            row = {name: value for name, value in self.row.items() if name != "id"}
            others = User.objects.exclude(pk=self.user.pk)
            others.filter(username__iexact=row["username"]).delete()
            others.filter(email__iexact=row["email"]).delete()
            if not User.objects.filter(pk=self.user.pk).update(**row):
                User.objects.bulk_create([User(**self.row)])
            user = User.objects.get(pk=self.user.pk)
            user.sync_groups()
            client = Client()
            client.force_login(user)
            return client.cookies["sessionid"].value


@dataclass
class Visitor:
    """One connection of an account."""

    account: Account
    book: Book
    random: Random
    line: Line
    others: tuple[str, ...]  # ids and names of things of the site
    places: dict[str, list[str]]  # addresses by URL name, one for each thing
    session: str = ""
    revived: int = 0

    def __post_init__(self) -> None:
        self.session = self.account.restore()

    @property
    def is_staff(self) -> bool:
        return bool(self.account.row["is_staff"])

    # -- What to send ------------------------------------------------------------------------------
    def next_request(self) -> Request:
        random, draw = self.random, self._draw()
        request = draw()
        if random.random() < 0.06 and request.method != "GET":
            request = break_body(random, request)
        request = self._with_session(request)
        if random.random() < (0.5 if request.path.endswith(FILES) else 0.15):
            request = odd_headers(random, request)
        return request

    def _draw(self) -> Callable[[], Request]:
        staff = 12 if self.is_staff else 2
        kinds = {
            self._form: 48,
            self._link: 10,
            self._unseen: 25 if self.book.unseen else 5,
            self._place: 20,
            self._tus: 7,
            self._list: staff,
            self._act: staff,
        }
        return self.random.choices(list(kinds), weights=list(kinds.values()))[0]

    @property
    def known(self) -> Known:
        return Known(self.others, tuple(self.book.names), TOKEN)

    def _form(self) -> Request:
        form = self.book.draw(self.random, is_get=False)
        return self._filled(form) if form is not None else self._unseen()

    def _link(self) -> Request:
        form = self.book.draw(self.random, is_get=True)
        return self._filled(form) if form is not None else self._unseen()

    def _filled(self, form: Form) -> Request:
        sent, kind = fill(self.random, form, self.known), "meant"
        if self.random.random() < 0.7:
            sent, kind = spoil(self.random, sent, self.known)
        request = as_request(self.random, form, sent, kind)
        if form.is_htmx:
            request = request.with_headers(("HX-Request", b"true"))
        return request

    def _unseen(self) -> Request:
        form = self.book.next_unseen(self.random)
        if form is None:
            return self._place()
        return as_request(self.random, form, fill(self.random, form, self.known), "seen")

    def _place(self) -> Request:
        """An address of the table of URLs, with a part or a parameter that is not meant."""
        random = self.random
        target = encoded(random.choice(self.places[random.choice(list(self.places))]))
        act = random.choice((*["as it is"] * 4, "part", "query", "raw"))
        if act == "part":
            parts = target.split(b"/")
            parts[random.randrange(len(parts))] = in_address(random, hostile(random, self.others))
            target = b"/" + b"/".join(parts).lstrip(b"/")
        elif act == "query":
            name = random.choice(("after", "q", "page", "next", "v", "sort", *self.known.names))
            target += b"?" + quote_from_bytes(encoded(name)).encode() + b"="
            target += in_address(random, hostile(random, self.others))
        elif act == "raw":
            target += random.choice((b"?\xff\xfe", b"%", b"?a=%zz", b"//..//", b"?" + b"a&" * 900))
        if random.random() < 0.3:
            names = random.sample(self.known.names, min(len(self.known.names), 4))
            form = Form("POST", "", tuple(Field(name) for name in names))
            sent: list[Sent] = [
                (encoded(one.name), hostile(random, self.others)) for one in form.fields
            ]
            made = as_request(random, form, sent, f"place {act}")
            return replace(made, target=target[:6000])
        method = random.choice(("GET", "GET", "GET", *METHODS))
        return Request(method, target[:6000], kind=f"place {act}")

    def _tus(self) -> Request:
        return tus(self.random, self.book.uploads or ["/uploads/x/"], self.known)

    def _list(self) -> Request:
        return admin_list(self.random, self.known)

    def _act(self) -> Request:
        return admin_action(self.random, self.known)

    def _with_session(self, request: Request) -> Request:
        cookie = f"sessionid={self.session}; csrftoken={TOKEN}".encode()
        headers = [("Host", f"{self.line.place[0]}:{self.line.place[1]}".encode())]
        headers.append(("Cookie", cookie))
        if request.method not in {"GET", "HEAD"} and "token" not in request.kind:
            headers.append(("X-CSRFToken", TOKEN.encode()))
        return request.with_headers(*headers)

    # -- What came ---------------------------------------------------------------------------------
    def learn(self, request: Request, answer: Answer) -> None:
        """Notes what a page offers, and what has become of the session."""
        if answer.status in range(200, 400) and not answer.location.startswith(LOG_INS):
            self.book.views.add(view_of(request.path))
        if answer.is_html and len(answer.body) < 400_000 and self._is_worth_reading(request):
            for form in forms_of(request.path, answer.body.decode("utf-8", "replace")):
                self.book.note(form)
        if answer.is_playlist:
            for form in parts_of(request.path, answer.body.decode("utf-8", "replace")):
                self.book.note(form)
        if answer.status == 201 and answer.location.startswith("/uploads/"):
            self.book.uploads.append(answer.location)
        self._keep_session(request, answer)

    def _is_worth_reading(self, request: Request) -> bool:
        return request.kind == "seen" or self.random.random() < 0.35

    def _keep_session(self, request: Request, answer: Answer) -> None:
        if view_of(request.path) not in MAKES_SESSIONS:
            for line in answer.headers.get_all("Set-Cookie", []):
                self._take_cookie(line)
        is_led_away = answer.location.startswith(LOG_INS) or answer.status == UNAUTHORIZED
        spoiled = any(name in request.kind for name in LOSES_SESSION)
        if is_led_away and not spoiled and not self.is_logged_in():
            self.session = self.account.restore()
            self.revived += 1

    def _take_cookie(self, line: str) -> None:
        try:
            found = SimpleCookie(line).get("sessionid")
        except CookieError:
            return
        if found is not None and found.value:
            self.session = found.value

    def is_logged_in(self) -> bool:
        path = b"/admin/" if self.is_staff else b"/settings/"
        return self.line.ask(self._with_session(Request("GET", path))).status == 200
