"""Every kind of page of the admin in both colour schemes: all text on it has enough contrast, also
where the pointer is. Django's stylesheets and ours (static/css/admin.css) share the colours.

`scripts/test --long` sees more states of the same kinds of page (`is_long`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Role, User
from accounts.services.invitations import issue_invitation
from siteconfig.models import BackupRun, DoctorRun
from tests.browser.furnished import furnish
from tests.browser.pages import click, send
from tests.browser.test_access import COLOURS, EVERYTHING, found_by_axe
from tests.builders import make_admin, make_category, make_moderator, make_playlist, make_video
from tests.parts import axe_core
from tests.siteconfig.audit_log import hidden
from videos.models import Comment, Job, ProcessingStatus, Removal, Report, Video
from videos.services.uploads.create import begin_upload

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Page
    from pytest_django import Settings

    from tests.videos import live

pytestmark = [
    pytest.mark.browser,
    pytest.mark.ffmpeg,
    pytest.mark.django_db(transaction=True),
]

# Without transitions, which axe-core would see half-way.
AT_ONCE = """() => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync("*, ::before, ::after { transition: none !important; }");
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
}"""
POINTED_AT = "a, button, input[type=submit], input[type=button], summary, tbody tr, option"
HOVERED = ["hover", "focus"]


@dataclass(frozen=True)
class AdminLook:
    """One page of the admin in one state.

    `{video}` and others in braces in `path` are keys of rows. `is_long` is for a page that has only
    elements which others of the table have, too.
    """

    name: str
    path: str
    by: str = "root_"
    then: Callable[[Page], None] | None = None
    is_long: bool = False


def select(action: str) -> Callable[[Page], None]:
    """Chooses the first row of a list and an action for it, and sends both."""

    def then(page: Page) -> None:
        page.locator(".action-select").first.check()
        page.locator("select[name=action]").select_option(action)
        page.locator("#changelist-form button[name=index]").click()

    return then


def open_categories(page: Page) -> None:
    page.locator(".select2-selection").first.click()
    page.locator(".select2-results__option").nth(1).wait_for()


LOOKS = [
    AdminLook("login", "/admin/login/", "", is_long=True),
    AdminLook("login, wrong", "/admin/login/", "", send("#login-form", username="x", password="x")),
    AdminLook("index", "/admin/"),
    AdminLook("list with filters", "/admin/videos/video/?is_hidden__exact=0"),
    AdminLook("list with a message", "/admin/videos/video/", then=select("hide"), is_long=True),
    AdminLook("list with a warning", "/admin/videos/video/", then=select("retry"), is_long=True),
    AdminLook("list with pages", "/admin/videos/comment/", is_long=True),
    AdminLook("members", "/admin/accounts/user/?o=2.-3", "mod", is_long=True),
    AdminLook("member", "/admin/accounts/user/{member}/change/", is_long=True),
    AdminLook("form", "/admin/videos/video/{video}/change/", then=open_categories),
    AdminLook(
        "form, wrong",
        "/admin/videos/video/{video}/change/",
        then=send("#video_form", title=""),
    ),
    AdminLook("form to read", "/admin/videos/comment/{comment}/change/", is_long=True),
    AdminLook("popup", "/admin/categories/category/add/?_popup=1", is_long=True),
    AdminLook("history", "/admin/videos/video/{video}/history/", is_long=True),
    AdminLook("delete", "/admin/videos/video/{video}/delete/"),
    AdminLook(
        "delete several", "/admin/videos/video/", then=select("delete_selected"), is_long=True
    ),
    AdminLook(
        "link shown once",
        "/admin/accounts/invitation/add/",
        then=send("#invitation_form", email="new@example.org"),
        is_long=True,
    ),
    AdminLook("backups", "/admin/siteconfig/backuprun/", is_long=True),
    AdminLook("doctor", "/admin/siteconfig/doctorrun/", is_long=True),
    AdminLook(
        "doctor, asking",
        "/admin/siteconfig/doctorrun/",
        then=click("button[name=all]"),
        is_long=True,
    ),
    AdminLook("audit log", "/admin/siteconfig/auditentry/?who=root_&since=x"),
    AdminLook("audit entry", "/admin/siteconfig/auditentry/{entry}/change/", is_long=True),
    AdminLook("removals", "/admin/videos/removal/", is_long=True),
    AdminLook("reports", "/admin/videos/report/?state=all", "mod", is_long=True),
    AdminLook("report", "/admin/videos/report/{report}/change/", "mod", is_long=True),
    AdminLook("handled report", "/admin/videos/report/{handled}/change/", "mod", is_long=True),
    AdminLook("configuration", "/admin/siteconfig/config/1/change/", is_long=True),
    AdminLook(
        "password", "/admin/password_change/", then=click("input[type=submit]"), is_long=True
    ),
]


def make_reports() -> None:
    """Creates findings of the doctor and a failed removal."""
    finding = {
        "check": "odd",
        "sentence": "This is odd.",
        "subject": "x",
        "mend": "Repair it.",
        "mended": None,
    }
    failed = finding | {"failed": "It could not be repaired."}
    now = timezone.now()
    DoctorRun.objects.create(
        key="x", state="DONE", finished_at=now, found=2, findings=[finding, failed]
    )
    Removal.objects.create(root="videos", key="a.mp4", reason="REPLACED", last_error="No.")


def show_backups(page: Page, settings: Settings, folder: Path) -> None:
    """Shows the page of backups with a stored, a failed and a killed one.

    The running site has no backups configured, so the page is rendered here.
    """
    settings.BACKUP_REPOSITORY = "/mnt/backup"
    settings.BACKUP_PASSWORD_FILE = str(folder / "password")
    (folder / "password").write_text("long and random")
    now = timezone.now()
    BackupRun.objects.create(lease_until=now, started_at=now, snapshot_id="a" * 64, state="DONE")
    BackupRun.objects.create(lease_until=now, error="The disk is away.", state="FAILED")
    BackupRun.objects.create(lease_until=now, bytes_done=1, bytes_total=2)
    client = Client()
    client.force_login(User.objects.get(username="root_"))
    shown = client.get("/admin/siteconfig/backuprun/").text
    assert "Back up now" in shown
    assert "Failed" in shown
    page.goto("/healthz")
    page.set_content(shown, wait_until="load")


def narrow(page: Page) -> bool:
    """Returns whether the page fits a phone, also a narrow one, without scrolling sideways."""
    fits = []
    for width in (320, 390):
        page.set_viewport_size({"width": width, "height": 844})
        fits.append(page.evaluate("document.documentElement.scrollWidth") <= width)
    return all(fits)


def point_at_everything(page: Page) -> None:
    """Gives each link, button and row the states of being pointed at and focused."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("DOM.enable")
    devtools.send("CSS.enable")
    root = devtools.send("DOM.getDocument")["root"]["nodeId"]
    found = devtools.send("DOM.querySelectorAll", {"nodeId": root, "selector": POINTED_AT})
    for node in found["nodeIds"]:
        state = {"nodeId": node, "forcedPseudoClasses": HOVERED}
        devtools.send("CSS.forcePseudoState", state)


def hard_to_read(page: Page, name: str) -> list[str]:
    """Returns what axe-core finds too faint, in light and dark, pointed at and not."""
    page.wait_for_load_state("load")
    page.evaluate(axe_core())
    page.evaluate(AT_ONCE)
    wrong: list[str] = []
    for state in ("", ", pointed at"):
        if state:
            point_at_everything(page)
        page.emulate_media(color_scheme="light")
        wrong += [f"{name}, light{state}: {it}" for it in found_by_axe(page, COLOURS)]
        page.emulate_media(color_scheme="dark")
        wrong += [f"{name}, dark{state}: {it}" for it in found_by_axe(page, COLOURS)]
    return wrong


@pytest.mark.restic
def test_the_page_of_backups_is_easy_to_read(
    visit: Callable[..., Page],
    site: live.Server,
    settings: Settings,
    tmp_path: Path,
    problems: list[str],
) -> None:
    page = visit(make_admin("root_"), viewport={"width": 1280, "height": 844})
    show_backups(page, settings, tmp_path)
    assert hard_to_read(page, "backups") == []
    assert narrow(page)
    problems.clear()  # /healthz names no icon, so the browser asks for one


def test_nothing_in_the_admin_is_hard_to_read(
    visit: Callable[..., Page], site: live.Server, problems: list[str], pytestconfig: pytest.Config
) -> None:
    video = Video.objects.get(short_id=furnish(make_admin("root_"), site.media)["video"])
    mod = make_moderator("mod")
    comments = [Comment(video=video, author=mod, text="Hm") for _ in range(60)]
    comment, *_ = Comment.objects.bulk_create(comments)  # more than one page
    entry = hidden(video, by=User.objects.get(username="root_"), reason="Complaints")
    names = {"video": str(video.pk), "comment": str(comment.pk), "entry": str(entry.pk)}
    names |= {"member": str(video.uploaded_by_id)}
    names |= {"report": str(Report.objects.filter(state="OPEN")[0].pk)}
    names |= {"handled": str(Report.objects.filter(state="RESOLVED")[0].pk)}
    make_reports()
    pages: dict[str, Page] = {}
    wrong = []
    for look in LOOKS:
        if look.is_long and not pytestconfig.getoption("--long"):
            continue
        if look.by not in pages:
            user = User.objects.get(username=look.by) if look.by else None
            pages[look.by] = visit(user, viewport={"width": 1280, "height": 844})
        page = pages[look.by]
        page.goto(look.path.format_map(names))
        if look.then is not None:
            look.then(page)
        wrong += hard_to_read(page, look.name)
    problems.clear()  # most videos have no files
    assert wrong == [], "\n".join(wrong)


def fill_lists(root: User) -> None:
    """Adds a row to each list, with long texts and all that a row can show."""
    long = "Averylongtitlewithoutanyspaces" * 5
    mod = make_moderator("Konstantin_von_und_zu_Hohenfels_und_anderswo")
    category = make_category("A category with a rather long name", created_by=root)
    video = make_video(long, uploader=mod, category=category, is_hidden=True, stored_bytes=10**9)
    reason = "This file is protected (DRM). Upload a version of it without protection. " * 2
    make_video("Lost", uploader=mod, status=ProcessingStatus.FAILED, error_message=reason)
    Job.objects.create(video=video)
    Comment.objects.create(video=video, author=mod, text=long)
    make_playlist(long, made_by=mod)
    upload = begin_upload(user=mod, content_length=10)
    type(upload).objects.update(filename=long)
    address = f"{'somebody.' * 6}@example-of-a-domain.org"
    issue_invitation(email=address, role=Role.USER, created_by=mod)
    make_reports()


def test_the_lists_of_the_admin_fit_a_phone_as_cards(
    visit: Callable[..., Page], site: live.Server, problems: list[str]
) -> None:
    """At 390 px nothing is wider than the screen, and axe-core finds nothing, in both schemes."""
    root = make_admin("root_")
    fill_lists(root)
    page = visit(root, viewport={"width": 390, "height": 844})
    wrong = []
    for model in sorted(admin.site._registry, key=lambda it: it._meta.label):
        name = f"{model._meta.app_label}_{model._meta.model_name}"
        page.goto(reverse(f"admin:{name}_changelist"))
        page.evaluate(axe_core())
        page.evaluate(AT_ONCE)
        page.emulate_media(color_scheme="light")
        wrong += [f"{name}: {it}" for it in found_by_axe(page, EVERYTHING)]
        page.emulate_media(color_scheme="dark")
        wrong += [f"{name}, dark: {it}" for it in found_by_axe(page, COLOURS)]
        wrong += [] if narrow(page) else [f"{name} is too wide"]
    page.goto(reverse("admin:videos_video_changelist"))
    assert not page.locator("#changelist-filter").is_visible()
    page.get_by_role("link", name="Filters").click()
    page.get_by_role("link", name="Failed").click()
    page.locator(".action-select").check()
    page.get_by_text("1 video selected").wait_for()
    assert page.get_by_text("This file is protected").is_visible()
    problems.clear()  # the thumbnails have no files
    assert wrong == [], "\n".join(wrong)
