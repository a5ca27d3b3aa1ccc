"""Every page in a real browser: no error, nothing that the security policy stops, dark and light;
and pictures of all of them in test-results/ for people to look at."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

import pytest
from playwright.sync_api import expect

from tests import clips
from tests.browser.conftest import results
from tests.builders import make_admin, make_category, make_playlist, make_user, make_video
from tests.videos.films import ready_film
from videos.models import Job, ProcessingStatus
from videos.services.sharing import make_guest_link
from videos.services.talking import write_comment

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from accounts.models import User

pytestmark = [
    pytest.mark.browser,
    pytest.mark.ffmpeg,
    pytest.mark.django_db(transaction=True),
]

STOPPED = """
    window.stopped = [];
    addEventListener("securitypolicyviolation", (event) => window.stopped.push(
        `${event.violatedDirective}: ${event.blockedURI} ${event.sourceFile}`));
"""


@pytest.fixture
def root(transactional_db: None) -> User:
    return make_admin("root_")


@pytest.fixture
def addresses(root: User) -> dict[str, str]:
    """One of each page, with something on it."""
    alice = make_user("alice")
    music = make_category("Music", created_by=root, description="Songs, and what else sounds.")
    film = ready_film(
        root,
        clips.h264_mp4(seconds=3, size="640x360"),
        title="Harvest in the hills",
        category=music,
        description="Line one\n\nhttps://example.org/",
    )
    upright = ready_film(root, clips.phone_h264_mov(), title="Held upright")
    thumbnail: dict[str, Any] = {
        "thumbnail_filename": film.thumbnail_filename,
        "thumbnail_root": film.thumbnail_root,
    }
    for number in range(9):
        make_video(
            f"Film {number}", uploader=alice, category=music, view_count=number * 321, **thumbnail
        )
    make_video("Averylongtitlewithoutanyspaces" * 4, uploader=alice, **thumbnail)
    summer = make_playlist("Summer by the sea", made_by=alice, description="All of it, in order.")
    for place, each in enumerate((upright, film)):
        summer.entries.create(video=each, position=place)
    said = write_comment(video=film, author=alice, text="What a light at 0:02! More of it?")
    write_comment(video=film, author=root, text="Soon, see https://example.org/", reply_to=said)
    answered = make_video("Commented", uploader=alice, **thumbnail)
    mine = write_comment(video=answered, author=root, text="First")
    write_comment(video=answered, author=alice, text="Second", reply_to=mine)
    waiting = make_video("Being made", uploader=root, status=ProcessingStatus.PROCESSING)
    Job.objects.create(video=waiting, progress=42, seconds_left=90)
    failed = make_video("Did not work", uploader=root, status=ProcessingStatus.FAILED)
    guests = make_guest_link(video=film, created_by=root, lifetime=timedelta(days=7), note="Mary")
    return {
        "home": "/",
        "search": "/?q=film",
        "nothing-found": "/?q=nothing-has-this",
        "nothing-found-here": "/?q=nothing-has-this&category=music",
        "directory": "/users/",
        "nobody-found": "/users/?q=zz",
        "upload": "/upload/",
        "watch": film.get_absolute_url(),
        "watch-upright": upright.get_absolute_url(),
        "watch-waiting": waiting.get_absolute_url(),
        "watch-failed": failed.get_absolute_url(),
        "comments": f"{film.get_absolute_url()}comments/",
        "comment-reply": f"{film.get_absolute_url()}comments/{said.pk}/reply/",
        "notices": "/notices/",
        "captions": f"{film.get_absolute_url()}captions/",
        "share": f"{film.get_absolute_url()}share/",
        "guest": f"/s/{guests.token}/",
        "edit": f"{film.get_absolute_url()}edit/",
        "delete": f"{film.get_absolute_url()}delete/",
        "categories": "/categories/",
        "category": music.get_absolute_url(),
        "playlist": summer.get_absolute_url(),
        "playlist-empty": make_playlist("Winter", made_by=root).get_absolute_url(),
        "profile": "/profile/alice/",
        "profile-own": "/profile/root_/",
        "settings": "/settings/",
        "invitations": "/invitations/",
        "missing": "/nothing-here/",
    }


SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
STRANGERS = {"login": "/login/", "password-reset": "/password-reset/", "closed": "/register/none/"}


def look_at(page: Page, path: str) -> None:
    """Opens it and looks that it is whole: no sideways scrolling, pictures there, policy kept."""
    page.goto(path)
    page.wait_for_load_state("load")
    assert page.evaluate("window.stopped") == [], path
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0, f"{path} is {wide} px too wide"
    broken = page.evaluate(
        "[...document.images].filter((it) => it.complete && !it.naturalWidth).map((it) => it.src)"
    )
    assert broken == [], path


def without_missing(problems: list[str]) -> list[str]:
    """A page that is not there says so in the console, too."""
    return [it for it in problems if "404" not in it and "410" not in it]


@pytest.mark.parametrize("width", [390, 1280])
def test_every_page_is_whole_and_keeps_the_security_policy(
    visit: Callable[..., Page],
    root: User,
    addresses: dict[str, str],
    problems: list[str],
    width: int,
) -> None:
    """Also writes what they look like, light and dark, to test-results/screenshots/."""
    for user, pages in ((root, addresses), (None, STRANGERS)):
        page = visit(user, viewport={"width": width, "height": 844 if width < 600 else 800})
        page.add_init_script(STOPPED)
        for name, path in pages.items():
            look_at(page, path)
            for scheme in SCHEMES:
                page.emulate_media(color_scheme=scheme)
                picture = results(f"screenshots/{name}-{width}-{scheme}.png")
                page.screenshot(path=picture, animations="disabled")
    problems[:] = without_missing(problems)


def test_the_admin_keeps_the_security_policy(
    visit: Callable[..., Page], root: User, addresses: dict[str, str], problems: list[str]
) -> None:
    page = visit(root, viewport={"width": 1280, "height": 800})
    page.add_init_script(STOPPED)
    for path in ("/admin/", "/admin/videos/video/", "/admin/accounts/user/"):
        page.goto(path)
        page.wait_for_load_state("load")
        assert page.evaluate("window.stopped") == [], path


def canvas(page: Page) -> float:
    """How light the page's ground is, 0 to 1."""
    light: float = page.evaluate(
        """() => {
            const paint = document.createElement("canvas").getContext("2d");
            for (const part of [document.documentElement, document.body]) {
                paint.fillStyle = getComputedStyle(part).backgroundColor;
                paint.fillRect(0, 0, 1, 1);
            }
            const [red, green, blue] = paint.getImageData(0, 0, 1, 1).data;
            return (red + green + blue) / 765;
        }"""
    )
    return light


def test_pages_follow_the_system_to_dark_and_light(visit: Callable[..., Page], root: User) -> None:
    page = visit(root)
    page.goto("/")
    page.emulate_media(color_scheme="light")
    assert canvas(page) > 0.9
    page.emulate_media(color_scheme="dark")
    assert canvas(page) < 0.2


def test_the_account_menu_opens_and_logs_out(visit: Callable[..., Page], root: User) -> None:
    page = visit(root, viewport={"width": 1280, "height": 800})
    page.goto("/")
    page.get_by_role("button", name="Your account, root_").click()
    page.get_by_role("button", name="Log out").click()
    expect(page).to_have_url("/login/")
    page.goto("/upload/")
    expect(page).to_have_url("/login/?next=/upload/")
