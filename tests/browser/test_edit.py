"""Choosing the thumbnail of a video on its edit page, with and without scripts."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from playwright.sync_api import expect

from clipset.lib.pictures import MAX_BYTES
from tests import clips
from tests.videos.stored_videos import kept_video, run_queue

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import FilePayload, Page

    from accounts.models import User
    from videos.models import Video

pytestmark = [
    pytest.mark.browser,
    pytest.mark.ffmpeg,
    pytest.mark.django_db(transaction=True),
]


@pytest.fixture
def video(bob: User) -> Video:
    return kept_video(
        bob,
        clips.h264_mp4(seconds=6, size="640x360", fps="5", gop=10),
        is_enriched=False,
        title="Harvest in the hills",
    )


def picture(content: bytes | None = None) -> FilePayload:
    if content is None:
        out = io.BytesIO()
        Image.new("RGB", (600, 900), "teal").save(out, "PNG")
        content = out.getvalue()
    return {"name": "mine.png", "mimeType": "image/png", "buffer": content}


def edit_page(page: Page, video: Video) -> Page:
    page.goto(f"{video.get_absolute_url()}edit/")
    return page


def test_a_moment_is_chosen_in_the_video_itself(
    visit: Callable[..., Page], bob: User, video: Video
) -> None:
    page = edit_page(visit(bob), video)
    expect(page.get_by_label("The video, to choose a frame")).to_be_visible()
    page.wait_for_function("document.querySelector('clip-thumbnail video').readyState >= 1")
    page.evaluate("document.querySelector('clip-thumbnail video').currentTime = 4.7")
    page.get_by_role("button", name="Use this frame").click()
    expect(page.get_by_label("Frame from the video")).to_have_value("0:04")
    expect(page.get_by_text("New thumbnail: 0:04.")).to_be_visible()
    seconds = page.evaluate("document.querySelector('clip-thumbnail video').currentTime")
    assert seconds == 4, "what one sees is what one gets"
    page.get_by_role("button", name="Save").click()
    expect(page.locator("h1")).to_have_text("Harvest in the hills")
    expect(page.locator("body")).to_contain_text("The new thumbnail will appear in a moment.")
    video.refresh_from_db()
    before, wanted = video.thumbnail_filename, video.thumbnail_wanted_at
    assert wanted == 4

    note = edit_page(page, video).locator(".thumbnail-form__note")
    expect(note).to_contain_text("from 0:04, will appear")
    run_queue()
    video.refresh_from_db()
    assert video.thumbnail_filename != before
    expect(edit_page(page, video).locator(".thumbnail-form__note")).to_have_count(0)
    poster = page.locator("clip-thumbnail video").get_attribute("poster")
    assert poster is not None
    assert poster.endswith(str(video.thumbnail_filename).removesuffix(".jpg")[-12:])


def test_a_file_is_seen_or_refused_before_it_is_sent(
    visit: Callable[..., Page], bob: User, video: Video, tmp_path: Path
) -> None:
    page = edit_page(visit(bob), video)
    field = page.get_by_label("Upload a thumbnail")
    large = tmp_path / "mine.png"
    with large.open("wb") as out:
        out.truncate(MAX_BYTES + 1)
    field.set_input_files(large)
    said = "document.querySelector('[type=file]').validationMessage"
    assert page.evaluate(said) == "This picture is too large. The limit is 10 MB."
    page.get_by_role("button", name="Save").click()
    expect(page).to_have_url(f"{page.url.split('/v/')[0]}/v/{video.short_id}/edit/")
    page.get_by_role("button", name="Remove file").click()
    assert page.evaluate(said) == ""

    field.set_input_files(picture())
    image = page.get_by_alt_text("Your new thumbnail")
    expect(image).to_be_visible()
    expect(page.locator("clip-thumbnail video")).to_be_hidden()
    box = image.bounding_box()
    assert box is not None
    assert box["width"] / box["height"] == pytest.approx(16 / 9, abs=0.02)
    page.get_by_role("button", name="Remove file").click()
    expect(page.locator("clip-thumbnail video")).to_be_visible()
    expect(field).to_have_value("")

    field.set_input_files(picture())
    page.get_by_role("button", name="Save").click()
    expect(page.locator("h1")).to_have_text("Harvest in the hills")
    video.refresh_from_db()
    assert video.thumbnail_path is not None
    with Image.open(video.thumbnail_path) as stored:
        assert stored.size == (640, 360)


@pytest.mark.long  # views/test_edit.py sends the same form
def test_without_scripts_a_moment_is_typed_and_a_large_file_gets_its_sentence(
    visit: Callable[..., Page], bob: User, video: Video, problems: list[str]
) -> None:
    page = edit_page(visit(bob, java_script_enabled=False), video)
    expect(page.get_by_alt_text("Current thumbnail")).to_be_visible()
    expect(page.get_by_role("button", name="Use this frame")).to_be_hidden()
    page.get_by_label("Upload a thumbnail").set_input_files(picture(b"\0" * (12 * 1024**2)))
    page.get_by_role("button", name="Save").click()
    expect(page.locator("body")).to_contain_text("The limit is 10 MB.")

    edit_page(page, video).get_by_label("Frame from the video").fill("9:99")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("body")).to_contain_text("Enter a time like 1:23.")
    page.get_by_label("Frame from the video").fill("0:03")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("h1")).to_have_text("Harvest in the hills")
    video.refresh_from_db()
    assert video.thumbnail_wanted_at == 3
    # 404: the browser asks for an icon of the plain answer.
    expected = ("413", "422", "404")
    problems[:] = [it for it in problems if not any(code in it for code in expected)]


def test_a_video_that_cannot_be_read_leaves_the_picture_on_the_page(
    visit: Callable[..., Page], bob: User, video: Video, problems: list[str]
) -> None:
    video.file_path.unlink()
    page = edit_page(visit(bob), video)
    expect(page.get_by_alt_text("Current thumbnail")).to_be_visible()
    expect(page.get_by_role("button", name="Use this frame")).to_be_hidden()
    problems[:] = [it for it in problems if "404" not in it]
