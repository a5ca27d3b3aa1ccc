"""Journeys of members in a real browser, from the log-in to the end of a video."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from accounts.models import Role
from accounts.services.invitations import issue_invitation
from accounts.services.passwords import reset_link
from tests import clips
from tests.browser.conftest import PASSWORD
from tests.browser.player import STOPPED, play_to_the_end, seek
from tests.browser.test_hls import (
    is_same_document,
    remember_reloads,
    slow_workers,  # noqa: F401 a fixture
    watch_to_the_end_while_it_is_made,
)
from tests.builders import make_admin, make_category, make_video
from tests.processes import wait_for
from tests.videos.stored_videos import (
    stream_md5,
    used,
)
from videos.models import Video

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Locator, Page

    from accounts.models import User

pytestmark = [
    pytest.mark.browser,
    pytest.mark.ffmpeg,
    pytest.mark.django_db(transaction=True),
]


def named(clip: Path, name: str, folder: Path) -> Path:
    return Path(shutil.copyfile(clip, folder / name))


def log_in(page: Page, name: str) -> None:
    page.goto("/upload/")
    page.get_by_label("Username or e-mail").fill(name)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page).to_have_url("/upload/")


def send_button(page: Page) -> Locator:
    return page.locator("form.upload__form").get_by_role("button", name="Upload")


def test_who_has_a_link_joins_or_chooses_a_password_and_no_log_hears_of_it(
    visit: Callable[..., Page], bob: User
) -> None:
    """A browser that must not send an origin with a form sends `null`, which is refused."""
    invited = issue_invitation(
        email="dora@example.org", role=Role.USER, created_by=make_admin("root_")
    )
    page, told = visit(None), set[str]()
    page.on("request", lambda request: told.add(request.headers.get("referer", "")))

    page.goto(urlsplit(invited.link).path)
    page.get_by_label("Username").fill("dora")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Confirm password").fill(PASSWORD)
    page.get_by_role("button", name="Join").click()
    expect(page.locator("body")).to_contain_text("Welcome, dora.")

    page.goto(urlsplit(reset_link(bob)).path)
    for number in (1, 2):
        page.locator(f"#id_new_password{number}").fill("another horse battery")
    page.get_by_role("button", name="Set new password").click()
    expect(page.get_by_role("heading", name="Your password has been changed")).to_be_visible()

    assert f"{page.evaluate('location.origin')}/" in told
    assert not any(word in it for it in told for word in ("/register/", "/password-reset/M"))


@pytest.mark.parametrize(
    "scripts",
    [
        pytest.param(True, id="scripts"),
        # Its parts always run: the form in tests/videos/views/test_upload.py, the player
        # without scripts in test_hls.py.
        pytest.param(False, id="no scripts", marks=pytest.mark.long),
    ],
)
def test_bob_uploads_videos_and_watches_them_to_the_end(
    visit: Callable[..., Page],
    bob: User,
    slow_workers: int,  # noqa: F811
    tmp_path: Path,
    scripts: bool,
) -> None:
    """With scripts he watches the first one while it is made."""
    make_category("Holidays", created_by=make_admin("boss"))
    phone = named(clips.phone_hevc_mov(seconds=10), "IMG_0042.mov", tmp_path)
    plain = named(clips.h264_mp4(seconds=3), "sea_and_sun.mp4", tmp_path)
    page = visit(None, java_script_enabled=scripts, viewport={"width": 1280, "height": 800})
    page.add_init_script(STOPPED)
    log_in(page, "bob")

    for clip, title, seconds, size in (
        (phone, "Grandma", 10, (180, 320)),
        (plain, "", 3, (320, 180)),
    ):
        send(page, clip, title)
        if scripts:
            page.get_by_role("link", name="Watch").click()
        expect(page).to_have_url(re.compile("/v/"))
        video = Video.objects.get(original_filename=clip.name)
        if scripts:
            remember_reloads(page)
            expect(page.locator("video.player__video")).to_be_visible(timeout=25_000)
            if clip == phone:
                watch_to_the_end_while_it_is_made(page, video, seconds=seconds)
            assert is_same_document(page)
        else:
            wait_for(lambda at=video: Video.objects.get(pk=at.pk).is_ready, seconds=60, name="it")  # type: ignore[misc]
            page.reload()
            expect(page.locator("video.player__video")).to_be_visible()
        expect(page.locator("h1")).to_have_text(title or "sea and sun")
        watcher = page if scripts else visit(bob)
        watcher.goto(video.get_absolute_url())
        plays_and_seeks(watcher, seconds, size)

    assert stream_md5(Video.objects.get(title="sea and sun").file_path) == stream_md5(plain)
    assert used(bob) == phone.stat().st_size + plain.stat().st_size
    assert Video.objects.get(title="Grandma").category is not None


def send(page: Page, clip: Path, title: str) -> None:
    page.goto("/upload/")
    page.locator("#id_file").set_input_files(clip)
    if title:
        page.get_by_label(re.compile("^Title")).fill(title)
        page.get_by_label("Category").select_option(label="Holidays")
    send_button(page).click()


def plays_and_seeks(page: Page, seconds: float, size: tuple[int, int]) -> None:
    told = play_to_the_end(page)
    assert told["error"] is None
    assert told["ended"]
    assert told["time"] == pytest.approx(told["duration"], abs=0.2)
    assert told["duration"] == pytest.approx(seconds, abs=0.3)
    assert (told["width"], told["height"]) == size
    for moment in (0.2, 2.5, 1.0):
        assert seek(page, moment)["time"] == pytest.approx(moment, abs=0.1)


@pytest.mark.long  # in parts: test_processing, views/test_watch, browser/test_uploads
def test_a_failed_video_says_why_and_nothing_is_charged(
    visit: Callable[..., Page], bob: User, workers: int, tmp_path: Path
) -> None:
    page = visit(bob)
    page.goto("/upload/")
    page.locator("#id_file").set_input_files(
        named(clips.text_as_mp4("text"), "letter.mp4", tmp_path)
    )
    send_button(page).click()
    page.get_by_role("link", name=re.compile("Watch|See why")).click()
    expect(page.locator("body")).to_contain_text("We couldn't process this video", timeout=20_000)
    expect(page.get_by_role("link", name="Upload again")).to_be_visible()
    assert used(bob) == 0


def test_a_long_list_goes_on_by_itself_and_by_a_link(visit: Callable[..., Page], bob: User) -> None:
    for number in range(60):
        make_video(f"Video {number}", uploader=bob)
    page = visit(bob)
    page.goto("/")
    for _ in range(20):
        page.mouse.wheel(0, 4000)
        if page.locator("article").count() == 60:
            break
        page.wait_for_timeout(200)
    expect(page.locator("article")).to_have_count(60)

    plain = visit(bob, java_script_enabled=False)
    plain.goto("/")
    expect(plain.locator("article")).to_have_count(24)
    plain.get_by_role("link", name="Show more").click()
    expect(plain.locator("article")).to_have_count(24)
    plain.get_by_role("link", name="Show more").click()
    expect(plain.locator("article")).to_have_count(12)
