"""What members do with a video, by keyboard alone at a desk and by touch on a phone."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

import pytest
from PIL import Image, ImageStat
from playwright.sync_api import expect

from tests import clips
from tests.browser.input import HANDS, Hand, Keys
from tests.browser.player import seek, state, wait_until
from tests.builders import make_category, make_user
from tests.processes import wait_for
from tests.videos.stored_videos import kept_video
from videos.models import Video, WatchProgress
from videos.services.search_index import index_video

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from accounts.models import User

pytestmark = [
    pytest.mark.browser,
    pytest.mark.ffmpeg,
    pytest.mark.django_db(transaction=True),
]
SECONDS = 70
# The other way to do the same runs with --long.
KEYBOARD = pytest.mark.parametrize(
    "hand", ["keyboard", pytest.param("touch", marks=pytest.mark.long)], indirect=True
)
TOUCH = pytest.mark.parametrize(
    "hand", [pytest.param("keyboard", marks=pytest.mark.long), "touch"], indirect=True
)


@pytest.fixture(params=list(HANDS))
def hand(request: pytest.FixtureRequest) -> Hand:
    return HANDS[request.param]


@pytest.fixture
def video_file(bob: User) -> Video:
    """A video with its storyboard, small enough for one size."""
    return fading_video(bob, size="640x360")


def fading_video(bob: User, *, size: str) -> Video:
    """It fades from black to white, so that the brightness of a frame tells its time."""
    clip = clips.make(
        "mp4",
        *("-f", "lavfi", "-i", f"color=white:size={size}:rate=5:duration={SECONDS}"),
        *clips.tone(SECONDS, "mono"),
        *("-vf", f"fade=t=in:d={SECONDS}", *clips.x264(10, b_frames=0), "-c:a", "aac"),
    )
    video = kept_video(bob, clip)
    Video.objects.filter(pk=video.pk).update(
        title="Dawn over the hills",
        description="The sun is up at 0:50.",
        category=make_category("Nature", created_by=bob),
    )
    index_video(video.pk)
    return Video.objects.get(pk=video.pk)


def begin(page: Page, video: Video) -> None:
    page.goto(video.get_absolute_url())
    wait_until(page, "video.readyState >= 2 && !video.controls")


def is_shown(page: Page, seconds: float) -> bool:
    """Returns whether the preview over the timeline shows this time, judged by its brightness.

    A storyboard has one frame for two seconds.
    """
    picture = Image.open(io.BytesIO(page.locator("media-preview-thumbnail[slot]").screenshot()))
    middle = picture.crop((20, 20, picture.width - 20, picture.height - 20)).convert("L")
    return abs(ImageStat.Stat(middle).mean[0] / 255 * SECONDS - seconds) < 2.5


@KEYBOARD
def test_a_video_is_found_by_its_category_and_watched(
    visit: Callable[..., Page], hand: Hand, video_file: Video
) -> None:
    page = visit(make_user("alice"), **hand.look)
    page.goto("/")
    hand.use(page.get_by_role("link", name="Categories"))
    hand.use(page.get_by_role("link", name="Nature"))
    hand.use(page.get_by_role("link", name=video_file.title))
    page.wait_for_url(f"**{video_file.get_absolute_url()}")
    wait_until(page, "video.readyState >= 2 && !video.controls")
    hand.play_or_pause(page)
    wait_until(page, "!video.paused && video.currentTime > 0.3")
    small = page.get_by_role("button", name="picture in picture mode")
    for element in ("video", None):
        hand.use(small)
        page.wait_for_function(
            "it => document.pictureInPictureElement?.localName == it", arg=element
        )
    hand.play_or_pause(page)
    wait_until(page, "video.paused")
    hand.use(page.get_by_role("link", name="Nature"))
    page.wait_for_url("**/categories/nature/")


def test_the_timeline_shows_what_is_where_and_leads_there(
    visit: Callable[..., Page], hand: Hand, video_file: Video
) -> None:
    page = visit(make_user("alice"), **hand.look)
    begin(page, video_file)
    line = page.locator("media-time-range")
    box = line.bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2

    if isinstance(hand, Keys):
        hand.go_to(line)
        page.keyboard.press("ArrowRight")
        wait_until(page, "Math.abs(video.currentTime - 5) < 0.1")
        page.keyboard.press("End")
        wait_until(page, f"video.currentTime > {SECONDS - 1}")
        # A pointer shows the preview without seeking.
        for share in (0.7, 0.2):
            page.mouse.move(box["x"] + box["width"] * share, middle)
            wait_for(lambda at=share: is_shown(page, at * SECONDS), name="the picture")  # type: ignore[misc]
        assert state(page)["time"] > SECONDS - 1
        return

    hand.use(line)
    wait_until(page, f"Math.abs(video.currentTime - {SECONDS / 2}) < 2")
    fingers = page.context.new_cdp_session(page)

    def touch(kind: str, *shares: float) -> None:
        points = [{"x": box["x"] + box["width"] * it, "y": middle} for it in shares]
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", 0.5)
    for share in (0.7, 0.2):
        touch("touchMove", share)
        wait_for(lambda at=share: is_shown(page, at * SECONDS), name="the picture")  # type: ignore[misc]
    touch("touchEnd")
    wait_until(page, f"Math.abs(video.currentTime - {0.2 * SECONDS}) < 2")


@pytest.mark.long  # test_hls.py chooses it by the pointer in each run
def test_the_size_is_chosen_while_it_plays(
    visit: Callable[..., Page], hand: Hand, bob: User
) -> None:
    page = visit(make_user("alice"), **hand.look)
    begin(page, fading_video(bob, size="1152x640"))
    page.wait_for_function("() => document.querySelector('clip-player').source.hls?.levels.length")
    settings = page.get_by_role("button", name="settings")
    quality = page.get_by_role("menuitem", name=re.compile("^Quality"))
    for size in (480, 640):
        hand.use(settings)
        hand.use(quality)
        hand.use(page.get_by_role("menuitemradio", name=f"{size}p", exact=True))
        expect(quality).to_contain_text(f"{size}p")
        hand.leave_menu(page)
        expect(quality).to_be_hidden()
        if isinstance(hand, Keys):
            expect(settings).to_be_focused()
        if state(page)["paused"]:
            hand.play_or_pause(page)
        wait_until(page, f"video.videoHeight === {size} && video.currentTime > 0.2")


@TOUCH
def test_a_time_in_a_comment_moves_the_player(
    visit: Callable[..., Page], hand: Hand, video_file: Video
) -> None:
    page = visit(make_user("alice"), **hand.look)
    begin(page, video_file)
    hand.write(page.get_by_label("Your comment", exact=True), "1:02 nice")
    hand.use(page.get_by_role("button", name="Comment", exact=True))
    comment = page.get_by_label("Comment by alice")
    expect(comment).to_be_focused()
    hand.use(comment.get_by_role("link", name="1:02"))
    wait_until(page, "video.currentTime >= 62 && !video.paused")
    expect(page.locator("clip-player")).to_be_in_viewport(ratio=0.9)
    hand.play_or_pause(page)
    wait_until(page, "video.paused")
    hand.use(page.locator("#description").get_by_role("link", name="0:50"))
    wait_until(page, "video.currentTime >= 50 && video.currentTime < 60 && !video.paused")
    hand.use(comment.get_by_role("link", name="alice", exact=True))
    page.wait_for_url("**/profile/alice/")


@TOUCH
def test_a_guest_link_is_made_watched_revoked_and_opened_again(
    visit: Callable[..., Page], hand: Hand, video_file: Video, bob: User, problems: list[str]
) -> None:
    page, guest = visit(bob, **hand.look), visit(None, **hand.look)
    begin(page, video_file)
    hand.use(page.get_by_role("button", name="Share", exact=True))
    hand.use(page.get_by_role("link", name="create a guest link"))
    hand.write(page.get_by_label(re.compile("Label")), "Grandma")
    hand.use(page.get_by_role("button", name="Create guest link"))
    expect(page.get_by_role("heading", name="Guest link for Grandma")).to_be_visible()
    hand.use(page.get_by_role("button", name="Copy"))
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    address = page.get_by_label("Guest link", exact=True).input_value()

    guest.goto(address[address.index("/s/") :])
    wait_until(guest, "video.readyState >= 2 && !video.controls")
    hand.use(guest.locator("#description").get_by_role("link", name="0:50"))
    wait_until(guest, "video.currentTime >= 50.5 && !video.paused")
    with guest.expect_response("**/view/") as told:
        hand.play_or_pause(guest)
    assert told.value.status == 204
    assert guest.context.cookies() == []

    hand.use(page.get_by_role("button", name="Revoke Grandma"))
    expect(page.get_by_text("Revoked", exact=True)).to_be_visible()
    answer = guest.reload()
    assert answer is not None
    assert answer.status == 410
    expect(guest.get_by_role("heading", name="This link doesn't work")).to_be_visible()
    hand.use(page.get_by_role("button", name="Undo: open Grandma again"))
    expect(page.get_by_text("Active", exact=True)).to_be_visible()
    guest.reload()
    wait_until(guest, "video.readyState >= 2")
    problems[:] = [said for said in problems if "410" not in said]


@KEYBOARD
def test_one_goes_on_where_one_stopped_on_another_device(
    visit: Callable[..., Page], hand: Hand, video_file: Video
) -> None:
    alice = make_user("alice")
    page = visit(alice, **hand.look)
    page.goto(f"{video_file.get_absolute_url()}?t=20")
    wait_until(page, "video.readyState >= 2 && !video.controls")
    hand.play_or_pause(page)
    wait_until(page, "video.currentTime > 21")
    hand.play_or_pause(page)
    wait_for(lambda: WatchProgress.objects.filter(member=alice).exists())

    other = visit(alice, **hand.look)
    other.goto("/")
    shelf = other.get_by_role("region", name="Continue watching")
    hand.use(shelf.get_by_role("link", name=video_file.title))
    expect(other.locator(".player__hint")).to_contain_text("Resuming at 0:2")
    wait_until(other, "video.currentTime > 20.5 && video.currentTime < 24")

    seek(other, 69)
    hand.play_or_pause(other)
    wait_until(other, "video.ended")
    wait_for(lambda: not WatchProgress.objects.filter(is_finished=False).exists())
    other.goto("/")
    expect(other.get_by_role("region", name="Continue watching")).to_have_count(0)
