"""The upload page: many files at once, and nothing is lost whatever breaks."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from accounts.models import Session
from tests import clips
from tests.builders import make_category, make_playlist, make_user, make_video
from tests.examples import one_in
from tests.processes import wait_for
from tests.videos import live
from tests.videos.stored_videos import set_limits, used
from videos.models import Playlist, ProcessingStatus, Upload, UploadState, Video
from videos.services.uploads.create import VideoDetails, create_upload
from videos.services.uploads.expire import end_upload

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.models import QuerySet
    from playwright.sync_api import CDPSession, Dialog, Locator, Page

    from accounts.models import User

pytestmark = [
    pytest.mark.browser,
    pytest.mark.ffmpeg,
    pytest.mark.django_db(transaction=True),
]

KB = 1024
SLOW = 300 * KB  # bytes a second


@pytest.fixture
def page(visit: Callable[..., Page], bob: User) -> Page:
    opened = visit(bob)
    opened.goto("/upload/")
    return opened


def video_file(folder: Path, name: str, size: int = 200 * KB) -> Path:
    """Makes a file that is no video; no worker processes it here."""
    path = folder / name
    path.write_bytes(os.urandom(size))
    return path


def choose(page: Page, *paths: Path) -> None:
    page.locator("#id_file").set_input_files(list(paths))


def row(page: Page, text: str) -> Locator:
    """Returns the row of the video with this file name or title."""
    return page.locator("[data-list] > li").filter(has_text=text)


def rows(page: Page) -> Locator:
    return page.locator("[data-list] > li")


def send(page: Page) -> None:
    page.locator("form.upload__form [type=submit]").click()


def said(page: Page) -> Locator:
    return page.locator("[data-status]")


def names(page: Page) -> list[str]:
    return page.locator("[data-list] [data-name]").all_text_contents()


def stored(video: Video) -> bytes:
    """Returns the uploaded file."""
    return video.source_file.read_bytes()


def under_way() -> QuerySet[Upload]:
    return Upload.objects.filter(state=UploadState.OPEN)


def throttle(page: Page, bytes_a_second: int) -> CDPSession:
    """Slows the network down until the returned session is detached, to see progress."""
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    conditions = {"offline": False, "latency": 0, "downloadThroughput": -1}
    network.send(
        "Network.emulateNetworkConditions", {**conditions, "uploadThroughput": bytes_a_second}
    )
    return network


def partly_sent(of: Locator) -> None:
    """Waits until a part of the file is uploaded, and not all."""
    expect(of.locator("[data-percent]")).to_have_text(re.compile(r"^([2-9]|[1-8]\d)%"))


def without(problems: list[str], *expected: str) -> None:
    """Removes the failed requests that are expected, which Chromium logs to the console."""
    problems[:] = [it for it in problems if not any(words in it for words in expected)]


# -- choosing -------------------------------------------------------------------------------------
def test_videos_get_titles_by_their_files_or_a_name_and_a_number_and_none_stays_blank(
    page: Page, tmp_path: Path
) -> None:
    choose(
        page,
        video_file(tmp_path, "beach_day.mp4"),
        video_file(tmp_path, "a.mov"),
        video_file(tmp_path, "b.mkv"),
    )
    titles = page.locator("[data-list] [data-title]")
    expect(titles.nth(0)).to_have_value("beach day")
    page.get_by_label("Shared title").fill("Holiday")
    expect(titles.nth(2)).to_have_value("Holiday 3")
    page.get_by_label("Title of a.mov").fill("Mine")
    page.get_by_role("button", name="Move down Holiday 1").click()
    page.get_by_role("button", name="Move down Holiday 1").click()
    assert names(page) == ["a.mov", "b.mkv", "beach_day.mp4"]
    assert [titles.nth(at).input_value() for at in range(3)] == ["Mine", "Holiday 1", "Holiday 2"]
    page.get_by_role("button", name="Remove Holiday 1").click()
    page.get_by_role("button", name="Remove Mine").click()
    expect(titles).to_have_value("beach day")

    titles.fill("  ")
    expect(rows(page)).to_contain_text("Give this video a title.")
    send(page)
    expect(titles).to_be_focused()
    assert not Upload.objects.exists()


def test_a_video_shows_a_frame_of_itself_and_its_length_or_an_icon(
    page: Page, tmp_path: Path
) -> None:
    choose(page, video_file(tmp_path, "a.mkv"), clips.h264_mp4(seconds=3))
    expect(page.locator("[data-list] [data-duration]").nth(1)).to_have_text("0:03")
    shown = page.locator("[data-list] canvas").nth(1)
    expect(shown).to_be_visible()  # after the first one was tried
    expect(row(page, "a.mkv").locator("[data-none]")).to_be_visible()
    colours = shown.evaluate(
        "it => new Set(it.getContext('2d').getImageData(0, 0, it.width, it.height).data).size"
    )
    assert colours > 10


def test_files_are_dropped_and_pasted_anywhere_and_rows_dragged(page: Page, tmp_path: Path) -> None:
    choose(page, *(video_file(tmp_path, f"{name}.mp4") for name in "abc"))
    page.locator("[data-handle]").nth(2).drag_to(
        rows(page).nth(0), target_position={"x": 9, "y": 2}
    )
    assert names(page) == ["c.mp4", "a.mp4", "b.mp4"]
    page.evaluate(
        """() => {
            const carried = (name) => {
                const files = new DataTransfer();
                files.items.add(new File(["x".repeat(2000)], name, { lastModified: 1 }));
                return files;
            };
            const heading = document.querySelector("h1");
            heading.dispatchEvent(
                new DragEvent("drop", { dataTransfer: carried("dropped.mp4"), bubbles: true }));
            heading.dispatchEvent(
                new ClipboardEvent(
                    "paste", { clipboardData: carried("pasted.mp4"), bubbles: true }));
        }"""
    )
    assert names(page)[3:] == ["dropped.mp4", "pasted.mp4"]


def test_twenty_are_taken_at_once_and_the_page_says_which_one_was_not(
    page: Page, tmp_path: Path
) -> None:
    files = [video_file(tmp_path, f"video {number:02}.mp4", 2 * KB) for number in range(21)]
    choose(page, *files)
    expect(rows(page)).to_have_count(20)
    note = page.locator("[data-note]")
    expect(note).to_contain_text(
        "You can upload up to 20 videos at a time. “video 20.mp4” was left out."
    )
    choose(page, files[3])
    expect(note).to_contain_text("“video 03.mp4” is already in the list.")
    expect(rows(page)).to_have_count(20)


@pytest.mark.parametrize(
    ("name", "size", "sentence"),
    one_in(
        2,
        [
            ("setup.exe", 2, "This file type isn't supported."),
            ("empty.mp4", 0, "This file is empty."),
            ("large.mp4", 2 * KB * KB, "This file is 2 MB. The limit is 1 MB per file."),
        ],
    ),
)
def test_what_would_be_refused_is_told_beside_it_and_nothing_is_sent(
    visit: Callable[..., Page], bob: User, tmp_path: Path, name: str, size: int, sentence: str
) -> None:
    set_limits(file=KB * KB)
    page = visit(bob)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.method))
    page.goto("/upload/")
    choose(page, video_file(tmp_path, name, size), video_file(tmp_path, "good.mp4"))
    expect(row(page, name)).to_contain_text(sentence)
    expect(page.locator("[data-sum]")).to_contain_text("1 video, 200 KB.")
    page.get_by_role("button", name="Remove good").click()
    send(page)
    expect(row(page, name).get_by_role("button", name="Remove")).to_be_focused()
    page.get_by_role("button", name="Remove it").click()
    assert names(page) == []
    assert set(asked) == {"GET"}


def test_what_the_week_leaves_is_shown_and_summed_before_anything_is_sent(
    visit: Callable[..., Page], tmp_path: Path
) -> None:
    charlie = make_user("charlie", weekly_upload_bytes=4 * KB**3 - 500 * KB)
    page = visit(charlie)
    page.goto("/upload/")
    expect(page.locator(".quota").first).to_contain_text("500 KB of 4 GB left until Sunday")
    choose(page, *(video_file(tmp_path, f"{name}.mp4") for name in "abc"))
    told = "Not enough quota left. This file is 200 KB, and the videos above it leave 100 KB"
    expect(row(page, "c.mp4")).to_contain_text(told)
    expect(row(page, "b.mp4")).not_to_contain_text("fit")
    page.get_by_role("button", name="Move up c").click()
    expect(row(page, "b.mp4")).to_contain_text(told)
    page.get_by_role("button", name="Remove a").click()
    expect(page.locator("[data-sum]")).to_have_text("2 videos, 400 KB. 100 KB left until Sunday.")
    send(page)
    expect(page.locator("[data-total-percent]")).to_have_text("Upload complete")
    expect(page.locator(".quota").first).to_contain_text("100 KB of 4 GB left until Sunday")
    assert used(charlie) == 4 * KB**3 - 100 * KB
    choose(page, video_file(tmp_path, "last.mp4", 100 * KB))
    send(page)
    expect(page.locator(".quota").first).to_contain_text(
        "You've used your 4 GB for this week. Resets on Sunday."
    )
    expect(page.locator(".quota").first.locator(".bar--full")).to_be_visible()
    expect(page.get_by_text("left until Sunday")).to_be_hidden()


# -- sending --------------------------------------------------------------------------------------
def test_a_batch_goes_with_its_words_into_a_new_playlist_in_its_order(
    page: Page, bob: User, tmp_path: Path, problems: list[str]
) -> None:
    choose(page, *(video_file(tmp_path, f"{name}.mp4") for name in "abc"))
    page.get_by_role("button", name="Move up c").click()
    row(page, "c.mp4").locator("summary").click()
    page.get_by_label("Description of c").fill("At the sea")
    page.locator("#id_playlist").select_option(label="New playlist…")
    expect(page.get_by_label("Playlist name")).to_be_focused()
    send(page)
    expect(page.locator("#id_playlist_title_error")).to_have_text("Enter a name.")
    page.get_by_label("Playlist name").fill("Summer")
    send(page)
    expect(page.locator("[data-total-percent]")).to_have_text("Upload complete")
    expect(said(page)).to_have_text("All uploads finished. You can close this page.")
    playlist = Playlist.objects.get()
    assert (playlist.title, playlist.made_by) == ("Summer", bob)
    entries = playlist.entries.select_related("video")
    assert [entry.video.title for entry in entries] == ["a", "c", "b"]
    assert Video.objects.get(title="c").description == "At the sea"
    without(problems, "422")


def test_progress_is_shown_and_a_video_is_paused_goes_on_and_is_cancelled(
    page: Page, bob: User, tmp_path: Path
) -> None:
    throttle(page, SLOW)
    choose(page, video_file(tmp_path, "a.mp4", 500 * KB), video_file(tmp_path, "b.mp4", 900 * KB))
    send(page)
    first, second = row(page, "a.mp4"), row(page, "b.mp4")
    partly_sent(first)
    expect(first.locator("[data-message]")).to_have_text(
        re.compile(r"\d+ KB/s, a few seconds left")
    )
    expect(page).to_have_title(re.compile(r"^\d+% – Upload"))
    first.get_by_role("button", name="Pause a").click()
    expect(first.get_by_role("button", name="Resume a")).to_be_focused()
    expect(first).to_contain_text("Paused at")
    partly_sent(second)  # the network is not left idle
    second.get_by_role("button", name="Cancel b").click()
    expect(rows(page)).to_have_count(1)
    wait_for(lambda: under_way().count() == 1, name="the end of the cancelled one")
    assert under_way().get().offset_bytes > 0
    first.get_by_role("button", name="Resume a").click()
    expect(first).to_contain_text("Uploaded. Processing will start shortly.")
    video = Video.objects.get()
    assert stored(video) == (tmp_path / "a.mp4").read_bytes()
    assert used(bob) == 500 * KB


def test_all_are_paused_and_cancelled_and_nothing_is_left(
    page: Page, bob: User, tmp_path: Path
) -> None:
    throttle(page, SLOW)
    choose(page, *(video_file(tmp_path, f"{name}.mp4", 900 * KB) for name in "ab"))
    page.locator("#id_playlist").select_option(label="New playlist…")
    page.get_by_label("Playlist name").fill("Summer")
    send(page)
    partly_sent(row(page, "a.mp4"))
    assert used(bob) == 1800 * KB  # also for those that wait
    assert Playlist.objects.get().title == "Summer"
    page.get_by_role("button", name="Pause all").click()
    expect(page.get_by_role("button", name="Resume all", exact=True)).to_be_focused()
    expect(page.locator("[data-list]")).to_contain_text("Paused")
    page.get_by_role("button", name="Resume all", exact=True).click()
    partly_sent(row(page, "a.mp4"))
    page.get_by_role("button", name="Cancel all").click()
    expect(rows(page)).to_have_count(0)
    wait_for(lambda: used(bob) == 0, name="what was reserved")
    wait_for(
        lambda: not [it for it in Upload.objects.all() if it.folder_path.exists()],
        name="the end of the files",
    )
    assert not Video.objects.exists()
    wait_for(lambda: not Playlist.objects.exists(), name="the end of what was made for them")
    expect(page.get_by_label("Playlist name")).to_have_value("Summer")


def test_it_goes_on_by_itself_when_the_network_or_the_storage_is_back(
    page: Page, site: live.Server, tmp_path: Path, problems: list[str]
) -> None:
    slow = throttle(page, SLOW)
    choose(page, video_file(tmp_path, "a.mp4", 900 * KB))
    send(page)
    partly_sent(rows(page))
    page.context.set_offline(True)
    expect(rows(page)).to_contain_text("You're offline. The upload will resume when you reconnect.")
    page.context.set_offline(False)
    expect(rows(page)).to_contain_text("Uploaded. Processing will start shortly.")
    assert stored(Video.objects.get()) == (tmp_path / "a.mp4").read_bytes()
    slow.detach()

    choose(page, video_file(tmp_path, "b.mp4"))
    temp, away = site.media / "temp", site.media / "unmounted"
    temp.rename(away)
    send(page)
    said = "The site's storage isn't available right now. Trying again in"
    expect(row(page, "b.mp4")).to_contain_text(said)
    away.rename(temp)
    expect(row(page, "b.mp4")).to_contain_text("Uploaded.")
    without(problems, "ERR_INTERNET_DISCONNECTED", "503")


def test_whoever_was_logged_out_logs_in_elsewhere_and_it_goes_on(
    page: Page, bob: User, site: live.Server, tmp_path: Path, problems: list[str]
) -> None:
    choose(page, video_file(tmp_path, "a.mp4"))
    Session.objects.all().delete()
    send(page)
    expect(rows(page)).to_contain_text("You were logged out.")
    expect(rows(page).get_by_role("link", name="Log in again (opens a new tab)")).to_be_visible()
    for user, told in ((make_user("charlie"), "Someone else is logged in"), (bob, "Uploaded.")):
        session = live.Visitor(site, user).session
        page.context.add_cookies([{"name": "sessionid", "value": session, "url": site.url}])
        page.get_by_role("button", name="I've logged in").click()
        expect(rows(page)).to_contain_text(told)
    assert Video.objects.get().uploaded_by == bob
    without(problems, "401", "403")


def test_it_goes_on_past_a_video_that_the_site_refuses(
    page: Page, tmp_path: Path, problems: list[str]
) -> None:
    """The file fitted when the page was loaded; meanwhile the limit was lowered."""
    choose(
        page,
        video_file(tmp_path, "large.mp4", 300 * KB),
        video_file(tmp_path, "small.mp4", 30 * KB),
    )
    set_limits(file=100 * KB)
    send(page)
    expect(row(page, "large.mp4")).to_contain_text("This file is larger than 100 KB")
    expect(row(page, "small.mp4")).to_contain_text("Uploaded.")
    expect(said(page)).to_contain_text("1 failed")
    set_limits(file=KB * KB)
    row(page, "large.mp4").get_by_role("button", name="Try again: large").click()
    expect(row(page, "large.mp4")).to_contain_text("Uploaded.")
    assert Video.objects.count() == 2
    without(problems, "413")


# -- unfinished uploads ---------------------------------------------------------------------------
def is_anything_written() -> bool:
    return Upload.objects.exclude(writer_token="").exists()


def leave_unfinished(page: Page, *files: Path) -> None:
    """Pauses the first upload and closes the tab."""
    throttle(page, SLOW)
    choose(page, *files)
    send(page)
    partly_sent(row(page, files[0].name))
    page.get_by_role("button", name="Pause all").click()
    # The network is slow only while the page is open, so no request may be pending before.
    expect(row(page, files[0].name)).to_contain_text("Paused")
    wait_for(lambda: not is_anything_written(), name="the end of what was on its way")
    page.close()


def test_three_videos_arrive_though_the_server_stops_in_the_second_and_the_page_is_reloaded(
    page: Page,
    bob: User,
    site: live.Server,
    static_files: Path,
    tmp_path: Path,
    problems: list[str],
) -> None:
    page.on("dialog", lambda dialog: dialog.accept())  # "leave this page?"
    sizes = {"a": 400 * KB, "b": 2 * KB * KB, "c": 400 * KB}
    files = [video_file(tmp_path, f"{name}.mp4", size) for name, size in sizes.items()]
    with live.server(site.media, static_files, tmp_path / "first.log") as mortal:
        address = f"{mortal.url}/upload/"
        page.goto(address)
        slow = throttle(page, SLOW)
        choose(page, *files)
        page.get_by_label("Title of c.mp4").fill("Typed once")
        send(page)
        expect(row(page, "a.mp4")).to_contain_text("Uploaded. Processing will start shortly.")
        partly_sent(row(page, "b.mp4"))
        second = Upload.objects.get(filename="b.mp4").source_path
        wait_for(lambda: second.stat().st_size > 0, name="what the site has written of it")
        for pid in (mortal.pid, *mortal.workers()):
            os.kill(pid, signal.SIGKILL)
    expect(row(page, "b.mp4")).to_contain_text("Can't reach the server. Trying again in")
    assert 0 < second.stat().st_size < sizes["b"]

    with live.server(site.media, static_files, tmp_path / "second.log", port=mortal.port):
        page.goto(address)
        slow.detach()
        unfinished = page.locator("[data-unfinished-list] > li")
        expect(unfinished).to_have_count(2)
        expect(unfinished.filter(has_text="b.mp4")).to_contain_text("of 2 MB")
        expect(unfinished.filter(has_text="c.mp4")).to_contain_text("Typed once")
        choose(page, *files[1:])
        expect(row(page, "b.mp4")).to_contain_text("Uploaded.")
        expect(row(page, "c.mp4")).to_contain_text("Uploaded.")
        expect(page.locator("[data-unfinished]")).to_be_hidden()
        page.close()  # the page asks for their states

    videos = Video.objects.order_by("title")
    assert [video.title for video in videos] == ["Typed once", "a", "b"]
    for video, file in zip(videos, [files[2], files[0], files[1]], strict=True):
        assert stored(video) == file.read_bytes()
    assert used(bob) == sum(sizes.values())
    without(problems, "ERR_", "503")


def test_what_is_unfinished_goes_on_with_its_own_file_only_or_is_ended(
    visit: Callable[..., Page], bob: User, page: Page, tmp_path: Path
) -> None:
    right, other = (video_file(tmp_path, f"{name}.mp4", 2 * KB * KB) for name in ("right", "other"))
    leave_unfinished(page, right, other)
    page = visit(bob)  # another device is told as well
    page.goto("/upload/")
    (tmp_path / "elsewhere").mkdir()
    wrong = video_file(tmp_path / "elsewhere", "right.mp4", 2 * KB * KB + 1)
    unfinished = page.locator("[data-unfinished-list] > li")
    expect(unfinished).to_have_count(2)
    unfinished.filter(has_text="right.mp4").locator("input").set_input_files(wrong)
    expect(page.locator("[data-wrong]")).to_have_text(
        "You chose “right.mp4” (2 MB, 2,097,153 bytes). "
        "To continue, choose “right.mp4” (2 MB, 2,097,152 bytes)."
    )
    assert not Video.objects.exists()
    unfinished.filter(has_text="right.mp4").locator("input").set_input_files(right)
    expect(row(page, "right.mp4")).to_contain_text("Uploaded.")
    assert stored(Video.objects.get()) == right.read_bytes()
    page.get_by_role("button", name="Discard the upload of other").click()
    expect(page.locator("[data-unfinished]")).to_be_hidden()
    expect(said(page)).to_contain_text("Upload of other discarded.")
    assert used(bob) == 2 * KB * KB


def test_what_lay_too_long_is_sent_again_with_all_that_was_typed(
    visit: Callable[..., Page], bob: User, page: Page, tmp_path: Path, problems: list[str]
) -> None:
    playlist = make_playlist("Summer", made_by=bob)
    right = video_file(tmp_path, "right.mp4")
    upload = create_upload(
        user=bob,
        size=right.stat().st_size,
        filename=right.name,
        details=VideoDetails(
            title="Typed once",
            description="At the sea",
            category=make_category("Nature"),
            playlist=playlist,
        ),
        metadata="",
    )
    page.reload()
    expect(page.locator("[data-unfinished-list] > li")).to_have_count(1)
    end_upload(upload=upload)
    choose(page, right)
    expect(row(page, "right.mp4")).to_contain_text("Try again to start over.")
    row(page, "right.mp4").get_by_role("button", name="Try again: Typed once").click()
    expect(row(page, "right.mp4")).to_contain_text("Uploaded.")
    video = Video.objects.get()
    assert video.category is not None
    assert (video.title, video.description) == ("Typed once", "At the sea")
    assert (video.category.name, playlist.entries.get().video) == ("Nature", video)
    without(problems, "404", "410")


def test_whoever_used_up_the_week_goes_on_with_what_is_unfinished(
    visit: Callable[..., Page], bob: User, page: Page, tmp_path: Path
) -> None:
    right = video_file(tmp_path, "right.mp4", 2 * KB * KB)
    leave_unfinished(page, right)
    type(bob).objects.update(weekly_upload_bytes=4 * KB**3, last_upload_reset=timezone.now())
    page = visit(bob)
    page.goto("/upload/")
    expect(page.locator("#id_file")).to_have_count(0)
    expect(page.locator("main")).to_contain_text("4 GB")
    expect(page.locator("main")).to_contain_text("Sunday")
    page.locator("[data-unfinished-list] input").set_input_files(right)
    expect(row(page, "right.mp4")).to_contain_text("Uploaded.")


def test_while_sending_leaving_is_asked_about(page: Page, tmp_path: Path) -> None:
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    network = throttle(page, SLOW)
    choose(page, video_file(tmp_path, "a.mp4", 2 * KB * KB))
    send(page)
    partly_sent(row(page, "a.mp4"))
    page.close(run_before_unload=True)
    wait_for(lambda: page.evaluate("1") and asked == ["beforeunload"], name="the question")
    network.detach()
    expect(row(page, "a.mp4")).to_contain_text("Uploaded.")


@pytest.mark.long  # starts another browser
@pytest.mark.chromium
@pytest.mark.parametrize("browser", ["chromium"], indirect=True)
def test_while_sending_the_screen_stays_on(page: Page, tmp_path: Path) -> None:
    page.evaluate(
        """() => {
            const real = navigator.wakeLock.request.bind(navigator.wakeLock);
            window.locks = [];
            navigator.wakeLock.request = async (kind) => {
                const lock = await real(kind);
                window.locks.push(lock);
                return lock;
            };
        }"""
    )
    network = throttle(page, SLOW)
    choose(page, video_file(tmp_path, "a.mp4", 2 * KB * KB))
    send(page)
    partly_sent(row(page, "a.mp4"))
    page.wait_for_function("() => window.locks.length === 1 && !window.locks[0].released")
    network.detach()
    expect(row(page, "a.mp4")).to_contain_text("Uploaded.")
    page.wait_for_function("() => window.locks[0].released")


# -- afterwards -----------------------------------------------------------------------------------
def test_the_state_of_each_is_followed_with_links(page: Page, tmp_path: Path) -> None:
    choose(page, video_file(tmp_path, "a.mp4"), video_file(tmp_path, "b.mp4"))
    send(page)
    expect(page.locator("[data-total-percent]")).to_have_text("Upload complete")
    good, bad = Video.objects.get(title="a"), Video.objects.get(title="b")
    watch = row(page, "a.mp4").get_by_role("link", name="Watch")
    expect(watch).to_have_attribute("href", good.get_absolute_url())
    expect(row(page, "a.mp4").get_by_role("link", name="Edit")).to_have_attribute(
        "href", f"{good.get_absolute_url()}edit/"
    )
    Video.objects.filter(pk=good.pk).update(processing_status=ProcessingStatus.COMPLETED)
    Video.objects.filter(pk=bad.pk).update(
        processing_status=ProcessingStatus.FAILED, error_message="This file holds no picture."
    )
    expect(row(page, "a.mp4")).to_contain_text("Ready to watch")
    expect(row(page, "b.mp4")).to_contain_text("This file holds no picture.")


def test_a_file_that_was_sent_before_is_told_and_may_go_or_stay(page: Page, tmp_path: Path) -> None:
    choose(page, video_file(tmp_path, "a.mp4"))
    send(page)
    expect(rows(page)).to_contain_text("Uploaded.")
    first = Video.objects.get()
    page.goto("/upload/")
    copy = tmp_path / "copy.mp4"
    copy.write_bytes((tmp_path / "a.mp4").read_bytes())
    choose(page, copy)
    send(page)
    twin = rows(page).locator("[data-duplicate]")
    expect(twin).to_contain_text("You've already uploaded this file: a.")
    expect(twin.get_by_role("link")).to_have_attribute("href", first.get_absolute_url())
    twin.get_by_role("button", name="Remove this one").click()
    expect(rows(page)).to_contain_text("Removed")
    assert Video.objects.outside_trash().get() == first


def test_a_batch_is_sent_by_the_keyboard_alone(page: Page, bob: User, tmp_path: Path) -> None:
    playlist = make_playlist("Summer", made_by=bob)
    playlist.entries.create(video=make_video(), position=0)
    page.goto("/upload/")
    choose(page, video_file(tmp_path, "a.mp4"), video_file(tmp_path, "b.mp4"))

    def tab_to(name: str) -> None:
        wanted = page.locator(":focus").and_(page.locator(f'[aria-label="{name}"], #{name}'))
        for _ in range(40):
            if wanted.count():
                return
            page.keyboard.press("Tab")
        raise AssertionError(f"the keyboard does not reach {name}")

    def press(*keys: str) -> None:
        for key in keys:
            page.keyboard.press(key)

    page.locator("h1").evaluate("it => { it.tabIndex = -1; it.focus(); }")
    tab_to("id_file")
    tab_to("Move down a")
    press("Enter")
    expect(page.get_by_role("button", name="Move up a")).to_be_focused()
    expect(said(page)).to_have_text("a: now 2 of 2.")
    tab_to("Remove a")
    tab_to("id_common_name")
    page.keyboard.type("Day")
    tab_to("id_playlist")
    press("ArrowDown")
    for _ in range(3):
        if page.locator("[type=submit]:focus").count():
            break
        press("Tab")
    press("Enter")
    expect(page.get_by_role("link", name="Go to your videos")).to_be_focused()
    entries = playlist.entries.select_related("video")[1:]
    assert [(entry.video.original_filename, entry.video.title) for entry in entries] == [
        ("b.mp4", "Day 1"),
        ("a.mp4", "Day 2"),
    ]
