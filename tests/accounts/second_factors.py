"""What tests of the second factor share: an app that computes codes by itself, and log-ins."""

from __future__ import annotations

import base64
import hashlib
import hmac
import struct
import time
from typing import TYPE_CHECKING

from django.http import HttpRequest
from django.test import Client

from accounts.log_ins import start_second_step
from accounts.models import AuthenticatorApp
from tests.builders import PASSWORD, make_user

if TYPE_CHECKING:
    from typing import Any

    from accounts.models import User

SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"


def app_code(secret: str = SECRET, *, steps: int = 0) -> str:
    """Returns what an app shows now, or some steps of 30 s later. Not computed by the site."""
    counter = struct.pack(">Q", int(time.time()) // 30 + steps)
    digest = hmac.new(base64.b32decode(secret), counter, hashlib.sha1).digest()
    start = digest[19] & 15
    (number,) = struct.unpack(">I", digest[start : start + 4])
    return f"{(number & 0x7FFFFFFF) % 1000000:06}"


def wrong_code() -> str:
    right = {app_code(steps=steps) for steps in (-2, -1, 0, 1, 2)}
    return next(
        code for code in ("000000", "111111", *map(str, range(222222, 222229))) if code not in right
    )


def make_app(user: User, **fields: Any) -> AuthenticatorApp:
    return AuthenticatorApp.objects.create(
        user=user, **{"name": "Phone", "secret": SECRET, "last_step": 0} | fields
    )


def at_second_step(user: User, *, leads_to: str = "/", **extra: Any) -> Client:
    """Returns a client that has just given the right password, without the time of a hash."""
    client = Client(**extra)
    request = HttpRequest()
    request.session = client.session
    start_second_step(request, user, leads_to=leads_to)
    request.session.save()
    return client


def guarded_member(username: str = "bob", **fields: Any) -> User:
    """Creates a member with a password and an authenticator app."""
    user = make_user(username, password=PASSWORD, **fields)
    make_app(user)
    return user


def give_password(client: Client, username: str = "bob", address: str = "/login/") -> Any:
    return client.post(address, {"username": username, "password": PASSWORD})


def quick_member(username: str = "bob", **fields: Any) -> User:
    """Creates a member with an authenticator app and no password, for `at_second_step`."""
    user = make_user(username, **fields)
    make_app(user)
    return user
