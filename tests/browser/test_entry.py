"""Log-in and registration in a real browser, which sends headers that a test client does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from accounts.models import Role
from accounts.services.invitations import issue_invitation, setup_link
from accounts.services.passwords import reset_link
from tests.builders import make_admin

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from accounts.models import User

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

WORDS = "a lamp beside the river"


def path_of(link: str) -> str:
    return "/" + link.split("/", 3)[3]


@pytest.mark.long  # test_journeys.py joins and chooses a password in each run
def test_the_first_admin_and_who_is_invited_join_and_who_forgot_gets_in_again(
    visit: Callable[..., Page], bob: User
) -> None:
    page = visit(None)
    page.goto(path_of(setup_link()))
    page.get_by_label("Username").fill("root_")
    page.get_by_label("E-mail address").fill("root@example.org")
    join(page, "Create account")

    page = visit(None)
    issued = issue_invitation(
        email="mary@example.org", role=Role.USER, created_by=make_admin("adam")
    )
    page.goto(path_of(issued.link))
    page.get_by_label("Username").fill("mary")
    join(page, "Join")
    expect(page.get_by_role("button", name="Your account, mary")).to_be_visible()

    page = visit(None)
    page.goto(path_of(reset_link(bob)))
    page.get_by_label("New password", exact=True).fill(WORDS)
    page.get_by_label("Confirm new password").fill(WORDS)
    page.get_by_role("button", name="Set new password").click()
    page.goto("/login/")
    page.get_by_label("Username or e-mail").fill("bob")
    page.get_by_label("Password", exact=True).fill(WORDS)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("button", name="Your account, bob")).to_be_visible()


def join(page: Page, verb: str) -> None:
    page.get_by_label("Password", exact=True).fill(WORDS)
    page.get_by_label("Confirm password").fill(WORDS)
    page.get_by_role("button", name=verb).click()
    expect(page.locator("h1")).not_to_have_text("This page has expired")
    expect(page).to_have_url("/")
