"""Setting up a second factor and logging in with it, with Chromium's virtual authenticator."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from accounts.models import Passkey, User
from tests.accounts.second_factors import app_code
from tests.browser.conftest import PASSWORD
from tests.builders import make_user

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import CDPSession, Page

    from tests.videos import live

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    # Three journeys with a browser of their own each; test_second_step.py has the log-in's rules.
    pytest.mark.long,
]


def authenticator(page: Page) -> CDPSession:
    """Gives a page a device that keeps passkeys and always agrees."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    session.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
                "automaticPresenceSimulation": True,
            }
        },
    )
    return session


def at_localhost(site: live.Server) -> str:
    return site.url.replace("127.0.0.1", "localhost")


def give_password(page: Page, home: str, name: str) -> None:
    page.goto(f"{home}/login/")
    page.get_by_label("Username or e-mail").fill(name)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()


def log_out(page: Page) -> None:
    page.context.clear_cookies()


def add_passkey(page: Page, home: str, name: str) -> None:
    page.goto(f"{home}/settings/second-factor/passkey/")
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Add passkey").click()


def test_a_member_registers_a_passkey_and_logs_in_with_it(
    visit: Callable[..., Page], site: live.Server, bob: User
) -> None:
    page, home = visit(None), at_localhost(site)
    authenticator(page)
    give_password(page, home, "bob")
    add_passkey(page, home, "My laptop")
    expect(page.locator(".recovery-codes li")).to_have_count(10)
    page.get_by_role("link", name="I've saved them").click()
    expect(page.get_by_text("My laptop")).to_be_visible()
    log_out(page)

    give_password(page, home, "bob")
    expect(page.get_by_role("heading", name="One more step")).to_be_visible()
    page.get_by_role("button", name="Use passkey").click()
    expect(page.get_by_role("button", name="Your account, bob")).to_be_visible()
    assert Passkey.objects.get().last_used_at is not None


def test_a_passkey_belongs_to_the_member_who_is_asked(
    visit: Callable[..., Page], site: live.Server, bob: User, problems: list[str]
) -> None:
    """A browser that answers with a passkey of somebody else, rightly signed, gets nowhere."""
    make_user("mallory", password=PASSWORD)
    page, home = visit(None), at_localhost(site)
    authenticator(page)
    for name in ("bob", "mallory"):
        give_password(page, home, name)
        add_passkey(page, home, name)
        page.get_by_role("link", name="I've saved them").click()
        log_out(page)
    of_mallory = Passkey.objects.get(user__username="mallory").credential_id
    of_bob = Passkey.objects.get(user=bob).credential_id

    give_password(page, home, "bob")
    page.locator("clip-passkey").evaluate(
        "(it, [one, other]) => { it.dataset.options = it.dataset.options.replace(one, other); }",
        [of_bob, of_mallory],
    )
    page.get_by_role("button", name="Use passkey").click()
    expect(page.get_by_text("Your passkey couldn't be verified.")).to_be_visible()
    assert "422" in problems.pop()  # the refusal
    page.goto(f"{home}/settings/")
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()


def test_a_member_sets_up_an_app_and_logs_in_with_a_code_and_a_recovery_code(
    visit: Callable[..., Page], site: live.Server, bob: User
) -> None:
    page = visit(None)
    give_password(page, site.url, "bob")
    expect(page.get_by_role("button", name="Your account, bob")).to_be_visible()
    page.goto(f"{site.url}/settings/")
    expect(page.get_by_text("Passkeys aren't available here")).to_be_visible()
    page.get_by_role("link", name="Add authenticator app").click()
    secret = re.sub(r"\s", "", page.locator(".setup-key code").inner_text())
    page.get_by_label("Code", exact=True).fill(app_code(secret))
    page.get_by_role("button", name="Add app").click()
    codes = page.locator(".recovery-codes li").all_inner_texts()
    assert len(codes) == 10
    log_out(page)

    give_password(page, site.url, "bob")
    page.get_by_label("Code", exact=True).fill(app_code(secret, steps=1))
    page.get_by_role("button", name="Log in", exact=True).click()
    expect(page.get_by_role("button", name="Your account, bob")).to_be_visible()
    log_out(page)

    give_password(page, site.url, "bob")
    page.get_by_text("Use a recovery code").click()
    page.get_by_label("Recovery code").fill(codes[0])
    page.get_by_role("button", name="Log in with recovery code").click()
    expect(page.get_by_text("You have 9 left.")).to_be_visible()
