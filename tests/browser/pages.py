"""The table of every page of the site in its states, for test_access.py.

A page that has no line here fails tests/clipset/test_urls.py.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.template.loader import render_to_string

from accounts.forms import (
    AppForm,
    CodeForm,
    ConfirmForm,
    FactorNameForm,
    PasskeyForm,
    RecoveryCodeForm,
    ResetForm,
)
from accounts.models import EmailChange
from tests.browser.player import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import FilePayload, Page

NARROW, WIDE = 390, 1280


@dataclass(frozen=True)
class Look:
    """One page in one state.

    The member named `by` opens `path` (nobody logged in for ""), then `then` opens or sends
    something on the page. Values for {braces} come from tests/browser/furnished.py.
    """

    name: str  # of its screenshots
    path: str  # of this URL, or of a page with a form that leads to it
    by: str = "bob"
    then: Callable[[Page], None] | None = None
    widths: tuple[int, ...] = (WIDE, NARROW)
    is_new: bool = False  # whether the site must be empty
    shows: tuple[str, dict[str, Any]] | None = field(default=None, hash=False)
    """A template with its context, where no visitor can bring it about; `path` is not asked."""


def click(selector: str) -> Callable[[Page], None]:
    return lambda page: page.locator(selector).first.click()


def show(popover: str) -> Callable[[Page], None]:
    return lambda page: page.locator(popover).evaluate("it => it.showPopover()")


def send(form: str, **fields: str) -> Callable[[Page], None]:
    """Changes these fields of a form and sends it without the browser's validation."""

    def then(page: Page) -> None:
        for name, value in fields.items():
            page.locator(f"{form} [name={name}]").evaluate("(it, to) => { it.value = to; }", value)
        with page.expect_navigation():
            page.locator(form).first.evaluate("it => { it.noValidate = true; it.requestSubmit(); }")

    return then


def comment_without_words(page: Page) -> None:
    page.locator(".composer").first.evaluate("it => { it.noValidate = true; it.requestSubmit(); }")
    page.locator(".composer .field__error").wait_for()


def player(page: Page) -> None:
    wait_until(page, "video.readyState >= 1 && !video.controls")


def moderation(page: Page) -> None:
    page.locator("#moderate-button").click()
    page.locator(".moderation__acts").wait_for()


def hide_comment(page: Page) -> None:
    page.locator("a.comment__action:has-text('Hide')").first.click()
    page.locator(".comment__reasons").wait_for()


def player_menu(page: Page) -> None:
    player(page)
    page.get_by_role("button", name="settings").click()


def player_submenu(page: Page) -> None:
    player_menu(page)
    page.get_by_role("menuitem", name=re.compile("^Speed")).click()
    page.get_by_role("menuitemradio", name="1.5x").wait_for()


def player_end(page: Page) -> None:
    player(page)
    page.locator("video.player__video").evaluate("it => { it.muted = true; it.currentTime = 9e9; }")
    page.locator("video.player__video").evaluate("it => it.play()")
    page.locator(".end").wait_for()


def report_sheet(page: Page) -> None:
    page.locator("a.watch__report").click()
    page.locator("dialog[open] form").wait_for()


def card_menu(page: Page) -> None:
    """Opens the menu of a card while the pointer is over its thumbnail."""
    page.locator(".video-card:has(clip-storyboard)").last.hover(position={"x": 120, "y": 60})
    page.locator("clip-storyboard canvas").wait_for()
    page.locator(".video-card:has(clip-storyboard) [data-more]").last.click()
    page.locator("#card-menu form").first.wait_for()


def choose_videos(page: Page) -> None:
    """Chooses two files, of which the site accepts one."""
    videos: list[FilePayload] = [
        {"name": "beach_day.mp4", "mimeType": "video/mp4", "buffer": b"x" * 2000},
        {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"x" * 2000},
    ]
    page.locator("#id_file").set_input_files(videos)
    page.locator("[data-list] > li").nth(1).wait_for()


def toast(page: Page) -> None:
    """Shows a toast of the site and one of a script."""
    send("form[action='/settings/']")(page)
    page.wait_for_function("!!customElements.get('clip-toast')")
    page.evaluate(
        """async () => {
            const loaded = performance.getEntriesByType("resource").map((it) => it.name);
            const {toast} = await import(loaded.find((name) => name.includes("clip-toast")));
            toast("That did not reach the site.", "error");
        }"""
    )


STEP = {
    "code_form": CodeForm(),
    "recovery_form": RecoveryCodeForm(),
    "options": "{}",
    "has_app": True,
    "has_passkey": True,
    "is_about_code": True,
}

# URL name -> its looks; "errors" have no URL of their own.
PAGES: dict[str, list[Look]] = {
    "home": [
        Look("home-new", "/", "root_", is_new=True),
        Look("home", "/"),
        Look("home-newcomer", "/", "dora"),
        Look("card-menu", "/", then=card_menu),
        Look("home-category", "/?category=music&sort=views"),
        Look("home-category-bare", "/?category=bare"),
        Look("account-menu", "/", "root_", then=show("#account-menu")),
        Look("search-open", "/", then=show("#search"), widths=(NARROW,)),
        Look("search", "/?q=video"),
        Look("search-said", "/?q=harvest"),
        Look("search-nothing", "/?q=nothing-has-this"),
        Look("search-nothing-here", "/?q=nothing-has-this&category=music"),
    ],
    "category_list": [
        Look("categories-new", "/categories/", "root_", is_new=True),
        Look("categories", "/categories/"),
    ],
    "category": [
        Look("category", "/categories/music/"),
        Look("category-bare", "/categories/bare/"),
    ],
    "directory": [
        Look("directory", "/users/"),
        Look("directory-nobody", "/users/?q=zz"),
    ],
    "profile": [
        Look("profile", "/profile/alice/"),
        Look("profile-own", "/profile/bob/"),
        Look("profile-own-empty", "/profile/dora/", "dora"),
        Look("profile-trashed", "/v/{unwanted}/delete/", "alice", then=send("main form")),
        Look("profile-empty", "/profile/dora/"),
        Look("profile-moderated", "/profile/bob/", "root_", then=click(".member-facts summary")),
        Look("profile-playlists", "/profile/bob/?tab=playlists", "alice"),
        Look("profile-playlists-none", "/profile/dora/?tab=playlists"),
    ],
    "watch": [
        Look("watch", "/v/{video}/", then=player),
        Look("watch-member", "/v/{video}/", "alice", then=player_menu),
        Look("watch-speeds", "/v/{video}/", "alice", then=player_submenu),
        Look("watch-end", "/v/{video}/", "alice", then=player_end),
        Look("watch-share", "/v/{video}/", then=click("#share-button")),
        Look(
            "watch-more",
            "/v/{video}/",
            then=click("[popovertarget=own-actions]"),
            widths=(NARROW,),
        ),
        Look("watch-queue", "/v/{video}/?playlist={playlist}", then=player),
        Look("watch-keys", "/v/{video}/", then=show("#shortcuts")),
        Look("watch-reply", "/v/{video}/", then=click("text=Reply")),
        Look("watch-hidden", "/v/{hidden}/"),
        Look("watch-moderate", "/v/{video}/", "root_", then=moderation),
        Look("watch-moderate-hidden", "/v/{hidden}/", "root_", then=moderation),
        Look("watch-moderate-failed", "/v/{failed}/", "root_", then=moderation),
        Look("watch-hide-comment", "/v/{video}/", "root_", then=hide_comment),
        Look("watch-waiting", "/v/{waiting}/"),
        Look("watch-making", "/v/{making}/"),
        Look("watch-stop", "/v/{making}/", then=click("#stop-button")),
        Look("watch-failed", "/v/{failed}/"),
        Look("watch-trashed", "/v/{trashed}/"),
        Look("watch-trashed-admin", "/v/{trashed}/", "root_"),
        Look("watch-trashed-waiting", "/v/{trashed_waiting}/"),
    ],
    "moderate": [
        Look("moderate", "/v/{hidden}/moderate/", "root_"),
        Look("moderate-failed", "/v/{failed}/moderate/", "root_"),
        Look("moderate-move", "/v/{video}/moderate/", "root_", then=click("summary")),
    ],
    "moderate_hide": [
        Look("moderate-hide-wrong", "/v/{video}/moderate/", "root_", then=send(".reasons")),
    ],
    "moderate_answer": [
        Look(
            "moderate-answer-wrong",
            "/v/{hidden}/moderate/",
            "root_",
            then=send("[action$='/answer/']"),
        ),
    ],
    "moderate_limit": [
        Look(
            "moderate-limit-wrong",
            "/profile/bob/",
            "root_",
            then=send("[action$='/limit/']", limit="much"),
            widths=(NARROW,),
        ),
    ],
    "moderate_comment_hide": [
        Look("hide-comment", "/v/{video}/moderate/comments/{said}/hide/", "root_"),
    ],
    "video_review": [
        Look("review", "/v/{hidden_too}/review/"),
        Look("review-wrong", "/v/{hidden_too}/review/", then=send("main form", text="")),
    ],
    "video_edit": [
        Look("edit", "/v/{video}/edit/"),
        Look("edit-wrong", "/v/{video}/edit/", then=send("main form", title="")),
    ],
    "video_delete": [
        Look("delete", "/v/{video}/delete/"),
        Look("delete-others", "/v/{video}/delete/", "root_"),
    ],
    "video_delete_for_good": [Look("delete-for-good", "/v/{trashed}/delete-for-good/", "root_")],
    "trash": [
        Look("trash", "/trash/"),
        Look("trash-admin", "/trash/", "root_"),
        Look("trash-none", "/trash/", "dora"),
    ],
    "video_captions": [
        Look("captions", "/v/{video}/captions/"),
        Look("captions-rename", "/v/{video}/captions/", then=click("[aria-label^=Rename]")),
        Look("captions-none", "/v/{bare}/captions/", "root_"),
        Look("captions-wrong", "/v/{video}/captions/", then=send(".add form", language="")),
    ],
    "video_guest_links": [
        Look("share", "/v/{video}/share/"),
        Look("share-none", "/v/{bare}/share/", "alice"),
        Look("share-others", "/v/{bare}/share/", "root_"),
        Look("share-closed", "/v/{hidden}/share/"),
        Look("share-made", "/v/{video}/share/", then=send(".make-link", note="Aunt Jo")),
        Look("share-wrong", "/v/{video}/share/", then=send(".make-link", days="900")),
    ],
    "comments": [
        Look("comments", "/v/{video}/comments/"),
        Look("comments-none", "/v/{bare}/comments/"),
        Look("comments-wrong", "/v/{video}/comments/", then=comment_without_words),
    ],
    "comment": [Look("comment", "/v/{video}/comments/{said}/")],
    "comment_reply": [Look("comment-reply", "/v/{video}/comments/{said}/reply/")],
    "comment_edit": [Look("comment-edit", "/v/{video}/comments/{mine}/edit/")],
    "notifications": [
        Look("notifications", "/notices/"),
        Look("notifications-none", "/notices/", "dora"),
    ],
    "video_report": [
        Look("report", "/v/{video}/report/", "alice"),
        Look("report-wrong", "/v/{video}/report/", "alice", then=send(".report-form form")),
        Look("report-sheet", "/v/{video}/", "alice", then=report_sheet),
        Look("report-sent", "/v/{bare}/report/"),
        Look("report-nobody", "/profile/root_/report/"),
    ],
    "comment_report": [Look("report-comment", "/v/{video}/comments/{said}/report/")],
    "member_report": [Look("report-member", "/profile/alice/report/")],
    "reports": [
        Look("reports", "/reports/"),
        Look("reports-none", "/reports/", "dora"),
    ],
    "upload": [
        Look("upload", "/upload/"),
        Look("upload-chosen", "/upload/", then=choose_videos),
        Look("upload-used-up", "/upload/", "wendy"),
    ],
    "playlist": [
        Look("playlist", "/playlist/{playlist}/"),
        Look("playlist-own-empty", "/playlist/{empty_playlist}/"),
        Look("playlist-empty", "/playlist/{empty_playlist}/", "alice"),
        Look("playlist-others", "/playlist/{playlist}/", "alice"),
    ],
    "playlists": [
        Look("playlists", "/playlists/"),
        Look("playlists-none", "/playlists/", "dora"),
        Look("playlists-deleted", "/playlist/{empty_playlist}/", then=send("[action$='/delete/']")),
    ],
    "playlist_edit": [
        Look("playlist-edit", "/playlist/{playlist}/edit/"),
        Look("playlist-edit-wrong", "/playlist/{playlist}/edit/", then=send("main form", title="")),
    ],
    "video_playlists": [
        Look("save", "/v/{video}/playlists/"),
        Look("save-none", "/v/{video}/playlists/", "dora"),
    ],
    "liked": [
        Look("liked", "/liked/"),
        Look("liked-none", "/liked/", "dora"),
    ],
    "guest": [
        Look("guest", "/s/{guest}/", "", then=player),
        Look("guest-member", "/s/{guest}/", "alice"),
        Look("share-closed", "/s/{closed}/", ""),
    ],
    "login": [
        Look("login", "/login/", ""),
        Look("login-wrong", "/login/", "", then=send("form", username="bob", password="no")),
        Look("second-step", "/login/", "", shows=("accounts/second_factor/step.html", STEP)),
        Look(
            "second-step-wrong",
            "/login/",
            "",
            shows=(
                "accounts/second_factor/step.html",
                STEP | {"code_form": CodeForm({}), "recovery_form": RecoveryCodeForm({})},
            ),
        ),
    ],
    "password_reset": [
        Look("password-reset", "/password-reset/", ""),
        Look(
            "password-reset-by-mail",
            "/password-reset/",
            "",
            shows=(
                "accounts/password_reset.html",
                {"mail_is_configured": True, "form": ResetForm({"email": "nonsense"})},
            ),
        ),
    ],
    "password_reset_done": [Look("password-reset-done", "/password-reset/sent/", "")],
    "password_reset_complete": [Look("password-reset-complete", "/password-reset/done/", "")],
    "password_reset_confirm": [
        Look("password-new", "{reset_link}", ""),
        Look("password-new-wrong", "{reset_link}", "", then=send("form", new_password1="x")),
        Look("password-new-late", "/password-reset/x/y/", ""),
    ],
    "register": [
        Look("register-first", "/register/{setup}/", "", is_new=True),
        Look("register", "/register/{invitation}/", ""),
        Look("register-wrong", "/register/{invitation}/", "", then=send("form", username="a b")),
        Look("register-used", "/register/{used}/", ""),
    ],
    "settings": [
        Look("settings", "/settings/", "alice"),
        Look("settings-toast", "/settings/", then=toast),
        Look("settings-wrong", "/settings/", then=send("[action='/settings/']", username="a b")),
    ],
    "second_factor": [Look("second-factor", "/settings/second-factor/", "alice")],
    "second_factor_app": [
        Look(
            "second-factor-app",
            "/settings/",
            shows=(
                "accounts/second_factor/app.html",
                {"form": AppForm(), "secret": "ABCD EFGH " * 4, "uri": "otpauth://totp/x"},
            ),
        )
    ],
    "second_factor_passkey": [
        Look(
            "second-factor-passkey",
            "/settings/",
            shows=("accounts/second_factor/passkey.html", {"form": PasskeyForm(), "options": "{}"}),
        ),
        Look(
            "second-factor-no-passkey",
            "/settings/",
            shows=("accounts/second_factor/no_passkey.html", {"host": "127.0.0.1"}),
        ),
    ],
    "second_factor_codes": [
        Look(
            "second-factor-codes",
            "/settings/",
            shows=("accounts/second_factor/codes.html", {"codes": ["abcd-efgh-jkmn-pqrs"] * 10}),
        ),
        Look(
            "second-factor-new-codes",
            "/settings/",
            shows=("accounts/second_factor/new_codes.html", {}),
        ),
    ],
    "second_factor_edit": [
        Look(
            "second-factor-edit",
            "/settings/",
            shows=(
                "accounts/second_factor/edit.html",
                {"form": FactorNameForm(), "factor": {"name": "Phone", "pk": UUID(int=1)}},
            ),
        )
    ],
    "second_factor_remove": [
        Look(
            "second-factor-remove",
            "/settings/",
            shows=(
                "accounts/confirm.html",
                {"form": ConfirmForm(), "kept": [], "has_password": True},
            ),
        )
    ],
    "settings_avatar": [
        Look("settings-avatar", "/settings/", then=send("[action='/settings/avatar/']"))
    ],
    "settings_confirm": [
        Look(
            "settings-confirm",
            "/settings/",
            shows=(
                "accounts/confirm.html",
                {"form": ConfirmForm(), "kept": [], "has_password": True},
            ),
        ),
        Look(
            "settings-confirm-wrong",
            "/settings/",
            shows=(
                "accounts/confirm.html",
                {"form": ConfirmForm({}), "kept": [], "has_password": True},
            ),
        ),
    ],
    "settings_email": [
        Look(
            "settings-email-wrong",
            "/settings/",
            then=send("[action='/settings/email/']", email="x@y"),
        )
    ],
    "settings_email_confirm": [
        Look(
            "settings-email-confirm",
            "/settings/",
            shows=(
                "accounts/email_confirm.html",
                {"change": EmailChange(email="new@example.org"), "sentence": ""},
            ),
        ),
        Look("settings-email-late", "/settings/email/x/"),
    ],
    "settings_delete": [
        Look("settings-delete", "/settings/delete/"),
        Look("settings-delete-last-admin", "/settings/delete/", "root_"),
        Look(
            "settings-keep",
            "/settings/",
            shows=(
                "accounts/delete.html",
                {"leaves_at": datetime(2026, 12, 14, tzinfo=UTC)},
            ),
        ),
    ],
    "settings_password": [
        Look("settings-password", "/settings/", then=send("[action='/settings/password/']"))
    ],
    "invitation_list": [
        Look("invitations-new", "/invitations/", "root_", is_new=True),
        Look("invitations", "/invitations/", "root_"),
        Look("invitations-made", "/invitations/", "root_", then=send(".invite", email="x@e.org")),
        Look("invitations-wrong", "/invitations/", "root_", then=send(".invite", email="x")),
    ],
    "invitation_renew": [
        Look("invitations-renewed", "/invitations/", "root_", then=send("[action$='/renew/']"))
    ],
    "design": [Look("design", "/design/", "root_")],
    "errors": [
        Look("missing", "/nothing-here/"),
        *(
            Look(f"error-{name}", f"/shown/{name}/", "", shows=(f"{name}.html", {}))
            for name in ("400", "403", "403_csrf", "413", "500")
        ),
    ],
}


def open_look(page: Page, look: Look, names: dict[str, str]) -> None:
    """Opens a look at the first of its widths."""
    page.set_viewport_size({"width": look.widths[0], "height": 844})
    if look.shows is None:
        page.goto(look.path.format_map(names))
    else:
        page.goto(
            "/healthz"
        )  # has no scripts; its security policy also applies to the content set below
        page.set_content(render_to_string(*look.shows), wait_until="load")
    if look.then is not None:
        look.then(page)
